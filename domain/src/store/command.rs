//! What is recorded of a connected store.

use chrono::{DateTime, TimeDelta, Utc};

use super::{CheckCause, SubscriptionsChecked};
use crate::AccountId;

/// Something that was done at a store of this account, or failed.
#[derive(Clone, Debug)]
pub struct StoreCommand {
    pub account_id: AccountId,
    pub step: Step,
}

/// One step of watching a store.
#[derive(Clone, Debug)]
pub enum Step {
    Made {
        subscription_id: String,
        topics: Vec<String>,
        address: String,
    },
    Enabled {
        subscription_id: String,
        topics: Vec<String>,
    },
    Removed {
        subscription_id: String,
        topics: Vec<String>,
    },
    Refused {
        topics: Vec<String>,
        reason: String,
    },
    Checked(SubscriptionsChecked),
    NotChecked {
        cause: CheckCause,
        reason: String,
        now: DateTime<Utc>,
        retry_after: Option<TimeDelta>,
        integration_sequence: u64,
    },
}

/// Nothing that is recorded of a store is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreRefusal {}
