//! `cloud-bridge audit actions`: what was done with API keys.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::accounts::tell_of_more;
use crate::cli::client::{MAX_PAGE, ServerArgs, understood};
use crate::cli::output::{self, cell, clean, moment};

/// List what was done with API keys: when, with which key, what it changed, and the reason given
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge audit actions --stream DELIVERY_ID
  cloud-bridge audit actions --type retry_requested --since 2026-11-01T00:00:00Z
  cloud-bridge audit actions --json | jq -r '.nodes[].reason'")]
pub(in crate::cli) struct Actions {
    /// Only in the affairs of this account
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// Only with the key of this id
    #[arg(long, env = "CLOUD_BRIDGE_KEY_ID", value_name = "KEY_ID")]
    key: Option<String>,
    /// Only events of this type, such as `retry_requested` or `personal_data_read`
    #[arg(long = "type", env = "CLOUD_BRIDGE_TYPE", value_name = "EVENT_TYPE")]
    event_type: Option<String>,
    /// Only what was done to this stream: a delivery's, account's or integration's id
    #[arg(long, env = "CLOUD_BRIDGE_STREAM", value_name = "ID")]
    stream: Option<String>,
    /// Only from this moment on
    #[arg(long, env = "CLOUD_BRIDGE_SINCE", value_name = "TIME")]
    since: Option<DateTime<Utc>>,
    /// Only before this moment
    #[arg(long, env = "CLOUD_BRIDGE_UNTIL", value_name = "TIME")]
    until: Option<DateTime<Utc>>,
    /// How many at most
    #[arg(long, env = "CLOUD_BRIDGE_FIRST", value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PAGE)))]
    first: u32,
    /// Go on after this cursor, which the list before ended with
    #[arg(long, env = "CLOUD_BRIDGE_AFTER", value_name = "CURSOR")]
    after: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const ACTIONS: &str = "query($first: Int, $after: String, $filter: OperatorActionFilter) {
  operatorActions(first: $first, after: $after, filter: $filter) {
    nodes { position recordedAt keyId keyName reason accountId aggregateType aggregateId type summary }
    pageInfo { hasNextPage endCursor } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    recorded_at: DateTime<Utc>,
    key_name: String,
    reason: Option<String>,
    aggregate_type: String,
    aggregate_id: String,
    summary: String,
}

impl Actions {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let filter = json!({
            "accountId": self.account,
            "keyId": self.key,
            "type": self.event_type,
            "aggregateId": self.stream,
            "from": self.since,
            "to": self.until,
        });
        let variables = json!({ "first": self.first, "after": self.after, "filter": filter });
        let mut found = self.server.client()?.ask(ACTIONS, variables).await?;
        let found = found["operatorActions"].take();
        if json {
            return Ok(output::print_json(&found)?);
        }
        let actions: Vec<Action> = understood(&found["nodes"])?;
        if actions.is_empty() {
            return Ok(output::print("Nothing of the kind was done with an API key.")?);
        }
        let mut table = output::table(&["WHEN (UTC)", "KEY", "WHAT", "STREAM", "REASON"]);
        for action in &actions {
            table.add_row([
                cell(moment(action.recorded_at)),
                cell(&action.key_name),
                cell(&action.summary),
                cell(format!("{} {}", action.aggregate_type, clean(&action.aggregate_id))),
                cell(action.reason.as_deref().unwrap_or("—")),
            ]);
        }
        output::print(output::rendered(&table))?;
        tell_of_more(&found["pageInfo"])
    }
}
