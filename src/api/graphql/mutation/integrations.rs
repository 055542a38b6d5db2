//! Connecting stores: integrations, their secrets and their item mappings.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, InputObject, Object};
use domain::IntegrationId;
use domain::integration::Provider as DomainProvider;
use secrecy::SecretString;

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::error::payload_of;
use crate::api::graphql::integration::{Integration, ItemMapping};
use crate::api::graphql::loader::{IntegrationKey, Loader};
use crate::api::graphql::viewer::app_and_viewer;
use crate::api::graphql::words::{IntegrationPurpose, MatchType, Provider, ResourceType};
use crate::app;
use crate::app::integrations::{IntegrationChanges, NewIntegration, NewMapping};
use crate::app::links::webhook_url;

#[derive(InputObject)]
struct CreateIntegrationInput {
    /// Admin only: for another account.
    account_id: Option<ID>,
    provider: Provider,
    name: String,
    /// What it is for.
    #[graphql(default_with = "IntegrationPurpose::Delivers")]
    purpose: IntegrationPurpose,
    /// Which statuses of an order are delivered. Left out: of SHOPIFY `paid` and `partially_refunded`, of WOOCOMMERCE
    /// `processing` and `completed`, of BIGCOMMERCE `awaiting_fulfillment`, `awaiting_shipment`, `awaiting_pickup`,
    /// `partially_shipped`, `shipped`, `completed` and `partially_refunded`, of SQUARE `paid` and `completed`, of GENERIC every
    /// status. With `any` in the list, or an empty list: every status. Drafts and failed, voided or expired orders are never
    /// delivered.
    order_statuses: Option<Vec<String>>,
    /// Where the store chose the secret, as Shopify, BigCommerce and Square do. Otherwise one is made; without one of theirs,
    /// webhooks of those three are refused until `setSigningSecret`.
    signing_secret: Option<SecretString>,
    /// Of SQUARE, which signs it: the address that the store posts to, where it is not the integration's own.
    notification_url: Option<String>,
    /// What the store's prices are in, for SHOPIFY and WOOCOMMERCE, whose webhooks of products name no currency: `EUR`.
    currency: Option<String>,
}

#[derive(InputObject)]
struct UpdateIntegrationInput {
    integration_id: ID,
    name: Option<String>,
    active: Option<bool>,
    purpose: Option<IntegrationPurpose>,
    /// With `any` in the list, or an empty list: every status.
    order_statuses: Option<Vec<String>>,
    /// Of SQUARE, which signs it: the address that the store posts to, to the letter.
    notification_url: Option<String>,
    /// What the store's prices are in, for SHOPIFY and WOOCOMMERCE, whose webhooks of products name no currency: `EUR`. It counts for each
    /// product from its next webhook on.
    currency: Option<String>,
    /// Has the store asked so often what it changed, in place of webhooks: every 5 to 1440 minutes; 0 for webhooks. Its orders are
    /// compared with its webhooks every hour in any case.
    #[graphql(validator(minimum = 0))]
    poll_every_minutes: Option<i32>,
}

#[derive(InputObject)]
struct SetSigningSecretInput {
    integration_id: ID,
    signing_secret: SecretString,
    /// How long the old secret stays valid beside the new one; a week at most, 0 for not at all.
    #[graphql(default = 24)]
    overlap_hours: i32,
}

#[derive(InputObject)]
struct RotateSigningSecretInput {
    integration_id: ID,
    /// How long the old secret stays valid beside the new one; a week at most.
    #[graphql(default = 24)]
    overlap_hours: i32,
}

#[derive(InputObject)]
struct AddItemMappingInput {
    integration_id: ID,
    match_type: MatchType,
    external_ref: String,
    resource_type: ResourceType,
    /// The asset's id, or its public address at Cortex Cloud.
    resource_id: String,
}

#[derive(InputObject)]
struct RemoveItemMappingInput {
    integration_id: ID,
    mapping_id: ID,
}

payload!(IntegrationPayload { integration: Integration });
payload!(
    /// A warning where the secret is so short that it can be guessed: it is taken all the same.
    SetSigningSecretPayload { integration: Integration, warning: String }
);
payload!(
    /// `Integration.pastOrders` counts the completed orders that bought the product and did not get the asset.
    ItemMappingPayload { integration: Integration, item_mapping: ItemMapping }
);
payload!(
    /// The secret is in the answer this once; none where the store signs with one of its own that was not handed over. A
    /// warning where it is one of the store's that can be guessed.
    CreateIntegrationPayload { integration: Integration, webhook_url: String, signing_secret: String, warning: String }
);
payload!(
    /// The secret is in the answer this once.
    RotateSigningSecretPayload { integration: Integration, signing_secret: String }
);

#[derive(Default)]
pub(super) struct Integrations;

