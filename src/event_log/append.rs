//! One caller's events for one stream, and the answer.

use super::row::StoredEvent;

/// What a caller hands to the writer: events that go to one stream at one place, all or none.
#[derive(Clone, Debug)]
pub struct Append {
    pub events: Vec<NewEvent>,
    /// The wrapped data key of a stream that gets its first private field.
    pub new_data_key: Option<Vec<u8>>,
    /// The fold after these events, where the stream has grown enough to be worth one.
    pub snapshot: Option<NewSnapshot>,
}

/// An event ready to be stored; its position is not known yet.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub stored: StoredEvent,
    pub body: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub struct NewSnapshot {
    pub schema_version: i64,
    pub state: String,
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
    pub fn first(&self) -> &StoredEvent {
        &self.events[0].stored
    }

    pub fn last(&self) -> &StoredEvent {
        &self.events[self.events.len() - 1].stored
    }

    /// About what it takes in memory and on the wire, in bytes.
    pub fn weight(&self) -> usize {
        let event = |event: &NewEvent| {
            event.stored.payload.len() + event.stored.metadata.len() + event.body.as_ref().map_or(0, Vec::len) + 256
        };
        self.events.iter().map(event).sum::<usize>() + self.snapshot.as_ref().map_or(0, |s| s.state.len())
    }
}
