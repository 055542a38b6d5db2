//! One endpoint's part of the queue, as far as it is in memory: what can be sent at once, what waits for its moment, and which
//! objects are busy, since events about one object are sent one after the other.
//!
//! It does no I/O, and what it holds is bounded: what there is no room for is read again from the view.

#[cfg(test)]
mod tests;

mod done;
mod pace;
mod waiting;

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};

use chrono::{DateTime, Utc};
use projections::commerce::events::ListPosition;
use projections::commerce::queue::QueuedDispatch;

pub(super) use done::Done;
use pace::Pace;
use waiting::Waiting;

/// Dispatches that are kept in memory for an endpoint, beside those that wait for a moment.
const MAX_KEPT: usize = 1_000;
/// The same for an endpoint whose latest attempt failed: a thousand of these may hang at a time.
const MAX_KEPT_WHILE_FAILING: usize = 50;
/// Dispatches that wait for their next attempt. More than that, and the endpoint gets nothing new until some are through.
const MAX_WAITING: usize = 20_000;
/// Dispatches that are kept of one object while an earlier one about it is not through.
const MAX_BEHIND: usize = 20;
/// Which events are sent one after the other: the hash of what they are about. Two objects with one hash wait for each other.
type Key = u64;

pub(super) struct Lane {
    ready: VecDeque<QueuedDispatch>,
    /// Objects of which something is ready, waits, or is being sent, with what comes after that.
    busy: HashMap<Key, Behind>,
    waiting: Waiting,
    /// All of the above and those being sent.
    known: HashSet<String>,
    in_flight: usize,
    /// Up to here, everything that the view shows is known.
    read_to: Option<ListPosition>,
    /// Whether there is nothing after that.
    is_read: bool,
    health: Health,
    /// Whether the endpoint gets events about one object one after the other. None before anything was read.
    is_ordered: Option<bool>,
    is_to_be_read_again: bool,
    /// After these there is more about the same object.
    to_read_behind: Vec<QueuedDispatch>,
    pace: Pace,
}

/// What comes after a dispatch about the same object.
#[derive(Default)]
struct Behind {
    rows: VecDeque<QueuedDispatch>,
    /// There is more in the view.
    more: bool,
}

/// What the latest attempt says of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// None ended since this node sends.
    Unknown,
    Responding,
    Failing,
}

/// What became of a dispatch that was being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Nothing is to be sent any more.
    Closed,
    /// It is tried again, after so many attempts.
    Waits { until: DateTime<Utc>, attempts: i64 },
}

impl Lane {
    /// Of an endpoint for which nothing was to be sent before, or of one whose part of the queue is to be read first.
    pub(super) fn new(is_read: bool) -> Self {
        Self {
            ready: VecDeque::new(),
            busy: HashMap::new(),
            waiting: Waiting::default(),
            known: HashSet::new(),
            in_flight: 0,
            read_to: None,
            is_read,
            health: Health::Unknown,
            is_ordered: None,
            is_to_be_read_again: false,
            to_read_behind: vec![],
            pace: Pace::default(),
        }
    }

    /// Takes note of whether the endpoint wants events about one object in their order. Where that was changed, all are read
    /// again: what waits for what depends on it.
    pub(super) fn order(&mut self, is_ordered: bool) {
        if self.is_ordered.replace(is_ordered).is_some_and(|before| before != is_ordered) {
            self.read_again();
        }
    }

    /// Takes note of what was put into the queue, or changed there.
    pub(super) fn offer(&mut self, row: QueuedDispatch, is_ordered: bool, (done, now): (&Done, DateTime<Utc>)) {
        let at = row.event.list_position();
        if self.read_to < Some(at) {
            if !self.is_read || !self.has_room() {
                self.is_read = false;
                return;
            }
            self.read_to = Some(at);
            return self.admit(row, is_ordered, (done, now));
        }
        // What is to be sent again takes its place among the others: all are read again, in their order.
        let is_news = row.attempts > 0 && !done.contains(&row);
        if is_news && !self.is_to_be_read_again {
            let waits_in_vain = due_at(&row, now) <= now && self.waiting.has(at, now);
            self.is_to_be_read_again = waits_in_vain || !self.known.contains(&row.dispatch_id);
        }
    }

    /// Takes what the view shows after [`Self::read_to`], in its order. `is_all` where nothing comes after these.
    pub(super) fn read(
        &mut self,
        rows: Vec<QueuedDispatch>,
        is_all: bool,
        is_ordered: bool,
        (done, now): (&Done, DateTime<Utc>),
    ) {
        for row in rows {
            if !self.has_room() {
                return;
            }
            self.read_to = Some(row.event.list_position());
            self.admit(row, is_ordered, (done, now));
        }
        self.is_read = is_all;
    }

