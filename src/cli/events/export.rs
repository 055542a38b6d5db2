//! `cloud-bridge events export`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::super::databases::DatabaseArgs;
use super::super::output;
use super::filter::Filter;
use super::line::object;
use event_log::EventLog;
use event_log::selection::Order;

/// Write all events that fit, the oldest first, one object of JSON a line
///
/// To standard output, or to a file that only its owner can read. Private fields are left out. For a copy that proves it
/// was not changed, see `audit export`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge events export --output events.jsonl
  cloud-bridge events export --account ID --since 2026-11-01 --until 2026-12-01 | jq -r .type | sort | uniq -c")]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    filter: Filter,
    /// The file to write, which must not be there yet [default: standard output]
    #[arg(long, short, env = "CLOUD_BRIDGE_OUTPUT", value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    databases: DatabaseArgs,
}

impl Export {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.databases.open_log().await?;
        let exported = match &self.output {
            Some(path) => self.to_file(&log, path, json).await,
            None => self.write(&log, BufWriter::new(io::stdout())).await.map(drop),
        };
        log.close().await;
        exported
    }

    async fn to_file(&self, log: &EventLog, path: &Path, json: bool) -> anyhow::Result<()> {
        // Refused before there is a file.
        self.filter.of(log).await?;
        let file = new_file(path)?;
        let shown = path.display();
        let written = self.write(log, BufWriter::new(&file)).await.and_then(|events| {
            file.sync_all().with_context(|| format!("{shown} cannot be written"))?;
            Ok(events)
        });
        let events = match written {
            Ok(events) => events,
            Err(error) => {
                // Half an export is none; it is ours, for it was not there before.
                std::fs::remove_file(path).with_context(|| format!("{shown} is half written and cannot be removed"))?;
                return Err(error);
            }
        };
        if json {
            return Ok(output::print_json(&json!({ "file": shown.to_string(), "events": events }))?);
        }
        Ok(output::print(format_args!("Wrote {events} event{} to {shown}.", if events == 1 { "" } else { "s" }))?)
    }

    /// Writes everything that fits and returns how many events that were.
    async fn write(&self, log: &EventLog, mut out: impl Write) -> anyhow::Result<u64> {
        let (selection, positions) = self.filter.of(log).await?;
        let mut choice = log.choose(selection, positions, Order::OldestFirst);
        let (all, mut events) = (choice.positions_left(), 0);
        let bar = bar(all)?;
        while let Some(chosen) = choice.next().await? {
            for event in &chosen {
                writeln!(out, "{}", output::json_line(&object(event))?)?;
            }
            events += chosen.len() as u64;
            bar.set_position(all - choice.positions_left().min(all));
            bar.set_message(format!("{events} written"));
        }
        out.flush()?;
        bar.finish_and_clear();
        Ok(events)
    }
}

fn new_file(path: &Path) -> anyhow::Result<File> {
    let shown = path.display();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            return anyhow!("{shown} is there already: name another file, or remove it");
        }
        anyhow!(error).context(format!("{shown} cannot be made"))
    })
}

/// Drawn on standard error, and only on a terminal.
fn bar(positions: u64) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} events read, {msg}, {eta} left")?;
    Ok(ProgressBar::new(positions).with_style(style))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_bar_can_be_drawn() {
        bar(10).unwrap().finish_and_clear();
    }
}
