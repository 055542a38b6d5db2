//! Reading the catalogue: what stores sell.

use event_log::Position;
use projections::commerce;
use projections::commerce::products::{self, Filter, ProductRow, Start};

use super::error::Error;
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;

/// The products of stores.
pub struct Products {
    data: LogAndViews,
}

impl Products {
    pub fn new(data: LogAndViews) -> Self {
        Self { data }
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
        Ok(products::page(&self.data.views, &within(viewer, filter)?, start, limit).await?)
    }

    pub async fn count(&self, viewer: &Viewer, filter: Filter) -> Result<i64, Error> {
        Ok(products::count(&self.data.views, &within(viewer, filter)?).await?)
    }
}

fn within(viewer: &Viewer, filter: Filter) -> Result<Filter, Error> {
    Ok(Filter { account_id: viewer.scope_within(filter.account_id)?, ..filter })
}
