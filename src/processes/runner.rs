//! Runs one process manager: on one node at a time, from its checkpoint on, past what it cannot handle.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_log::recorded::Cursor;
use tokio::time::sleep_until;

use super::attempts::{Attempts, Verdict, attempt};
use super::failure::Failure;
use super::process_manager::ProcessManager;
use super::status::Status;
use super::{Dependencies, Processes};
use crate::app::log_and_views::LogAndViews;
use event_log::recurring::Recurring;
use event_log::{EventLog, Followed, LoadError, Position};

/// How often the checkpoint is saved at most; where nothing was handled on the way, how often. What comes after it is seen
/// again after a start, and does nothing twice; the log's only writing connection is for webhooks.
const SAVE_EVERY: Duration = Duration::from_secs(1);
const SAVE_EVERY_WHERE_NOTHING_IS_HANDLED: Duration = Duration::from_secs(3);
/// How often it checks whether the node that runs it still does.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// How often it checks whether a parked event is to be tried again, where there is one.
const POLL_PARKED_EVERY: Duration = Duration::from_millis(500);
const BATCH: i64 = 200;
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How long it may take to hand it back when the service stops. If it takes longer, the lease ends by itself.
const HAND_BACK_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a process manager was not followed any further.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interrupted {
    #[error("another node has taken it over")]
    LeaseLost,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<sqlx::Error> for Interrupted {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs until the service stops. While another node runs it, waits for that one's lease to end.
pub(super) async fn run<M: ProcessManager>(needs: Dependencies, manager: M) {
    let mut stopping = needs.tasks.stopping();
    let mut runner = Runner::new(needs, manager);
    tokio::select! {
        biased;
        // However it ends, the service has begun to stop.
        _ = stopping.wait_for(|stopping| *stopping) => {}
        () = runner.run() => {}
    }
    runner.hand_back().await;
}

pub(super) struct Runner<M> {
    pub(super) data: LogAndViews,
    pub(super) processes: Arc<Processes>,
    pub(super) manager: M,
    pub(super) attempts: Attempts,
    /// Up to here everything was handled or parked, and with it what follows from it together.
    handled: Cursor,
    /// What was read after that.
    batch: VecDeque<Followed>,
    /// The event that was read last.
    read: Cursor,
    /// Whether all that was read was handled, but not what follows from it together.
    is_unfinished: bool,
    saved: Position,
    save_at: Instant,
    failures: Recurring,
}

impl<M: ProcessManager> Runner<M> {
    fn new(needs: Dependencies, manager: M) -> Self {
        Self {
            data: needs.data,
            processes: needs.processes,
            manager,
            attempts: Attempts::default(),
            handled: Cursor::START,
            batch: VecDeque::new(),
            read: Cursor::START,
            is_unfinished: false,
            saved: Position::START,
            save_at: Instant::now(),
            failures: Recurring::new(format!("the process manager {} is interrupted", M::NAME)),
        }
    }

    fn log(&self) -> EventLog {
        self.data.log.clone()
    }

    pub(super) fn status(&self) -> &Status {
        self.processes.status(M::NAME)
    }

    async fn run(&mut self) {
        let mut is_held = self.status().is_held.subscribe();
        loop {
            self.status().progress.begin();
            let interrupted = match self.take().await {
                Ok(true) => {
                    let lost = async {
                        if is_held.wait_for(|is_held| !is_held).await.is_err() {
                            std::future::pending::<()>().await;
                        }
                    };
                    tokio::select! {
                        biased;
                        () = lost => Err(Interrupted::LeaseLost),
                        ended = self.follow() => ended,
                    }
                }
                Ok(false) => {
                    // What is to be done is for another node to do.
                    self.status().is_held.send_replace(false);
                    self.status().progress.done();
                    tokio::time::sleep(POLL_EVERY).await;
                    continue;
                }
                Err(error) => Err(error.into()),
            };
            match interrupted {
                Ok(()) => {}
                Err(Interrupted::LeaseLost) => {
                    tracing::warn!(process = M::NAME, "another node has taken over this process manager");
                    self.status().is_held.send_replace(false);
                }
                Err(Interrupted::Failed(failure)) => {
                    self.failures.failed(failure);
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }

    /// Takes the lease, if it is free or this node's own.
    async fn take(&mut self) -> sqlx::Result<bool> {
        let (log, node) = (self.log(), self.processes.node.clone());
        let is_held = *self.status().is_held.borrow();
        if !is_held && let Some(follower) = log.follower(M::NAME).await? {
            // Read before it is requested: a node that waits writes nothing.
            self.status().reached(follower.cursor.position);
            if follower.held_by(log.clock().now()).is_some_and(|holder| holder != node) {
                return Ok(false);
            }
        }
        let Some(cursor) = log.take_follower(M::NAME, &node).await? else { return Ok(false) };
        if !is_held {
            tracing::debug!(process = M::NAME, position = cursor.position.0, "this node runs the process manager");
        }
        self.status().is_held.send_replace(true);
        (self.saved, self.save_at) = (cursor.position, Instant::now());
        self.batch.clear();
        (self.attempts, self.is_unfinished) = (Attempts::default(), false);
        (self.read, self.handled) = (cursor.clone(), cursor);
        Ok(true)
    }

    async fn follow(&mut self) -> Result<(), Interrupted> {
        let log = self.log();
        if !log.holds(&self.handled).await? {
            return self.begin_again().await;
        }
        self.manager.begin(self.handled.position).await?;
        let mut head = log.head_changes();
        self.processes.count_parked(&log).await?;
        let mut parked_count = self.status().parked.subscribe();
        let mut parked = tokio::time::interval(POLL_PARKED_EVERY);
        parked.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut due_again_at = Instant::now();
        let mut last_read = Instant::now();
        loop {
            self.status().progress.begin();
            log.yield_to_webhooks().await;
            log.rest_between_reads(last_read).await;
            last_read = Instant::now();
            head.mark_unchanged();
            let seen_head = head.borrow().clone();
            let mut is_at_head = false;
            // What is left of one batch is done before the next is read.
            if self.batch.is_empty() && !self.is_unfinished {
                match log.follow_kinds(&self.read, BATCH, M::KINDS).await {
                    Err(LoadError::OtherLog { .. }) => return self.begin_again().await,
                    read => self.batch = read.map_err(Failure::from)?.into(),
                }
                is_at_head = self.batch.is_empty();
            }
            let is_done = self.attempts.is_time() && self.advance().await?;
            if is_done {
                if is_at_head && seen_head.position > self.read.position {
                    // There is nothing to handle up to there.
                    self.read = seen_head.clone();
                }
                self.handled = self.read.clone();
                self.status().reached(self.handled.position);
                self.status().progress.done();
                self.failures.worked();
                if !is_at_head {
                    self.save_at = self.save_at.min(Instant::now() + SAVE_EVERY);
                }
            }
            let due_at = self.manager.due_at(seen_head.position);
            let due = async {
                sleep_until(due_again_at.into()).await;
                match due_at {
                    Some(due_at) => log.clock().sleep_until(due_at).await,
                    None => std::future::pending().await,
                }
            };
            // It is also changed by the keeper of the leases: a node that lost this one may have parked an event since.
            let has_parked = *parked_count.borrow_and_update() > 0;
            tokio::select! {
                biased;
                () = sleep_until(self.save_at.into()), if self.handled.position > self.saved => self.save().await?,
                _ = parked.tick(), if has_parked => if self.retry_parked().await? {
                    parked.reset_immediately();
                },
                Ok(()) = parked_count.changed() => {}
                () = due => due_again_at = self.do_what_is_due().await,
                () = std::future::ready(()), if is_done && !is_at_head => {}
                () = sleep_until(self.attempts.next_at().into()), if !is_done => {}
                changed = head.changed(), if is_done => match changed {
                    Ok(()) => tokio::time::sleep(M::REST).await,
                    Err(_) => return Ok(()),
                },
            }
        }
    }

    /// Handles what was read, as far as that works now. True once all of it was handled or parked.
    async fn advance(&mut self) -> Result<bool, Interrupted> {
        while let Some(event) = self.batch.front() {
            if let Err(failure) = attempt(&mut self.manager, event).await {
                let cursor = event.cursor.clone();
                let Some(event) = self.log().followed_at(cursor.position).await? else {
                    return Err(Failure::from(LoadError::OtherLog { position: cursor.position }).into());
                };
                if self.judge(&event, failure).await? == Verdict::TryAgain {
                    // Read again: a key or a row that was missing may be there next time.
                    self.batch[0] = event;
                    return Ok(false);
                }
            }
            self.attempts.succeeded();
            if let Some(event) = self.batch.pop_front() {
                self.read = event.cursor;
            }
        }
        self.is_unfinished = true;
        while let Err(unfinished) = self.manager.after_batch().await {
            if let Some(event) = self.log().followed_at(unfinished.position).await?
                && self.judge(&event, unfinished.failure).await? == Verdict::TryAgain
            {
                return Ok(false);
            }
            self.manager.forget(unfinished.position);
        }
        self.is_unfinished = false;
        self.attempts.succeeded();
        Ok(true)
    }

    pub(super) fn failed(&self, failure: &Failure) {
        self.failures.failed(failure);
    }

    /// What was done in answer to another log says nothing of this one. All of it is idempotent.
    async fn begin_again(&mut self) -> Result<(), Interrupted> {
        let position = self.handled.position;
        let parked = self.log().unpark_all(M::NAME).await?;
        tracing::error!(
            process = M::NAME,
            position = position.0,
            parked,
            "a process manager has followed another event log: it begins again from its first event, and meets what it had \
             parked of this log again"
        );
        (self.read, self.handled) = (Cursor::START, Cursor::START);
        self.batch.clear();
        self.status().reached(Position::START);
        self.save().await
    }

    async fn save(&mut self) -> Result<(), Interrupted> {
        if !self.log().save_follower(M::NAME, &self.processes.node, &self.handled).await? {
            return Err(Interrupted::LeaseLost);
        }
        (self.saved, self.save_at) = (self.handled.position, Instant::now() + SAVE_EVERY_WHERE_NOTHING_IS_HANDLED);
        Ok(())
    }

    /// Lets another node go on at once.
    async fn hand_back(&mut self) {
        let (log, node) = (self.log(), self.processes.node.clone());
        if !self.status().is_held.send_replace(false) {
            return;
        }
        let handed_back = log.hand_back_follower(M::NAME, &node, &self.handled);
        if !matches!(tokio::time::timeout(HAND_BACK_TIMEOUT, handed_back).await, Ok(Ok(_))) {
            tracing::warn!(process = M::NAME, "it could not be handed back: another node goes on once the lease ends");
        }
        self.status().progress.done();
    }
}
