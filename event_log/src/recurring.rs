//! Errors that come again and again: said once, then counted, and said again now and then and when they are over.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

/// How often an error that goes on is said again.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// What may fail many times in a row, by whatever task, and how it stands.
#[derive(Debug)]
pub struct Recurring {
    what: Cow<'static, str>,
    failing: Mutex<Option<Failing>>,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    since: Instant,
    said_at: Instant,
    last_at: Instant,
    times: u64,
    unsaid: u64,
}

impl Recurring {
    /// `what` is a sentence without its end: "a batch could not be appended".
    pub fn new(what: impl Into<Cow<'static, str>>) -> Self {
        Self { what: what.into(), failing: Mutex::default() }
    }

    fn failing(&self) -> MutexGuard<'_, Option<Failing>> {
        self.failing.lock()
    }

    pub fn failed(&self, error: impl Display) {
        let now = Instant::now();
        let mut known = self.failing();
        // After a pause it is another one.
        match known.as_mut().filter(|failing| now.duration_since(failing.last_at) < SAY_EVERY) {
            None => {
                tracing::error!(%error, "{}", self.what);
                *known = Some(Failing { since: now, said_at: now, last_at: now, times: 1, unsaid: 0 });
            }
            Some(failing) => {
                failing.last_at = now;
                failing.times += 1;
                failing.unsaid += 1;
                if now.duration_since(failing.said_at) >= SAY_EVERY {
                    tracing::error!(%error, times = failing.unsaid, "{}, again and again", self.what);
                    (failing.said_at, failing.unsaid) = (now, 0);
                }
            }
        }
    }

    pub fn worked(&self) {
        if let Some(Failing { since, times, .. }) = self.failing().take() {
            let seconds = since.elapsed().as_secs();
            tracing::warn!(times, seconds, "it works again: {}", self.what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_goes_on_is_counted_until_it_is_over() {
        let recurring = Recurring::new("it could not be written");
        recurring.worked();
        for times in 1..=3 {
            recurring.failed("the disk is full");
            assert_eq!(recurring.failing().map(|failing| (failing.times, failing.unsaid)), Some((times, times - 1)));
        }
        recurring.worked();
        assert!(recurring.failing().is_none());
    }
}
