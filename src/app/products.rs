//! Reading the catalogue: what stores sell.

use domain::IntegrationId;
use domain::integration::Provider;
use event_log::Position;
use projections::commerce;
use projections::commerce::products::{self, Filter, ProductRow, Start};

use super::error::Error;
use super::links::Links;
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;

/// The products of stores.
pub struct Products {
    data: LogAndViews,
    links: Links,
}

impl Products {
    pub fn new(data: LogAndViews, links: Links) -> Self {
        Self { data, links }
    }

    /// Up to which position of the log the catalogue is complete. Read it before a list: what the list misses changed later.
    pub async fn complete_to(&self) -> Result<Position, Error> {
        Ok(commerce::VIEW.checkpoint(&self.data.views).await?.position)
    }

    /// Products in the order in which they were first reported: of the account that is named, or of all that the caller sees.
    pub async fn page(
        &self,
        viewer: &Viewer,
        filter: Filter,
        (start, limit): (Start, i64),
    ) -> Result<Vec<ProductRow>, Error> {
        Ok(products::page(&self.data.views, &self.within(viewer, filter).await?, start, limit).await?)
    }

    pub async fn count(&self, viewer: &Viewer, filter: Filter) -> Result<i64, Error> {
        Ok(products::count(&self.data.views, &self.within(viewer, filter).await?).await?)
    }

    /// The platform of a store of the caller's account; none where it is no store of it.
    pub async fn platform_of_store(&self, viewer: &Viewer, store: IntegrationId) -> Result<Option<Provider>, Error> {
        let link = self.links.find(store).await?.filter(|link| link.account_id == viewer.account_id);
        Ok(link.map(|link| link.provider))
    }

    /// Limited to what the caller sees.
    async fn within(&self, viewer: &Viewer, filter: Filter) -> Result<Filter, Error> {
        let account_id = viewer.scope_within(filter.account_id)?;
        let integration_id = filter.integration_id.as_deref();
        let integration_id = viewer.integration_within(&self.links, account_id.as_deref(), integration_id).await?;
        Ok(Filter { account_id, integration_id, ..filter })
    }
}
