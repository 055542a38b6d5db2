//! Signing checkpoints. When one is signed by itself is for `processes/checkpoints.rs` to say.

use std::collections::HashSet;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use domain::checkpoint::{Checkpoint, CheckpointCommand, CheckpointRefusal, Checkpoints, STREAM_ID};
use ed25519_dalek::Signer as _;

use super::checkpoint::statement;
use super::key;
use super::range;
use event_log::{Actor, CommandError, EventLog, Position, Sequence};

/// How often it is tried again because another node signed first.
const MAX_TRIES: usize = 10;

/// What came of signing.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The newest checkpoint of the log; none where there is nothing to sign.
    pub latest: Option<Checkpoint>,
    /// Its place in its stream.
    pub number: Sequence,
    /// Where it lies, if it was signed just now. Otherwise nothing but checkpoints came after the latest.
    pub position: Option<Position>,
}

/// Signs what came since the last checkpoint. Of several nodes that do so at once, one does.
pub async fn sign(log: &EventLog, actor: &Actor) -> anyhow::Result<Signed> {
    for _ in 0..MAX_TRIES {
        let loaded = log.load::<Checkpoints>(STREAM_ID).await?;
        let (first, last) = (Position(loaded.aggregate.next_position()), log.newest().await?);
        if !log.has_unsigned(first).await? {
            return Ok(Signed { latest: loaded.aggregate.latest().cloned(), number: loaded.sequence, position: None });
        }
        let key = key::current(log).await?;
        let tree = range::tree(log, first, last, &HashSet::new()).await?;
        let mut checkpoint = Checkpoint {
            first_position: first.0,
            last_position: last.0,
            root: hex::encode(tree.root().context("there is nothing to sign")?),
            previous_root: loaded.aggregate.latest_root().to_owned(),
            public_key: hex::encode(key.public().as_bytes()),
            key_id: key.key_id,
            signature: String::new(),
            signed_at: log.clock().now(),
        };
        checkpoint.signature = hex::encode(key.signing.sign(statement(&checkpoint).as_bytes()).to_bytes());
        let command = CheckpointCommand::Record(checkpoint.clone());
        match log.execute::<Checkpoints>(STREAM_ID, command, actor).await {
            Ok(done) => {
                return Ok(Signed { latest: Some(checkpoint), number: done.sequence, position: done.position });
            }
            Err(CommandError::Refused(CheckpointRefusal::NotNext { .. })) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("other nodes sign at the same moment, again and again")
}

/// When the last checkpoint was signed; before the first, when the first event was recorded.
pub(crate) async fn unsigned_since(log: &EventLog) -> anyhow::Result<Option<DateTime<Utc>>> {
    let loaded = log.load::<Checkpoints>(STREAM_ID).await?;
    if let Some(latest) = loaded.aggregate.latest() {
        return Ok(Some(latest.signed_at));
    }
    Ok(log.began_at().await?)
}
