//! `cloud-bridge integrations`: connecting stores.

use chrono::{DateTime, Utc};
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use clap::{ArgGroup, Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{ServerArgs, understood};
use super::input;
use super::output::{self, cell, clean, moment, word};
use super::paging::{PageArgs, tell_of_more};

/// Connect stores: create an integration, list them, change one, switch it off and on, change its secret
#[derive(Debug, Subcommand)]
pub(super) enum Integrations {
    List(List),
    Create(Create),
    Update(Update),
    Deactivate(Switch),
    Activate(Switch),
    SetSecret(SetSecret),
    RotateSecret(RotateSecret),
}

/// List integrations, the oldest first
#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Create an integration, and print the address for its webhooks and its signing secret, which is shown this once
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge integrations create --provider generic --name 'My shop'
  cloud-bridge integrations create --provider woocommerce --name 'My shop' --order-status processing,completed")]
pub(super) struct Create {
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
    /// The account that gets it, for administrators [default: the one whose key asks]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Change what an integration is called, or orders of which statuses it delivers
///
/// Orders that the filter left out are not delivered by themselves: `replay` shows which would be now, and does it.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").required(true).multiple(true))]
pub(super) struct Update {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    /// What to call it
    #[arg(long, env = "CLOUD_BRIDGE_NAME", group = "what")]
    name: Option<String>,
    /// Deliver only orders of these statuses, separated by commas; `any` for every status
    #[arg(long, env = "CLOUD_BRIDGE_ORDER_STATUS", value_name = "STATUS", value_delimiter = ',', group = "what")]
    order_status: Option<Vec<String>>,
    /// Deliver orders of every status
    #[arg(long, env = "CLOUD_BRIDGE_EVERY_STATUS", value_parser = FalseyValueParser::new(), group = "what", conflicts_with = "order_status")]
    every_status: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Refuse an integration's webhooks (deactivate), or take them again (activate)
#[derive(Args, Debug)]
pub(super) struct Switch {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Take the secret that the store chose, as Shopify does; the one before is void at once
///
/// It is asked for at the terminal, where it is not shown, or read from standard input: `set-secret ID < secret.txt`.
#[derive(Args, Debug)]
pub(super) struct SetSecret {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Make a new signing secret and print it, which happens this once; the one before stays valid for a while
#[derive(Args, Debug)]
pub(super) struct RotateSecret {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    /// How many hours the secret before stays valid beside the new one
    #[arg(long, env = "CLOUD_BRIDGE_OVERLAP_HOURS", value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=168))]
    overlap_hours: u32,
    #[command(flatten)]
    server: ServerArgs,
}

const LIST: &str = "query($first: Int, $after: String) {
  integrations(first: $first, after: $after) {
    nodes { id provider name active webhookUrl signingSecretPreview orderStatuses createdAt lastWebhookAt }
    pageInfo { hasNextPage endCursor } } }";

const CREATE: &str = "mutation($input: CreateIntegrationInput!) {
  createIntegration(input: $input) {
    integration { id orderStatuses } webhookUrl signingSecret userErrors { code message field } } }";

const UPDATE: &str = "mutation($input: UpdateIntegrationInput!) {
  updateIntegration(input: $input) { integration { id name active orderStatuses } userErrors { code message field } } }";

const SET_SECRET: &str = "mutation($input: SetSigningSecretInput!) {
  setSigningSecret(input: $input) {
    integration { id signingSecretPreview } warning userErrors { code message field } } }";

const ROTATE_SECRET: &str = "mutation($input: RotateSigningSecretInput!) {
  rotateSigningSecret(input: $input) { signingSecret userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Integration {
    id: String,
    provider: String,
    name: String,
    active: bool,
    order_statuses: Vec<String>,
    last_webhook_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    integration: New,
    webhook_url: String,
    signing_secret: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    id: String,
    order_statuses: Vec<String>,
}

impl Integrations {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(json).await,
            Self::Create(command) => command.run(json).await,
            Self::Update(command) => command.run(json).await,
            Self::Deactivate(command) => command.run(json, false).await,
            Self::Activate(command) => command.run(json, true).await,
            Self::SetSecret(command) => command.run(json).await,
            Self::RotateSecret(command) => command.run(json).await,
        }
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let page = self.page.ask(&self.server, LIST, "integrations", Value::Null).await?;
        if json {
            return Ok(output::print_json(&page)?);
        }
        let integrations: Vec<Integration> = understood(&page["nodes"])?;
        let mut table = output::table(&["ID", "NAME", "PROVIDER", "STATE", "DELIVERS", "LAST WEBHOOK (UTC)"]);
        for integration in &integrations {
            let statuses = integration.order_statuses.join(", ");
            table.add_row([
                cell(&integration.id),
                cell(&integration.name),
                cell(word(&integration.provider)),
                cell(if integration.active { "active" } else { "deactivated" }),
                cell(if statuses.is_empty() { "every status" } else { &statuses }),
                cell(integration.last_webhook_at.map(moment).unwrap_or_default()),
            ]);
        }
        output::keep_whole(&mut table, 0);
        output::print(output::rendered(&table))?;
        tell_of_more(&page)
    }
}

