//! Changing the master key: everything that an earlier one has wrapped is rewrapped by the present one, while the
//! service goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Context as _;
use domain::OperatorActionId;
use domain::operator_action::OperatorActionEvent;
use uuid::Uuid;

use crate::app::operator_actions;
use event_log::{Actor, EventLog, Origin, RewrapError};

/// How far the change is, on this node and since it started.
#[derive(Default)]
struct Rotation {
    running: AtomicBool,
    checked: AtomicU64,
    rewrapped: AtomicU64,
}

/// What is known of a change of the master key.
#[derive(Clone, Debug)]
pub struct RotationState {
    pub running: bool,
    /// Keys that were checked in this run, of about so many.
    pub checked: u64,
    pub total: u64,
    pub rewrapped: u64,
    /// The present master key; then those by which something may still be wrapped, which must not go yet.
    pub master_key_id: String,
    pub still_needed: Vec<String>,
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
            rotation.checked.store(0, Ordering::SeqCst);
            let before = rotation.rewrapped.load(Ordering::SeqCst);
            self.rewrap_data_keys().await?;
            rotation.rewrapped.fetch_add(self.log.rewrap_keys_of_log().await?, Ordering::SeqCst);
            if rotation.rewrapped.load(Ordering::SeqCst) == before {
                break;
            }
        }
        self.log.forget_earlier_master_keys().await.context("the earlier master key cannot be let go")?;
        let rewrapped = rotation.rewrapped.load(Ordering::SeqCst);
        let done = OperatorActionEvent::MasterKeyRotated {
            master_key_id: hex::encode(self.log.vault().master_key_id()),
            rewrapped,
        };
        operator_actions::record(&self.log, id, done, origin).await?;
        Ok(())
    }

    async fn rewrap_data_keys(&self) -> Result<(), RewrapError> {
        let mut after = Uuid::nil();
        loop {
            self.log.yield_to_webhooks().await;
            let Some(batch) = self.log.rewrap_data_keys(after).await? else { return Ok(()) };
            after = batch.last;
            self.rotation.rewrapped.fetch_add(batch.rewrapped, Ordering::SeqCst);
            self.rotation.checked.fetch_add(batch.checked, Ordering::SeqCst);
        }
    }

    /// How far the change is, and which earlier master keys must still be there.
    pub async fn state(&self) -> anyhow::Result<RotationState> {
        let (log, rotation) = (&self.log, &self.rotation);
        let in_use = log.master_keys_in_use().await?;
        let present = log.vault().master_key_id();
        Ok(RotationState {
            running: rotation.running.load(Ordering::SeqCst),
            checked: rotation.checked.load(Ordering::SeqCst),
            total: log.count_data_keys().await?,
            rewrapped: rotation.rewrapped.load(Ordering::SeqCst),
            master_key_id: hex::encode(present),
            still_needed: in_use.iter().filter(|id| id.as_slice() != present).map(hex::encode).collect(),
        })
    }
}
