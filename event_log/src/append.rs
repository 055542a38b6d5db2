//! What one caller appends, to one stream or to several, and the answer.

use tokio::sync::oneshot;
use uuid::Uuid;

use super::data_keys::WrappedDataKey;
use super::row::{GENESIS, StoredEvent};
use crate::Position;

/// What a caller hands to the writer: events of one stream or of several, all or none.
#[derive(Clone, Debug)]
pub(super) struct Append {
    pub(super) streams: Vec<StreamAppend>,
    /// Whether a store waits for it: what can be done later yields to it.
    pub(super) is_webhook: bool,
}

/// Events that go to the end of one stream.
#[derive(Clone, Debug)]
pub(super) struct StreamAppend {
    /// The hash of the event before the first of these: what they were decided on.
    pub(super) previous: [u8; 32],
    /// At least one.
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

/// The position of the last event of an append; the others lie before it without a gap, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Appended {
    pub(super) position: Position,
}

/// The writer's answer, once the append is stored or refused.
pub(super) type Pending = oneshot::Receiver<Result<Appended, AppendError>>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A stream does not end where the events were decided: load it and decide again.
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
    pub(super) fn events(&self) -> impl Iterator<Item = &NewEvent> {
        self.streams.iter().flat_map(|stream| &stream.events)
    }

    /// About what it takes in memory and on the wire, in bytes.
    pub(super) fn weight(&self) -> usize {
        let event = |event: &NewEvent| {
            event.stored.payload.len() + event.stored.metadata.len() + event.body.as_ref().map_or(0, Vec::len) + 256
        };
        let snapshots = self.streams.iter().filter_map(|stream| stream.snapshot.as_ref());
        self.events().map(event).sum::<usize>() + snapshots.map(|snapshot| snapshot.state.len()).sum::<usize>()
    }
}

impl StreamAppend {
    pub(super) fn first(&self) -> &StoredEvent {
        &self.events[0].stored
    }

    pub(super) fn last(&self) -> &StoredEvent {
        &self.events[self.events.len() - 1].stored
    }

    pub(super) fn key(&self) -> StreamKey<'_> {
        StreamKey { aggregate_type: &self.first().aggregate_type, aggregate_id: &self.first().aggregate_id }
    }

    /// What the stream must end with for these events to follow.
    pub(super) fn expects(&self) -> StreamEnd {
        StreamEnd { sequence: self.first().sequence.0 - 1, hash: self.previous }
    }

    /// What the stream ends with after these events.
    pub(super) fn end(&self) -> StreamEnd {
        StreamEnd::stored(self.last().sequence.0, Some(&self.last().hash))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct StreamKey<'a> {
    pub(super) aggregate_type: &'a str,
    pub(super) aggregate_id: &'a str,
}

/// The last event of a stream: sequence 0 and the first hash of all before any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamEnd {
    pub(super) sequence: i64,
    pub(super) hash: [u8; 32],
}

impl StreamEnd {
    /// Of a stream without events.
    pub(super) const INITIAL: Self = Self { sequence: 0, hash: GENESIS };

    /// As it is stored. A hash of another length is that of no event that anything was decided on.
    pub(super) fn stored(sequence: i64, hash: Option<&[u8]>) -> Self {
        Self { sequence, hash: hash.and_then(|hash| hash.try_into().ok()).unwrap_or(GENESIS) }
    }
}
