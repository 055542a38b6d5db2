//! `cloud-bridge webhooks`: what reached us of a store, and what became of it.

use chrono::{DateTime, Utc};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::client::{ServerArgs, understood};
use super::output::{self, cell, moment, word};
use super::paging::{PageArgs, tell_of_more};

/// List the webhooks of a store: those that were recorded, and those that were not let in
#[derive(Debug, Subcommand)]
pub(super) enum Webhooks {
    List(List),
}

/// List webhooks, the newest first; those that were refused are counted by the hour, with the sentence that the latest sender got
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge webhooks list --integration INTEGRATION_ID
  cloud-bridge webhooks list --integration INTEGRATION_ID --outcome refused,unusable")]
pub(super) struct List {
    /// Only this integration
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID")]
    integration: Option<String>,
    /// Only this account, for support [default: every account for support, its own for a merchant]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// Only what became one of these, separated by commas
    #[arg(long, env = "CLOUD_BRIDGE_OUTCOME", value_delimiter = ',', value_parser = PossibleValuesParser::new(OUTCOMES))]
    outcome: Vec<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const OUTCOMES: [&str; 13] = [
    "accepted",
    "filtered",
    "duplicate",
    "cancelled",
    "too_late",
    "not_an_order",
    "unusable",
    "store_error",
    "customer_data_request",
    "customer_redact",
    "shop_redact",
    "ping",
    "refused",
];

const LIST: &str = "query($first: Int, $after: String, $filter: WebhookReceiptFilter) {
  webhookReceipts(first: $first, after: $after, filter: $filter) {
    nodes { id outcome reason message count topic webhookId orderId bodyBytes receivedAt
      integration { id name } delivery { id status } }
    pageInfo { hasNextPage endCursor } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    outcome: String,
    reason: Option<String>,
    message: Option<String>,
    count: i64,
    topic: Option<String>,
    order_id: Option<String>,
    received_at: DateTime<Utc>,
    integration: Option<Store>,
    delivery: Option<Delivery>,
}

#[derive(Deserialize, PartialEq)]
struct Store {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Delivery {
    status: String,
}

impl Receipt {
    /// The reason, with the sentence that the sender got.
    fn why(&self) -> Option<String> {
        match (&self.reason, &self.message) {
            (Some(reason), Some(message)) => Some(format!("{reason}: {message}")),
            (reason, _) => reason.clone(),
        }
    }
}

impl Webhooks {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let Self::List(list) = self;
        let outcomes: Vec<String> = list.outcome.iter().map(|outcome| outcome.trim().to_uppercase()).collect();
        let filter = json!({
            "integrationId": list.integration,
            "accountId": list.account,
            "outcome": (!outcomes.is_empty()).then_some(outcomes),
        });
        let found = list.page.ask(&list.server, LIST, "webhookReceipts", filter).await?;
        if json {
            return Ok(output::print_json(&found)?);
        }
        let receipts: Vec<Receipt> = understood(&found["nodes"])?;
        if receipts.is_empty() {
            return Ok(output::print(
                "No webhook fits. Of a store that sends to an address that no integration has nothing is kept: compare the \
                 address in the store with `webhookUrl` in `cloud-bridge --json integrations list`.",
            )?);
        }
        let several_stores = receipts.iter().any(|receipt| receipt.integration != receipts[0].integration);
        let mut header = vec!["RECEIVED (UTC)", "COUNT", "BECAME", "WHY", "ORDER", "DELIVERY", "TOPIC"];
        if several_stores {
            header.insert(1, "STORE");
        }
        let mut table = output::table(&header);
        let or_dash = |text: Option<&str>| cell(text.unwrap_or("—"));
        for receipt in &receipts {
            let mut row = vec![
                cell(moment(receipt.received_at)),
                cell(receipt.count.to_string()),
                cell(word(&receipt.outcome)),
                or_dash(receipt.why().as_deref()),
                or_dash(receipt.order_id.as_deref()),
                receipt.delivery.as_ref().map_or_else(|| cell("—"), |delivery| cell(word(&delivery.status))),
                or_dash(receipt.topic.as_deref()),
            ];
            if several_stores {
                row.insert(1, or_dash(receipt.integration.as_ref().map(|store| store.name.as_str())));
            }
            table.add_row(row);
        }
        output::print(output::rendered(&table))?;
        tell_of_more(&found)
    }
}
