//! Access to the API of a store, where orders are read that its webhooks only name.

use async_graphql::{Context, ID, InputObject, Object};
use secrecy::SecretString;

use super::integrations::{IntegrationPayload, changed};
use crate::api::graphql::ApiError;
use crate::api::graphql::viewer::app_and_viewer;

#[derive(InputObject)]
struct SaveStoreAccessInput {
    integration_id: ID,
    /// The access token that the store's own administration shows. It is sealed, and never shown again.
    token: SecretString,
    /// Of BIGCOMMERCE the store hash, or the API path that BigCommerce shows beside the token; of SQUARE nothing.
    store: Option<String>,
}

#[derive(InputObject)]
struct RemoveStoreAccessInput {
    integration_id: ID,
}

#[derive(Default)]
pub(super) struct StoreAccesses;

#[Object]
impl StoreAccesses {
    /// Saves the token by which orders are read at the store. Deliveries that waited for it go on.
    async fn save_store_access(
        &self,
        context: &Context<'_>,
        input: SaveStoreAccessInput,
    ) -> Result<IntegrationPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let SaveStoreAccessInput { integration_id, token, store } = input;
        let saved = app.integrations.save_store_access(viewer, &integration_id, token, store.as_deref()).await;
        changed(context, saved).await
    }

    /// Forgets the token. Orders that webhooks only name wait from now on.
    async fn remove_store_access(
        &self,
        context: &Context<'_>,
        input: RemoveStoreAccessInput,
    ) -> Result<IntegrationPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        changed(context, app.integrations.remove_store_access(viewer, &input.integration_id).await).await
    }
}
