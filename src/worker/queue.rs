//! What a worker knows of the queue beyond the view: what is under way, what it has done that the view does not show yet, and
//! which accounts have used up their pace.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountId, DeliveryId};
use projections::delivery_log::due_deliveries::DueDelivery;

use super::attempt::Taken;

/// How long a delivery that could not be taken is left alone: another worker may have it, or the view lags.
const LEFT_ALONE: TimeDelta = TimeDelta::seconds(1);
/// How often the view is read from its beginning at least.
const BEGIN_AGAIN_EVERY: Duration = Duration::from_secs(1);
/// The longest that a pace holds up an account.
const LONGEST_PACE: TimeDelta = TimeDelta::minutes(3);

/// A delivery that may be taken up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) delivery_id: DeliveryId,
    pub(super) account_id: AccountId,
    /// The position of the event that made it due.
    pub(super) caused_by: i64,
}

/// What came of an attempt.
pub(super) struct Ended {
    pub(super) due: Due,
    pub(super) taken: Taken,
}

#[derive(Default)]
pub(super) struct Queue {
    /// Due, and not looked at yet.
    ready: VecDeque<Due>,
    /// How far the view was read, and when that began.
    read_to: Option<i64>,
    began: Option<Instant>,
    in_hand: HashMap<DeliveryId, tokio::task::Id>,
    /// What was done, until the view shows it.
    done: HashMap<DeliveryId, Done>,
    /// Accounts whose pace is used up, until when.
    paced: HashMap<AccountId, DateTime<Utc>>,
    /// Deliveries that could not be taken, until when they are left alone.
    left_alone: HashMap<DeliveryId, DateTime<Utc>>,
    /// In the queue, although a clock that was ahead has put them there for a later moment.
    pub(super) overdue: Vec<DueDelivery>,
    pub(super) looked_ahead: Option<Instant>,
    now: DateTime<Utc>,
}

/// What came of what made a delivery due.
struct Done {
    /// The position of what made it due.
    caused_by: i64,
    /// The log had come so far when it was done.
    position: i64,
}

impl Queue {
    /// `shown` is the position that the view has come to.
    pub(super) fn forget_the_past(&mut self, now: DateTime<Utc>, shown: i64) {
        if now < self.now {
            // The clock was set back: what it had set is looked at now.
            self.looked_ahead = None;
        }
        self.now = now;
        self.done.retain(|_, done| done.position > shown);
        let held_up = self.paced.len() + self.left_alone.len();
        // What is further off was noted before the clock was set back.
        self.paced.retain(|_, until| *until > now && *until - now <= LONGEST_PACE);
        self.left_alone.retain(|_, until| *until > now && *until - now <= LEFT_ALONE);
        if self.paced.len() + self.left_alone.len() < held_up {
            // What may be taken again comes first: it has waited longest.
            self.read_to = None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// How many rows of the view are not to be taken up, at most.
    pub(super) fn passed_over(&self) -> usize {
        self.in_hand.len() + self.left_alone.len() + self.done.len()
    }

    /// Up to which moment what is due was read, in microseconds since 1970; none when it is to be read from the beginning.
    pub(super) fn read_to(&self) -> Option<i64> {
        let is_recent = self.began.is_some_and(|began| began.elapsed() < BEGIN_AGAIN_EVERY);
        self.read_to.filter(|_| is_recent)
    }

    pub(super) fn begin_again(&mut self) {
        (self.began, self.read_to) = (Some(Instant::now()), None);
    }

    /// Adds what the view says is due, in its order, and what a wrong clock has hidden.
    pub(super) fn add(&mut self, due: Vec<DueDelivery>) {
        self.read_to = due.last().and_then(|last| last.due_at).or(self.read_to);
        let all = due.iter().chain(&self.overdue);
        let due: Vec<Due> = all.filter_map(|due| self.admit(due)).collect();
        if !self.overdue.is_empty() {
            // Each is taken once; what is left is looked for again.
            self.overdue.clear();
            self.looked_ahead = None;
        }
        self.ready.extend(due);
    }

    fn admit(&self, due: &DueDelivery) -> Option<Due> {
        let (delivery_id, account_id) = (due.delivery_id.parse().ok()?, due.account_id.parse().ok()?);
        let due = Due { delivery_id, account_id, caused_by: due.caused_by };
        let is_known = self.done.get(&delivery_id).is_some_and(|done| due.caused_by <= done.caused_by);
        (self.is_free(&due) && !is_known).then_some(due)
    }

    fn is_free(&self, due: &Due) -> bool {
        !self.in_hand.contains_key(&due.delivery_id)
            && !self.left_alone.contains_key(&due.delivery_id)
            && !self.is_paced(due.account_id)
    }

    /// The next ones to look at, in their order.
    pub(super) fn take(&mut self, at_most: usize) -> Vec<Due> {
        let mut taken = vec![];
        while taken.len() < at_most
            && let Some(due) = self.ready.pop_front()
        {
            if self.is_free(&due) {
                taken.push(due);
            }
        }
        taken
    }

    pub(super) fn begin(&mut self, due: Due, task: tokio::task::Id) {
        self.in_hand.insert(due.delivery_id, task);
    }

    /// Notes what came of an attempt, when the log had come to this head.
    pub(super) fn note(&mut self, ended: Result<Ended, tokio::task::JoinError>, head: i64) {
        let Ended { due, taken } = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "an attempt ended in a panic; its lease will run out");
                self.in_hand.retain(|_, task| *task != error.id());
                return;
            }
        };
        self.in_hand.remove(&due.delivery_id);
        match taken {
            Taken::Worked => {
                self.done.insert(due.delivery_id, Done { caused_by: due.caused_by, position: head });
            }
            Taken::NotDue => self.leave_alone(due.delivery_id),
        }
    }

    pub(super) fn leave_alone(&mut self, delivery_id: DeliveryId) {
        self.left_alone.insert(delivery_id, self.now + LEFT_ALONE);
    }

    pub(super) fn pause(&mut self, account_id: AccountId, until: DateTime<Utc>) {
        self.paced.insert(account_id, until);
    }

    pub(super) fn is_paced(&self, account_id: AccountId) -> bool {
        self.paced.contains_key(&account_id)
    }

    pub(super) fn paced(&self) -> impl Iterator<Item = &AccountId> {
        self.paced.keys()
    }

    /// When something is to be looked at again that is passed over now.
    pub(super) fn next_release(&self) -> Option<DateTime<Utc>> {
        self.paced.values().chain(self.left_alone.values()).min().copied()
    }
}
