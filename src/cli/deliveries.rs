//! `cloud-bridge deliveries`: what became of the orders, and what a person does about them.

mod explain;
mod list;
mod retry;
mod show;
mod story;

use std::io::IsTerminal as _;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use clap::{Args, Subcommand};
use domain::ResolutionCode;
use domain::delivery::DeliveryStatus;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::json;
use strum::VariantNames as _;

use super::client::{Client, ServerArgs, understood};
use super::output::{self, clean, word};
use super::owners::Store;
use super::paging::{PageArgs, print_cursor};
use super::{acting, identifiers, moments};

pub(super) use explain::several;
pub(crate) use list::status_cell;
pub(super) use list::{Listed, listed};

/// List deliveries, show one or its story, retry, move or cancel it
#[derive(Debug, Subcommand)]
pub(super) enum Deliveries {
    List(List),
    Show(show::Show),
    Explain(explain::Explain),
    Retry(Box<retry::Retry>),
    Move(Move),
    Cancel(Cancel),
    Reveal(Reveal),
}

/// List deliveries, the newest first
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge deliveries list --status action_required,failed_permanent
  cloud-bridge deliveries list --status completed --unmapped
  cloud-bridge deliveries list --order 1042
  cloud-bridge deliveries list --customer fan@example.com --reason 'ticket 4711'
  cloud-bridge deliveries list --json | jq -r '.nodes[].id'")]
pub(super) struct List {
    /// Only these statuses, separated by commas
    #[arg(long, env = "CLOUD_BRIDGE_STATUS", value_delimiter = ',', value_parser = PossibleValuesParser::new(DeliveryStatus::VARIANTS))]
    status: Vec<String>,
    /// Only these resolution codes, separated by commas
    #[arg(long, env = "CLOUD_BRIDGE_CODE", value_delimiter = ',', value_parser = PossibleValuesParser::new(ResolutionCode::VARIANTS))]
    code: Vec<String>,
    /// Only with something bought that no mapping was found for; with `--status completed`: delivered, but for that
    #[arg(long, env = "CLOUD_BRIDGE_UNMAPPED", value_parser = FalseyValueParser::new())]
    unmapped: bool,
    /// Only with an order that could not be read at its store when that was last tried; with `--status completed`: delivered,
    /// and a change since is not known
    #[arg(long, env = "CLOUD_BRIDGE_UNREAD", value_parser = FalseyValueParser::new())]
    unread: bool,
    /// Only this integration
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID")]
    integration: Option<String>,
    /// Only of this order: the store's id or number of it
    #[arg(long, env = "CLOUD_BRIDGE_ORDER", value_name = "ORDER")]
    order: Option<String>,
    /// Only where the order id, the order number or, of your own customers, the username begins like this
    #[arg(long, env = "CLOUD_BRIDGE_SEARCH", value_name = "TEXT")]
    search: Option<String>,
    /// Only of this customer, the oldest first: an e-mail address, the store's customer id, or a username. Support says why
    /// with --reason, and the search is recorded
    #[arg(long, env = "CLOUD_BRIDGE_CUSTOMER", value_name = "TEXT", hide_env_values = true, conflicts_with_all = ["status", "code", "unmapped", "unread", "integration", "order", "search"])]
    customer: Option<String>,
    /// Only in this account, for support [default: all that the API key sees]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Try a delivery that waits for its next try at another moment
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge deliveries move 1042 --to 2h
  cloud-bridge deliveries move 1042 --to '2026-12-01 09:00:00'")]
pub(super) struct Move {
    /// Its id or the beginning of it, or the id or number of its order
    #[arg(value_name = "DELIVERY")]
    id: String,
    /// When to try next, within thirty days: a moment, or how long it is until then. `deliveries retry` tries it now. What is in
    /// the queue, or held by a worker, waits for no try that could be moved
    #[arg(long, env = "CLOUD_BRIDGE_TO", value_name = "TIME", value_parser = moments::moment_to_come)]
    to: DateTime<Utc>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Cancel a delivery; what was already shared stays shared
#[derive(Args, Debug)]
pub(super) struct Cancel {
    /// Its id or the beginning of it, or the id or number of its order
    #[arg(value_name = "DELIVERY")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Show who ordered, in any account; for support. That you read it is recorded, with --reason
#[derive(Args, Debug)]
pub(super) struct Reveal {
    /// Its id or the beginning of it, or the id or number of its order
    #[arg(value_name = "DELIVERY")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

const REVEAL: &str = "mutation($input: RevealPersonalDataInput!) { revealPersonalData(input: $input) {
  personalData { username email customerName customerId } userErrors { code message field } } }";

const LIST: &str = "query($first: Int, $after: String, $filter: DeliveryFilter) {
  deliveries(first: $first, after: $after, filter: $filter) {
    nodes {
      id orderId orderNumber status resolutionCode attempts creditsCharged receivedAt updatedAt nextAttemptAt
      integration { id name account { id name } } unreadChange { code resolution announcedAt nextReadAt } }
    pageInfo { hasNextPage endCursor } }
  integrations(first: 2) { nodes { id } } }";

const FIND_CUSTOMER: &str = "mutation($input: FindCustomerInput!) {
  findCustomer(input: $input) {
    matched endCursor userErrors { code message field }
    deliveries {
      id orderId orderNumber status resolutionCode attempts creditsCharged receivedAt updatedAt nextAttemptAt
      integration { id name account { id name } } } } }";

