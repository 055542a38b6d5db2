//! `cloud-bridge endpoints pause`, `resume` and `delete`.

use anyhow::Context as _;
use clap::Args;
use clap::builder::FalseyValueParser;
use serde_json::json;

use crate::cli::client::{Client, ServerArgs};
use crate::cli::input;
use crate::cli::output::{self, clean};

/// Send nothing to an endpoint until it is resumed; its events wait
#[derive(Args, Debug)]
pub(in crate::cli) struct Pause {
    #[arg(value_name = "ENDPOINT_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Send what waits for an endpoint that was paused, that the service disabled, or whose receiver is mended
///
/// A degraded endpoint need not wait for its next probe then. What failed is sent again, with the whole schedule before it.
#[derive(Args, Debug)]
pub(in crate::cli) struct Resume {
    #[arg(value_name = "ENDPOINT_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Delete an endpoint for good, with its secrets and headers; asks first
#[derive(Args, Debug)]
pub(in crate::cli) struct Delete {
    #[arg(value_name = "ENDPOINT_ID")]
    id: String,
    /// Do it without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const URL: &str = "query($id: ID!) { endpoint(id: $id) { url } }";

impl Pause {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = super::named(&client, &self.id).await?;
        act(&client, ("pauseEndpoint", &id), json, "paused: its events wait until it is resumed.").await
    }
}

impl Resume {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = super::named(&client, &self.id).await?;
        act(&client, ("resumeEndpoint", &id), json, "enabled: what waits for it is sent at once. Dead letters stay: `cloud-bridge dispatches redrive` sends them again.").await
    }
}

impl Delete {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = super::named(&client, &self.id).await?;
        if !self.yes {
            let found = client.ask(URL, json!({ "id": id })).await?;
            let url = clean(found["endpoint"]["url"].as_str().unwrap_or_default());
            let question = format!(
                "Delete the endpoint for {url} for good? What waits for it is not sent, and it cannot be brought back."
            );
            input::confirm(&question).context("nothing was deleted")?;
        }
        act(&client, ("deleteEndpoint", &id), json, "deleted, with its secrets and headers.").await
    }
}

async fn act(client: &Client, (mutation, id): (&str, &str), json: bool, consequence: &str) -> anyhow::Result<()> {
    let document = format!(
        "mutation($input: EndpointInput!) {{ {mutation}(input: $input) {{ endpoint {{ id url status }} userErrors {{ code message field }} }} }}"
    );
    let input = json!({ "input": { "endpointId": id } });
    let endpoint = client.change(&document, input, mutation).await?["endpoint"].take();
    if json {
        return Ok(output::print_json(&endpoint)?);
    }
    let url = clean(endpoint["url"].as_str().unwrap_or_default());
    Ok(output::say(&format!("The endpoint for {url} is {consequence}"))?)
}
