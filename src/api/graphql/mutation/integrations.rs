//! Connecting stores: integrations, their secrets and their item mappings.

use event_log::ids;
use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, InputObject, Object};
use domain::integration::{
    CreateIntegration, Integration as Aggregate, IntegrationCommand, IntegrationRefusal, Provider as DomainProvider,
    WEAK_SECRET_CHARS, is_weak_secret,
};
use domain::{AccountId, Asset, IntegrationId, ItemMapping as Mapping, MappingId};
use secrecy::{ExposeSecret as _, SecretString};

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::error::{UserError, refused};
use crate::api::graphql::integration::{Integration, ItemMapping};
use crate::api::graphql::loader::{IntegrationKey, Loader};
use crate::api::graphql::query::asked;
use crate::api::graphql::viewer::Viewer;
use crate::api::graphql::words::{MatchType, Provider, ResourceType};
use crate::app::integrations::webhook_url;
use crate::app::keys;
use crate::service::Service;
use event_log::{Actor, CommandError, Committed};

#[derive(InputObject)]
struct CreateIntegrationInput {
    /// Admin only: for another account.
    account_id: Option<ID>,
    provider: Provider,
    name: String,
    /// Which statuses of an order are delivered. Left out: of SHOPIFY `paid` and `partially_refunded`, of WOOCOMMERCE
    /// `processing` and `completed`, of GENERIC every status. With `any` in the list, or an empty list: every status. Drafts
    /// and failed, voided or expired orders are never delivered.
    order_statuses: Option<Vec<String>>,
    /// Where the store chose the secret, as Shopify does. Otherwise one is made.
    signing_secret: Option<SecretString>,
}

