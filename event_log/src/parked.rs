//! Events that a process manager could not handle. They are kept beside the log until they can be: never dropped, and never
//! so many that a process manager which handles nothing goes unnoticed.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;
use storage::Sql;
use uuid::Uuid;

use super::EventLog;
use super::feed::Followed;
use crate::{Micros, Position};

/// Events that one process manager parks at most. Beyond that it stands still.
pub const MAX_PARKED: i64 = 10_000;
/// Characters of a reason that are kept.
const MAX_REASON: usize = 300;

/// An event that a process manager could not handle, and what came of trying.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ParkedEvent {
    pub process: String,
    pub position: Position,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub event_type: String,
    pub account_id: Option<Uuid>,
    /// Why the latest try failed. Names streams and rules, and nothing of what an event says.
    pub reason: String,
    pub tries: i64,
    pub parked_at: Micros,
    pub last_tried_at: Micros,
    /// When it is tried again by itself.
    pub retry_at: Micros,
}

/// Which parked events: all of them, those of a process manager, or one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chosen<'c> {
    pub process: Option<&'c str>,
    pub position: Option<Position>,
}

impl Chosen<'_> {
    fn of(self, sql: Sql) -> Sql {
        let sql = match self.process {
            Some(process) => sql.push(" WHERE process = ").bind(process),
            None => sql.push(" WHERE process = process"),
        };
        match self.position {
            Some(position) => sql.push(" AND position = ").bind(position),
            None => sql,
        }
    }
}

const SELECT: &str = "SELECT process, position, aggregate_type, aggregate_id, event_type, account_id, reason, tries, \
     parked_at, last_tried_at, retry_at FROM parked_events";

impl EventLog {
    /// Parks an event after so many tries. False where the process manager has parked as many as it may.
    pub async fn park(
        &self,
        process: &str,
        event: &Followed,
        reason: &str,
        tries: i64,
        retry_in: TimeDelta,
    ) -> sqlx::Result<bool> {
        let now = self.clock.now();
        let (now_us, retry_at) = (now.timestamp_micros(), (now + retry_in).timestamp_micros());
        // One statement, which counts and inserts. An event that is parked already takes no other's place.
        let sql = Sql::new(
            "INSERT INTO parked_events (process, position, aggregate_type, aggregate_id, event_type, account_id, reason, \
             tries, parked_at, last_tried_at, retry_at) SELECT ",
        )
        .bind(process)
        .push(", ")
        .bind(event.cursor.position)
        .push(", ")
        .bind_list([event.aggregate_type.as_str(), &event.aggregate_id, &event.event_type])
        .push(", ")
        .bind(event.account_id)
        .push(", ")
        .bind(bounded(reason))
        .push(", ")
        .bind_list([tries, now_us, now_us, retry_at])
        .push(" WHERE (SELECT count(*) FROM parked_events WHERE process = ")
        .bind(process)
        .push(" AND position <> ")
        .bind(event.cursor.position)
        .push(") < ")
        .bind(MAX_PARKED)
        .push(" ON CONFLICT (process, position) DO UPDATE SET reason = excluded.reason, tries = excluded.tries, ")
        .push("last_tried_at = excluded.last_tried_at, retry_at = excluded.retry_at");
        Ok(self.database.execute(sql).await? > 0)
    }

    /// Takes an event off the list that was handled after all.
    pub async fn unpark(&self, process: &str, position: Position) -> sqlx::Result<()> {
        let chosen = Chosen { process: Some(process), position: Some(position) };
        self.database.execute(chosen.of(Sql::new("DELETE FROM parked_events"))).await.map(drop)
    }

    /// Takes everything off the list of a process manager that begins again from the first event. Returns how many.
    pub async fn unpark_all(&self, process: &str) -> sqlx::Result<u64> {
        let chosen = Chosen { process: Some(process), position: None };
        self.database.execute(chosen.of(Sql::new("DELETE FROM parked_events"))).await
    }

    /// Keeps that a parked event could not be handled this time either.
    pub async fn still_parked(&self, parked: &ParkedEvent, retry_in: TimeDelta) -> sqlx::Result<()> {
        let now = self.clock.now();
        let sql = Sql::new("UPDATE parked_events SET reason = ")
            .bind(bounded(&parked.reason))
            .push(", tries = ")
            .bind(parked.tries)
            .push(", last_tried_at = ")
            .bind(now.timestamp_micros())
            .push(", retry_at = ")
            .bind((now + retry_in).timestamp_micros());
        let chosen = Chosen { process: Some(&parked.process), position: Some(parked.position) };
        self.database.execute(chosen.of(sql)).await.map(drop)
    }

    /// Has these tried again now, by whichever node runs their process managers. Returns how many they are.
    pub async fn retry_parked(&self, chosen: Chosen<'_>) -> sqlx::Result<u64> {
        self.database.execute(chosen.of(Sql::new("UPDATE parked_events SET retry_at = 0"))).await
    }

    /// Parked events of a process manager that are to be tried now, those first that have waited longest.
    pub async fn parked_due(&self, process: &str, now: DateTime<Utc>, limit: i64) -> sqlx::Result<Vec<ParkedEvent>> {
        let sql = Chosen { process: Some(process), position: None }.of(Sql::new(SELECT));
        let sql = sql.push(" AND retry_at <= ").bind(now.timestamp_micros());
        self.database.fetch_all(sql.push(" ORDER BY retry_at, position LIMIT ").bind(limit)).await
    }

    /// Parked events by their positions, from after a position and process manager on.
    pub async fn parked(
        &self,
        chosen: Chosen<'_>,
        after: Option<(Position, &str)>,
        limit: i64,
    ) -> sqlx::Result<Vec<ParkedEvent>> {
        let mut sql = chosen.of(Sql::new(SELECT));
        if let Some((position, process)) = after {
            sql = sql.push(" AND (position, process) > (").bind(position).push(", ").bind(process).push(")");
        }
        self.database.fetch_all(sql.push(" ORDER BY position, process LIMIT ").bind(limit)).await
    }

    /// How many of these are parked, and how many of them have yet to be tried since [`Self::retry_parked`].
    pub async fn parked_and_waiting(&self, chosen: Chosen<'_>) -> sqlx::Result<(i64, i64)> {
        let counts = "SELECT count(*), count(CASE WHEN retry_at = 0 THEN 1 END) FROM parked_events";
        self.database.fetch_one(chosen.of(Sql::new(counts))).await
    }

    /// How many events each process manager has parked that has any.
    pub async fn parked_counts(&self) -> sqlx::Result<Vec<(String, i64)>> {
        self.database.fetch_all("SELECT process, count(*) FROM parked_events GROUP BY process".into()).await
    }
}

fn bounded(reason: &str) -> String {
    reason.chars().take(MAX_REASON).collect()
}
