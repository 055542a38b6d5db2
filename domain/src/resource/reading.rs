//! Orders that are only published and that webhooks only name: each is read at its store, and what was read is reported. No
//! delivery does that, for there is none.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Known, NewReport, Resource, ResourceEvent, WebhookSource};
use crate::delivery::schedule::{self, Jitter};
use crate::delivery::{FetchFailure, LatestFailure, StoreCall};
use crate::integration::Provider;
use crate::{AccountId, IntegrationId, ResolutionCode};

/// What a store responds with where it has no such order.
const NOT_FOUND: u16 = 404;

/// A webhook that names an order and says nothing of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Announcement {
    pub account_id: AccountId,
    pub integration_id: IntegrationId,
    pub provider: Provider,
    /// The store's own id of the order.
    pub order_id: String,
    /// Which of the webhooks that announced the order it is, counted from 1. The decision says.
    #[serde(default)]
    pub number: u32,
    pub received_at: DateTime<Utc>,
    /// Where the webhook lies. What is read is kept beside it.
    pub source: WebhookSource,
}

/// How an order could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadFailed {
    pub code: ResolutionCode,
    /// None where no access is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<StoreCall>,
    /// When it is tried again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<DateTime<Utc>>,
    /// The sequence of the last event of the integration then: access that was saved after it was not known.
    pub integration_sequence: i64,
}

/// Where the reading of an order stands: what is decided on and what people see have one fold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    pub order_id: String,
    pub provider: Provider,
    /// The newest webhook that announced the order.
    pub source: WebhookSource,
    /// How many webhooks announced it.
    pub announcements: u32,
    /// How many had when it was last read.
    read: u32,
    failures: u32,
    /// When it is to be read. None where it was read, or is not tried by itself any more.
    pub due_at: Option<DateTime<Utc>>,
    pub announced_at: DateTime<Utc>,
    /// How the latest try failed, until another one is requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<LatestFailure>,
}

impl Reading {
    /// Of an order of which nothing was announced before that is not read.
    pub fn first(announcement: &Announcement) -> Self {
        let Announcement { order_id, provider, source, received_at, number, .. } = announcement;
        Self {
            order_id: order_id.clone(),
            provider: *provider,
            source: *source,
            announcements: *number,
            read: number.saturating_sub(1),
            failures: 0,
            due_at: Some(*received_at),
            announced_at: *received_at,
            failure: None,
        }
    }

    /// Whether anything was announced that is not read.
    pub fn is_unread(&self) -> bool {
        self.announcements > self.read
    }

    /// Whether it was given up: no fix is waited for, and it is not tried by itself.
    pub fn is_given_up(&self) -> bool {
        let is_of_store = |failure: &LatestFailure| failure.code != ResolutionCode::StoreAccessMissing;
        self.is_unread() && self.due_at.is_none() && self.failure.as_ref().is_some_and(is_of_store)
    }

    /// Whether it is to be read at `now`.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.is_unread() && self.due_at.is_some_and(|due_at| due_at <= now)
    }

    /// Folds every event of the order but its first announcement.
    pub fn apply(&mut self, event: &ResourceEvent) {
        match event {
            ResourceEvent::ResourceReported(_) | ResourceEvent::OrderReadGivenUp { .. } => {}
            ResourceEvent::OrderAnnounced(announcement) => {
                *self = Self { read: self.read, ..Self::first(announcement) };
            }
            ResourceEvent::OrderRead { announcements, call: _ } => {
                self.read = *announcements;
                self.failures = 0;
                self.failure = None;
                self.due_at = self.due_at.filter(|_| self.is_unread());
            }
            ResourceEvent::OrderReadFailed(failed) => {
                self.failures = self.failures.saturating_add(1);
                self.due_at = failed.retry_at;
                self.failure = Some(LatestFailure { code: failed.code, call: failed.call.clone() });
            }
            ResourceEvent::OrderReadRequested { fixed: _ } => {
                self.failures = 0;
                self.due_at = Some(self.announced_at);
                self.failure = None;
            }
            ResourceEvent::OrderReadMoved { until } => self.due_at = Some(*until),
        }
    }
}

