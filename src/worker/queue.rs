//! What a worker knows of what is due beyond the view: what is under way, what it has done that the view does not show yet, and
//! which owners may begin nothing: those that have used up their pace, and those of whose work one piece is done at a time.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use event_log::Position;

use super::work::{Due, Taken};

/// How long work that could not be taken is left alone: another worker may have it, or the view lags.
const LEFT_ALONE: TimeDelta = TimeDelta::seconds(1);
/// How often the view is read from its beginning at least.
const BEGIN_AGAIN_EVERY: Duration = Duration::from_secs(1);
/// The longest that an owner rests, because of its pace or of how a piece went.
const LONGEST_REST: TimeDelta = TimeDelta::minutes(3);

/// What came of a piece of work.
pub(super) struct Ended<Id, Owner> {
    pub(super) due: Due<Id, Owner>,
    pub(super) taken: Taken,
}

pub(super) struct Queue<Id, Owner> {
    /// Whether one piece of an owner comes to its end before the next is begun.
    one_at_a_time: bool,
    /// Due, and not prepared yet.
    ready: VecDeque<Due<Id, Owner>>,
    /// How far the view was read, and when that began.
    read_to: Option<i64>,
    began: Option<Instant>,
    under_way: HashMap<Id, UnderWay<Owner>>,
    /// What was done, until the view shows it.
    done: HashMap<Id, Done>,
    /// Owners of which nothing is begun, until when.
    resting: HashMap<Owner, DateTime<Utc>>,
    /// What could not be taken, until when it is left alone.
    left_alone: HashMap<Id, DateTime<Utc>>,
    /// Due, although a clock that was ahead has put it off.
    pub(super) overdue: Vec<Due<Id, Owner>>,
    pub(super) pulled_back_at: Option<Instant>,
    now: DateTime<Utc>,
}

impl<Id, Owner> Queue<Id, Owner> {
    pub(super) fn new(one_at_a_time: bool) -> Self {
        Self {
            one_at_a_time,
            ready: VecDeque::new(),
            read_to: None,
            began: None,
            under_way: HashMap::new(),
            done: HashMap::new(),
            resting: HashMap::new(),
            left_alone: HashMap::new(),
            overdue: vec![],
            pulled_back_at: None,
            now: DateTime::default(),
        }
    }
}

/// A piece that is worked on.
struct UnderWay<Owner> {
    owner: Owner,
    task: tokio::task::Id,
}

/// What came of what made a piece due.
struct Done {
    /// The position of the event that made it due.
    caused_by: Position,
    /// The log had come so far when it was done.
    position: Position,
}

