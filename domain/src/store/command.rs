//! What is recorded of a connected store.

use chrono::{DateTime, TimeDelta, Utc};

use super::{CatalogueRead, CheckCause, OrdersCompared, SubscriptionsChecked};
use crate::AccountId;

/// Something that is to be done at a store of this account, was done there, or failed.
#[derive(Clone, Debug)]
pub struct StoreCommand {
    pub account_id: AccountId,
    /// Who does it. None where no lease is needed.
    pub worker: Option<String>,
    pub step: Step,
}

/// One step of watching a store.
#[derive(Clone, Debug)]
pub enum Step {
    /// Its webhooks are to be checked.
    RequestCheck {
        cause: CheckCause,
        now: DateTime<Utc>,
        /// Of the event of the integration that it follows from, where it follows from one.
        integration_sequence: Option<u64>,
    },
    /// Its orders are to be compared at once.
    RequestComparison {
        now: DateTime<Utc>,
    },
    /// Its catalogue is to be read.
    RequestFilling {
        now: DateTime<Utc>,
    },
    /// What a worker is there for is to be done again, with what there is now.
    HandBack {
        now: DateTime<Utc>,
    },
    /// It cannot be called any more.
    Pause {
        /// Of the event of the integration by which that is known.
        integration_sequence: u64,
        now: DateTime<Utc>,
    },
    PullBack {
        now: DateTime<Utc>,
    },
    /// A worker takes up what is due.
    Start {
        worker: String,
        now: DateTime<Utc>,
    },
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
    Checked {
        checked: SubscriptionsChecked,
        /// From when on its orders are compared, where that can be done, unless they were wanted sooner.
        compares_from: Option<DateTime<Utc>>,
        /// Whether its catalogue can be read.
        fills: bool,
    },
    NotChecked {
        cause: CheckCause,
        reason: String,
        now: DateTime<Utc>,
        retry_after: Option<TimeDelta>,
        integration_sequence: u64,
    },
    Compared(OrdersCompared),
    Read(CatalogueRead),
    NotRead {
        reason: String,
        now: DateTime<Utc>,
        retry_after: Option<TimeDelta>,
    },
    NotCompared {
        /// What was found before.
        found: Option<Box<OrdersCompared>>,
        reason: String,
        now: DateTime<Utc>,
        retry_after: Option<TimeDelta>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreRefusal {
    #[error("nothing is to be done at the store, or another worker does it")]
    NotDue,
    #[error("another worker is at the store, or nothing is to be done there any more")]
    LeaseLost,
}
