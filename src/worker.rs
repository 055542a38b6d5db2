//! The worker: follows the queue, takes deliveries that are due, and works on several at once.

mod attempt;
mod sessions;
mod stop;

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::delivery::{Delivery, DeliveryCommand, DeliveryStatus, Order};
use domain::{AccountId, DeliveryId};
use projections::View;
use projections::due_deliveries::{self, DueDelivery};
use tokio::task::JoinSet;

use crate::cortex::CortexClient;
use crate::event_log::Actor;
use crate::ids;
use crate::recurring::Recurring;
use crate::service::Service;
use attempt::{Attempt, Taken};
use sessions::Sessions;

/// Accounts that are passed over at a time because their pace is used up.
const MAX_PACED: usize = 500;
/// How long a delivery that could not be taken is left alone, so that a view that lags does not make a busy loop.
const LEFT_ALONE: TimeDelta = TimeDelta::milliseconds(200);
/// How long the queue is left alone when it cannot be read.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long the queue is left alone at most.
const LOOK_AT_LEAST_EVERY: TimeDelta = TimeDelta::seconds(10);
/// How often moments are looked for that a clock which is ahead has set, and how many at a time.
const LOOK_AHEAD_EVERY: Duration = Duration::from_secs(10);
const AHEAD_AT_A_TIME: i64 = 500;
/// Clocks of several nodes may be so far apart.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(5);
/// The longest that a pace holds up an account.
const LONGEST_PACE: TimeDelta = TimeDelta::minutes(3);

/// What all attempts of a worker share.
pub(crate) struct Worker {
    service: Arc<Service>,
    cortex: CortexClient,
    sessions: Sessions,
    name: String,
    pace: Pace,
    /// Of deliveries that cannot be taken up: with a log that is away, all of them.
    failures: Recurring,
}

/// How much a worker does at a time, and how long a step of it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) concurrency: usize,
    pub(crate) lease: Duration,
    /// The longest call to Cortex Cloud.
    pub(crate) call: Duration,
}

/// A delivery that may be taken up.
#[derive(Clone, Copy, Debug)]
struct Due {
    delivery_id: DeliveryId,
    account_id: AccountId,
    /// The position of the event that made it due.
    caused_by: i64,
}

/// What came of looking at one delivery.
struct Polled {
    delivery_id: DeliveryId,
    account_id: AccountId,
    taken: Taken,
}

impl Worker {
    pub(crate) fn new(service: Arc<Service>, cortex: CortexClient, pace: Pace) -> Self {
        // Unique for every start: a restarted process does not hold what the one before it held.
        let name = ids::fresh().simple().to_string();
        let failures = Recurring::new("a delivery cannot be taken up");
        Self { service, cortex, sessions: Sessions::default(), name, pace, failures }
    }

    fn not_taken_up(&self, error: impl Display) {
        self.failures.failed(error);
    }

    /// Works until the service stops; then lets every attempt come to an end.
    pub(crate) async fn run(self) {
        let worker = Arc::new(self);
        let mut queue = Queue::default();
        let mut attempts = JoinSet::new();
        let mut stopping = worker.service.stopping();
        let mut changes = worker.service.projector.changes(View::DueDeliveries);
        let failures = Recurring::new("the queue cannot be read");
        while !*stopping.borrow() {
            changes.mark_unchanged();
            worker.service.working.begin();
            let now = worker.service.clock.now();
            queue.forget_the_past(now);
            let wake_at = match worker.fill(&mut queue, &mut attempts, now).await {
                Ok(wake_at) => {
                    failures.worked();
                    worker.service.working.done();
                    wake_at
                }
                Err(error) => {
                    failures.failed(&error);
                    tokio::time::sleep(RETRY_AFTER).await;
                    continue;
                }
            };
            tokio::select! {
                Some(ended) = attempts.join_next(), if !attempts.is_empty() => queue.note(ended),
                changed = changes.changed() => if changed.is_err() { break },
                () = worker.service.clock.sleep_until(wake_at) => {}
                stop = stopping.changed() => if stop.is_err() { break },
            }
        }
        while attempts.join_next().await.is_some() {}
    }