impl<Id: Copy + Eq + Hash, Owner: Copy + Eq + Hash> Queue<Id, Owner> {
    /// `shown` is the position that the view has come to.
    pub(super) fn forget_the_past(&mut self, now: DateTime<Utc>, shown: Position) {
        if now < self.now {
            // The clock was set back: what it had set is pulled back now.
            self.pulled_back_at = None;
        }
        self.now = now;
        self.done.retain(|_, done| done.position > shown);
        let held_up = self.resting.len() + self.left_alone.len();
        // What is further off was noted before the clock was set back.
        self.resting.retain(|_, until| *until > now && *until - now <= LONGEST_REST);
        self.left_alone.retain(|_, until| *until > now && *until - now <= LEFT_ALONE);
        if self.resting.len() + self.left_alone.len() < held_up {
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
    pub(super) fn add(&mut self, due: Vec<Due<Id, Owner>>) {
        self.read_to = due.last().map(|last| last.due_at).or(self.read_to);
        if !self.overdue.is_empty() {
            // Each is taken once; what is left is found again.
            self.pulled_back_at = None;
        }
        let all = due.into_iter().chain(std::mem::take(&mut self.overdue));
        let free: Vec<Due<Id, Owner>> = all.filter(|due| self.is_free(due) && !self.is_done(due)).collect();
        self.ready.extend(free);
    }

    /// Whether what made it due is done already, and the view does not show it yet.
    fn is_done(&self, due: &Due<Id, Owner>) -> bool {
        self.done.get(&due.id).is_some_and(|done| due.caused_by <= done.caused_by)
    }

    fn is_free(&self, due: &Due<Id, Owner>) -> bool {
        !self.under_way.contains_key(&due.id)
            && !self.left_alone.contains_key(&due.id)
            && !self.is_resting(due.owner)
            && !self.is_busy(due.owner)
    }

    /// Whether the owner's next piece waits for the end of one.
    fn is_busy(&self, owner: Owner) -> bool {
        self.one_at_a_time && self.under_way.values().any(|piece| piece.owner == owner)
    }

    /// The next ones, in their order.
    pub(super) fn take(&mut self, at_most: usize) -> Vec<Due<Id, Owner>> {
        let mut taken: Vec<Due<Id, Owner>> = vec![];
        while taken.len() < at_most
            && let Some(due) = self.ready.pop_front()
        {
            let is_next = !self.one_at_a_time || taken.iter().all(|before| before.owner != due.owner);
            if is_next && self.is_free(&due) {
                taken.push(due);
            }
        }
        taken
    }

    pub(super) fn begin(&mut self, due: &Due<Id, Owner>, task: tokio::task::Id) {
        self.under_way.insert(due.id, UnderWay { owner: due.owner, task });
    }

    /// Notes what came of a piece, when the log had come to this head.
    pub(super) fn note(&mut self, ended: Result<Ended<Id, Owner>, tokio::task::JoinError>, head: Position) {
        if self.one_at_a_time {
            // The owner's next piece comes before what was read last.
            self.read_to = None;
        }
        let Ended { due, taken } = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "work ended in a panic; its lease will run out");
                self.under_way.retain(|_, piece| piece.task != error.id());
                return;
            }
        };
        self.under_way.remove(&due.id);
        let done = Done { caused_by: due.caused_by, position: head };
        match taken {
            Taken::Worked => {
                self.done.insert(due.id, done);
            }
            Taken::Rests { until } => {
                self.done.insert(due.id, done);
                self.pause(due.owner, until.min(self.now + LONGEST_REST));
            }
            Taken::NotDue => self.leave_alone(due.id),
        }
    }

    pub(super) fn leave_alone(&mut self, id: Id) {
        self.left_alone.insert(id, self.now + LEFT_ALONE);
    }

    pub(super) fn pause(&mut self, owner: Owner, until: DateTime<Utc>) {
        self.resting.insert(owner, until);
    }

    pub(super) fn is_resting(&self, owner: Owner) -> bool {
        self.resting.contains_key(&owner)
    }

    /// Owners of which nothing may begin.
    pub(super) fn held_back(&self) -> impl Iterator<Item = &Owner> {
        let busy = self.under_way.values().filter(|_| self.one_at_a_time).map(|piece| &piece.owner);
        self.resting.keys().chain(busy)
    }

    /// When something that is passed over now may be taken again.
    pub(super) fn next_release(&self) -> Option<DateTime<Utc>> {
        self.resting.values().chain(self.left_alone.values()).min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: u8 = 1;
    const OTHER: u8 = 2;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_625_600, 0).unwrap()
    }

    fn due(id: u8, owner: u8) -> Due<u8, u8> {
        Due { id, owner, due_at: i64::from(id), caused_by: Position(i64::from(id)) }
    }

    fn queue_of(due: Vec<Due<u8, u8>>) -> Queue<u8, u8> {
        let mut queue = Queue::new(true);
        queue.forget_the_past(noon(), Position(0));
        queue.add(due);
        queue
    }

    fn ids(due: Vec<Due<u8, u8>>) -> Vec<u8> {
        due.iter().map(|due| due.id).collect()
    }

    async fn begin(queue: &mut Queue<u8, u8>, due: Due<u8, u8>) {
        let task = tokio::spawn(async {});
        queue.begin(&due, task.id());
        task.await.unwrap();
    }

    #[tokio::test]
    async fn of_each_owner_one_is_taken_and_the_next_once_it_has_ended() {
        let all = || vec![due(1, STORE), due(2, STORE), due(3, OTHER), due(4, STORE)];
        let mut queue = queue_of(all());
        let taken = queue.take(9);
        assert_eq!(ids(taken.clone()), [1, 3]);
        for due in taken {
            begin(&mut queue, due).await;
        }
        queue.add(all());
        assert_eq!((ids(queue.take(9)), queue.held_back().count()), (vec![], 2));
        queue.note(Ok(Ended { due: due(1, STORE), taken: Taken::Worked }), Position(9));
        assert_eq!(queue.read_to(), None, "what comes next was passed over");
        queue.add(all());
        assert_eq!(ids(queue.take(9)), [2]);
    }

    #[tokio::test]
    async fn nothing_of_an_owner_that_rests_is_taken_until_its_time_has_come() {
        let mut queue = queue_of(vec![due(1, STORE)]);
        let first = queue.take(1).remove(0);
        begin(&mut queue, first).await;
        let until = noon() + TimeDelta::seconds(30);
        queue.note(Ok(Ended { due: first, taken: Taken::Rests { until } }), Position(9));
        let rest = || vec![due(1, STORE), due(2, STORE), due(3, OTHER)];
        queue.add(rest());
        assert_eq!(ids(queue.take(9)), [3]);
        assert_eq!(queue.next_release(), Some(until));
        queue.forget_the_past(until, Position(0));
        queue.add(rest());
        assert_eq!(ids(queue.take(9)), [2, 3], "the first is done, though the view does not show it yet");
    }
}
