//! Whether what follows the log goes on. A follower that fails, hangs or has died looks the same from outside: what it
//! began to do does not come to its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long a follower may try before it counts as standing still.
const STANDS_STILL_AFTER: Duration = Duration::from_secs(10);

/// Since when a follower has had something to do and not done it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Option<Instant>>>);

impl Progress {
    /// There may be something to do.
    pub fn begin(&self) {
        self.0.lock().get_or_insert_with(Instant::now);
    }

    /// A step was done, or there was none to do.
    pub fn done(&self) {
        self.0.lock().take();
    }

    pub fn stands_still(&self) -> bool {
        self.since().is_some_and(|since| since.elapsed() > STANDS_STILL_AFTER)
    }

    /// How long what was begun has taken so far.
    pub fn took(&self) -> Duration {
        self.since().map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn since(&self) -> Option<Instant> {
        *self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_begun_again_counts_from_its_first_try() {
        let progress = Progress::default();
        assert!(!progress.stands_still());
        progress.begin();
        let since = progress.since();
        progress.begin();
        assert_eq!(progress.since(), since);
        progress.done();
        assert_eq!(progress.since(), None);
        *progress.0.lock() = Instant::now().checked_sub(STANDS_STILL_AFTER * 2);
        assert!(progress.stands_still());
    }
}
