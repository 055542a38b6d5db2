//! The ordered feed: every event once, in the order of positions. Who follows it says which event it read last, and hears
//! where that one is not in this log.

use chrono::DateTime;
use cqrs_es::Aggregate;
use domain::account::Account;
use domain::checkpoint::Checkpoints;
use domain::delivery::Delivery;
use domain::integration::Integration;
use domain::notice::Notice;
use domain::operation::Operation;
use projections::database::Sql;
use projections::feed::{Cursor, Fact, Operator, Recorded};
use serde::Deserialize;
use serde_json::Value;
use sqlx::FromRow;

use super::row::StoredEvent;
use super::stream::{LoadError, STORED_COLUMNS, unreadable};
use super::{EventLog, data_keys, seal};

#[derive(FromRow)]
struct Fed {
    #[sqlx(flatten)]
    event: StoredEvent,
    wrapped: Option<Vec<u8>>,
}

/// An event in all its forms.
#[derive(Clone, Debug)]
pub struct Told {
    pub stored: StoredEvent,
    pub recorded: Recorded,
    /// Its JSON with private values marked.
    pub data: Value,
}

/// A stream that changed: by which event, and how far it is.
#[derive(Debug, FromRow)]
pub struct Changed {
    #[sqlx(flatten)]
    pub cursor: Cursor,
    pub aggregate_id: String,
    pub sequence: i64,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    actor: String,
    key_id: Option<String>,
    key_name: Option<String>,
    reason: Option<String>,
    account_id: Option<String>,
}

impl Metadata {
    /// The person or program that did it, where it was one with a key.
    fn operator(&self) -> Option<Operator> {
        let key_id = self.key_id.clone()?;
        // Events of before the name was recorded by itself.
        let key_name = self.key_name.clone().unwrap_or_else(|| self.actor.trim_start_matches("key ").to_owned());
        Some(Operator { key_id, key_name, reason: self.reason.clone(), account_id: self.account_id.clone() })
    }
}

impl EventLog {
    /// Which streams of one kind changed since, and how far each is.
    pub async fn changed_after(
        &self,
        aggregate_type: &str,
        cursor: &Cursor,
        limit: i64,
    ) -> Result<Vec<Changed>, LoadError> {
        let sql = Sql::new("SELECT position, hash, aggregate_id, sequence FROM events WHERE position >= ")
            .bind(cursor.position)
            .push(" AND (aggregate_type = ")
            .bind(aggregate_type)
            .push(" OR position = ")
            .bind(cursor.position)
            .push(") ORDER BY position LIMIT ")
            .bind(limit + 1);
        let mut changed: Vec<Changed> = self.database.fetch_all(sql).await?;
        pass_by(cursor, &mut changed, |changed| &changed.cursor == cursor)?;
        Ok(changed)
    }

    /// The events at these positions, as far as there are any, in order.
    pub async fn read_at(&self, positions: &[i64]) -> Result<Vec<Recorded>, LoadError> {
        if positions.is_empty() {
            return Ok(vec![]);
        }
        let sql = select().push(" IN (").bind_list(positions.iter().copied()).push(")) e ORDER BY e.position");
        let fed: Vec<Fed> = self.database.fetch_all(sql).await?;
        fed.into_iter().map(|fed| self.fed(fed)).collect()
    }

    /// At most `limit` events after a position, in order, opened and read. For who begins: who follows the log, asks by
    /// [`Self::follow`].
    pub async fn read_after(&self, position: i64, limit: i64) -> Result<Vec<Recorded>, LoadError> {
        let sql = select().push(" > ").bind(position);
        self.read(sql, limit).await?.into_iter().map(|fed| self.fed(fed)).collect()
    }

    /// At most `limit` events after the one that was read last, in order, opened and read.
    ///
    /// # Errors
    /// [`LoadError::OtherLog`] where that one is not in this log.
    pub async fn follow(&self, cursor: &Cursor, limit: i64) -> Result<Vec<Recorded>, LoadError> {
        self.follow_where(cursor, limit, "").await
    }

    /// Like [`Self::follow`], without the webhooks about orders: they are most of the log, and nothing reacts to them.
    pub async fn follow_webhooks_aside(&self, cursor: &Cursor, limit: i64) -> Result<Vec<Recorded>, LoadError> {
        let others = "(event_type <> 'webhook_received' OR aggregate_type = 'notice' OR sequence > 1)";
        self.follow_where(cursor, limit, others).await
    }

    async fn follow_where(&self, cursor: &Cursor, limit: i64, chosen: &str) -> Result<Vec<Recorded>, LoadError> {
        let mut sql = select().push(" >= ").bind(cursor.position);
        if !chosen.is_empty() {
            sql = sql.push(" AND (").push(chosen).push(" OR position = ").bind(cursor.position).push(")");
        }
        let mut fed = self.read(sql, limit + 1).await?;
        pass_by(cursor, &mut fed, |fed| fed.event.position == cursor.position && fed.event.hash == cursor.hash)?;
        fed.into_iter().map(|fed| self.fed(fed)).collect()
    }

    async fn read(&self, chosen: Sql, limit: i64) -> sqlx::Result<Vec<Fed>> {
        let sql = chosen.push(" ORDER BY position LIMIT ").bind(limit).push(") e ORDER BY e.position");
        self.database.fetch_all(sql).await
    }

    fn fed(&self, fed: Fed) -> Result<Recorded, LoadError> {
        self.recorded(fed.event, fed.wrapped.as_deref())
    }