impl Resource {
    /// Whether what the store says that it changed at this moment, by its own clock, has come; or was announced, and is to be read.
    pub fn has_come(&self, changed_at: DateTime<Utc>) -> bool {
        let Self::Known(known) = self else { return false };
        // What was deleted does not come again by being listed.
        known.deleted
            || (!known.thin && known.changed_at.is_some_and(|known| known >= changed_at))
            || known.reading.as_ref().is_some_and(|reading| reading.is_unread())
    }

    /// Whether anything was reported of it.
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }

    pub fn reading(&self) -> Option<&Reading> {
        match self {
            Self::Initial => None,
            Self::Known(known) => known.reading.as_deref(),
        }
    }

    pub(super) fn announce(&self, announcement: Announcement) -> ResourceEvent {
        let before = self.reading().map_or(0, |reading| reading.announcements);
        ResourceEvent::OrderAnnounced(Box::new(Announcement { number: before.saturating_add(1), ..announcement }))
    }

    /// The order was read, when so many webhooks had announced it. Where another node has read it meanwhile and no earlier,
    /// nothing happens.
    pub(super) fn record_read(
        &self,
        report: Option<Box<NewReport>>,
        announcements: u32,
        call: StoreCall,
    ) -> Vec<ResourceEvent> {
        if self.reading().is_none_or(|reading| announcements <= reading.read) {
            return vec![];
        }
        let reported = report.and_then(|report| self.report(*report));
        reported.into_iter().chain([ResourceEvent::OrderRead { announcements, call }]).collect()
    }

    /// The order could not be read, if that is still to be done. Without access it waits for one that is saved; where the store
    /// has no such order, it is given up sooner than where the store is down.
    pub(super) fn fail_read(
        &self,
        failure: FetchFailure,
        now: DateTime<Utc>,
        jitter: Jitter,
        integration_sequence: i64,
    ) -> Vec<ResourceEvent> {
        let Some(reading) = self.reading().filter(|reading| reading.is_due(now)) else { return vec![] };
        let code = failure.code();
        let failed = |call, retry_at| {
            ResourceEvent::OrderReadFailed(Box::new(ReadFailed { code, call, retry_at, integration_sequence }))
        };
        match failure {
            FetchFailure::AccessMissing { call } => vec![failed(call, None)],
            FetchFailure::Unavailable { call, retry_after } => {
                let next = if call.status == Some(NOT_FOUND) {
                    schedule::next_failure(reading.failures, now, jitter)
                } else {
                    schedule::next_fetch(reading.failures, now, jitter)
                };
                let retry_at = next.map(|next| schedule::no_sooner_than_asked(next, retry_after, now));
                let given_up = retry_at.is_none().then(|| ResourceEvent::OrderReadGivenUp { code, call: call.clone() });
                [failed(Some(call), retry_at)].into_iter().chain(given_up).collect()
            }
        }
    }

    /// What kept the order from being read was fixed, or may have been where it was given up.
    pub(super) fn request_read(&self, fixed: ResolutionCode) -> Option<ResourceEvent> {
        let reading = self.reading().filter(|reading| reading.is_unread())?;
        let waits_for_it = reading.failure.as_ref().is_some_and(|failure| failure.code == fixed);
        (waits_for_it || reading.is_given_up()).then_some(ResourceEvent::OrderReadRequested { fixed })
    }

    /// A try that lies further ahead than its own schedule allows was set by a clock that was ahead.
    pub(super) fn pull_back_read(&self, now: DateTime<Utc>) -> Option<ResourceEvent> {
        let reading = self.reading().filter(|reading| reading.is_unread())?;
        let longest = schedule::longest_fetch(reading.failures);
        let is_too_far = reading.due_at? - now > longest + schedule::CLOCK_SKEW;
        is_too_far.then(|| ResourceEvent::OrderReadMoved { until: now + longest })
    }
}

impl Known {
    pub(super) fn apply_reading(&mut self, event: &ResourceEvent) {
        match (&mut self.reading, event) {
            (None, ResourceEvent::OrderAnnounced(announcement)) => {
                self.reading = Some(Box::new(Reading::first(announcement)));
            }
            (None, _) => {}
            (Some(reading), event) => reading.apply(event),
        }
    }
}
