//! The words for where a delivery stands, and for what a webhook did.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr, VariantNames};

use super::{Delivery, Order, Phase};
use crate::ResolutionCode;

/// The status that people see (store integrations document, "Delivery statuses").
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    EnumIter,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryStatus {
    Queued,
    Running,
    RetryScheduled,
    ActionRequired,
    Completed,
    FailedPermanent,
    Cancelled,
    Duplicate,
}

impl DeliveryStatus {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// What a webhook did to its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum WebhookOutcome {
    /// It made the order deliverable.
    Accepted,
    /// It changed what is known of the order: its lines, its customer, its status.
    Revised,
    /// It said nothing new.
    Duplicate,
    /// It is older than what is known, by the store's own clock; it changed nothing.
    Stale,
    /// Its order status is not one that is delivered: the order waits for one that is.
    Filtered,
    /// It cancelled the delivery.
    Cancelled,
    /// It cancelled what was already delivered: recorded, and nothing follows.
    TooLate,
    /// It names the order and says nothing of it: the order is fetched at the store.
    Announced,
}

impl WebhookOutcome {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the webhook said anything new.
    pub fn is_news(self) -> bool {
        match self {
            Self::Accepted | Self::Revised | Self::Filtered | Self::Cancelled | Self::TooLate | Self::Announced => true,
            Self::Duplicate | Self::Stale => false,
        }
    }

    /// Whether what the webhook says of the order is taken over.
    pub fn revises(self) -> bool {
        match self {
            Self::Accepted | Self::Revised | Self::Filtered | Self::Cancelled | Self::TooLate => true,
            Self::Duplicate | Self::Stale | Self::Announced => false,
        }
    }
}

impl Phase {
    /// Nothing will happen any more, unless the store or a person says something new.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Filtered | Self::Completed | Self::FailedPermanently { .. } | Self::Cancelled(_) => true,
            Self::Queued | Self::Running(_) | Self::RetryScheduled { .. } | Self::ActionRequired { .. } => false,
        }
    }

    /// When something happens by itself, where that is known: the end of a lease, or the next try.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Running(lease) => Some(lease.until),
            Self::RetryScheduled { due_at, .. } => Some(*due_at),
            Self::Filtered
            | Self::Queued
            | Self::ActionRequired { .. }
            | Self::Completed
            | Self::FailedPermanently { .. }
            | Self::Cancelled(_) => None,
        }
    }

    pub fn status(&self) -> DeliveryStatus {
        match self {
            Self::Filtered | Self::FailedPermanently { .. } => DeliveryStatus::FailedPermanent,
            Self::Queued => DeliveryStatus::Queued,
            Self::Running(_) => DeliveryStatus::Running,
            Self::RetryScheduled { .. } => DeliveryStatus::RetryScheduled,
            Self::ActionRequired { .. } => DeliveryStatus::ActionRequired,
            Self::Completed => DeliveryStatus::Completed,
            Self::Cancelled(_) => DeliveryStatus::Cancelled,
        }
    }

    pub fn resolution_code(&self) -> Option<ResolutionCode> {
        match self {
            Self::Filtered => Some(ResolutionCode::OrderStatusFiltered),
            Self::RetryScheduled { code, .. } | Self::ActionRequired { code } | Self::FailedPermanently { code } => {
                Some(*code)
            }
            Self::Queued | Self::Running(_) | Self::Completed | Self::Cancelled(_) => None,
        }
    }
}

impl Order {
    pub fn status(&self) -> DeliveryStatus {
        self.summary.phase.status()
    }
}

impl Delivery {
    pub fn status(&self) -> Option<DeliveryStatus> {
        self.order().map(Order::status)
    }
}
