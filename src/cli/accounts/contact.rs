//! `cloud-bridge accounts set-contact`, `remove-contact` and `set-default-secret`: what an account has for its endpoints as a whole.

use clap::Args;
use clap::builder::FalseyValueParser;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::cli::acting::Acting;
use crate::cli::client::{ServerArgs, understood};
use crate::cli::input;
use crate::cli::output::{self, clean};

/// Set the e-mail address to which the account is written when an endpoint of it fails
///
/// It is sealed, and shown to the account's own keys alone.
#[derive(Args, Debug)]
pub(in crate::cli) struct SetContact {
    /// An address alone, like ops@example.com
    #[arg(value_name = "EMAIL")]
    email: String,
    /// The account, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Write to the account no more
#[derive(Args, Debug)]
pub(in crate::cli) struct RemoveContact {
    /// The account, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Set the signing secret of endpoints that are created from now on without one of their own
///
/// One is made and printed, which happens this once, unless it is read from standard input.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge accounts set-default-secret
  cloud-bridge accounts set-default-secret --secret-stdin < secret.txt")]
pub(in crate::cli) struct SetDefaultSecret {
    /// Read it from standard input [default: one is made]
    #[arg(long, env = "CLOUD_BRIDGE_SECRET_STDIN", value_parser = FalseyValueParser::new())]
    secret_stdin: bool,
    /// The account, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const SET_CONTACT: &str = "mutation($input: SetContactAddressInput!) {
  setContactAddress(input: $input) { account { id contactAddress } warning userErrors { code message field } } }";

const REMOVE_CONTACT: &str = "mutation($input: RemoveContactAddressInput) {
  removeContactAddress(input: $input) { account { id contactAddress } userErrors { code message field } } }";

const SET_DEFAULT_SECRET: &str = "mutation($input: SetDefaultEndpointSecretInput!) {
  setDefaultEndpointSecret(input: $input) {
    account { id defaultEndpointSecretPreview } signingSecret userErrors { code message field } } }";

impl SetContact {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the contact address").await?;
        acting.print_account()?;
        let input = json!({ "accountId": acting.account_id, "email": self.email });
        let payload = client.change(SET_CONTACT, json!({ "input": input }), "setContactAddress").await?;
        if let Some(warning) = payload["warning"].as_str() {
            input::note(&output::fitted(&format!("Warning: {}.", clean(warning)), 0))?;
        }
        if json {
            return Ok(output::print_json(&payload["account"])?);
        }
        Ok(output::say("The account is written to at this address when an endpoint of it fails.")?)
    }
}

impl RemoveContact {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the contact address").await?;
        acting.print_account()?;
        let input = json!({ "input": { "accountId": acting.account_id } });
        let payload = client.change(REMOVE_CONTACT, input, "removeContactAddress").await?;
        if json {
            return Ok(output::print_json(&payload["account"])?);
        }
        Ok(output::print("The account has no contact address any more.")?)
    }
}

impl SetDefaultSecret {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the default secret").await?;
        acting.print_account()?;
        let given = if self.secret_stdin { Some(input::piped()?) } else { None };
        let secret = given.as_ref().map(|secret| secret.expose_secret().trim());
        let input = json!({ "accountId": acting.account_id, "signingSecret": secret });
        let payload = client.change(SET_DEFAULT_SECRET, json!({ "input": input }), "setDefaultEndpointSecret").await?;
        let preview = payload["account"]["defaultEndpointSecretPreview"].as_str().unwrap_or_default();
        let made: Option<String> = if given.is_some() { None } else { understood(&payload["signingSecret"])? };
        if json {
            return Ok(output::print_json(&json!({ "preview": preview, "signingSecret": made }))?);
        }
        let who = "Endpoints that are created from now on without a secret of their own have it.";
        match made {
            Some(secret) => {
                output::print(format_args!("Signing secret: {}\n", clean(&secret)))?;
                Ok(output::say(&format!("It is shown this once. {who}"))?)
            }
            None => Ok(output::say(&format!("The default secret is {} now. {who}", clean(preview)))?),
        }
    }
}
