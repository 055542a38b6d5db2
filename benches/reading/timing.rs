//! How long the same thing takes, done many times.

use std::time::{Duration, Instant};

use serde::Serialize;

/// What was measured of something done many times.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Timing {
    pub(crate) times: usize,
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Collects durations until there are enough of them, or until they took too long together.
pub(crate) struct Stopwatch {
    durations: Vec<Duration>,
    wanted: usize,
    timeout: Duration,
}

impl Stopwatch {
    pub(crate) fn new(wanted: u64, timeout: Duration) -> Self {
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        Self { durations: vec![], wanted, timeout }
    }

    /// Whether there is more to measure. Something is measured three times, however long it takes.
    pub(crate) fn wants_more(&self) -> bool {
        let measured = self.durations.len();
        measured < self.wanted && (measured < 3 || self.durations.iter().sum::<Duration>() < self.timeout)
    }

    pub(crate) async fn time<T>(&mut self, what: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let outcome = what.await;
        self.durations.push(started.elapsed());
        outcome
    }

    pub(crate) fn timing(mut self) -> Timing {
        self.durations.sort_unstable();
        let at = |percent: usize| {
            let index = (self.durations.len() * percent).div_ceil(100).saturating_sub(1);
            self.durations.get(index).map_or(f64::NAN, |duration| duration.as_secs_f64() * 1e3)
        };
        Timing { times: self.durations.len(), median_ms: at(50), p99_ms: at(99) }
    }
}
