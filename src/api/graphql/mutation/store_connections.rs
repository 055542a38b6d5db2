//! Connecting stores by OAuth.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use secrecy::SecretString;

use super::integrations::{IntegrationPayload, changed, shown};
use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::error::payload_of;
use crate::api::graphql::integration::Integration;
use crate::api::graphql::moment::Moment;
use crate::api::graphql::viewer::app_and_viewer;
use crate::api::graphql::words::{IntegrationPurpose, Provider};
use crate::app::stores::{ConnectStore, Finding, NewApp};

#[derive(InputObject)]
struct ConnectStoreInput {
    provider: Provider,
    /// What names the store to its platform, such as the name of a shop at Shopify or the address of its admin. Left out where
    /// the platform asks for it.
    store: Option<String>,
    /// The integration that is to be connected. Left out: the one that is of this store, or else a new one.
    integration_id: Option<ID>,
    /// Of a new integration: the account that gets it, for administrators.
    account_id: Option<ID>,
    /// Of a new integration: what to call it; the store's name where it is left out.
    name: Option<String>,
    /// Of a new integration: what it is for; DELIVERS where it is left out.
    purpose: Option<IntegrationPurpose>,
    /// Your own app at the platform. Left out: the one that is saved, or else the operator's.
    app: Option<StoreAppInput>,
}

#[derive(InputObject)]
struct StoreAppInput {
    client_id: String,
    /// It is sealed, and never shown again.
    client_secret: SecretString,
}

#[derive(InputObject)]
struct SaveStoreAppInput {
    integration_id: ID,
    app: StoreAppInput,
}

#[derive(InputObject)]
struct RemoveStoreAppInput {
    integration_id: ID,
}

#[derive(InputObject)]
struct DisconnectStoreInput {
    integration_id: ID,
}

#[derive(InputObject)]
struct CheckStoreInput {
    integration_id: ID,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "crate::app::stores::FindingLevel")]
enum StoreFindingLevel {
    Fine,
    /// It was wrong, and is not any more.
    Mended,
    Wrong,
}

/// One thing that was examined.
#[derive(SimpleObject)]
struct StoreFinding {
    level: StoreFindingLevel,
    /// With what to do about it, where something is to be done.
    sentence: String,
}

impl From<Finding> for StoreFinding {
    fn from(finding: Finding) -> Self {
        Self { level: finding.level.into(), sentence: finding.sentence }
    }
}

payload!(DisconnectStorePayload {
    integration: Integration,
    /// False where the store could not be reached: it may go on sending its webhooks until the app is removed there.
    withdrawn: bool,
});

#[derive(InputObject)]
struct SyncStoreInput {
    integration_id: ID,
}

#[derive(InputObject)]
struct ReadStoreCatalogueInput {
    integration_id: ID,
}

payload!(ReadStoreCataloguePayload { integration: Integration });

payload!(SyncStorePayload {
    integration: Integration,
    /// False where it is still to be done: the integration's `storeComparison` says when.
    is_done: bool,
});

payload!(CheckStorePayload { integration: Integration, findings: Vec<StoreFinding> });

payload!(
    /// The address is to be opened in a browser only by who may authorise the store: a person who goes on with it
    /// connects their store with this integration. `Integration.storeConnection` says what comes of it.
    ConnectStorePayload {
        integration: Integration,
        url: String,
        expires_at: Moment,
        /// Whether the integration was made for it.
        is_new: bool,
    }
);

#[derive(Default)]
pub(super) struct StoreConnections;

#[Object]
impl StoreConnections {
    /// Begins to connect a store: its owner authorises that in a browser, and nothing has to be copied. Connecting again resumes
    /// what waited.
    async fn connect_store(
        &self,
        context: &Context<'_>,
        input: ConnectStoreInput,
    ) -> Result<ConnectStorePayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let wanted = ConnectStore {
            integration_id: input.integration_id.map(String::from),
            provider: input.provider.into(),
            account_id: input.account_id.map(String::from),
            name: input.name,
            purpose: input.purpose.map(Into::into),
            store: input.store,
            app: input.app.map(|app| NewApp { client_id: app.client_id, client_secret: app.client_secret }),
        };
        let started = app.stores.start(viewer, wanted).await;
        let integration = shown(context, started.as_ref().ok().map(|started| started.integration_id)).await?;
        payload_of(started, |started| ConnectStorePayload {
            integration,
            url: Some(started.url),
            expires_at: Some(Moment(started.expires_at)),
            is_new: Some(started.is_new),
            user_errors: vec![],
        })
    }

    /// Examines how the store and the service stand, says in sentences what is wrong, and mends what it may: webhooks that are
    /// missing are made again, those that the store has stopped go on.
    async fn check_store(&self, context: &Context<'_>, input: CheckStoreInput) -> Result<CheckStorePayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let checked = app.stores.doctor(viewer, &input.integration_id).await;
        let integration = shown(context, checked.as_ref().ok().map(|(id, _)| *id)).await?;
        payload_of(checked, |(_, findings)| CheckStorePayload {
            integration,
            findings: Some(findings.into_iter().map(StoreFinding::from).collect()),
            user_errors: vec![],
        })
    }

    /// Has the store send nothing more, as far as that can be asked of it, and forgets its token. The integration stays, with its
    /// mappings and its history.
    async fn disconnect_store(
        &self,
        context: &Context<'_>,
        input: DisconnectStoreInput,
    ) -> Result<DisconnectStorePayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let done = app.stores.disconnect(viewer, &input.integration_id).await;
        let integration = shown(context, done.as_ref().ok().map(|done| done.id)).await?;
        payload_of(done, |done| DisconnectStorePayload {
            integration,
            withdrawn: Some(done.withdrawn),
            user_errors: vec![],
        })
    }

    /// Compares the orders of a connected store with what it sent, at once; it is done every hour in any case. What never came is
    /// fetched, and goes the same way as if it had.
    async fn sync_store(&self, context: &Context<'_>, input: SyncStoreInput) -> Result<SyncStorePayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let done = app.stores.sync(viewer, &input.integration_id).await;
        let integration = shown(context, done.as_ref().ok().map(|done| done.id)).await?;
        payload_of(done, |done| SyncStorePayload { integration, is_done: Some(done.is_done), user_errors: vec![] })
    }

    /// Has what a connected store sells read: it is done once the store is connected in any case. `Integration.storeCatalogue` and the
    /// subscription `storeCatalogueChanged` say how far it is.
    async fn read_store_catalogue(
        &self,
        context: &Context<'_>,
        input: ReadStoreCatalogueInput,
    ) -> Result<ReadStoreCataloguePayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let done = app.stores.read_catalogue(viewer, &input.integration_id).await;
        let integration = shown(context, done.as_ref().ok().copied()).await?;
        payload_of(done, |_| ReadStoreCataloguePayload { integration, user_errors: vec![] })
    }

    /// Saves your own app at the platform, by which the store is connected from then on. With its secret Shopify and BigCommerce
    /// sign the webhooks of the app.
    async fn save_store_app(
        &self,
        context: &Context<'_>,
        input: SaveStoreAppInput,
    ) -> Result<IntegrationPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let StoreAppInput { client_id, client_secret } = input.app;
        changed(context, app.stores.save_app(viewer, &input.integration_id, client_id, client_secret).await).await
    }

    /// Forgets your own app: the store is connected by the operator's the next time.
    async fn remove_store_app(
        &self,
        context: &Context<'_>,
        input: RemoveStoreAppInput,
    ) -> Result<IntegrationPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        changed(context, app.stores.remove_app(viewer, &input.integration_id).await).await
    }
}
