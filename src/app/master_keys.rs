//! Changing the master key: everything that an earlier one has wrapped is rewrapped by the present one, while the
//! service goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Context as _;
use domain::OperatorActionId;
use domain::operator_action::OperatorActionEvent;
use sqlx::FromRow;
use storage::Sql;
use uuid::Uuid;

use crate::app::operator_actions;
use crate::audit::key;
use event_log::data_keys::{WrappedDataKey, associated_data};
use event_log::{Actor, EventLog, Origin};

/// Keys that are rewrapped in one transaction: few enough that webhooks hardly wait.
const BATCH: i64 = 200;

/// How far the change is, on this node and since it started.
#[derive(Default)]
struct Rotation {
    running: AtomicBool,
    looked_at: AtomicU64,
    rewrapped: AtomicU64,
}

/// What is known of a change of the master key.
#[derive(Clone, Debug)]
pub struct RotationState {
    pub running: bool,
    /// Keys that were checked in this run, of about so many.
    pub looked_at: u64,
    pub total: u64,
    pub rewrapped: u64,
    /// The present master key; then those by which something may still be wrapped, which must not go yet.
    pub master_key_id: String,
    pub still_needed: Vec<String>,
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

/// Changes the master key of a log.
pub struct MasterKeys {
    log: EventLog,
    rotation: Rotation,
}

impl MasterKeys {
    pub fn new(log: EventLog) -> Self {
        Self { log, rotation: Rotation::default() }
    }

    /// Begins to rewrap everything. Returns false where this node is at it already. Interrupted, it is begun again: what was
    /// done stays done.
    pub async fn begin(self: &Arc<Self>, actor: &Actor) -> anyhow::Result<bool> {
        if self.rotation.running.swap(true, Ordering::SeqCst) {
            return Ok(false);
        }
        let master_key_id = hex::encode(self.log.vault().master_key_id());
        let started = OperatorActionEvent::MasterKeyRotationStarted { master_key_id };
        let begun = operator_actions::begin(&self.log, started, actor).await;
        let (id, begun_at) = begun.inspect_err(|_| self.rotation.running.store(false, Ordering::SeqCst))?;
        let (this, actor) = (self.clone(), actor.clone());
        tokio::spawn(async move {
            if let Err(error) = this.finish(id, actor.because_of(begun_at)).await {
                tracing::error!(error = format!("{error:#}"), "the master key is not changed yet: begin again");
            }
            this.rotation.running.store(false, Ordering::SeqCst);
        });
        Ok(true)
    }

    async fn finish(&self, id: OperatorActionId, origin: Origin) -> anyhow::Result<()> {
        let rotation = &self.rotation;
        rotation.rewrapped.store(0, Ordering::SeqCst);
        // Again until a pass finds nothing: another node may have made keys with the earlier master key meanwhile.
        loop {
            rotation.looked_at.store(0, Ordering::SeqCst);
            let before = rotation.rewrapped.load(Ordering::SeqCst);
            rewrap_data_keys(&self.log, rotation).await?;
            rewrap_named_keys(&self.log, rotation, "signing_keys", "key_id", key::associated_data).await?;
            rewrap_named_keys(&self.log, rotation, "sealed_keys", "name", str::to_owned).await?;
            if rotation.rewrapped.load(Ordering::SeqCst) == before {
                break;
            }
        }
        let present = self.log.vault().master_key_id().to_vec();
        let forget = Sql::new("DELETE FROM vault WHERE master_key_id <> ").bind(present.clone());
        self.log.beside().execute(forget).await.context("the earlier master key cannot be let go")?;
        let rewrapped = rotation.rewrapped.load(Ordering::SeqCst);
        let done = OperatorActionEvent::MasterKeyRotated { master_key_id: hex::encode(present), rewrapped };
        operator_actions::record(&self.log, id, done, origin).await?;
        Ok(())
    }

    /// How far the change is, and which earlier master keys must still be there.
    pub async fn state(&self) -> anyhow::Result<RotationState> {
        let (log, rotation) = (&self.log, &self.rotation);
        let Count { count } = log.beside().fetch_one("SELECT count(*) AS count FROM data_keys".into()).await?;
        let in_use = log.master_keys_in_use().await?;
        let present = log.vault().master_key_id();
        Ok(RotationState {
            running: rotation.running.load(Ordering::SeqCst),
            looked_at: rotation.looked_at.load(Ordering::SeqCst),
            total: count.unsigned_abs(),
            rewrapped: rotation.rewrapped.load(Ordering::SeqCst),
            master_key_id: hex::encode(present),
            still_needed: in_use.iter().filter(|id| id.as_slice() != present).map(hex::encode).collect(),
        })
    }
}

async fn rewrap_data_keys(log: &EventLog, rotation: &Rotation) -> anyhow::Result<()> {
    let mut after = Uuid::nil();
    loop {
        log.yield_to_webhooks().await;
        let sql = Sql::new("SELECT id, wrapped FROM data_keys WHERE id > ");
        let sql = sql.bind(after).push(" ORDER BY id LIMIT ").bind(BATCH);
        let keys: Vec<WrappedDataKey> = log.beside().fetch_all(sql).await?;
        let Some(last) = keys.last() else { return Ok(()) };
        after = last.id;
        let mut transaction = log.beside().begin().await?;
        for key in &keys {
            let rewrapped = log.vault().rewrap(&associated_data(key.id), &key.wrapped);
            let rewrapped = rewrapped.with_context(|| format!("the data key {} cannot be opened", key.id))?;
            if let Some(rewrapped) = rewrapped {
                // Not where it was erased meanwhile.
                let sql = Sql::new("UPDATE data_keys SET wrapped = ").bind(rewrapped).push(" WHERE id = ");
                let sql = sql.bind(key.id).push(" AND wrapped = ").bind(key.wrapped.clone());
                rotation.rewrapped.fetch_add(transaction.execute(sql).await?, Ordering::SeqCst);
            }
        }
        transaction.commit().await?;
        rotation.looked_at.fetch_add(keys.len() as u64, Ordering::SeqCst);
    }
}

/// The few keys that belong to the log as a whole.
async fn rewrap_named_keys(
    log: &EventLog,
    rotation: &Rotation,
    table: &str,
    name: &str,
    associated_data: fn(&str) -> String,
) -> anyhow::Result<()> {
    let sql = Sql::new(format!("SELECT {name} AS name, wrapped FROM {table}"));
    let keys: Vec<NamedKey> = log.beside().fetch_all(sql).await?;
    for key in keys {
        let rewrapped = log.vault().rewrap(&associated_data(&key.name), &key.wrapped);
        let rewrapped = rewrapped.with_context(|| format!("the key {} in {table} cannot be opened", key.name))?;
        if let Some(rewrapped) = rewrapped {
            let sql = Sql::new(format!("UPDATE {table} SET wrapped = ")).bind(rewrapped);
            let sql = sql.push(&format!(" WHERE {name} = ")).bind(key.name);
            rotation.rewrapped.fetch_add(log.beside().execute(sql).await?, Ordering::SeqCst);
        }
    }
    Ok(())
}
