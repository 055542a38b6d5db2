//! `cloud-bridge deliveries retry`: one delivery, or all that a filter finds.

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use clap::{ArgGroup, Args};
use domain::ResolutionCode;
use domain::delivery::DeliveryStatus;
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::{Value, json};
use strum::VariantNames as _;

use super::{Listed, change, listed, number_of, progress};
use crate::cli::client::{Client, ServerArgs, understood};
use crate::cli::moments::moment;
use crate::cli::shutdown::signals;
use crate::cli::{input, output};

/// Put a delivery back in the queue, if need be with the right username, or all that a filter finds
///
/// With a filter it shows first how many deliveries match, and which. Without --status these are the ones that are
/// neither done nor cancelled; orders whose status is not delivered match only with `--code order_status_filtered`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").required(true).multiple(true), after_long_help = "\
Examples:
  cloud-bridge deliveries retry 1042 --username mutual_max
  cloud-bridge deliveries retry --code temporary_failure --from 2h --reason 'Cortex Cloud was away'
  cloud-bridge deliveries retry --integration ID --status failed_permanent --yes")]
pub(in crate::cli) struct Retry {
    /// The delivery: its id or the beginning of it, or the id or number of its order
    #[arg(value_name = "DELIVERY", group = "which", conflicts_with_all = ["status", "code", "integration", "from", "to"])]
    id: Option<String>,
    /// The customer's username, where the order named none or a wrong one
    #[arg(long, env = "CLOUD_BRIDGE_USERNAME", requires = "id", conflicts_with_all = ["status", "code", "integration", "from", "to"])]
    username: Option<String>,
    /// All that have one of these statuses, separated by commas
    #[arg(long, env = "CLOUD_BRIDGE_STATUS", group = "which", value_delimiter = ',', value_parser = PossibleValuesParser::new(DeliveryStatus::VARIANTS))]
    status: Vec<String>,
    /// All that have one of these resolution codes, separated by commas
    #[arg(long, env = "CLOUD_BRIDGE_CODE", group = "which", value_delimiter = ',', value_parser = PossibleValuesParser::new(ResolutionCode::VARIANTS))]
    code: Vec<String>,
    /// All of this integration
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID", group = "which")]
    integration: Option<String>,
    /// All that were received from this moment on
    #[arg(long, env = "CLOUD_BRIDGE_FROM", value_name = "TIME", group = "which", value_parser = moment)]
    from: Option<DateTime<Utc>>,
    /// All that were received before this moment
    #[arg(long, env = "CLOUD_BRIDGE_TO", value_name = "TIME", group = "which", value_parser = moment)]
    to: Option<DateTime<Utc>>,
    /// Retry all that a filter finds without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const RETRY: &str = "mutation($input: RetryDeliveryInput!) {
  retryDelivery(input: $input) { delivery { id status resolutionCode } userErrors { code message field } } }";

const RETRY_MANY: &str = "mutation($input: RetryDeliveriesInput!) {
  retryDeliveries(input: $input) {
    matched retried more endCursor
    deliveries { id orderId orderNumber status resolutionCode } userErrors { code message field } } }";

/// Why some do not go back to the queue.
const STAYS: &str = "what is delivered, cancelled, being done, names no username, or has a status that is never delivered \
                     stays as it is. `cloud-bridge deliveries retry ID` says of one why.";

/// A thousand deliveries.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    matched: u64,
    retried: u64,
    more: bool,
    end_cursor: Option<String>,
}

#[derive(Default)]
struct Total {
    matched: u64,
    retried: u64,
    /// The first hundred, as the server listed them.
    deliveries: Value,
}

impl Retry {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        if let Some(id) = &self.id {
            let input = json!({ "deliveryId": id, "targetUsername": self.username });
            return change(&self.server.client()?, json, RETRY, input, "retryDelivery").await;
        }
        if self.code.iter().any(|code| code == ResolutionCode::MissingUsername.as_str()) {
            bail!(
                "trying again cannot help an order that names no username: nothing was retried. Ask each customer, then \
                 `cloud-bridge deliveries retry ID --username NAME`; `cloud-bridge deliveries list --code \
                 missing_username` lists the orders"
            );
        }
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            bail!("--to must come after --from");
        }
        let client = self.server.client()?;
        let found = self.each(&client, true, &ProgressBar::hidden()).await.context("nothing was retried")?;
        if found.matched == 0 {
            bail!(
                "no delivery fits: nothing was retried (orders whose status is not delivered match \
                 only with --code order_status_filtered)"
            );
        }
        let left = found.matched.saturating_sub(found.retried);
        if found.retried == 0 {
            bail!("{} would not go back to the queue, and nothing was retried: {STAYS}", number_of(left));
        }
        if !self.yes {
            let all: Vec<Listed> = understood(&found.deliveries)?;
            let count = number_of(found.retried);
            let list = listed(&client, &all, found.retried).await?;
            input::note(&format!("{count} would go back to the queue:\n{list}"))?;
            if left > 0 {
                input::note(&output::fitted(&format!("{} would not: {STAYS}", number_of(left)), 0))?;
            }
            input::confirm(&format!("Put {count} back in the queue?")).context("nothing was retried")?;
        }
        let (bar, mut stop) = (progress(found.matched, "stops")?, signals()?);
        let done = tokio::select! {
            done = self.each(&client, false, &bar) => done,
            _ = stop.recv() => {
                bar.abandon();
                bail!("stopped: what was put back in the queue stays there; run this again for the rest");
            }
        };
        bar.finish_and_clear();
        let done = done?;
        if json {
            let listed = found.deliveries;
            return Ok(output::print_json(
                &json!({ "matched": found.matched, "retried": done.retried, "deliveries": listed }),
            )?);
        }
        output::print(format_args!("{} went back to the queue.", number_of(done.retried)))?;
        match found.matched.saturating_sub(done.retried) {
            0 => Ok(()),
            left if done.retried > 0 => Ok(input::note(&format!("{} did not: {STAYS}", number_of(left)))?),
            left => bail!("{} did not: {STAYS}", number_of(left)),
        }
    }

    /// Goes through all that the filter finds, a thousand at a time.
    async fn each(&self, client: &Client, dry_run: bool, bar: &ProgressBar) -> anyhow::Result<Total> {
        let names = |words: &[String]| {
            (!words.is_empty()).then(|| words.iter().map(|word| word.to_uppercase()).collect::<Vec<_>>())
        };
        let filter = json!({
            "status": names(&self.status),
            "resolutionCode": names(&self.code),
            "integrationId": self.integration,
            "receivedFrom": self.from,
            "receivedTo": self.to,
        });
        let (mut total, mut after) = (Total { deliveries: json!([]), ..Total::default() }, None::<String>);
        loop {
            let input = json!({ "filter": filter, "after": after, "dryRun": dry_run });
            let mut payload = client.change(RETRY_MANY, json!({ "input": input }), "retryDeliveries").await?;
            let step: Step = understood(&payload)?;
            if total.matched == 0 {
                total.deliveries = payload["deliveries"].take();
            }
            total.matched += step.matched;
            total.retried += step.retried;
            bar.set_position(total.matched);
            match step.end_cursor {
                Some(cursor) if step.more => after = Some(cursor),
                Some(_) | None => return Ok(total),
            }
        }
    }
}
