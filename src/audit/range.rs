//! The tree over a range of the log.

use std::collections::HashSet;

use anyhow::bail;

use super::merkle::{Tree, leaf};
use event_log::{EventLog, HashedEvent};

/// Events that are read at a time.
const BATCH: i64 = 5_000;

/// The tree over the events at these positions, with proofs for those that are named. A log with a gap has none.
pub(super) async fn tree(log: &EventLog, first: i64, last: i64, proven: &HashSet<i64>) -> anyhow::Result<Tree> {
    let (mut tree, mut next) = (Tree::default(), first);
    while next <= last {
        // Webhooks come first.
        log.yield_to_webhooks().await;
        let end = last.min(next + BATCH - 1);
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
            next += 1;
        }
        if next <= end {
            bail!("the event at position {next} is missing: see `cloud-bridge audit verify`");
        }
    }
    Ok(tree)
}
