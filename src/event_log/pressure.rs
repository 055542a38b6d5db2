//! How hard stores press on the log, and giving way to them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Appends that had to wait for each other's commit: fewer are ordinary traffic.
const A_CROWD: usize = 16;
/// A crowd counts as gone when none was seen for so long.
const GONE_AFTER: Duration = Duration::from_millis(20);
/// While a crowd lasts, one who gave way goes on so often, so that views and deliveries go on under any load.
const TURN_EVERY: Duration = Duration::from_millis(200);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// When the last crowd was seen. A store waits for its answer and may never come again; what follows from its webhook can
/// be done once the crowd is through.
#[derive(Default)]
pub(super) struct Pressure {
    crowded_at: Mutex<Option<Instant>>,
    /// Appends in the commit under way. A commit that takes long must not look like a crowd that is gone: whoever went on
    /// then would make it take longer.
    under_way: AtomicUsize,
    /// Those who give way go on one after the other: all at once would be felt by the crowd.
    turn: tokio::sync::Mutex<()>,
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

    /// Returns at once in ordinary traffic; in a crowd, when it is gone or when it is this caller's turn.
    pub(super) async fn give_way(&self) {
        if !self.is_crowded() {
            return;
        }
        let _turn = self.turn.lock().await;
        let since = Instant::now();
        while self.is_crowded() && since.elapsed() < TURN_EVERY {
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
        assert!(!pressure.is_crowded(), "the crowd is gone before the turn comes");
    }

    #[tokio::test]
    async fn in_a_crowd_that_lasts_everybody_has_a_turn_one_after_the_other() {
        let pressure = Pressure::default();
        pressure.committing(A_CROWD);
        let (first, second) = tokio::join!(pressure.give_way(), pressure.give_way());
        assert_eq!((first, second), ((), ()));
    }
}
