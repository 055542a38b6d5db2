//! What happened to an integration. These names are the storage format: add, never rename.

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::Provider;
use crate::{AccountId, ItemMapping, MappingId, Private};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntegrationEvent {
    Created(IntegrationCreated),
    Renamed { name: String },
    Activated,
    Deactivated,
    OrderStatusesChanged { order_statuses: Vec<String> },
    SigningSecretSet { secret: Private<String>, secret_preview: String },
    SigningSecretRotated { secret: Private<String>, secret_preview: String, previous_valid_until: DateTime<Utc> },
    ItemMappingAdded { mapping: ItemMapping },
    ItemMappingRemoved { mapping_id: MappingId },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntegrationCreated {
    pub account_id: AccountId,
    pub provider: Provider,
    pub name: String,
    pub signing_secret: Private<String>,
    pub secret_preview: String,
    /// The statuses that are delivered, be they chosen or the default of that day; empty means every status.
    #[serde(default)]
    pub order_statuses: Vec<String>,
}

impl DomainEvent for IntegrationEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created(_) => "integration_created",
            Self::Renamed { .. } => "integration_renamed",
            Self::Activated => "integration_activated",
            Self::Deactivated => "integration_deactivated",
            Self::OrderStatusesChanged { .. } => "order_statuses_changed",
            Self::SigningSecretSet { .. } => "signing_secret_set",
            Self::SigningSecretRotated { .. } => "signing_secret_rotated",
            Self::ItemMappingAdded { .. } => "item_mapping_added",
            Self::ItemMappingRemoved { .. } => "item_mapping_removed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
