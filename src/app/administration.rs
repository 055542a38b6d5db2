//! What administrators and support do with the service as a whole: rebuild views, retry parked events, sign checkpoints,
//! change the master key.

use std::sync::Arc;

use domain::account::Role;
use domain::operator_action::OperatorActionEvent;
use event_log::Position;
use event_log::parked::Chosen;
use projections::View;
use projections::registry::Build;

use super::core::Core;
use super::error::{Error, Refused};
use super::master_keys::{MasterKeys, RotationState};
use super::operator_actions;
use super::viewer::Viewer;
use crate::audit::signer::{self, Signed};
use crate::processes::{self, NAMES, Processes, Retried};

/// What can be done with the service as a whole.
pub struct Administration {
    core: Core,
    processes: Arc<Processes>,
    master_keys: Arc<MasterKeys>,
}

impl Administration {
    pub fn new(core: Core, processes: Arc<Processes>) -> Self {
        let master_keys = Arc::new(MasterKeys::new(core.log.clone()));
        Self { core, processes, master_keys }
    }

    /// Rebuilds a view beside the one that is read. If it is being rebuilt already, returns that.
    pub async fn rebuild_view(&self, viewer: &Viewer, name: &str) -> Result<(View, Build), Error> {
        viewer.require(Role::Admin)?;
        let view = view(name)?;
        let build = self.core.projector.rebuild(view).await?;
        let build = build.map_err(|newer| Refused::new("NEWER_VERSION", newer.to_string(), Some("name")))?;
        self.record(viewer, OperatorActionEvent::RebuildRequested { view: view.name.to_owned() }).await?;
        Ok((view, build))
    }

    /// Ends the rebuild of a view, and leaves the view that is read as it is.
    pub async fn cancel_rebuild(&self, viewer: &Viewer, name: &str) -> Result<View, Error> {
        viewer.require(Role::Admin)?;
        let view = view(name)?;
        if self.core.projector.cancel_rebuild(view).await?.is_none() {
            return Err(Refused::new("NOT_REBUILDING", "the view is not being rebuilt", Some("name")).into());
        }
        self.record(viewer, OperatorActionEvent::RebuildCancelled { view: view.name.to_owned() }).await?;
        Ok(view)
    }

    /// Has parked events tried again now, and waits for some seconds for what comes of it. Of one process manager, or of all;
    /// the event at one position, or all of them.
    pub async fn retry_parked(
        &self,
        viewer: &Viewer,
        process: Option<&str>,
        position: Option<&str>,
    ) -> Result<Retried, Error> {
        viewer.require(Role::Admin)?;
        let process = process.map(process_manager).transpose()?;
        let refuse = |message| Refused::new("NOT_FOUND", message, Some("position"));
        let position: Option<Position> =
            position.map(str::parse).transpose().map_err(|_| refuse("a position is a whole number"))?;
        let chosen = Chosen { process, position };
        let (parked, _) = self.core.log.parked_and_waiting(chosen).await?;
        if parked == 0 && position.is_some() {
            return Err(refuse("no event is parked at this position").into());
        }
        if parked == 0 {
            return Ok(Retried::default());
        }
        let events = u32::try_from(parked).unwrap_or(u32::MAX);
        let process = process.map(str::to_owned);
        self.record(
            viewer,
            OperatorActionEvent::ParkedEventsRetried { process, position: position.map(|position| position.0), events },
        )
        .await?;
        Ok(processes::retry(&self.core.log, &self.processes, chosen).await?)
    }

    /// Signs a checkpoint over everything since the last one.
    pub async fn sign_checkpoint(&self, viewer: &Viewer) -> Result<Signed, Error> {
        viewer.require(Role::Support)?;
        let signed = signer::sign(&self.core.log, &viewer.actor(None)).await.map_err(|error| {
            tracing::error!(error = format!("{error:#}"), "no checkpoint can be signed");
            Error::Unavailable
        })?;
        self.core.wait_for_views(signed.position).await;
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
        operator_actions::begin(&self.core.log, event, &viewer.actor(None)).await?;
        Ok(())
    }
}

fn view(name: &str) -> Result<View, Refused> {
    View::parse(name).ok_or_else(|| {
        let names: Vec<&str> = View::ALL.into_iter().map(|view| view.name).collect();
        let message = format!("there is no such view; there are {}", names.join(", "));
        Refused::new("NOT_FOUND", message, Some("name"))
    })
}

/// The name of a process manager, if it is one.
pub(crate) fn process_manager(name: &str) -> Result<&'static str, Refused> {
    NAMES.into_iter().find(|process| *process == name).ok_or_else(|| {
        let message = format!("there is no such process manager; there are {}", NAMES.join(", "));
        Refused::new("NOT_FOUND", message, Some("process"))
    })
}

/// Something about the master keys cannot be known or done at the moment.
fn unknown(error: anyhow::Error) -> Error {
    tracing::error!(error = format!("{error:#}"), "the master keys cannot be read or rotated");
    Error::Unavailable
}