const MOVE: &str = "mutation($input: MoveDeliveryInput!) {
  moveDelivery(input: $input) {
    delivery { id status resolutionCode nextAttemptAt } userErrors { code message field } } }";

const CANCEL: &str = "mutation($input: CancelDeliveryInput!) {
  cancelDelivery(input: $input) { delivery { id status resolutionCode } userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    id: String,
    order_id: String,
    order_number: Option<String>,
    status: String,
    resolution_code: Option<String>,
    attempts: i64,
    credits_charged: i64,
    received_at: DateTime<Utc>,
    integration: Store,
    #[serde(default)]
    unread_change: Option<Unread>,
}

/// A change that could not be read at the store.
#[derive(Deserialize)]
struct Unread {
    resolution: String,
}

impl Deliveries {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(json).await,
            Self::Show(command) => command.run(json).await,
            Self::Reveal(command) => command.run(json).await,
            Self::Explain(command) => command.run(json).await,
            Self::Retry(command) => command.run(json).await,
            Self::Move(Move { id, to, server }) => {
                let input = json!({ "deliveryId": id, "at": to });
                change(&server.client()?, json, MOVE, input, "moveDelivery").await
            }
            Self::Cancel(Cancel { id, server }) => {
                change(&server.client()?, json, CANCEL, json!({ "deliveryId": id }), "cancelDelivery").await
            }
        }
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        if let Some(customer) = &self.customer {
            return self.of_customer(&client, customer, json).await;
        }
        let names = |words: &[String]| {
            (!words.is_empty()).then(|| words.iter().map(|word| word.to_uppercase()).collect::<Vec<_>>())
        };
        let filter = json!({
            "status": names(&self.status),
            "resolutionCode": names(&self.code),
            "integrationId": self.integration,
            "accountId": self.account,
            "order": self.order,
            "search": self.search,
            "unmapped": self.unmapped,
            "unread": self.unread,
        });
        let mut data = self.page.data(&client, LIST, filter).await?;
        let page = data["deliveries"].take();
        if json {
            return Ok(output::print_json(&page)?);
        }
        let deliveries: Vec<Delivery> = understood(&page["nodes"])?;
        if deliveries.is_empty() && self.page.is_first() {
            return Ok(output::say(self.nothing())?);
        }
        let stores = data["integrations"]["nodes"].as_array().map_or(0, Vec::len);
        list::print(&client, &deliveries, stores > 1).await?;
        print_cursor(&page)
    }

    /// The deliveries of a customer: a look-up that is recorded.
    async fn of_customer(&self, client: &Client, customer: &str, json: bool) -> anyhow::Result<()> {
        let (first, after) = self.page.variables();
        let input = json!({ "customer": customer, "accountId": self.account, "first": first, "after": after });
        let mut found = client.change(FIND_CUSTOMER, json!({ "input": input }), "findCustomer").await?;
        if json {
            let (deliveries, cursor) = (found["deliveries"].take(), found["endCursor"].take());
            return Ok(output::print_json(&json!({
                "matched": found["matched"], "nodes": deliveries,
                "pageInfo": { "hasNextPage": !cursor.is_null(), "endCursor": cursor },
            }))?);
        }
        let deliveries: Vec<Delivery> = understood(&found["deliveries"])?;
        if deliveries.is_empty() {
            return Ok(output::say(
                "No delivery is known by this customer: an e-mail address, a store's customer id and a username are \
                 compared as a whole, and what was erased is not found.",
            )?);
        }
        list::print(client, &deliveries, true).await?;
        if let Some(cursor) = found["endCursor"].as_str() {
            output::print(format_args!("\nThere is more: add --after '{}'", clean(cursor)))?;
        }
        Ok(())
    }

    /// That a list is empty, and what to do next.
    fn nothing(&self) -> &'static str {
        if self.order.is_some() {
            "No delivery of this order: it did not reach us, or was not let in, or its webhook cannot be used. \
             `cloud-bridge webhooks list` shows what did, and why it was refused or is unusable."
        } else if self.unmapped {
            "No delivery that fits has anything without a mapping. `cloud-bridge deliveries list --unmapped` alone looks at \
             those of every status and store."
        } else if self.unread {
            "No delivery that fits has anything unread at its store."
        } else if self.status.is_empty()
            && self.code.is_empty()
            && self.integration.is_none()
            && self.account.is_none()
            && self.search.is_none()
        {
            "No order has reached us yet. `cloud-bridge webhooks list` shows what did reach us, also what was refused; \
             `cloud-bridge sign` makes an order to try with."
        } else {
            "No delivery fits. `cloud-bridge deliveries list` without options shows all of them."
        }
    }
}