    /// Takes up what is due, as far as there is room. Answers when to look again if nothing happens before.
    async fn fill(
        self: &Arc<Self>,
        queue: &mut Queue,
        attempts: &mut JoinSet<Polled>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<DateTime<Utc>> {
        let views = &self.service.views;
        let now_us = now.timestamp_micros();
        if queue.looked_ahead.is_none_or(|looked| looked.elapsed() >= LOOK_AHEAD_EVERY) {
            self.pull_back(queue, now).await?;
            queue.looked_ahead = Some(Instant::now());
        }
        let room = self.pace.concurrency.saturating_sub(attempts.len());
        // What was due in another log is nothing to go by.
        let is_of_log = !self.service.projector.of_other_log().contains(&View::DueDeliveries);
        if room > 0 && is_of_log {
            let limit = i64::try_from(room + queue.passed_over()).unwrap_or(i64::MAX);
            let paced: Vec<String> = queue.paced.keys().take(MAX_PACED).map(ToString::to_string).collect();
            let due = due_deliveries::due(views, now_us, &paced, limit).await?;
            let all = due.iter().chain(queue.overdue.iter().filter(|due| !paced.contains(&due.account_id)));
            let free: Vec<Due> = all.filter_map(|due| queue.admit(due)).take(room).collect();
            queue.take_from_overdue(&free);
            for Due { delivery_id, account_id, caused_by } in free {
                let attempt = Attempt::new(self.clone(), delivery_id, caused_by);
                let task =
                    attempts.spawn(async move { Polled { delivery_id, account_id, taken: attempt.run().await } });
                queue.in_hand.insert(delivery_id, task.id());
            }
        }
        let next_due = due_deliveries::next_due_at(views, now_us).await?.and_then(DateTime::from_timestamp_micros);
        let moments = [next_due, queue.next_release(), Some(now + LOOK_AT_LEAST_EVERY)];
        Ok(moments.into_iter().flatten().min().unwrap_or(now))
    }
}

impl Worker {
    /// Sets right what a clock that was ahead has set too far off: what is in the queue is due, a retry comes after its own
    /// delay, and a lease ends after its own length.
    async fn pull_back(&self, queue: &mut Queue, now: DateTime<Utc>) -> sqlx::Result<()> {
        let ahead_us = (now + CLOCK_SKEW).timestamp_micros();
        queue.overdue.clear();
        for delivery in due_deliveries::set_ahead(&self.service.views, ahead_us, AHEAD_AT_A_TIME).await? {
            if delivery.status == DeliveryStatus::Queued.as_str() {
                queue.overdue.push(delivery);
                continue;
            }
            let command = DeliveryCommand::PullBack { now };
            let id = &delivery.delivery_id;
            let origin = Actor::Worker(self.name.clone()).because_of(delivery.caused_by);
            match self.service.log.execute::<Delivery>(id, command, origin).await {
                Ok(done) if done.events.is_empty() => {}
                Ok(done) => {
                    let until = done.aggregate.order().and_then(Order::waits_until).map(tracing::field::display);
                    tracing::warn!(
                        delivery = id,
                        was_until_us = delivery.due_at,
                        until,
                        "a clock that was ahead had made it wait too long"
                    );
                    self.service.metrics.pulled_back();
                }
                Err(error) => tracing::warn!(delivery = id, %error, "what a wrong clock has set cannot be set right"),
            }
        }
        Ok(())
    }
}

/// What this worker knows of the queue beyond the view.
#[derive(Default)]
struct Queue {
    in_hand: HashMap<DeliveryId, tokio::task::Id>,
    /// Accounts whose pace is used up, until when.
    paced: HashMap<AccountId, DateTime<Utc>>,
    /// Deliveries that could not be taken, until when they are left alone.
    left_alone: HashMap<DeliveryId, DateTime<Utc>>,
    /// In the queue, although a clock that was ahead has put them there for a later moment.
    overdue: Vec<DueDelivery>,
    looked_ahead: Option<Instant>,
    now: DateTime<Utc>,
}

impl Queue {
    fn forget_the_past(&mut self, now: DateTime<Utc>) {
        if now < self.now {
            // The clock was set back: what it had set is looked at now.
            self.looked_ahead = None;
        }
        self.now = now;
        // What is further off was noted before the clock was set back.
        self.paced.retain(|_, until| *until > now && *until - now <= LONGEST_PACE);
        self.left_alone.retain(|_, until| *until > now && *until - now <= LEFT_ALONE * 5);
    }

    fn passed_over(&self) -> usize {
        self.in_hand.len() + self.left_alone.len()
    }

    fn admit(&self, due: &DueDelivery) -> Option<Due> {
        let (delivery_id, account_id) = (due.delivery_id.parse().ok()?, due.account_id.parse().ok()?);
        let free = !self.in_hand.contains_key(&delivery_id) && !self.left_alone.contains_key(&delivery_id);
        free.then_some(Due { delivery_id, account_id, caused_by: due.caused_by })
    }

    /// What is taken up is overdue no more; when nothing else is, it is looked for more.
    fn take_from_overdue(&mut self, taken: &[Due]) {
        if self.overdue.is_empty() {
            return;
        }
        let is_taken = |due: &DueDelivery| taken.iter().any(|taken| taken.delivery_id.to_string() == due.delivery_id);
        self.overdue.retain(|due| !is_taken(due));
        if self.overdue.is_empty() {
            self.looked_ahead = None;
        }
    }

    fn next_release(&self) -> Option<DateTime<Utc>> {
        self.paced.values().chain(self.left_alone.values()).min().copied()
    }

    fn note(&mut self, ended: Result<Polled, tokio::task::JoinError>) {
        let Polled { delivery_id, account_id, taken } = match ended {
            Ok(looked) => looked,
            Err(error) => {
                tracing::error!(%error, "an attempt ended in a panic; its lease will run out");
                self.in_hand.retain(|_, task| *task != error.id());
                return;
            }
        };
        self.in_hand.remove(&delivery_id);
        match taken {
            Taken::Worked => {
                self.left_alone.insert(delivery_id, self.now + LEFT_ALONE);
            }
            Taken::NotDue => {
                self.left_alone.insert(delivery_id, self.now + LEFT_ALONE * 5);
            }
            Taken::Paced { next_at } => {
                self.paced.insert(account_id, next_at);
            }
        }
    }
}
