//! Deliveries as a table, and what their codes mean.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::Color;
use domain::ResolutionCode;
use domain::delivery::DeliveryStatus;
use serde::Deserialize;

use super::Delivery;
use crate::cli::client::Client;
use crate::cli::identifiers::{Kind, ShortIds};
use crate::cli::output::{self, Cell, cell, clean, moment, word};
use crate::cli::owners::Owners;

/// Prints a list of deliveries, and below it what to do about each code in it. `with_store` names the store of each.
pub(super) async fn print(client: &Client, deliveries: &[Delivery], with_store: bool) -> anyhow::Result<()> {
    let short = ShortIds::of(client, Kind::Delivery, deliveries.iter().map(|delivery| delivery.id.as_str())).await?;
    let mut header = vec![
        ("ID", None),
        ("ORDER", None),
        ("STATUS", None),
        ("CODE", Some(7)),
        ("ATTEMPTS", Some(1)),
        ("CREDITS", Some(2)),
        ("RECEIVED (UTC)", Some(4)),
    ];
    if with_store {
        header.insert(2, ("STORE", Some(6)));
    }
    let owners = Owners::of(deliveries.iter().map(|delivery| &delivery.integration.account));
    if owners.is_some() {
        header.insert(2, ("ACCOUNT", Some(5)));
    }
    let mut table = output::list(&header);
    let mut codes = BTreeSet::new();
    for delivery in deliveries {
        let code = delivery.resolution_code.as_deref().map(word).unwrap_or_default();
        codes.extend(ResolutionCode::parse(&code));
        let mut row = vec![
            cell(short.get(&delivery.id)),
            cell(delivery.order_number.as_ref().unwrap_or(&delivery.order_id)),
            status_cell(&delivery.status),
            cell(code),
            cell(delivery.attempts.to_string()),
            cell(delivery.credits_charged.to_string()),
            cell(moment(delivery.received_at)),
        ];
        if with_store {
            row.insert(2, cell(&delivery.integration.name));
        }
        if let Some(owners) = &owners {
            row.insert(2, cell(owners.name(&delivery.integration.account)));
        }
        table.add_row(row);
    }
    output::keep_whole(&mut table, 0);
    output::may_shorten(&mut table, &["ORDER", "STORE", "ACCOUNT"]);
    output::print(output::rendered(&table))?;
    explain(&codes)?;
    explain_unread(deliveries, &short)
}

/// What was announced of the order of which deliveries, and could not be read at their stores.
fn explain_unread(deliveries: &[Delivery], short: &ShortIds) -> anyhow::Result<()> {
    let mut unread: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for delivery in deliveries {
        if let Some(change) = &delivery.unread_change {
            unread.entry(&change.resolution).or_default().push(clean(short.get(&delivery.id)));
        }
    }
    for (resolution, ids) in unread {
        let sentence = output::fitted(&format!("{}: {}", ids.join(", "), clean(resolution)), 2);
        output::print(format_args!("\n{sentence}"))?;
    }
    Ok(())
}

/// What each code means and what to do about it.
fn explain(codes: &BTreeSet<ResolutionCode>) -> anyhow::Result<()> {
    for (index, code) in codes.iter().enumerate() {
        let sentence = format!("{}: {}", code.as_str(), code.advice());
        let sentence = output::fitted(&sentence, 2);
        output::print(format_args!("{}{sentence}", if index == 0 { "\n" } else { "" }))?;
    }
    Ok(())
}

/// A delivery as it is shown before many are changed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Listed {
    id: String,
    order_id: String,
    order_number: Option<String>,
    status: String,
    resolution_code: Option<String>,
}

/// Deliveries that are listed before it is asked whether to go on; scripts get a hundred.
const SHOWN: usize = 20;

/// The first of `all` deliveries that are about to be changed.
pub(in crate::cli) async fn listed(client: &Client, deliveries: &[Listed], all: u64) -> anyhow::Result<String> {
    let ids = deliveries.iter().take(SHOWN).map(|delivery| delivery.id.as_str());
    let short = ShortIds::of(client, Kind::Delivery, ids).await?;
    let mut table = output::table(&["ID", "ORDER", "STATUS", "CODE"]);
    for delivery in deliveries.iter().take(SHOWN) {
        table.add_row([
            cell(short.get(&delivery.id)),
            cell(delivery.order_number.as_ref().unwrap_or(&delivery.order_id)),
            status_cell(&delivery.status),
            cell(delivery.resolution_code.as_deref().map(word).unwrap_or_default()),
        ]);
    }
    output::keep_whole(&mut table, 0);
    output::may_shorten(&mut table, &["ORDER", "STORE", "ACCOUNT"]);
    let rest = all.saturating_sub(deliveries.len().min(SHOWN) as u64);
    let rendered = output::rendered(&table);
    Ok(if rest > 0 { format!("{rendered}\n… and {rest} more") } else { rendered })
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
