//! The keys that sign checkpoints: made at first need, kept in the log's database, their secret part sealed by the
//! master key.

use anyhow::{Context as _, bail};
use ed25519_dalek::{SigningKey, VerifyingKey};
use secrecy::ExposeSecret as _;

use super::checkpoint::key_id;
use event_log::signing_keys::StoredSigningKey;
use event_log::vault::random_key;
use event_log::{EventLog, Micros};

/// A key whose secret part was opened, and which is therefore the log's own.
#[derive(Debug)]
pub struct LogKey {
    pub key_id: String,
    pub created_at: Micros,
    pub signing: SigningKey,
}

impl LogKey {
    pub fn public(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }
}

/// All keys of a log, the oldest first. Without the master key, none can be added
/// that is accepted here: each is opened.
pub async fn all(log: &EventLog) -> anyhow::Result<Vec<LogKey>> {
    log.signing_keys().await?.iter().map(|stored| opened(stored, log)).collect()
}

fn opened(stored: &StoredSigningKey, log: &EventLog) -> anyhow::Result<LogKey> {
    let StoredSigningKey { key_id: id, public_key, created_at, .. } = stored;
    let Ok(secret) = log.open_signing_key(stored) else {
        bail!("the signing key {id} was not sealed by this log's master key: the table signing_keys was changed");
    };
    let signing = SigningKey::from_bytes(secret.expose_secret());
    let public = signing.verifying_key();
    if public.as_bytes().as_slice() != public_key || key_id(public.as_bytes()) != *id {
        bail!("the public part of the signing key {id} is not its own: the table signing_keys was changed");
    }
    Ok(LogKey { key_id: id.clone(), created_at: *created_at, signing })
}

/// The key that signs now, made where there is none yet. Of several nodes that make one at once, one does.
pub async fn current(log: &EventLog) -> anyhow::Result<LogKey> {
    if let Some(key) = all(log).await?.pop() {
        return Ok(key);
    }
    let secret = random_key();
    let public = SigningKey::from_bytes(secret.expose_secret()).verifying_key();
    let id = key_id(public.as_bytes());
    let added = log.add_first_signing_key(&id, public.as_bytes(), &secret).await;
    added.context("a signing key cannot be stored")?;
    all(log).await?.pop().context("the signing key that was made is not there")
}
