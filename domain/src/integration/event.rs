//! What happened to an integration. These names are the storage format: add, never rename.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::Provider;
use crate::event::{LogEvent, domain_event};
use crate::{AccountId, ItemMapping, MappingId, Private};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum IntegrationEvent {
    IntegrationCreated(IntegrationCreated),
    IntegrationRenamed {
        name: String,
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
    pub signing_secret: Private<String>,
    pub secret_preview: String,
    /// The statuses that are delivered, be they chosen or the default of that day; empty means every status.
    pub order_statuses: Vec<String>,
}

domain_event!(IntegrationEvent);

impl LogEvent for IntegrationEvent {}
