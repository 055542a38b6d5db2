//! `cloud-bridge endpoints rotate-secret`.

use clap::Args;
use clap::builder::FalseyValueParser;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::cli::client::{ServerArgs, understood};
use crate::cli::input;
use crate::cli::output::{self, clean};

/// Make a new signing secret and print it, which happens this once; events are signed with the one before, too, for a while
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge endpoints rotate-secret ID
  cloud-bridge endpoints rotate-secret ID --overlap-hours 0         # where others may know the secret
  cloud-bridge endpoints rotate-secret ID --secret-stdin < secret.txt")]
pub(in crate::cli) struct RotateSecret {
    #[arg(value_name = "ENDPOINT_ID")]
    id: String,
    /// How many hours events are signed with the secret before, too; with 0 every other secret is void at once
    #[arg(long, env = "CLOUD_BRIDGE_OVERLAP_HOURS", value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=168))]
    overlap_hours: u32,
    /// Read the new secret from standard input [default: one is made]
    #[arg(long, env = "CLOUD_BRIDGE_SECRET_STDIN", value_parser = FalseyValueParser::new())]
    secret_stdin: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const ROTATE: &str = "mutation($input: RotateEndpointSecretInput!) {
  rotateEndpointSecret(input: $input) { endpoint { id signingSecretPreview } signingSecret userErrors { code message field } } }";

impl RotateSecret {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = super::named(&client, &self.id).await?;
        let given = if self.secret_stdin { Some(input::piped()?) } else { None };
        let secret = given.as_ref().map(|secret| secret.expose_secret().trim());
        let input = json!({ "endpointId": id, "signingSecret": secret, "overlapHours": self.overlap_hours });
        let payload = client.change(ROTATE, json!({ "input": input }), "rotateEndpointSecret").await?;
        if json {
            let made = if given.is_some() { None } else { payload["signingSecret"].as_str() };
            return Ok(output::print_json(&json!({ "endpoint": payload["endpoint"], "signingSecret": made }))?);
        }
        let before = match self.overlap_hours {
            0 => "Every other secret is void.".to_owned(),
            1 => "Events are signed with the one before, too, for 1 more hour.".to_owned(),
            hours => format!("Events are signed with the one before, too, for {hours} more hours."),
        };
        if given.is_some() {
            let preview = payload["endpoint"]["signingSecretPreview"].as_str().unwrap_or_default();
            return Ok(output::say(&format!("The signing secret is {} now. {before}", clean(preview)))?);
        }
        let secret: String = understood(&payload["signingSecret"])?;
        Ok(output::print(format_args!("Signing secret: {}\n\nIt is shown this once. {before}", clean(&secret)))?)
    }
}
