//! The queue: which deliveries are to be taken up, and when.

use std::collections::HashMap;

use domain::delivery::{DeliveryEvent, DeliveryStatus, Started, WebhookOutcome};
use sqlx::FromRow;

use crate::database::{Database, Sql};
use crate::feed::{Recorded, delivery_facts};
use crate::progress::Progress;
use crate::schema::Schema;
use crate::table::{self, Tables, table_row};

pub(crate) const SCHEMA: Schema = Schema {
    version: 3,
    tables: &["due_deliveries"],
    statements: include_str!("../../migrations/views/due_deliveries.sql"),
};

table_row!(DueDelivery, "due_deliveries", key delivery_id;
    once account_id, integration_id;
    changing status, resolution_code, due_at, set_at, caused_by);

/// A delivery that is due at a moment (microseconds since 1970), or at none.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct DueDelivery {
    pub delivery_id: String,
    pub account_id: String,
    pub integration_id: String,
    pub status: String,
    pub resolution_code: Option<String>,
    pub due_at: Option<i64>,
    /// When that was recorded.
    pub set_at: Option<i64>,
    /// The position of the event that put it where it is: what an attempt follows from.
    pub caused_by: i64,
}

pub(crate) async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let told = delivery_facts(events);
    let mut ids: Vec<&str> =
        told.iter().filter(|(event, _)| event.sequence > 1).map(|(event, _)| event.aggregate_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let known: Vec<DueDelivery> = table::read(tables, &ids).await?;
    let known: HashMap<String, DueDelivery> = known.into_iter().map(|row| (row.delivery_id.clone(), row)).collect();
    let mut rows = known.clone();
    for (event, told) in told {
        if let (1, DeliveryEvent::WebhookReceived { webhook, .. }) = (event.sequence, told) {
            let row = DueDelivery {
                delivery_id: event.aggregate_id.clone(),
                account_id: webhook.account_id.to_string(),
                integration_id: webhook.integration_id.to_string(),
                status: DeliveryStatus::Queued.as_str().to_owned(),
                resolution_code: None,
                due_at: None,
                set_at: None,
                caused_by: event.position,
            };
            rows.insert(row.delivery_id.clone(), row);
        }
        if let Some(row) = rows.get_mut(&event.aggregate_id) {
            row.apply(told, event.recorded_at_us());
            if changes_what_is_to_be_done(told) {
                row.caused_by = event.position;
            }
        }
    }
    let mut rows: Vec<DueDelivery> = rows.into_values().collect();
    rows.sort_by(|a, b| a.delivery_id.cmp(&b.delivery_id));
    table::write_changed(tables, &rows, &known, |row| &row.delivery_id).await
}

/// Whether an attempt that comes next follows from this event. A webhook that says nothing new, and what does not end a
/// wait, are passed by.
fn changes_what_is_to_be_done(event: &DeliveryEvent) -> bool {
    match event {
        DeliveryEvent::WebhookReceived { outcome, .. } => {
            matches!(outcome, WebhookOutcome::Accepted | WebhookOutcome::Revised)
        }
        DeliveryEvent::Started(_)
        | DeliveryEvent::RetryScheduled { .. }
        | DeliveryEvent::HandedBack {}
        | DeliveryEvent::RetryRequested { .. }
        | DeliveryEvent::UsernameCorrected { .. }
        | DeliveryEvent::Requeued { .. } => true,
        DeliveryEvent::WebhookRepeated(_)
        | DeliveryEvent::LeaseRenewed { .. }
        | DeliveryEvent::WaitMoved { .. }
        | DeliveryEvent::StepStarted { .. }
        | DeliveryEvent::Followed { .. }
        | DeliveryEvent::ItemShared { .. }
        | DeliveryEvent::ActionRequired { .. }
        | DeliveryEvent::Completed {}
        | DeliveryEvent::FailedPermanently { .. }
        | DeliveryEvent::CancellationRequested {}
        | DeliveryEvent::Cancelled {}
        | DeliveryEvent::StatusFiltered {}
        | DeliveryEvent::PersonalDataErased { .. } => false,
    }
}

