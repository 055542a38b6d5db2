//! `cloud-bridge stores disconnect`: the service forgets the token of a store.

use anyhow::Context as _;
use clap::Args;
use clap::builder::FalseyValueParser;
use serde_json::json;

use crate::cli::acting::print_owner_of_integration;
use crate::cli::client::ServerArgs;
use crate::cli::identifiers::{self, Kind};
use crate::cli::input;
use crate::cli::output::{self, clean};

/// Have a store send nothing more, and forget its token; asks first. Its integration stays, with its mappings and its history
///
/// Remove the app in the store's own administration too: until then the store lists it.
#[derive(Args, Debug)]
pub(in crate::cli) struct Disconnect {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    /// Do it without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const DISCONNECT: &str = "mutation($input: DisconnectStoreInput!) {
  disconnectStore(input: $input) { withdrawn integration { id name } userErrors { code message field } } }";

impl Disconnect {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        print_owner_of_integration(&client, &id).await?;
        if !self.yes {
            input::confirm("Have this store send nothing more, and forget its token?")
                .context("nothing was disconnected")?;
        }
        let payload = client.change(DISCONNECT, json!({ "input": { "integrationId": id } }), "disconnectStore").await?;
        let integration = &payload["integration"];
        let is_withdrawn = payload["withdrawn"] != json!(false);
        if json {
            return Ok(output::print_json(&json!({ "integration": integration, "withdrawn": is_withdrawn }))?);
        }
        let name = clean(integration["name"].as_str().unwrap_or_default());
        output::say(&format!("The integration {name} is not connected with its store any more."))?;
        if !is_withdrawn {
            output::say(
                "The store could not be reached, and may go on sending its webhooks: remove the app, or its webhooks, in the \
                 store's own administration.",
            )?;
        }
        Ok(())
    }
}
