//! Loading a stream: its latest snapshot and the events since, opened and folded. Never more than a bounded number.

use std::fmt::Display;

use cqrs_es::Aggregate;
use cqrs_es::persist::SerializedEvent;
use domain::{EventSourced, LogEvent as _};
use serde_json::Value;
use sqlx::FromRow;
use storage::Sql;
use uuid::Uuid;

use super::data_keys::{DataKeys, IdentifiedKey};
use super::row::{GENESIS, StoredEvent, WholeEvent, tagged};
use super::{EventLog, seal};
use crate::{Position, Sequence};

/// Every so many events, the append that reaches the next multiple brings the fold with it.
pub const SNAPSHOT_EVERY: i64 = 100;
/// A load reads no more events than this, however long the stream: those since the last snapshot, and what one command
/// may add on top.
pub const MAX_EVENTS_PER_LOAD: i64 = 200;
/// How many events are fetched at a time where there is no snapshot to begin at (one of another schema version).
const FETCH: i64 = 1_000;

pub(super) const STORED_COLUMNS: &str = "aggregate_type, aggregate_id, sequence, event_type, event_version, \
     CAST(payload AS text) AS payload, CAST(metadata AS text) AS metadata, position, account_id, integration_id, \
     caused_by, correlation_id, data_key_id, recorded_at, hash";

/// A stream's snapshot, where its event is in the stream. Every table by its key.
pub const SNAPSHOT: &str = "SELECT s.sequence, s.hash, s.schema_version, s.state, s.data_key_id FROM snapshots s \
     WHERE EXISTS (SELECT 1 FROM events e WHERE e.aggregate_type = s.aggregate_type \
            AND e.aggregate_id = s.aggregate_id AND e.sequence = s.sequence AND e.hash = s.hash) \
        AND s.aggregate_type = ";

/// An aggregate as it stands, with what the next append needs to know of its stream.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    pub aggregate: A,
    pub sequence: Sequence,
    pub hash: [u8; 32],
    /// What seals the stream's private values; none before the first of them, and after an erasure.
    pub data_key: Option<IdentifiedKey>,
    /// How many events were read to get here.
    pub events_read: usize,
    /// About how much it takes in memory, in bytes: what its snapshot and the events since take where they are stored.
    pub(super) size: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the event log cannot be read: {0}")]
    Sql(#[from] sqlx::Error),
    /// Who followed another log, or this one before it lost its end, must begin again.
    #[error("the event that was read last, {position}, is not in this event log")]
    OtherLog { position: Position },
    #[error("event {sequence} of {aggregate_type} {aggregate_id} cannot be read: {reason}")]
    Unreadable { aggregate_type: String, aggregate_id: String, sequence: Sequence, reason: String },
}

#[derive(FromRow)]
struct Snapshot {
    sequence: Sequence,
    hash: Vec<u8>,
    schema_version: i64,
    state: String,
    data_key_id: Option<Uuid>,
}

impl<A: Aggregate> Loaded<A> {
    pub(super) fn fresh() -> Self {
        Self {
            aggregate: A::default(),
            sequence: Sequence::START,
            hash: GENESIS,
            data_key: None,
            events_read: 0,
            size: 0,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.size as u64
    }
}

impl EventLog {
    /// The aggregate as it stands now.
    pub async fn load<A: EventSourced>(&self, id: impl Display) -> Result<Loaded<A>, LoadError> {
        let id = &id.to_string();
        let mut loaded = self.load_snapshot::<A>(id).await?;
        loop {
            let events = self.stream_after(A::TYPE, id, loaded.sequence, FETCH).await?;
            let last = events.len() < usize::try_from(FETCH).unwrap_or(usize::MAX);
            let keys = self.data_keys_of(&events).await?;
            for stored in events {
                (loaded.sequence, loaded.hash) = (stored.sequence, hash_of(&stored)?);
                loaded.size += stored.payload.len();
                let bad = |error| unreadable(A::TYPE, id, stored.sequence, error);
                if let Some(key) = keys.identified(stored.data_key_id).map_err(bad)? {
                    loaded.data_key = Some(key);
                }
                let event = self.read_event::<A>(stored, &keys)?;
                if event.erases_data_key() {
                    loaded.data_key = None;
                }
                loaded.aggregate.apply(event);
                loaded.events_read += 1;
            }
            if last {
                return Ok(loaded);
            }
        }
    }

    /// The data keys that sealed these events.
    pub(super) async fn data_keys_of(&self, events: &[StoredEvent]) -> sqlx::Result<DataKeys> {
        self.data_keys(events.iter().filter_map(|event| event.data_key_id)).await
    }

    /// The snapshot to begin at, if there is one that this version wrote of these very events.
    async fn load_snapshot<A: EventSourced>(&self, id: &str) -> Result<Loaded<A>, LoadError> {
        let sql = Sql::new(SNAPSHOT).bind(A::TYPE).push(" AND s.aggregate_id = ").bind(id);
        let mut loaded = Loaded::fresh();
        let found = self.database.fetch_optional::<Snapshot>(sql).await?;
        let Some(row) = found.filter(|row| row.schema_version == A::SNAPSHOT_VERSION) else {
            return Ok(loaded);
        };
        let keys = self.data_keys(row.data_key_id).await?;
        let bad = |reason: &dyn Display| unreadable(A::TYPE, id, row.sequence, reason);
        loaded.data_key = keys.identified(row.data_key_id).map_err(|error| bad(&error))?;
        let mut state: Value = serde_json::from_str(&row.state).map_err(|error| bad(&error))?;
        seal::open(&mut state, loaded.data_key.as_ref().map(|key| &key.key), &seal::associated_data(A::TYPE, id));
        loaded.aggregate = serde_json::from_value(state).map_err(|error| bad(&error))?;
        (loaded.sequence, loaded.size) = (row.sequence, row.state.len());
        loaded.hash = row.hash.try_into().map_err(|_| bad(&"its hash has another length"))?;
        Ok(loaded)
    }

