//! `cloud-bridge endpoints match`.

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::output::{self, cell, moment};

/// Show which of the last events of its account an endpoint would have been sent, and why not the others
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge endpoints match ID --last 100
  cloud-bridge endpoints match ID --filter '@.data.total.amount > 5000'       # before it is set")]
pub(in crate::cli) struct Match {
    #[arg(value_name = "ENDPOINT_ID")]
    id: String,
    /// How many events are examined
    #[arg(long, env = "CLOUD_BRIDGE_LAST", value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    last: u32,
    /// As if this were its filter; an empty one lets every event pass
    #[arg(long, env = "CLOUD_BRIDGE_FILTER", value_name = "CONDITION")]
    filter: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const MATCH: &str = "query($id: ID!, $last: Int, $filter: String) {
  endpoint(id: $id) { matches(last: $last, filter: $filter) {
    examined matched events { matches mismatch commerceEvent { id type recordedAt objectKind objectId } } } } }";

#[derive(Deserialize)]
struct Matches {
    examined: u32,
    matched: u32,
    events: Vec<Examined>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Examined {
    mismatch: Option<String>,
    commerce_event: Event,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    r#type: String,
    recorded_at: DateTime<Utc>,
    object_kind: String,
    object_id: String,
}

impl Match {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = super::named(&client, &self.id).await?;
        let variables = json!({ "id": id, "last": self.last, "filter": self.filter });
        let mut endpoint = client.ask(MATCH, variables).await?["endpoint"].take();
        if endpoint.is_null() {
            bail!("{}", identifiers::unknown(Kind::Endpoint, &self.id));
        }
        let found = endpoint["matches"].take();
        if json {
            return Ok(output::print_json(&found)?);
        }
        let Matches { examined, matched, events } = understood(&found)?;
        if events.is_empty() {
            return Ok(output::say("Nothing was published of this account yet.")?);
        }
        let mut table =
            output::list(&[("RECORDED (UTC)", Some(1)), ("TYPE", None), ("ABOUT", Some(2)), ("SENT", None)]);
        for Examined { mismatch, commerce_event } in &events {
            table.add_row([
                cell(moment(commerce_event.recorded_at)),
                cell(&commerce_event.r#type),
                cell(format!("{} {}", commerce_event.object_kind, commerce_event.object_id)),
                cell(sent(mismatch.as_deref())),
            ]);
        }
        output::may_shorten(&mut table, &["ABOUT"]);
        output::print(output::rendered(&table))?;
        Ok(output::print(format_args!("\n{matched} of the last {examined} events are for the endpoint."))?)
    }
}

fn sent(mismatch: Option<&str>) -> String {
    match mismatch {
        None => "yes".to_owned(),
        Some("TYPE") => "no: another type".to_owned(),
        Some("INTEGRATION") => "no: another store".to_owned(),
        Some("FILTER") => "no: the filter".to_owned(),
        Some(other) => format!("no: {}", output::word(other)),
    }
}
