//! `cloud-bridge projections rebuild`: calls the server, and shows how far it is.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use indicatif::{ProgressBar, ProgressStyle};
use projections::View;
use serde::Deserialize;
use serde_json::json;

use super::{CANCEL, cancelled};
use crate::cli::client::{Client, ServerArgs, understood};
use crate::cli::output;
use crate::cli::shutdown::signals;

/// How often a rebuild is polled.
const POLL_EVERY: Duration = Duration::from_millis(200);
/// How long a rebuild may go on without an answer from the server.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Rebuild a view from the event log, beside the one that is read, and put it in its place once it has caught up
///
/// The running server does it; this command asks for it and shows how far it is. Ctrl-C cancels the rebuild and leaves the old
/// view in place. If the view is being rebuilt already, this command joins in.
#[derive(Args, Debug)]
pub(in crate::cli) struct Rebuild {
    /// The view
    #[arg(value_parser = PossibleValuesParser::new(View::ALL.map(|view| view.name)))]
    name: String,
    /// Only begin it; `projections status` shows how far it is, `projections cancel` ends it
    #[arg(long, env = "CLOUD_BRIDGE_DETACH", value_parser = FalseyValueParser::new())]
    detach: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const REBUILD: &str = "mutation($input: RebuildProjectionInput!) {
  rebuildProjection(input: $input) {
    projection { name position head generation rebuild { generation position } } userErrors { code message field } } }";

const STATUS: &str = "{ projections { name position head generation rebuild { generation position } } }";

#[derive(Deserialize)]
struct Projection {
    name: String,
    position: String,
    head: String,
    generation: i64,
    rebuild: Option<Building>,
}

#[derive(Deserialize)]
struct Building {
    generation: i64,
    position: String,
}

/// How a rebuild ended.
enum Ended {
    Switched(Projection),
    /// By another command.
    Cancelled,
}

/// Counts the events of the log, which the server returns as text.
fn count(position: &str) -> anyhow::Result<u64> {
    position.parse().context("the server's answer is not understood: is it of another version?")
}

impl Rebuild {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let mut stop = signals()?;
        let begun = Instant::now();
        let input = json!({ "input": { "name": self.name } });
        let payload = client.change(REBUILD, input.clone(), "rebuildProjection").await?;
        let asked = understood::<Projection>(&payload["projection"])?;
        let building = asked.rebuild.as_ref().context("the server did not begin: is it of another version?")?;
        if self.detach {
            return self.detached(json, building);
        }
        let bar = bar(count(&asked.head)?)?;
        bar.set_position(count(&building.position)?);
        bar.reset_eta();
        let ended = tokio::select! {
            ended = self.watch(&client, building.generation, &bar) => ended,
            _ = stop.recv() => {
                bar.finish_and_clear();
                client.change(CANCEL, input, "cancelProjectionRebuild").await?;
                Ok(Ended::Cancelled)
            }
        };
        bar.finish_and_clear();
        match ended? {
            Ended::Switched(projection) => Self::switched(json, &projection, begun.elapsed()),
            Ended::Cancelled => bail!("{}", cancelled(&self.name)),
        }
    }

    /// Returns once the view's new generation is the one that is read, or will never be.
    async fn watch(&self, client: &Client, generation: i64, bar: &ProgressBar) -> anyhow::Result<Ended> {
        let mut answered = Instant::now();
        loop {
            match self.poll(client).await {
                Ok(projection) => {
                    answered = Instant::now();
                    match &projection.rebuild {
                        _ if projection.generation >= generation => return Ok(Ended::Switched(projection)),
                        Some(building) if building.generation == generation => {
                            bar.set_length(count(&projection.head)?);
                            bar.set_position(count(&building.position)?);
                        }
                        _ => return Ok(Ended::Cancelled),
                    }
                }
                // The server may be restarting; the rebuild goes on then.
                Err(error) if answered.elapsed() > TIMEOUT => return Err(error),
                Err(_) => {}
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    async fn poll(&self, client: &Client) -> anyhow::Result<Projection> {
        let all: Vec<Projection> = client.read(STATUS, json!({}), "projections").await?;
        match all.into_iter().find(|projection| projection.name == self.name) {
            Some(projection) => Ok(projection),
            None => bail!("the server does not know the view {}: is it of another version?", self.name),
        }
    }

    fn detached(&self, json: bool, building: &Building) -> anyhow::Result<()> {
        if json {
            let (generation, position) = (building.generation, &building.position);
            output::print_json(
                &json!({ "name": self.name, "generation": generation, "position": position, "outcome": "started" }),
            )?;
        } else {
            output::print(format_args!("The view {} is rebuilt. The old one is read until it is done.", self.name))?;
        }
        Ok(())
    }

    fn switched(json: bool, projection: &Projection, took: Duration) -> anyhow::Result<()> {
        let seconds = took.as_secs_f64();
        let Projection { name, position, head, generation, .. } = projection;
        if json {
            output::print_json(&json!({
                "name": name, "generation": generation, "position": position, "head": head, "seconds": seconds, "outcome": "rebuilt",
            }))?;
        } else {
            output::print(format_args!("The view {name} was rebuilt from {position} events in {seconds:.1} s."))?;
        }
        Ok(())
    }
}

/// Drawn on standard error, and only on a terminal.
fn bar(head: u64) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template(
        "{bar:40} {human_pos} of {human_len} events, {per_sec}, {eta} left; Ctrl-C cancels",
    )?;
    Ok(ProgressBar::new(head).with_style(style))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_bar_can_be_drawn() {
        bar(10).unwrap().finish_and_clear();
    }
}
