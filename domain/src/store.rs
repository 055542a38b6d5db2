//! A connected store as the service watches it: whether it still reports what happens, and what happened that it did not report.
//! Its stream has the id of the integration.
//!
//! It is beside the integration's own stream, which holds what people decided: here is what is done again and again. It says itself
//! what is to be done when, and by whom it is being done: one worker at a time is at a store.

mod command;
mod comparing;
mod event;
mod filling;
mod fold;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use command::{Step, StoreCommand, StoreRefusal};
pub use comparing::{COMPARE_EVERY, Comparing, GRACE, MAX_AWAITED, MAX_TRIES, MAX_UNREADABLE, OVERLAP};
pub use event::{
    AwaitedOrder, CatalogueRead, CheckCause, OrdersCompared, StoreEvent, SubscriptionsChecked, Task, UnreadableOrder,
};
pub use filling::Filling;

use crate::delivery::MAX_REASON_CHARS;
use crate::event::{EventSourced, Owner, aggregate};
use crate::{AccountId, IntegrationId};

/// How long after a check of its webhooks a store is checked again.
pub const CHECK_EVERY: TimeDelta = TimeDelta::hours(24);
/// Before each further try, where a store could not be reached.
const RETRY_DELAYS: [TimeDelta; 5] =
    [TimeDelta::minutes(1), TimeDelta::minutes(5), TimeDelta::minutes(30), TimeDelta::hours(2), TimeDelta::hours(6)];
/// A store that asks for longer is tried again after so long.
const LONGEST_RETRY: TimeDelta = TimeDelta::hours(24);
/// How often a store that says of itself that the app is gone is checked at most: who captured such a webhook can send it again.
const REVOCATIONS_EVERY: TimeDelta = TimeDelta::minutes(1);
/// How often a store is checked at most because an order was missed.
const MISSED_EVERY: TimeDelta = TimeDelta::hours(1);
/// A worker holds a store for so long, in which it comes to an end. A lease that ends later was set by a clock that was ahead.
pub const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Webhooks that are remembered as made here.
const MAX_REMEMBERED: usize = 200;

/// The fold of a store's stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Store {
    account_id: Option<AccountId>,
    /// The webhooks that were made here, by their ids at the store, with their topics.
    made: BTreeMap<String, Vec<String>>,
    /// Since the check before: of which topics the store took none, and why.
    refused: Vec<RefusedTopics>,
    checked: Option<Checked>,
    /// Failures to check it in a row.
    failures: u32,
    failure: Option<String>,
    /// When its webhooks are to be checked again, and why. None while that is being done, and where the store cannot be called.
    check_at: Option<DateTime<Utc>>,
    check_cause: Option<CheckCause>,
    /// When they would be, had a person not asked sooner.
    planned_at: Option<DateTime<Utc>>,
    /// The latest event of the integration that a check knew, or is to know.
    integration_sequence: u64,
    /// When a check was last due because the store said that the app is gone, and because an order was missed.
    revoked_at: Option<DateTime<Utc>>,
    missed_at: Option<DateTime<Utc>>,
    /// From when on its orders are wanted, until a check succeeds: what it sells before its webhooks are made is not lost.
    wanted_from: Option<DateTime<Utc>>,
    /// How its orders are compared with what its webhooks said. None where they are not.
    comparing: Option<Comparing>,
    /// How far its catalogue is read. None where it never was.
    filling: Option<Filling>,
    lease: Option<Lease>,
}

/// What is being done at a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    task: Task,
    worker: String,
    until: DateTime<Utc>,
    /// Of a check.
    cause: CheckCause,
}

/// The latest check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    pub at: DateTime<Utc>,
    pub cause: CheckCause,
    /// Topics of which webhooks were there.
    pub present: u32,
    pub missing: Vec<String>,
    pub disabled: Vec<String>,
    /// Of these the store took none.
    pub refused: Vec<RefusedTopics>,
}

/// Topics of which a store took no webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedTopics {
    pub topics: Vec<String>,
    pub reason: String,
}

impl Store {
    /// Whether a webhook was made here: others at the store are left as they are.
    pub fn has_made(&self, subscription_id: &str) -> bool {
        self.made.contains_key(subscription_id)
    }

    /// Whether anything is recorded of it.
    pub fn is_watched(&self) -> bool {
        self.account_id.is_some()
    }

    pub fn checked(&self) -> Option<&Checked> {
        self.checked.as_ref()
    }

    /// Why it could not be checked the last time.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// When its webhooks are to be checked again. None where they never were, or are being checked.
    pub fn check_at(&self) -> Option<DateTime<Utc>> {
        self.check_at
    }

    pub fn comparing(&self) -> Option<&Comparing> {
        self.comparing.as_ref()
    }

    pub fn filling(&self) -> Option<&Filling> {
        self.filling.as_ref()
    }

