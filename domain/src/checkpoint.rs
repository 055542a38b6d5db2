//! Checkpoints: what the log was up to some position, signed, so that history cannot be rewritten unnoticed.
//!
//! All checkpoints of a log are one stream, each joined to the one before: no position is left out or covered twice.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::event::{EventSourced, LogEvent, Owner, aggregate, domain_event};

/// The one stream of a log's checkpoints: the UUID of version 5 of the namespace of object ids and the name
/// `cloud-bridge checkpoints`.
pub const STREAM_ID: &str = "686e6441-c8a6-5a7d-9506-54bf8ff4ee8d";

/// What stands for the root before the first checkpoint: 32 zero bytes in hexadecimal.
pub const NO_ROOT: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A signed statement that the events from one position to another are those under a Merkle root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checkpoint {
    pub first_position: i64,
    /// Of the newest event that is covered; always before the checkpoint's own position.
    pub last_position: i64,
    /// SHA-256 in hexadecimal: 64 digits.
    pub root: String,
    /// The root of the checkpoint before, or [`NO_ROOT`].
    pub previous_root: String,
    /// Names the signing key: 16 hexadecimal digits.
    pub key_id: String,
    /// Ed25519, 64 hexadecimal digits.
    pub public_key: String,
    /// Ed25519 over the statement that docs/audit.md describes, 128 hexadecimal digits.
    pub signature: String,
    pub signed_at: DateTime<Utc>,
}

/// What happened. These names are the storage format: add, never rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CheckpointEvent {
    CheckpointSigned(Checkpoint),
}

domain_event!(CheckpointEvent);

impl LogEvent for CheckpointEvent {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointCommand {
    Record(Checkpoint),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointRefusal {
    /// Another node signed one first, or positions would be left out.
    #[error("the next checkpoint begins at position {next}")]
    NotNext { next: i64 },
    #[error("a checkpoint covers at least one event")]
    CoversNothing,
    #[error("a checkpoint names the root of the one before it")]
    OtherPredecessor,
}

/// The fold of the checkpoints: how far the log is signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Checkpoints {
    #[default]
    Initial,
    SignedUpTo(Checkpoint),
}

impl Checkpoints {
    pub fn latest(&self) -> Option<&Checkpoint> {
        match self {
            Self::Initial => None,
            Self::SignedUpTo(checkpoint) => Some(checkpoint),
        }
    }

    /// The position at which the next checkpoint begins.
    pub fn next_position(&self) -> i64 {
        self.latest().map_or(1, |checkpoint| checkpoint.last_position.saturating_add(1))
    }

    /// What the next checkpoint names as the root before it.
    pub fn latest_root(&self) -> &str {
        self.latest().map_or(NO_ROOT, |checkpoint| &checkpoint.root)
    }

    pub fn decide(&self, command: CheckpointCommand) -> Result<Vec<CheckpointEvent>, CheckpointRefusal> {
        let CheckpointCommand::Record(checkpoint) = command;
        if self.latest() == Some(&checkpoint) {
            return Ok(vec![]);
        }
        if checkpoint.first_position != self.next_position() {
            return Err(CheckpointRefusal::NotNext { next: self.next_position() });
        }
        if checkpoint.last_position < checkpoint.first_position {
            return Err(CheckpointRefusal::CoversNothing);
        }
        if checkpoint.previous_root != self.latest_root() {
            return Err(CheckpointRefusal::OtherPredecessor);
        }
        Ok(vec![CheckpointEvent::CheckpointSigned(checkpoint)])
    }
}

aggregate!(Checkpoints, "checkpoint", CheckpointCommand, CheckpointEvent, CheckpointRefusal);

impl Checkpoints {
    fn fold(&mut self, event: CheckpointEvent) {
        match event {
            CheckpointEvent::CheckpointSigned(checkpoint) => *self = Self::SignedUpTo(checkpoint),
        }
    }
}

impl EventSourced for Checkpoints {
    const SNAPSHOT_VERSION: i64 = 1;

    /// Checkpoints are of the whole log.
    fn owner(&self, _: &str) -> Owner {
        Owner::default()
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::Aggregate as _;
    use uuid::Uuid;

    use super::*;
    use crate::event::tests::stored;

    fn checkpoint(first_position: i64, last_position: i64, previous_root: &str) -> Checkpoint {
        Checkpoint {
            first_position,
            last_position,
            root: format!("{last_position:064x}"),
            previous_root: previous_root.to_owned(),
            key_id: "0123456789abcdef".to_owned(),
            public_key: "a".repeat(64),
            signature: "b".repeat(128),
            signed_at: DateTime::from_timestamp(1_760_000_000, 0).unwrap(),
        }
    }

    fn record(checkpoints: &Checkpoints, checkpoint: &Checkpoint) -> Result<Vec<CheckpointEvent>, CheckpointRefusal> {
        checkpoints.decide(CheckpointCommand::Record(checkpoint.clone()))
    }

    #[test]
    fn checkpoints_join_without_a_gap_or_an_overlap() {
        let first = checkpoint(1, 10, NO_ROOT);
        let mut checkpoints = Checkpoints::default();
        for event in record(&checkpoints, &first).unwrap() {
            checkpoints.apply(event);
        }
        assert_eq!(record(&checkpoints, &first), Ok(vec![]), "the same again adds nothing");
        for (other, refusal) in [
            (checkpoint(1, 12, NO_ROOT), CheckpointRefusal::NotNext { next: 11 }),
            (checkpoint(12, 13, &first.root), CheckpointRefusal::NotNext { next: 11 }),
            (checkpoint(11, 10, &first.root), CheckpointRefusal::CoversNothing),
            (checkpoint(11, 13, NO_ROOT), CheckpointRefusal::OtherPredecessor),
        ] {
            assert_eq!(record(&checkpoints, &other), Err(refusal));
        }
        let second = checkpoint(11, 11, &first.root);
        assert_eq!(record(&checkpoints, &second), Ok(vec![CheckpointEvent::CheckpointSigned(second.clone())]));
    }

    #[test]
    fn the_stream_is_the_one_that_the_documents_name() {
        assert_eq!(Uuid::new_v5(&Uuid::NAMESPACE_OID, b"cloud-bridge checkpoints").to_string(), STREAM_ID);
    }

    #[test]
    fn the_stored_form_of_every_event_is_pinned() {
        let event = CheckpointEvent::CheckpointSigned(checkpoint(1, 10, NO_ROOT));
        insta::assert_snapshot!(stored(&[event]));
    }

    /// Grows by a line whenever the stored form grows; no line is ever changed or removed.
    #[test]
    fn every_event_that_ever_was_still_loads() {
        for line in include_str!("checkpoint/ever.jsonl").lines() {
            serde_json::from_str::<CheckpointEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}
