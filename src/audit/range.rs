//! The tree over a range of the log.

use std::collections::HashSet;

use anyhow::bail;
use projections::database::Sql;

use super::merkle::{Tree, leaf};
use crate::event_log::EventLog;

/// Events that are read at a time.
const BATCH: i64 = 5_000;

/// The tree over the events at these positions, with proofs for those that are named. A log with a gap has none.
pub(super) async fn tree(log: &EventLog, first: i64, last: i64, proven: &HashSet<i64>) -> anyhow::Result<Tree> {
    let (mut tree, mut next) = (Tree::default(), first);
    while next <= last {
        // Whoever waits for an answer comes first.
        log.yield_to_webhooks().await;
        let end = last.min(next + BATCH - 1);
        let columns = "SELECT position, aggregate_type, aggregate_id, sequence, hash FROM events ";
        let sql = Sql::new(columns)
            .push("WHERE position BETWEEN ")
            .bind(next)
            .push(" AND ")
            .bind(end)
            .push(" ORDER BY position");
        let rows: Vec<(i64, String, String, i64, Vec<u8>)> = log.database().fetch_all(sql).await?;
        for (position, aggregate_type, aggregate_id, sequence, hash) in rows {
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
