//! `cloud-bridge deliveries explain`: the story of an order, to answer what became of it.

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::story::{self, Event};
use crate::cli::client::{Client, MAX_PAGE, PageInfo, ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::input;
use crate::cli::output::{self, clean, moment, word};
use crate::cli::owners::{Owners, Store};
use event_log::clock::Clock;

/// Show the story of an order: what happened, when, why, and what comes next
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge deliveries explain 1042
  cloud-bridge deliveries explain DELIVERY_ID --json | jq -r '.story[].sentence'")]
pub(in crate::cli) struct Explain {
    /// A delivery's id or the beginning of it, or the store's id or number of the order
    #[arg(value_name = "ORDER")]
    order: String,
    #[command(flatten)]
    server: ServerArgs,
}

const DELIVERY: &str = "query($id: ID!) {
  delivery(id: $id) {
    id orderId orderNumber status resolutionCode resolution attempts nextAttemptAt waitsUntil creditsCharged unmapped
    unreadChange { code resolution announcedAt nextReadAt }
    items { state }
    receivedAt updatedAt completedAt duplicateOf { id } integration { id name provider active account { id name } } } }";

const TIMELINE: &str = "query($id: ID!, $first: Int, $after: String) {
  delivery(id: $id) { timeline(first: $first, after: $after) {
    nodes { position sequence type summary data actor reason reasonErased causedBy cause recordedAt } pageInfo { hasNextPage endCursor } } } }";

const SEARCH: &str = "query($first: Int, $filter: DeliveryFilter) {
  deliveries(first: $first, filter: $filter) {
    nodes { id orderId orderNumber status integration { id name account { id name } } duplicateOf { id } } } }";

/// Deliveries that are listed where several match.
const MAX_CANDIDATES: usize = 20;

/// Pages of a story that are read at most.
const STORY_PAGES: usize = 200;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    id: String,
    order_id: String,
    order_number: Option<String>,
    status: String,
    integration: Store,
    duplicate_of: Option<Id>,
}

#[derive(Clone, Debug, Deserialize)]
struct Id {
    id: String,
}

impl Explain {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = resolve(&client, &self.order).await?;
        let delivery = client.ask(DELIVERY, json!({ "id": id })).await?["delivery"].take();
        if delivery.is_null() {
            bail!("there is no delivery {}: `cloud-bridge deliveries list` shows them", clean(&id));
        }
        let mut standing: story::Standing = understood(&delivery)?;
        let found: Found = understood(&delivery)?;
        let (events, is_whole) = timeline(&client, &found.id).await?;
        let events: Vec<Event> = events.iter().map(understood).collect::<anyhow::Result<_>>()?;
        standing.is_erased = story::is_erased(&events);
        let lines = story::story_of(&events);
        if !is_whole {
            let most = events.len();
            input::note(&format!(
                "The story is longer: shown is its beginning, up to event {most}; `events show` has all of it."
            ))?;
        }
        let original = found.duplicate_of.as_ref().map(|original| original.id.as_str());
        let now = story::standing(&standing, original, Clock::default().now());
        if json {
            let lines: Vec<Value> = lines.iter().map(story::StoryLine::object).collect();
            return Ok(output::print_json(&json!({ "delivery": delivery, "story": lines, "now": now }))?);
        }
        output::say(&format!(
            "Order {} of {}: {}\nDelivery {}\n",
            clean(found.order_number.as_ref().unwrap_or(&found.order_id)),
            clean(&found.integration.name),
            clean(&word(&found.status)),
            clean(&found.id)
        ))?;
        for line in &lines {
            let later = line.later.as_ref().map(|later| format!(" ({later})")).unwrap_or_default();
            let sentence = output::fitted(&clean(&line.sentence), 2);
            output::print(format_args!("{}\n  {sentence}", output::fitted(&format!("{}{later}", moment(line.at)), 0)))?;
        }
        Ok(output::print(format_args!("\nNow\n  {}", output::fitted(&clean(&now), 2)))?)
    }
}

/// The delivery that a text names, by its id or the beginning of it, or by the id or number of its order.
pub(super) async fn resolve(client: &Client, text: &str) -> anyhow::Result<String> {
    let text = text.trim();
    // The id of a duplicate names itself.
    if Uuid::parse_str(text).is_ok() {
        return Ok(text.to_owned());
    }
    let ids = identifiers::candidates(client, Kind::Delivery, text).await?;
    match ids.as_slice() {
        [only] => return Ok(only.clone()),
        [] => {}
        ids => return Err(several(client, text, ids).await?),
    }
    let beginning = json!({ "search": text.trim_start_matches('#') });
    let similar = client.ask(SEARCH, json!({ "first": MAX_CANDIDATES, "filter": beginning })).await?;
    let similar: Vec<Found> = understood(&similar["deliveries"]["nodes"])?;
    let mut ids: Vec<String> =
        similar.into_iter().map(|found| found.duplicate_of.map_or(found.id, |original| original.id)).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        bail!("{}", identifiers::unknown(Kind::Delivery, text));
    }
    Err(several(client, text, &ids).await?)
}

/// That a text may mean each of several deliveries, and which those are.
pub(in crate::cli) async fn several(client: &Client, text: &str, ids: &[String]) -> anyhow::Result<anyhow::Error> {
    Ok(anyhow!(which(text, &each(client, ids).await?)))
}

/// Deliveries as they stand themselves, whatever became of their latest duplicates.
async fn each(client: &Client, ids: &[String]) -> anyhow::Result<Vec<Found>> {
    let mut found = vec![];
    for id in ids.iter().take(MAX_CANDIDATES) {
        let delivery = client.ask(DELIVERY, json!({ "id": id })).await?["delivery"].take();
        if !delivery.is_null() {
            found.push(understood(&delivery)?);
        }
    }
    Ok(found)
}

/// Says which one to choose.
fn which(text: &str, several: &[Found]) -> String {
    let owners = Owners::of(several.iter().map(|found| &found.integration.account));
    let lines: Vec<String> = several
        .iter()
        .map(|found| {
            format!(
                "  {}  order {} of {}, {}",
                clean(&found.id),
                clean(found.order_number.as_ref().unwrap_or(&found.order_id)),
                store_of(found, owners.as_ref()),
                clean(&word(&found.status))
            )
        })
        .collect();
    format!("several deliveries match {}: say which, by its id\n{}", clean(text), lines.join("\n"))
}

/// The store of an order, and whose it is where the others are of other accounts.
fn store_of(found: &Found, owners: Option<&Owners>) -> String {
    let name = clean(&found.integration.name);
    owners.map_or(name.clone(), |owners| format!("{name} ({})", owners.name(&found.integration.account)))
}

/// Every event of a delivery, oldest first, and whether they are all.
pub(super) async fn timeline(client: &Client, id: &str) -> anyhow::Result<(Vec<Value>, bool)> {
    let (mut events, mut after) = (vec![], None);
    for _ in 0..STORY_PAGES {
        let variables = json!({ "id": id, "first": MAX_PAGE, "after": after });
        let mut page = client.ask(TIMELINE, variables).await?["delivery"]["timeline"].take();
        if let Value::Array(nodes) = page["nodes"].take() {
            events.extend(nodes);
        }
        match understood(&page["pageInfo"])? {
            PageInfo { has_next_page: true, end_cursor } => after = Some(end_cursor.context("a list goes on nowhere")?),
            PageInfo { has_next_page: false, .. } => return Ok((events, true)),
        }
    }
    Ok((events, false))
}
