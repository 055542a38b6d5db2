//! `cloud-bridge audit export`.

use std::fs::OpenOptions;
use std::io::{BufWriter, ErrorKind};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::json;

use super::super::databases::DatabaseArgs;
use super::super::identifiers::whole_in;
use super::super::input::position;
use super::super::output;
use super::{bar, counted};
use crate::audit::bundle::{Request, StreamName, export};
use event_log::Position;

/// Write part of the log to a file that anybody can check without the log
///
/// The bundle holds the events as they are stored, sealed values sealed, with the checkpoints that cover them and the
/// public keys. With --stream, only the events of those streams, each with a proof that a checkpoint was signed over it.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(in crate::cli) struct Export {
    /// The first position [default: 1]
    #[arg(long, env = "CLOUD_BRIDGE_FROM", value_name = "POSITION", value_parser = position)]
    from: Option<Position>,
    /// The last position [default: the newest]
    #[arg(long, env = "CLOUD_BRIDGE_TO", value_name = "POSITION", value_parser = position)]
    to: Option<Position>,
    /// Only this stream, as TYPE/ID; may be given again
    #[arg(long = "stream", env = "CLOUD_BRIDGE_STREAM", value_name = "TYPE/ID", value_delimiter = ',')]
    streams: Vec<StreamName>,
    /// The file to write, which must not be there yet
    #[arg(long, short, env = "CLOUD_BRIDGE_OUTPUT", value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    databases: DatabaseArgs,
}

const EXAMPLES: &str = "\
Examples:
  cloud-bridge audit export --output log.bundle
  cloud-bridge audit export --from 1 --to 5000 --output first.bundle
  cloud-bridge audit export --stream delivery/ID --output order.bundle
  cloud-bridge audit verify-bundle order.bundle --public-key HEX";

impl Export {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.databases.open_log().await?;
        let exported = self.write(&log).await;
        log.close().await;
        let exported = exported?;
        let path = self.output.display();
        if json {
            output::print_json(&json!({
                "file": path.to_string(),
                "from": exported.from.to_string(),
                "to": exported.to.to_string(),
                "events": exported.events,
                "checkpoints": exported.checkpoints,
                "proven": exported.proven,
            }))?;
            return Ok(());
        }
        let (events, checkpoints) = (counted(exported.events, "event"), counted(exported.checkpoints, "checkpoint"));
        output::print(format_args!(
            "Wrote {events} and {checkpoints} to {path}; {} of the events are under a checkpoint of the bundle.",
            exported.proven
        ))?;
        if exported.proven < exported.events {
            let is_range = self.streams.is_empty() && (self.from.is_some() || self.to.is_some());
            output::print(if is_range {
                "A range is covered by those checkpoints whose own ranges lie in it whole: begin and end where they do (`cloud-bridge events \
                 list --type checkpoint_signed` shows them), leave --from and --to out, or name streams."
            } else {
                "To have the newest covered too, sign a checkpoint first: `cloud-bridge audit checkpoint`"
            })?;
        }
        Ok(())
    }

    async fn write(&self, log: &event_log::EventLog) -> anyhow::Result<crate::audit::bundle::Exported> {
        let mut streams = self.streams.clone();
        for stream in &mut streams {
            stream.aggregate_id = whole_in(log, &stream.aggregate_type, &stream.aggregate_id).await?;
        }
        let path = self.output.display();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.output).map_err(|error| {
            if error.kind() == ErrorKind::AlreadyExists {
                return anyhow!("{path} is there already: name another file, or remove it");
            }
            anyhow!(error).context(format!("{path} cannot be made"))
        })?;
        let request = Request { from: self.from, to: self.to, streams };
        let bar = bar()?;
        let exported = export(log, &request, BufWriter::new(&file), |events, all| {
            bar.set_length(all);
            bar.set_position(events);
        })
        .await;
        bar.finish_and_clear();
        let written = exported.and_then(|exported| {
            file.sync_all().with_context(|| format!("{path} cannot be written"))?;
            Ok(exported)
        });
        if written.is_err() {
            // Half a bundle is none; it is ours, for it was not there before.
            std::fs::remove_file(&self.output)
                .with_context(|| format!("{path} is half written and cannot be removed"))?;
        }
        written
    }
}
