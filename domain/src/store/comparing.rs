//! Comparing the orders of a store with what its webhooks said of them: what it changed and never sent is fetched.
//!
//! How far that has come is said in the store's own time, so that a clock that differs from ours neither hides an order nor has one
//! fetched twice.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AwaitedOrder, CheckCause, MISSED_EVERY, OrdersCompared, Store, StoreEvent, UnreadableOrder, after_failure,
};

/// How often the orders of a store are compared.
pub const COMPARE_EVERY: TimeDelta = TimeDelta::hours(1);
/// How long a webhook may be on its way before its order counts as never sent.
pub const GRACE: TimeDelta = TimeDelta::minutes(5);
/// How far each comparison goes back behind the one before, by the store's clock: a store may list a change late.
pub const OVERLAP: TimeDelta = TimeDelta::minutes(10);
/// Orders whose webhooks may be on their way that are remembered of one comparison.
pub const MAX_AWAITED: usize = 100;
/// Orders that could not be read that are remembered, and how often each is tried.
pub const MAX_UNREADABLE: usize = 100;
pub const MAX_TRIES: u32 = 24;

/// How far the comparison of a store has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Comparing {
    /// What the store changed before is not asked for.
    pub from: DateTime<Utc>,
    /// What the store changed until then, by its own clock, was compared.
    pub through: DateTime<Utc>,
    /// Of that, what was not here yet.
    pub awaited: Vec<AwaitedOrder>,
    /// Of that, what could not be read.
    pub unreadable: Vec<UnreadableOrder>,
    /// The latest comparison.
    pub latest: Option<OrdersCompared>,
    /// When it is done again. None while it is being done, and where the store cannot be called.
    pub compare_at: Option<DateTime<Utc>>,
    /// When it would be, had a person not asked sooner.
    pub planned_at: Option<DateTime<Utc>>,
    /// Failures in a row, and why the last one was.
    pub failures: u32,
    pub failure: Option<String>,
}

impl Comparing {
    /// From when on the orders of a store are compared that is connected at a moment. Stores date changes to the second: what changes
    /// in this one is later.
    pub fn from(connected: DateTime<Utc>) -> DateTime<Utc> {
        connected.trunc_subsecs(0).checked_sub_signed(TimeDelta::seconds(1)).unwrap_or(connected)
    }

    pub(super) fn apply(&mut self, found: OrdersCompared) {
        // Also back, where something that was listed late was not looked for.
        self.through = found.through;
        self.awaited.clone_from(&found.awaited);
        self.unreadable.clone_from(&found.unreadable);
        if !found.broken_off {
            (self.failures, self.failure) = (0, None);
        }
        self.end(found.next_at);
        self.latest = Some(found);
    }

    pub(super) fn apply_failure(&mut self, reason: String, retry_at: DateTime<Utc>) {
        if self.planned_at.is_none() {
            self.failures = self.failures.saturating_add(1);
        }
        self.failure = Some(reason);
        self.end(retry_at);
    }

    /// Unless another was requested meanwhile, the next is due then.
    fn end(&mut self, next: DateTime<Utc>) {
        self.planned_at = None;
        self.compare_at = Some(self.compare_at.map_or(next, |at| at.min(next)));
    }
}

impl OrdersCompared {
    /// When it is done again after `usual`: at once where the list goes on, and when what is awaited should have come.
    pub fn next_at(usual: TimeDelta, more: bool, awaited: &[AwaitedOrder], at: DateTime<Utc>) -> DateTime<Utc> {
        if more {
            return at;
        }
        let due = awaited.iter().map(|order| order.seen_at + GRACE).min();
        due.map_or(at + usual, |due| due.clamp(at + TimeDelta::seconds(1), at + usual))
    }
}

impl Store {
    pub(super) fn begin_comparing(&mut self, from: DateTime<Utc>) {
        let comparing = self.comparing.get_or_insert_default();
        (comparing.from, comparing.through) = (from, from);
        comparing.awaited.clear();
        comparing.unreadable.clear();
        comparing.compare_at = from.checked_add_signed(GRACE);
    }

    /// Nothing where it is about to be done.
    pub(super) fn request_comparison(&self, now: DateTime<Utc>) -> Option<StoreEvent> {
        let is_coming = self.compare_at().is_some_and(|at| at <= now);
        (self.comparing.is_some() && !is_coming).then_some(StoreEvent::ComparisonRequested { due_at: now })
    }

    /// When it is tried again that they could not be compared: no later than it is usually done, and who asks for it while the store
    /// is away does not put that off.
    pub(super) fn compare_again_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let comparing = self.comparing.as_ref();
        let failures = comparing.map_or(0, |comparing| comparing.failures);
        let usual = after_failure(failures, now).min(now + COMPARE_EVERY);
        let planned = comparing.and_then(|comparing| comparing.planned_at).filter(|at| *at > now);
        planned.map_or(usual, |at| at.min(usual))
    }

    /// Where an order was missed, a webhook may be missing.
    pub(super) fn compared(&self, found: OrdersCompared) -> Vec<StoreEvent> {
        let is_recent = self.missed_at.is_some_and(|at| found.at < at + MISSED_EVERY);
        let is_wanted =
            found.fetched > 0 && !found.polled && !is_recent && self.check_at.is_some_and(|at| at > found.at);
        let check = is_wanted.then_some(StoreEvent::CheckRequested {
            cause: CheckCause::Missed,
            due_at: found.at,
            integration_sequence: None,
        });
        [StoreEvent::OrdersCompared(found)].into_iter().chain(check).collect()
    }
}
