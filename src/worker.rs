//! The worker: takes up what is due, in its order and at the pace of the owners it belongs to, and works on several pieces at
//! once. Which kind of work that is, [`Work`] says: deliveries are one, reading orders at their stores is another, and what is done
//! at connected stores a third.

pub(crate) mod deliveries;
pub(crate) mod lease;
mod lost_access;
pub(crate) mod order_reads;
mod queue;
pub(crate) mod stores;
pub(crate) mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use event_log::EventLog;
use event_log::clock::Clock;
use event_log::progress::Progress;
use event_log::recurring::Recurring;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;

use event_log::rates::{NotAdmitted, Rates};
use queue::{Ended, Queue};
use work::{DueOf, Pace, Taken, Work};

/// Owners that are passed over at a time because nothing of theirs may begin.
const MAX_PASSED_OVER: usize = 500;
/// Due pieces that are read at a time, beyond those under way.
const READ_AT_ONCE: usize = 64;
/// How long what is due is left alone when it cannot be read.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long what is due is left alone at most.
const READ_AT_LEAST_EVERY: TimeDelta = TimeDelta::seconds(10);
/// How often moments are put right that a clock which is ahead has set.
const PULL_BACK_EVERY: Duration = Duration::from_secs(10);

type QueueOf<W> = Queue<<W as Work>::Id, <W as Work>::Owner>;

/// Works on one kind of work.
pub(crate) struct Worker<W> {
    pub(crate) work: Arc<W>,
    /// How many pieces are worked on at the same time.
    pub(crate) concurrency: usize,
    pub(crate) log: EventLog,
    pub(crate) clock: Clock,
    pub(crate) rates: Arc<Rates>,
    /// Whether it gets on.
    pub(crate) progress: Progress,
    /// Changes whenever something else may be due.
    pub(crate) changes: watch::Receiver<()>,
    /// Becomes true when the service is to stop.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl<W: Work> Worker<W> {
    /// Works until the service stops; then lets every piece come to an end.
    pub(crate) async fn run(mut self) {
        let mut queue = QueueOf::<W>::new(W::ONE_AT_A_TIME);
        let mut pieces = JoinSet::new();
        let failures = Recurring::new("what is due cannot be read");
        let not_admitted = Recurring::new("the pace of an account cannot be read");
        while !*self.stopping.borrow() {
            self.changes.mark_unchanged();
            self.progress.begin();
            let now = self.clock.now();
            queue.forget_the_past(now, self.work.position());
            let wake_at = match self.fill(&mut queue, &mut pieces, now, &not_admitted).await {
                Ok(wake_at) => {
                    failures.worked();
                    self.progress.done();
                    wake_at
                }
                Err(error) => {
                    failures.failed(&error);
                    tokio::time::sleep(RETRY_AFTER).await;
                    continue;
                }
            };
            let clock = self.clock.clone();
            tokio::select! {
                Some(ended) = pieces.join_next(), if !pieces.is_empty() => {
                    queue.note(ended, self.log.head());
                    while let Some(ended) = pieces.try_join_next() {
                        queue.note(ended, self.log.head());
                    }
                }
                changed = self.changes.changed() => if changed.is_err() { break },
                () = clock.sleep_until(wake_at) => {}
                stop = self.stopping.changed() => if stop.is_err() { break },
            }
        }
        while pieces.join_next().await.is_some() {}
    }

    /// Takes up what is due, as far as there is room. Returns when to read again if nothing happens before.
    async fn fill(
        &self,
        queue: &mut QueueOf<W>,
        pieces: &mut JoinSet<Ended<W::Id, W::Owner>>,
        now: DateTime<Utc>,
        not_admitted: &Recurring,
    ) -> sqlx::Result<DateTime<Utc>> {
        if queue.pulled_back_at.is_none_or(|at| at.elapsed() >= PULL_BACK_EVERY) {
            queue.overdue = self.work.pull_back(now).await?;
            queue.pulled_back_at = Some(Instant::now());
        }
        while pieces.len() < self.concurrency {
            if queue.is_empty() && self.work.is_readable() {
                self.read_on(queue, now).await?;
            }
            if queue.is_empty() {
                break;
            }
            // Where none of these may begin any more, others that are due may.
            let taken = queue.take(self.concurrency - pieces.len());
            self.take_up(queue, pieces, taken, now, not_admitted).await;
        }
        // Where there is no room, the end of a piece comes first.
        let next_due = if pieces.len() < self.concurrency { self.work.next_due_at(now).await? } else { None };
        let moments = [next_due, queue.next_release(), Some(now + READ_AT_LEAST_EVERY)];
        Ok(moments.into_iter().flatten().min().unwrap_or(now))
    }

    /// Reads on in the view from where it was read to; from its beginning where nothing more comes, and now and then, for
    /// what became due meanwhile may lie before.
    async fn read_on(&self, queue: &mut QueueOf<W>, now: DateTime<Utc>) -> sqlx::Result<()> {
        let without: Vec<W::Owner> = queue.held_back().take(MAX_PASSED_OVER).copied().collect();
        if let Some(since) = queue.read_to() {
            let more = self.work.due(since, now, &without, READ_AT_ONCE).await?;
            queue.add(more);
        }
        if queue.is_empty() {
            // What is under way or done lies at the beginning, until the view shows what came of it.
            let first = self.work.due(i64::MIN, now, &without, READ_AT_ONCE + queue.passed_over()).await?;
            queue.begin_again();
            queue.add(first);
        }
        Ok(())
    }

    /// Prepares some together, and begins them in their order, as far as the pace of each owner allows.
    async fn take_up(
        &self,
        queue: &mut QueueOf<W>,
        pieces: &mut JoinSet<Ended<W::Id, W::Owner>>,
        due: Vec<DueOf<W>>,
        now: DateTime<Utc>,
        not_admitted: &Recurring,
    ) {
        let prepared = due.into_iter().map(async |due| (due, self.work.prepare(&due).await));
        for (due, ready) in join_all(prepared).await {
            let Some(ready) = ready else {
                queue.leave_alone(due.id);
                continue;
            };
            let pace = self.work.pace(&due, &ready);
            if let Some(pace) = pace
                && !self.keeps(pace, due.owner, queue, now, not_admitted).await
            {
                continue;
            }
            let (rates, clock) = (self.rates.clone(), self.clock.clone());
            let task = pieces.spawn(async move {
                let taken = W::run(due, ready).await;
                if let (Some(pace), Taken::NotDue) = (pace, taken) {
                    rates.give_back(pace.rate, clock.now());
                }
                Ended { due, taken }
            });
            queue.begin(&due, task.id());
        }
    }

    /// Whether the pace of an owner allows one more now.
    async fn keeps(
        &self,
        pace: Pace,
        owner: W::Owner,
        queue: &mut QueueOf<W>,
        now: DateTime<Utc>,
        not_admitted: &Recurring,
    ) -> bool {
        if queue.is_resting(owner) {
            return false;
        }
        match self.rates.admit(&self.log, pace.rate, (pace.per_minute, 1), now).await {
            Ok(()) => {
                not_admitted.worked();
                true
            }
            Err(NotAdmitted::Exceeded { next_at }) => {
                queue.pause(owner, next_at);
                false
            }
            Err(error @ NotAdmitted::Unavailable(_)) => {
                not_admitted.failed(error);
                queue.pause(owner, now + RETRY_AFTER);
                false
            }
        }
    }
}
