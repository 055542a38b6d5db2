//! Reading integrations.

use std::sync::Arc;

use domain::MappingId;
use domain::integration::Provider;
use event_log::Position;
use projections::identifiers::Kind;
use projections::integrations::{self, IntegrationRow};

use super::Integrations;
use crate::app::error::Error;
use crate::app::viewer::Viewer;
use crate::replay::past_orders::{self, PastOrders};

impl Integrations {
    /// The integration that an id or the beginning of one names, if the caller sees it. `read` reads a row by its id, so that
    /// who reads many at once reads them together.
    pub async fn find<F>(
        &self,
        viewer: &Viewer,
        id: String,
        read: impl FnOnce(String) -> F,
    ) -> Result<Option<Arc<IntegrationRow>>, Error>
    where
        F: Future<Output = Result<Option<Arc<IntegrationRow>>, Error>>,
    {
        let id = self.identifiers.resolve(viewer, Kind::Integration, id, "id").await?;
        Ok(read(id).await?.filter(|row| viewer.sees(&row.account_id)))
    }

    /// Integrations after a place in the list: of the account that is named, or of all that the caller sees.
    pub async fn page(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
        provider: Option<Provider>,
        (after, limit): (Position, i64),
    ) -> Result<Vec<IntegrationRow>, Error> {
        let scope = viewer.scope_within(account_id)?;
        let provider = provider.map(Provider::as_str);
        Ok(integrations::page(&self.data.views, scope.as_deref(), provider, after, limit).await?)
    }

    /// How many completed orders bought what these of the integration's mappings name, and did not get what they bring.
    pub async fn past_orders(
        &self,
        viewer: &Viewer,
        row: &IntegrationRow,
        wanted: &[MappingId],
    ) -> Result<PastOrders, Error> {
        viewer.require_seeing(&row.account_id)?;
        let Ok(id) = row.id.parse() else { return Err(Error::Unavailable) };
        Ok(past_orders::count(&self.data.views, id, wanted, &row.mappings()).await?)
    }
}
