//! Access to a store's own API, where orders are read that its webhooks only name.

use domain::IntegrationId;
use domain::integration::IntegrationCommand;
use providers::StoreApi;
use secrecy::SecretString;

use super::Integrations;
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;

impl Integrations {
    /// Saves the token that opens the store's API, and which store it is. Deliveries that waited for it go on.
    pub async fn save_store_access(
        &self,
        viewer: &Viewer,
        id: &str,
        token: SecretString,
        store: Option<&str>,
    ) -> Result<IntegrationId, Error> {
        let of = self.managed(viewer, id).await?;
        let api = self.store_api(of.0).await?;
        let entered = store.map(str::trim).filter(|store| !store.is_empty());
        if entered.is_some() && !api.access().needs_store {
            let message = "the token alone says which store it is: leave it out";
            return Err(Refused::new("INVALID_STORE", message, Some("store")).into());
        }
        let store = api.store(store).map_err(|message| Refused::new("INVALID_STORE", message, Some("store")))?;
        self.execute(viewer, of, IntegrationCommand::SaveStoreAccess { token, store }).await?;
        Ok(of.0)
    }

    pub async fn remove_store_access(&self, viewer: &Viewer, id: &str) -> Result<IntegrationId, Error> {
        let of = self.managed(viewer, id).await?;
        self.execute(viewer, of, IntegrationCommand::RemoveStoreAccess).await?;
        Ok(of.0)
    }

    async fn store_api(&self, id: IntegrationId) -> Result<&'static dyn StoreApi, Error> {
        let platform = providers::of(self.link(id).await?.provider);
        platform.store_api().ok_or_else(|| {
            let message = format!("{} sends whole orders: no access to its API is needed", platform.name());
            Refused::new("STORE_ACCESS_NOT_NEEDED", message, Some("integrationId")).into()
        })
    }
}
