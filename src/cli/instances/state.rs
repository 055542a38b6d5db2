//! `cloud-bridge instances enable`, `disable` and `delete`.

use anyhow::Context as _;
use clap::Args;
use clap::builder::FalseyValueParser;
use serde_json::json;

use crate::cli::client::{Client, ServerArgs};
use crate::cli::input;
use crate::cli::output::{self, clean};

/// Take the token of an instance again, and send what waits
#[derive(Args, Debug)]
pub(in crate::cli) struct Enable {
    #[arg(value_name = "NUMBER")]
    number: u32,
    #[command(flatten)]
    server: ServerArgs,
}

/// Refuse the token of an instance, and send nothing; what happens is recorded, and waits
#[derive(Args, Debug)]
pub(in crate::cli) struct Disable {
    #[arg(value_name = "NUMBER")]
    number: u32,
    #[command(flatten)]
    server: ServerArgs,
}

/// Delete an instance for good, with its token and its endpoints; asks first
#[derive(Args, Debug)]
pub(in crate::cli) struct Delete {
    #[arg(value_name = "NUMBER")]
    number: u32,
    /// Do it without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

impl Enable {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        switch(&client, ("enableInstance", self.number), json, "enabled: what waits is sent.").await
    }
}

impl Disable {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let consequence = "disabled: its token is refused, and what happens waits until it is enabled.";
        switch(&client, ("disableInstance", self.number), json, consequence).await
    }
}

impl Delete {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        if !self.yes {
            let document = "query($number: Int!) { instance(number: $number) { name } }";
            let found = client.ask(document, json!({ "number": self.number })).await?;
            let name = clean(found["instance"]["name"].as_str().unwrap_or_default());
            let question = format!(
                "Delete the instance {} ({name}) for good? What waits for its endpoints is not sent, and it cannot be brought back.",
                self.number
            );
            input::confirm(&question).context("nothing was deleted")?;
        }
        let document = "mutation($input: InstanceInput!) { deleteInstance(input: $input) { deleted userErrors { code message field } } }";
        client.change(document, json!({ "input": { "number": self.number } }), "deleteInstance").await?;
        if json {
            return Ok(output::print_json(&json!({ "number": self.number, "deleted": true }))?);
        }
        Ok(output::say(&format!(
            "The instance {} is deleted. Its integration stays, switched off, for what happened.",
            self.number
        ))?)
    }
}

async fn switch(client: &Client, (mutation, number): (&str, u32), json: bool, consequence: &str) -> anyhow::Result<()> {
    let document = format!(
        "mutation($input: InstanceInput!) {{ {mutation}(input: $input) {{ instance {{ number name enabled }} userErrors {{ code message field }} }} }}"
    );
    let instance =
        client.change(&document, json!({ "input": { "number": number } }), mutation).await?["instance"].take();
    if json {
        return Ok(output::print_json(&instance)?);
    }
    let name = clean(instance["name"].as_str().unwrap_or_default());
    Ok(output::say(&format!("The instance {number} ({name}) is {consequence}"))?)
}
