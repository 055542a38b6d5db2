//! A row of the log as it is stored, and the chain of hashes that runs through each stream.

use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Micros, Position, Sequence};

/// What a stream's first event is chained to.
pub const GENESIS: [u8; 32] = [0; 32];

/// An event in its stored form: private fields and the reason sealed, the body compressed and sealed.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StoredEvent {
    pub position: Position,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: Sequence,
    pub event_type: String,
    pub event_version: String,
    pub payload: String,
    pub metadata: String,
    /// Whose it is, where it is one account's.
    pub account_id: Option<Uuid>,
    /// The store link that it is about, where it is about one.
    pub integration_id: Option<Uuid>,
    /// The position of the event that this one follows from, where there is one.
    pub caused_by: Option<Position>,
    /// What belongs together across streams has the same: an order's delivery, or what one request did.
    pub correlation_id: Uuid,
    /// The data key that sealed its private values, its reason and its body, where it has any.
    pub data_key_id: Option<Uuid>,
    pub recorded_at: Micros,
    pub hash: Vec<u8>,
}

impl StoredEvent {
    /// The event, where nothing in it is sealed.
    ///
    /// # Errors
    /// Where it is of another type, or was changed.
    pub fn read<E: DeserializeOwned>(&self) -> serde_json::Result<E> {
        serde_json::from_value(tagged(&self.event_type, serde_json::from_str(&self.payload)?))
    }
}

/// An event as serde reads it.
pub(super) fn tagged(event_type: &str, payload: Value) -> Value {
    serde_json::json!({ "event_type": event_type, "payload": payload })
}

/// An event with the data key that sealed it, as that is stored. None where it has none, or it was erased.
#[derive(Debug, FromRow)]
pub(super) struct Keyed<E> {
    #[sqlx(flatten)]
    pub(super) event: E,
    pub(super) wrapped: Option<Vec<u8>>,
}

/// A stored event with its sealed body, as the chain hashes it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct WholeEvent {
    #[sqlx(flatten)]
    pub event: StoredEvent,
    pub body: Option<Vec<u8>>,
}

/// The hash of an event: SHA-256 over the previous hash of the stream and every stored byte of this row but its
/// position, which is only known once it is written. Each field is preceded by its length, so no two rows read alike.
pub fn chain(previous: &[u8; 32], event: &StoredEvent, body: Option<&[u8]>) -> [u8; 32] {
    let mut hasher = Sha256::new_with_prefix(previous);
    let mut field = |bytes: Option<&[u8]>| {
        // No value is as long as the mark of what is null.
        hasher.update(bytes.map_or(u64::MAX, |bytes| bytes.len() as u64).to_be_bytes());
        hasher.update(bytes.unwrap_or_default());
    };
    field(Some(event.aggregate_type.as_bytes()));
    field(Some(event.aggregate_id.as_bytes()));
    field(Some(&event.sequence.0.to_be_bytes()));
    field(Some(event.event_type.as_bytes()));
    field(Some(event.event_version.as_bytes()));
    field(Some(event.payload.as_bytes()));
    field(Some(event.metadata.as_bytes()));
    field(event.account_id.as_ref().map(|id| &id.as_bytes()[..]));
    field(event.integration_id.as_ref().map(|id| &id.as_bytes()[..]));
    field(event.caused_by.map(|position| position.0.to_be_bytes()).as_ref().map(|position| &position[..]));
    field(Some(event.correlation_id.as_bytes()));
    field(event.data_key_id.as_ref().map(|id| &id.as_bytes()[..]));
    field(Some(&event.recorded_at.0.to_be_bytes()));
    field(body);
    hasher.finalize().into()
}

/// The first event of a stream whose hash is not what its bytes and the event before it give.
pub fn first_broken(events: &[WholeEvent]) -> Option<&StoredEvent> {
    let mut previous = GENESIS;
    for (index, whole) in events.iter().enumerate() {
        let expected = chain(&previous, &whole.event, whole.body.as_deref());
        let in_place = usize::try_from(whole.event.sequence.0).is_ok_and(|sequence| sequence == index + 1);
        if !in_place || whole.event.hash != expected {
            return Some(&whole.event);
        }
        previous = expected;
    }
    None
}
