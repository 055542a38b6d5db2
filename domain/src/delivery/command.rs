//! What can be asked of a delivery.

use chrono::{DateTime, Utc};

use super::schedule::Jitter;
use super::{CortexCall, DecidedOn, ErasureCause, FetchFailure, StoreCall, Webhook};
use crate::credits::PaidAction;
use crate::{Asset, Credits, ItemMapping, ResolutionCode};

#[derive(Clone, Debug, PartialEq)]
pub enum DeliveryCommand {
    /// A store reported something about the order.
    RecordWebhook(Box<Webhook>),
    /// The order was fetched at its store, when so many webhooks had announced it.
    RecordFetched {
        order: Box<Webhook>,
        announcements: u32,
        call: StoreCall,
    },
    /// The order could not be fetched at its store.
    FailFetch {
        failure: FetchFailure,
        now: DateTime<Utc>,
        jitter: Jitter,
        decided_on: DecidedOn,
    },
    /// A worker takes the delivery; only one can.
    Start {
        worker: String,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        facts: StartFacts,
    },
    RenewLease {
        held: Held,
        lease_until: DateTime<Utc>,
    },
    /// The worker is about to do this at Cortex Cloud. Where the attempt is to stop, it ends instead.
    BeginStep {
        held: Held,
        action: PaidAction,
    },
    /// We follow the customer now; `credits` is what that cost.
    RecordFollow {
        held: Held,
        credits: Credits,
        call: Option<CortexCall>,
    },
    /// An asset is shared with the customer now; `credits` is what that cost, nothing if it was shared before. The last one
    /// completes the delivery.
    RecordShare {
        held: Held,
        asset: Asset,
        credits: Credits,
        call: Option<CortexCall>,
    },
    /// Everything was shared before.
    Complete {
        held: Held,
    },
    /// The customer has not followed back yet.
    Wait {
        held: Held,
        now: DateTime<Utc>,
        jitter: Jitter,
        call: Option<CortexCall>,
    },
    /// Something failed that may work later.
    Fail {
        held: Held,
        now: DateTime<Utc>,
        jitter: Jitter,
        call: Option<CortexCall>,
    },
    /// The merchant has to fix something first.
    RequireAction {
        held: Held,
        code: ResolutionCode,
        call: Option<CortexCall>,
        /// Which assets are missing, where that is why.
        assets: Vec<Asset>,
    },
    /// Something happened that no rule covers; trying again by itself might do harm.
    GiveUp {
        held: Held,
        code: ResolutionCode,
        now: DateTime<Utc>,
        jitter: Jitter,
        call: Option<CortexCall>,
    },
    /// The worker stops before the attempt ended; another may go on at once.
    HandBack {
        held: Held,
    },
    /// What a clock that was ahead has set too far off is set as it should be.
    PullBack {
        now: DateTime<Utc>,
    },
    /// A person wants the next try at another moment.
    MoveWait {
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    },
    /// A person requests another try.
    Retry {
        username: Option<String>,
    },
    /// A person has many deliveries done again, of which this is one.
    Replay {
        username: Option<String>,
    },
    /// A person has the assets of these mappings delivered to past orders, of which this is one.
    DeliverMappings {
        mappings: Vec<ItemMapping>,
    },
    /// The cause was fixed that the delivery waited for, or for which its order could not be fetched.
    Release {
        cause: ResolutionCode,
    },
    /// A person cancels the delivery.
    Cancel,
    /// Personal data is erased. What was not delivered yet is cancelled.
    ErasePersonalData {
        cause: ErasureCause,
    },
}

/// Which attempt speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub worker: String,
    pub attempt: u32,
}

/// What a worker looked up before it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct StartFacts {
    pub mappings: Vec<ItemMapping>,
    pub credentials_saved: bool,
    /// Whether the API key that the webhook named, if it named one, may be used.
    pub api_key_active: bool,
    pub integration_active: bool,
    pub decided_on: DecidedOn,
}
