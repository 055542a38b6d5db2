//! The keys that sign checkpoints: made at first need, kept in the log's database, their secret part sealed by the
//! master key.

use anyhow::{Context as _, bail};
use ed25519_dalek::{SigningKey, VerifyingKey};
use secrecy::ExposeSecret as _;
use sqlx::FromRow;
use storage::{Database, Sql};

use super::checkpoint::key_id;
use event_log::EventLog;
use event_log::vault::{Vault, random_key};

/// A key whose secret part was opened, and which is therefore the log's own.
#[derive(Debug)]
pub struct LogKey {
    pub key_id: String,
    /// Microseconds since 1970.
    pub created_at: i64,
    pub signing: SigningKey,
}

impl LogKey {
    pub fn public(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }
}

#[derive(FromRow)]
struct StoredKey {
    key_id: String,
    public_key: Vec<u8>,
    wrapped: Vec<u8>,
    created_at: i64,
}

/// Bound to the sealed secret part of a key, so that it cannot be moved to another row.
pub(crate) fn associated_data(key_id: &str) -> String {
    format!("signing_key/{key_id}")
}

/// All keys of a log, the oldest first. Without the master key, none can be added
/// that is accepted here: each is opened.
pub async fn all(database: &Database, vault: &Vault) -> anyhow::Result<Vec<LogKey>> {
    let sql = "SELECT key_id, public_key, wrapped, created_at FROM signing_keys ORDER BY number";
    let stored: Vec<StoredKey> = database.fetch_all(sql.into()).await.context(
        "the signing keys cannot be read: is the log of an older version? `cloud-bridge migrate` brings it up to date",
    )?;
    stored.into_iter().map(|stored| opened(stored, vault)).collect()
}

fn opened(stored: StoredKey, vault: &Vault) -> anyhow::Result<LogKey> {
    let StoredKey { key_id: id, public_key, wrapped, created_at } = stored;
    let Ok(secret) = vault.unwrap_key(&associated_data(&id), &wrapped) else {
        bail!("the signing key {id} was not sealed by this log's master key: the table signing_keys was changed");
    };
    let signing = SigningKey::from_bytes(secret.expose_secret());
    let public = signing.verifying_key();
    if public.as_bytes().as_slice() != public_key || key_id(public.as_bytes()) != id {
        bail!("the public part of the signing key {id} is not its own: the table signing_keys was changed");
    }
    Ok(LogKey { key_id: id, created_at, signing })
}

/// The key that signs now, made where there is none yet. Of several nodes that make one at once, one does.
pub async fn current(log: &EventLog) -> anyhow::Result<LogKey> {
    let (database, vault) = (log.beside(), log.vault());
    if let Some(key) = all(database, vault).await?.pop() {
        return Ok(key);
    }
    let secret = random_key();
    let public = SigningKey::from_bytes(secret.expose_secret()).verifying_key();
    let id = key_id(public.as_bytes());
    let wrapped = vault.wrap_key(&associated_data(&id), &secret);
    let insert = Sql::new("INSERT INTO signing_keys (number, key_id, public_key, wrapped, created_at) VALUES (1, ")
        .bind(id)
        .push(", ")
        .bind_list([public.as_bytes().to_vec(), wrapped])
        .push(", ")
        .bind(log.clock().now().timestamp_micros())
        .push(") ON CONFLICT (number) DO NOTHING");
    database.execute(insert).await.context("a signing key cannot be stored")?;
    all(database, vault).await?.pop().context("the signing key that was made is not there")
}
