//! What comparing the orders of a store found, day by day: what the store says that it changed, and what had come of it.

use std::collections::HashMap;

use domain::store::{OrdersCompared, StoreEvent};
use sqlx::FromRow;

use super::of_store;
use crate::table::{self, Tables, table_row};
use event_log::recorded::Recorded;
use storage::{Database, Sql};

table_row!(DayRow, "store_days", key id; once integration_id, day;
    changing comparisons, changed, received, fetched, polled, unchanged, unreadable, longest_delay_ms);

const COLUMNS: &str =
    "id, integration_id, day, comparisons, changed, received, fetched, polled, unchanged, unreadable, longest_delay_ms";

/// A day of a store, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct DayRow {
    /// The integration and the day.
    pub id: String,
    pub integration_id: String,
    /// Days since 1970.
    pub day: i64,
    /// How often its orders were compared.
    pub comparisons: i64,
    /// Orders that the store changed; of them those that came by webhook, were fetched, say nothing new, cannot be read.
    pub changed: i64,
    pub received: i64,
    pub fetched: i64,
    /// Were fetched since the store is asked in place of webhooks.
    pub polled: i64,
    pub unchanged: i64,
    pub unreadable: i64,
    /// The longest time between the change of an order and when it was fetched.
    pub longest_delay_ms: Option<i64>,
}

pub(super) async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let found = || {
        events.iter().filter_map(of_store).filter_map(|(recorded, event)| {
            let StoreEvent::OrdersCompared(found) = event else { return None };
            Some((recorded.aggregate_id.as_str(), found))
        })
    };
    let mut ids: Vec<String> = found().map(|(id, found)| id_of(id, found)).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let known: Vec<DayRow> = table::read(tables, &ids).await?;
    let known: HashMap<String, DayRow> = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows = known.clone();
    for (integration_id, found) in found() {
        let id = id_of(integration_id, found);
        let row = rows.entry(id.clone()).or_insert_with(|| DayRow {
            id,
            integration_id: integration_id.to_owned(),
            day: day(found),
            comparisons: 0,
            changed: 0,
            received: 0,
            fetched: 0,
            polled: 0,
            unchanged: 0,
            unreadable: 0,
            longest_delay_ms: None,
        });
        row.add(found);
    }
    let mut rows: Vec<DayRow> = rows.into_values().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    table::write_changed(tables, &rows, &known, |row| &row.id).await
}

fn day(found: &OrdersCompared) -> i64 {
    found.at.timestamp().div_euclid(24 * 60 * 60)
}

fn id_of(integration_id: &str, found: &OrdersCompared) -> String {
    format!("{integration_id}/{}", day(found))
}

impl DayRow {
    fn add(&mut self, found: &OrdersCompared) {
        self.comparisons += 1;
        self.changed += i64::from(found.changed);
        self.received += i64::from(found.received);
        if found.polled {
            self.polled += i64::from(found.fetched);
        } else {
            self.fetched += i64::from(found.fetched);
        }
        self.unchanged += i64::from(found.unchanged);
        // Once each, however often it is tried.
        let unreadable = found.unreadable.iter().filter(|order| order.tries == 1).count();
        self.unreadable += i64::try_from(unreadable).unwrap_or(i64::MAX);
        let longest = found.longest_delay_ms.filter(|_| !found.polled);
        let delay = longest.and_then(|delay| i64::try_from(delay).ok());
        self.longest_delay_ms = self.longest_delay_ms.max(delay);
    }
}

/// The days of a store from one on, the earliest first.
pub async fn since(database: &Database, integration_id: &str, day: i64, limit: i64) -> sqlx::Result<Vec<DayRow>> {
    let sql = Sql::new(format!("SELECT {COLUMNS} FROM store_days WHERE integration_id = ")).bind(integration_id);
    database.fetch_all(sql.push(" AND day >= ").bind(day).push(" ORDER BY day LIMIT ").bind(limit)).await
}
