//! What can be asked of an integration.

use chrono::{DateTime, Utc};

use super::Provider;
use crate::{AccountId, ItemMapping, MappingId};

#[derive(Clone, Debug, PartialEq)]
pub enum IntegrationCommand {
    Create(CreateIntegration),
    Rename {
        name: String,
    },
    Activate,
    Deactivate,
    /// Empty means every status is delivered.
    ChangeOrderStatuses {
        order_statuses: Vec<String>,
    },
    /// Takes over a secret that the store chose (Shopify shows the merchant one of its own). The old one stays valid for
    /// `overlap_hours`; with 0 it is void at once.
    SetSigningSecret {
        secret: String,
        now: DateTime<Utc>,
        overlap_hours: u32,
    },
    /// Changes the secret while the old one stays valid for a time.
    RotateSigningSecret {
        secret: String,
        now: DateTime<Utc>,
        overlap_hours: u32,
    },
    AddItemMapping {
        mapping: ItemMapping,
    },
    RemoveItemMapping {
        mapping_id: MappingId,
    },
}

#[derive(Clone, PartialEq)]
pub struct CreateIntegration {
    pub account_id: AccountId,
    pub provider: Provider,
    pub name: String,
    pub signing_secret: String,
    pub order_statuses: Vec<String>,
}

impl std::fmt::Debug for CreateIntegration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateIntegration").field("name", &self.name).finish_non_exhaustive()
    }
}
