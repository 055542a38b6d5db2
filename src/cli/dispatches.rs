//! `cloud-bridge dispatches`: what was sent to which endpoint, what came of it, and sending it again.

mod redrive;
mod show;

use chrono::{DateTime, Utc};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use comfy_table::Color;
use domain::dispatch::DispatchStatus;
use serde::Deserialize;
use serde_json::{Value, json};
use strum::VariantNames as _;

use super::client::{Client, ServerArgs, understood};
use super::identifiers::{Kind, ShortIds};
use super::output::{self, Cell, cell, moment, word};
use super::owners::{Owner, Owners};
use super::paging::{PageArgs, print_cursor};

/// List what was sent to endpoints, show every attempt of one, or send it again
#[derive(Debug, Subcommand)]
pub(super) enum Dispatches {
    List(List),
    Show(show::Show),
    Redrive(Box<redrive::Redrive>),
}

/// List dispatches, each an event on its way to an endpoint, those of the newest events first
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge dispatches list --status dead_letter
  cloud-bridge dispatches list --endpoint ENDPOINT_ID --type 'order.*'
  cloud-bridge dispatches list --object 1042                    # the store's own id of an order, product or customer
  cloud-bridge dispatches list --json | jq -r '.nodes[].id'")]
pub(super) struct List {
    /// Only these statuses, separated by commas
    #[arg(long, env = "CLOUD_BRIDGE_STATUS", value_delimiter = ',', value_parser = PossibleValuesParser::new(DispatchStatus::VARIANTS))]
    status: Vec<String>,
    #[command(flatten)]
    which: WhichArgs,
    /// Only this event, which its receiver has as `webhook-id`
    #[arg(long, env = "CLOUD_BRIDGE_EVENT", value_name = "EVENT_ID")]
    event: Option<String>,
    /// Only in this account, for support [default: all that the API key sees]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// What can be said of dispatches that are listed, and of those that are sent again.
#[derive(Args, Debug)]
struct WhichArgs {
    /// Only to this endpoint
    #[arg(long, env = "CLOUD_BRIDGE_ENDPOINT", value_name = "ENDPOINT_ID")]
    endpoint: Option<String>,
    /// Only events of these types, separated by commas: `order.paid`, `order.*` for a group
    #[arg(long = "type", env = "CLOUD_BRIDGE_TYPE", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Only events about this order, product or customer: the store's own id of it; of a delivery, its id
    #[arg(long, env = "CLOUD_BRIDGE_OBJECT", value_name = "OBJECT_ID")]
    object: Option<String>,
}

impl WhichArgs {
    /// The filter of the API. What is not given restricts nothing.
    fn filter(&self, statuses: &[String]) -> Value {
        let names: Vec<String> = statuses.iter().map(|status| status.to_uppercase()).collect();
        json!({
            "endpointId": self.endpoint,
            "statuses": (!names.is_empty()).then_some(names),
            "types": (!self.types.is_empty()).then_some(&self.types),
            "objectId": self.object,
        })
    }
}

const LIST: &str = "query($first: Int, $after: String, $filter: DispatchFilter) {
  dispatches(first: $first, after: $after, filter: $filter) {
    nodes {
      id status attemptCount attemptedAt dueAt responseStatus reason skipCause
      commerceEvent { id type objectKind objectId recordedAt }
      endpoint { id url account { id name } } }
    pageInfo { hasNextPage endCursor } } }";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dispatch {
    id: String,
    status: String,
    attempt_count: u32,
    due_at: Option<DateTime<Utc>>,
    reason: Option<String>,
    skip_cause: Option<String>,
    commerce_event: Event,
    endpoint: Option<Endpoint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    id: String,
    r#type: String,
    object_kind: String,
    object_id: String,
    recorded_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    id: String,
    url: String,
    account: Owner,
}

