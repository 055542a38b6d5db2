//! What comes of an event that could not be handled: it is tried again, or parked.
//!
//! The reason of a parked event is in words of our own: an error may quote what was stored.

use std::time::{Duration, Instant};

use chrono::TimeDelta;

use super::failure::Failure;
use super::process_manager::ProcessManager;
use super::runner::{Interrupted, Runner};
use crate::app::log_and_views::LogAndViews;
use event_log::parked::{MAX_PARKED, ParkedEvent};
use event_log::{EventLog, Followed, Position};

/// Tries after which an event is parked, where each failed for a reason that is about this event.
const MAX_TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Waits between tries that failed for another reason.
const FIRST_WAIT_FOR_STORES: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long log and views may take to say that they work.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// When a parked event is tried again by itself: after its first failure as a parked event, after the next, and so on.
const RETRY_IN: [TimeDelta; 4] =
    [TimeDelta::minutes(1), TimeDelta::minutes(10), TimeDelta::hours(1), TimeDelta::hours(6)];
/// What is due is tried again after so long, where it did not work.
const DUE_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// Parked events that are tried before events that come are read again.
const RETRIES_AT_ONCE: i64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    TryAgain,
    /// It was parked, and the process manager goes on.
    Parked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    Done,
    /// A store is away or a view is behind, for other events too.
    NothingWorks,
}

/// The tries of the event that is to be handled next.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    position: Position,
    /// Those that failed for a reason that is about the event.
    failed: u32,
    /// Those that failed because something was away.
    waited: u32,
    next_at: Option<Instant>,
}

impl Attempts {
    pub(super) fn is_time(&self) -> bool {
        self.next_at.is_none_or(|at| at <= Instant::now())
    }

    pub(super) fn next_at(&self) -> Instant {
        self.next_at.unwrap_or_else(Instant::now)
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    fn of(&mut self, position: Position) -> &mut Self {
        if self.position != position {
            *self = Self { position, ..Self::default() };
        }
        self
    }

    /// A store is away, a view is behind, or nothing more may be parked.
    fn wait_for_stores(&mut self) {
        self.next_at = Some(Instant::now() + grown(FIRST_WAIT_FOR_STORES, self.waited));
        self.waited = self.waited.saturating_add(1);
    }

    /// It is not tried again before it is parked.
    fn give_up(&mut self) {
        self.failed = MAX_TRIES;
    }

    /// True once the event has failed often enough.
    fn count(&mut self) -> bool {
        self.next_at = Some(Instant::now() + grown(FIRST_WAIT, self.failed));
        self.failed = self.failed.saturating_add(1);
        self.failed >= MAX_TRIES
    }
}

/// Twice as long each time, up to a bound.
fn grown(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(LONGEST_WAIT)
}

fn retry_in(tries: i64) -> TimeDelta {
    let as_parked = usize::try_from(tries - i64::from(MAX_TRIES)).unwrap_or(0);
    RETRY_IN[as_parked.min(RETRY_IN.len() - 1)]
}

impl<M: ProcessManager> Runner<M> {
    /// Decides what comes of an event that could not be handled.
    pub(super) async fn judge(&mut self, event: &Followed, failure: Failure) -> Result<Verdict, Interrupted> {
        self.failed(&failure);
        let attempts = self.attempts.of(event.cursor.position);
        let reason = match failure {
            Failure::OfServer(reason) => {
                attempts.give_up();
                reason
            }
            Failure::OfEvent(reason) if stores_answer(&self.data).await => {
                if !attempts.count() {
                    return Ok(Verdict::TryAgain);
                }
                reason
            }
            Failure::OfEvent(_) | Failure::Unavailable(_) | Failure::ViewBehind => {
                attempts.wait_for_stores();
                return Ok(Verdict::TryAgain);
            }
        };
        let tries = i64::from(attempts.failed);
        if !self.data.log.park(M::NAME, event, &reason, tries, retry_in(tries)).await? {
            attempts.wait_for_stores();
            tracing::error!(
                process = M::NAME,
                parked = MAX_PARKED,
                "as many events are parked as may be: the process manager stands still until one of them can be handled"
            );
            return Ok(Verdict::TryAgain);
        }
        tracing::error!(process = M::NAME, position = event.cursor.position.0, reason, "an event was parked");
        self.processes.count_parked(&self.data.log).await?;
        Ok(Verdict::Parked)
    }

