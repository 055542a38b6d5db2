//! The ordered feed: every event once, in the order of positions. A follower says which event it read last, and learns
//! where that one is not in this log.

use std::fmt::Display;

use crate::recorded::{AnyEvent, Cursor, Recorded};
use cqrs_es::Aggregate;
use domain::account::Account;
use domain::checkpoint::Checkpoints;
use domain::delivery::Delivery;
use domain::dispatch::Dispatch;
use domain::endpoint::Endpoint;
use domain::instance::Instance;
use domain::integration::Integration;
use domain::ledger::Ledger;
use domain::notice::Notice;
use domain::operator_action::OperatorAction;
use domain::publication::Publication;
use domain::resource::Resource;
use domain::store::Store;
use domain::{AccountId, IntegrationId};
use serde_json::Value;
use sqlx::FromRow;
use storage::{Database, Sql};
use uuid::Uuid;

use super::EventLog;
use super::data_keys::{DataKeys, WRAPPED_COLUMN};
use super::metadata::Metadata;
use super::packed;
use super::row::{Keyed, StoredEvent};
use super::seal;
use super::stream::{LoadError, STORED_COLUMNS, unreadable};
use crate::{Position, Sequence};

/// An event in all its forms.
#[derive(Clone, Debug)]
pub struct OpenedEvent {
    pub stored: StoredEvent,
    pub recorded: Recorded,
    /// Its JSON with private values marked.
    pub data: Value,
}

/// An event of a kind that somebody follows, readable or not.
#[derive(Debug)]
pub struct Followed {
    /// For who has read up to it.
    pub cursor: Cursor,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub event_type: String,
    pub account_id: Option<Uuid>,
    pub event: Result<Recorded, LoadError>,
}

/// Events as they are stored, and what opens them.
type Read = (Vec<StoredEvent>, DataKeys);

/// A stream that changed: by which event, and how far it is.
#[derive(Debug, FromRow)]
pub(super) struct Changed {
    #[sqlx(flatten)]
    pub(super) cursor: Cursor,
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
    pub(super) sequence: Sequence,
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
    pub async fn read_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, LoadError> {
        if positions.is_empty() {
            return Ok(vec![]);
        }
        // One argument, so that the statement is prepared once and not for each number of positions.
        let positions: Vec<i64> = positions.iter().map(|position| position.0).collect();
        let positions = Value::from(positions).to_string();
        let sql = match self.database {
            Database::Sqlite(_) => {
                self.select().push(" IN (SELECT value FROM json_each(").bind(positions).push(")) ORDER BY position")
            }
            Database::Postgres(_) => self
                .select()
                // An array, as data keys are read.
                .push(" = ANY(ARRAY(SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(")
                .bind(positions)
                .push(" AS json)))) ORDER BY position"),
        };
        self.read_all(self.fetch(sql).await?)
    }

    /// At most `limit` events after a position, in order, opened and read. For who begins: who follows the log, asks by
    /// [`Self::follow`].
    pub async fn read_after(&self, position: Position, limit: i64) -> Result<Vec<Recorded>, LoadError> {
        let stored = self.stored(self.select().push(" > ").bind(position), limit).await?;
        self.read_all(stored)
    }

    /// At most `limit` events after the one that was read last, in order, opened and read.
    ///
    /// # Errors
    /// [`LoadError::OtherLog`] where that one is not in this log.
    pub async fn follow(&self, cursor: &Cursor, limit: i64) -> Result<Vec<Recorded>, LoadError> {
        let sql = self.select().push(" >= ").bind(cursor.position);
        self.read_all(self.stored_after(sql, cursor, limit).await?)
    }

    /// At most `limit` events of these kinds after the one that was read last, in order: each a kind of stream and a type of
    /// event. One that cannot be read is among them, so that what follows it can be.
    ///
    /// # Errors
    /// [`LoadError::OtherLog`] where the event that was read last is not in this log.
    pub async fn follow_kinds(
        &self,
        cursor: &Cursor,
        limit: i64,
        kinds: &[(&str, &str)],
    ) -> Result<Vec<Followed>, LoadError> {
        let mut sql = self.select().push(" >= ").bind(cursor.position).push(" AND (position = ").bind(cursor.position);
        // As one text, which is in no index: read by the index of streams, every poll would go over the whole history of each
        // kind of stream.
        let kinds = kinds.iter().map(|(aggregate_type, event_type)| format!("{aggregate_type} {event_type}"));
        sql = sql.push(" OR aggregate_type || ' ' || event_type IN (").bind_list(kinds).push("))");
        let stored = self.stored_after(sql, cursor, limit).await?;
        Ok(self.followed(stored))
    }

    /// The event at a position, if there is one, readable or not.
    pub async fn followed_at(&self, position: Position) -> sqlx::Result<Option<Followed>> {
        let stored = self.stored(self.select().push(" = ").bind(position), 1).await?;
        Ok(self.followed(stored).pop())
    }

    fn followed(&self, (stored, keys): Read) -> Vec<Followed> {
        let followed = stored.into_iter().map(|stored| Followed {
            cursor: Cursor { position: stored.position, hash: stored.hash.clone() },
            aggregate_type: stored.aggregate_type.clone(),
            aggregate_id: stored.aggregate_id.clone(),
            event_type: stored.event_type.clone(),
            account_id: stored.account_id,
            event: self.recorded(stored, &keys),
        });
        followed.collect()
    }

