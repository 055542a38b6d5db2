//! The ordered feed: every event once, in the order of positions. Who follows it says which event it read last, and hears
//! where that one is not in this log.

use chrono::DateTime;
use cqrs_es::Aggregate;
use domain::account::Account;
use domain::checkpoint::Checkpoints;
use domain::delivery::Delivery;
use domain::integration::Integration;
use domain::ledger::Ledger;
use domain::notice::Notice;
use domain::operation::Operation;
use domain::{AccountId, IntegrationId};
use projections::database::Sql;
use projections::feed::{Cursor, Fact, Operator, Recorded};
use serde::Deserialize;
use serde_json::Value;
use sqlx::FromRow;

use super::EventLog;
use super::data_keys::DataKeys;
use super::row::{StoredEvent, tagged};
use super::stream::{LoadError, STORED_COLUMNS, unreadable};

/// An event in all its forms.
#[derive(Clone, Debug)]
pub struct OpenedEvent {
    pub stored: StoredEvent,
    pub recorded: Recorded,
    /// Its JSON with private values marked.
    pub data: Value,
}

/// A stream that changed: by which event, and how far it is.
#[derive(Debug, FromRow)]
pub(super) struct Changed {
    #[sqlx(flatten)]
    pub(super) cursor: Cursor,
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
    pub(super) sequence: i64,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    actor: String,
    key_id: Option<String>,
    key_name: Option<String>,
    reason: Option<String>,
}

impl Metadata {
    /// The person or program that did it, where it was one with a key.
    fn operator(&self) -> Option<Operator> {
        let (key_id, key_name) = self.key_id.clone().zip(self.key_name.clone())?;
        Some(Operator { key_id, key_name, reason: self.reason.clone() })
    }
}

impl EventLog {
    /// Which streams that existed changed since, and how far each is.
    pub(super) async fn changed_after(&self, cursor: &Cursor, limit: i64) -> Result<Vec<Changed>, LoadError> {
        let sql =
            Sql::new("SELECT position, hash, aggregate_type, aggregate_id, sequence FROM events WHERE position >= ")
                .bind(cursor.position)
                .push(" AND (sequence > 1 OR position = ")
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
        let sql = select().push(" IN (").bind_list(positions.iter().copied()).push(") ORDER BY position");
        self.read_all(self.database.fetch_all(sql).await?).await
    }

    /// At most `limit` events after a position, in order, opened and read. For who begins: who follows the log, asks by
    /// [`Self::follow`].
    pub async fn read_after(&self, position: i64, limit: i64) -> Result<Vec<Recorded>, LoadError> {
        let stored = self.stored(select().push(" > ").bind(position), limit).await?;
        self.read_all(stored).await
    }

    /// At most `limit` events after the one that was read last, in order, opened and read.
    ///
    /// # Errors
    /// [`LoadError::OtherLog`] where that one is not in this log.
    pub async fn follow(&self, cursor: &Cursor, limit: i64) -> Result<Vec<Recorded>, LoadError> {
        self.follow_kinds(cursor, limit, &[]).await
    }

    /// Like [`Self::follow`], of some kinds of events alone: each a kind of stream and a type of event. Of all, where none
    /// is named.
    pub async fn follow_kinds(
        &self,
        cursor: &Cursor,
        limit: i64,
        kinds: &[(&str, &str)],
    ) -> Result<Vec<Recorded>, LoadError> {
        let mut sql = select().push(" >= ").bind(cursor.position);
        if !kinds.is_empty() {
            sql = sql.push(" AND (position = ").bind(cursor.position);
            for (aggregate_type, event_type) in kinds {
                sql = sql.push(" OR (event_type = ").bind(*event_type);
                sql = sql.push(" AND aggregate_type = ").bind(*aggregate_type).push(")");
            }
            sql = sql.push(")");
        }
        let mut stored = self.stored(sql, limit + 1).await?;
        pass_by(cursor, &mut stored, |event| event.position == cursor.position && event.hash == cursor.hash)?;
        self.read_all(stored).await
    }

    async fn stored(&self, chosen: Sql, limit: i64) -> sqlx::Result<Vec<StoredEvent>> {
        self.database.fetch_all(chosen.push(" ORDER BY position LIMIT ").bind(limit)).await
    }

    async fn read_all(&self, stored: Vec<StoredEvent>) -> Result<Vec<Recorded>, LoadError> {
        let keys = self.data_keys_of(&stored).await?;
        stored.into_iter().map(|stored| self.recorded(stored, &keys)).collect()
    }

    /// A stream's events after a sequence, opened and read.
    pub async fn recorded_of(
        &self,
        aggregate_type: &str,
        id: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Recorded>, LoadError> {
        self.read_all(self.stream_after(aggregate_type, id, after, limit).await?).await
    }

    /// A stream's events after a sequence, as they are stored and as they read.
    pub async fn opened_stream(
        &self,
        aggregate_type: &str,
        id: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<OpenedEvent>, LoadError> {
        let stored = self.stream_after(aggregate_type, id, after, limit).await?;
        let keys = self.data_keys_of(&stored).await?;
        stored
            .into_iter()
            .map(|stored| {
                let data = self.open_payload(stored.clone(), &keys);
                let (_, data) = data.map_err(|reason| unreadable(aggregate_type, id, stored.sequence, reason))?;
                Ok(OpenedEvent { recorded: self.recorded(stored.clone(), &keys)?, stored, data })
            })
            .collect()
    }

    /// A stored event, opened and read.
    pub fn recorded(&self, stored: StoredEvent, keys: &DataKeys) -> Result<Recorded, LoadError> {
        let StoredEvent { position, sequence, account_id, integration_id, caused_by, correlation_id, .. } = stored;
        let hash = stored.hash.clone();
        let (aggregate_type, aggregate_id) = (stored.aggregate_type.clone(), stored.aggregate_id.clone());
        let bad = |reason: &dyn std::fmt::Display| unreadable(&aggregate_type, &aggregate_id, sequence, reason);
        let recorded_at = DateTime::from_timestamp_micros(stored.recorded_at).ok_or_else(|| bad(&"no such time"))?;
        let metadata: Metadata = serde_json::from_str(&stored.metadata).map_err(|error| bad(&error))?;
        let (event_type, payload) = self.open_payload(stored, keys).map_err(|reason| bad(&reason))?;
        let event = tagged(&event_type, payload);
        let fact = match aggregate_type.as_str() {
            Account::TYPE => serde_json::from_value(event).map(Fact::Account),
            Ledger::TYPE => serde_json::from_value(event).map(Fact::Ledger),
            Integration::TYPE => serde_json::from_value(event).map(Fact::Integration),
            Delivery::TYPE => serde_json::from_value(event).map(Fact::Delivery),
            Notice::TYPE => serde_json::from_value(event).map(Fact::Notice),
            Operation::TYPE => serde_json::from_value(event).map(Fact::Operation),
            Checkpoints::TYPE => serde_json::from_value(event).map(Fact::Checkpoint),
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
            account_id: account_id.map(AccountId),
            integration_id: integration_id.map(IntegrationId),
            caused_by,
            correlation_id,
            recorded_at,
            actor: metadata.actor,
            operator,
            customer_tokens,
            fact,
        })
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

/// The beginning of a statement that reads events.
fn select() -> Sql {
    Sql::new(format!("SELECT {STORED_COLUMNS} FROM events WHERE position"))
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
