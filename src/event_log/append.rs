//! One caller's events for one stream, and the answer.

use uuid::Uuid;

use super::data_keys::WrappedDataKey;
use super::row::StoredEvent;

/// What a caller hands to the writer: events that go to one stream at one place, all or none.
#[derive(Clone, Debug)]
pub(super) struct Append {
    pub(super) events: Vec<NewEvent>,
    /// The data key of a stream that gets its first private field.
    pub(super) new_data_key: Option<WrappedDataKey>,
    /// The data key that is deleted with these events.
    pub(super) erased_data_key: Option<Uuid>,
    /// The fold after these events, where the stream has grown enough to be worth one.
    pub(super) snapshot: Option<NewSnapshot>,
}

/// An event ready to be stored; its position is not known yet.
#[derive(Clone, Debug)]
pub(super) struct NewEvent {
    pub(super) stored: StoredEvent,
    pub(super) body: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub(super) struct NewSnapshot {
    pub(super) schema_version: i64,
    pub(super) state: String,
    /// The data key of the stream, which seals the state too.
    pub(super) data_key_id: Option<Uuid>,
}

/// Where the last of the events came to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub position: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Somebody else appended to the stream first: load it and decide again.
    #[error("another append to this stream came first")]
    Conflict,
    /// More is waiting than the writer may hold: come back in a moment.
    #[error("the event log has more to write than it may hold")]
    Busy,
    /// It was not stored, as far as is known. If it was after all, the next try finds a conflict.
    #[error("the event log cannot be reached: {0}")]
    Unavailable(String),
}

impl Append {
    pub(super) fn first(&self) -> &StoredEvent {
        &self.events[0].stored
    }

    pub(super) fn last(&self) -> &StoredEvent {
        &self.events[self.events.len() - 1].stored
    }

    /// About what it takes in memory and on the wire, in bytes.
    pub(super) fn weight(&self) -> usize {
        let event = |event: &NewEvent| {
            event.stored.payload.len() + event.stored.metadata.len() + event.body.as_ref().map_or(0, Vec::len) + 256
        };
        self.events.iter().map(event).sum::<usize>() + self.snapshot.as_ref().map_or(0, |s| s.state.len())
    }
}
