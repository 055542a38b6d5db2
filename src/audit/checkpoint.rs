//! What a checkpoint states, and whether it was signed so.

use domain::checkpoint::{Checkpoint, CheckpointEvent, NO_ROOT};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use super::Broken;
use super::merkle::Hash;
use super::range::events_between;
use event_log::row::StoredEvent;
use event_log::{Position, Sequence};

/// The first line of what is signed; its number is that of the form.
const STATEMENT: &str = "cloud-bridge checkpoint 1";

/// The text that a checkpoint's signature is over.
pub fn statement(checkpoint: &Checkpoint) -> String {
    let Checkpoint { first_position, last_position, root, previous_root, signed_at, .. } = checkpoint;
    let signed_at = signed_at.timestamp_micros();
    format!(
        "{STATEMENT}\nfirst_position {first_position}\nlast_position {last_position}\nroot {root}\nprevious_root \
         {previous_root}\nsigned_at {signed_at}\n"
    )
}

/// Names a signing key: the first 8 bytes of a hash of its public part, in hexadecimal.
pub fn key_id(public_key: &[u8; 32]) -> String {
    let digest = Sha256::new().chain_update(b"cloud-bridge signing key").chain_update(public_key).finalize();
    hex::encode(&digest[..8])
}

/// A public key as it is written, or an error for what is none.
pub fn public_key(text: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&bytes_of(text)?).ok()
}

/// A range of positions that was signed, and the root over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRange {
    /// Of the checkpoint in its stream.
    pub number: Sequence,
    /// Where the checkpoint itself lies.
    pub position: Position,
    pub first: Position,
    pub last: Position,
    pub root: Hash,
    /// Of the checkpoint's own row.
    pub hash: Vec<u8>,
}

impl SignedRange {
    pub fn events(&self) -> u64 {
        events_between(self.first, self.last)
    }
}

/// Checks the checkpoints of a log or a bundle, one after the other.
pub struct CheckpointReader<'k> {
    /// The public keys that are believed.
    keys: &'k [VerifyingKey],
    before: Option<Before>,
}

struct Before {
    number: Sequence,
    last: Position,
    root: String,
}

impl<'k> CheckpointReader<'k> {
    pub fn new(keys: &'k [VerifyingKey]) -> Self {
        Self { keys, before: None }
    }

    /// What the next row of the stream of checkpoints says, if it says it rightly.
    pub fn read(&mut self, row: &StoredEvent) -> Result<SignedRange, Broken> {
        let broken = |reason: &str| Broken::at(row, reason);
        let event: CheckpointEvent = row.read().map_err(|_| broken("it is not a checkpoint that can be read"))?;
        let CheckpointEvent::CheckpointSigned(checkpoint) = event;
        self.check_signature(&checkpoint).map_err(|reason| broken(&reason))?;
        let (first, last) = (Position(checkpoint.first_position), Position(checkpoint.last_position));
        if first < Position::FIRST || last < first || last >= row.position {
            return Err(broken("it does not cover positions before its own"));
        }
        match &self.before {
            Some(before) if row.sequence != before.number.next() => {
                return Err(broken("it does not follow the checkpoint before it"));
            }
            Some(before) if first != before.last.next() => {
                return Err(broken("it does not begin where the checkpoint before it ends"));
            }
            Some(before) if checkpoint.previous_root != before.root => {
                return Err(broken("it names another root than that of the checkpoint before it"));
            }
            None if row.sequence == Sequence::FIRST
                && (first != Position::FIRST || checkpoint.previous_root != NO_ROOT) =>
            {
                return Err(broken("it is the first checkpoint and does not begin at the first event"));
            }
            Some(_) | None => {}
        }
        let root = bytes_of(&checkpoint.root).ok_or_else(|| broken("its root is not 32 bytes in hexadecimal"))?;
        self.before = Some(Before { number: row.sequence, last, root: checkpoint.root });
        Ok(SignedRange { number: row.sequence, position: row.position, first, last, root, hash: row.hash.clone() })
    }

    fn check_signature(&self, checkpoint: &Checkpoint) -> Result<(), String> {
        let named = public_key(&checkpoint.public_key).ok_or("its public key is none")?;
        let Some(key) = self.keys.iter().find(|key| **key == named) else {
            return Err(format!(
                "it is signed with another key than those that are believed here ({})",
                checkpoint.public_key
            ));
        };
        if key_id(key.as_bytes()) != checkpoint.key_id {
            return Err("it names its key by another id than the key's".to_owned());
        }
        let signature = bytes_of(&checkpoint.signature).map(|bytes| Signature::from_bytes(&bytes));
        let signed =
            signature.is_some_and(|signature| key.verify_strict(statement(checkpoint).as_bytes(), &signature).is_ok());
        if signed { Ok(()) } else { Err("its signature is not one over what it says".to_owned()) }
    }
}

/// Bytes of a known number in lower-case hexadecimal.
pub(super) fn bytes_of<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}
