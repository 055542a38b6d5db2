//! Keys of the log as a whole: each is made by the first node that needs it, sealed by the master key, and the same on all nodes.

use storage::{Database, Sql};

use crate::EventLog;
use crate::vault::{SecretKey, Vault, random_key};

#[derive(sqlx::FromRow)]
struct Sealed {
    wrapped: Vec<u8>,
}

impl EventLog {
    /// The key of this name, which is its associated data too.
    ///
    /// # Errors
    /// Where the log cannot be read or written, or another master key sealed it.
    pub async fn shared_key(&self, name: &'static str) -> anyhow::Result<SecretKey> {
        let key = open(&self.database, &self.vault, name, true).await?;
        key.ok_or_else(|| anyhow::anyhow!("the key {name} was made and is gone"))
    }
}

/// Nothing where there is none yet and none may be made.
pub(crate) async fn open(
    database: &Database,
    vault: &Vault,
    name: &'static str,
    may_create: bool,
) -> anyhow::Result<Option<SecretKey>> {
    if let Some(key) = load(database, vault, name).await? {
        return Ok(Some(key));
    }
    if !may_create {
        return Ok(None);
    }
    // Of several nodes that start at once, the first makes it.
    let insert = Sql::new("INSERT INTO sealed_keys (name, wrapped) VALUES (")
        .bind(name)
        .push(", ")
        .bind(vault.wrap_key(name, &random_key()))
        .push(") ON CONFLICT (name) DO NOTHING");
    database.execute(insert).await?;
    load(database, vault, name).await
}

async fn load(database: &Database, vault: &Vault, name: &'static str) -> anyhow::Result<Option<SecretKey>> {
    let sql = Sql::new("SELECT wrapped FROM sealed_keys WHERE name = ").bind(name);
    let Some(Sealed { wrapped }) = database.fetch_optional(sql).await? else { return Ok(None) };
    Ok(Some(vault.unwrap_key(name, &wrapped)?))
}
