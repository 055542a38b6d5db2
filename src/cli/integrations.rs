//! `cloud-bridge integrations`: connecting stores.

mod create;
mod secrets;
mod store_access;
mod unread;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use clap::{ArgGroup, Args, Subcommand};
use domain::integration::{POLL_MINUTES, Purpose};
use serde::Deserialize;
use serde_json::json;
use strum::IntoEnumIterator as _;

use super::acting::print_owner_of_integration;
use super::client::{Client, ServerArgs, understood};
use super::identifiers::{self, Kind, ShortIds};
use super::input;
use super::output::{self, cell, clean, moment, word};
use super::owners::{Owner, Owners};
use super::paging::{PageArgs, print_cursor};

/// Connect stores: create an integration, list them, change one, switch it off and on, change its secret
#[derive(Debug, Subcommand)]
pub(super) enum Integrations {
    List(List),
    Create(create::Create),
    Update(Update),
    Deactivate(Deactivate),
    Activate(Activate),
    SetSecret(secrets::SetSecret),
    RotateSecret(secrets::RotateSecret),
    SetAccess(store_access::SetAccess),
    RemoveAccess(store_access::RemoveAccess),
    Unread(unread::Unread),
}

/// List integrations, the oldest first
#[derive(Args, Debug)]
pub(super) struct List {
    /// Only of this account, for support [default: all that the API key sees]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Change what an integration is called or is for, orders of which statuses it delivers, its store's address or currency
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
    /// What it is for: `delivers` what is ordered, `publishes` commerce events and delivers nothing, or `both`
    #[arg(long, env = "CLOUD_BRIDGE_PURPOSE", value_name = "PURPOSE", group = "what", value_parser = purposes())]
    purpose: Option<String>,
    /// Deliver only orders of these statuses, separated by commas; `any` for every status
    #[arg(long, env = "CLOUD_BRIDGE_ORDER_STATUS", value_name = "STATUS", value_delimiter = ',', group = "what")]
    order_status: Option<Vec<String>>,
    /// Deliver orders of every status
    #[arg(long, env = "CLOUD_BRIDGE_EVERY_STATUS", value_parser = FalseyValueParser::new(), group = "what", conflicts_with = "order_status")]
    every_status: bool,
    /// Of Square, which signs it with each webhook: the address that the store posts to, to the letter
    #[arg(long, env = "CLOUD_BRIDGE_NOTIFICATION_URL", value_name = "URL", group = "what")]
    notification_url: Option<String>,
    /// What the store's prices are in (ISO 4217): the webhooks of products of Shopify and WooCommerce do not say. It counts for each product from its next webhook on
    #[arg(long, env = "CLOUD_BRIDGE_CURRENCY", value_name = "EUR", group = "what")]
    currency: Option<String>,
    /// Ask the store so often what it changed, in place of webhooks: every 5 to 1440 minutes; `never` for webhooks
    #[arg(long, env = "CLOUD_BRIDGE_POLL_EVERY", value_name = "MINUTES", group = "what", value_parser = poll_every)]
    poll_every: Option<u32>,
    #[command(flatten)]
    server: ServerArgs,
}

fn poll_every(text: &str) -> Result<u32, String> {
    match text.parse() {
        _ if text == "never" => Ok(0),
        Ok(minutes) if POLL_MINUTES.contains(&minutes) => Ok(minutes),
        Ok(_) | Err(_) => Err(format!("{} to {} minutes, or `never`", POLL_MINUTES.start(), POLL_MINUTES.end())),
    }
}

/// Refuse an integration's webhooks until it is activated again; asks first
///
/// What is not delivered yet waits until then, as `action_required` with the code `integration_inactive`. Some stores give up a webhook that is refused for long, and then need it to be set up again.
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

const LIST: &str = "query($first: Int, $after: String, $accountId: ID) {
  integrations(first: $first, after: $after, accountId: $accountId) {
    nodes {
      id provider name purpose active webhookUrl notificationUrl currency signingSecretPreview storeAccess { tokenPreview store }
      orderStatuses createdAt lastWebhookAt account { id name } }
    pageInfo { hasNextPage endCursor } } }";

const NAME: &str = "query($id: ID!) { integration(id: $id) { name } }";

