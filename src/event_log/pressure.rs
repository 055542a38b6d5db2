//! How hard stores press on the log, and giving way to them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Appends that had to wait for each other's commit: fewer are ordinary traffic.
const A_CROWD: usize = 16;
/// A crowd counts as gone when none was seen for so long.
const GONE_AFTER: Duration = Duration::from_millis(20);
/// Longest anybody gives way at a time, so that views and deliveries go on under any load.
const LONGEST: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// When the last crowd was seen. A store waits for its answer and may never come again; what follows from its webhook can
/// be done once the crowd is through.
#[derive(Default)]
pub(super) struct Pressure {
    crowded_at: Mutex<Option<Instant>>,
    /// Appends in the commit under way. A commit that takes long must not look like a crowd that is gone: whoever went on
    /// then would make it take longer.
    under_way: AtomicUsize,
}

impl Pressure {
    pub(super) fn committing(&self, appends: usize) {
        self.under_way.store(appends, Ordering::Relaxed);
    }

    pub(super) fn committed(&self, appends: usize) {
        self.under_way.store(0, Ordering::Relaxed);
        if appends >= A_CROWD {
            *self.crowded_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Instant::now());
        }
    }

    fn is_crowded(&self) -> bool {
        let crowded_at = *self.crowded_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.under_way.load(Ordering::Relaxed) >= A_CROWD || crowded_at.is_some_and(|at| at.elapsed() < GONE_AFTER)
    }

    pub(super) async fn give_way(&self) {
        let since = Instant::now();
        while self.is_crowded() && since.elapsed() < LONGEST {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_ordinary_traffic_and_nobody_waits_for_ever() {
        let pressure = Pressure::default();
        pressure.committed(A_CROWD - 1);
        assert!(!pressure.is_crowded());
        pressure.committing(A_CROWD);
        assert!(pressure.is_crowded(), "while it is written, too");
        pressure.committed(A_CROWD);
        pressure.give_way().await;
        assert!(!pressure.is_crowded(), "the crowd is gone before the longest wait is over");
    }
}
