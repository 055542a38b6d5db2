//! Ids as people type them at a terminal: their beginnings, as far as the caller may see what they are of.

use async_graphql::{Enum, ID, SimpleObject};
use projections::identifiers::{self, Kind};

use super::ApiError;
use super::page::MAX_PAGE;
use crate::app::App;
use crate::app::Viewer;

/// Ids that are named where a beginning is ambiguous.
const MAX_CANDIDATES: i64 = 10;

/// What an id is of.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "Kind")]
pub(super) enum IdKind {
    Account,
    ApiKey,
    Integration,
    /// Deliveries, and the webhooks that repeat them.
    Delivery,
    DataRequest,
}

/// As much of an id as distinguishes it from all others of its kind.
#[derive(SimpleObject)]
pub(super) struct ShortId {
    id: ID,
    /// 8 characters at least.
    short: String,
}

/// The ids that begin with a text, ten at most. A text that is too short begins none.
pub(super) async fn beginning_with(
    app: &App,
    viewer: &Viewer,
    kind: Kind,
    text: &str,
) -> Result<Vec<String>, ApiError> {
    let scope = viewer.scope();
    Ok(identifiers::beginning_with(&app.core.views, kind, scope.as_deref(), text, MAX_CANDIDATES).await?)
}

/// The id that an id or the beginning of one names, where no other begins so.
pub(super) async fn resolve(
    app: &App,
    viewer: &Viewer,
    kind: Kind,
    id: ID,
    argument: &'static str,
) -> Result<String, ApiError> {
    if uuid::Uuid::parse_str(&id).is_ok() {
        return Ok(id.0);
    }
    let mut found = beginning_with(app, viewer, kind, &id).await?;
    match found.len() {
        0 => Ok(id.0),
        1 => Ok(found.swap_remove(0)),
        _ => Err(ApiError::InvalidArgument { argument, reason: "is the beginning of several ids: give more of it" }),
    }
}

/// How each of these ids can be shortened.
pub(super) async fn shortened(app: &App, viewer: &Viewer, kind: Kind, ids: Vec<ID>) -> Result<Vec<ShortId>, ApiError> {
    if ids.len() > MAX_PAGE {
        return Err(ApiError::InvalidArgument { argument: "ids", reason: "are more than 100" });
    }
    let ids: Vec<String> = ids.into_iter().map(|id| id.replace('\0', "")).collect();
    let short = identifiers::shortest(&app.core.views, kind, viewer.scope().as_deref(), &ids).await?;
    Ok(short.into_iter().map(|(id, short)| ShortId { id: ID(id), short }).collect())
}
