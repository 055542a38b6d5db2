//! The tree over a range of the log.

use std::collections::HashSet;

use anyhow::bail;

use super::merkle::{Tree, leaf};
use event_log::{EventLog, HashedEvent, Position};

/// Events that are read at a time.
const BATCH: i64 = 5_000;

/// How many events lie at these positions, both included.
pub(super) fn events_between(first: Position, last: Position) -> u64 {
    u64::try_from(last.events_since(first.previous())).unwrap_or(0)
}

/// The tree over the events at these positions, with proofs for those that are named. A log with a gap has none.
pub(super) async fn tree(
    log: &EventLog,
    first: Position,
    last: Position,
    proven: &HashSet<Position>,
) -> anyhow::Result<Tree> {
    let (mut tree, mut next) = (Tree::default(), first);
    while next <= last {
        // Webhooks come first.
        log.yield_to_webhooks().await;
        let end = last.min(next.plus(BATCH - 1));
        for HashedEvent { position, aggregate_type, aggregate_id, sequence, hash } in log.hashes(next, end).await? {
            if position != next {
                break;
            }
            let leaf = leaf(position, &aggregate_type, &aggregate_id, sequence, &hash);
            if proven.contains(&position) {
                tree.push_proven(leaf);
            } else {
                tree.push(leaf);
            }
            next = next.next();
        }
        if next <= end {
            bail!("the event at position {next} is missing: see `cloud-bridge audit verify`");
        }
    }
    Ok(tree)
}