#[Object]
impl Integrations {
    /// Connects a store. The answer has the address for its webhooks and, this once, the signing secret.
    async fn create_integration(
        &self,
        context: &Context<'_>,
        input: CreateIntegrationInput,
    ) -> Result<CreateIntegrationPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let provider = DomainProvider::from(input.provider);
        let new = NewIntegration {
            account_id: input.account_id.map(String::from),
            provider,
            name: input.name,
            purpose: input.purpose.into(),
            order_statuses: input.order_statuses,
            signing_secret: input.signing_secret,
            notification_url: input.notification_url,
            currency: input.currency,
        };
        let created = app.integrations.create(viewer, new).await;
        let integration = shown(context, created.as_ref().ok().map(|created| created.id)).await?;
        payload_of(created, |created| CreateIntegrationPayload {
            integration,
            webhook_url: Some(webhook_url(&app.public_url, provider.as_str(), &created.id)),
            warning: created.warning,
            signing_secret: created.secret,
            user_errors: vec![],
        })
    }

    /// Renames, switches on or off, or changes which order statuses are delivered or which address the store posts to. What is
    /// left out stays.
    async fn update_integration(
        &self,
        context: &Context<'_>,
        input: UpdateIntegrationInput,
    ) -> Result<IntegrationPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let UpdateIntegrationInput {
            integration_id,
            name,
            active,
            purpose,
            order_statuses,
            notification_url,
            currency,
            poll_every_minutes,
        } = input;
        let poll_every = poll_every_minutes.map(|minutes| u32::try_from(minutes).unwrap_or_default());
        let purpose = purpose.map(Into::into);
        let changes =
            IntegrationChanges { name, order_statuses, active, purpose, notification_url, currency, poll_every };
        changed(context, app.integrations.update(viewer, &integration_id, changes).await).await
    }

    /// Shopify shows the merchant a secret of its own: this is how it gets here. The old one stays valid for overlapHours. A
    /// secret of fewer than eight characters is taken with a warning, since a store may use it already.
    async fn set_signing_secret(
        &self,
        context: &Context<'_>,
        input: SetSigningSecretInput,
    ) -> Result<SetSigningSecretPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let SetSigningSecretInput { integration_id, signing_secret, overlap_hours } = input;
        let set = app.integrations.set_secret(viewer, &integration_id, &signing_secret, overlap_hours).await;
        let integration = shown(context, set.as_ref().ok().map(|(id, _)| *id)).await?;
        payload_of(set, |(_, warning)| SetSigningSecretPayload { integration, warning, user_errors: vec![] })
    }

    /// Makes a new secret; the old one stays valid for overlapHours.
    async fn rotate_signing_secret(
        &self,
        context: &Context<'_>,
        input: RotateSigningSecretInput,
    ) -> Result<RotateSigningSecretPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let rotated = app.integrations.rotate_secret(viewer, &input.integration_id, input.overlap_hours).await;
        let integration = shown(context, rotated.as_ref().ok().map(|(id, _)| *id)).await?;
        payload_of(rotated, |(_, secret)| RotateSigningSecretPayload {
            integration,
            signing_secret: Some(secret),
            user_errors: vec![],
        })
    }

    /// Says which asset is delivered for which product. Deliveries that waited for just this go on.
    async fn add_item_mapping(
        &self,
        context: &Context<'_>,
        input: AddItemMappingInput,
    ) -> Result<ItemMappingPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let new = NewMapping {
            match_type: input.match_type.into(),
            external_ref: input.external_ref,
            resource_type: input.resource_type.into(),
            resource_id: input.resource_id,
        };
        let added = app.integrations.add_mapping(viewer, &input.integration_id, new).await;
        let integration = shown(context, added.as_ref().ok().map(|(id, _)| *id)).await?;
        payload_of(added, |(_, mapping)| ItemMappingPayload {
            integration,
            item_mapping: mapping.map(ItemMapping::from),
            user_errors: vec![],
        })
    }

    async fn remove_item_mapping(
        &self,
        context: &Context<'_>,
        input: RemoveItemMappingInput,
    ) -> Result<IntegrationPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let removed = app.integrations.remove_mapping(viewer, &input.integration_id, &input.mapping_id).await;
        changed(context, removed).await
    }
}

pub(super) async fn changed(
    context: &Context<'_>,
    done: Result<IntegrationId, app::Error>,
) -> Result<IntegrationPayload, ApiError> {
    let integration = shown(context, done.as_ref().ok().copied()).await?;
    payload_of(done, |_| IntegrationPayload { integration, user_errors: vec![] })
}

/// The integration as the views have it.
pub(super) async fn shown(context: &Context<'_>, id: Option<IntegrationId>) -> Result<Option<Integration>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    let loader = context.data_unchecked::<DataLoader<Loader>>();
    Ok(loader.load_one(IntegrationKey(id.to_string())).await?.map(Integration))
}
