//! Recording operator actions: what people do that changes no stream of its own.

use domain::OperationId;
use domain::operation::{Operation, OperationCommand, OperationEvent, OperationRefusal};

use crate::service::Service;
use event_log::ids;
use event_log::{Actor, CommandError, Origin};

/// Records the beginning of an operation under an id of its own. Returns the id, and where it lies in the log.
pub async fn begin(
    service: &Service,
    event: OperationEvent,
    actor: &Actor,
) -> Result<(OperationId, Option<i64>), CommandError<OperationRefusal>> {
    let id = OperationId(ids::fresh());
    let command = OperationCommand::Record(event);
    let committed = service.log.execute_fresh::<Operation>(&id.to_string(), command, actor, None).await?;
    Ok((id, committed.position))
}

/// Records what came of an operation.
pub async fn record(
    service: &Service,
    id: OperationId,
    event: OperationEvent,
    origin: impl Into<Origin>,
) -> Result<Option<i64>, CommandError<OperationRefusal>> {
    let command = OperationCommand::Record(event);
    Ok(service.log.execute::<Operation>(&id.to_string(), command, origin).await?.position)
}