    /// What was chosen from the event on that was read last, without that one.
    async fn stored_after(&self, chosen: Sql, cursor: &Cursor, limit: i64) -> Result<Read, LoadError> {
        let (mut stored, keys) = self.stored(chosen, limit + 1).await?;
        pass_by(cursor, &mut stored, |event| event.position == cursor.position && event.hash == cursor.hash)?;
        Ok((stored, keys))
    }

    async fn stored(&self, chosen: Sql, limit: i64) -> sqlx::Result<Read> {
        self.fetch(chosen.push(" ORDER BY position LIMIT ").bind(limit)).await
    }

    /// The beginning of a statement that [`Self::fetch`] reads events by, up to a condition on their position.
    fn select(&self) -> Sql {
        match self.database {
            Database::Sqlite(_) => Sql::new(format!("{} WHERE position", packed::select(false))),
            Database::Postgres(_) => {
                Sql::new(format!("SELECT {STORED_COLUMNS}, {WRAPPED_COLUMN} FROM events WHERE position"))
            }
        }
    }

    async fn fetch(&self, select: Sql) -> sqlx::Result<Read> {
        match self.database {
            Database::Sqlite(_) => {
                let rows: Vec<(Vec<u8>,)> = self.database.fetch_all(select).await?;
                let unpacked = rows.iter().map(|(row,)| packed::unpacked(row).map(|whole| whole.event));
                let stored: Vec<_> =
                    unpacked.collect::<Result<_, _>>().map_err(|error| sqlx::Error::Decode(error.into()))?;
                let keys = self.data_keys_of(&stored).await?;
                Ok((stored, keys))
            }
            Database::Postgres(_) => {
                let rows: Vec<Keyed<StoredEvent>> = self.database.fetch_all(select).await?;
                let keys = self.keys_beside(rows.iter().map(|row| (row.event.data_key_id, row.wrapped.as_deref())));
                Ok((rows.into_iter().map(|row| row.event).collect(), keys))
            }
        }
    }

    fn read_all(&self, (stored, keys): Read) -> Result<Vec<Recorded>, LoadError> {
        stored.into_iter().map(|stored| self.recorded(stored, &keys)).collect()
    }

    /// A stream's events after a sequence, opened and read.
    pub async fn recorded_of(
        &self,
        aggregate_type: &str,
        id: &str,
        after: Sequence,
        limit: i64,
    ) -> Result<Vec<Recorded>, LoadError> {
        let stored = self.stream_after(aggregate_type, id, after, limit).await?;
        let keys = self.data_keys_of(&stored).await?;
        self.read_all((stored, keys))
    }

    /// A stream's events after a sequence, as they are stored and as they read.
    pub async fn opened_stream(
        &self,
        aggregate_type: &str,
        id: impl Display,
        after: Sequence,
        limit: i64,
    ) -> Result<Vec<OpenedEvent>, LoadError> {
        let id = &id.to_string();
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
        let bad = |reason: &dyn Display| unreadable(&aggregate_type, &aggregate_id, sequence, reason);
        let recorded_at = stored.recorded_at.moment().ok_or_else(|| bad(&"no such time"))?;
        let key = keys.get(stored.data_key_id).map_err(|error| bad(&error))?;
        let associated_data = seal::associated_data(&aggregate_type, &aggregate_id);
        let metadata = Metadata::opened(&stored.metadata, key, &associated_data).map_err(|error| bad(&error))?;
        let event = self.open_event(stored, keys).map_err(|reason| bad(&reason))?;
        let event = match aggregate_type.as_str() {
            Account::TYPE => serde_json::from_str(&event).map(AnyEvent::Account),
            Ledger::TYPE => serde_json::from_str(&event).map(AnyEvent::Ledger),
            Integration::TYPE => serde_json::from_str(&event).map(AnyEvent::Integration),
            Delivery::TYPE => serde_json::from_str(&event).map(AnyEvent::Delivery),
            Notice::TYPE => serde_json::from_str(&event).map(AnyEvent::Notice),
            OperatorAction::TYPE => serde_json::from_str(&event).map(AnyEvent::OperatorAction),
            Resource::TYPE => serde_json::from_str(&event).map(AnyEvent::Resource),
            Publication::TYPE => serde_json::from_str(&event).map(AnyEvent::Publication),
            Store::TYPE => serde_json::from_str(&event).map(AnyEvent::Store),
            Instance::TYPE => serde_json::from_str(&event).map(AnyEvent::Instance),
            Endpoint::TYPE => serde_json::from_str(&event).map(AnyEvent::Endpoint),
            Dispatch::TYPE => serde_json::from_str(&event).map(AnyEvent::Dispatch),
            Checkpoints::TYPE => serde_json::from_str(&event).map(AnyEvent::Checkpoint),
            _ => Ok(AnyEvent::Unknown),
        }
        .map_err(|error| bad(&error))?;
        let customer_tokens = match (&event, &self.blind_index) {
            (AnyEvent::Delivery(event), Some(index)) => index.tokens_of(event),
            (AnyEvent::Notice(event), Some(index)) => index.tokens_in(event),
            (AnyEvent::Publication(event), Some(index)) => index.tokens_in_publication(event),
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
            actor: metadata.actor(),
            operator: metadata.operator(),
            customer_tokens,
            event,
        })
    }
}

/// Takes the event away that a follower read last, which must be the first that was found.
fn pass_by<T>(cursor: &Cursor, found: &mut Vec<T>, is_known: impl Fn(&T) -> bool) -> Result<(), LoadError> {
    if cursor.position.is_start() {
        return Ok(());
    }
    if !found.first().is_some_and(is_known) {
        return Err(LoadError::OtherLog { position: cursor.position });
    }
    found.remove(0);
    Ok(())
}
