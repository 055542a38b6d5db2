//! How many events a second are verified, all of a log's hashes, places and roots.

use std::time::Instant;

use anyhow::ensure;
use cloud_bridge::audit::{signer, verify};
use event_log::{Actor, EventLog};
use serde::Serialize;

/// The best of so many shows what the machine can do when nothing else uses it.
const TIMES: usize = 3;

#[derive(Debug, Serialize)]
pub(crate) struct Audited {
    pub(crate) events: i64,
    pub(crate) signing_seconds: f64,
    pub(crate) verifying_seconds: Vec<f64>,
}

/// Signs one checkpoint over everything, and verifies the log some times.
pub(crate) async fn measure(log: &EventLog) -> anyhow::Result<Audited> {
    let started = Instant::now();
    signer::sign(log, &Actor::System).await?;
    let signing_seconds = started.elapsed().as_secs_f64();
    let mut verifying_seconds = vec![];
    for _ in 0..TIMES {
        let started = Instant::now();
        let verified = verify::verify(log, None, |_, _| {}).await?;
        ensure!(verified.broken.is_none() && verified.checkpoints == 1, "the log is not what was written");
        verifying_seconds.push(started.elapsed().as_secs_f64());
    }
    Ok(Audited { events: log.head().0, signing_seconds, verifying_seconds })
}
