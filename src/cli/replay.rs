//! `cloud-bridge replay`: what would happen today, and doing it again for real.

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use clap::builder::FalseyValueParser;
use domain::IntegrationId;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::output::{self, cell, clean};
use super::stores::StoreArgs;
use crate::replay::{Difference, MAX_TOLD, WhatIf, what_if};

/// Decide recorded webhooks again with today's mappings, filters and code, and show what would be different
///
/// Writes nothing and calls nobody. To do deliveries again for real, use `deliveries retry`, or `retryDeliveries` over
/// GraphQL.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  cloud-bridge replay --dry-run --integration ID --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z")]
pub(super) struct Replay {
    /// Only look: write nothing, call nobody
    #[arg(long, env = "CLOUD_BRIDGE_DRY_RUN", value_parser = FalseyValueParser::new())]
    dry_run: bool,
    /// The integration whose webhooks are decided again
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID")]
    integration: String,
    /// Webhooks received from this moment on [default: the first there is]
    #[arg(long, env = "CLOUD_BRIDGE_FROM", value_name = "TIME")]
    from: Option<DateTime<Utc>>,
    /// Webhooks received before this moment [default: now]
    #[arg(long, env = "CLOUD_BRIDGE_TO", value_name = "TIME")]
    to: Option<DateTime<Utc>>,
    #[command(flatten)]
    stores: StoreArgs,
}

impl Replay {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        if !self.dry_run {
            bail!("say --dry-run to look; to do deliveries again for real, use `cloud-bridge deliveries retry ID`");
        }
        let id: IntegrationId = self
            .integration
            .parse()
            .ok()
            .with_context(|| format!("{:?} is no integration's id", clean(&self.integration)))?;
        let from = self.from.map_or(0, |from| from.timestamp_micros());
        let to = self.to.map_or(i64::MAX, |to| to.timestamp_micros());
        if from >= to {
            bail!("--to must come after --from");
        }
        let log = self.stores.open_log().await?;
        let head = log.head().unsigned_abs();
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(head) } else { ProgressBar::hidden() };
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} events, {per_sec}, {eta} left")?);
        let found = what_if(&log, id, (from, to), |position| bar.set_position(position.unsigned_abs())).await;
        bar.finish_and_clear();
        log.close().await;
        let found = found?;
        if json { Ok(output::print_json(&as_json(&found))?) } else { told(&found) }
    }
}

fn told(found: &WhatIf) -> anyhow::Result<()> {
    if found.different > 0 {
        let mut table = output::table(&["ORDER", "THEN", "NOW"]);
        for Difference { order_id, then, now, .. } in &found.differences {
            table.add_row([cell(order_id), cell(then.to_string()), cell(now.to_string())]);
        }
        output::print(output::rendered(&table))?;
        if found.different > MAX_TOLD as u64 {
            output::print(format_args!("… the first {MAX_TOLD} of {}", found.different))?;
        }
    }
    let WhatIf { orders, same, undecided, erased, different, .. } = found;
    Ok(output::print(format_args!(
        "{orders} orders looked at: {different} would be decided otherwise, {same} alike, {undecided} were not decided \
         then, {erased} were erased. Nothing was changed."
    ))?)
}

fn as_json(found: &WhatIf) -> Value {
    let differences: Vec<Value> = found
        .differences
        .iter()
        .map(|difference| {
            json!({
                "orderId": difference.order_id,
                "deliveryId": difference.delivery_id,
                "then": difference.then.to_string(),
                "now": difference.now.to_string(),
            })
        })
        .collect();
    json!({
        "orders": found.orders,
        "same": found.same,
        "undecided": found.undecided,
        "erased": found.erased,
        "different": found.different,
        "differences": differences,
    })
}
