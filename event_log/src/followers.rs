//! How far each process manager has come, and which node runs it: a checkpoint and a lease in one row.
//!
//! The lease keeps several nodes from doing the same work. It is not what keeps that work from being done twice: every
//! command that follows from an event is idempotent, so a short overlap where the clocks of two nodes differ does no harm.
//! The checkpoint moves for the node alone that holds the lease.

use crate::recorded::Cursor;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;
use storage::Sql;

use super::EventLog;
use crate::Micros;

/// How long a node that died keeps a process manager.
pub const LEASE: TimeDelta = TimeDelta::seconds(10);
/// A lease that ends later than this was taken by a clock that was ahead, and does not count.
const LONGEST: TimeDelta = TimeDelta::minutes(1);

/// Where a process manager stands by what is saved.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Follower {
    pub name: String,
    #[sqlx(flatten)]
    pub cursor: Cursor,
    held_by: Option<String>,
    held_until: Micros,
}

impl Follower {
    /// The node that runs it, if one does at this moment.
    pub fn held_by(&self, now: DateTime<Utc>) -> Option<&str> {
        let holds = self.held_until > now.into() && self.held_until <= (now + LONGEST).into();
        self.held_by.as_deref().filter(|_| holds)
    }
}

const SELECT: &str = "SELECT name, position, hash, held_by, held_until FROM followers";

impl EventLog {
    /// All process managers that ever ran on this log.
    pub async fn followers(&self) -> sqlx::Result<Vec<Follower>> {
        self.database.fetch_all(SELECT.into()).await
    }

    /// One of them, if it ever ran.
    pub async fn follower(&self, name: &str) -> sqlx::Result<Option<Follower>> {
        self.database.fetch_optional(Sql::new(SELECT).push(" WHERE name = ").bind(name)).await
    }

    /// Takes or keeps the lease, in one statement. Returns the checkpoint, or none where another node holds it.
    pub async fn take_follower(&self, name: &str, node: &str) -> sqlx::Result<Option<Cursor>> {
        let now = self.clock.now();
        let sql = Sql::new("INSERT INTO followers (name, position, hash, held_by, held_until) VALUES (")
            .bind(name)
            .push(", 0, ")
            .bind(Cursor::START.hash)
            .push(", ")
            .bind(node)
            .push(", ")
            .bind((now + LEASE).timestamp_micros())
            .push(") ON CONFLICT (name) DO UPDATE SET held_by = excluded.held_by, held_until = excluded.held_until")
            .push(
                " WHERE followers.held_by IS NULL OR followers.held_by = excluded.held_by OR followers.held_until <= ",
            )
            .bind(now.timestamp_micros())
            .push(" OR followers.held_until > ")
            .bind((now + LONGEST).timestamp_micros());
        if self.database.execute(sql).await? == 0 {
            return Ok(None);
        }
        let held = self.follower(name).await?;
        Ok(held.filter(|follower| follower.held_by.as_deref() == Some(node)).map(|follower| follower.cursor))
    }

    /// Renews all leases of a node by one statement, and returns what it still holds.
    pub async fn renew_followers(&self, node: &str) -> sqlx::Result<Vec<String>> {
        #[derive(FromRow)]
        struct Name {
            name: String,
        }
        let until = (self.clock.now() + LEASE).timestamp_micros();
        let sql = Sql::new("UPDATE followers SET held_until = ").bind(until).push(" WHERE held_by = ").bind(node);
        self.database.execute(sql).await?;
        let held = Sql::new("SELECT name FROM followers WHERE held_by = ").bind(node);
        Ok(self.database.fetch_all::<Name>(held).await?.into_iter().map(|row| row.name).collect())
    }

    /// Saves how far a process manager has come. False, and nothing is saved, where the node does not hold it.
    pub async fn save_follower(&self, name: &str, node: &str, cursor: &Cursor) -> sqlx::Result<bool> {
        self.update_follower(save(cursor), name, node).await
    }

    /// Saves how far a process manager has come, and lets any node take it at once. False as above.
    pub async fn hand_back_follower(&self, name: &str, node: &str, cursor: &Cursor) -> sqlx::Result<bool> {
        self.update_follower(save(cursor).push(", held_by = NULL, held_until = 0"), name, node).await
    }

    async fn update_follower(&self, update: Sql, name: &str, node: &str) -> sqlx::Result<bool> {
        let sql = update.push(" WHERE name = ").bind(name).push(" AND held_by = ").bind(node);
        Ok(self.database.execute(sql).await? > 0)
    }
}

fn save(cursor: &Cursor) -> Sql {
    Sql::new("UPDATE followers SET position = ").bind(cursor.position).push(", hash = ").bind(cursor.hash.clone())
}
