//! Rebuilding views, for administrators.

use async_graphql::{Context, InputObject, Object};

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::error::payload_of;
use crate::api::graphql::projection::Projection;
use crate::api::graphql::viewer::app_and_viewer;

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
        let (app, viewer) = app_and_viewer(context)?;
        payload_of(app.administration.rebuild_view(viewer, &input.name).await, |view| RebuildProjectionPayload {
            projection: Some(view.into()),
            user_errors: vec![],
        })
    }

    /// Admin only: ends the rebuild of a view, and leaves the view that is read as it is.
    async fn cancel_projection_rebuild(
        &self,
        context: &Context<'_>,
        input: CancelProjectionRebuildInput,
    ) -> Result<CancelProjectionRebuildPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        payload_of(app.administration.cancel_rebuild(viewer, &input.name).await, |view| {
            CancelProjectionRebuildPayload { projection: Some(view.into()), user_errors: vec![] }
        })
    }
}
