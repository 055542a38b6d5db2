//! Loading the stream of an account that is new, and of one with a long history.

use std::time::Duration;

use anyhow::ensure;
use chrono::TimeDelta;
use domain::ledger::Ledger;
use event_log::{EventLog, SNAPSHOT_EVERY};
use serde::Serialize;

use super::charges::{self, Charged, EVENTS_BEFORE, EVENTS_PER_CHARGE};
use super::timing::{Stopwatch, Timing};

const TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Debug, Serialize)]
pub(crate) struct Loads {
    pub(crate) stream: String,
    pub(crate) events: i64,
    pub(crate) events_read: usize,
    #[serde(flatten)]
    pub(crate) timing: Timing,
}

/// Charges whose events, on top of an account's first, just do not fill the distance between two snapshots.
fn charges_between_snapshots() -> u64 {
    u64::try_from((SNAPSHOT_EVERY - 1 - EVENTS_BEFORE) / EVENTS_PER_CHARGE).unwrap_or_default()
}

pub(crate) async fn measure(log: &EventLog, charges: u64, loads: u64) -> anyhow::Result<Vec<Loads>> {
    let since = log.clock().now();
    charges::compare_ways(log, since).await?;
    let mut young = Charged::open(log, since).await?;
    let mut measured = vec![timed(log, "a new ledger", &young, loads).await?];
    young.charge(charges_between_snapshots()).await?;
    measured.push(timed(log, "just before its first snapshot", &young, loads).await?);

    // A snapshot costs something by itself, whatever lies before it.
    young.charge_up_to(100).await?;
    measured.push(timed(log, "100 charges, just after a snapshot", &young, loads).await?);

    let mut old = Charged::open(log, since).await?;
    // A round number, so that the stream ends as far behind a snapshot as a new ledger is behind its beginning.
    let charges = charges.next_multiple_of(100);
    old.charge_up_to(charges).await?;
    old.check_chain(10_000).await?;
    log.clock().advance(TimeDelta::seconds(15) * i32::try_from(charges)?);
    measured.push(timed(log, &format!("{charges} charges, just after a snapshot"), &old, loads).await?);
    old.charge(charges_between_snapshots()).await?;
    measured.push(timed(log, &format!("{charges} charges, just before the next"), &old, loads).await?);
    Ok(measured)
}

async fn timed(log: &EventLog, stream: &str, account: &Charged<'_>, loads: u64) -> anyhow::Result<Loads> {
    let known = log.load::<Ledger>(&account.id).await?;
    let mut stopwatch = Stopwatch::new(loads, TIMEOUT);
    while stopwatch.wants_more() {
        let loaded = stopwatch.time(log.load::<Ledger>(&account.id)).await?;
        ensure!(loaded.sequence == known.sequence, "the stream changed while it was measured");
    }
    Ok(Loads {
        stream: stream.to_owned(),
        events: known.sequence.0,
        events_read: known.events_read,
        timing: stopwatch.timing(),
    })
}
