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

/// List webhooks, the newest first; those that were refused are counted by the hour, with the reason
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge webhooks list --integration INTEGRATION_ID
  cloud-bridge webhooks list --integration INTEGRATION_ID --outcome refused,unusable")]
pub(super) struct List {
    /// Only this integration; support sees those of every account
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID")]
    integration: Option<String>,
    /// Of this account, for support
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
    nodes { id outcome reason count topic webhookId orderId bodyBytes receivedAt delivery { id status } }
    pageInfo { hasNextPage endCursor } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    outcome: String,
    reason: Option<String>,
    count: i64,
    topic: Option<String>,
    order_id: Option<String>,
    received_at: DateTime<Utc>,
    delivery: Option<Delivery>,
}

#[derive(Deserialize)]
struct Delivery {
    status: String,
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
            return Ok(output::print("No webhook of the kind reached us.")?);
        }
        let mut table = output::table(&["RECEIVED (UTC)", "COUNT", "BECAME", "WHY", "ORDER", "DELIVERY", "TOPIC"]);
        let or_dash = |text: Option<&str>| cell(text.unwrap_or("—"));
        for receipt in &receipts {
            table.add_row([
                cell(moment(receipt.received_at)),
                cell(receipt.count.to_string()),
                cell(word(&receipt.outcome)),
                or_dash(receipt.reason.as_deref()),
                or_dash(receipt.order_id.as_deref()),
                receipt.delivery.as_ref().map_or_else(|| cell("—"), |delivery| cell(word(&delivery.status))),
                or_dash(receipt.topic.as_deref()),
            ]);
        }
        output::print(output::rendered(&table))?;
        tell_of_more(&found)
    }
}
