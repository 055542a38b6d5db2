//! Our event store under cqrs-es's framework: loads are bounded, appends are grouped, and a fresh stream is not read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use bytes::Bytes;
use cqrs_es::{Aggregate, AggregateContext, AggregateError, DomainEvent as _, EventEnvelope, EventStore};
use domain::{EventSourced, LogEvent as _};
use serde_json::Value;
use uuid::Uuid;

use super::EventLog;
use super::append::{Append, AppendError, NewEvent, NewSnapshot};
use super::execute::{Committed, Origin};
use super::row::{StoredEvent, chain};
use super::seal;
use super::stream::{LoadError, Loaded, SNAPSHOT_EVERY};

/// What is assumed of a stream before a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It is new, most likely: decide on the default and append at its beginning. Costs no read; a stream that exists
    /// answers with a conflict.
    Fresh,
    /// It may exist: load it.
    Loaded,
}

/// The log as the event store of one command. It keeps what the command led to, which the framework does not tell.
pub struct StreamStore<'l, A: Aggregate> {
    log: &'l EventLog,
    start: Start,
    origin: &'l Origin,
    body: Option<Bytes>,
    committed: Mutex<Option<Committed<A>>>,
}

/// The aggregate between loading and committing.
pub struct StreamContext<A> {
    id: String,
    loaded: Loaded<A>,
}

impl<A: Aggregate> AggregateContext<A> for StreamContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.loaded.aggregate
    }
}

impl<'l, A: EventSourced> StreamStore<'l, A> {
    /// `body` is kept beside the first event, compressed and sealed.
    pub fn new(log: &'l EventLog, start: Start, origin: &'l Origin, body: Option<Bytes>) -> Self {
        Self { log, start, origin, body, committed: Mutex::new(None) }
    }

    pub(super) fn into_committed(self) -> Option<Committed<A>> {
        self.committed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn keep(&self, committed: Committed<A>) {
        *self.committed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(committed);
    }

    /// The stored form of the events: private fields sealed, the body sealed beside the first, each chained to the one
    /// before.
    fn prepare(
        &self,
        context: &mut StreamContext<A>,
        events: &[A::Event],
        metadata: &str,
    ) -> Result<Append, serde_json::Error> {
        let place = seal::place(A::TYPE, &context.id);
        let loaded = &mut context.loaded;
        let owner = loaded.aggregate.owner(&context.id);
        let account_id = owner.account_id.or(self.origin.actor.account_id());
        let correlation_id = self.origin.correlation_id.or_else(|| context.id.parse().ok()).unwrap_or(Uuid::nil());
        let recorded_at = self.log.clock().now().timestamp_micros();
        let (mut new_data_key, mut erased_data_key) = (None, None);
        let mut body = self.body.clone();
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let mut payload = payload_of(event)?;
            let body = body.take().filter(|_| event.keeps_body());
            let is_sealed = body.is_some() || seal::has_private(&payload);
            if loaded.data_key.is_none() && is_sealed {
                let (key, wrapped) = self.log.new_data_key();
                (loaded.data_key, new_data_key) = (Some(key), Some(wrapped));
            }
            let key = loaded.data_key.as_ref().filter(|_| is_sealed);
            let sealed_body = key.and_then(|key| Some(seal::seal_body(&body?, &key.key, &place)));
            if let Some(key) = key {
                seal::seal(&mut payload, &key.key, &place);
            }
            let data_key_id = key.map(|key| key.id);
            if event.erases_data_key() {
                // What was sealed for this append alone would be lost with it: a key is never made and deleted at once.
                erased_data_key = loaded.data_key.take().map(|key| key.id).filter(|_| new_data_key.take().is_none());
            }
            loaded.sequence += 1;
            let mut stored = StoredEvent {
                position: 0,
                aggregate_type: A::TYPE.to_owned(),
                aggregate_id: context.id.clone(),
                sequence: loaded.sequence,
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: payload.to_string(),
                metadata: metadata.to_owned(),
                account_id: account_id.map(|id| id.0),
                integration_id: owner.integration_id.map(|id| id.0),
                caused_by: self.origin.caused_by,
                correlation_id,
                data_key_id,
                recorded_at,
                hash: vec![],
            };
            loaded.hash = chain(&loaded.hash, &stored, sealed_body.as_deref());
            stored.hash = loaded.hash.to_vec();
            rows.push(NewEvent { stored, body: sealed_body });
        }
        let snapshot = snapshot(loaded, events.len(), &place)?;
        Ok(Append { events: rows, new_data_key, erased_data_key, snapshot })
    }
}

