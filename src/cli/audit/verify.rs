//! `cloud-bridge audit verify`.

use std::time::Instant;

use anyhow::bail;
use clap::Args;
use ed25519_dalek::VerifyingKey;
use serde_json::json;

use super::super::databases::DatabaseArgs;
use super::super::output::{self, clean};
use super::{bar, counted, public_key};
use crate::audit::verify::{Verified, verify};

/// Recompute every hash of the log, and name the first row that is not what was written
///
/// Reads the log itself, beside a server that may be running, as it is when the command begins. Checks that no position
/// and no event of a stream is missing, the chain of hashes of every stream, the signature and the root of every
/// checkpoint, and that snapshots fit. Ends with an error if anything is not as it was written.
#[derive(Args, Debug)]
pub(in crate::cli) struct Verify {
    /// Believe only checkpoints that were signed with this key (64 hexadecimal digits, from `audit key`)
    #[arg(long, env = "CLOUD_BRIDGE_PUBLIC_KEY", value_name = "HEX", value_parser = public_key)]
    public_key: Option<VerifyingKey>,
    #[command(flatten)]
    databases: DatabaseArgs,
}

impl Verify {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.databases.open_log().await?;
        let (begun, bar) = (Instant::now(), bar()?);
        let verified = verify(&log, self.public_key, |events, all| {
            bar.set_length(all);
            bar.set_position(events);
        })
        .await;
        bar.finish_and_clear();
        log.close().await;
        let verified = verified?;
        let seconds = begun.elapsed().as_secs_f64();
        if json {
            output::print_json(&as_json(&verified, seconds))?;
        } else {
            output::say(&as_text(&verified, seconds))?;
        }
        match &verified.broken {
            Some(broken) => bail!("the log is not what was written: {}", clean(&broken.to_string())),
            None => Ok(()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown in whole events")]
fn rate(verified: &Verified, seconds: f64) -> f64 {
    (verified.events as f64 / seconds.max(0.001)).round()
}

fn as_json(verified: &Verified, seconds: f64) -> serde_json::Value {
    let broken = verified.broken.as_ref().map(|broken| {
        json!({
            "aggregateType": broken.aggregate_type,
            "aggregateId": broken.aggregate_id,
            "sequence": broken.sequence,
            "position": broken.position.to_string(),
            "reason": broken.reason,
        })
    });
    let latest = verified.latest.as_ref().map(|range| {
        json!({ "number": range.number, "lastPosition": range.last.to_string(), "root": hex::encode(range.root) })
    });
    json!({
        "intact": verified.broken.is_none(),
        "firstBroken": broken,
        "events": verified.events,
        "streams": verified.streams,
        "checkpoints": verified.checkpoints,
        "latestCheckpoint": latest,
        "snapshots": verified.snapshots,
        "keys": verified.keys.iter().map(|key| hex::encode(key.public().as_bytes())).collect::<Vec<_>>(),
        "seconds": seconds,
        "eventsPerSecond": rate(verified, seconds),
    })
}

fn as_text(verified: &Verified, seconds: f64) -> String {
    let (events, streams) = (counted(verified.events, "event"), counted(verified.streams as u64, "stream"));
    let rate = rate(verified, seconds);
    if verified.broken.is_some() {
        return format!(
            "{events} in {streams} were as they were written, up to the first that is not ({seconds:.1} s)."
        );
    }
    let signed = match &verified.latest {
        Some(latest) => format!(
            "{}; the latest, number {}, covers the positions to {}, and its root is\n{}\nKeep that root elsewhere: it shows \
             later that no end of the log was cut off. What came after it is held by the chains alone.",
            counted(verified.checkpoints as u64, "signed checkpoint"),
            latest.number,
            latest.last,
            hex::encode(latest.root)
        ),
        None => "No checkpoint was signed yet: who can write the database could rewrite all of it.".to_owned(),
    };
    format!("{events} in {streams} are as they were written ({seconds:.1} s, {rate} events/s).\n{signed}")
}