#[derive(InputObject)]
struct UpdateIntegrationInput {
    integration_id: ID,
    name: Option<String>,
    active: Option<bool>,
    /// With `any` in the list, or an empty list: every status.
    order_statuses: Option<Vec<String>>,
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
    /// The secret is in the answer this once. A warning where it is one of the store's that can be guessed.
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
        let (service, viewer) = asked(context)?;
        let provider = DomainProvider::from(input.provider);
        if !providers::of(provider).is_supported() {
            let message = "webhooks of this provider are not taken yet: use GENERIC";
            return Ok(UserError::new("PROVIDER_NOT_SUPPORTED", message, Some("provider")).into());
        }
        let account_id = match &input.account_id {
            None => viewer.account_id,
            Some(id) => match id.parse::<AccountId>() {
                Ok(id) if viewer.sees(&id.to_string()) && account_exists(service, id).await? => id,
                _ => return Ok(UserError::not_found("accountId").into()),
            },
        };
        viewer.require_managing(&account_id.to_string())?;
        if let Some(secret) = &input.signing_secret
            && let Some(error) = unusable(secret.expose_secret())
        {
            return Ok(error.into());
        }
        if let Err(reached) = service.limits.allow_integration(service, account_id).await? {
            return Ok(UserError::from(reached).into());
        }
        let id = IntegrationId(ids::fresh());
        let given = input.signing_secret.map(|secret| secret.expose_secret().trim().to_owned());
        let secret = given.unwrap_or_else(keys::new_signing_secret);
        let create = IntegrationCommand::Create(CreateIntegration {
            account_id,
            provider,
            name: input.name,
            signing_secret: secret.as_str().into(),
            order_statuses: input.order_statuses,
        });
        match executed(context, service, id, create, &viewer.actor(Some(&account_id.to_string()))).await? {
            Ok((integration, _)) => Ok(CreateIntegrationPayload {
                integration,
                webhook_url: Some(webhook_url(&service.public_url, provider.as_str(), &id)),
                warning: warning_of(&secret),
                signing_secret: Some(secret),
                user_errors: vec![],
            }),
            Err(error) => Ok(error.into()),
        }
    }

    /// Renames, switches on or off, or changes which order statuses are delivered. What is left out stays.
    async fn update_integration(
        &self,
        context: &Context<'_>,
        input: UpdateIntegrationInput,
    ) -> Result<IntegrationPayload, ApiError> {
        let switched = |active| if active { IntegrationCommand::Activate } else { IntegrationCommand::Deactivate };
        let active = input.active.map(switched);
        let name = input.name.map(|name| IntegrationCommand::Rename { name });
        let statuses =
            input.order_statuses.map(|order_statuses| IntegrationCommand::ChangeOrderStatuses { order_statuses });
        let mut payload = IntegrationPayload::default();
        // One after the other: each is an event of its own, and the first that is refused is returned.
        for command in [name, statuses, active].into_iter().flatten() {
            payload = change(context, &input.integration_id, command).await?;
            if !payload.user_errors.is_empty() {
                return Ok(payload);
            }
        }
        if payload.integration.is_none() {
            payload = unchanged(context, &input.integration_id).await?;
        }
        Ok(payload)
    }

    /// Shopify shows the merchant a secret of its own: this is how it gets here. The old one stays valid for overlapHours. A
    /// secret of fewer than eight characters is taken with a warning, since a store may use it already.
    async fn set_signing_secret(
        &self,
        context: &Context<'_>,
        input: SetSigningSecretInput,
    ) -> Result<SetSigningSecretPayload, ApiError> {
        let secret = input.signing_secret.expose_secret().trim();
        if let Some(error) = unusable(secret) {
            return Ok(error.into());
        }
        let (service, _) = asked(context)?;
        let overlap_hours = match overlap(input.overlap_hours) {
            Ok(hours) => hours,
            Err(error) => return Ok(error.into()),
        };
        let warning = warning_of(secret);
        let set =
            IntegrationCommand::SetSigningSecret { secret: secret.into(), now: service.clock.now(), overlap_hours };
        let IntegrationPayload { integration, user_errors } = change(context, &input.integration_id, set).await?;
        let warning = warning.filter(|_| user_errors.is_empty());
        Ok(SetSigningSecretPayload { integration, warning, user_errors })
    }

    /// Makes a new secret; the old one stays valid for overlapHours.
    async fn rotate_signing_secret(
        &self,
        context: &Context<'_>,
        input: RotateSigningSecretInput,
    ) -> Result<RotateSigningSecretPayload, ApiError> {
        let (service, _) = asked(context)?;
        let overlap_hours = match overlap(input.overlap_hours) {
            Ok(hours) => hours,
            Err(error) => return Ok(error.into()),
        };
        let secret = keys::new_signing_secret();
        let command = IntegrationCommand::RotateSigningSecret {
            secret: secret.as_str().into(),
            now: service.clock.now(),
            overlap_hours,
        };
        let IntegrationPayload { integration, user_errors } = change(context, &input.integration_id, command).await?;
        let signing_secret = user_errors.is_empty().then_some(secret);
        Ok(RotateSigningSecretPayload { integration, signing_secret, user_errors })
    }

    /// Says which asset is delivered for which product. Deliveries that waited for just this go on.
    async fn add_item_mapping(
        &self,
        context: &Context<'_>,
        input: AddItemMappingInput,
    ) -> Result<ItemMappingPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let mapping = Mapping {
            id: MappingId(ids::fresh()),
            match_type: input.match_type.into(),
            external_ref: input.external_ref.replace('\0', ""),
            asset: Asset::new(input.resource_type.into(), &input.resource_id.replace('\0', "")),
        };
        let Some((id, owner)) = managed(service, viewer, &input.integration_id).await? else {
            return Ok(UserError::not_found("integrationId").into());
        };
        if let Err(reached) = service.limits.room_for_mappings(service, owner).await? {
            return Ok(UserError::from(reached).into());
        }
        let add = IntegrationCommand::AddItemMapping { mapping: mapping.clone() };
        match executed(context, service, id, add, &viewer.actor(Some(&owner.to_string()))).await? {
            Ok((integration, committed)) => {
                let known = committed.aggregate.link().and_then(|link| link.mapping_like(&mapping)).cloned();
                let item_mapping = known.map(ItemMapping::from);
                Ok(ItemMappingPayload { integration, item_mapping, user_errors: vec![] })
            }
            Err(error) => Ok(error.into()),
        }
    }

    async fn remove_item_mapping(
        &self,
        context: &Context<'_>,
        input: RemoveItemMappingInput,
    ) -> Result<IntegrationPayload, ApiError> {
        let Ok(mapping_id) = input.mapping_id.parse() else {
            return Ok(UserError::not_found("mappingId").into());
        };
        change(context, &input.integration_id, IntegrationCommand::RemoveItemMapping { mapping_id }).await
    }
}

