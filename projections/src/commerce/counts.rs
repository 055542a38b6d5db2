//! How many events there were when, and what became of them.

use sqlx::FromRow;
use storage::{Database, Sql};

use super::events::{OfStore, of_stores};

/// The newest events of an account among which is counted: more are too many to look at for an answer.
pub const MAX_COUNTED: i64 = 100_000;

/// What is counted. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub account_id: String,
    pub stores: Vec<OfStore>,
    pub from: i64,
    /// Inclusive.
    pub to: i64,
    /// How long each of the stretches is that it is counted in.
    pub interval: i64,
}

/// The events of a store in one stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct CountRow {
    /// Which of the stretches, from 0.
    pub stretch: i64,
    pub integration_id: String,
    pub events: i64,
    /// Of these, those that an endpoint has taken.
    pub delivered: i64,
    /// Of these, those that could not be sent to one.
    pub failed: i64,
}

#[derive(FromRow)]
struct RecordedAt {
    recorded_at: i64,
}

/// Whether an account has so many newer events that those of this moment are not looked at.
pub async fn is_too_long_ago(database: &Database, account_id: &str, moment: i64) -> sqlx::Result<bool> {
    let sql = Sql::new("SELECT recorded_at FROM commerce_events WHERE account_id = ").bind(account_id);
    let sql = sql.push(" ORDER BY position DESC, ordinal DESC LIMIT 1 OFFSET ").bind(MAX_COUNTED);
    let oldest: Option<RecordedAt> = database.fetch_optional(sql).await?;
    Ok(oldest.is_some_and(|oldest| oldest.recorded_at >= moment))
}

pub async fn count(database: &Database, counted: &Counted) -> sqlx::Result<Vec<CountRow>> {
    let became = |status: &str| {
        format!(
            "count(*) FILTER (WHERE EXISTS (SELECT 1 FROM dispatches d WHERE d.position = e.position \
             AND d.ordinal = e.ordinal AND d.status = '{status}'))"
        )
    };
    let sql = Sql::new("SELECT (e.recorded_at - ")
        .bind(counted.from)
        .push(") / ")
        .bind(counted.interval)
        .push(&format!(
            " AS stretch, e.integration_id, count(*) AS events, {} AS delivered, {} AS failed FROM (SELECT position, ordinal, \
             recorded_at, integration_id, event_type FROM commerce_events WHERE account_id = ",
            became("delivered"),
            became("dead_letter")
        ))
        .bind(counted.account_id.as_str())
        .push(" ORDER BY position DESC, ordinal DESC LIMIT ")
        .bind(MAX_COUNTED)
        .push(") e WHERE e.recorded_at BETWEEN ")
        .bind(counted.from)
        .push(" AND ")
        .bind(counted.to);
    let Some(sql) = of_stores(sql, "e", &counted.stores) else { return Ok(vec![]) };
    database.fetch_all(sql.push(" GROUP BY 1, 2 ORDER BY 1, 2")).await
}