/// The fields of an event. Its name is the event's type.
fn payload_of<E: serde::Serialize>(event: &E) -> Result<Value, serde_json::Error> {
    let mut tagged = serde_json::to_value(event)?;
    match tagged.get_mut("payload").map(Value::take) {
        Some(payload @ Value::Object(_)) => Ok(payload),
        Some(_) | None => Err(serde::ser::Error::custom("an event is not a type and an object of fields")),
    }
}

/// The fold, where these events carry the stream past a multiple of [`SNAPSHOT_EVERY`].
fn snapshot<A: EventSourced>(
    loaded: &Loaded<A>,
    added: usize,
    place: &str,
) -> Result<Option<NewSnapshot>, serde_json::Error> {
    let before = loaded.sequence - i64::try_from(added).unwrap_or(0);
    if before / SNAPSHOT_EVERY == loaded.sequence / SNAPSHOT_EVERY {
        return Ok(None);
    }
    let mut state = serde_json::to_value(&loaded.aggregate)?;
    if let Some(key) = &loaded.data_key {
        seal::seal(&mut state, &key.key, place);
    }
    let data_key_id = loaded.data_key.as_ref().map(|key| key.id);
    Ok(Some(NewSnapshot { schema_version: A::SNAPSHOT_VERSION, state: state.to_string(), data_key_id }))
}

impl<A: EventSourced> EventStore<A> for &StreamStore<'_, A> {
    type AC = StreamContext<A>;

    async fn load_events(&self, id: &str) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let stored = self.log.stream_after(A::TYPE, id, 0, i64::MAX).await.map_err(|error| unloadable(error.into()))?;
        let keys = self.log.data_keys_of(&stored).await.map_err(|error| unloadable(error.into()))?;
        stored
            .into_iter()
            .map(|stored| {
                let sequence = usize::try_from(stored.sequence).unwrap_or_default();
                let metadata = serde_json::from_str(&stored.metadata).unwrap_or_default();
                let payload = self.log.read_event::<A>(stored, &keys).map_err(unloadable)?;
                Ok(EventEnvelope { aggregate_id: id.to_owned(), sequence, payload, metadata })
            })
            .collect()
    }

    async fn load_aggregate(&self, id: &str) -> Result<StreamContext<A>, AggregateError<A::Error>> {
        let loaded = match self.start {
            Start::Fresh => Loaded::fresh(),
            Start::Loaded => self.log.load(id).await.map_err(unloadable)?,
        };
        Ok(StreamContext { id: id.to_owned(), loaded })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        mut context: StreamContext<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        if events.is_empty() {
            let Loaded { aggregate, sequence, .. } = context.loaded;
            self.keep(Committed { aggregate, events, position: None, sequence });
            return Ok(vec![]);
        }
        let before = context.loaded.sequence;
        // Sorted, so that the stored bytes do not depend on the hasher's mood.
        let sorted = serde_json::to_string(&BTreeMap::from_iter(&metadata)).map_err(unwritable)?;
        let append = self.prepare(&mut context, &events, &sorted).map_err(unwritable)?;
        let appended = self.log.writer.append(append).await.map_err(|error| match error {
            AppendError::Conflict => AggregateError::AggregateConflict,
            AppendError::Busy | AppendError::Unavailable(_) => AggregateError::DatabaseConnectionError(Box::new(error)),
        })?;
        let envelopes = (before + 1..)
            .zip(&events)
            .map(|(sequence, event)| EventEnvelope {
                aggregate_id: context.id.clone(),
                sequence: usize::try_from(sequence).unwrap_or_default(),
                payload: event.clone(),
                metadata: metadata.clone(),
            })
            .collect();
        let Loaded { aggregate, sequence, .. } = context.loaded;
        self.keep(Committed { aggregate, events, position: Some(appended.position), sequence });
        Ok(envelopes)
    }
}

fn unloadable<E: std::error::Error>(error: LoadError) -> AggregateError<E> {
    match error {
        LoadError::Sql(error) => AggregateError::DatabaseConnectionError(Box::new(error)),
        LoadError::OtherLog { .. } | LoadError::Unreadable { .. } => {
            AggregateError::DeserializationError(Box::new(error))
        }
    }
}

fn unwritable<E: std::error::Error>(error: serde_json::Error) -> AggregateError<E> {
    AggregateError::UnexpectedError(Box::new(error))
}
