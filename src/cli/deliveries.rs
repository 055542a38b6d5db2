//! `cloud-bridge deliveries`: what became of the orders, and the two things a person does about them.

mod explain;
mod retry;
mod show;
mod story;

use std::io::IsTerminal as _;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use comfy_table::{Cell, Color};
use domain::ResolutionCode;
use domain::delivery::DeliveryStatus;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::json;

use super::client::{ServerArgs, understood};
use super::output::{self, cell, clean, moment, word};
use super::paging::{PageArgs, tell_of_more};

/// List deliveries, show one or tell its story, retry or cancel it
#[derive(Debug, Subcommand)]
pub(super) enum Deliveries {
    List(List),
    Show(show::Show),
    Explain(explain::Explain),
    Retry(Box<retry::Retry>),
    Cancel(Cancel),
    Reveal(Reveal),
}

/// List deliveries, the newest first
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge deliveries list --status action_required,failed_permanent
  cloud-bridge deliveries list --order 1042
  cloud-bridge deliveries list --json | jq -r '.nodes[].id'")]
pub(super) struct List {
    /// Only these statuses, separated by commas
    #[arg(long, env = "CLOUD_BRIDGE_STATUS", value_delimiter = ',', value_parser = PossibleValuesParser::new(DeliveryStatus::ALL.map(DeliveryStatus::as_str)))]
    status: Vec<String>,
    /// Only these resolution codes, separated by commas
    #[arg(long, env = "CLOUD_BRIDGE_CODE", value_delimiter = ',', value_parser = PossibleValuesParser::new(ResolutionCode::ALL.map(ResolutionCode::as_str)))]
    code: Vec<String>,
    /// Only this integration
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID")]
    integration: Option<String>,
    /// Only of this order: the store's id or number of it
    #[arg(long, env = "CLOUD_BRIDGE_ORDER", value_name = "ORDER")]
    order: Option<String>,
    /// Only where the order id, the order number or the username begins like this
    #[arg(long, env = "CLOUD_BRIDGE_SEARCH", value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Cancel a delivery; what was already shared stays shared
#[derive(Args, Debug)]
pub(super) struct Cancel {
    #[arg(value_name = "DELIVERY_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Show who ordered, in any account; for support. That you read it is recorded, with --reason
#[derive(Args, Debug)]
pub(super) struct Reveal {
    #[arg(value_name = "DELIVERY_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

const REVEAL: &str = "mutation($input: RevealPersonalDataInput!) { revealPersonalData(input: $input) {
  personalData { username email customerName customerId } userErrors { code message field } } }";

const LIST: &str = "query($first: Int, $after: String, $filter: DeliveryFilter) {
  deliveries(first: $first, after: $after, filter: $filter) {
    nodes { id orderId orderNumber status resolutionCode attempts creditsCharged receivedAt updatedAt nextAttemptAt }
    pageInfo { hasNextPage endCursor } } }";

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
}

impl Deliveries {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(json).await,
            Self::Show(command) => command.run(json).await,
            Self::Reveal(command) => command.run(json).await,
            Self::Explain(command) => command.run(json).await,
            Self::Retry(command) => command.run(json).await,
            Self::Cancel(Cancel { id, server }) => {
                change(&server, json, CANCEL, json!({ "deliveryId": id }), "cancelDelivery").await
            }
        }
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let names = |words: &[String]| {
            (!words.is_empty()).then(|| words.iter().map(|word| word.to_uppercase()).collect::<Vec<_>>())
        };
        let filter = json!({
            "status": names(&self.status),
            "resolutionCode": names(&self.code),
            "integrationId": self.integration,
            "order": self.order,
            "search": self.search,
        });
        let page = self.page.ask(&self.server, LIST, "deliveries", filter).await?;
        if json {
            return Ok(output::print_json(&page)?);
        }
        let deliveries: Vec<Delivery> = understood(&page["nodes"])?;
        let mut table = output::table(&["ID", "ORDER", "STATUS", "CODE", "ATTEMPTS", "CREDITS", "RECEIVED (UTC)"]);
        for delivery in &deliveries {
            table.add_row([
                cell(&delivery.id),
                cell(delivery.order_number.as_ref().unwrap_or(&delivery.order_id)),
                status_cell(&delivery.status),
                cell(delivery.resolution_code.as_deref().map(word).unwrap_or_default()),
                cell(delivery.attempts.to_string()),
                cell(delivery.credits_charged.to_string()),
                cell(moment(delivery.received_at)),
            ]);
        }
        output::keep_whole(&mut table, 0);
        output::print(output::rendered(&table))?;
        tell_of_more(&page)
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
    server: &ServerArgs,
    json: bool,
    mutation: &str,
    input: serde_json::Value,
    field: &str,
) -> anyhow::Result<()> {
    let payload = server.client()?.change(mutation, json!({ "input": input }), field).await?;
    let delivery = &payload["delivery"];
    if json {
        return Ok(output::print_json(delivery)?);
    }
    let status = word(delivery["status"].as_str().unwrap_or_default());
    output::print(format_args!(
        "Delivery {} is {} now.",
        clean(delivery["id"].as_str().unwrap_or_default()),
        clean(&status)
    ))?;
    Ok(())
}

/// A delivery as it is shown before many are changed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    id: String,
    order_id: String,
    order_number: Option<String>,
    status: String,
    resolution_code: Option<String>,
}

/// Deliveries that are listed before it is asked whether to go on; scripts get a hundred.
const SHOWN: usize = 20;

/// The first of `all` deliveries that are about to be changed.
pub(super) fn listed(deliveries: &[Listed], all: u64) -> String {
    let mut table = output::table(&["ID", "ORDER", "STATUS", "CODE"]);
    for delivery in deliveries.iter().take(SHOWN) {
        table.add_row([
            cell(&delivery.id),
            cell(delivery.order_number.as_ref().unwrap_or(&delivery.order_id)),
            status_cell(&delivery.status),
            cell(delivery.resolution_code.as_deref().map(word).unwrap_or_default()),
        ]);
    }
    output::keep_whole(&mut table, 0);
    let rest = all.saturating_sub(deliveries.len().min(SHOWN) as u64);
    let rendered = output::rendered(&table);
    if rest > 0 { format!("{rendered}\n… and {rest} more") } else { rendered }
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

/// A status, coloured by what it means for the merchant.
pub(crate) fn status_cell(name: &str) -> Cell {
    let name = word(name);
    let color = DeliveryStatus::parse(&name).and_then(|status| match status {
        DeliveryStatus::Completed => Some(Color::Green),
        DeliveryStatus::ActionRequired => Some(Color::Yellow),
        DeliveryStatus::FailedPermanent => Some(Color::Red),
        DeliveryStatus::Running | DeliveryStatus::RetryScheduled => Some(Color::Cyan),
        DeliveryStatus::Cancelled | DeliveryStatus::Duplicate => Some(Color::DarkGrey),
        DeliveryStatus::Queued => None,
    });
    match color {
        Some(color) => cell(name).fg(color),
        None => cell(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_bar_can_be_drawn() {
        progress(10, "stops").unwrap().finish_and_clear();
    }
}