    /// A stream's events after a sequence, opened and read.
    pub async fn recorded_of(
        &self,
        aggregate_type: &str,
        id: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Recorded>, LoadError> {
        let wrapped = self.wrapped_data_key(aggregate_type, id).await?;
        let stored = self.stream_after(aggregate_type, id, after, limit).await?;
        stored.into_iter().map(|stored| self.recorded(stored, wrapped.as_deref())).collect()
    }

    /// A stream's events after a sequence, as they are stored and as they read.
    pub async fn told(&self, aggregate_type: &str, id: &str, after: i64, limit: i64) -> Result<Vec<Told>, LoadError> {
        let wrapped = self.wrapped_data_key(aggregate_type, id).await?;
        let wrapped = wrapped.as_deref();
        let stored = self.stream_after(aggregate_type, id, after, limit).await?;
        stored
            .into_iter()
            .map(|stored| {
                let data = self.opened(stored.clone(), wrapped);
                let data = data.map_err(|reason| unreadable(aggregate_type, id, stored.sequence, reason))?;
                Ok(Told { recorded: self.recorded(stored.clone(), wrapped)?, stored, data })
            })
            .collect()
    }

    /// A stored event, opened and read. `wrapped` is the data key of its stream, unless that was erased.
    pub fn recorded(&self, stored: StoredEvent, wrapped: Option<&[u8]>) -> Result<Recorded, LoadError> {
        let StoredEvent { position, sequence, .. } = stored;
        let hash = stored.hash.clone();
        let (aggregate_type, aggregate_id) = (stored.aggregate_type.clone(), stored.aggregate_id.clone());
        let bad = |reason: &dyn std::fmt::Display| unreadable(&aggregate_type, &aggregate_id, sequence, reason);
        let recorded_at = DateTime::from_timestamp_micros(stored.recorded_at).ok_or_else(|| bad(&"no such time"))?;
        let metadata: Metadata = serde_json::from_str(&stored.metadata).map_err(|error| bad(&error))?;
        let payload = self.opened(stored, wrapped).map_err(|reason| bad(&reason))?;
        let fact = match aggregate_type.as_str() {
            Account::TYPE => serde_json::from_value(payload).map(Fact::Account),
            Integration::TYPE => serde_json::from_value(payload).map(Fact::Integration),
            Delivery::TYPE => serde_json::from_value(payload).map(Fact::Delivery),
            Notice::TYPE => serde_json::from_value(payload).map(Fact::Notice),
            Operation::TYPE => serde_json::from_value(payload).map(Fact::Operation),
            Checkpoints::TYPE => serde_json::from_value(payload).map(Fact::Checkpoint),
            _ => Ok(Fact::Foreign),
        }
        .map_err(|error| bad(&error))?;
        let operator = metadata.operator();
        let customer_tokens = match (&fact, &self.blind_index) {
            (Fact::Delivery(event), Some(index)) => index.tokens_of(event),
            (Fact::Notice(event), Some(index)) => index.tokens_in(event),
            _ => vec![],
        };
        Ok(Recorded {
            position,
            hash,
            aggregate_id,
            sequence,
            recorded_at,
            actor: metadata.actor,
            operator,
            customer_tokens,
            fact,
        })
    }

    /// An event's JSON with its private fields plain, or erased.
    pub fn opened(&self, stored: StoredEvent, wrapped: Option<&[u8]>) -> Result<Value, String> {
        let place = seal::place(&stored.aggregate_type, &stored.aggregate_id);
        let key = wrapped.map(|wrapped| self.vault.unwrap(&place, wrapped)).transpose();
        self.open_payload(stored, key.map_err(|error| error.to_string())?.as_ref())
    }

    /// How far a follower that acts on the log has come.
    pub async fn follower_cursor(&self, name: &str) -> sqlx::Result<Cursor> {
        let sql = Sql::new("SELECT position, hash FROM followers WHERE name = ").bind(name);
        Ok(self.database.fetch_optional(sql).await?.unwrap_or_default())
    }

    /// Saves how far a follower has come; of several nodes, the one that is furthest.
    pub async fn save_follower_cursor(&self, name: &str, cursor: &Cursor) -> sqlx::Result<()> {
        let sql = save_cursor(name, cursor).push(" WHERE followers.position < excluded.position");
        self.database.execute(sql).await.map(drop)
    }

    /// Lets a follower begin again from where its log and this one may differ.
    pub async fn reset_follower(&self, name: &str) -> sqlx::Result<()> {
        self.database.execute(save_cursor(name, &Cursor::START)).await.map(drop)
    }
}

/// The beginning of a statement that reads events with the data keys of their streams.
fn select() -> Sql {
    Sql::new(format!("SELECT e.*, {} FROM (SELECT {STORED_COLUMNS} FROM events WHERE position", data_keys::OF_EVENT))
}

fn save_cursor(name: &str, cursor: &Cursor) -> Sql {
    Sql::new("INSERT INTO followers (name, position, hash) VALUES (")
        .bind(name)
        .push(", ")
        .bind(cursor.position)
        .push(", ")
        .bind(cursor.hash.clone())
        .push(") ON CONFLICT (name) DO UPDATE SET position = excluded.position, hash = excluded.hash")
}

/// Takes the event away that a follower read last, which must be the first that was found.
fn pass_by<T>(cursor: &Cursor, found: &mut Vec<T>, is_known: impl Fn(&T) -> bool) -> Result<(), LoadError> {
    if cursor.position == 0 {
        return Ok(());
    }
    if !found.first().is_some_and(is_known) {
        return Err(LoadError::OtherLog { position: cursor.position });
    }
    found.remove(0);
    Ok(())
}
