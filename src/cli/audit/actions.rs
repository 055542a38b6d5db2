//! `cloud-bridge audit actions`: what was done with API keys.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{ServerArgs, understood};
use crate::cli::events::event_type;
use crate::cli::identifiers::{self, Kind, ShortIds};
use crate::cli::moments::moment as parse_moment;
use crate::cli::output::{self, cell, clean, moment};
use crate::cli::paging::{PageArgs, print_cursor};

/// List what was done with API keys: when, with which key, what it changed, and the reason given
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge audit actions --stream DELIVERY_ID
  cloud-bridge audit actions --type retry_requested --since 2026-11-01T00:00:00Z
  cloud-bridge audit actions --json | jq -r '.nodes[].reason'")]
pub(in crate::cli) struct Actions {
    /// Only what was about this account
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// Only with the key of this id
    #[arg(long, env = "CLOUD_BRIDGE_KEY_ID", value_name = "KEY_ID")]
    key: Option<String>,
    /// Only events of this type, such as `retry_requested` or `personal_data_read`
    #[arg(long = "type", env = "CLOUD_BRIDGE_TYPE", value_name = "EVENT_TYPE", value_parser = event_type)]
    event_type: Option<String>,
    /// Only what was done to this stream: a delivery's, account's or integration's id
    #[arg(long, env = "CLOUD_BRIDGE_STREAM", value_name = "ID")]
    stream: Option<String>,
    /// Only from this moment on: a date, a date and time (UTC), or how long ago, like 2h or 3d
    #[arg(long, env = "CLOUD_BRIDGE_SINCE", value_name = "TIME", value_parser = parse_moment)]
    since: Option<DateTime<Utc>>,
    /// Only before this moment
    #[arg(long, env = "CLOUD_BRIDGE_UNTIL", value_name = "TIME", value_parser = parse_moment)]
    until: Option<DateTime<Utc>>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const ACTIONS: &str = "query($first: Int, $after: String, $filter: OperatorActionFilter) {
  operatorActions(first: $first, after: $after, filter: $filter) {
    nodes { position recordedAt keyId keyName reason reasonErased accountId aggregateType aggregateId type summary }
    pageInfo { hasNextPage endCursor } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    recorded_at: DateTime<Utc>,
    key_name: String,
    reason: Option<String>,
    reason_erased: bool,
    aggregate_type: String,
    aggregate_id: String,
    summary: String,
}

impl Actions {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let stream = match &self.stream {
            Some(text) => Some(identifiers::whole_stream(&client, text).await?),
            None => None,
        };
        let filter = json!({
            "accountId": self.account,
            "keyId": self.key,
            "type": self.event_type,
            "aggregateId": stream,
            "from": self.since,
            "to": self.until,
        });
        let found = self.page.data(&client, ACTIONS, filter).await?["operatorActions"].take();
        if json {
            return Ok(output::print_json(&found)?);
        }
        let actions: Vec<Action> = understood(&found["nodes"])?;
        if actions.is_empty() {
            return Ok(output::print("Nothing of the kind was done with an API key.")?);
        }
        let mut short = ShortIds::default();
        for (kind, name) in
            [(Kind::Delivery, "delivery"), (Kind::Integration, "integration"), (Kind::Account, "account")]
        {
            let of_kind = actions.iter().filter(|action| action.aggregate_type == name);
            short.extend(ShortIds::of(&client, kind, of_kind.map(|action| action.aggregate_id.as_str())).await?);
        }
        let mut table = output::list(&[
            ("WHEN (UTC)", Some(2)),
            ("KEY", None),
            ("WHAT", None),
            ("STREAM", Some(1)),
            ("REASON", None),
        ]);
        for action in &actions {
            table.add_row([
                cell(moment(action.recorded_at)),
                cell(&action.key_name),
                cell(output::with_short_ids(&action.summary)),
                cell(format!("{} {}", action.aggregate_type, clean(short.get(&action.aggregate_id)))),
                cell(action.reason.as_deref().unwrap_or(if action.reason_erased { "erased" } else { "—" })),
            ]);
        }
        output::may_shorten(&mut table, &["KEY", "REASON"]);
        output::print(output::rendered(&table))?;
        print_cursor(&found)
    }
}
