//! Back-pressure: background work yields to webhooks while these load the log.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Appends that had to wait for each other's commit: fewer are ordinary traffic.
const HIGH_LOAD: usize = 16;
/// The load counts as over when no such commit was seen for so long.
const OVER_AFTER: Duration = Duration::from_millis(20);
/// While the load lasts, one task that yielded goes on so often, so that views and deliveries go on under any load.
const TURN_EVERY: Duration = Duration::from_millis(200);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Webhooks come one after the other while two were committed within so long.
const ONE_AFTER_THE_OTHER: Duration = Duration::from_millis(20);
/// While they do, what follows the log reads it once in so long: what several webhooks brought costs little more than what
/// one did, and the next webhook finds the cores and the disk free.
const READ_EVERY: Duration = Duration::from_millis(5);

/// When the log was under high load last. A store waits for its answer and may never come again; what follows from its
/// webhook can be done a moment later.
#[derive(Default)]
pub(super) struct Backpressure {
    loaded_at: Mutex<Option<Instant>>,
    /// Appends in the commit under way. A commit that takes long must not look like the end of the load: a task that went
    /// on then would make it take longer.
    under_way: AtomicUsize,
    /// When the last two batches with webhooks were committed.
    webhooks_at: Mutex<[Option<Instant>; 2]>,
    /// Tasks that yielded go on one after the other: all at once, webhooks would have to wait.
    turn: tokio::sync::Mutex<()>,
}

impl Backpressure {
    pub(super) fn committing(&self, appends: usize) {
        self.under_way.store(appends, Ordering::Relaxed);
    }

    pub(super) fn committed(&self, appends: usize) {
        self.under_way.store(0, Ordering::Relaxed);
        if appends >= HIGH_LOAD {
            *self.loaded_at.lock() = Some(Instant::now());
        }
        if appends > 0 {
            let mut webhooks_at = self.webhooks_at.lock();
            *webhooks_at = [webhooks_at[1], Some(Instant::now())];
        }
    }

    /// Whether webhooks come one after the other at this moment.
    pub(super) fn webhooks_are_coming(&self, now: Instant) -> bool {
        let is_recent = |at: Instant| now.saturating_duration_since(at) < ONE_AFTER_THE_OTHER;
        self.webhooks_at.lock().iter().all(|at| at.is_some_and(is_recent))
    }

    /// Returns at once where the caller last read the log a while ago, or webhooks come rarely.
    pub(super) async fn rest_between_reads(&self, last_read: Instant) {
        if self.webhooks_are_coming(Instant::now()) {
            tokio::time::sleep_until((last_read + READ_EVERY).into()).await;
        }
    }

    fn is_loaded(&self) -> bool {
        let loaded_at = *self.loaded_at.lock();
        self.under_way.load(Ordering::Relaxed) >= HIGH_LOAD || loaded_at.is_some_and(|at| at.elapsed() < OVER_AFTER)
    }

    /// Returns at once in ordinary traffic; under load, when that is over or when it is this caller's turn.
    pub(super) async fn yield_to_webhooks(&self) {
        if !self.is_loaded() {
            return;
        }
        let _turn = self.turn.lock().await;
        let since = Instant::now();
        while self.is_loaded() && since.elapsed() < TURN_EVERY {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_task_waits_for_ordinary_traffic_or_for_ever() {
        let backpressure = Backpressure::default();
        backpressure.committed(HIGH_LOAD - 1);
        assert!(!backpressure.is_loaded());
        backpressure.committing(HIGH_LOAD);
        assert!(backpressure.is_loaded(), "while it is written, too");
        backpressure.committed(HIGH_LOAD);
        backpressure.yield_to_webhooks().await;
        assert!(!backpressure.is_loaded(), "the load is over before the turn comes");
    }

    #[tokio::test]
    async fn what_follows_the_log_rests_only_while_webhooks_come_one_after_the_other() {
        let backpressure = Backpressure::default();
        let began = Instant::now();
        backpressure.rest_between_reads(began).await;
        backpressure.committed(1);
        assert!(!backpressure.webhooks_are_coming(Instant::now()), "one alone is idle traffic");
        backpressure.committed(1);
        let now = Instant::now();
        assert!(backpressure.webhooks_are_coming(now));
        assert!(!backpressure.webhooks_are_coming(now + ONE_AFTER_THE_OTHER));
        backpressure.rest_between_reads(now).await;
        assert!(now.elapsed() >= READ_EVERY);
    }

    #[tokio::test]
    async fn under_a_load_that_lasts_every_task_has_its_turn() {
        let backpressure = Backpressure::default();
        backpressure.committing(HIGH_LOAD);
        let (first, second) = tokio::join!(backpressure.yield_to_webhooks(), backpressure.yield_to_webhooks());
        assert_eq!((first, second), ((), ()));
    }
}