impl Create {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let input = json!({
            "accountId": self.account,
            "provider": self.provider.to_uppercase(),
            "name": self.name,
            "orderStatuses": self.order_status,
        });
        let payload = self.server.client()?.change(CREATE, json!({ "input": input }), "createIntegration").await?;
        let Created { integration, webhook_url, signing_secret } = understood(&payload)?;
        if json {
            output::print_json(&json!({
                "integrationId": integration.id, "webhookUrl": webhook_url, "signingSecret": signing_secret,
                "orderStatuses": integration.order_statuses }))?;
        } else {
            output::print(format_args!(
                "Integration:    {}\nWebhook URL:    {}\nSigning secret: {}\nDelivers:       orders of {}\n\n\
                 The secret is shown this once.\n\
                 Drafts and failed, voided or expired orders are never delivered. For every other status:\n  \
                 cloud-bridge integrations update {} --order-status any",
                clean(&integration.id),
                clean(&webhook_url),
                clean(&signing_secret),
                delivered(&integration.order_statuses),
                clean(&integration.id)
            ))?;
        }
        Ok(())
    }
}

/// Orders of which statuses are delivered, in words.
fn delivered(statuses: &[String]) -> String {
    if statuses.is_empty() { "every status".to_owned() } else { clean(&format!("the status {}", statuses.join(", "))) }
}

impl Update {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let statuses = if self.every_status { Some(vec![]) } else { self.order_status };
        let input = json!({ "integrationId": self.id, "name": self.name, "orderStatuses": statuses });
        let client = self.server.client()?;
        let integration =
            client.change(UPDATE, json!({ "input": input }), "updateIntegration").await?["integration"].take();
        if json {
            return Ok(output::print_json(&integration)?);
        }
        let statuses: Vec<String> = understood(&integration["orderStatuses"])?;
        let name = clean(integration["name"].as_str().unwrap_or_default());
        output::print(format_args!("The integration {name} delivers orders of {}.", delivered(&statuses)))?;
        Ok(())
    }
}

impl Switch {
    async fn run(self, json: bool, active: bool) -> anyhow::Result<()> {
        let input = json!({ "input": { "integrationId": self.id, "active": active } });
        let integration = self.server.client()?.change(UPDATE, input, "updateIntegration").await?["integration"].take();
        if json {
            return Ok(output::print_json(&integration)?);
        }
        let name = clean(integration["name"].as_str().unwrap_or_default());
        let consequence =
            if active { "active: its webhooks are taken" } else { "deactivated: its webhooks are refused" };
        output::print(format_args!("The integration {name} is {consequence}."))?;
        Ok(())
    }
}

impl SetSecret {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        // Before anything is typed that would be lost.
        let client = self.server.client()?;
        let secret = input::secret("Signing secret, as the store shows it")?;
        let input = json!({ "input": { "integrationId": self.id, "signingSecret": secret } });
        let mut payload = client.change(SET_SECRET, input, "setSigningSecret").await?;
        let (warning, integration) = (payload["warning"].take(), payload["integration"].take());
        if let Some(warning) = warning.as_str() {
            input::tell(&format!("Warning: {}.", clean(warning)))?;
        }
        if json {
            return Ok(output::print_json(&integration)?);
        }
        let preview = clean(integration["signingSecretPreview"].as_str().unwrap_or_default());
        output::print(format_args!("The signing secret is {preview} now; the one before is void."))?;
        Ok(())
    }
}

impl RotateSecret {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let input = json!({ "input": { "integrationId": self.id, "overlapHours": self.overlap_hours } });
        let payload = self.server.client()?.change(ROTATE_SECRET, input, "rotateSigningSecret").await?;
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
