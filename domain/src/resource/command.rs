//! What can be asked of a resource.

use chrono::{DateTime, Utc};

use super::{Content, Happened, WebhookSource};
use crate::integration::Provider;
use crate::{AccountId, IntegrationId};

#[derive(Clone, Debug, PartialEq)]
pub enum ResourceCommand {
    /// A store reported something about it.
    Report(Box<NewReport>),
}

/// A report that a webhook brought.
#[derive(Clone, Debug, PartialEq)]
pub struct NewReport {
    pub account_id: AccountId,
    pub integration_id: IntegrationId,
    pub provider: Provider,
    /// The store's own id of the resource.
    pub resource_id: String,
    pub happened: Happened,
    /// By what the webhook is known again: the platform's signed id of the event, or else a keyed hash of the body.
    pub identity: String,
    /// By the store's own clock.
    pub changed_at: Option<DateTime<Utc>>,
    /// When its webhook was received, by our own clock.
    pub received_at: DateTime<Utc>,
    /// Where the store counts its changes.
    pub version: Option<i64>,
    pub source: WebhookSource,
    pub content: Content,
}
