//! What happened to an account. These names are the storage format: add, never rename.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::{FailurePolicy, Role};
use crate::event::{LogEvent, domain_event};
use crate::{ApiKeyId, Private};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AccountEvent {
    AccountCreated {
        name: String,
        attempts_per_minute: u32,
    },
    ApiKeyCreated(ApiKeyCreated),
    ApiKeyDeactivated {
        key_id: ApiKeyId,
    },
    ApiKeyLimitChanged {
        key_id: ApiKeyId,
        requests_per_minute: u32,
    },
    CortexCredentialsSaved {
        email: Private<String>,
        password: Private<String>,
    },
    CortexCredentialsDeleted {},
    /// Stock that falls to this or below is published as out of stock; `None` for never.
    StockAlertSet {
        threshold: Option<u32>,
    },
    /// For how many days personal data is kept once a delivery is over; `None` for good.
    RetentionSet {
        days: Option<u32>,
    },
    /// Of endpoints that are created without a secret of their own, from now on.
    DefaultEndpointSecretSet {
        secret: Private<String>,
        secret_preview: String,
    },
    /// The address to which the account is written about its endpoints.
    ContactSet {
        email: Private<String>,
    },
    ContactRemoved {},
    /// What becomes of notifications of instances that fail, from now on.
    FailurePolicySet {
        policy: FailurePolicy,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyCreated {
    pub key_id: ApiKeyId,
    pub name: String,
    pub role: Role,
    /// SHA-256 of the key.
    pub key_hash: String,
    pub key_preview: String,
    pub requests_per_minute: u32,
}

domain_event!(AccountEvent);

impl LogEvent for AccountEvent {}
