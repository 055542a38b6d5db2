//! When to try again: the one schedule for failures, and a slow one for customers who have not followed back.

use chrono::{DateTime, TimeDelta, Utc};

use crate::schedule::LONGEST_JITTER;
pub use crate::schedule::{FAILURE_DELAYS, Jitter, next_failure};

/// Lies before each further try to fetch an order, once the delays of [`FAILURE_DELAYS`] are used up.
pub const LONG_FETCH: TimeDelta = TimeDelta::hours(6);
/// So many of those: seven days.
const LONG_FETCHES: usize = 28;

/// How often what no rule covers is tried again before it is given up.
pub const TRIES_OF_UNKNOWN: u32 = 5;

/// Delays after the first, second, … look for a customer who has not followed back; then every [`LONG_WAIT`].
pub const WAIT_DELAYS: [TimeDelta; 5] =
    [TimeDelta::minutes(1), TimeDelta::minutes(5), TimeDelta::minutes(30), TimeDelta::hours(2), TimeDelta::hours(6)];
pub const LONG_WAIT: TimeDelta = TimeDelta::hours(12);
/// How long a customer is waited for.
pub const WAITS_AT_MOST: TimeDelta = TimeDelta::days(30);

/// Clocks of several nodes may be so far apart.
pub(crate) const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(5);

const LONGEST_FAILURE: TimeDelta = TimeDelta::hours(6);

/// When to fetch an order again after `failures` failures in a row; `None` after seven days of them.
pub fn next_fetch(failures: u32, now: DateTime<Utc>, jitter: Jitter) -> Option<DateTime<Utc>> {
    let failures = failures as usize;
    let delay = FAILURE_DELAYS.get(failures).copied();
    let delay = delay.or_else(|| (failures < FAILURE_DELAYS.len() + LONG_FETCHES).then_some(LONG_FETCH))?;
    Some(now + jitter.after(delay))
}

/// The moment of a next try, put off to where the store asks for it; for six hours at most.
pub(crate) fn no_sooner_than_asked(
    next: DateTime<Utc>,
    retry_after: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let asked = retry_after.map(|after| now + after.clamp(TimeDelta::zero(), LONG_FETCH));
    asked.map_or(next, |asked| next.max(asked))
}

/// When to look again after `waits` earlier looks; `None` once the delays between them make up [`WAITS_AT_MOST`]. By the looks and
/// not by a clock: one that is ahead for a moment would give up everybody who is waited for.
pub fn next_wait(waits: u32, now: DateTime<Utc>, jitter: Jitter) -> Option<DateTime<Utc>> {
    let delay = |waits: u32| WAIT_DELAYS.get(waits as usize).copied().unwrap_or(LONG_WAIT);
    let waited: TimeDelta = (0..waits.min(1_000)).map(delay).sum();
    (waited < WAITS_AT_MOST).then(|| now + jitter.after(delay(waits)))
}

/// The longest that lies before a try after `failures` temporary failures in a row.
pub fn longest_failure(failures: u32) -> TimeDelta {
    let delay = FAILURE_DELAYS.get(failures.saturating_sub(1) as usize);
    LONGEST_JITTER.after(delay.copied().unwrap_or(LONGEST_FAILURE))
}

/// The longest that lies before fetching an order after `failures` failures in a row.
pub fn longest_fetch(failures: u32) -> TimeDelta {
    let delay = FAILURE_DELAYS.get(failures.saturating_sub(1) as usize);
    LONGEST_JITTER.after(delay.copied().unwrap_or(LONG_FETCH))
}

/// The longest that lies before a look after `waits` looks.
pub fn longest_wait(waits: u32) -> TimeDelta {
    LONGEST_JITTER.after(WAIT_DELAYS.get(waits.saturating_sub(1) as usize).copied().unwrap_or(LONG_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-14T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_store_that_is_down_is_called_for_seven_days() {
        let (mut now, mut failures) = (noon(), 0);
        while let Some(at) = next_fetch(failures, now, Jitter::NONE) {
            assert_eq!(longest_fetch(failures + 1), LONGEST_JITTER.after(at - now));
            (now, failures) = (at, failures + 1);
        }
        let days = (now - noon()).num_days();
        assert_eq!((days, failures), (7, 35));
    }

    #[test]
    fn a_customer_is_waited_for_ever_more_slowly_and_for_thirty_days() {
        let (mut now, mut waits) = (noon(), 0);
        let mut delays = vec![];
        while let Some(at) = next_wait(waits, now, Jitter::NONE) {
            delays.push((at - now).num_minutes());
            (now, waits) = (at, waits + 1);
        }
        assert_eq!(delays[..7], [1, 5, 30, 120, 360, 720, 720]);
        assert!(now - noon() >= WAITS_AT_MOST && now - noon() < WAITS_AT_MOST + LONG_WAIT);
    }

    #[test]
    fn jitter_only_ever_makes_things_later_and_by_a_tenth_at_most() {
        for random in [0, 1, 500, 1_000, u16::MAX] {
            let jitter = Jitter::from_random(random);
            for delay in FAILURE_DELAYS.into_iter().chain(WAIT_DELAYS).chain([LONG_WAIT]) {
                assert!((delay..=delay * 11 / 10).contains(&jitter.after(delay)));
            }
        }
    }
}
