//! Whether somebody waits for what views do not show yet.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long it counts that somebody waited.
const LASTS_FOR: Duration = Duration::from_secs(1);

/// Views yield to webhooks, and so would what is sent to endpoints, however few webhooks it is about. While something is sent,
/// they do not: both share the cores, and the operating system gives webhooks the larger part.
#[derive(Default)]
pub(super) struct Hurry(Mutex<Option<Instant>>);

impl Hurry {
    pub(super) fn begin(&self, now: Instant) {
        *self.0.lock() = Some(now);
    }

    pub(super) fn lasts(&self, now: Instant) -> bool {
        self.0.lock().is_some_and(|began| now.saturating_duration_since(began) < LASTS_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hurry_lasts_a_second_after_it_was_asked_for_last() {
        let (hurry, now) = (Hurry::default(), Instant::now());
        assert!(!hurry.lasts(now));
        hurry.begin(now);
        let later = now + Duration::from_millis(999);
        assert!(hurry.lasts(later));
        hurry.begin(later);
        assert!(hurry.lasts(now + LASTS_FOR));
        assert!(!hurry.lasts(later + LASTS_FOR));
    }
}
