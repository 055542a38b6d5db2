//! `cloud-bridge webhooks`: what reached us of a store, and what became of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::client::{ServerArgs, understood};
use super::identifiers::order_or_delivery;
use super::output::{self, cell, clean, moment, word};
use super::owners::{Owners, Store};
use super::paging::{PageArgs, print_cursor};
use crate::app::receipts;

/// List the webhooks of a store: those that were recorded, and those that were not let in
#[derive(Debug, Subcommand)]
pub(super) enum Webhooks {
    List(List),
}

/// List webhooks, the newest first; those that were refused are counted by the hour; below the list it says what to do about them
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge webhooks list --integration INTEGRATION_ID
  cloud-bridge webhooks list --order 1042
  cloud-bridge webhooks list --integration INTEGRATION_ID --outcome refused,unusable")]
pub(super) struct List {
    /// Only this integration
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID")]
    integration: Option<String>,
    /// Only this account, for support [default: every account for support, its own for a merchant]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// Only about this order: the store's id or number of it, or the id of its delivery. Refused webhooks never match: their order is not kept
    #[arg(long, env = "CLOUD_BRIDGE_ORDER", value_name = "ORDER")]
    order: Option<String>,
    /// Only what became one of these, separated by commas
    #[arg(long, env = "CLOUD_BRIDGE_OUTCOME", value_delimiter = ',', value_parser = PossibleValuesParser::new(receipts::outcomes()))]
    outcome: Vec<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const LIST: &str = "query($first: Int, $after: String, $filter: WebhookReceiptFilter) {
  webhookReceipts(first: $first, after: $after, filter: $filter) {
    nodes { id outcome source reason message advice count topic webhookId orderId orderNumber bodyBytes receivedAt
      integration { id name account { id name } } delivery { id status } commerceEvents { id type } }
    pageInfo { hasNextPage endCursor } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    outcome: String,
    source: String,
    reason: Option<String>,
    message: Option<String>,
    advice: Option<String>,
    count: i64,
    topic: Option<String>,
    order_id: Option<String>,
    order_number: Option<String>,
    received_at: DateTime<Utc>,
    integration: Option<Store>,
    delivery: Option<Delivery>,
    commerce_events: Vec<Published>,
}

#[derive(Deserialize)]
struct Published {
    #[serde(rename = "type")]
    event_type: String,
}

#[derive(Deserialize)]
struct Delivery {
    status: String,
}

impl Receipt {
    /// Why it became what it became; or what was published of it.
    fn why(&self) -> Option<String> {
        let types: Vec<&str> = self.commerce_events.iter().map(|event| event.event_type.as_str()).collect();
        let published = (!types.is_empty()).then(|| format!("published {}", types.join(", ")));
        let why = self.reason.clone().or(published);
        // What the store did not send by itself.
        match (self.source.as_str(), why) {
            ("WEBHOOK", why) => why,
            (source, None) => Some(source.to_lowercase()),
            (source, Some(why)) => Some(format!("{}; {why}", source.to_lowercase())),
        }
    }

    /// The number of the order, or its id where the store has no number.
    fn order(&self) -> Option<&str> {
        self.order_number.as_deref().or(self.order_id.as_deref())
    }
}

impl Webhooks {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let Self::List(list) = self;
        let outcomes: Vec<String> = list.outcome.iter().map(|outcome| outcome.trim().to_uppercase()).collect();
        let order = match &list.order {
            Some(order) => Some(order_or_delivery(&list.server.client()?, order).await?),
            None => None,
        };
        let filter = json!({
            "integrationId": list.integration,
            "accountId": list.account,
            "order": order,
            "outcome": (!outcomes.is_empty()).then_some(outcomes),
        });
        let found = list.page.ask(&list.server, LIST, "webhookReceipts", filter).await?;
        if json {
            return Ok(output::print_json(&found)?);
        }
        let receipts: Vec<Receipt> = understood(&found["nodes"])?;
        if receipts.is_empty() {
            if let Some(order) = &list.order {
                return Ok(output::say(&format!(
                    "No webhook about the order {} was taken. `cloud-bridge webhooks list --outcome refused` shows what was \
                     refused, which is kept without its order.",
                    clean(order)
                ))?);
            }
            if list.integration.is_some() || list.account.is_some() || !list.outcome.is_empty() {
                return Ok(output::say("No webhook fits: without options the list shows those of every kind.")?);
            }
            return Ok(output::say(
                "No webhook fits. Of a store that sends to an address that no integration has nothing is kept: compare the \
                 address in the store with `webhookUrl` in `cloud-bridge --json integrations list`.",
            )?);
        }
        let several_stores = receipts.iter().any(|receipt| receipt.integration != receipts[0].integration);
        let mut header = vec![
            ("RECEIVED (UTC)", None),
            ("COUNT", Some(3)),
            ("BECAME", None),
            ("WHY", None),
            ("ORDER", None),
            ("DELIVERY", Some(2)),
            ("TOPIC", Some(1)),
        ];
        if several_stores {
            header.insert(1, ("STORE", Some(6)));
        }
        let stores = receipts.iter().filter_map(|receipt| receipt.integration.as_ref());
        let owners = Owners::of(stores.map(|store| &store.account));
        if owners.is_some() {
            header.insert(1, ("ACCOUNT", Some(5)));
        }
        let mut table = output::list(&header);
        let or_dash = |text: Option<&str>| cell(text.unwrap_or("—"));
        for receipt in &receipts {
            let mut row = vec![
                cell(moment(receipt.received_at)),
                cell(receipt.count.to_string()),
                cell(word(&receipt.outcome)),
                or_dash(receipt.why().as_deref()),
                or_dash(receipt.order()),
                receipt.delivery.as_ref().map_or_else(|| cell("—"), |delivery| cell(word(&delivery.status))),
                or_dash(receipt.topic.as_deref()),
            ];
            if several_stores {
                row.insert(1, or_dash(receipt.integration.as_ref().map(|store| store.name.as_str())));
            }
            if let Some(owners) = &owners {
                row.insert(1, or_dash(receipt.integration.as_ref().map(|store| owners.name(&store.account))));
            }
            table.add_row(row);
        }
        output::may_shorten(&mut table, &["ORDER", "STORE", "ACCOUNT", "TOPIC"]);
        output::print(output::rendered(&table))?;
        explain(&receipts)?;
        print_cursor(&found)
    }
}

/// Sentences that the senders of one reason got, as many as are printed.
const MAX_MESSAGES: usize = 3;

/// What to do about each reason, and the sentences that the senders got.
fn explain(receipts: &[Receipt]) -> anyhow::Result<()> {
    let mut reasons: BTreeMap<(String, &str), Vec<&str>> = BTreeMap::new();
    for receipt in receipts {
        let Some(advice) = &receipt.advice else { continue };
        let reason = receipt.reason.clone().unwrap_or_else(|| word(&receipt.outcome));
        let messages = reasons.entry((reason, advice)).or_default();
        if let Some(message) = receipt.message.as_deref().filter(|message| !messages.contains(message)) {
            messages.push(message);
        }
    }
    for (index, ((reason, advice), messages)) in reasons.iter().enumerate() {
        let quoted: Vec<String> = messages.iter().take(MAX_MESSAGES).map(|message| format!("“{message}”")).collect();
        let got = if quoted.is_empty() { String::new() } else { format!(" The sender got: {}.", quoted.join("; ")) };
        let sentence = output::fitted(&clean(&format!("{reason}: {advice}{got}")), 2);
        output::print(format_args!("{}{sentence}", if index == 0 { "\n" } else { "" }))?;
    }
    Ok(())
}