impl Reveal {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let reason = self.server.reason().context("say why with --reason: it is recorded that you read it")?;
        let input = json!({ "deliveryId": self.id, "reason": reason });
        let payload = self.server.client()?.change(REVEAL, json!({ "input": input }), "revealPersonalData").await?;
        let data = &payload["personalData"];
        if json {
            return Ok(output::print_json(data)?);
        }
        for (label, field) in
            [("Username", "username"), ("E-mail", "email"), ("Name", "customerName"), ("Customer id", "customerId")]
        {
            let value = data[field].as_str().map_or_else(|| "—".to_owned(), clean);
            output::print(format_args!("{label:<12} {value}"))?;
        }
        Ok(())
    }
}

async fn change(
    client: &Client,
    json: bool,
    mutation: &str,
    input: serde_json::Value,
    field: &str,
) -> anyhow::Result<()> {
    let input = identifiers::completed(client, input).await?;
    acting::print_owner_of_delivery(client, input["deliveryId"].as_str().unwrap_or_default()).await?;
    let payload = client.change(mutation, json!({ "input": input }), field).await?;
    let delivery = &payload["delivery"];
    if json {
        return Ok(output::print_json(delivery)?);
    }
    if let Some(next) = delivery["nextAttemptAt"].as_str() {
        let id = clean(delivery["id"].as_str().unwrap_or_default());
        let at = next.parse::<DateTime<Utc>>().map_or_else(|_| clean(next), |at| format!("{} UTC", output::moment(at)));
        output::print(format_args!("Delivery {id} is tried again at {at}."))?;
        return Ok(());
    }
    if field == "retryDelivery" {
        // A worker may be at it already: which status it has by now says nothing.
        let id = clean(delivery["id"].as_str().unwrap_or_default());
        output::print(format_args!(
            "Delivery {id} is tried again. `cloud-bridge deliveries explain` shows what comes of it."
        ))?;
        return Ok(());
    }
    let status = word(delivery["status"].as_str().unwrap_or_default());
    output::print(format_args!(
        "Delivery {} is {} now.",
        clean(delivery["id"].as_str().unwrap_or_default()),
        clean(&status)
    ))?;
    Ok(())
}

/// So many deliveries, in words.
pub(super) fn number_of(deliveries: u64) -> String {
    if deliveries == 1 { "1 delivery".to_owned() } else { format!("{deliveries} deliveries") }
}

/// How far deliveries that are changed are. Drawn on standard error, and only on a terminal.
pub(super) fn progress(all: u64, ctrl_c: &str) -> anyhow::Result<ProgressBar> {
    let template =
        format!("{{bar:40}} {{human_pos}} of {{human_len}} deliveries, {{per_sec}}, {{eta}} left; Ctrl-C {ctrl_c}");
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(all) } else { ProgressBar::hidden() };
    Ok(bar.with_style(ProgressStyle::with_template(&template)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_bar_can_be_drawn() {
        progress(10, "stops").unwrap().finish_and_clear();
    }
}