    fn admit(&mut self, row: QueuedDispatch, is_ordered: bool, (done, now): (&Done, DateTime<Utc>)) {
        if self.known.contains(&row.dispatch_id) {
            return;
        }
        let Some(row) = done.updated(row) else { return };
        let Some(key) = is_ordered.then(|| key_of(&row)) else { return self.make_ready(row, now) };
        match self.busy.entry(key) {
            Entry::Vacant(free) => {
                free.insert(Behind::default());
                self.make_ready(row, now);
            }
            Entry::Occupied(mut busy) => {
                let behind = busy.get_mut();
                if behind.more || behind.rows.len() >= MAX_BEHIND {
                    behind.more = true;
                } else {
                    self.known.insert(row.dispatch_id.clone());
                    behind.rows.push_back(row);
                }
            }
        }
    }

    fn make_ready(&mut self, row: QueuedDispatch, now: DateTime<Utc>) {
        self.known.insert(row.dispatch_id.clone());
        if due_at(&row, now) <= now {
            self.ready.push_back(row);
        } else {
            self.waiting.insert(&row, due_at(&row, now), row.attempts, now);
        }
    }

    /// Where the event of the next one to send is, if there is one.
    pub(super) fn next_at(&self) -> Option<ListPosition> {
        if self.is_to_be_read_again || self.waiting.len() >= MAX_WAITING {
            return None;
        }
        self.ready.front().map(|row| row.event.list_position())
    }

    /// The next one to send, if there is one.
    pub(super) fn next(&mut self) -> Option<QueuedDispatch> {
        self.next_at()?;
        let next = self.ready.pop_front()?;
        self.in_flight += 1;
        Some(next)
    }

    /// What became of one that [`Self::next`] returned.
    pub(super) fn ended(&mut self, row: &QueuedDispatch, ended: Ended, has_failed: bool, now: DateTime<Utc>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.health = if has_failed { Health::Failing } else { Health::Responding };
        match ended {
            Ended::Waits { until, attempts } => {
                self.leave_behind(row);
                self.waiting.insert(row, until, attempts, now);
            }
            Ended::Closed => self.release(row, now),
        }
        if has_failed {
            self.shrink();
        }
    }

    /// What comes after it is left to the view, so that it takes no room from others while it waits.
    fn leave_behind(&mut self, row: &QueuedDispatch) {
        let Some(behind) = self.busy.get_mut(&key_of(row)) else { return };
        for row in behind.rows.drain(..) {
            self.known.remove(&row.dispatch_id);
            behind.more = true;
        }
    }

    fn release(&mut self, row: &QueuedDispatch, now: DateTime<Utc>) {
        self.known.remove(&row.dispatch_id);
        // Where events are in no order, or were not when it was taken, no object is busy with it.
        let key = key_of(row);
        let Some(behind) = self.busy.get_mut(&key) else { return };
        if let Some(next) = behind.rows.pop_front() {
            self.make_ready(next, now);
        } else if behind.more {
            self.to_read_behind.push(row.clone());
        } else {
            self.busy.remove(&key);
        }
    }

    /// Those after which more about the same object is to be read.
    pub(super) fn take_to_read_behind(&mut self) -> Vec<QueuedDispatch> {
        std::mem::take(&mut self.to_read_behind)
    }

    /// What the view shows after `first` about the same object, in order. `is_all` where nothing comes after these.
    pub(super) fn read_behind(
        &mut self,
        first: &QueuedDispatch,
        rows: Vec<QueuedDispatch>,
        is_all: bool,
        (done, now): (&Done, DateTime<Utc>),
    ) {
        let unknown = rows.into_iter().filter(|row| !self.known.contains(&row.dispatch_id));
        let mut rows: VecDeque<_> = unknown.filter_map(|row| done.updated(row)).collect();
        let key = key_of(first);
        let Some(next) = rows.pop_front() else {
            if is_all {
                self.busy.remove(&key);
            } else {
                // All of these were sent a moment ago: it is read again once the view shows it.
                self.to_read_behind.push(first.clone());
            }
            return;
        };
        let more = !is_all || rows.len() > MAX_BEHIND;
        rows.truncate(MAX_BEHIND);
        self.known.extend(rows.iter().map(|row| row.dispatch_id.clone()));
        self.busy.insert(key, Behind { rows, more });
        self.make_ready(next, now);
    }

    /// The dispatches whose moment has come, as far as there is room: they are to be read again.
    pub(super) fn due(&mut self, now: DateTime<Utc>, at_most: usize) -> Vec<(String, i64)> {
        std::iter::from_fn(|| self.waiting.take_due(now)).take(at_most).collect()
    }