    /// Tries parked events again whose time has come. True where there may be more of them.
    pub(super) async fn retry_parked(&mut self) -> Result<bool, Interrupted> {
        let log = self.data.log.clone();
        let due = log.parked_due(M::NAME, log.clock().now(), RETRIES_AT_ONCE).await?;
        let are_more = i64::try_from(due.len()).is_ok_and(|tried| tried >= RETRIES_AT_ONCE);
        for parked in &due {
            if self.retry(&log, parked).await? == Retry::NothingWorks {
                break;
            }
        }
        if !due.is_empty() {
            self.processes.count_parked(&log).await?;
        }
        Ok(are_more)
    }

    async fn retry(&mut self, log: &EventLog, parked: &ParkedEvent) -> Result<Retry, Interrupted> {
        let position = parked.position;
        let Some(event) = log.followed_at(position).await? else {
            tracing::warn!(process = M::NAME, position = position.0, "a parked event is not in the event log any more");
            log.unpark(M::NAME, position).await?;
            return Ok(Retry::Done);
        };
        let failure = match self.attempt_alone(&event).await {
            Ok(()) => {
                tracing::info!(process = M::NAME, position = position.0, "a parked event was handled");
                log.unpark(M::NAME, position).await?;
                return Ok(Retry::Done);
            }
            Err(failure) => failure,
        };
        let reason = match failure {
            Failure::OfServer(reason) => Some(reason),
            Failure::OfEvent(reason) if stores_answer(&self.data).await => Some(reason),
            Failure::OfEvent(_) | Failure::Unavailable(_) | Failure::ViewBehind => None,
        };
        if let Some(reason) = reason {
            let tries = parked.tries + 1;
            log.still_parked(&ParkedEvent { reason, tries, ..parked.clone() }, retry_in(tries)).await?;
            return Ok(Retry::Done);
        }
        // It says nothing of the event.
        log.still_parked(parked, RETRY_IN[0]).await?;
        Ok(Retry::NothingWorks)
    }

    /// Returns when it may be tried again, if it did not work.
    pub(super) async fn do_what_is_due(&mut self) -> Instant {
        match self.manager.do_what_is_due().await {
            Ok(()) => Instant::now(),
            Err(failure) => {
                // After a start the views may have a while to catch up, which is nothing to be warned of.
                if failure == Failure::ViewBehind {
                    tracing::debug!(process = M::NAME, %failure, "what is due is tried again soon");
                } else {
                    tracing::warn!(process = M::NAME, %failure, "what is due cannot be done yet");
                }
                Instant::now() + DUE_AGAIN_AFTER
            }
        }
    }

    /// Handles an event with what follows from it, outside its batch.
    async fn attempt_alone(&mut self, event: &Followed) -> Result<(), Failure> {
        attempt(&mut self.manager, event).await?;
        self.manager.after_batch().await.map_err(|unfinished| {
            if unfinished.position == event.cursor.position {
                self.manager.forget(unfinished.position);
            }
            unfinished.failure
        })
    }
}

/// Lets a process manager handle an event, if that can be read.
pub(super) async fn attempt<M: ProcessManager>(manager: &mut M, event: &Followed) -> Result<(), Failure> {
    match &event.event {
        Ok(event) => manager.handle(event).await,
        Err(error) => Err(error.into()),
    }
}

/// Whether log and views work: then a failure is about the event.
async fn stores_answer(data: &LogAndViews) -> bool {
    let answers =
        async { tokio::join!(data.log.ping(), data.views.fetch_one::<(i64,)>("SELECT CAST(1 AS bigint)".into())) };
    matches!(tokio::time::timeout(ANSWER_TIMEOUT, answers).await, Ok((Ok(()), Ok(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_given_up_after_five_tries_of_its_own_and_never_for_a_store_that_is_away() {
        let mut attempts = Attempts::default();
        for _ in 0..100 {
            attempts.of(Position(7)).wait_for_stores();
        }
        assert!(attempts.next_at() <= Instant::now() + LONGEST_WAIT);
        let failed: Vec<bool> = (0..5).map(|_| attempts.of(Position(7)).count()).collect();
        assert_eq!(failed, [false, false, false, false, true]);
        assert!(!attempts.of(Position(8)).count(), "each event has its own tries");
        attempts.succeeded();
        assert!(attempts.is_time());
    }

    #[test]
    fn a_parked_event_is_tried_again_ever_more_rarely() {
        let minutes: Vec<i64> = (5..=10).map(|tries| retry_in(tries).num_minutes()).collect();
        assert_eq!(minutes, [1, 10, 60, 360, 360, 360]);
    }
}
