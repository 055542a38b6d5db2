//! Connected stores, as the service watches them: what is to be done at them when, and what came of it.

pub mod days;

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};

use cqrs_es::Aggregate as _;
use domain::store::{Store, StoreEvent};
use domain::{AccountId, IntegrationId};
use sqlx::FromRow;

use crate::json::storable_json;
use crate::schema::Schema;
use crate::table::{self, Tables, table_row};
use crate::view::View;
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};
use storage::{Database, Sql};

pub const VIEW: View = View {
    name: "stores",
    schema: Schema {
        version: 2,
        tables: &["stores", "store_days"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/stores.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

table_row!(StoreRow, "stores", key id; once account_id, lane; changing due_at, caused_by, state);

const COLUMNS: &str = "id, account_id, lane, due_at, caused_by, state";

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StoreRow {
    /// Of the integration.
    pub id: String,
    pub account_id: String,
    /// Of the lanes of its account, in each of which one store is worked on at a time.
    pub lane: String,
    /// When something is to be done at it, in microseconds since 1970. None while it cannot be called.
    pub due_at: Option<i64>,
    /// Position of its latest event.
    pub caused_by: Position,
    /// JSON: what the aggregate says of it.
    pub state: String,
}

/// Stores of an account that are worked on at the same time.
const LANES: u8 = 4;

/// One of the lanes of an account: a store that is slow holds up those of its lane, and none of another account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    pub account_id: AccountId,
    number: u8,
}

impl Lane {
    pub fn of(account_id: AccountId, id: IntegrationId) -> Self {
        let [.., last] = id.0.into_bytes();
        Self { account_id, number: last % LANES }
    }
}

impl Display for Lane {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account_id, self.number)
    }
}

impl StoreRow {
    /// What the aggregate says of it.
    pub fn store(&self) -> Store {
        serde_json::from_str(&self.state).unwrap_or_default()
    }
}

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    days::apply(tables, events).await?;
    let mut ids: Vec<&str> =
        events.iter().filter_map(of_store).map(|(recorded, _)| recorded.aggregate_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let known: Vec<StoreRow> = table::read(tables, &ids).await?;
    let known: HashMap<String, StoreRow> = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows = known.clone();
    for (recorded, event) in events.iter().filter_map(of_store) {
        if !rows.contains_key(&recorded.aggregate_id) {
            rows.extend(StoreRow::first(recorded).map(|row| (row.id.clone(), row)));
        }
        if let Some(row) = rows.get_mut(&recorded.aggregate_id) {
            row.apply(recorded.position, event);
        }
    }
    let mut rows: Vec<StoreRow> = rows.into_values().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    table::write_changed(tables, &rows, &known, |row| &row.id).await
}

/// Whether the view changes with an event.
pub fn is_shown(recorded: &Recorded) -> bool {
    of_store(recorded).is_some()
}

fn of_store(recorded: &Recorded) -> Option<(&Recorded, &StoreEvent)> {
    let AnyEvent::Store(event) = &recorded.event else { return None };
    Some((recorded, event))
}

impl StoreRow {
    fn first(recorded: &Recorded) -> Option<Self> {
        let lane = Lane::of(recorded.account_id?, recorded.integration_id?);
        Some(Self {
            id: recorded.aggregate_id.clone(),
            account_id: lane.account_id.to_string(),
            lane: lane.to_string(),
            due_at: None,
            caused_by: recorded.position,
            state: storable_json(&Store::default()),
        })
    }

    fn apply(&mut self, position: Position, event: &StoreEvent) {
        let mut store = self.store();
        store.apply(event.clone());
        self.due_at = store.due_at().map(|at| at.timestamp_micros());
        self.caused_by = position;
        self.state = storable_json(&store);
    }
}

fn select() -> Sql {
    Sql::new(format!("SELECT {COLUMNS} FROM stores WHERE "))
}

pub async fn find_many(database: &Database, ids: &[String]) -> sqlx::Result<Vec<StoreRow>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    database.fetch_all(select().push("id IN (").bind_list(ids.iter().map(String::as_str)).push(")")).await
}

/// What is due at `now`, the longest due first, but for those of these lanes and for what became due before `since`.
pub async fn due(
    database: &Database,
    (since, now): (i64, i64),
    without: &[String],
    limit: i64,
) -> sqlx::Result<Vec<StoreRow>> {
    let mut sql = select().push("due_at BETWEEN ").bind(since).push(" AND ").bind(now);
    if !without.is_empty() {
        sql = sql.push(" AND lane NOT IN (").bind_list(without.iter().map(String::as_str)).push(")");
    }
    database.fetch_all(sql.push(" ORDER BY due_at LIMIT ").bind(limit)).await
}

/// What is due after a moment, the furthest off first.
pub async fn due_after(database: &Database, moment: i64, limit: i64) -> sqlx::Result<Vec<StoreRow>> {
    database.fetch_all(select().push("due_at > ").bind(moment).push(" ORDER BY due_at DESC LIMIT ").bind(limit)).await
}

#[derive(FromRow)]
struct Moment {
    moment: Option<i64>,
}

/// The next moment after `now` at which something becomes due.
pub async fn next_due_at(database: &Database, now: i64) -> sqlx::Result<Option<i64>> {
    let sql = Sql::new("SELECT min(due_at) AS moment FROM stores WHERE due_at > ").bind(now);
    Ok(database.fetch_one::<Moment>(sql).await?.moment)
}
