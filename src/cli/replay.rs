//! `cloud-bridge replay`: recorded webhooks decided again, to look at what would happen today, or for real.

mod for_real;

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};
use chrono::{DateTime, SubsecRound as _, Utc};
use clap::Args;
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use domain::delivery::DeliveryStatus;
use domain::{DeliveryId, IntegrationId};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use strum::VariantNames as _;

use super::client::AskingArgs;
use super::databases::DatabaseArgs;
use super::identifiers::whole_in;
use super::moments::moment;
use super::output::{self, cell, clean};
pub(super) use for_real::ForReal;

use crate::replay::{Choice, Difference, MAX_LISTED, MAX_NAMED, WhatIf, what_if};
use event_log::EventLog;

/// Decide recorded webhooks again with today's mappings, filters and code, and deliver what is delivered now
///
/// The running server does it. It shows first how many deliveries would be done again, and which; then it puts them back in the
/// queue. What was shared is not shared again, and what is done, under way, cancelled or erased is left alone. Ctrl-C
/// cancels the replay; the same command does the rest.
///
/// With --dry-run it reads the log itself, writes nothing, calls no service, and shows what would be decided otherwise.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge replay --integration ID --from 2026-11-01 --to 2026-11-08 --reason 'the filter was wrong'
  cloud-bridge replay --integration ID --order 1042 --yes
  cloud-bridge replay --dry-run --integration ID --from 7d")]
pub(super) struct Replay {
    /// Only look: read the log, write nothing, call no service
    #[arg(long, env = "CLOUD_BRIDGE_DRY_RUN", value_parser = FalseyValueParser::new())]
    dry_run: bool,
    /// The integration whose webhooks are decided again
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID")]
    integration: String,
    /// Webhooks received from this moment on [default: the first there is]
    #[arg(long, env = "CLOUD_BRIDGE_FROM", value_name = "TIME", value_parser = moment)]
    from: Option<DateTime<Utc>>,
    /// Webhooks received before this moment [default: now]
    #[arg(long, env = "CLOUD_BRIDGE_TO", value_name = "TIME", value_parser = moment)]
    to: Option<DateTime<Utc>>,
    /// Only deliveries that have one of these statuses now, separated by commas
    #[arg(long, env = "CLOUD_BRIDGE_STATUS", value_delimiter = ',', value_parser = PossibleValuesParser::new(DeliveryStatus::VARIANTS))]
    status: Vec<String>,
    /// Only this order, by the store's id or number of it
    #[arg(long, env = "CLOUD_BRIDGE_ORDER", value_name = "ORDER")]
    order: Option<String>,
    /// Only this delivery; may be given again
    #[arg(long, env = "CLOUD_BRIDGE_DELIVERY", value_name = "DELIVERY_ID", value_delimiter = ',')]
    delivery: Vec<String>,
    /// Do it without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
    #[command(flatten)]
    asking: AskingArgs,
    #[command(flatten)]
    databases: DatabaseArgs,
}

impl Replay {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        self.refuse_nonsense()?;
        if !self.dry_run {
            return self.for_real(json).await;
        }
        let log = self.databases.open_log().await?;
        let choice = self.choice(&log).await?;
        let head = log.head().0.unsigned_abs();
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(head) } else { ProgressBar::hidden() };
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} events, {per_sec}, {eta} left")?);
        let found = what_if(&log, &choice, |position| bar.set_position(position.0.unsigned_abs())).await;
        bar.finish_and_clear();
        log.close().await;
        let found = found?;
        if json { Ok(output::print_json(&as_json(&found))?) } else { print(&found) }
    }

    fn refuse_nonsense(&self) -> anyhow::Result<()> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            bail!("--to must come after --from");
        }
        if self.delivery.len() > MAX_NAMED {
            bail!("--delivery names {MAX_NAMED} deliveries at most");
        }
        Ok(())
    }

    /// What is chosen, by what the log has.
    async fn choice(&self, log: &EventLog) -> anyhow::Result<Choice> {
        let integration = whole_in(log, "integration", &self.integration).await?;
        let integration_id: IntegrationId = integration
            .parse()
            .ok()
            .with_context(|| format!("{:?} is no integration's id", clean(&self.integration)))?;
        let received = (
            self.from.map_or(DateTime::UNIX_EPOCH, |from| from.trunc_subsecs(6)),
            self.to.map_or(DateTime::<Utc>::MAX_UTC, |to| to.trunc_subsecs(6)),
        );
        let mut delivery_ids = vec![];
        for id in &self.delivery {
            let id: Option<DeliveryId> = whole_in(log, "delivery", id).await?.parse().ok();
            delivery_ids.push(id.context("one of --delivery is no delivery's id")?);
        }
        let statuses = self.status.iter().filter_map(|status| DeliveryStatus::parse(status)).collect();
        let mut order_id = None;
        if let Some(order) = self.order.as_deref().map(str::trim) {
            let by_id = DeliveryId::of(integration_id, order).to_string();
            if log.has_stream("delivery", &by_id).await? {
                order_id = Some(order.to_owned());
            } else {
                let numbered = log.deliveries_numbered(Some(integration_id), order).await?;
                if numbered.is_empty() {
                    bail!("no webhook about an order {} of this integration is in the log", clean(order));
                }
                let numbered: Vec<DeliveryId> = numbered.iter().filter_map(|id| id.parse().ok()).collect();
                // Both that are given must hold.
                let is_named = |id: &DeliveryId| self.delivery.is_empty() || delivery_ids.contains(id);
                delivery_ids = numbered.into_iter().filter(is_named).collect();
            }
        }
        Ok(Choice { integration_id, received, statuses, order_id, delivery_ids, mappings: vec![] })
    }
}

fn print(found: &WhatIf) -> anyhow::Result<()> {
    if found.different > 0 {
        let mut table = output::table(&["ORDER", "THEN", "NOW"]);
        for Difference { order_id, order_number, then, now, .. } in &found.differences {
            let order = order_number.as_ref().unwrap_or(order_id);
            table.add_row([cell(order), cell(then.to_string()), cell(now.to_string())]);
        }
        output::may_shorten(&mut table, &["ORDER"]);
        output::print(output::rendered(&table))?;
        if found.different > MAX_LISTED as u64 {
            output::print(format_args!("… the first {MAX_LISTED} of {}", found.different))?;
        }
    }
    Ok(output::say(&summary(found))?)
}

fn summary(found: &WhatIf) -> String {
    let WhatIf { orders, same, undecided, erased, different, .. } = found;
    let were = |number: u64| if number == 1 { "1 was".to_owned() } else { format!("{number} were") };
    format!(
        "{} checked: {different} would be decided otherwise, {same} alike, {} not decided then, {} erased. Nothing was \
         changed.",
        if *orders == 1 { "1 order".to_owned() } else { format!("{orders} orders") },
        were(*undecided),
        were(*erased)
    )
}

fn as_json(found: &WhatIf) -> Value {
    let differences: Vec<Value> = found
        .differences
        .iter()
        .map(|difference| {
            json!({
                "orderId": difference.order_id,
                "orderNumber": difference.order_number,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_one_and_many() {
        let found = WhatIf { orders: 4, same: 1, undecided: 1, erased: 2, ..WhatIf::default() };
        assert_eq!(
            summary(&found),
            "4 orders checked: 0 would be decided otherwise, 1 alike, 1 was not decided then, 2 were erased. Nothing was \
             changed."
        );
    }
}
