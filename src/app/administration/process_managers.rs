//! Where the process managers stand, and the events that they could not handle.

use domain::account::Role;
use domain::operator_action::OperatorActionEvent;
use event_log::Position;
use event_log::parked::{Chosen, ParkedEvent};

use super::Administration;
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;
use crate::processes::{self, NAMES, Retried, Standing};

/// Where a process manager stands in the log.
pub struct ProcessStanding {
    pub standing: Standing,
    /// The last event there is.
    pub head: Position,
    /// Events between the two.
    pub lag: i64,
}

impl Administration {
    /// Where each process manager stands: for administrators.
    pub async fn process_managers(&self, viewer: &Viewer) -> Result<Vec<ProcessStanding>, Error> {
        viewer.require(Role::Admin)?;
        let all = processes::standings(&self.data.log).await?;
        let head = self.data.log.head();
        let with_head = |standing: Standing| {
            // The checkpoint of one that runs here is saved a moment later.
            let position = self.processes.held_position(standing.name).unwrap_or(standing.position);
            let standing = Standing { position, ..standing };
            // What another node recorded may be handled before this node has read it.
            ProcessStanding { head: head.max(position), lag: standing.lag(head), standing }
        };
        Ok(all.into_iter().map(with_head).collect())
    }

    /// Parked events after a place in their list, by their positions: of one process manager or of all. For administrators.
    pub async fn parked_events(
        &self,
        viewer: &Viewer,
        process: Option<&str>,
        (after, limit): (Option<(Position, &str)>, i64),
    ) -> Result<Vec<ParkedEvent>, Error> {
        viewer.require(Role::Admin)?;
        if process.is_some_and(|process| process_manager(process).is_err()) {
            return Err(Error::InvalidArgument { argument: "process", reason: "is no process manager" });
        }
        Ok(self.data.log.parked(Chosen { process, position: None }, after, limit).await?)
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
        let (parked, _) = self.data.log.parked_and_waiting(chosen).await?;
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
        Ok(processes::retry(&self.data.log, &self.processes, chosen).await?)
    }
}

/// The name of a process manager, if it is one.
fn process_manager(name: &str) -> Result<&'static str, Refused> {
    NAMES.into_iter().find(|process| *process == name).ok_or_else(|| {
        let message = format!("there is no such process manager; there are {}", NAMES.join(", "));
        Refused::new("NOT_FOUND", message, Some("process"))
    })
}
