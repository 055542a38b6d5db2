//! What an audit reads of the log without opening anything: positions and hashes, and whether what lies beside the log fits
//! to it.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate as _;
use domain::checkpoint::Checkpoints;
use sqlx::FromRow;
use storage::Sql;
use uuid::Uuid;

use super::EventLog;
use super::selection::Selection;
use crate::{Micros, Position, Sequence};

/// An event by its place and its hash.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct HashedEvent {
    pub position: Position,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: Sequence,
    pub hash: Vec<u8>,
}

/// A snapshot, and whether it is of the event that it says.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ComparedSnapshot {
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: Sequence,
    /// 1 where the event that it was made after has the same hash.
    pub is_right: i64,
    /// Of that event; the start where it is not there.
    pub position: Position,
}

impl EventLog {
    /// The events at these positions by their hashes, in order. What is missing is left out.
    pub async fn hashes(&self, first: Position, last: Position) -> sqlx::Result<Vec<HashedEvent>> {
        let sql = Sql::new(
            "SELECT position, aggregate_type, aggregate_id, sequence, hash FROM events WHERE position BETWEEN ",
        );
        self.database.fetch_all(sql.bind(first).push(" AND ").bind(last).push(" ORDER BY position")).await
    }

    /// Of the events at these positions: the hash of the event before it in its stream, where that lies before `from`.
    pub async fn hashes_before(
        &self,
        first: Position,
        last: Position,
        from: Position,
    ) -> sqlx::Result<Vec<(Position, Vec<u8>)>> {
        let sql = Sql::new(
            "SELECT e.position, b.hash FROM events e JOIN events b ON b.aggregate_type = e.aggregate_type \
             AND b.aggregate_id = e.aggregate_id AND b.sequence = e.sequence - 1 WHERE e.position BETWEEN ",
        );
        let sql = sql.bind(first).push(" AND ").bind(last).push(" AND b.position < ").bind(from);
        self.database.fetch_all(sql).await
    }

    /// The positions of a stream's events within a range, in no order. None where there is no such stream.
    pub async fn positions_of_stream(
        &self,
        aggregate_type: &str,
        aggregate_id: &str,
        (from, to): (Position, Position),
        limit: i64,
    ) -> sqlx::Result<Option<Vec<Position>>> {
        let of_stream = || {
            let sql = Sql::new("SELECT position FROM events WHERE aggregate_type = ").bind(aggregate_type);
            sql.push(" AND aggregate_id = ").bind(aggregate_id)
        };
        if self.database.fetch_optional::<(Position,)>(of_stream().push(" LIMIT 1")).await?.is_none() {
            return Ok(None);
        }
        let within = of_stream().push(" AND position >= ").bind(from).push(" AND position <= ").bind(to);
        let found: Vec<(Position,)> = self.database.fetch_all(within.push(" LIMIT ").bind(limit)).await?;
        Ok(Some(found.into_iter().map(|(position,)| position).collect()))
    }

    /// Whether anything but checkpoints lies at a position or after it.
    pub async fn has_unsigned(&self, first: Position) -> sqlx::Result<bool> {
        let sql = Sql::new("SELECT position FROM events WHERE position >= ").bind(first);
        let sql = sql.push(" AND aggregate_type <> ").bind(Checkpoints::TYPE).push(" ORDER BY position LIMIT 1");
        Ok(self.database.fetch_optional::<(Position,)>(sql).await?.is_some())
    }

    /// When the first event was recorded.
    pub async fn began_at(&self) -> sqlx::Result<Option<DateTime<Utc>>> {
        let sql = "SELECT recorded_at FROM events WHERE position = 1";
        let first = self.database.fetch_optional::<(Micros,)>(sql.into()).await?;
        Ok(first.and_then(|(recorded_at,)| recorded_at.moment()))
    }

    /// How far the follower came that is furthest.
    pub async fn furthest_follower(&self) -> sqlx::Result<Position> {
        let sql = "SELECT coalesce(max(position), 0) FROM followers";
        Ok(self.database.fetch_one::<(Position,)>(sql.into()).await?.0)
    }

    /// The newest data key, if no event names it. Keys are stored with the first event that they seal.
    pub async fn unused_data_key(&self) -> sqlx::Result<Option<Uuid>> {
        let newest = "SELECT id FROM data_keys ORDER BY id DESC LIMIT 1";
        let Some((id,)) = self.database.fetch_optional::<(Uuid,)>(newest.into()).await? else { return Ok(None) };
        // Ids of version 7 begin with the time at which they were made, so only what came after that is looked at.
        let made = id.get_timestamp().map(|made| made.to_unix());
        let since = made.and_then(|(seconds, nanos)| DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos));
        let since = Selection { since, ..Selection::default() };
        let first = *self.positions(&since).await?.start();
        let sql = Sql::new("SELECT position FROM events WHERE position >= ").bind(first).push(" AND data_key_id = ");
        let named = self.database.fetch_optional::<(Position,)>(sql.bind(id)).await?;
        Ok(if named.is_none() { Some(id) } else { None })
    }

    /// Snapshots after a stream's, in the order of streams, each compared with the event that it was made after. What a
    /// snapshot says is not covered by any hash.
    pub async fn snapshots_after(
        &self,
        (aggregate_type, aggregate_id): (&str, &str),
        limit: i64,
    ) -> sqlx::Result<Vec<ComparedSnapshot>> {
        let sql = Sql::new(
            "SELECT s.aggregate_type, s.aggregate_id, s.sequence, coalesce(e.position, 0) AS position, \
                CASE WHEN e.hash = s.hash THEN CAST(1 AS bigint) ELSE 0 END AS is_right \
             FROM snapshots s LEFT JOIN events e ON e.aggregate_type = s.aggregate_type \
                AND e.aggregate_id = s.aggregate_id AND e.sequence = s.sequence \
             WHERE (s.aggregate_type, s.aggregate_id) > (",
        );
        let sql = sql.bind_list([aggregate_type, aggregate_id]);
        let sql = sql.push(") ORDER BY s.aggregate_type, s.aggregate_id LIMIT ").bind(limit);
        self.database.fetch_all(sql).await
    }
}