    /// One that waits for its moment, to be sent before that to a degraded endpoint for which nothing else is ready: to learn
    /// whether it responds again.
    pub(super) fn probe(&mut self) -> Option<(String, i64)> {
        if self.has_ready() || self.in_flight > 0 || self.is_to_be_read_again {
            return None;
        }
        self.waiting.take_probe()
    }

    /// What the view has of those that [`Self::due`] or [`Self::probe`] returned. Where one is missing, it was closed elsewhere: what was behind it
    /// is found by reading everything again.
    pub(super) fn read_due(&mut self, due: &[(String, i64)], rows: Vec<QueuedDispatch>) {
        if rows.len() < due.len() {
            self.is_to_be_read_again = true;
        }
        for mut row in rows {
            let known = due.iter().find(|(id, _)| *id == row.dispatch_id).map_or(0, |(_, attempts)| *attempts);
            row.attempts = row.attempts.max(known);
            self.ready.push_back(row);
        }
    }

    /// Drops what is far from being sent.
    fn shrink(&mut self) {
        while self.kept() > MAX_KEPT_WHILE_FAILING
            && let Some(row) = self.ready.pop_back()
        {
            self.known.remove(&row.dispatch_id);
            if row.attempts > 0 {
                // It waited for its moment: only the view knows of it.
                self.is_to_be_read_again = true;
            }
            if let Some(behind) = self.busy.remove(&key_of(&row)) {
                for row in behind.rows {
                    self.known.remove(&row.dispatch_id);
                }
            }
            let before = ListPosition { ordinal: row.event.ordinal - 1, ..row.event.list_position() };
            self.read_to = self.read_to.min(Some(before));
            self.is_read = false;
        }
    }

    /// Everything is read again, once nothing is being sent.
    pub(super) fn read_again(&mut self) {
        self.is_to_be_read_again = true;
    }

    /// Whether it is to be read again, all of it or what comes after one that was sent.
    pub(super) fn is_to_be_read_again(&self) -> bool {
        self.is_to_be_read_again || !self.to_read_behind.is_empty()
    }

    /// Drops everything that is not being sent, where that was asked for and nothing is.
    pub(super) fn begin_again(&mut self) {
        if self.is_to_be_read_again && self.in_flight == 0 {
            *self = Self {
                health: self.health,
                is_ordered: self.is_ordered,
                waiting: self.waiting.emptied(),
                pace: self.pace,
                ..Self::new(false)
            };
        }
    }

    fn kept(&self) -> usize {
        self.known.len().saturating_sub(self.waiting.len() + self.in_flight)
    }

    fn most(&self) -> usize {
        match self.health {
            Health::Failing => MAX_KEPT_WHILE_FAILING,
            Health::Unknown | Health::Responding => MAX_KEPT,
        }
    }

    fn has_room(&self) -> bool {
        self.room() > 0
    }

    /// How many more dispatches can be kept.
    pub(super) fn room(&self) -> usize {
        self.most().saturating_sub(self.kept())
    }

    /// Whether the view is to be read after [`Self::read_to`].
    pub(super) fn is_to_be_filled(&self) -> bool {
        !self.is_read && !self.is_to_be_read_again && self.room() > self.most() / 2
    }

    /// Up to where everything is known that the view shows. None where nothing is.
    pub(super) fn read_to(&self) -> Option<ListPosition> {
        self.read_to
    }

    /// Whether everything is known that the view shows of it.
    pub(super) fn is_read(&self) -> bool {
        self.is_read
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn health(&self) -> Health {
        self.health
    }

    pub(super) fn next_due_at(&self) -> Option<DateTime<Utc>> {
        self.waiting.first_at()
    }

    /// How fast it is sent.
    pub(super) fn pace(&mut self) -> &mut Pace {
        &mut self.pace
    }

    /// Whether nothing is to be sent, and nothing is to be remembered of it.
    pub(super) fn is_idle(&self, now: DateTime<Utc>) -> bool {
        let is_empty = self.known.is_empty() && self.is_read && self.to_read_behind.is_empty();
        is_empty && !self.is_to_be_read_again && self.pace.is_over(now)
    }
}

/// What was not tried yet may be sent at once, whatever the clock said when it was recorded.
fn due_at(row: &QueuedDispatch, now: DateTime<Utc>) -> DateTime<Utc> {
    let due_at = DateTime::from_timestamp_micros(row.due_at).filter(|_| row.attempts > 0);
    due_at.unwrap_or(now)
}

fn key_of(row: &QueuedDispatch) -> Key {
    let event = &row.event;
    let mut hasher = DefaultHasher::new();
    (&event.integration_id, &event.object_kind, &event.object_id).hash(&mut hasher);
    hasher.finish()
}
