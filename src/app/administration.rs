//! What administrators and support do with the service as a whole: rebuild views, retry parked events, sign checkpoints,
//! change the master key; and where all of that stands.

mod process_managers;
mod views;

use std::sync::Arc;

use domain::account::Role;
use domain::operator_action::OperatorActionEvent;

use super::error::Error;
use super::log_and_views::LogAndViews;
use super::master_keys::{MasterKeys, RotationState};
use super::operator_actions;
use super::viewer::Viewer;
use crate::audit::signer::{self, Signed};
use crate::processes::Processes;

pub use process_managers::ProcessStanding;
pub use views::{Rebuild, ViewStanding};

/// What can be done with the service as a whole.
pub struct Administration {
    data: LogAndViews,
    processes: Arc<Processes>,
    master_keys: Arc<MasterKeys>,
}

impl Administration {
    pub fn new(data: LogAndViews, processes: Arc<Processes>) -> Self {
        let master_keys = Arc::new(MasterKeys::new(data.log.clone()));
        Self { data, processes, master_keys }
    }

    /// Signs a checkpoint over everything since the last one.
    pub async fn sign_checkpoint(&self, viewer: &Viewer) -> Result<Signed, Error> {
        viewer.require(Role::Support)?;
        let signed = signer::sign(&self.data.log, &viewer.actor(None)).await.map_err(|error| {
            tracing::error!(error = format!("{error:#}"), "no checkpoint can be signed");
            Error::Unavailable
        })?;
        self.data.wait_for_views(signed.position).await;
        Ok(signed)
    }

    /// Rewraps everything by the present master key, in the background, unless that is going on already.
    pub async fn rotate_master_key(&self, viewer: &Viewer) -> Result<RotationState, Error> {
        viewer.require(Role::Admin)?;
        self.master_keys.begin(&viewer.actor(None)).await.map_err(unknown)?;
        self.master_key_rotation(viewer).await
    }

    /// How far everything is wrapped by the present master key.
    pub async fn master_key_rotation(&self, viewer: &Viewer) -> Result<RotationState, Error> {
        viewer.require(Role::Admin)?;
        self.master_keys.state().await.map_err(unknown)
    }

    async fn record(&self, viewer: &Viewer, event: OperatorActionEvent) -> Result<(), Error> {
        operator_actions::begin(&self.data.log, event, &viewer.actor(None)).await?;
        Ok(())
    }
}

/// Something about the master keys cannot be known or done at the moment.
fn unknown(error: anyhow::Error) -> Error {
    tracing::error!(error = format!("{error:#}"), "the master keys cannot be read or rotated");
    Error::Unavailable
}