    /// When something is to be done at it. None where nothing is.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        match &self.lease {
            // Where its worker does not come to an end.
            Some(lease) => Some(lease.until),
            None => [self.check_at, self.compare_at(), self.fill_at()].into_iter().flatten().min(),
        }
    }

    /// What is to be done at it at `now`, and of a check why.
    pub fn due(&self, now: DateTime<Utc>) -> Option<(Task, CheckCause)> {
        let cause = self.check_cause.unwrap_or(CheckCause::Daily);
        if let Some(lease) = &self.lease {
            let is_held = lease.until > now && lease.until <= now + LEASE * 2;
            return (!is_held).then_some((lease.task, lease.cause));
        }
        let is_due = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at <= now);
        if is_due(self.check_at) {
            return Some((Task::Check, cause));
        }
        if is_due(self.compare_at()) {
            return Some((Task::Compare, cause));
        }
        is_due(self.fill_at()).then_some((Task::Fill, cause))
    }

    /// Whether a check that was requested by `moment` is still to come to an end.
    pub fn is_being_checked(&self, moment: DateTime<Utc>) -> bool {
        let is_under_way = self.lease.as_ref().is_some_and(|lease| lease.task == Task::Check);
        is_under_way || self.check_at.is_some_and(|at| at <= moment)
    }

    /// The same of a comparison.
    pub fn is_being_compared(&self, moment: DateTime<Utc>) -> bool {
        let is_under_way = self.lease.as_ref().is_some_and(|lease| lease.task == Task::Compare);
        is_under_way || self.compare_at().is_some_and(|at| at <= moment)
    }

    /// The same of reading its catalogue, until all of it is read.
    pub fn is_being_filled(&self, moment: DateTime<Utc>) -> bool {
        let is_under_way = self.lease.as_ref().is_some_and(|lease| lease.task == Task::Fill);
        is_under_way || self.fill_at().is_some_and(|at| at <= moment)
    }

    fn compare_at(&self) -> Option<DateTime<Utc>> {
        self.comparing.as_ref()?.compare_at
    }

    fn fill_at(&self) -> Option<DateTime<Utc>> {
        self.filling.as_ref()?.fill_at
    }

    pub fn decide(&self, command: StoreCommand) -> Result<Vec<StoreEvent>, StoreRefusal> {
        let StoreCommand { account_id, worker, step } = command;
        if worker.is_some() && self.lease.as_ref().map(|lease| &lease.worker) != worker.as_ref() {
            return Err(StoreRefusal::LeaseLost);
        }
        let is_first = self.account_id.is_none();
        let events = match step {
            Step::RequestCheck { cause, now, integration_sequence } => {
                self.request_check(cause, now, integration_sequence)
            }
            Step::RequestComparison { now } => self.request_comparison(now).into_iter().collect(),
            Step::RequestFilling { now } => self.request_filling(now).into_iter().collect(),
            Step::HandBack { now } => vec![StoreEvent::HandedBack { at: now }],
            Step::Pause { integration_sequence, now } => self.pause(worker.is_some(), integration_sequence, now),
            Step::PullBack { now } => self.pull_back(now),
            Step::Start { worker, now } => {
                let (task, _) = self.due(now).ok_or(StoreRefusal::NotDue)?;
                vec![StoreEvent::WorkStarted { task, worker, lease_until: now + LEASE }]
            }
            Step::Made { subscription_id, topics, address } => {
                vec![StoreEvent::SubscriptionMade { subscription_id, topics, address }]
            }
            Step::Enabled { subscription_id, topics } => {
                vec![StoreEvent::SubscriptionEnabled { subscription_id, topics }]
            }
            Step::Removed { subscription_id, topics } => {
                vec![StoreEvent::SubscriptionRemoved { subscription_id, topics }]
            }
            Step::Refused { topics, reason } => {
                vec![StoreEvent::SubscriptionRefused { topics, reason: shortened(&reason) }]
            }
            Step::Checked { checked, compares_from, fills } => {
                let begun = compares_from.filter(|_| self.comparing.is_none());
                let from = |checked: DateTime<Utc>| self.wanted_from.map_or(checked, |wanted| wanted.min(checked));
                let begun = begun.map(|checked| StoreEvent::ComparisonBegun { from: from(checked) });
                // Also of one that is connected again, whose webhooks were not sent meanwhile.
                let is_wanted = fills && (self.filling.is_none() || checked.cause == CheckCause::Connected);
                let filling = self.request_filling(checked.at).filter(|_| is_wanted);
                [StoreEvent::SubscriptionsChecked(checked)].into_iter().chain(begun).chain(filling).collect()
            }
            Step::NotChecked { cause, reason, now, retry_after, integration_sequence } => {
                let (reason, retry_at) = (shortened(&reason), self.retry_at(cause, now, retry_after));
                vec![StoreEvent::SubscriptionsNotChecked { cause, reason, retry_at, integration_sequence }]
            }
            Step::Compared(found) => self.compared(found),
            Step::Read(read) => vec![StoreEvent::CatalogueRead(read)],
            Step::NotRead { reason, now, retry_after } => {
                let failures = self.filling.as_ref().map_or(0, |filling| filling.failures);
                let retry_at = after_failure(failures, now).max(asked_for(now, retry_after));
                vec![StoreEvent::CatalogueNotRead { reason: shortened(&reason), retry_at }]
            }
            Step::NotCompared { found, reason, now, retry_after } => {
                let retry_at = self.compare_again_at(now).max(asked_for(now, retry_after));
                let found = found.map(|found| OrdersCompared { next_at: retry_at, broken_off: true, ..*found });
                let mut events = found.map_or_else(Vec::new, |found| self.compared(found));
                events.push(StoreEvent::OrdersNotCompared { reason: shortened(&reason), retry_at });
                events
            }
        };
        let begins = (is_first && !events.is_empty()).then_some(StoreEvent::StoreWatched { account_id });
        Ok(begins.into_iter().chain(events).collect())
    }

    /// Nothing where the check that is to come knows of it.
    fn request_check(
        &self,
        cause: CheckCause,
        now: DateTime<Utc>,
        integration_sequence: Option<u64>,
    ) -> Vec<StoreEvent> {
        let is_known = integration_sequence.is_some_and(|sequence| sequence <= self.integration_sequence);
        let begins = cause == CheckCause::Connected;
        let is_coming = |by: DateTime<Utc>| self.check_at.is_some_and(|at| at <= by);
        let due_at = match cause {
            _ if is_known || (self.account_id.is_none() && !begins) => return vec![],
            CheckCause::Revoked => {
                let due_at = self.revoked_at.map_or(now, |last| now.max(last + REVOCATIONS_EVERY));
                if self.check_cause == Some(CheckCause::Revoked) && is_coming(due_at) {
                    return vec![];
                }
                due_at
            }
            CheckCause::Requested | CheckCause::Missed | CheckCause::Daily | CheckCause::Silent if is_coming(now) => {
                return vec![];
            }
            CheckCause::Connected
            | CheckCause::Changed
            | CheckCause::Activated
            | CheckCause::Requested
            | CheckCause::Missed
            | CheckCause::Daily
            | CheckCause::Silent => now,
        };
        // Orders that changed while it was switched off are not wanted.
        let begun = (cause == CheckCause::Activated && self.comparing.is_some())
            .then_some(StoreEvent::ComparisonBegun { from: now });
        let requested = StoreEvent::CheckRequested { cause, due_at, integration_sequence };
        begun.into_iter().chain([requested]).collect()
    }

    /// Where something later is known, nothing; and for a worker who did not know it, that it is to look again.
    fn pause(&self, is_by_worker: bool, integration_sequence: u64, now: DateTime<Utc>) -> Vec<StoreEvent> {
        let known = self.integration_sequence;
        if is_by_worker && integration_sequence < known {
            return vec![StoreEvent::HandedBack { at: now }];
        }
        let is_news = integration_sequence > known || (is_by_worker && integration_sequence == known);
        let goes_on = self.due_at().is_some();
        if is_news && goes_on { vec![StoreEvent::WatchPaused { integration_sequence }] } else { vec![] }
    }

    /// What is further off than anything is put off was set by a clock that was ahead.
    fn pull_back(&self, now: DateTime<Utc>) -> Vec<StoreEvent> {
        let is_ahead = |at: Option<DateTime<Utc>>, longest: TimeDelta| at.is_some_and(|at| at > now + longest * 2);
        let (due_at, cause) = (now, CheckCause::Daily);
        let check = is_ahead(self.check_at, LONGEST_RETRY).then_some(StoreEvent::CheckRequested {
            cause,
            due_at,
            integration_sequence: None,
        });
        let compare = is_ahead(self.compare_at(), LONGEST_RETRY).then_some(StoreEvent::ComparisonRequested { due_at });
        let fill = is_ahead(self.fill_at(), LONGEST_RETRY).then_some(StoreEvent::FillingRequested { due_at });
        check.into_iter().chain(compare).chain(fill).collect()
    }

    /// Who asks for a check while the store is away does not put off the next one.
    fn retry_at(&self, cause: CheckCause, now: DateTime<Utc>, retry_after: Option<TimeDelta>) -> DateTime<Utc> {
        let usual = after_failure(self.failures, now);
        let planned = self.planned_at.filter(|at| cause == CheckCause::Requested && *at > now);
        planned.map_or(usual, |at| at.min(usual)).max(asked_for(now, retry_after))
    }
}

/// When it is tried again after so many failures in a row.
fn after_failure(failures: u32, now: DateTime<Utc>) -> DateTime<Utc> {
    let last = RETRY_DELAYS.len() - 1;
    now + RETRY_DELAYS[usize::try_from(failures).unwrap_or(last).min(last)]
}

/// The end of the time that a store asked for, as far as it gets it.
fn asked_for(now: DateTime<Utc>, retry_after: Option<TimeDelta>) -> DateTime<Utc> {
    now + retry_after.unwrap_or_default().min(LONGEST_RETRY)
}

fn shortened(reason: &str) -> String {
    reason.chars().take(MAX_REASON_CHARS).collect()
}

aggregate!(Store, "store", StoreCommand, StoreEvent, StoreRefusal);

impl EventSourced for Store {
    const SNAPSHOT_VERSION: i64 = 3;

    fn owner(&self, id: &str) -> Owner {
        Owner { account_id: self.account_id, integration_id: id.parse::<IntegrationId>().ok() }
    }
}
