//! Rebuilding views, for administrators.

use async_graphql::{Context, InputObject, Object};
use domain::account::Role;
use domain::operator_action::{OperatorActionEvent, OperatorActionRefusal};
use projections::View;

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::error::UserError;
use crate::api::graphql::projection::Projection;
use crate::api::graphql::query::asked;
use crate::app::operator_actions;
use event_log::CommandError;

#[derive(InputObject)]
struct RebuildProjectionInput {
    name: String,
}

#[derive(InputObject)]
struct CancelProjectionRebuildInput {
    name: String,
}

payload!(RebuildProjectionPayload { projection: Projection });
payload!(CancelProjectionRebuildPayload { projection: Projection });

#[derive(Default)]
pub(super) struct Projections;

#[Object]
impl Projections {
    /// Admin only: rebuilds a view from the first event, beside the one that is read, and replaces that once it
    /// has caught up. If it is being rebuilt already, on whichever node, returns how far that is.
    async fn rebuild_projection(
        &self,
        context: &Context<'_>,
        input: RebuildProjectionInput,
    ) -> Result<RebuildProjectionPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        viewer.require(Role::Admin)?;
        let view = match named(&input.name) {
            Ok(view) => view,
            Err(error) => return Ok(error.into()),
        };
        let build = match service.projector.rebuild(view).await? {
            Ok(build) => build,
            Err(newer) => return Ok(UserError::new("NEWER_VERSION", newer.to_string(), Some("name")).into()),
        };
        let requested = OperatorActionEvent::RebuildRequested { view: view.name.to_owned() };
        operator_actions::begin(service, requested, &viewer.actor(None)).await.map_err(unrecorded)?;
        let projection = Projection::with(service, view, Some(build)).await?;
        Ok(RebuildProjectionPayload { projection: Some(projection), user_errors: vec![] })
    }

    /// Admin only: ends the rebuild of a view, and leaves the view that is read as it is.
    async fn cancel_projection_rebuild(
        &self,
        context: &Context<'_>,
        input: CancelProjectionRebuildInput,
    ) -> Result<CancelProjectionRebuildPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        viewer.require(Role::Admin)?;
        let view = match named(&input.name) {
            Ok(view) => view,
            Err(error) => return Ok(error.into()),
        };
        if service.projector.cancel_rebuild(view).await?.is_none() {
            return Ok(UserError::new("NOT_REBUILDING", "the view is not being rebuilt", Some("name")).into());
        }
        let cancelled = OperatorActionEvent::RebuildCancelled { view: view.name.to_owned() };
        operator_actions::begin(service, cancelled, &viewer.actor(None)).await.map_err(unrecorded)?;
        let projection = Projection::with(service, view, None).await?;
        Ok(CancelProjectionRebuildPayload { projection: Some(projection), user_errors: vec![] })
    }
}

pub(super) fn unrecorded(error: CommandError<OperatorActionRefusal>) -> ApiError {
    tracing::error!(%error, "an operation cannot be recorded");
    ApiError::Unavailable
}

fn named(name: &str) -> Result<View, UserError> {
    View::parse(name).ok_or_else(|| {
        let names: Vec<&str> = View::ALL.into_iter().map(|view| view.name).collect();
        let message = format!("there is no such view; there are {}", names.join(", "));
        UserError::new("NOT_FOUND", message, Some("name"))
    })
}