impl Dispatches {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(json).await,
            Self::Show(command) => command.run(json).await,
            Self::Redrive(command) => command.run(json).await,
        }
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let mut filter = self.which.filter(&self.status);
        filter["eventId"] = json!(self.event);
        filter["accountId"] = json!(self.account);
        let page = self.page.data(&client, LIST, filter).await?["dispatches"].take();
        if json {
            return Ok(output::print_json(&page)?);
        }
        let dispatches: Vec<Dispatch> = understood(&page["nodes"])?;
        if dispatches.is_empty() && self.page.is_first() {
            return Ok(output::say(
                "No dispatch fits. An event is sent to the endpoints of its account that want its type, from when they are created \
                 on: `cloud-bridge endpoints list` shows them, and `cloud-bridge endpoints match ID` why one was not sent an event.",
            )?);
        }
        output::print(table(&client, &dispatches).await?)?;
        print_cursor(&page)
    }
}

/// Dispatches as a table. Their endpoint is a column where they are of several.
async fn table(client: &Client, dispatches: &[Dispatch]) -> anyhow::Result<String> {
    let short = ShortIds::of(client, Kind::Dispatch, dispatches.iter().map(|dispatch| dispatch.id.as_str())).await?;
    let endpoints = || dispatches.iter().filter_map(|dispatch| dispatch.endpoint.as_ref());
    let owners = Owners::of(endpoints().map(|endpoint| &endpoint.account));
    let is_of_several = endpoints().any(|endpoint| endpoints().next().is_some_and(|first| first.id != endpoint.id));
    let mut header = vec![
        ("ID", None),
        ("TYPE", None),
        ("ABOUT", Some(4)),
        ("STATUS", None),
        ("ATTEMPTS", Some(3)),
        ("NEXT (UTC)", Some(4)),
        ("RECORDED (UTC)", Some(5)),
        ("REASON", Some(1)),
    ];
    if is_of_several {
        header.insert(1, ("ENDPOINT", Some(2)));
    }
    if owners.is_some() {
        header.insert(1, ("ACCOUNT", Some(6)));
    }
    let mut table = output::list(&header);
    for dispatch in dispatches {
        let Event { r#type, object_kind, object_id, recorded_at, .. } = &dispatch.commerce_event;
        let reason = dispatch.skip_cause.as_deref().map(skipped).or(dispatch.reason.as_deref()).unwrap_or_default();
        let mut row = vec![
            cell(short.get(&dispatch.id)),
            cell(r#type),
            cell(format!("{object_kind} {object_id}")),
            status_cell(&dispatch.status),
            cell(dispatch.attempt_count.to_string()),
            cell(dispatch.due_at.filter(|_| dispatch.status == "RETRYING").map_or_else(|| "—".to_owned(), moment)),
            cell(moment(*recorded_at)),
            cell(reason),
        ];
        let endpoint = dispatch.endpoint.as_ref();
        if is_of_several {
            row.insert(1, cell(endpoint.map_or("—", |endpoint| endpoint.url.as_str())));
        }
        if let Some(owners) = &owners {
            row.insert(1, cell(endpoint.map_or("—", |endpoint| owners.name(&endpoint.account))));
        }
        table.add_row(row);
    }
    output::keep_whole(&mut table, 0);
    output::may_shorten(&mut table, &["ENDPOINT", "ABOUT", "REASON", "ACCOUNT"]);
    Ok(output::rendered(&table))
}

/// A status, coloured by what it means for the receiver.
fn status_cell(name: &str) -> Cell {
    let name = word(name);
    let color = DispatchStatus::parse(&name).and_then(|status| match status {
        DispatchStatus::Delivered => Some(Color::Green),
        DispatchStatus::Retrying => Some(Color::Yellow),
        DispatchStatus::DeadLetter => Some(Color::Red),
        DispatchStatus::Skipped => Some(Color::DarkGrey),
        DispatchStatus::Queued => None,
    });
    match color {
        Some(color) => cell(name).fg(color),
        None => cell(name),
    }
}

/// Why something was not sent any more, in words.
fn skipped(cause: &str) -> &str {
    match cause {
        "superseded" => "a later event about the same object was sent instead",
        "endpoint_deleted" => "its endpoint was deleted",
        "erased" => "what it said was erased",
        other => other,
    }
}

fn number_of(dispatches: u64) -> String {
    if dispatches == 1 { "1 dispatch".to_owned() } else { format!("{dispatches} dispatches") }
}
