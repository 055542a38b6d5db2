//! The rules of a lane, beside a view that is a list.

use chrono::{DateTime, TimeDelta};
use event_log::Position;
use projections::commerce::events::CommerceEventRow;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

/// The dispatch of the event at this position, about this order.
fn row(position: i64, order: u8) -> QueuedDispatch {
    let event = CommerceEventRow {
        position: Position(position),
        ordinal: 0,
        id: position.to_string(),
        event_type: "order.updated".to_owned(),
        account_id: "account".to_owned(),
        integration_id: None,
        object_kind: "order".to_owned(),
        object_id: order.to_string(),
        session_id: None,
        stock: None,
        occurred_at: 0,
        recorded_at: 0,
    };
    QueuedDispatch {
        event,
        dispatch_id: position.to_string(),
        endpoint_id: "endpoint".to_owned(),
        attempts: 0,
        due_at: 0,
        changed_by: Position(position),
    }
}

/// A lane, the queue, and what the view shows of it.
struct World {
    lane: Lane,
    done: Done,
    queue: Vec<QueuedDispatch>,
    shown: Vec<QueuedDispatch>,
    /// Outcomes that were recorded.
    outcomes: i64,
    /// In the order in which they were closed.
    closed: Vec<QueuedDispatch>,
    in_flight: Vec<QueuedDispatch>,
    now: DateTime<Utc>,
}

impl World {
    fn new() -> Self {
        let (lane, done) = (Lane::new(true), Done::default());
        Self { lane, done, queue: vec![], shown: vec![], outcomes: 0, closed: vec![], in_flight: vec![], now: noon() }
    }

    fn record(&mut self, order: u8) {
        let position = i64::try_from(self.queue.len() + self.closed.len()).unwrap() + 1;
        let row = row(position, order);
        self.queue.push(row.clone());
        self.shown.push(row.clone());
        self.lane.offer(row, true, (&self.done, self.now));
    }

    /// As the dispatcher does before it sends.
    fn fill(&mut self) {
        self.lane.begin_again();
        for first in self.lane.take_to_read_behind() {
            let is_behind = |row: &&QueuedDispatch| {
                key_of(row) == key_of(&first) && row.event.list_position() > first.event.list_position()
            };
            let rows: Vec<_> = self.shown.iter().filter(is_behind).take(3).cloned().collect();
            let is_all = rows.len() < 3;
            self.lane.read_behind(&first, rows, is_all, (&self.done, self.now));
        }
        let at_most = if self.lane.has_ready() { self.lane.room() } else { self.lane.room().max(16) };
        let due = self.lane.due(self.now, at_most);
        let is_due = |row: &&QueuedDispatch| due.iter().any(|(id, _)| *id == row.dispatch_id);
        let rows = self.shown.iter().filter(is_due).cloned().collect();
        self.lane.read_due(&due, rows);
        while self.lane.is_to_be_filled() {
            let (limit, after) = (self.lane.room().min(7), self.lane.read_to());
            let is_after = |row: &&QueuedDispatch| Some(row.event.list_position()) > after;
            let rows: Vec<_> = self.shown.iter().filter(is_after).take(limit).cloned().collect();
            let is_all = rows.len() < limit;
            self.lane.read(rows, is_all, true, (&self.done, self.now));
        }
    }

    fn send(&mut self) {
        self.fill();
        if let Some(next) = self.lane.next() {
            let is_same = self.in_flight.iter().any(|other| key_of(other) == key_of(&next));
            assert!(!is_same, "two about one order are sent at a time");
            let first = self.queue.iter().find(|row| key_of(row) == key_of(&next));
            assert_eq!(
                first.map(|row| &row.dispatch_id),
                Some(&next.dispatch_id),
                "the first of its order comes first"
            );
            self.in_flight.push(next);
        }
    }

    /// Where the log has the next outcome: behind all events.
    fn position(&mut self) -> Position {
        self.outcomes += 1;
        Position(1_000_000 + self.outcomes)
    }

    /// The view comes to the end of the log.
    fn show(&mut self) {
        let head = Position(1_000_000 + self.outcomes);
        for row in &self.queue {
            if !self.shown.contains(row) {
                self.lane.offer(row.clone(), true, (&self.done, self.now));
            }
        }
        self.shown.clone_from(&self.queue);
        self.done.forget_shown(head);
    }

    fn end(&mut self, succeeds: bool) {
        let Some(row) = self.in_flight.pop() else { return };
        let index = self.queue.iter().position(|other| other.dispatch_id == row.dispatch_id).unwrap();
        let position = self.position();
        let ended = if succeeds {
            self.closed.push(self.queue.remove(index));
            Ended::Closed
        } else {
            let until = self.now + TimeDelta::seconds(5);
            let row = &mut self.queue[index];
            (row.attempts, row.due_at, row.changed_by) = (row.attempts + 1, until.timestamp_micros(), position);
            Ended::Waits { until, attempts: row.attempts }
        };
        self.done.insert(row.dispatch_id.clone(), position, ended);
        self.lane.ended(&row, ended, !succeeds, self.now);
    }

