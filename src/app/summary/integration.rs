//! What happened to an integration, in a sentence.

use domain::integration::{AccessLost, IntegrationEvent, Purpose};
use domain::{ItemMapping, MatchType};

use super::moment;

pub(super) fn of_integration(event: &IntegrationEvent) -> String {
    match event {
        IntegrationEvent::IntegrationCreated(created) => {
            format!("The {} integration “{}” was created.", created.provider.name(), created.name)
        }
        IntegrationEvent::IntegrationRenamed { name } => format!("The integration is called “{name}” now."),
        IntegrationEvent::PurposeChanged { purpose: Purpose::Delivers } => {
            "The integration delivers what is ordered, and publishes nothing.".to_owned()
        }
        IntegrationEvent::PurposeChanged { purpose: Purpose::Publishes } => {
            "The integration publishes commerce events, and delivers nothing.".to_owned()
        }
        IntegrationEvent::PurposeChanged { purpose: Purpose::Both } => {
            "The integration delivers what is ordered, and publishes commerce events.".to_owned()
        }
        IntegrationEvent::IntegrationActivated {} => {
            "The integration was switched on: its webhooks are let in.".to_owned()
        }
        IntegrationEvent::IntegrationDeactivated {} => {
            "The integration was switched off: its webhooks are refused.".to_owned()
        }
        IntegrationEvent::OrderStatusesChanged { order_statuses } if order_statuses.is_empty() => {
            "Orders of every status are delivered now.".to_owned()
        }
        IntegrationEvent::OrderStatusesChanged { order_statuses } => {
            format!("Only orders of these statuses are delivered now: {}.", order_statuses.join(", "))
        }
        IntegrationEvent::SigningSecretSet { secret_preview, .. } => {
            format!("The signing secret was set to one that ends in {secret_preview}; the one before is void.")
        }
        IntegrationEvent::SigningSecretRotated { secret_preview, previous_valid_until, .. } => format!(
            "The signing secret was replaced by one that ends in {secret_preview}; the one before is valid until {}.",
            moment(*previous_valid_until)
        ),
        IntegrationEvent::NotificationUrlChanged { notification_url } => {
            format!("The store posts to {notification_url} now.")
        }
        IntegrationEvent::PollingChanged { every_minutes: Some(minutes) } => {
            format!("The store is asked every {minutes} minutes what it changed, in place of webhooks.")
        }
        IntegrationEvent::PollingChanged { every_minutes: None } => {
            "The store sends webhooks, and is not asked in place of them any more.".to_owned()
        }
        IntegrationEvent::TopicsChosen { topics: Some(topics) } => {
            format!("The store is asked to report {}, and nothing else.", topics.join(", "))
        }
        IntegrationEvent::TopicsChosen { topics: None } => {
            "The store is asked to report all that the integration needs.".to_owned()
        }
        IntegrationEvent::CurrencyChanged { currency } => format!("The store's prices are in {currency}."),
        IntegrationEvent::StoreAccessSaved { token_preview, store, authorization: None, .. } => {
            let store = store.as_ref().map(|store| format!(" (store {store})")).unwrap_or_default();
            format!("The access token {token_preview} of the store's API was saved{store}: the store can be called.")
        }
        IntegrationEvent::StoreAccessSaved { store, authorization: Some(granted), .. } => {
            let store = store.as_ref().map(|store| format!(" {store}")).unwrap_or_default();
            let missing = match granted.missing_scopes.join(", ") {
                none if none.is_empty() => String::new(),
                missing => format!(", and did not allow {missing}"),
            };
            let allowed = granted.scopes.join(", ");
            format!("The store{store} was connected by the app {}: it allowed {allowed}{missing}.", granted.client_id)
        }
        IntegrationEvent::StoreAccessRenewed { token_preview, .. } => {
            format!("The access token of the store's API was renewed; the new one ends in {token_preview}.")
        }
        IntegrationEvent::StoreAccessLost { reason } => {
            let why = match reason {
                AccessLost::Uninstalled => "the app was removed there",
                AccessLost::Revoked => "the authorisation was taken back",
                AccessLost::Refused => "the store does not take the access token any more",
                AccessLost::Expired => "the access token ended, and could not be renewed",
            };
            format!("The store cannot be called any more: {why}. It has to be connected again.")
        }
        IntegrationEvent::StoreConnectionStarted(attempt) => {
            let store = attempt.store.as_ref().map(|store| format!(" {store}")).unwrap_or_default();
            format!(
                "Connecting the store{store} was begun: it is to be authorised there until {}.",
                moment(attempt.expires_at)
            )
        }
        IntegrationEvent::StoreConnectionFailed { reason, .. } => format!("The store was not connected: {reason}."),
        IntegrationEvent::StoreAppSaved { client_id, secret_preview, .. } => format!(
            "The merchant's own app {client_id} was saved, with a secret that ends in {secret_preview}: the store is connected by it."
        ),
        IntegrationEvent::StoreAppRemoved {} => "The merchant's own app was removed.".to_owned(),
        IntegrationEvent::StoreAccessRemoved {} => "The access to the store's API was removed.".to_owned(),
        IntegrationEvent::ItemMappingAdded { mapping } => format!("A mapping was added: {}.", rule(mapping)),
        IntegrationEvent::ItemMappingRemoved { mapping_id } => format!("The mapping {mapping_id} was removed."),
    }
}

fn rule(mapping: &ItemMapping) -> String {
    let part = match mapping.match_type {
        MatchType::Title => "title",
        MatchType::ProductId => "product id",
        MatchType::Sku => "SKU",
        MatchType::VariantId => "variant id",
    };
    format!("for the {part} “{}” the {} is delivered", mapping.external_ref, mapping.asset)
}