impl DueDelivery {
    fn apply(&mut self, event: &DeliveryEvent, now: i64) {
        let progress = Progress::read(&self.status, self.resolution_code.as_deref()).after(event);
        self.status = progress.status.as_str().to_owned();
        self.resolution_code = progress.code.map(|code| code.as_str().to_owned());
        let before = self.due_at;
        self.due_at = match (progress.status, event) {
            // Taken: due again when the lease runs out, should its holder not live to say how it went.
            (
                DeliveryStatus::Running,
                DeliveryEvent::Started(Started { lease_until, .. }) | DeliveryEvent::LeaseRenewed { lease_until },
            ) => Some(lease_until.timestamp_micros()),
            (DeliveryStatus::RetryScheduled, DeliveryEvent::RetryScheduled { due_at, .. }) => {
                Some(due_at.timestamp_micros())
            }
            (DeliveryStatus::Running | DeliveryStatus::RetryScheduled, DeliveryEvent::WaitMoved { until, .. }) => {
                Some(until.timestamp_micros())
            }
            (DeliveryStatus::Queued, _) => self.due_at.filter(|due_at| *due_at <= now).or(Some(now)),
            (DeliveryStatus::Running | DeliveryStatus::RetryScheduled, _) => self.due_at,
            (
                DeliveryStatus::ActionRequired
                | DeliveryStatus::Completed
                | DeliveryStatus::FailedPermanent
                | DeliveryStatus::Cancelled
                | DeliveryStatus::Duplicate,
                _,
            ) => None,
        };
        if self.due_at != before {
            self.set_at = self.due_at.map(|_| now);
        }
    }
}

/// Each account that has anything in the queue, found by stepping from one to the next in the index: one account's backlog
/// costs the others nothing.
const OWED: &str = "WITH RECURSIVE owed(account_id) AS ( \
     SELECT min(account_id) FROM due_deliveries WHERE due_at IS NOT NULL \
     UNION ALL \
     SELECT (SELECT min(d.account_id) FROM due_deliveries d WHERE d.due_at IS NOT NULL AND d.account_id > o.account_id) \
     FROM owed o WHERE o.account_id IS NOT NULL) \
     SELECT account_id FROM (SELECT o.account_id, (SELECT min(d.due_at) FROM due_deliveries d \
     WHERE d.due_at IS NOT NULL AND d.account_id = o.account_id) AS due_at FROM owed o) o WHERE due_at <= ";

/// What is due at `now`, the longest due first, at most `limit` deliveries of at most `limit` accounts, leaving out
/// accounts that may not start anything yet, and what became due before `since`. Moments in microseconds since 1970.
pub async fn due(
    database: &Database,
    since: i64,
    now: i64,
    without: &[String],
    limit: i64,
) -> sqlx::Result<Vec<DueDelivery>> {
    #[derive(FromRow)]
    struct Owed {
        account_id: String,
    }
    let mut sql = Sql::new(OWED).bind(now);
    if !without.is_empty() {
        sql = sql.push(" AND account_id NOT IN (").bind_list(without.iter().map(String::as_str)).push(")");
    }
    let owed: Vec<Owed> = database.fetch_all(sql.push(" ORDER BY due_at LIMIT ").bind(limit)).await?;
    if owed.is_empty() {
        return Ok(vec![]);
    }
    let mut sql = Sql::default();
    for (index, Owed { account_id }) in owed.into_iter().enumerate() {
        let beginning = if index == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" };
        sql = sql
            .push(beginning)
            .push(
                "SELECT delivery_id, account_id, integration_id, status, resolution_code, due_at, set_at, caused_by \
                 FROM due_deliveries WHERE account_id = ",
            )
            .bind(account_id)
            .push(" AND due_at BETWEEN ")
            .bind(since)
            .push(" AND ")
            .bind(now)
            .push(" ORDER BY due_at LIMIT ")
            .bind(limit)
            .push(") one_account");
    }
    database.fetch_all(sql.push(" ORDER BY due_at LIMIT ").bind(limit)).await
}

/// What is due later and was set by a clock that is ahead of `now`, at most `limit` deliveries: the moment may be wrong.
pub async fn set_ahead(database: &Database, now: i64, limit: i64) -> sqlx::Result<Vec<DueDelivery>> {
    let sql = Sql::new(
        "SELECT delivery_id, account_id, integration_id, status, resolution_code, due_at, set_at, caused_by \
         FROM due_deliveries WHERE due_at > ",
    )
    .bind(now)
    .push(" AND set_at > ")
    .bind(now)
    .push(" ORDER BY set_at LIMIT ")
    .bind(limit);
    database.fetch_all(sql).await
}

#[derive(FromRow)]
struct Number {
    number: Option<i64>,
}

/// The next moment after `now` at which something becomes due.
pub async fn next_due_at(database: &Database, now: i64) -> sqlx::Result<Option<i64>> {
    let sql = Sql::new("SELECT min(due_at) AS number FROM due_deliveries WHERE due_at > ").bind(now);
    Ok(database.fetch_one::<Number>(sql).await?.number)
}

/// How many deliveries are due at `now`; counted up to ten thousand.
pub async fn depth(database: &Database, now: i64) -> sqlx::Result<i64> {
    let sql = Sql::new("SELECT count(*) AS number FROM (SELECT 1 AS one FROM due_deliveries WHERE due_at <= ")
        .bind(now)
        .push(" LIMIT 10000) due");
    Ok(database.fetch_one::<Number>(sql).await?.number.unwrap_or(0))
}
