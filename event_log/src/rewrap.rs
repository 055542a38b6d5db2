//! Changing the master key: every key that an earlier one has wrapped is rewrapped by the present one.

use sqlx::FromRow;
use storage::Sql;
use uuid::Uuid;

use crate::data_keys::{WrappedDataKey, associated_data};
use crate::vault::CannotOpen;
use crate::{EventLog, signing_keys};

/// Keys that are rewrapped in one transaction: few enough that webhooks hardly wait.
const BATCH: i64 = 200;

/// What was done with one batch of data keys.
#[derive(Clone, Copy, Debug)]
pub struct Rewrapped {
    /// Where the next batch begins.
    pub last: Uuid,
    pub checked: u64,
    pub rewrapped: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    #[error("the key {key} cannot be opened: {source}")]
    CannotOpen { key: String, source: CannotOpen },
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

#[derive(FromRow)]
struct NamedKey {
    name: String,
    wrapped: Vec<u8>,
}

#[derive(FromRow)]
struct Count {
    count: i64,
}

impl EventLog {
    /// How many data keys there are.
    pub async fn count_data_keys(&self) -> sqlx::Result<u64> {
        let Count { count } = self.database.fetch_one("SELECT count(*) AS count FROM data_keys".into()).await?;
        Ok(count.unsigned_abs())
    }

    /// Rewraps a batch of the data keys that follow one. None at the end.
    pub async fn rewrap_data_keys(&self, after: Uuid) -> Result<Option<Rewrapped>, RewrapError> {
        let sql = Sql::new("SELECT id, wrapped FROM data_keys WHERE id > ");
        let sql = sql.bind(after).push(" ORDER BY id LIMIT ").bind(BATCH);
        let keys: Vec<WrappedDataKey> = self.database.fetch_all(sql).await?;
        let Some(last) = keys.last().map(|key| key.id) else { return Ok(None) };
        let mut rewrapped = 0;
        let mut transaction = self.database.begin().await?;
        for key in &keys {
            if let Some(wrapped) = self.rewrapped(&associated_data(key.id), &key.wrapped)? {
                // Not where it was erased meanwhile.
                let sql = Sql::new("UPDATE data_keys SET wrapped = ").bind(wrapped).push(" WHERE id = ");
                let sql = sql.bind(key.id).push(" AND wrapped = ").bind(key.wrapped.clone());
                rewrapped += transaction.execute(sql).await?;
            }
        }
        transaction.commit().await?;
        Ok(Some(Rewrapped { last, checked: keys.len() as u64, rewrapped }))
    }

    /// Rewraps the few keys that belong to the log as a whole, and returns how many had to be.
    pub async fn rewrap_keys_of_log(&self) -> Result<u64, RewrapError> {
        let of_signing = self.rewrap_named("signing_keys", "key_id", signing_keys::associated_data).await?;
        Ok(of_signing + self.rewrap_named("sealed_keys", "name", str::to_owned).await?)
    }

    /// Lets go of earlier master keys: nothing is wrapped by them any more.
    pub async fn forget_earlier_master_keys(&self) -> sqlx::Result<()> {
        let present = self.vault.master_key_id().to_vec();
        self.database.execute(Sql::new("DELETE FROM vault WHERE master_key_id <> ").bind(present)).await.map(drop)
    }

    async fn rewrap_named(
        &self,
        table: &str,
        name: &str,
        associated_data: fn(&str) -> String,
    ) -> Result<u64, RewrapError> {
        let sql = Sql::new(format!("SELECT {name} AS name, wrapped FROM {table}"));
        let keys: Vec<NamedKey> = self.database.fetch_all(sql).await?;
        let mut rewrapped = 0;
        for key in keys {
            if let Some(wrapped) = self.rewrapped(&associated_data(&key.name), &key.wrapped)? {
                let sql = Sql::new(format!("UPDATE {table} SET wrapped = ")).bind(wrapped);
                let sql = sql.push(&format!(" WHERE {name} = ")).bind(key.name);
                rewrapped += self.database.execute(sql).await?;
            }
        }
        Ok(rewrapped)
    }

    fn rewrapped(&self, associated_data: &str, wrapped: &[u8]) -> Result<Option<Vec<u8>>, RewrapError> {
        let refused = |source| RewrapError::CannotOpen { key: associated_data.to_owned(), source };
        self.vault.rewrap(associated_data, wrapped).map_err(refused)
    }
}
