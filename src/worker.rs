//! The worker: takes deliveries that are due, in their order and at the pace of their accounts, and works on several at once.

mod attempt;
mod queue;
mod sessions;
mod stop;

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::delivery::{Delivery, DeliveryCommand, DeliveryRefusal, DeliveryStatus, Order};
use domain::ledger::Ledger;
use domain::{AccountId, DeliveryId};
use futures_util::future::join_all;
use projections::delivery_log;
use projections::delivery_log::due_deliveries;
use tokio::task::JoinSet;

use crate::cortex::CortexClient;
use crate::rates::{NotAdmitted, Rate};
use crate::service::Service;
use attempt::{Attempt, Taken};
use event_log::ids;
use event_log::recurring::Recurring;
use event_log::{Actor, CommandError, Committed, Origin};
use queue::{Due, Ended, Queue};
use sessions::Sessions;

/// Accounts that are passed over at a time because their pace is used up.
const MAX_PACED: usize = 500;
/// Due deliveries that are read at a time, beyond those under way.
const READ_AT_ONCE: usize = 64;
/// How long the queue is left alone when it cannot be read.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long the queue is left alone at most.
const LOOK_AT_LEAST_EVERY: TimeDelta = TimeDelta::seconds(10);
/// How often moments are looked for that a clock which is ahead has set, and how many at a time.
const LOOK_AHEAD_EVERY: Duration = Duration::from_secs(10);
const AHEAD_AT_A_TIME: i64 = 500;
/// Clocks of several nodes may be so far apart.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(5);

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

impl Worker {
    pub(crate) fn new(service: Arc<Service>, cortex: CortexClient, pace: Pace) -> Self {
        // Unique for every start: a restarted process does not hold what the one before it held.
        let name = ids::fresh().simple().to_string();
        let failures = Recurring::new("a delivery cannot be taken up");
        Self { service, cortex, sessions: Sessions::default(), name, pace, failures }
    }

    /// Executes a worker's command on a delivery, and what it means for the credits of its account.
    async fn execute(
        &self,
        id: DeliveryId,
        command: DeliveryCommand,
        origin: Origin,
    ) -> Result<(Committed<Delivery>, Option<Committed<Ledger>>), CommandError<DeliveryRefusal>> {
        let settle = |before: &Delivery, after: &Delivery| {
            let (account_id, command) = after.settlement(id, before)?;
            Some((account_id.to_string(), command))
        };
        self.service.log.execute_with::<Delivery, Ledger>(&id.to_string(), command, origin, settle).await
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
        let mut changes = worker.service.projector.changes();
        let failures = Recurring::new("the queue cannot be read");
        while !*stopping.borrow() {
            changes.mark_unchanged();
            worker.service.working.begin();
            let now = worker.service.clock.now();
            queue.forget_the_past(now, worker.service.projector.position(delivery_log::VIEW));
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
                Some(ended) = attempts.join_next(), if !attempts.is_empty() => {
                    queue.note(ended, worker.service.log.head());
                    while let Some(ended) = attempts.try_join_next() {
                        queue.note(ended, worker.service.log.head());
                    }
                }
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
        attempts: &mut JoinSet<Ended>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<DateTime<Utc>> {
        if queue.looked_ahead.is_none_or(|looked| looked.elapsed() >= LOOK_AHEAD_EVERY) {
            self.pull_back(queue, now).await?;
            queue.looked_ahead = Some(Instant::now());
        }
        let views = &self.service.views;
        while attempts.len() < self.pace.concurrency {
            // What was due in another log is nothing to go by.
            if queue.is_empty() && !self.service.projector.of_other_log().contains(&delivery_log::VIEW) {
                self.read_on(queue, now).await?;
            }
            let taken = queue.take(self.pace.concurrency - attempts.len());
            if taken.is_empty() {
                break;
            }
            self.take_up(queue, attempts, taken, now).await;
        }
        let next_due = if attempts.len() < self.pace.concurrency {
            due_deliveries::next_due_at(views, now.timestamp_micros()).await?
        } else {
            // The end of an attempt comes first.
            None
        };
        let next_due = next_due.and_then(DateTime::from_timestamp_micros);
        let moments = [next_due, queue.next_release(), Some(now + LOOK_AT_LEAST_EVERY)];
        Ok(moments.into_iter().flatten().min().unwrap_or(now))
    }

    /// Reads on in the view from where it was read to; from its beginning where nothing more comes, and now and then, for
    /// what became due meanwhile may lie before.
    async fn read_on(&self, queue: &mut Queue, now: DateTime<Utc>) -> sqlx::Result<()> {
        let paced: Vec<String> = queue.paced().take(MAX_PACED).map(ToString::to_string).collect();
        let due = async |since: i64, limit: usize| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            due_deliveries::due(&self.service.views, since, now.timestamp_micros(), &paced, limit).await
        };
        if let Some(since) = queue.read_to() {
            let more = due(since, READ_AT_ONCE).await?;
            queue.add(more);
        }
        if queue.is_empty() {
            // What is under way or done lies at the beginning, until the view shows what came of it.
            let first = due(i64::MIN, READ_AT_ONCE + queue.passed_over()).await?;
            queue.begin_again();
            queue.add(first);
        }
        Ok(())
    }

    /// Looks at some together, and begins attempts in their order, as far as the pace of each account allows.
    async fn take_up(
        self: &Arc<Self>,
        queue: &mut Queue,
        attempts: &mut JoinSet<Ended>,
        due: Vec<Due>,
        now: DateTime<Utc>,
    ) {
        let looked = due.into_iter().map(async |due| {
            let attempt = Attempt::new(self.clone(), due.delivery_id, due.caused_by);
            let ready = attempt.look().await;
            (due, attempt, ready)
        });
        for (due, attempt, ready) in join_all(looked).await {
            let Some(ready) = ready else {
                queue.leave_alone(due.delivery_id);
                continue;
            };
            let rate = Rate::Attempts(due.account_id);
            if ready.tries && !self.keeps_pace(queue, rate, due.account_id, ready.attempts_per_minute, now).await {
                continue;
            }
            let (worker, tries) = (self.clone(), ready.tries);
            let task = attempts.spawn(async move {
                let taken = attempt.run(ready).await;
                if tries && matches!(taken, Taken::NotDue) {
                    worker.service.rates.give_back(rate, worker.service.clock.now());
                }
                Ended { due, taken }
            });
            queue.begin(due, task.id());
        }
    }

    /// Whether the pace of an account allows one more attempt now.
    async fn keeps_pace(
        &self,
        queue: &mut Queue,
        rate: Rate,
        account_id: AccountId,
        attempts_per_minute: u32,
        now: DateTime<Utc>,
    ) -> bool {
        if queue.is_paced(account_id) {
            return false;
        }
        match self.service.rates.admit(&self.service.log, rate, (attempts_per_minute, 1), now).await {
            Ok(()) => true,
            Err(NotAdmitted::Exceeded { next_at }) => {
                queue.pause(account_id, next_at);
                false
            }
            Err(error @ NotAdmitted::Unavailable(_)) => {
                self.not_taken_up(error);
                queue.pause(account_id, now + RETRY_AFTER);
                false
            }
        }
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
