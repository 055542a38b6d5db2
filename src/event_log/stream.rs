//! Loading a stream: its latest snapshot and the events since, opened and folded. Never more than a bounded number.

use cqrs_es::Aggregate;
use cqrs_es::persist::SerializedEvent;
use projections::database::Sql;
use serde_json::Value;
use sqlx::FromRow;

use super::row::{GENESIS, StoredEvent, WholeEvent};
use super::{EventLog, data_keys, seal};
use crate::vault::DataKey;

/// Every so many events, the append that reaches the next multiple brings the fold with it.
pub const SNAPSHOT_EVERY: i64 = 100;
/// A load reads no more events than this, however long the stream: those since the last snapshot, and what one command
/// may add on top.
pub const MAX_EVENTS_PER_LOAD: i64 = 200;
/// How many events are fetched at a time where there is no snapshot to begin at (one of another schema version).
const FETCH: i64 = 1_000;

/// The form in which aggregates are kept as snapshots. Raise it when a fold changes: old snapshots are then passed over
/// once and written anew.
pub const SNAPSHOT_SCHEMA: i64 = 3;

pub(super) const STORED_COLUMNS: &str = "aggregate_type, aggregate_id, sequence, event_type, event_version, \
     CAST(payload AS text) AS payload, CAST(metadata AS text) AS metadata, position, recorded_at, hash";

/// Where a load begins: the snapshot, where its event is in the stream, and the stream's data key. Every table by its key.
pub const BEGINNING: &str = "SELECT s.sequence, s.hash, s.schema_version, s.state, k.wrapped FROM events b \
     LEFT JOIN data_keys k ON k.stream = b.position \
     LEFT JOIN snapshots s ON s.aggregate_type = b.aggregate_type AND s.aggregate_id = b.aggregate_id \
        AND EXISTS (SELECT 1 FROM events e WHERE e.aggregate_type = s.aggregate_type \
            AND e.aggregate_id = s.aggregate_id AND e.sequence = s.sequence AND e.hash = s.hash) \
     WHERE b.sequence = 1 AND b.aggregate_type = ";

/// An aggregate as it stands, with what the next append needs to know of its stream.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    pub aggregate: A,
    pub sequence: i64,
    pub hash: [u8; 32],
    pub data_key: Option<DataKey>,
    /// How many events were read to get here.
    pub events_read: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the event log cannot be read: {0}")]
    Sql(#[from] sqlx::Error),
    /// Who followed another log, or this one before it lost its end, must begin again.
    #[error("the event that was read last, {position}, is not in this event log")]
    OtherLog { position: i64 },
    #[error("event {sequence} of {aggregate_type} {aggregate_id} cannot be read: {reason}")]
    Unreadable { aggregate_type: String, aggregate_id: String, sequence: i64, reason: String },
}

#[derive(FromRow)]
struct Beginning {
    sequence: Option<i64>,
    hash: Option<Vec<u8>>,
    schema_version: Option<i64>,
    state: Option<String>,
    wrapped: Option<Vec<u8>>,
}

impl<A: Aggregate> Loaded<A> {
    pub(super) fn fresh() -> Self {
        Self { aggregate: A::default(), sequence: 0, hash: GENESIS, data_key: None, events_read: 0 }
    }
}

impl EventLog {
    /// The aggregate as it stands now.
    pub async fn load<A: Aggregate>(&self, id: &str) -> Result<Loaded<A>, LoadError> {
        let mut loaded = self.beginning::<A>(id).await?;
        loop {
            let events = self.stream_after(A::TYPE, id, loaded.sequence, FETCH).await?;
            let last = events.len() < usize::try_from(FETCH).unwrap_or(usize::MAX);
            for stored in events {
                (loaded.sequence, loaded.hash) = (stored.sequence, hash_of(&stored)?);
                loaded.aggregate.apply(self.read_event::<A>(stored, loaded.data_key.as_ref())?);
                loaded.events_read += 1;
            }
            if last {
                return Ok(loaded);
            }
        }
    }

