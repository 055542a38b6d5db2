//! Keeping the leases of a node: one statement now and then renews all of them, and says which are lost.
//!
//! A lease in a row and not an advisory lock: a lock belongs to a connection, none of which is trusted to answer, and both
//! engines run the same code. Every save of a checkpoint names the holder, so one that lost its lease moves nothing.

use std::time::Duration;

use super::Processes;
use event_log::EventLog;
use event_log::followers::LEASE;
use event_log::recurring::Recurring;

/// When the log did not answer. Short beside a lease, which must not end because of one connection that was lost.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Runs until it is dropped.
pub(crate) async fn keep(log: &EventLog, processes: &Processes) {
    let failures = Recurring::new("the leases of process managers cannot be renewed");
    loop {
        log.clock().sleep_until(log.clock().now() + LEASE / 3).await;
        while let Err(error) = renew(log, processes).await {
            failures.failed(error);
            tokio::time::sleep(RETRY_AFTER).await;
        }
        failures.worked();
    }
}

async fn renew(log: &EventLog, processes: &Processes) -> sqlx::Result<()> {
    processes.count_parked(log).await?;
    // Before the statement: what is taken while it runs need not be among what it finds.
    let held: Vec<_> = processes.all().iter().filter(|status| *status.is_held.borrow()).collect();
    if held.is_empty() {
        return Ok(());
    }
    let kept = log.renew_followers(&processes.node).await?;
    for status in held {
        if !kept.iter().any(|name| name == status.name) {
            status.is_held.send_replace(false);
        }
    }
    Ok(())
}