    /// A stream's events as they are stored, from after a sequence on.
    pub async fn stream_after(
        &self,
        aggregate_type: &str,
        id: &str,
        after: Sequence,
        limit: i64,
    ) -> sqlx::Result<Vec<StoredEvent>> {
        let sql = Sql::new(format!("SELECT {STORED_COLUMNS} FROM events WHERE aggregate_type = "))
            .bind(aggregate_type)
            .push(" AND aggregate_id = ")
            .bind(id)
            .push(" AND sequence > ")
            .bind(after)
            .push(" ORDER BY sequence LIMIT ")
            .bind(limit);
        self.database.fetch_all(sql).await
    }

    /// A stream's events with their sealed bodies, as the hash chain covers them.
    pub async fn whole_stream(&self, aggregate_type: &str, id: &str, limit: i64) -> sqlx::Result<Vec<WholeEvent>> {
        let sql = Sql::new(format!("SELECT {STORED_COLUMNS}, body FROM events WHERE aggregate_type = "))
            .bind(aggregate_type)
            .push(" AND aggregate_id = ")
            .bind(id)
            .push(" ORDER BY sequence LIMIT ")
            .bind(limit);
        self.database.fetch_all(sql).await
    }

    /// The raw body that came with an event, if it came with one and was not erased.
    pub async fn body(&self, aggregate_type: &str, id: &str, sequence: Sequence) -> Result<Option<Vec<u8>>, LoadError> {
        #[derive(FromRow)]
        struct Sealed {
            body: Option<Vec<u8>>,
            data_key_id: Option<Uuid>,
        }
        let sql = Sql::new("SELECT body, data_key_id FROM events WHERE aggregate_type = ")
            .bind(aggregate_type)
            .push(" AND aggregate_id = ")
            .bind(id)
            .push(" AND sequence = ")
            .bind(sequence);
        let Some(Sealed { body: Some(body), data_key_id }) = self.database.fetch_optional(sql).await? else {
            return Ok(None);
        };
        let keys = self.data_keys(data_key_id).await?;
        let opened = keys.get(data_key_id).and_then(|key| {
            key.map(|key| seal::open_body(&body, key, &seal::associated_data(aggregate_type, id))).transpose()
        });
        opened.map_err(|error| unreadable(aggregate_type, id, sequence, error))
    }

    pub(super) fn read_event<A: Aggregate>(&self, stored: StoredEvent, keys: &DataKeys) -> Result<A::Event, LoadError> {
        let (aggregate_type, aggregate_id, sequence) =
            (stored.aggregate_type.clone(), stored.aggregate_id.clone(), stored.sequence);
        let bad = |reason: &dyn Display| unreadable(&aggregate_type, &aggregate_id, sequence, reason);
        let event = self.open_event(stored, keys).map_err(|reason| bad(&reason))?;
        serde_json::from_str(&event).map_err(|error| bad(&error))
    }

    /// An event as serde reads it, opened and brought to its present form.
    pub(super) fn open_event(&self, stored: StoredEvent, keys: &DataKeys) -> Result<String, String> {
        if self.upcasters.is_empty() {
            let associated_data = seal::associated_data(&stored.aggregate_type, &stored.aggregate_id);
            let key = keys.get(stored.data_key_id).map_err(|error| error.to_string())?;
            if let Some(payload) = seal::open_text(&stored.payload, key, &associated_data) {
                let event_type = Value::from(stored.event_type);
                return Ok(format!("{{\"event_type\":{event_type},\"payload\":{payload}}}"));
            }
        }
        let (event_type, payload) = self.open_payload(stored, keys)?;
        Ok(tagged(&event_type, payload).to_string())
    }

    /// An event's type and payload, opened and brought to their present form.
    pub(super) fn open_payload(&self, stored: StoredEvent, keys: &DataKeys) -> Result<(String, Value), String> {
        let associated_data = seal::associated_data(&stored.aggregate_type, &stored.aggregate_id);
        let mut payload: Value = serde_json::from_str(&stored.payload).map_err(|error| error.to_string())?;
        seal::open(&mut payload, keys.get(stored.data_key_id).map_err(|error| error.to_string())?, &associated_data);
        if self.upcasters.is_empty() {
            return Ok((stored.event_type, payload));
        }
        let mut event = SerializedEvent {
            aggregate_id: stored.aggregate_id,
            sequence: usize::try_from(stored.sequence.0).map_err(|error| error.to_string())?,
            aggregate_type: stored.aggregate_type,
            event_type: stored.event_type,
            event_version: stored.event_version,
            payload,
            metadata: Value::Null,
        };
        for upcaster in self.upcasters.iter() {
            if upcaster.can_upcast(&event.event_type, &event.event_version) {
                event = upcaster.upcast(event);
            }
        }
        Ok((event.event_type, event.payload))
    }
}

fn hash_of(stored: &StoredEvent) -> Result<[u8; 32], LoadError> {
    stored.hash.as_slice().try_into().map_err(|_| {
        unreadable(&stored.aggregate_type, &stored.aggregate_id, stored.sequence, "its hash has another length")
    })
}

pub(super) fn unreadable(aggregate_type: &str, id: &str, sequence: Sequence, reason: impl Display) -> LoadError {
    LoadError::Unreadable {
        aggregate_type: aggregate_type.to_owned(),
        aggregate_id: id.to_owned(),
        sequence,
        reason: reason.to_string(),
    }
}
