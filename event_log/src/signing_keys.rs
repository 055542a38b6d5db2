//! The keys that sign checkpoints, as they are stored beside the events: the secret part sealed by the master key.

use crate::vault::{CannotOpen, SecretKey};
use anyhow::Context as _;
use sqlx::FromRow;
use storage::Sql;

use crate::{EventLog, Micros};

/// A key as it is stored.
#[derive(FromRow)]
pub struct StoredSigningKey {
    /// The first 8 bytes of a hash of the public key, in hexadecimal.
    pub key_id: String,
    /// Ed25519, 32 bytes.
    pub public_key: Vec<u8>,
    pub wrapped: Vec<u8>,
    pub created_at: Micros,
}

/// What the sealed secret part of a key is bound to, so that it cannot be moved to another row.
pub(super) fn associated_data(key_id: &str) -> String {
    format!("signing_key/{key_id}")
}

impl EventLog {
    /// All signing keys, the oldest first.
    pub async fn signing_keys(&self) -> anyhow::Result<Vec<StoredSigningKey>> {
        let sql = "SELECT key_id, public_key, wrapped, created_at FROM signing_keys ORDER BY number";
        let keys = self.database.fetch_all(sql.into()).await;
        keys.context("the signing keys cannot be read")
    }

    /// The secret part of a signing key. Without the master key, none can be made that opens here.
    ///
    /// # Errors
    /// Where it was not sealed by this log's master key, or is another key's.
    pub fn open_signing_key(&self, key: &StoredSigningKey) -> Result<SecretKey, CannotOpen> {
        self.vault.unwrap_key(&associated_data(&key.key_id), &key.wrapped)
    }

    /// Stores the first signing key. Of several nodes that make one at once, one does.
    pub async fn add_first_signing_key(
        &self,
        key_id: &str,
        public_key: &[u8; 32],
        secret: &SecretKey,
    ) -> sqlx::Result<()> {
        let wrapped = self.vault.wrap_key(&associated_data(key_id), secret);
        let insert = Sql::new("INSERT INTO signing_keys (number, key_id, public_key, wrapped, created_at) VALUES (1, ")
            .bind(key_id)
            .push(", ")
            .bind_list([public_key.to_vec(), wrapped])
            .push(", ")
            .bind(self.clock.now().timestamp_micros())
            .push(") ON CONFLICT (number) DO NOTHING");
        self.database.execute(insert).await.map(drop)
    }
}
