//! The one place where the service asks what time it is, so that everything inside can be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::sync::Notify;

/// The wall clock in microseconds (the precision that is stored), with a distance that tests may add to it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_us: Arc<AtomicI64>,
    moved: Arc<Notify>,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the edge at which time comes in")]
    pub fn now(&self) -> DateTime<Utc> {
        let ahead = TimeDelta::microseconds(self.ahead_us.load(Ordering::SeqCst));
        Utc::now().trunc_subsecs(6) + ahead
    }

    /// Moves this clock forward and wakes everything that waits on it, so that a test need not wait for days.
    pub fn advance(&self, by: TimeDelta) {
        let by_us = by.num_microseconds().unwrap_or(i64::MAX / 2);
        self.ahead_us.fetch_add(by_us, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Returns once `deadline` has passed on this clock.
    pub async fn sleep_until(&self, deadline: DateTime<Utc>) {
        loop {
            let moved = self.moved.notified();
            let Ok(left) = (deadline - self.now()).to_std() else {
                return;
            };
            if left.is_zero() {
                return;
            }
            // A long sleep is cut so that a wall clock that was set back or forward is noticed.
            tokio::select! {
                () = tokio::time::sleep(left.min(Duration::from_mins(1))) => {}
                () = moved => {}
            }
        }
    }
}
