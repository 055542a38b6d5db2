//! Reading endpoints.

use event_log::Position;
use projections::endpoints::{self, EndpointRow};
use projections::identifiers::Kind;

use super::Endpoints;
use crate::app::error::Error;
use crate::app::viewer::Viewer;

impl Endpoints {
    /// The endpoint that an id or the beginning of one names, if the caller sees it. Deleted ones too.
    pub async fn find(&self, viewer: &Viewer, id: String) -> Result<Option<EndpointRow>, Error> {
        let id = self.identifiers.resolve(viewer, Kind::Endpoint, id, "id").await?;
        let found = endpoints::find(&self.data.views, &id.to_lowercase().replace('\0', "")).await?;
        Ok(found.filter(|row| viewer.sees(&row.account_id)))
    }

    /// Endpoints after a place in the list: of the account that is named, or of all that the caller sees.
    pub async fn page(
        &self,
        viewer: &Viewer,
        (account_id, with_deleted): (Option<String>, bool),
        (after, limit): (Position, i64),
    ) -> Result<Vec<EndpointRow>, Error> {
        let scope = viewer.scope_within(account_id)?;
        Ok(endpoints::page(&self.data.views, scope.as_deref(), with_deleted, after, limit).await?)
    }
}
