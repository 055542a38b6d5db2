//! `cloud-bridge stores gaps`: what a store changed, what of it came, and what did not.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::output;

/// Report what a store changed, what of it came by webhook, what was fetched because it never came, and how long it took
#[derive(Args, Debug)]
pub(in crate::cli) struct Gaps {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    /// Days until now, today among them
    #[arg(long, env = "CLOUD_BRIDGE_DAYS", default_value_t = 7, value_parser = clap::value_parser!(u8).range(1..=90))]
    days: u8,
    #[command(flatten)]
    server: ServerArgs,
}

const GAPS: &str = "query($id: ID!, $days: Int!) { integration(id: $id) { id name storeGaps(days: $days) {
  since sentence sent received fetched polled unchanged unreadable averageDelaySeconds longestDelaySeconds longestFetchDelaySeconds
  days { day comparisons sent received fetched unchanged unreadable } } } }";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    sentence: String,
    sent: i64,
    received: i64,
    fetched: i64,
    polled: i64,
    average_delay_seconds: Option<f64>,
    longest_delay_seconds: Option<f64>,
    longest_fetch_delay_seconds: Option<f64>,
    days: Vec<Day>,
}

#[derive(Debug, Deserialize)]
struct Day {
    day: DateTime<Utc>,
    comparisons: i64,
    sent: i64,
    received: i64,
    fetched: i64,
    unchanged: i64,
    unreadable: i64,
}

impl Gaps {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        let found = client.ask(GAPS, json!({ "id": id, "days": self.days })).await?;
        let integration = &found["integration"];
        if integration.is_null() {
            anyhow::bail!("there is no integration {id} that this key sees");
        }
        if json {
            return Ok(output::print_json(integration)?);
        }
        let Some(report) = understood::<Option<Report>>(&integration["storeGaps"])? else {
            anyhow::bail!("the orders of this store are not compared: it is not connected, or cannot list them");
        };
        output::say(&report.sentence)?;
        let Report { sent, received, fetched, polled, .. } = report;
        output::print(format_args!("Changed:  {sent} ({received} came by webhook, {fetched} fetched)"))?;
        if polled > 0 {
            output::print(format_args!("Polled:   {polled} fetched, as the store is asked in place of webhooks"))?;
        }
        if let (Some(average), Some(longest)) = (report.average_delay_seconds, report.longest_delay_seconds) {
            output::print(format_args!("Delay:    {average:.1} s on average, {longest:.1} s at most, of webhooks"))?;
        }
        if let Some(longest) = report.longest_fetch_delay_seconds {
            output::print(format_args!("Fetched:  {:.0} min after the change at most", (longest / 60.0).ceil()))?;
        }
        for day in &report.days {
            let Day { comparisons, sent, received, fetched, unchanged, unreadable, .. } = day;
            output::print(format_args!(
                "{}  {comparisons:>4} comparisons  {sent:>6} changed  {received:>6} came  {fetched:>5} fetched  \
                 {unchanged:>5} said nothing new  {unreadable:>3} not readable",
                day.day.format("%Y-%m-%d")
            ))?;
        }
        Ok(())
    }
}
