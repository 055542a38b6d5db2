//! The one place where the service asks what time it is, and the rest is handed it.
//!
//! The clock of a machine can be wrong and be set right, also back. What waits within a process waits by the time that has
//! really passed; what is stored is a moment of the clock, and is put right where it lies too far ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// How often it is looked at whether the clock was set, and by how much that is worth a word.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const NOTABLE: TimeDelta = TimeDelta::seconds(2);
/// So far forward that what is kept for days could be taken for older than it is.
const FAR: TimeDelta = TimeDelta::minutes(1);

/// The wall clock in microseconds (the precision that is stored), with a distance that tests may add to it.
#[derive(Clone, Debug)]
pub struct Clock {
    began: Instant,
    /// Time that tests had pass, and what they set the clock by besides.
    skipped_us: Arc<AtomicI64>,
    set_us: Arc<AtomicI64>,
    moved: Arc<Notify>,
    hands: Arc<Mutex<Hands>>,
}

/// Where the clock stood when it was last read, and when it was last found set far forward.
#[derive(Debug)]
struct Hands {
    passed: TimeDelta,
    shown: DateTime<Utc>,
    set_far_forward: Option<TimeDelta>,
}

impl Hands {
    /// What the clock was set by since it was read last.
    fn read(&mut self, passed: TimeDelta, shown: DateTime<Utc>) -> TimeDelta {
        let set_by = (shown - self.shown) - (passed - self.passed);
        if set_by >= FAR {
            self.set_far_forward = Some(passed);
        }
        (self.passed, self.shown) = (passed, shown);
        set_by
    }
}

impl Default for Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the edge at which time comes in")]
    fn default() -> Self {
        let hands = Hands { passed: TimeDelta::zero(), shown: Utc::now().trunc_subsecs(6), set_far_forward: None };
        Self {
            began: Instant::now(),
            skipped_us: Arc::default(),
            set_us: Arc::default(),
            moved: Arc::default(),
            hands: Arc::new(Mutex::new(hands)),
        }
    }
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the edge at which time comes in")]
    pub fn now(&self) -> DateTime<Utc> {
        let ahead = self.skipped_us.load(Ordering::SeqCst) + self.set_us.load(Ordering::SeqCst);
        Utc::now().trunc_subsecs(6) + TimeDelta::microseconds(ahead)
    }

    /// How much time has passed since this clock was made, whatever it was set to.
    fn passed(&self) -> TimeDelta {
        let skipped = TimeDelta::microseconds(self.skipped_us.load(Ordering::SeqCst));
        TimeDelta::from_std(self.began.elapsed()).unwrap_or(TimeDelta::MAX) + skipped
    }

    /// Has time pass, and wakes everything that waits on it, so that a test need not wait for days.
    pub fn advance(&self, by: TimeDelta) {
        // Held, so that no reader sees one hand moved and not the other.
        let _still = self.hands();
        self.skipped_us.fetch_add(by.num_microseconds().unwrap_or(i64::MAX / 4), Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Sets it forward or back while no time passes, as somebody does with the clock of a machine.
    pub fn set(&self, by: TimeDelta) {
        self.set_us.fetch_add(by.num_microseconds().unwrap_or(i64::MAX / 4), Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Whether it was not found set far forward for so long. What is done for good because of its age waits for that: most
    /// clocks that are wrong are set right within the hour.
    pub fn is_steady_for(&self, time: TimeDelta) -> bool {
        let mut hands = self.hands();
        hands.read(self.passed(), self.now());
        hands.set_far_forward.is_none_or(|at| hands.passed - at >= time)
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock()
    }

    /// Returns once `deadline` has passed on this clock, or as much time as there is to it now: a clock that is set back
    /// makes no wait longer.
    pub async fn sleep_until(&self, deadline: DateTime<Utc>) {
        let began = self.passed();
        let Ok(longest) = (deadline - self.now()).to_std() else { return };
        loop {
            let moved = self.moved.notified();
            let left_on_clock = (deadline - self.now()).to_std().unwrap_or_default();
            let passed = (self.passed() - began).to_std().unwrap_or_default();
            let left = left_on_clock.min(longest.saturating_sub(passed));
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

    /// Says when the clock of the machine is set (`forward` or `back`), and wakes what waits on it. Runs until it is dropped.
    pub async fn follow(&self, on_set: impl Fn(&'static str)) {
        let mut seen = Hands { passed: self.passed(), shown: self.now(), set_far_forward: None };
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let set_by = {
                let _still = self.hands();
                seen.read(self.passed(), self.now())
            };
            if set_by.abs() >= NOTABLE {
                let direction = if set_by > TimeDelta::zero() { "forward" } else { "back" };
                tracing::warn!(direction, seconds = set_by.abs().num_seconds(), "the clock of this machine was set");
                on_set(direction);
                self.moved.notify_waiters();
            }
        }
    }
}
