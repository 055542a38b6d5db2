//! What is stored of events that were decided: sealed, chained, and with a snapshot now and then.

use bytes::Bytes;
use cqrs_es::DomainEvent as _;
use domain::{EventSourced, LogEvent as _};
use serde_json::Value;
use uuid::Uuid;

use super::EventLog;
use super::append::{NewEvent, NewSnapshot, StreamAppend};
use super::data_keys::WrappedDataKey;
use super::metadata::Metadata;
use super::origin::Origin;
use super::row::{StoredEvent, chain};
use super::seal;
use super::stream::{Loaded, SNAPSHOT_EVERY};
use crate::{Micros, Position};

impl EventLog {
    /// The stored form of the events: private fields and the reason sealed, the body sealed beside the first, each chained
    /// to the one before.
    pub(super) fn prepare<A: EventSourced>(
        &self,
        loaded: &mut Loaded<A>,
        id: &str,
        events: &[A::Event],
        origin: &Origin,
        mut body: Option<Bytes>,
    ) -> Result<StreamAppend, serde_json::Error> {
        let associated_data = seal::associated_data(A::TYPE, id);
        let owner = loaded.aggregate.owner(id);
        let account_id = owner.account_id.or(origin.actor.account_id());
        let correlation_id = origin.correlation_id.or_else(|| id.parse().ok()).unwrap_or(Uuid::nil());
        let recorded_at = Micros::from(self.clock.now());
        let metadata = serde_json::to_value(Metadata::from(&origin.actor))?;
        let (previous, mut new_data_key, mut erased_data_key) = (loaded.hash, None, None);
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let (mut payload, mut metadata) = (payload_of(event)?, metadata.clone());
            let body = body.take().filter(|_| event.keeps_body());
            let is_sealed = body.is_some() || seal::has_private(&payload) || seal::has_private(&metadata);
            if loaded.data_key.is_none() && is_sealed {
                loaded.data_key = origin.sealed_with.clone();
            }
            if loaded.data_key.is_none() && is_sealed {
                let (key, wrapped) = self.new_data_key();
                (loaded.data_key, new_data_key) = (Some(key), Some(wrapped));
            }
            let key = loaded.data_key.as_ref().filter(|_| is_sealed);
            let sealed_body = key.and_then(|key| Some(seal::seal_body(&body?, &key.key, &associated_data)));
            if let Some(key) = key {
                seal::seal(&mut payload, &key.key, &associated_data);
                seal::seal(&mut metadata, &key.key, &associated_data);
            }
            let data_key_id = key.map(|key| key.id);
            if event.erases_data_key() {
                // What was sealed for this append alone would be lost with it: a key is never made and deleted at once.
                erased_data_key = loaded.data_key.take().map(|key| key.id).filter(|_| new_data_key.take().is_none());
            }
            loaded.sequence = loaded.sequence.next();
            let mut stored = StoredEvent {
                position: Position::START,
                aggregate_type: A::TYPE.to_owned(),
                aggregate_id: id.to_owned(),
                sequence: loaded.sequence,
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: payload.to_string(),
                metadata: metadata.to_string(),
                account_id: account_id.map(|id| id.0),
                integration_id: owner.integration_id.map(|id| id.0),
                caused_by: origin.caused_by,
                correlation_id,
                data_key_id,
                recorded_at,
                hash: vec![],
            };
            loaded.hash = chain(&loaded.hash, &stored, sealed_body.as_deref());
            stored.hash = loaded.hash.to_vec();
            loaded.size += stored.payload.len();
            rows.push(NewEvent { stored, body: sealed_body });
        }
        let snapshot = self.snapshot(loaded, events.len(), &associated_data, &mut new_data_key)?;
        Ok(StreamAppend { previous, events: rows, new_data_key, erased_data_key, snapshot })
    }

    /// The fold, where these events carry the stream past a multiple of [`SNAPSHOT_EVERY`].
    fn snapshot<A: EventSourced>(
        &self,
        loaded: &mut Loaded<A>,
        added: usize,
        associated_data: &str,
        new_data_key: &mut Option<WrappedDataKey>,
    ) -> Result<Option<NewSnapshot>, serde_json::Error> {
        let before = loaded.sequence.minus(i64::try_from(added).unwrap_or(0));
        if before.0 / SNAPSHOT_EVERY == loaded.sequence.0 / SNAPSHOT_EVERY {
            return Ok(None);
        }
        let mut state = serde_json::to_value(&loaded.aggregate)?;
        // What a fold remembers may be private where no event of it is any more: the person was erased.
        if loaded.data_key.is_none() && seal::has_private(&state) {
            let (key, wrapped) = self.new_data_key();
            (loaded.data_key, *new_data_key) = (Some(key), Some(wrapped));
        }
        if let Some(key) = &loaded.data_key {
            seal::seal(&mut state, &key.key, associated_data);
        }
        let data_key_id = loaded.data_key.as_ref().map(|key| key.id);
        let state = state.to_string();
        loaded.size = state.len();
        Ok(Some(NewSnapshot { schema_version: A::SNAPSHOT_VERSION, state, data_key_id }))
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
