//! What can be asked of an integration.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{AccessLost, ConnectionAttempt, Grant, Provider, Purpose};
use crate::{AccountId, ItemMapping, MappingId};
use uuid::Uuid;

#[derive(Clone, Debug)]
pub enum IntegrationCommand {
    Create(CreateIntegration),
    Rename {
        name: String,
    },
    ChangePurpose {
        purpose: Purpose,
    },
    Activate,
    Deactivate,
    /// Empty, or `any`, means every status is delivered.
    ChangeOrderStatuses {
        order_statuses: Vec<String>,
    },
    /// Takes over a secret that the store chose (Shopify shows the merchant one of its own). The old one stays valid for
    /// `overlap_hours`; with 0 it is void at once.
    SetSigningSecret {
        secret: SecretString,
        now: DateTime<Utc>,
        overlap_hours: u32,
    },
    /// Changes the secret while the old one stays valid for a time.
    RotateSigningSecret {
        secret: SecretString,
        now: DateTime<Utc>,
        overlap_hours: u32,
    },
    /// The address that the store was given for its webhooks, which some sign together with the body.
    ChangeNotificationUrl {
        notification_url: String,
    },
    /// What the store's prices are in: the three letters of ISO 4217.
    ChangeCurrency {
        currency: String,
    },
    /// How often the store is asked what it changed, in place of webhooks; None for webhooks.
    ChangePolling {
        every_minutes: Option<u32>,
    },
    /// The topics that the store is asked to report, in its platform's words; None for all that the purpose needs.
    ChooseTopics {
        topics: Option<Vec<String>>,
    },
    /// Access to the store's API. `store` names the store in it, where the token alone does not.
    SaveStoreAccess {
        token: SecretString,
        store: Option<String>,
    },
    /// The present token was replaced by another of the same authorisation.
    RenewStoreAccess {
        old_token: SecretString,
        grant: Grant,
    },
    /// The store takes this token no more; None for whichever there is.
    LoseStoreAccess {
        token: Option<SecretString>,
        reason: AccessLost,
    },
    RemoveStoreAccess,
    StartConnecting {
        attempt: ConnectionAttempt,
    },
    /// Somebody authorised what this attempt asked for.
    CompleteConnecting {
        attempt_id: Uuid,
        grant: Grant,
        now: DateTime<Utc>,
    },
    FailConnecting {
        attempt_id: Uuid,
        reason: String,
    },
    SaveStoreApp {
        client_id: String,
        client_secret: SecretString,
    },
    RemoveStoreApp,
    AddItemMapping {
        mapping: ItemMapping,
    },
    RemoveItemMapping {
        mapping_id: MappingId,
    },
}

#[derive(Clone, Debug)]
pub struct CreateIntegration {
    pub account_id: AccountId,
    pub provider: Provider,
    pub name: String,
    pub purpose: Purpose,
    /// None where the store signs with one of its own, which is handed over later.
    pub signing_secret: Option<SecretString>,
    /// The address that the store is given for its webhooks.
    pub notification_url: String,
    /// None for those of the store's kind by default; empty, or `any`, for every status.
    pub order_statuses: Option<Vec<String>>,
}
