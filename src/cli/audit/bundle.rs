//! `cloud-bridge audit verify-bundle`.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use ed25519_dalek::VerifyingKey;
use serde_json::json;

use super::super::output::{self, clean};
use super::{bar, counted, public_key};
use crate::audit::bundle::{Bundle, verify_bundle};

/// Check a bundle, offline: no log and no server is asked
///
/// Recomputes the chains of hashes, the roots of checkpoints, the proofs and the signatures, and says what they prove and
/// what not. Ends with an error if anything does not fit.
#[derive(Args, Debug)]
pub(in crate::cli) struct VerifyBundle {
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Believe only checkpoints that were signed with this key, which you have from elsewhere (`cloud-bridge audit key`)
    #[arg(long, env = "CLOUD_BRIDGE_PUBLIC_KEY", value_name = "HEX", value_parser = public_key)]
    public_key: Option<VerifyingKey>,
}

impl VerifyBundle {
    pub(super) fn run(self, json: bool) -> anyhow::Result<()> {
        let path = self.file.display();
        let file = File::open(&self.file).with_context(|| format!("{path} cannot be opened"))?;
        let bar = bar()?;
        let checked = verify_bundle(BufReader::new(file), self.public_key, |events| bar.set_position(events));
        bar.finish_and_clear();
        let bundle = match checked {
            Ok(bundle) => bundle,
            Err(problem) => {
                let reason = clean(&problem.to_string());
                if json {
                    output::print_json(&json!({ "valid": false, "problem": reason }))?;
                }
                bail!("{path} proves nothing: {reason}");
            }
        };
        if json {
            output::print_json(&self.as_json(&bundle))?;
        } else {
            output::print(self.as_text(&bundle))?;
        }
        Ok(())
    }

    fn as_json(&self, bundle: &Bundle) -> serde_json::Value {
        json!({
            "valid": true,
            "log": bundle.log,
            "from": bundle.from.to_string(),
            "to": bundle.to.to_string(),
            "streams": bundle.streams.as_ref().map(|streams| streams.iter().map(ToString::to_string).collect::<Vec<_>>()),
            "events": bundle.events,
            "streamCount": bundle.stream_count,
            "cutStreams": bundle.cut_streams,
            "checkpoints": bundle.checkpoints,
            "proven": bundle.proven,
            "keys": bundle.keys,
            "keyExpected": self.public_key.is_some(),
        })
    }

    fn as_text(&self, bundle: &Bundle) -> String {
        let Bundle { from, to, events, proven, .. } = bundle;
        let (events, streams) = (counted(*events, "event"), counted(bundle.stream_count as u64, "stream"));
        let mut lines = match &bundle.streams {
            None => vec![format!("All events at the positions {from} to {to}: {events} in {streams}.")],
            Some(_) => vec![format!("Of the positions {from} to {to}, {events} of {streams}.")],
        };
        lines.push("Proven:".to_owned());
        lines.push(
            "- each event is as it was when its hash was made, and follows the one before it in its stream".to_owned(),
        );
        if *proven > 0 {
            let checkpoints = counted(bundle.checkpoints as u64, "checkpoint");
            lines.push(format!("- {proven} of them, at these positions, are what {checkpoints} signed"));
        }
        lines.push("Not proven:".to_owned());
        if *proven < bundle.events {
            let rest = bundle.events - proven;
            lines.push(format!("- that {} not made up: no checkpoint of the bundle covers them", were(rest)));
        }
        if bundle.cut_streams > 0 {
            lines.push(format!("- what came before in {}, which began earlier", counted(bundle.cut_streams, "stream")));
        }
        if bundle.streams.is_some() {
            lines.push(format!("- that these streams have no later events up to position {to}"));
        }
        lines.push(format!("- what was recorded after position {to}"));
        if self.public_key.is_none() && bundle.checkpoints > 0 {
            lines.push(
                "- whose key signed: it came with the bundle. Compare it with what `cloud-bridge audit key` shows"
                    .to_owned(),
            );
            lines.push("  at its owner's, or give that one with --public-key:".to_owned());
            lines.extend(bundle.keys.iter().map(|key| format!("  {key}")));
        }
        lines.join("\n")
    }
}

fn were(events: u64) -> String {
    format!("{} {}", counted(events, "event"), if events == 1 { "was" } else { "were" })
}