fn overlap(hours: i32) -> Result<u32, UserError> {
    let negative = |_| UserError::new("OVERLAP_TOO_SHORT", "an overlap cannot be negative", Some("overlapHours"));
    u32::try_from(hours).map_err(negative)
}

/// No store shows a secret with a control character in it, so one is a mistake in copying, and no signature would ever fit.
fn unusable(secret: &str) -> Option<UserError> {
    let message = "a signing secret has no control characters: copy it once more";
    secret.chars().any(char::is_control).then(|| UserError::new("INVALID_SECRET", message, Some("signingSecret")))
}

fn warning_of(secret: &str) -> Option<String> {
    is_weak_secret(secret).then(|| {
        format!(
            "a signing secret of fewer than {WEAK_SECRET_CHARS} characters, of few different ones or of a common word can be guessed, and who guesses it can send \
             orders: choose a longer one in the store, and set that"
        )
    })
}

async fn account_exists(service: &Service, id: AccountId) -> Result<bool, ApiError> {
    let account = service.log.current::<domain::account::Account>(&id.to_string()).await?;
    Ok(account.aggregate.merchant().is_some())
}

/// The integration and whose it is, where the caller may change it.
pub(super) async fn managed(
    service: &Service,
    viewer: &Viewer,
    id: &ID,
) -> Result<Option<(IntegrationId, AccountId)>, ApiError> {
    let Ok(id) = id.parse::<IntegrationId>() else {
        return Ok(None);
    };
    let Some(owner) = service.integrations.find(id).await?.map(|link| link.account_id) else {
        return Ok(None);
    };
    viewer.require_managing(&owner.to_string())?;
    Ok(viewer.manages(&owner.to_string()).then_some((id, owner)))
}

async fn change(context: &Context<'_>, id: &ID, command: IntegrationCommand) -> Result<IntegrationPayload, ApiError> {
    let (service, viewer) = asked(context)?;
    let Some((id, owner)) = managed(service, viewer, id).await? else {
        return Ok(UserError::not_found("integrationId").into());
    };
    match executed(context, service, id, command, &viewer.actor(Some(&owner.to_string()))).await? {
        Ok((integration, _)) => Ok(IntegrationPayload { integration, user_errors: vec![] }),
        Err(error) => Ok(error.into()),
    }
}

async fn unchanged(context: &Context<'_>, id: &ID) -> Result<IntegrationPayload, ApiError> {
    let (service, viewer) = asked(context)?;
    let Some((id, _)) = managed(service, viewer, id).await? else {
        return Ok(UserError::not_found("integrationId").into());
    };
    Ok(IntegrationPayload { integration: shown(context, id).await?, user_errors: vec![] })
}

pub(super) async fn shown(context: &Context<'_>, id: IntegrationId) -> Result<Option<Integration>, ApiError> {
    let loader = context.data_unchecked::<DataLoader<Loader>>();
    Ok(loader.load_one(IntegrationKey(id.to_string())).await?.map(Integration))
}

type Executed = Result<(Option<Integration>, Committed<Aggregate>), UserError>;

async fn executed(
    context: &Context<'_>,
    service: &Arc<Service>,
    id: IntegrationId,
    command: IntegrationCommand,
    actor: &Actor,
) -> Result<Executed, ApiError> {
    match service.log.execute::<Aggregate>(&id.to_string(), command, actor).await {
        Ok(committed) => {
            service.wait_for_views(committed.position).await;
            Ok(Ok((shown(context, id).await?, committed)))
        }
        Err(error) => {
            let error: CommandError<IntegrationRefusal> = error;
            Ok(Err(refused(error)?))
        }
    }
}
