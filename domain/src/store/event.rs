//! What happened at a connected store. These names are the storage format: add, never rename.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::AccountId;
use crate::event::{LogEvent, domain_event};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum StoreEvent {
    /// The first of its stream: whose store it is.
    StoreWatched { account_id: AccountId },
    /// Webhooks of these topics were asked for at the store, and are posted to this address.
    SubscriptionMade {
        /// The store's own id of it.
        subscription_id: String,
        topics: Vec<String>,
        address: String,
    },
    /// The store had stopped sending them, and goes on.
    SubscriptionEnabled { subscription_id: String, topics: Vec<String> },
    /// They are not sent any more: they are not needed, or were sent twice.
    SubscriptionRemoved { subscription_id: String, topics: Vec<String> },
    /// The store would not send them.
    SubscriptionRefused { topics: Vec<String>, reason: String },
    /// What is sent was compared with what is needed, and mended where that was possible.
    SubscriptionsChecked(SubscriptionsChecked),
    /// It could not be compared.
    SubscriptionsNotChecked {
        cause: CheckCause,
        reason: String,
        retry_at: DateTime<Utc>,
        /// The latest event of the integration that was known.
        integration_sequence: u64,
    },
}

/// What a check of the webhooks of a store found, before anything was mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionsChecked {
    pub cause: CheckCause,
    /// So many of the needed topics were sent.
    pub present: u32,
    /// Topics that were not sent to us at all.
    pub missing: Vec<String>,
    /// Topics that the store had stopped sending.
    pub disabled: Vec<String>,
    pub at: DateTime<Utc>,
    /// The latest event of the integration that was known: what was changed after it was not checked.
    pub integration_sequence: u64,
}

/// Why the webhooks of a store were checked. These names are the storage format.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CheckCause {
    /// The store was connected.
    Connected,
    /// What is needed, or where it is posted, was changed.
    Changed,
    /// A day has passed.
    Daily,
    /// Nothing came for longer than usual.
    Silent,
    /// Something happened at the store that it did not report.
    Missed,
    /// The store said that the app was removed, or the authorisation taken back.
    Revoked,
    /// A person wanted to know.
    Requested,
}

impl CheckCause {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

domain_event!(StoreEvent);

impl LogEvent for StoreEvent {}
