//! `cloud-bridge integrations create`: connects a store, and says how to go on.

use clap::Args;
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use super::secrets::SET_SECRET;
use super::{delivered, warn_of_statuses};
use crate::cli::acting::Acting;
use crate::cli::client::{Client, ServerArgs, understood};
use crate::cli::input;
use crate::cli::output::{self, clean};

/// Create an integration, and print the address for its webhooks and what to do next
///
/// The signing secret is made and shown this once. Shopify signs with a secret of its own: that one is asked for.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge integrations create --provider generic --name 'My shop'
  cloud-bridge integrations create --provider shopify --name 'My shop' --secret-stdin < secret.txt
  cloud-bridge integrations create --provider woocommerce --name 'My shop' --order-status processing,completed")]
pub(in crate::cli) struct Create {
    /// The store's kind
    #[arg(long, env = "CLOUD_BRIDGE_PROVIDER", value_parser = PossibleValuesParser::new(["shopify", "woocommerce", "generic"]))]
    provider: String,
    /// What to call it
    #[arg(long, env = "CLOUD_BRIDGE_NAME")]
    name: String,
    /// Deliver only orders of these statuses, separated by commas; `any` for every status [default: shopify `paid` and
    /// `partially_refunded`, woocommerce `processing` and `completed`, generic `any`]
    #[arg(long, env = "CLOUD_BRIDGE_ORDER_STATUS", value_name = "STATUS", value_delimiter = ',')]
    order_status: Option<Vec<String>>,
    /// Read the secret that the store signs with from standard input [default: one is made; Shopify's is asked for]
    #[arg(long, env = "CLOUD_BRIDGE_SECRET_STDIN", value_parser = FalseyValueParser::new())]
    secret_stdin: bool,
    /// The account that gets it, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// The store that takes no secret from us.
const SHOPIFY: &str = "shopify";

const CREATE: &str = "mutation($input: CreateIntegrationInput!) {
  createIntegration(input: $input) {
    integration { id orderStatuses unknownOrderStatuses } webhookUrl signingSecret warning userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    integration: New,
    webhook_url: String,
    signing_secret: String,
    warning: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    id: String,
    order_statuses: Vec<String>,
    unknown_order_statuses: Vec<String>,
}

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
        // What was made is of no use to a store that signs with a secret of its own, and is not shown.
        let is_made = given.is_none();
        let made = Some(signing_secret).filter(|_| is_made && self.provider != SHOPIFY);
        if json {
            return Ok(output::print_json(&json!({
                "integrationId": id, "webhookUrl": webhook_url, "signingSecret": made, "orderStatuses": order_statuses }))?);
        }
        output::print(format_args!(
            "Integration:    {}\nWebhook URL:    {}\nDelivers:       orders of {}\n",
            clean(&id),
            clean(&webhook_url),
            delivered(&order_statuses)
        ))?;
        output::say("Drafts and failed, voided or expired orders are never delivered.")?;
        let mut variables =
            vec![output::export_line("INTEGRATION_ID", &id), output::export_line("WEBHOOK_URL", &webhook_url)];
        let mut next = "cloud-bridge mappings add \"$INTEGRATION_ID\" --sku SKU --preset PRESET_ID";
        if let Some(secret) = &made {
            output::print(format_args!(
                "Signing secret: {}\n\nThe secret is shown this once. Go on with:",
                clean(secret)
            ))?;
            variables.push(output::export_line("SECRET", secret));
        } else if is_made && !shopifys_secret(&client, &id).await? {
            output::say(
                "\nShopify signs with a secret of its own. Settings → Notifications → Webhooks shows it below the list of \
                 webhooks (of an app's webhooks it is the app's client secret). Every webhook is refused with 401 until \
                 you hand it over:",
            )?;
            next = "cloud-bridge integrations set-secret \"$INTEGRATION_ID\"";
        } else {
            output::print("\nThe secret that the store signs with is saved. Go on with:")?;
        }
        output::print(format_args!("\n  {}\n  {next}", variables.join("\n  ")))?;
        if !order_statuses.is_empty() {
            output::print(
                "\nTo have orders of every other status delivered too:\n\n  cloud-bridge integrations update \
                 \"$INTEGRATION_ID\" --order-status any",
            )?;
        }
        Ok(())
    }
}

/// Asks at the terminal for the secret that Shopify shows, and saves it. Returns whether one was given.
async fn shopifys_secret(client: &Client, id: &str) -> anyhow::Result<bool> {
    let prompt = "Shopify's own signing secret, as it shows it below the list of webhooks; return to give it later";
    let Some(secret) = input::optional_secret(prompt)? else { return Ok(false) };
    // The one before was made up: nothing was ever signed with it.
    let input = json!({ "input": { "integrationId": id, "signingSecret": secret.expose_secret(), "overlapHours": 0 } });
    client.change(SET_SECRET, input, "setSigningSecret").await?;
    Ok(true)
}
