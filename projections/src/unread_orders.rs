//! Orders that are only published and that are to be read at their stores: the queue of that, and what of it cannot be read.

use std::collections::{BTreeSet, HashMap};

use domain::resource::{Reading, ResourceEvent};
use domain::{IntegrationId, ResourceId};
use sqlx::FromRow;

use crate::schema::Schema;
use crate::table::{self, Tables, table_row};
use crate::view::View;
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};
use storage::{Database, Sql};

pub const VIEW: View = View {
    name: "unread_orders",
    schema: Schema {
        version: 1,
        tables: &["unread_orders"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/unread_orders.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

table_row!(UnreadOrder, "unread_orders", key id;
    once account_id, integration_id, listed_at;
    changing due_at, set_at, caused_by, reading);

const COLUMNS: &str = "id, account_id, integration_id, listed_at, due_at, set_at, caused_by, reading";

/// An order that is to be read. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct UnreadOrder {
    /// Of the order's stream.
    pub id: String,
    pub account_id: String,
    pub integration_id: String,
    /// Its place in lists.
    pub listed_at: Position,
    pub due_at: Option<i64>,
    set_at: Option<i64>,
    /// The position of the event from which the next try follows.
    pub caused_by: Position,
    /// JSON.
    reading: String,
}

impl UnreadOrder {
    fn new(recorded: &Recorded, reading: &Reading) -> Option<Self> {
        let mut row = Self {
            id: recorded.aggregate_id.clone(),
            account_id: recorded.account_id?.to_string(),
            integration_id: recorded.integration_id?.to_string(),
            listed_at: recorded.position,
            due_at: None,
            set_at: None,
            caused_by: recorded.position,
            reading: String::new(),
        };
        row.take_over(recorded, reading);
        Some(row)
    }

    fn take_over(&mut self, recorded: &Recorded, reading: &Reading) {
        let due_at = reading.due_at.map(|at| at.timestamp_micros());
        if due_at != self.due_at {
            self.set_at = due_at.map(|_| recorded.recorded_at_us());
        }
        self.due_at = due_at;
        self.caused_by = recorded.position;
        self.reading = serde_json::to_string(reading).expect("plain values are always JSON");
    }

    pub fn resource_id(&self) -> Option<ResourceId> {
        self.id.parse().ok()
    }

    pub fn integration_id(&self) -> Option<IntegrationId> {
        self.integration_id.parse().ok()
    }

    /// What the aggregate says of it.
    pub fn reading(&self) -> Option<Reading> {
        serde_json::from_str(&self.reading).ok()
    }
}

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let of_readings: Vec<(&Recorded, &ResourceEvent)> = events.iter().filter_map(of_reading).collect();
    let ids: BTreeSet<&str> = of_readings.iter().map(|(recorded, _)| recorded.aggregate_id.as_str()).collect();
    let known: Vec<UnreadOrder> = table::read(tables, &ids.into_iter().collect::<Vec<_>>()).await?;
    let known: HashMap<String, UnreadOrder> = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows = known.clone();
    for (recorded, event) in of_readings {
        let id = &recorded.aggregate_id;
        match (rows.get(id).and_then(UnreadOrder::reading), event) {
            (None, ResourceEvent::OrderAnnounced(announcement)) => {
                rows.extend(UnreadOrder::new(recorded, &Reading::first(announcement)).map(|row| (id.clone(), row)));
            }
            (None, _) => {}
            (Some(mut reading), event) => {
                reading.apply(event);
                if !reading.is_unread() {
                    rows.remove(id);
                } else if let Some(row) = rows.get_mut(id) {
                    row.take_over(recorded, &reading);
                }
            }
        }
    }
    let read: Vec<&str> = known.keys().filter(|id| !rows.contains_key(*id)).map(String::as_str).collect();
    if !read.is_empty() {
        let delete = Sql::new(format!("DELETE FROM {} WHERE id IN (", tables.name("unread_orders")));
        tables.execute(delete.bind_list(read).push(")")).await?;
    }
    let mut rows: Vec<UnreadOrder> = rows.into_values().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    table::write_changed(tables, &rows, &known, |row| &row.id).await
}

/// Whether the view changes with an event.
pub fn is_shown(recorded: &Recorded) -> bool {
    of_reading(recorded).is_some()
}

/// An event about whether an order is read.
fn of_reading(recorded: &Recorded) -> Option<(&Recorded, &ResourceEvent)> {
    let AnyEvent::Resource(event) = &recorded.event else { return None };
    match event {
        ResourceEvent::ResourceReported(_) => None,
        ResourceEvent::OrderAnnounced(_)
        | ResourceEvent::OrderRead { .. }
        | ResourceEvent::OrderReadFailed(_)
        | ResourceEvent::OrderReadRequested { .. }
        | ResourceEvent::OrderReadMoved { .. }
        | ResourceEvent::OrderReadGivenUp { .. } => Some((recorded, event)),
    }
}

fn select() -> Sql {
    Sql::new(format!("SELECT {COLUMNS} FROM unread_orders WHERE "))
}

/// What is due at `now`, the longest due first, but for these integrations and for what became due before `since`.
pub async fn due(
    database: &Database,
    (since, now): (i64, i64),
    without: &[String],
    limit: i64,
) -> sqlx::Result<Vec<UnreadOrder>> {
    let mut sql = select().push("due_at BETWEEN ").bind(since).push(" AND ").bind(now);
    if !without.is_empty() {
        sql = sql.push(" AND integration_id NOT IN (").bind_list(without.iter().map(String::as_str)).push(")");
    }
    database.fetch_all(sql.push(" ORDER BY due_at LIMIT ").bind(limit)).await
}

/// What is due later and was set by a clock that is ahead of `now`: the moment may be wrong.
pub async fn set_ahead(database: &Database, now: i64, limit: i64) -> sqlx::Result<Vec<UnreadOrder>> {
    let sql = select().push("due_at > ").bind(now).push(" AND set_at > ").bind(now);
    database.fetch_all(sql.push(" ORDER BY set_at LIMIT ").bind(limit)).await
}

#[derive(FromRow)]
struct Number {
    number: Option<i64>,
}

/// The next moment after `now` at which something becomes due.
pub async fn next_due_at(database: &Database, now: i64) -> sqlx::Result<Option<i64>> {
    let sql = Sql::new("SELECT min(due_at) AS number FROM unread_orders WHERE due_at > ").bind(now);
    Ok(database.fetch_one::<Number>(sql).await?.number)
}

/// How many are due at `now`; counted up to ten thousand.
pub async fn depth(database: &Database, now: i64) -> sqlx::Result<i64> {
    let sql = Sql::new("SELECT count(*) AS number FROM (SELECT 1 AS one FROM unread_orders WHERE due_at <= ")
        .bind(now)
        .push(" LIMIT 10000) due");
    Ok(database.fetch_one::<Number>(sql).await?.number.unwrap_or(0))
}

/// Orders of an integration that are to be read, the longest unread first, from after a place in the list.
pub async fn page(
    database: &Database,
    integration_id: &str,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<UnreadOrder>> {
    let sql = select().push("integration_id = ").bind(integration_id);
    database.fetch_all(sql.push(" AND listed_at > ").bind(after).push(" ORDER BY listed_at LIMIT ").bind(limit)).await
}
