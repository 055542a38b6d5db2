//! Trying parked events again because a person requested it.

use std::time::{Duration, Instant};

use super::Processes;
use event_log::EventLog;
use event_log::parked::Chosen;

/// How long it waits for the result, and how often it polls.
const TIMEOUT: Duration = Duration::from_secs(5);
const POLL_EVERY: Duration = Duration::from_millis(50);

/// What came of trying parked events again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Those that match.
    pub matched: u64,
    /// Those that were handled.
    pub handled: u64,
    /// Those that have yet to be tried, by the node that runs their process manager.
    pub waiting: u64,
}

/// Has parked events tried again by the nodes that run their process managers, and waits a while for what comes of it.
pub(crate) async fn retry(log: &EventLog, processes: &Processes, chosen: Chosen<'_>) -> sqlx::Result<Retried> {
    let matched = log.retry_parked(chosen).await?;
    // Where this node runs them, it looks at once.
    processes.count_parked(log).await?;
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let (parked, waiting) = log.parked_and_waiting(chosen).await?;
        if waiting == 0 || Instant::now() >= deadline {
            let count = |number: i64| u64::try_from(number).unwrap_or(0);
            return Ok(Retried { matched, handled: matched.saturating_sub(count(parked)), waiting: count(waiting) });
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
