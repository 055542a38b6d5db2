//! What can be asked of a resource.

use chrono::{DateTime, Utc};

use super::{Announcement, Content, Happened, WebhookSource};
use crate::delivery::schedule::Jitter;
use crate::delivery::{FetchFailure, StoreCall};
use crate::integration::Provider;
use crate::{AccountId, IntegrationId, ResolutionCode};

#[derive(Clone, Debug, PartialEq)]
pub enum ResourceCommand {
    /// A store reported something about it.
    Report(Box<NewReport>),
    /// A webhook named an order that is only published, and said nothing of it.
    Announce(Box<Announcement>),
    /// The order was read at its store, when so many webhooks had announced it.
    RecordRead {
        /// None where nothing is published any more.
        report: Option<Box<NewReport>>,
        announcements: u32,
        call: StoreCall,
    },
    /// The order could not be read at its store.
    FailRead { failure: FetchFailure, now: DateTime<Utc>, jitter: Jitter, integration_sequence: i64 },
    /// The cause was fixed for which the order could not be read.
    RequestRead { fixed: ResolutionCode },
    /// What a clock that was ahead has set too far off is set as it should be.
    PullBackRead { now: DateTime<Utc> },
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
    pub publishing: Publishing,
    pub content: Content,
}

/// What is published of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Publishing {
    /// What its store did.
    #[default]
    Usual,
    /// That a product was taken over as the store has it: it is not known when the store did what.
    Synced,
    /// Nothing: the integration publishes no commerce events, and knows what its store sells.
    Nothing,
}
