//! `cloud-bridge projections`: how far the views are, and folding one anew.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use projections::View;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, ServerArgs, understood};
use super::output::{self, cell};
use super::stores::StoreArgs;

/// How often a rebuild is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long a rebuild may go on without an answer from the server.
const PATIENCE: Duration = Duration::from_mins(1);

/// See how far the views are, and rebuild one
#[derive(Debug, Subcommand)]
pub(super) enum Projections {
    Status(Status),
    Rebuild(Rebuild),
}

/// Show how far each view has followed the event log; works with and without a running server
#[derive(Args, Debug)]
pub(super) struct Status {
    #[command(flatten)]
    stores: StoreArgs,
}

/// Empty a view and fold it anew from the event log, while the others go on
///
/// The running server does it; this command asks for it and shows how far it is. Ending the command does not end the rebuild.
#[derive(Args, Debug)]
pub(super) struct Rebuild {
    /// The view
    #[arg(value_parser = PossibleValuesParser::new(View::ALL.map(View::name)))]
    name: String,
    #[command(flatten)]
    server: ServerArgs,
}

const REBUILD: &str = "mutation($input: RebuildProjectionInput!) {
  rebuildProjection(input: $input) { projection { name position head lag } userErrors { code message field } } }";

const STATUS: &str = "{ projections { name position head lag } }";

#[derive(Deserialize)]
struct Projection {
    name: String,
    position: String,
    head: String,
}

impl Projection {
    fn position(&self) -> anyhow::Result<u64> {
        self.position.parse().context("the server's answer is not understood: is it of another version?")
    }

    fn head(&self) -> anyhow::Result<u64> {
        self.head.parse().context("the server's answer is not understood: is it of another version?")
    }
}

impl Projections {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Status(command) => command.run(json).await,
            Self::Rebuild(command) => command.run(json).await,
        }
    }
}

impl Status {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.stores.open_log().await?;
        let views = self.stores.open_views().await?;
        let head = log.head();
        let mut positions = vec![];
        for view in View::ALL {
            let position = view.checkpoint(&views).await.context("the views cannot be read")?;
            positions.push((view.name(), position));
        }
        views.close().await;
        log.close().await;
        let lag = |position: i64| (head - position).max(0);
        if json {
            let entry = |(name, position): (&str, i64)| json!({ "name": name, "position": position.to_string(), "head": head.to_string(), "lag": lag(position) });
            let entries: Vec<Value> = positions.into_iter().map(entry).collect();
            return Ok(output::print_json(&entries)?);
        }
        let mut table = output::table(&["VIEW", "POSITION", "HEAD OF THE LOG", "EVENTS BEHIND"]);
        for (name, position) in positions {
            table.add_row([
                cell(name),
                cell(position.to_string()),
                cell(head.to_string()),
                cell(lag(position).to_string()),
            ]);
        }
        output::print(output::rendered(&table))?;
        Ok(())
    }
}

impl Rebuild {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let begun = Instant::now();
        let input = json!({ "input": { "name": self.name } });
        let payload = client.change(REBUILD, input, "rebuildProjection").await?;
        // What is recorded meanwhile is not part of the rebuild: it would never end on a busy log.
        let goal = understood::<Projection>(&payload["projection"])?.head()?;
        let bar = bar(goal)?;
        let mut answered = Instant::now();
        let reached = loop {
            match self.look(&client).await {
                Ok(projection) => {
                    answered = Instant::now();
                    let position = projection.position()?;
                    bar.set_position(position.min(goal));
                    if position >= goal {
                        break projection;
                    }
                }
                // The server may not know this key while it folds the accounts anew.
                Err(error) if answered.elapsed() > PATIENCE => return Err(error),
                Err(_) => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        bar.finish_and_clear();
        let seconds = begun.elapsed().as_secs_f64();
        if json {
            let (name, position, head) = (&reached.name, &reached.position, &reached.head);
            output::print_json(&json!({ "name": name, "position": position, "head": head, "seconds": seconds }))?;
        } else {
            output::print(format_args!("The view {} was rebuilt from {goal} events in {seconds:.1} s.", self.name))?;
        }
        Ok(())
    }

    async fn look(&self, client: &Client) -> anyhow::Result<Projection> {
        let all: Vec<Projection> = client.read(STATUS, json!({}), "projections").await?;
        match all.into_iter().find(|projection| projection.name == self.name) {
            Some(projection) => Ok(projection),
            None => bail!("the server does not know the view {}: is it of another version?", self.name),
        }
    }
}

/// Drawn on standard error, and only on a terminal.
fn bar(goal: u64) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} events, {per_sec}, {eta} left")?;
    Ok(ProgressBar::new(goal).with_style(style))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_bar_can_be_drawn() {
        bar(10).unwrap().finish_and_clear();
    }
}
