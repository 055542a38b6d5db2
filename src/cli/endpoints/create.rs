//! `cloud-bridge endpoints create`.

use clap::Args;
use clap::builder::FalseyValueParser;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;

use super::settings::SettingArgs;
use crate::cli::acting::Acting;
use crate::cli::client::{ServerArgs, understood};
use crate::cli::input;
use crate::cli::output::{self, clean};

/// Create an endpoint, to which events are sent from then on, and print its signing secret this once
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge endpoints create --url https://example.com/webhooks --event-type 'order.*,product.updated'
  cloud-bridge endpoints create --url https://example.com/webhooks --event-type order.paid --filter '@.data.total.amount > 5000'
  cloud-bridge endpoints create --url https://example.com/webhooks --event-type '*' --secret-stdin < secret.txt")]
pub(in crate::cli) struct Create {
    /// Where events are sent
    #[arg(long, env = "CLOUD_BRIDGE_URL", value_name = "URL")]
    url: String,
    /// Which types of events, separated by commas: `order.paid`, `order.*` for a group, `*` for every one (`event-types` lists them)
    #[arg(long, env = "CLOUD_BRIDGE_EVENT_TYPE", value_name = "TYPE", value_delimiter = ',', required = true)]
    event_type: Vec<String>,
    #[command(flatten)]
    settings: SettingArgs,
    /// Read the signing secret from standard input [default: the account's default secret, or else one is made]
    #[arg(long, env = "CLOUD_BRIDGE_SECRET_STDIN", value_parser = FalseyValueParser::new())]
    secret_stdin: bool,
    /// The account that gets it, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const CREATE: &str = "mutation($input: CreateEndpointInput!) {
  createEndpoint(input: $input) { endpoint { id signingSecretPreview } signingSecret userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    endpoint: New,
    signing_secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    id: String,
    signing_secret_preview: String,
}

impl Create {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the endpoint").await?;
        acting.print_account()?;
        let mut input = self.settings.input()?;
        let given = if self.secret_stdin { Some(input::piped()?) } else { None };
        input.insert("accountId".to_owned(), json!(acting.account_id));
        input.insert("url".to_owned(), json!(self.url));
        input.insert("eventTypes".to_owned(), json!(self.event_type));
        input.insert("signingSecret".to_owned(), json!(given.as_ref().map(|secret| secret.expose_secret().trim())));
        let payload = client.change(CREATE, json!({ "input": input }), "createEndpoint").await?;
        let Created { endpoint, signing_secret } = understood(&payload)?;
        let made = signing_secret.filter(|_| given.is_none());
        if json {
            return Ok(output::print_json(&json!({ "endpointId": endpoint.id, "signingSecret": made }))?);
        }
        output::print(format_args!("Endpoint:       {}", clean(&endpoint.id)))?;
        match &made {
            Some(secret) => {
                output::print(format_args!(
                    "Signing secret: {}\n\nThe secret is shown this once. Try it with:",
                    clean(secret)
                ))?;
            }
            None => output::print(format_args!(
                "Signing secret: {}, which you have\n\nTry it with:",
                clean(&endpoint.signing_secret_preview)
            ))?,
        }
        Ok(output::print(format_args!("\n  cloud-bridge endpoints test {}", clean(&endpoint.id)))?)
    }
}