    /// The snapshot to begin at, if there is one that this version wrote of these very events, and the stream's data key.
    async fn beginning<A: Aggregate>(&self, id: &str) -> Result<Loaded<A>, LoadError> {
        let sql = Sql::new(BEGINNING).bind(A::TYPE).push(" AND b.aggregate_id = ").bind(id);
        let mut loaded = Loaded::fresh();
        let Some(row) = self.database.fetch_optional::<Beginning>(sql).await? else {
            return Ok(loaded);
        };
        loaded.data_key = self.unwrapped::<A>(id, row.wrapped.as_deref())?;
        if let (Some(sequence), Some(hash), Some(SNAPSHOT_SCHEMA), Some(state)) =
            (row.sequence, row.hash, row.schema_version, row.state)
        {
            let place = seal::place(A::TYPE, id);
            let bad = |reason: &dyn std::fmt::Display| unreadable(A::TYPE, id, sequence, reason);
            let mut state: Value = serde_json::from_str(&state).map_err(|error| bad(&error))?;
            seal::open(&mut state, loaded.data_key.as_ref(), &place);
            loaded.aggregate = serde_json::from_value(state).map_err(|error| bad(&error))?;
            loaded.sequence = sequence;
            loaded.hash = hash.try_into().map_err(|_| bad(&"its hash has another length"))?;
        }
        Ok(loaded)
    }

    /// A stream's events as they are stored, from after a sequence on.
    pub async fn stream_after(
        &self,
        aggregate_type: &str,
        id: &str,
        sequence: i64,
        limit: i64,
    ) -> sqlx::Result<Vec<StoredEvent>> {
        let sql = Sql::new(format!("SELECT {STORED_COLUMNS} FROM events WHERE aggregate_type = "))
            .bind(aggregate_type)
            .push(" AND aggregate_id = ")
            .bind(id)
            .push(" AND sequence > ")
            .bind(sequence)
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
    pub async fn body(&self, aggregate_type: &str, id: &str, sequence: i64) -> Result<Option<Vec<u8>>, LoadError> {
        #[derive(FromRow)]
        struct Sealed {
            body: Option<Vec<u8>>,
            wrapped: Option<Vec<u8>>,
        }
        let sql = Sql::new(format!("SELECT e.body, {} FROM events e WHERE e.aggregate_type = ", data_keys::OF_EVENT))
            .bind(aggregate_type)
            .push(" AND e.aggregate_id = ")
            .bind(id)
            .push(" AND e.sequence = ")
            .bind(sequence);
        let Some(Sealed { body: Some(body), wrapped: Some(wrapped) }) = self.database.fetch_optional(sql).await? else {
            return Ok(None);
        };
        let place = seal::place(aggregate_type, id);
        let key = self.vault.unwrap(&place, &wrapped);
        let key = key.map_err(|error| unreadable(aggregate_type, id, sequence, error))?;
        // Sealed by a key that was erased since, unless this one opens it.
        Ok(seal::open_body(&body, &key, &place).ok())
    }

    pub(super) fn read_event<A: Aggregate>(
        &self,
        stored: StoredEvent,
        key: Option<&DataKey>,
    ) -> Result<A::Event, LoadError> {
        let (aggregate_type, aggregate_id, sequence) =
            (stored.aggregate_type.clone(), stored.aggregate_id.clone(), stored.sequence);
        let bad = |reason: &dyn std::fmt::Display| unreadable(&aggregate_type, &aggregate_id, sequence, reason);
        let payload = self.open_payload(stored, key).map_err(|reason| bad(&reason))?;
        serde_json::from_value(payload).map_err(|error| bad(&error))
    }

    /// An event's JSON, opened and brought to its present form.
    pub(super) fn open_payload(&self, stored: StoredEvent, key: Option<&DataKey>) -> Result<Value, String> {
        let place = seal::place(&stored.aggregate_type, &stored.aggregate_id);
        let mut payload: Value = serde_json::from_str(&stored.payload).map_err(|error| error.to_string())?;
        seal::open(&mut payload, key, &place);
        if self.upcasters.is_empty() {
            return Ok(payload);
        }
        let mut event = SerializedEvent {
            aggregate_id: stored.aggregate_id,
            sequence: usize::try_from(stored.sequence).map_err(|error| error.to_string())?,
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
        Ok(event.payload)
    }
}

fn hash_of(stored: &StoredEvent) -> Result<[u8; 32], LoadError> {
    stored.hash.as_slice().try_into().map_err(|_| {
        unreadable(&stored.aggregate_type, &stored.aggregate_id, stored.sequence, "its hash has another length")
    })
}

pub(super) fn unreadable(aggregate_type: &str, id: &str, sequence: i64, reason: impl std::fmt::Display) -> LoadError {
    LoadError::Unreadable {
        aggregate_type: aggregate_type.to_owned(),
        aggregate_id: id.to_owned(),
        sequence,
        reason: reason.to_string(),
    }
}
