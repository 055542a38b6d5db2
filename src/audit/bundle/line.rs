//! The lines of a bundle. These names are the format: what is added raises the version.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StreamName;
use crate::audit::merkle::Hash;
use event_log::row::{StoredEvent, WholeEvent};
use event_log::{Micros, Position, Sequence};

pub(super) const FORMAT: &str = "cloud-bridge audit bundle";
pub(super) const VERSION: u32 = 1;

/// One line, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Bundle(Header),
    Key(Key),
    Checkpoint(Event),
    Event(Event),
    Proof(Proof),
    End(End),
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) format: String,
    pub(super) version: u32,
    /// The hash of the log's first event, which distinguishes logs.
    pub(super) log: String,
    pub(super) from: Position,
    pub(super) to: Position,
    /// The streams whose events are there, or null for all events.
    pub(super) streams: Option<Vec<StreamName>>,
    /// RFC 3339.
    pub(super) created_at: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) key_id: String,
    pub(super) public_key: String,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub(super) position: Position,
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
    pub(super) sequence: Sequence,
    pub(super) event_type: String,
    pub(super) event_version: String,
    /// The stored text, as a JSON string.
    pub(super) payload: String,
    pub(super) metadata: String,
    pub(super) account_id: Option<Uuid>,
    pub(super) integration_id: Option<Uuid>,
    pub(super) caused_by: Option<Position>,
    pub(super) correlation_id: Uuid,
    pub(super) data_key_id: Option<Uuid>,
    pub(super) recorded_at: i64,
    pub(super) hash: String,
    /// The sealed body in base64.
    pub(super) body: Option<String>,
    /// The hash of the event before it in its stream, where that one is not in the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<String>,
}

/// That an event is under a checkpoint's root. Its index is its position less the checkpoint's first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    pub(super) position: Position,
    /// Sequence of the checkpoint.
    pub(super) checkpoint: Sequence,
    pub(super) path: Vec<String>,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// Lines before this one.
    pub(super) lines: u64,
    /// SHA-256 over every byte before this line.
    pub(super) sha256: String,
}

impl Event {
    pub(super) fn of(whole: WholeEvent, previous: Option<Hash>) -> Self {
        let WholeEvent { event, body } = whole;
        Self {
            position: event.position,
            aggregate_type: event.aggregate_type,
            aggregate_id: event.aggregate_id,
            sequence: event.sequence,
            event_type: event.event_type,
            event_version: event.event_version,
            payload: event.payload,
            metadata: event.metadata,
            account_id: event.account_id,
            integration_id: event.integration_id,
            caused_by: event.caused_by,
            correlation_id: event.correlation_id,
            data_key_id: event.data_key_id,
            recorded_at: event.recorded_at.0,
            hash: hex::encode(event.hash),
            body: body.map(|body| STANDARD.encode(body)),
            previous: previous.map(hex::encode),
        }
    }

    /// The row as it was stored. None where a hash or the body is not written as it should be.
    pub(super) fn into_whole(self) -> Option<WholeEvent> {
        let body = self.body.map(|body| STANDARD.decode(body)).transpose().ok()?;
        let event = StoredEvent {
            position: self.position,
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id,
            sequence: self.sequence,
            event_type: self.event_type,
            event_version: self.event_version,
            payload: self.payload,
            metadata: self.metadata,
            account_id: self.account_id,
            integration_id: self.integration_id,
            caused_by: self.caused_by,
            correlation_id: self.correlation_id,
            data_key_id: self.data_key_id,
            recorded_at: Micros(self.recorded_at),
            hash: hex::decode(self.hash).ok()?,
        };
        Some(WholeEvent { event, body })
    }
}
