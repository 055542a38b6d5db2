//! What happened to an integration. These names are the storage format: add, never rename.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{AccessLost, Authorization, ConnectionAttempt, Provider, Purpose};
use crate::commerce::Currency;
use crate::event::{LogEvent, domain_event};
use crate::{AccountId, ItemMapping, MappingId, Private};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum IntegrationEvent {
    IntegrationCreated(IntegrationCreated),
    IntegrationRenamed {
        name: String,
    },
    PurposeChanged {
        purpose: Purpose,
    },
    IntegrationActivated {},
    IntegrationDeactivated {},
    OrderStatusesChanged {
        order_statuses: Vec<String>,
    },
    SigningSecretSet {
        signing_secret: Private<String>,
        secret_preview: String,
    },
    SigningSecretRotated {
        signing_secret: Private<String>,
        secret_preview: String,
        previous_valid_until: DateTime<Utc>,
    },
    /// The address that the store was given for its webhooks.
    NotificationUrlChanged {
        notification_url: String,
    },
    /// What the store's prices are in, for webhooks that state a price and no currency.
    CurrencyChanged {
        currency: Currency,
    },
    /// The store is asked so often what it changed, in place of webhooks; None: it sends webhooks.
    PollingChanged {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        every_minutes: Option<u32>,
    },
    /// The store is asked to report only these topics, in its platform's words; None for all that the purpose needs.
    TopicsChosen {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topics: Option<Vec<String>>,
    },
    /// Access to the store's API, where thin webhooks have orders fetched.
    StoreAccessSaved {
        token: Private<String>,
        token_preview: String,
        /// What names the store in its platform's API, where the token alone does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        store: Option<String>,
        /// What came with the token by OAuth.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorization: Option<Authorization>,
    },
    /// Another token of the same authorisation, in place of one that ends.
    StoreAccessRenewed {
        token: Private<String>,
        token_preview: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refresh_token: Option<Private<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
    },
    /// The store takes the token no more.
    StoreAccessLost {
        reason: AccessLost,
    },
    StoreAccessRemoved {},
    /// Somebody begins to connect the store, and is to authorise that there.
    StoreConnectionStarted(ConnectionAttempt),
    /// Nothing came of it: the store, or who was to authorise it, refused.
    StoreConnectionFailed {
        attempt_id: Uuid,
        reason: String,
    },
    /// The merchant's own app at the platform, by which the store is connected in place of the operator's.
    StoreAppSaved {
        client_id: String,
        client_secret: Private<String>,
        secret_preview: String,
    },
    StoreAppRemoved {},
    ItemMappingAdded {
        mapping: ItemMapping,
    },
    ItemMappingRemoved {
        mapping_id: MappingId,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntegrationCreated {
    pub account_id: AccountId,
    pub provider: Provider,
    pub name: String,
    #[serde(default, skip_serializing_if = "Purpose::is_default")]
    pub purpose: Purpose,
    /// None where the store signs with one of its own, which was not handed over yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<Private<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_preview: Option<String>,
    /// The address that the store was given for its webhooks. None in older events: the one that the service has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_url: Option<String>,
    /// The statuses that are delivered, be they chosen or the default of that day; empty means every status.
    pub order_statuses: Vec<String>,
}

domain_event!(IntegrationEvent);

impl LogEvent for IntegrationEvent {}