const UPDATE: &str = "mutation($input: UpdateIntegrationInput!) {
  updateIntegration(input: $input) {
    integration { id name active purpose orderStatuses unknownOrderStatuses notificationUrl currency pollEveryMinutes } userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Integration {
    id: String,
    provider: String,
    name: String,
    purpose: String,
    active: bool,
    order_statuses: Vec<String>,
    last_webhook_at: Option<DateTime<Utc>>,
    account: Owner,
}

impl Integrations {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(json).await,
            Self::Create(command) => command.run(json).await,
            Self::Update(command) => command.run(json).await,
            Self::Deactivate(command) => command.run(json).await,
            Self::Activate(command) => command.run(json).await,
            Self::SetSecret(command) => command.run(json).await,
            Self::RotateSecret(command) => command.run(json).await,
            Self::SetAccess(command) => command.run(json).await,
            Self::RemoveAccess(command) => command.run(json).await,
            Self::Unread(command) => command.run(json).await,
        }
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let (first, after) = self.page.variables();
        let variables = json!({ "first": first, "after": after, "accountId": self.account });
        let mut data = client.ask(LIST, identifiers::completed(&client, variables).await?).await?;
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
        let owners = Owners::of(integrations.iter().map(|integration| &integration.account));
        let mut header = vec![
            ("ID", None),
            ("NAME", None),
            ("PROVIDER", Some(3)),
            ("STATE", Some(4)),
            ("PURPOSE", Some(6)),
            ("DELIVERS", Some(2)),
            ("LAST WEBHOOK (UTC)", Some(1)),
        ];
        if owners.is_some() {
            header.insert(2, ("ACCOUNT", Some(5)));
        }
        let mut table = output::list(&header);
        for integration in &integrations {
            let statuses = match integration.purpose.as_str() {
                "PUBLISHES" => "nothing".to_owned(),
                _ if integration.order_statuses.is_empty() => "every status".to_owned(),
                _ => integration.order_statuses.join(", "),
            };
            let mut row = vec![
                cell(short.get(&integration.id)),
                cell(&integration.name),
                cell(word(&integration.provider)),
                cell(if integration.active { "active" } else { "deactivated" }),
                cell(word(&integration.purpose)),
                cell(statuses),
                cell(integration.last_webhook_at.map(moment).unwrap_or_default()),
            ];
            if let Some(owners) = &owners {
                row.insert(2, cell(owners.name(&integration.account)));
            }
            table.add_row(row);
        }
        output::keep_whole(&mut table, 0);
        output::may_shorten(&mut table, &["NAME", "ACCOUNT"]);
        output::print(output::rendered(&table))?;
        print_cursor(&page)
    }
}

/// What an integration may be for.
fn purposes() -> PossibleValuesParser {
    PossibleValuesParser::new(Purpose::iter().map(Purpose::as_str))
}

/// A misspelt status would leave out every order.
fn warn_of_statuses(unknown: &[String]) -> anyhow::Result<()> {
    if unknown.is_empty() {
        return Ok(());
    }
    let named = clean(&unknown.join(", "));
    let warning = format!(
        "Warning: the store itself gives no order the status {named}. Unless a plugin of it does, no order is delivered for \
         that: is it spelt right?"
    );
    Ok(input::note(&output::fitted(&warning, 0))?)
}

/// Orders of which statuses are delivered, in words.
fn delivered(statuses: &[String]) -> String {
    if statuses.is_empty() { "every status".to_owned() } else { clean(&format!("the status {}", statuses.join(", "))) }
}

impl Update {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let statuses = if self.every_status { Some(vec![]) } else { self.order_status };
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        print_owner_of_integration(&client, &id).await?;
        let input = json!({ "integrationId": id, "name": self.name, "orderStatuses": statuses, "notificationUrl": self.notification_url, "currency": self.currency,
            "pollEveryMinutes": self.poll_every,
            "purpose": self.purpose.as_deref().map(str::to_uppercase) });
        let integration =
            client.change(UPDATE, json!({ "input": input }), "updateIntegration").await?["integration"].take();
        warn_of_statuses(&understood::<Vec<String>>(&integration["unknownOrderStatuses"])?)?;
        if json {
            return Ok(output::print_json(&integration)?);
        }
        let statuses: Vec<String> = understood(&integration["orderStatuses"])?;
        let name = clean(integration["name"].as_str().unwrap_or_default());
        let delivers = format!("delivers orders of {}", delivered(&statuses));
        let does = match integration["purpose"].as_str().unwrap_or_default() {
            "PUBLISHES" => "publishes commerce events, and delivers nothing".to_owned(),
            "BOTH" => format!("publishes commerce events, and {delivers}"),
            _ => delivers,
        };
        output::print(format_args!("The integration {name} {does}."))?;
        if self.notification_url.is_some() {
            let url = clean(integration["notificationUrl"].as_str().unwrap_or_default());
            output::print(format_args!("Its store posts to {url}"))?;
        }
        if self.currency.is_some() {
            let currency = clean(integration["currency"].as_str().unwrap_or_default());
            output::print(format_args!("Its prices are in {currency}, from the next webhook on."))?;
        }
        match self.poll_every {
            None => {}
            Some(0) => output::say("Its store sends webhooks, and is not asked in place of them.")?,
            Some(minutes) => output::say(&format!(
                "Its store is asked every {minutes} minutes what it changed, in place of webhooks."
            ))?,
        }
        Ok(())
    }
}

impl Deactivate {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        print_owner_of_integration(&client, &id).await?;
        if !self.yes {
            let found = client.ask(NAME, json!({ "id": id })).await?;
            let name = found["integration"]["name"].as_str().map_or_else(|| id.clone(), clean);
            let question = format!("Refuse the webhooks of the integration {name}, and let its orders wait?");
            input::confirm(&question).context("nothing was deactivated")?;
        }
        switch(&client, id, json, false).await
    }
}

impl Activate {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        print_owner_of_integration(&client, &id).await?;
        switch(&client, id, json, true).await
    }
}

async fn switch(client: &Client, id: String, json: bool, active: bool) -> anyhow::Result<()> {
    let input = json!({ "input": { "integrationId": id, "active": active } });
    let integration = client.change(UPDATE, input, "updateIntegration").await?["integration"].take();
    if json {
        return Ok(output::print_json(&integration)?);
    }
    let name = clean(integration["name"].as_str().unwrap_or_default());
    let consequence = if active {
        "active: its webhooks are taken, and orders that waited for it go on."
    } else {
        "deactivated: its webhooks are refused, and what is not delivered yet waits until it is activated."
    };
    Ok(output::say(&format!("The integration {name} is {consequence}"))?)
}
