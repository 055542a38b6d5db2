//! Our event store under cqrs-es's framework: loads are bounded, appends are grouped, and a fresh stream is not read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use bytes::Bytes;
use cqrs_es::{Aggregate, AggregateContext, AggregateError, DomainEvent, EventEnvelope, EventStore};
use domain::delivery::{PERSONAL_DATA_ERASED, WEBHOOK_REPEATED};

use super::EventLog;
use super::append::{Append, AppendError, NewEvent, NewSnapshot};
use super::execute::Committed;
use super::row::{StoredEvent, chain};
use super::seal;
use super::stream::{LoadError, Loaded, SNAPSHOT_EVERY, SNAPSHOT_SCHEMA};

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

impl<'l, A: Aggregate> StreamStore<'l, A> {
    /// `body` is kept beside the first event, compressed and sealed.
    pub fn new(log: &'l EventLog, start: Start, body: Option<Bytes>) -> Self {
        Self { log, start, body, committed: Mutex::new(None) }
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
        let mut new_data_key = None;
        let recorded_at = self.log.clock().now().timestamp_micros();
        let mut body = self.body.clone();
        let mut rows = Vec::with_capacity(events.len());
        let mut erases_data_key = false;
        for event in events {
            let mut payload = serde_json::to_value(event)?;
            // A body says at length what was left out of the event, and is not stored again with its repetition.
            let is_kept = event.event_type() != WEBHOOK_REPEATED && !seal::is_erased(&payload);
            let body = body.take().filter(|_| is_kept);
            if loaded.data_key.is_none() && (body.is_some() || seal::has_private(&payload)) {
                let (key, wrapped) = self.log.vault().new_data_key(&place);
                (loaded.data_key, new_data_key) = (Some(key), Some(wrapped));
            }
            let mut sealed_body = None;
            if let Some(key) = &loaded.data_key {
                seal::seal(&mut payload, key, &place);
                sealed_body = body.map(|body| seal::seal_body(&body, key, &place));
            }
            if event.event_type() == PERSONAL_DATA_ERASED {
                // What was sealed for this append alone would be lost with it: a key is never made and deleted at once.
                erases_data_key = new_data_key.take().is_none();
                loaded.data_key = None;
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
                recorded_at,
                hash: vec![],
            };
            loaded.hash = chain(&loaded.hash, &stored, sealed_body.as_deref());
            stored.hash = loaded.hash.to_vec();
            rows.push(NewEvent { stored, body: sealed_body });
        }
        Ok(Append { events: rows, new_data_key, erases_data_key, snapshot: snapshot(loaded, events.len(), &place)? })
    }
}

/// The fold, where these events carry the stream past a multiple of [`SNAPSHOT_EVERY`].
fn snapshot<A: Aggregate>(
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
        seal::seal(&mut state, key, place);
    }
    Ok(Some(NewSnapshot { schema_version: SNAPSHOT_SCHEMA, state: state.to_string() }))
}

impl<A: Aggregate> EventStore<A> for &StreamStore<'_, A> {
    type AC = StreamContext<A>;

    async fn load_events(&self, id: &str) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let loaded: Loaded<A> = self.log.load(id).await.map_err(unloadable)?;
        let stored = self.log.stream_after(A::TYPE, id, 0, i64::MAX).await.map_err(|error| unloadable(error.into()))?;
        stored
            .into_iter()
            .map(|stored| {
                let sequence = usize::try_from(stored.sequence).unwrap_or_default();
                let metadata = serde_json::from_str(&stored.metadata).unwrap_or_default();
                let payload = self.log.read_event::<A>(stored, loaded.data_key.as_ref()).map_err(unloadable)?;
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
