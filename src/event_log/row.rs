//! A row of the log as it is stored, and the chain of hashes that runs through each stream.

use sha2::{Digest, Sha256};
use sqlx::FromRow;

/// What a stream's first event is chained to.
pub const GENESIS: [u8; 32] = [0; 32];

/// An event in its stored form: private fields sealed, the body compressed and sealed.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StoredEvent {
    pub position: i64,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    pub payload: String,
    pub metadata: String,
    /// Microseconds since 1970.
    pub recorded_at: i64,
    pub hash: Vec<u8>,
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
    let mut field = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    field(event.aggregate_type.as_bytes());
    field(event.aggregate_id.as_bytes());
    field(&event.sequence.to_be_bytes());
    field(event.event_type.as_bytes());
    field(event.event_version.as_bytes());
    field(event.payload.as_bytes());
    field(event.metadata.as_bytes());
    field(&event.recorded_at.to_be_bytes());
    match body {
        Some(body) => field(body),
        None => hasher.update(u64::MAX.to_be_bytes()),
    }
    hasher.finalize().into()
}

/// The first event of a stream whose hash is not what its bytes and the event before it give.
pub fn first_broken(events: &[WholeEvent]) -> Option<&StoredEvent> {
    let mut previous = GENESIS;
    for (index, whole) in events.iter().enumerate() {
        let expected = chain(&previous, &whole.event, whole.body.as_deref());
        let in_place = usize::try_from(whole.event.sequence).is_ok_and(|sequence| sequence == index + 1);
        if !in_place || whole.event.hash != expected {
            return Some(&whole.event);
        }
        previous = expected;
    }
    None
}
