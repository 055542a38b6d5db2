//! What happened to a resource. These names are the storage format: add, never rename.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};
use uuid::Uuid;

use super::{Announcement, Content, OrderChange, ReadFailed};
use crate::commerce::CommerceEventType;
use crate::delivery::StoreCall;
use crate::event::{LogEvent, domain_event};
use crate::integration::Provider;
use crate::{AccountId, IntegrationId, ResolutionCode};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ResourceEvent {
    ResourceReported(Box<Report>),
    /// A webhook named the order and said nothing of it: it is read at its store, and then reported.
    OrderAnnounced(Box<Announcement>),
    /// The order was read at its store, when so many webhooks had announced it. What that says is reported before.
    OrderRead {
        announcements: u32,
        call: StoreCall,
    },
    OrderReadFailed(Box<ReadFailed>),
    /// It is to be read at once, although it could not be before.
    OrderReadRequested {
        fixed: ResolutionCode,
    },
    /// A clock that was ahead had set the next try too far off.
    OrderReadMoved {
        until: DateTime<Utc>,
    },
    /// It could not be read for as long as it is tried, and nothing is published of what was announced.
    OrderReadGivenUp {
        code: ResolutionCode,
        call: StoreCall,
    },
}

/// What a store said of a resource, and what is published of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    pub account_id: AccountId,
    pub integration_id: IntegrationId,
    pub provider: Provider,
    pub resource_id: String,
    pub happened: Happened,
    pub outcome: ReportOutcome,
    /// The commerce events that follow from it, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publishes: Vec<CommerceEventType>,
    /// Of an order that was known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<OrderChange>,
    pub identity: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
    /// Of a deletion for which the store says no time: when its webhook was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    pub source: WebhookSource,
    /// What a store leaves out of an order that was known is as it was known.
    pub content: Content,
}

/// Where the webhook lies that a report is from, with its body and whom it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "aggregate_type", rename_all = "snake_case")]
pub enum WebhookSource {
    Delivery { id: Uuid, sequence: i64 },
    Notice { id: Uuid, sequence: i64 },
}

/// What the store says that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Happened {
    Created,
    Updated,
    Deleted,
    /// What was deleted is there again.
    Restored,
}

/// What a report did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ReportOutcome {
    /// It is what is known now.
    Current,
    /// It is older than what is known, by the store's own clock or count; it changed nothing.
    Stale,
    /// It is about what was deleted, and no restoration; it changed nothing.
    AfterDeletion,
}

impl ReportOutcome {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

domain_event!(ResourceEvent);

impl LogEvent for ResourceEvent {}
