//! What a worker knows of what is due beyond the view: what is under way, what it has done that the view does not show yet, and
//! which accounts have used up their pace.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::AccountId;
use event_log::Position;

use super::work::{Due, Taken};

/// How long work that could not be taken is left alone: another worker may have it, or the view lags.
const LEFT_ALONE: TimeDelta = TimeDelta::seconds(1);
/// How often the view is read from its beginning at least.
const BEGIN_AGAIN_EVERY: Duration = Duration::from_secs(1);
/// The longest that a pace holds up an account.
const LONGEST_PACE: TimeDelta = TimeDelta::minutes(3);

/// What came of a piece of work.
pub(super) struct Ended<Id> {
    pub(super) due: Due<Id>,
    pub(super) taken: Taken,
}

pub(super) struct Queue<Id> {
    /// Due, and not prepared yet.
    ready: VecDeque<Due<Id>>,
    /// How far the view was read, and when that began.
    read_to: Option<i64>,
    began: Option<Instant>,
    under_way: HashMap<Id, tokio::task::Id>,
    /// What was done, until the view shows it.
    done: HashMap<Id, Done>,
    /// Accounts whose pace is used up, until when.
    paced: HashMap<AccountId, DateTime<Utc>>,
    /// What could not be taken, until when it is left alone.
    left_alone: HashMap<Id, DateTime<Utc>>,
    /// Due, although a clock that was ahead has put it off.
    pub(super) overdue: Vec<Due<Id>>,
    pub(super) pulled_back_at: Option<Instant>,
    now: DateTime<Utc>,
}

impl<Id> Default for Queue<Id> {
    fn default() -> Self {
        Self {
            ready: VecDeque::new(),
            read_to: None,
            began: None,
            under_way: HashMap::new(),
            done: HashMap::new(),
            paced: HashMap::new(),
            left_alone: HashMap::new(),
            overdue: vec![],
            pulled_back_at: None,
            now: DateTime::default(),
        }
    }
}

/// What came of what made a piece due.
struct Done {
    /// The position of the event that made it due.
    caused_by: Position,
    /// The log had come so far when it was done.
    position: Position,
}

impl<Id: Copy + Eq + Hash> Queue<Id> {
    /// `shown` is the position that the view has come to.
    pub(super) fn forget_the_past(&mut self, now: DateTime<Utc>, shown: Position) {
        if now < self.now {
            // The clock was set back: what it had set is pulled back now.
            self.pulled_back_at = None;
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
        self.under_way.len() + self.left_alone.len() + self.done.len()
    }

    /// Up to which moment what is due was read, in microseconds since 1970; none when it is to be read from the beginning.
    pub(super) fn read_to(&self) -> Option<i64> {
        let is_recent = self.began.is_some_and(|began| began.elapsed() < BEGIN_AGAIN_EVERY);
        self.read_to.filter(|_| is_recent)
    }

    pub(super) fn begin_again(&mut self) {
        (self.began, self.read_to) = (Some(Instant::now()), None);
    }

    /// Adds what the view says is due, in its order, and what a wrong clock has put off.
    pub(super) fn add(&mut self, due: Vec<Due<Id>>) {
        self.read_to = due.last().map(|last| last.due_at).or(self.read_to);
        if !self.overdue.is_empty() {
            // Each is taken once; what is left is found again.
            self.pulled_back_at = None;
        }
        let all = due.into_iter().chain(std::mem::take(&mut self.overdue));
        let free: Vec<Due<Id>> = all.filter(|due| self.is_free(due) && !self.is_done(due)).collect();
        self.ready.extend(free);
    }

    /// Whether what made it due is done already, and the view does not show it yet.
    fn is_done(&self, due: &Due<Id>) -> bool {
        self.done.get(&due.id).is_some_and(|done| due.caused_by <= done.caused_by)
    }

    fn is_free(&self, due: &Due<Id>) -> bool {
        !self.under_way.contains_key(&due.id)
            && !self.left_alone.contains_key(&due.id)
            && !self.is_paced(due.account_id)
    }

    /// The next ones, in their order.
    pub(super) fn take(&mut self, at_most: usize) -> Vec<Due<Id>> {
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

    pub(super) fn begin(&mut self, due: Due<Id>, task: tokio::task::Id) {
        self.under_way.insert(due.id, task);
    }

    /// Notes what came of a piece, when the log had come to this head.
    pub(super) fn note(&mut self, ended: Result<Ended<Id>, tokio::task::JoinError>, head: Position) {
        let Ended { due, taken } = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "work ended in a panic; its lease will run out");
                self.under_way.retain(|_, task| *task != error.id());
                return;
            }
        };
        self.under_way.remove(&due.id);
        match taken {
            Taken::Worked => {
                self.done.insert(due.id, Done { caused_by: due.caused_by, position: head });
            }
            Taken::NotDue => self.leave_alone(due.id),
        }
    }

    pub(super) fn leave_alone(&mut self, id: Id) {
        self.left_alone.insert(id, self.now + LEFT_ALONE);
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

    /// When something that is passed over now may be taken again.
    pub(super) fn next_release(&self) -> Option<DateTime<Utc>> {
        self.paced.values().chain(self.left_alone.values()).min().copied()
    }
}
