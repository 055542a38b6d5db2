//! `cloud-bridge integrations set-secret` and `rotate-secret`: what a store signs with.

use clap::Args;
use clap::builder::FalseyValueParser;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::cli::acting::print_owner_of_integration;
use crate::cli::client::{ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::input;
use crate::cli::output::{self, clean};

/// Take the secret that the store chose, as Shopify does; the one before stays valid for a while
///
/// It is asked for at the terminal, where it is not shown, or read from standard input: `set-secret ID < secret.txt`.
#[derive(Args, Debug)]
pub(in crate::cli) struct SetSecret {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    /// How many hours the secret before stays valid beside the new one
    #[arg(long, env = "CLOUD_BRIDGE_OVERLAP_HOURS", value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=168))]
    overlap_hours: u32,
    /// The secret before is void at once: where others may know it
    #[arg(long, env = "CLOUD_BRIDGE_AT_ONCE", value_parser = FalseyValueParser::new(), conflicts_with = "overlap_hours")]
    at_once: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Make a new signing secret and print it, which happens this once; the one before stays valid for a while
#[derive(Args, Debug)]
pub(in crate::cli) struct RotateSecret {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    /// How many hours the secret before stays valid beside the new one
    #[arg(long, env = "CLOUD_BRIDGE_OVERLAP_HOURS", value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=168))]
    overlap_hours: u32,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) const SET_SECRET: &str = "mutation($input: SetSigningSecretInput!) {
  setSigningSecret(input: $input) {
    integration { id signingSecretPreview } warning userErrors { code message field } } }";

const BEFORE: &str = "query($id: ID!) { integration(id: $id) { signingSecretPreview } }";

const ROTATE_SECRET: &str = "mutation($input: RotateSigningSecretInput!) {
  rotateSigningSecret(input: $input) { signingSecret userErrors { code message field } } }";

impl SetSecret {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        // Before anything is typed that would be lost.
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        print_owner_of_integration(&client, &id).await?;
        let secret = input::secret("Signing secret, as the store shows it")?;
        let before = client.ask(BEFORE, json!({ "id": id })).await?;
        let is_first = before["integration"]["signingSecretPreview"].is_null();
        let overlap_hours = if self.at_once { 0 } else { self.overlap_hours };
        let input = json!({ "input": { "integrationId": id, "signingSecret": secret.expose_secret(), "overlapHours": overlap_hours } });
        let mut payload = client.change(SET_SECRET, input, "setSigningSecret").await?;
        let (warning, integration) = (payload["warning"].take(), payload["integration"].take());
        if let Some(warning) = warning.as_str() {
            input::note(&output::fitted(&format!("Warning: {}.", clean(warning)), 0))?;
        }
        if json {
            return Ok(output::print_json(&integration)?);
        }
        let preview = clean(integration["signingSecretPreview"].as_str().unwrap_or_default());
        let before = match overlap_hours {
            _ if is_first => "webhooks that are signed with it are taken".to_owned(),
            0 => "a secret that the store used before is void".to_owned(),
            1 => "a secret that the store used before stays valid for 1 more hour".to_owned(),
            hours => {
                format!("a secret that the store used before stays valid for {hours} more hours (--at-once ends that)")
            }
        };
        Ok(output::say(&format!("The signing secret is {preview} now; {before}."))?)
    }
}

impl RotateSecret {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        print_owner_of_integration(&client, &id).await?;
        let input = json!({ "input": { "integrationId": id, "overlapHours": self.overlap_hours } });
        let payload = client.change(ROTATE_SECRET, input, "rotateSigningSecret").await?;
        let secret: String = understood(&payload["signingSecret"])?;
        if json {
            output::print_json(&json!({ "signingSecret": secret }))?;
        } else {
            output::print(format_args!(
                "Signing secret: {}\n\nIt is shown this once. The one before is valid for {} more hours.",
                clean(&secret),
                self.overlap_hours
            ))?;
        }
        Ok(())
    }
}