    fn redrive(&mut self, index: usize) {
        self.show();
        let position = self.position();
        let mut tried: Vec<&mut QueuedDispatch> = self.queue.iter_mut().filter(|row| row.attempts > 0).collect();
        let count = tried.len();
        if count > 0 {
            let row = &mut *tried[index % count];
            (row.due_at, row.changed_by) = (self.now.timestamp_micros(), position);
        }
        self.show();
    }

    fn drain(&mut self) {
        while !self.queue.is_empty() {
            let before = self.queue.len();
            self.show();
            self.now += TimeDelta::seconds(5);
            self.send();
            while !self.in_flight.is_empty() {
                self.end(true);
                self.send();
            }
            assert!(self.queue.len() < before, "something is stuck: {:?}", self.queue.first());
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Record(u8),
    RecordMany(u16),
    Send,
    End(bool),
    Pass,
    ReadAgain,
    Redrive(usize),
    Show,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6_u8).prop_map(Step::Record),
        1 => (0..1_500_u16).prop_map(Step::RecordMany),
        8 => Just(Step::Send),
        5 => any::<bool>().prop_map(Step::End),
        2 => Just(Step::Pass),
        1 => Just(Step::ReadAgain),
        1 => any::<usize>().prop_map(Step::Redrive),
        2 => Just(Step::Show),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn everything_is_sent_in_the_order_of_each_object_and_memory_is_bounded(steps in vec(any_step(), 0..200)) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Record(order) => world.record(order),
                Step::RecordMany(count) => (0..count).for_each(|n| world.record(u8::try_from(n % 200).unwrap())),
                Step::Send => world.send(),
                Step::End(succeeds) => world.end(succeeds),
                Step::Pass => world.now += TimeDelta::seconds(3),
                Step::ReadAgain => world.lane.read_again(),
                Step::Redrive(index) => world.redrive(index),
                Step::Show => world.show(),
            }
            let held = world.lane.ready.len() + world.lane.busy.values().map(|behind| behind.rows.len()).sum::<usize>();
            prop_assert!(held <= MAX_KEPT + 16, "{held}");
        }
        world.drain();
        prop_assert_eq!(world.lane.known.len(), 0);
    }
}

#[test]
fn one_whose_outcome_the_view_does_not_show_yet_is_not_sent_again() {
    let mut world = World::new();
    world.record(1);
    world.send();
    let row = world.in_flight.pop().unwrap();
    world.done.insert(row.dispatch_id.clone(), Position(9), Ended::Closed);
    world.lane.ended(&row, Ended::Closed, false, world.now);
    world.lane.read_again();
    world.send();
    assert!(world.in_flight.is_empty(), "the view still has it");
    // Sent again by a person, it is in the view by a later event.
    world.queue[0].changed_by = Position(10);
    world.queue[0].attempts = 1;
    world.show();
    world.send();
    assert_eq!(world.in_flight.len(), 1);
}

#[test]
fn one_that_failed_holds_back_its_object_also_where_all_is_read_again_before_the_view_shows_it() {
    let mut world = World::new();
    world.record(1);
    world.record(1);
    world.send();
    world.end(false);
    world.lane.read_again();
    world.send();
    assert!(world.in_flight.is_empty(), "the second one waits for the first");
    world.show();
    world.now += TimeDelta::seconds(5);
    world.send();
    assert_eq!(world.in_flight[0].dispatch_id, "1");
}

#[test]
fn what_waits_is_probed_in_turn_and_only_where_nothing_is_ready() {
    let mut world = World::new();
    for order in 1..=3 {
        world.record(order);
        world.send();
        world.end(false);
    }
    let probed = |world: &mut World| {
        let probe = world.lane.probe();
        let rows =
            world.queue.iter().filter(|row| probe.iter().any(|(id, _)| *id == row.dispatch_id)).cloned().collect();
        world.lane.read_due(&Vec::from_iter(probe.clone()), rows);
        let next = world.lane.next()?;
        let waits = Ended::Waits { until: due_at(&next, world.now), attempts: next.attempts };
        world.lane.ended(&next, waits, true, world.now);
        Some(next.dispatch_id)
    };
    for expected in ["1", "2", "3", "1"] {
        assert_eq!(probed(&mut world).as_deref(), Some(expected));
    }
    world.record(4);
    assert_eq!(world.lane.probe(), None, "the new one is the probe");
    assert_eq!(world.lane.next().unwrap().dispatch_id, "4");
    assert_eq!(world.lane.probe(), None, "one at a time");
}

#[test]
fn another_order_counts_for_what_waits_already() {
    let mut world = World::new();
    world.record(1);
    world.record(1);
    world.send();
    world.end(false);
    world.show();
    world.lane.order(true);
    world.lane.order(false);
    world.lane.begin_again();
    world.lane.read(world.shown.clone(), true, false, (&world.done, world.now));
    assert_eq!(world.lane.next().unwrap().dispatch_id, "2", "the first waits for its moment, and it for nothing");
    world.lane.order(false);
    assert!(!world.lane.is_to_be_read_again, "nothing was changed");
}
