//! Operator actions: recording what people do that changes no stream of its own, and reading what was done with API keys.

mod reading;

use domain::OperatorActionId;
use domain::operator_action::{OperatorAction, OperatorActionCommand, OperatorActionEvent, OperatorActionRefusal};

use event_log::ids;
use event_log::{Actor, CommandError, EventLog, Origin, Position};

pub use reading::{DescribedAction, OperatorActions};

/// Records the beginning of an operation under an id of its own. Returns the id, and where it lies in the log.
pub async fn begin(
    log: &EventLog,
    event: OperatorActionEvent,
    actor: &Actor,
) -> Result<(OperatorActionId, Option<Position>), CommandError<OperatorActionRefusal>> {
    let id = OperatorActionId(ids::fresh());
    let command = OperatorActionCommand::Record(event);
    let committed = log.execute_fresh::<OperatorAction>(id, command, actor, None).await?;
    Ok((id, committed.position))
}

/// Records what came of an operation.
pub async fn record(
    log: &EventLog,
    id: OperatorActionId,
    event: OperatorActionEvent,
    origin: impl Into<Origin>,
) -> Result<Option<Position>, CommandError<OperatorActionRefusal>> {
    let command = OperatorActionCommand::Record(event);
    Ok(log.execute::<OperatorAction>(id, command, origin).await?.position)
}
