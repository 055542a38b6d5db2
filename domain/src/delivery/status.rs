//! The words for where a delivery stands, and what a webhook becomes there.

use serde::{Deserialize, Serialize};

use super::{Delivery, Intent, Order, Phase};
use crate::ResolutionCode;

/// The status that people see (store integrations document, "Delivery statuses").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::RetryScheduled,
        Self::ActionRequired,
        Self::Completed,
        Self::FailedPermanent,
        Self::Cancelled,
        Self::Duplicate,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::RetryScheduled => "retry_scheduled",
            Self::ActionRequired => "action_required",
            Self::Completed => "completed",
            Self::FailedPermanent => "failed_permanent",
            Self::Cancelled => "cancelled",
            Self::Duplicate => "duplicate",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// As much of a phase as the meaning of the next webhook depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not accepted yet: all its webhooks were filtered.
    Open,
    /// Accepted and not settled.
    Accepted,
    Completed,
    Cancelled,
}

/// What a webhook about an order became.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookOutcome {
    /// It made the order deliverable.
    Accepted,
    /// Its order status is not delivered; the order stays open.
    Filtered,
    /// The order was already accepted: it said nothing new.
    Duplicate,
    /// It called the delivery off.
    Cancelled,
    /// It called off what was already delivered: recorded, and nothing follows.
    TooLate,
}

impl WebhookOutcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Filtered => "filtered",
            Self::Duplicate => "duplicate",
            Self::Cancelled => "cancelled",
            Self::TooLate => "too_late",
        }
    }
}

/// What a webhook becomes. The one rule for the aggregate, the answer to the store, and the views.
pub(super) fn outcome(standing: Option<Standing>, intent: Intent) -> WebhookOutcome {
    match (standing, intent) {
        (None | Some(Standing::Open), Intent::Deliver) => WebhookOutcome::Accepted,
        (None | Some(Standing::Open), Intent::Filtered) => WebhookOutcome::Filtered,
        (None | Some(Standing::Open | Standing::Accepted), Intent::Cancel) => WebhookOutcome::Cancelled,
        (Some(Standing::Completed), Intent::Cancel) => WebhookOutcome::TooLate,
        (Some(Standing::Cancelled), Intent::Cancel)
        | (Some(Standing::Accepted | Standing::Completed | Standing::Cancelled), Intent::Deliver | Intent::Filtered) => {
            WebhookOutcome::Duplicate
        }
    }
}

impl Phase {
    /// Nothing will happen any more, unless the store or a person says something new.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Filtered | Self::Completed | Self::FailedPermanently { .. } | Self::Cancelled => true,
            Self::Queued | Self::Running(_) | Self::RetryScheduled { .. } | Self::ActionRequired { .. } => false,
        }
    }

    pub fn standing(&self) -> Standing {
        match self {
            Self::Filtered => Standing::Open,
            Self::Completed => Standing::Completed,
            Self::Cancelled => Standing::Cancelled,
            Self::Queued
            | Self::Running(_)
            | Self::RetryScheduled { .. }
            | Self::ActionRequired { .. }
            | Self::FailedPermanently { .. } => Standing::Accepted,
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
            Self::Cancelled => DeliveryStatus::Cancelled,
        }
    }

    pub fn resolution_code(&self) -> Option<ResolutionCode> {
        match self {
            Self::Filtered => Some(ResolutionCode::OrderStatusFiltered),
            Self::RetryScheduled { code, .. } | Self::ActionRequired { code } | Self::FailedPermanently { code } => {
                Some(*code)
            }
            Self::Queued | Self::Running(_) | Self::Completed | Self::Cancelled => None,
        }
    }
}

impl Order {
    pub fn status(&self) -> DeliveryStatus {
        self.phase.status()
    }
}

impl Delivery {
    pub fn status(&self) -> Option<DeliveryStatus> {
        self.order().map(Order::status)
    }
}
