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
    /// Its webhooks are to be checked.
    CheckRequested {
        cause: CheckCause,
        due_at: DateTime<Utc>,
        /// Of the event of the integration that it follows from, where it follows from one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        integration_sequence: Option<u64>,
    },
    /// A worker does this at the store, and no other one until then.
    WorkStarted { task: Task, worker: String, lease_until: DateTime<Utc> },
    /// It was not done, and is to be at once: what it was begun with has changed.
    HandedBack { at: DateTime<Utc> },
    /// Nothing is done at the store until it is connected or switched on again.
    WatchPaused {
        /// The latest event of the integration that was known.
        integration_sequence: u64,
    },
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
    /// What the store changes from then on, by its own clock, is compared with what its webhooks say.
    ComparisonBegun { from: DateTime<Utc> },
    /// That is to be done at once.
    ComparisonRequested { due_at: DateTime<Utc> },
    /// What the store says that it changed was compared with what its webhooks said, and what was missing was fetched.
    OrdersCompared(OrdersCompared),
    /// It could not be compared.
    OrdersNotCompared { reason: String, retry_at: DateTime<Utc> },
    /// What it sells is to be read.
    FillingRequested { due_at: DateTime<Utc> },
    /// A part of it was.
    CatalogueRead(CatalogueRead),
    /// It could not be read. What was read before counts.
    CatalogueNotRead { reason: String, retry_at: DateTime<Utc> },
}

/// A part of a catalogue that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CatalogueRead {
    /// So many of them in this part.
    pub products: u32,
    pub collections: u32,
    /// Were new here, or had changed.
    pub news: u32,
    /// Where it goes on; None where that was the last of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    pub began_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}

/// What is done at a store. These names are the storage format.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Task {
    /// Its webhooks are checked.
    Check,
    /// Its orders are compared.
    Compare,
    /// Its catalogue is read.
    Fill,
}

impl Task {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What a comparison of a store's orders found. Moments of orders are by the store's clock, the others by ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrdersCompared {
    /// Orders that the store changed between these moments were listed.
    pub since: DateTime<Utc>,
    pub through: DateTime<Utc>,
    /// The store was asked in place of webhooks: what was fetched was not missed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub polled: bool,
    /// Orders that it says it changed since the comparison before.
    pub changed: u32,
    /// Of all that was looked for, so many were here by their webhooks, also of those that were awaited before.
    pub received: u32,
    /// Were never sent, and were fetched.
    pub fetched: u32,
    /// Were changed in a way that says nothing new.
    #[serde(default)]
    pub unchanged: u32,
    /// Could not be read, and are tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableOrder>,
    /// The list goes on after that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// It broke off before everything was looked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broken_off: bool,
    /// Changed so lately that their webhooks may be on their way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaited: Vec<AwaitedOrder>,
    /// The longest time between the change of an order and when it was fetched, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_delay_ms: Option<u64>,
    pub began_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
    /// When they are compared again.
    pub next_at: DateTime<Utc>,
}

/// An order that the store changed and that could not be read there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadableOrder {
    /// The store's own id of it.
    pub order_id: String,
    pub changed_at: DateTime<Utc>,
    pub reason: String,
    /// How often it was tried.
    pub tries: u32,
}

/// An order that the store changed and of which no webhook was here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AwaitedOrder {
    /// The store's own id of it.
    pub order_id: String,
    pub changed_at: DateTime<Utc>,
    /// When that was first seen.
    pub seen_at: DateTime<Utc>,
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
    /// The integration was switched on again.
    Activated,
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
