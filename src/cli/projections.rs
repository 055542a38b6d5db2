//! `cloud-bridge projections`: how far the views are, and rebuilding one.

mod rebuild;
mod status;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use projections::View;
use serde_json::json;

use super::client::ServerArgs;
use super::output;

/// See how far the views are, and rebuild one
#[derive(Debug, Subcommand)]
pub(super) enum Projections {
    Status(status::Status),
    Rebuild(rebuild::Rebuild),
    Cancel(Cancel),
}

/// End the rebuild of a view; the view that is read stays as it is
#[derive(Args, Debug)]
pub(super) struct Cancel {
    /// The view
    #[arg(value_parser = PossibleValuesParser::new(View::ALL.map(|view| view.name)))]
    name: String,
    #[command(flatten)]
    server: ServerArgs,
}

const CANCEL: &str = "mutation($input: CancelProjectionRebuildInput!) {
  cancelProjectionRebuild(input: $input) { userErrors { code message field } } }";

impl Projections {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Status(command) => command.run(json).await,
            Self::Rebuild(command) => command.run(json).await,
            Self::Cancel(command) => command.run(json).await,
        }
    }
}

impl Cancel {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let input = json!({ "input": { "name": self.name } });
        self.server.client()?.change(CANCEL, input, "cancelProjectionRebuild").await?;
        if json {
            output::print_json(&json!({ "name": self.name, "outcome": "cancelled" }))?;
        } else {
            output::print(format_args!("{}", cancelled(&self.name)))?;
        }
        Ok(())
    }
}

fn cancelled(name: &str) -> String {
    format!("The rebuild of the view {name} was cancelled. The old view is still in place.")
}
