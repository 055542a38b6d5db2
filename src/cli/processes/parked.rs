//! `cloud-bridge processes parked`: read from the log, so that it works without a running server.

use anyhow::Context as _;
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use crate::cli::databases::DatabaseArgs;
use crate::cli::output::{self, cell, moment};
use crate::processes::NAMES;
use event_log::parked::{Chosen, ParkedEvent};

/// Events that are listed at most. More of them have one reason, most likely.
const MAX_LISTED: i64 = 1_000;

/// List the events that process managers could not handle, with the reason; works with and without a running server
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge processes parked --process fixes
  cloud-bridge processes parked --json | jq -r '.[].reason'
  cloud-bridge events show delivery ID                 # the stream that a reason names")]
pub(super) struct Parked {
    /// Only those of this process manager
    #[arg(long, env = "CLOUD_BRIDGE_PROCESS", value_parser = PossibleValuesParser::new(NAMES))]
    process: Option<String>,
    #[command(flatten)]
    databases: DatabaseArgs,
}

impl Parked {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.databases.open_log().await?;
        let chosen = Chosen { process: self.process.as_deref(), position: None };
        let parked = log.parked(chosen, None, MAX_LISTED).await.context("the event log cannot be read")?;
        let (all, _) = log.parked_and_waiting(chosen).await.context("the event log cannot be read")?;
        log.close().await;
        if json {
            let entries: Vec<Value> = parked.iter().map(entry).collect();
            return Ok(output::print_json(&entries)?);
        }
        if parked.is_empty() {
            return Ok(output::say("No event is parked.")?);
        }
        let header = [
            ("PROCESS", None),
            ("POSITION", None),
            ("EVENT", Some(3)),
            ("TRIES", Some(2)),
            ("TRIED LAST (UTC)", Some(1)),
            ("REASON", None),
        ];
        let mut table = output::list(&header);
        for event in &parked {
            table.add_row([
                cell(&event.process),
                cell(event.position.to_string()),
                cell(&event.event_type),
                cell(event.tries.to_string()),
                cell(event.last_tried_at.moment().map(moment).unwrap_or_default()),
                cell(&event.reason),
            ]);
        }
        output::print(output::rendered(&table))?;
        let unlisted = all - i64::try_from(parked.len()).unwrap_or(0);
        if unlisted > 0 {
            output::say(&format!("\n{unlisted} more are parked after these."))?;
        }
        Ok(output::say("\nTry them again with: cloud-bridge processes retry PROCESS [POSITION]")?)
    }
}

fn entry(event: &ParkedEvent) -> Value {
    json!({
        "process": event.process,
        "position": event.position.to_string(),
        "aggregateType": event.aggregate_type,
        "aggregateId": event.aggregate_id,
        "type": event.event_type,
        "accountId": event.account_id,
        "reason": event.reason,
        "tries": event.tries,
        "parkedAt": event.parked_at.moment(),
        "lastTriedAt": event.last_tried_at.moment(),
        "retryAt": event.retry_at.moment(),
    })
}
