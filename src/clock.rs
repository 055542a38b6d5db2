//! The one place where the service asks what time it is, so that everything inside can be told.
//!
//! The clock of a machine can be wrong and be set right, also back. What waits within a process waits by the time that has
//! really passed; what is stored is a moment of the clock, and is put right where it lies too far ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::sync::Notify;

use crate::metrics::Metrics;

/// How often it is looked at whether the clock was set, and by how much that is worth a word.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const NOTABLE: TimeDelta = TimeDelta::seconds(2);

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

    /// Sets this clock forward, or back, and wakes everything that waits on it, so that a test need not wait for days.
    pub fn advance(&self, by: TimeDelta) {
        let by_us = by.num_microseconds().unwrap_or(i64::MAX / 2);
        self.ahead_us.fetch_add(by_us, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Returns once `deadline` has passed on this clock, or as much time as there is to it now: a clock that is set back
    /// makes no wait longer.
    pub async fn sleep_until(&self, deadline: DateTime<Utc>) {
        let began = Instant::now();
        let Ok(longest) = (deadline - self.now()).to_std() else { return };
        loop {
            let moved = self.moved.notified();
            let left_on_clock = (deadline - self.now()).to_std().unwrap_or_default();
            let left = left_on_clock.min(longest.saturating_sub(began.elapsed()));
            if left.is_zero() {
                return;
            }
            // A long sleep is cut, so that a clock that was set forward is noticed.
            tokio::select! {
                () = tokio::time::sleep(left.min(Duration::from_mins(1))) => {}
                () = moved => {}
            }
        }
    }

    /// Says when the clock of the machine is set, and wakes what waits on it. Runs until it is dropped.
    pub(crate) async fn follow(&self, metrics: &Metrics) {
        let mut last = (Instant::now(), self.now());
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = (Instant::now(), self.now());
            let passed = TimeDelta::from_std(now.0 - last.0).unwrap_or_default();
            let set_by = (now.1 - last.1) - passed;
            if set_by.abs() >= NOTABLE {
                let direction = if set_by > TimeDelta::zero() { "forward" } else { "back" };
                tracing::warn!(direction, seconds = set_by.abs().num_seconds(), "the clock of this machine was set");
                metrics.clock_set(direction);
                self.moved.notify_waiters();
            }
            last = now;
        }
    }
}
