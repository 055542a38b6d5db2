//! `cloud-bridge integrations create`: connects a store, and says how to go on.

use clap::Args;
use clap::builder::FalseyValueParser;
use domain::integration::{Provider, Purpose};
use providers::{OwnSecret, Platform};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use super::secrets::SET_SECRET;
use super::{delivered, purposes, warn_of_statuses};
use crate::cli::acting::Acting;
use crate::cli::client::{Client, ServerArgs, understood};
use crate::cli::input;
use crate::cli::output::{self, clean};
use crate::cli::provider_names;

/// Create an integration, and print the address for its webhooks and what to do next
///
/// The signing secret is made and shown this once. Shopify, BigCommerce and Square sign with one of their own: that one is
/// asked for. BigCommerce and Square only name orders in their webhooks: `set-access` lets them be read.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge integrations create --provider generic --name 'My shop'
  cloud-bridge integrations create --provider shopify --name 'My shop' --secret-stdin < secret.txt
  cloud-bridge integrations create --provider woocommerce --name 'My shop' --order-status processing,completed")]
pub(in crate::cli) struct Create {
    /// The store's kind
    #[arg(long, env = "CLOUD_BRIDGE_PROVIDER", value_parser = provider_names())]
    provider: String,
    /// What to call it
    #[arg(long, env = "CLOUD_BRIDGE_NAME")]
    name: String,
    /// What it is for: `delivers` what is ordered, `publishes` commerce events and delivers nothing, or `both`
    #[arg(long, env = "CLOUD_BRIDGE_PURPOSE", value_name = "PURPOSE", default_value = Purpose::Delivers.as_str(), value_parser = purposes())]
    purpose: String,
    #[arg(long, env = "CLOUD_BRIDGE_ORDER_STATUS", value_name = "STATUS", value_delimiter = ',', help = help_of_statuses())]
    order_status: Option<Vec<String>>,
    /// Read the secret that the store signs with from standard input [default: one is made; the store's own is asked for]
    #[arg(long, env = "CLOUD_BRIDGE_SECRET_STDIN", value_parser = FalseyValueParser::new())]
    secret_stdin: bool,
    /// The account that gets it, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const CREATE: &str = "mutation($input: CreateIntegrationInput!) {
  createIntegration(input: $input) {
    integration { id orderStatuses unknownOrderStatuses } webhookUrl signingSecret warning userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    integration: New,
    webhook_url: String,
    signing_secret: Option<String>,
    warning: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    id: String,
    order_statuses: Vec<String>,
    unknown_order_statuses: Vec<String>,
}

/// What happens to webhooks of which no secret is known.
const UNTIL_HANDED_OVER: &str = "Until you hand it over, webhooks are answered with 500 and not taken (`secret_missing`), unless \
    the operator has one secret for all stores of the platform, or runs the server with --environment development, which takes \
    them unverified. Hand it over:";

impl Create {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        // Before anything is typed that would be lost.
        let client = self.server.client()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the integration").await?;
        acting.print_account()?;
        let given = if self.secret_stdin { Some(input::piped()?) } else { None };
        let input = json!({
            "accountId": acting.account_id,
            "provider": self.provider.to_uppercase(),
            "name": self.name,
            "purpose": self.purpose.to_uppercase(),
            "orderStatuses": self.order_status,
            "signingSecret": given.as_ref().map(ExposeSecret::expose_secret),
        });
        let payload = client.change(CREATE, json!({ "input": input }), "createIntegration").await?;
        let Created { integration, webhook_url, signing_secret, warning } = understood(&payload)?;
        let New { id, order_statuses, unknown_order_statuses } = integration;
        warn_of_statuses(&unknown_order_statuses)?;
        if let Some(warning) = warning {
            input::note(&output::fitted(&format!("Warning: {}.", clean(&warning)), 0))?;
        }
        let is_given = given.is_some();
        let platform = Provider::parse(&self.provider).map(providers::of);
        let own_secret = platform.and_then(Platform::own_secret);
        let made = signing_secret.filter(|_| !is_given);
        if json {
            return Ok(output::print_json(&json!({
                "integrationId": id, "webhookUrl": webhook_url, "signingSecret": made, "orderStatuses": order_statuses }))?);
        }
        output::print(format_args!("Integration:    {}\nWebhook URL:    {}", clean(&id), clean(&webhook_url)))?;
        let purpose = Purpose::parse(&self.purpose).unwrap_or_default();
        if purpose.publishes() {
            output::print("Publishes:      commerce events")?;
        }
        if purpose.delivers() {
            output::print(format_args!("Delivers:       orders of {}\n", delivered(&order_statuses)))?;
            output::say("Drafts and failed, voided or expired orders are never delivered.")?;
        }
        let mut variables =
            vec![output::export_line("INTEGRATION_ID", &id), output::export_line("WEBHOOK_URL", &webhook_url)];
        let mut next = if purpose.delivers() {
            "cloud-bridge mappings add \"$INTEGRATION_ID\" --sku SKU --preset PRESET_ID"
        } else {
            "cloud-bridge products list --integration \"$INTEGRATION_ID\""
        };
        if let Some(secret) = &made {
            output::print(format_args!(
                "Signing secret: {}\n\nThe secret is shown this once. Go on with:",
                clean(secret)
            ))?;
            variables.push(output::export_line("SECRET", secret));
        } else if let Some(own) = own_secret.filter(|_| !is_given)
            && !is_handed_over(own, &client, &id).await?
        {
            output::say(&format!("\n{} {UNTIL_HANDED_OVER}", own.instructions))?;
            next = "cloud-bridge integrations set-secret \"$INTEGRATION_ID\"";
        } else {
            output::print("\nThe secret that the store signs with is saved. Go on with:")?;
        }
        output::print(format_args!("\n  {}\n  {next}", variables.join("\n  ")))?;
        if let Some(api) = platform.and_then(|platform| platform.order_api().and(platform.store_api())) {
            let access = api.access();
            let store = if access.needs_store { " --store STORE" } else { "" };
            output::say(&format!("\n{}", access.instructions))?;
            output::print(format_args!("\n  cloud-bridge integrations set-access \"$INTEGRATION_ID\"{store}"))?;
        }
        if purpose.delivers() && !order_statuses.is_empty() {
            output::print(
                "\nTo have orders of every other status delivered too:\n\n  cloud-bridge integrations update \
                 \"$INTEGRATION_ID\" --order-status any",
            )?;
        }
        Ok(())
    }
}

/// The help of `--order-status`, with what each platform delivers where the merchant chooses nothing.
fn help_of_statuses() -> String {
    let defaults: Vec<String> = providers::all().map(default_of).collect();
    format!(
        "Deliver only orders of these statuses, separated by commas; `any` for every status [default: {}]",
        defaults.join(", ")
    )
}

fn default_of(platform: &dyn Platform) -> String {
    let statuses: Vec<String> = platform.default_order_statuses().iter().map(|status| format!("`{status}`")).collect();
    let statuses = if statuses.is_empty() { "`any`".to_owned() } else { statuses.join(" and ") };
    format!("{} {statuses}", platform.provider().as_str())
}

/// Asks at the terminal for the secret that the store shows, and saves it. Returns whether one was given.
async fn is_handed_over(own: &OwnSecret, client: &Client, id: &str) -> anyhow::Result<bool> {
    let Some(secret) = input::optional_secret(own.prompt)? else { return Ok(false) };
    // The one before was made up: nothing was ever signed with it.
    let input = json!({ "input": { "integrationId": id, "signingSecret": secret.expose_secret(), "overlapHours": 0 } });
    client.change(SET_SECRET, input, "setSigningSecret").await?;
    Ok(true)
}
