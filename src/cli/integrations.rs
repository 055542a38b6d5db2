//! `cloud-bridge integrations`: connecting stores.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use clap::{ArgGroup, Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::acting::Acting;
use super::client::{Client, ServerArgs, understood};
use super::identifiers::{self, Kind, ShortIds};
use super::input;
use super::output::{self, cell, clean, moment, word};
use super::paging::{PageArgs, tell_of_more};

/// Connect stores: create an integration, list them, change one, switch it off and on, change its secret
#[derive(Debug, Subcommand)]
pub(super) enum Integrations {
    List(List),
    Create(Create),
    Update(Update),
    Deactivate(Deactivate),
    Activate(Activate),
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

/// Create an integration, and print the address for its webhooks and what to do next
///
/// The signing secret is made and shown this once. Shopify signs with a secret of its own: that one is asked for.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge integrations create --provider generic --name 'My shop'
  cloud-bridge integrations create --provider shopify --name 'My shop' --secret-stdin < secret.txt
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
    /// Read the secret that the store signs with from standard input [default: one is made; Shopify's is asked for]
    #[arg(long, env = "CLOUD_BRIDGE_SECRET_STDIN", value_parser = FalseyValueParser::new())]
    secret_stdin: bool,
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

/// Refuse an integration's webhooks until it is activated again; asks first
///
/// Some stores give up a webhook that is refused for long, and then have to be told of it again.
#[derive(Args, Debug)]
pub(super) struct Deactivate {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    /// Do it without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Take an integration's webhooks again
#[derive(Args, Debug)]
pub(super) struct Activate {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Take the secret that the store chose, as Shopify does; the one before stays valid for a while
///
/// It is asked for at the terminal, where it is not shown, or read from standard input: `set-secret ID < secret.txt`.
#[derive(Args, Debug)]
pub(super) struct SetSecret {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    /// How many hours the secret before stays valid beside the new one
    #[arg(long, env = "CLOUD_BRIDGE_OVERLAP_HOURS", value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=168))]
    overlap_hours: u32,
    /// The secret before is void at once: where somebody else may know it
    #[arg(long, env = "CLOUD_BRIDGE_AT_ONCE", value_parser = FalseyValueParser::new(), conflicts_with = "overlap_hours")]
    at_once: bool,
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

/// The store that takes no secret from us.
const SHOPIFY: &str = "shopify";

const LIST: &str = "query($first: Int, $after: String) {
  integrations(first: $first, after: $after) {
    nodes { id provider name active webhookUrl signingSecretPreview orderStatuses createdAt lastWebhookAt }
    pageInfo { hasNextPage endCursor } } }";

const CREATE: &str = "mutation($input: CreateIntegrationInput!) {
  createIntegration(input: $input) {
    integration { id orderStatuses } webhookUrl signingSecret userErrors { code message field } } }";

const NAME: &str = "query($id: ID!) { integration(id: $id) { name } }";

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
            Self::Deactivate(command) => command.run(json).await,
            Self::Activate(command) => switch(&command.server.client()?, command.id, json, true).await,
            Self::SetSecret(command) => command.run(json).await,
            Self::RotateSecret(command) => command.run(json).await,
        }
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let mut data = self.page.data(&client, LIST, Value::Null).await?;
        let page = data["integrations"].take();
        if json {
            return Ok(output::print_json(&page)?);
        }
        let integrations: Vec<Integration> = understood(&page["nodes"])?;
        if integrations.is_empty() && self.page.is_first() {
            return Ok(output::say(
                "There is no integration yet: `cloud-bridge integrations create --provider generic --name 'My shop'` \
                 connects a store.",
            )?);
        }
        let ids = integrations.iter().map(|integration| integration.id.as_str());
        let short = ShortIds::of(&client, Kind::Integration, ids).await?;
        let mut table = output::list(&[
            ("ID", None),
            ("NAME", None),
            ("PROVIDER", Some(3)),
            ("STATE", Some(4)),
            ("DELIVERS", Some(2)),
            ("LAST WEBHOOK (UTC)", Some(1)),
        ]);
        for integration in &integrations {
            let statuses = integration.order_statuses.join(", ");
            table.add_row([
                cell(short.get(&integration.id)),
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
        // Before anything is typed that would be lost.
        let client = self.server.client()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the integration").await?;
        acting.tell()?;
        let given = if self.secret_stdin { Some(input::piped()?) } else { None };
        let input = json!({
            "accountId": acting.account_id,
            "provider": self.provider.to_uppercase(),
            "name": self.name,
            "orderStatuses": self.order_status,
            "signingSecret": given,
        });
        let payload = client.change(CREATE, json!({ "input": input }), "createIntegration").await?;
        let Created { integration: New { id, order_statuses }, webhook_url, signing_secret } = understood(&payload)?;
        // What was made is of no use to a store that signs with a secret of its own, and nobody should be shown it.
        let is_made = given.is_none();
        let made = Some(signing_secret).filter(|_| is_made && self.provider != SHOPIFY);
        if json {
            return Ok(output::print_json(&json!({
                "integrationId": id, "webhookUrl": webhook_url, "signingSecret": made, "orderStatuses": order_statuses }))?);
        }
        output::print(format_args!(
            "Integration:    {}\nWebhook URL:    {}\nDelivers:       orders of {}\n\nDrafts and failed, voided or expired \
             orders are never delivered. For every other status:\n  cloud-bridge integrations update {} --order-status any",
            clean(&id),
            clean(&webhook_url),
            delivered(&order_statuses),
            clean(&id)
        ))?;
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
        Ok(output::print(format_args!("\n  {}\n  {next}", variables.join("\n  ")))?)
    }
}

/// Orders of which statuses are delivered, in words.
fn delivered(statuses: &[String]) -> String {
    if statuses.is_empty() { "every status".to_owned() } else { clean(&format!("the status {}", statuses.join(", "))) }
}

/// Asks at the terminal for the secret that Shopify shows, and saves it. Answers whether one was given.
async fn shopifys_secret(client: &Client, id: &str) -> anyhow::Result<bool> {
    let prompt = "Shopify's own signing secret, as it shows it below the list of webhooks; return to give it later";
    let Some(secret) = input::optional_secret(prompt)? else { return Ok(false) };
    // The one before was made up: nothing was ever signed with it.
    let input = json!({ "input": { "integrationId": id, "signingSecret": secret, "overlapHours": 0 } });
    client.change(SET_SECRET, input, "setSigningSecret").await?;
    Ok(true)
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

impl Deactivate {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        if !self.yes {
            let found = client.ask(NAME, json!({ "id": id })).await?;
            let name = found["integration"]["name"].as_str().map_or_else(|| id.clone(), clean);
            let question = format!("Refuse the webhooks of the integration {name}?");
            input::confirm(&question).context("nothing was deactivated")?;
        }
        switch(&client, id, json, false).await
    }
}

async fn switch(client: &Client, id: String, json: bool, active: bool) -> anyhow::Result<()> {
    let input = json!({ "input": { "integrationId": id, "active": active } });
    let integration = client.change(UPDATE, input, "updateIntegration").await?["integration"].take();
    if json {
        return Ok(output::print_json(&integration)?);
    }
    let name = clean(integration["name"].as_str().unwrap_or_default());
    let consequence = if active { "active: its webhooks are taken" } else { "deactivated: its webhooks are refused" };
    Ok(output::print(format_args!("The integration {name} is {consequence}."))?)
}

impl SetSecret {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        // Before anything is typed that would be lost.
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        let secret = input::secret("Signing secret, as the store shows it")?;
        let overlap_hours = if self.at_once { 0 } else { self.overlap_hours };
        let input = json!({ "input": { "integrationId": id, "signingSecret": secret, "overlapHours": overlap_hours } });
        let mut payload = client.change(SET_SECRET, input, "setSigningSecret").await?;
        let (warning, integration) = (payload["warning"].take(), payload["integration"].take());
        if let Some(warning) = warning.as_str() {
            input::tell(&format!("Warning: {}.", clean(warning)))?;
        }
        if json {
            return Ok(output::print_json(&integration)?);
        }
        let preview = clean(integration["signingSecretPreview"].as_str().unwrap_or_default());
        let before = match overlap_hours {
            0 => "the one before is void".to_owned(),
            1 => "the one before is valid for 1 more hour".to_owned(),
            hours => format!("the one before is valid for {hours} more hours (--at-once ends that)"),
        };
        Ok(output::print(format_args!("The signing secret is {preview} now; {before}."))?)
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
