//! `cloud-bridge deliveries show`: one order, what was bought, and its story so far.

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Unread;
use super::explain::{resolve, timeline};
use super::story::Event;
use crate::cli::client::{Client, ServerArgs, understood};
use crate::cli::events::shown_actor;
use crate::cli::input;
use crate::cli::moments::moment as parse_moment;
use crate::cli::output::{self, cell, clean, moment, word};

/// Show one delivery: what was bought, what was shared, and everything that happened
#[derive(Args, Debug)]
pub(in crate::cli) struct Show {
    /// Its id or the beginning of it, or the id or number of its order
    #[arg(value_name = "DELIVERY")]
    id: String,
    /// As it was at this moment: a date, a date and time (UTC), or how long ago, like 2h or 3d
    #[arg(long, env = "CLOUD_BRIDGE_AS_OF", value_name = "TIME", value_parser = parse_moment)]
    as_of: Option<DateTime<Utc>>,
    #[command(flatten)]
    server: ServerArgs,
}

const SHOW: &str = "query($id: ID!, $asOf: DateTime) {
  delivery(id: $id, asOf: $asOf) {
    id orderId orderNumber targetUsername status resolutionCode resolution attempts nextAttemptAt waitsUntil creditsCharged
    receivedAt updatedAt completedAt duplicateOf { id } integration { id name provider }
    unreadChange { resolution }
    lastCall { operation status durationMs reason }
    items { title sku productId quantity state sharedAt
        assets { resourceType resourceId sharedAt sharedWith missing } } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    id: String,
    order_id: String,
    order_number: Option<String>,
    target_username: Option<String>,
    status: String,
    resolution_code: Option<String>,
    resolution: Option<String>,
    unread_change: Option<Unread>,
    attempts: i64,
    waits_until: Option<DateTime<Utc>>,
    credits_charged: i64,
    received_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    duplicate_of: Option<Id>,
    integration: Integration,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
struct Integration {
    name: String,
    provider: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    title: Option<String>,
    sku: Option<String>,
    product_id: Option<String>,
    quantity: i64,
    state: String,
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asset {
    resource_type: String,
    resource_id: String,
    shared_at: Option<DateTime<Utc>>,
    shared_with: Option<String>,
    missing: bool,
}

impl Show {
    pub(super) async fn run(mut self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        self.id = resolve(&client, &self.id).await?;
        let mut found = client.ask(SHOW, json!({ "id": self.id, "asOf": self.as_of })).await?["delivery"].take();
        if found.is_null() {
            let first = self.first_received_at(&client).await?;
            let as_of = self.as_of.map(moment).unwrap_or_default();
            if json {
                return Ok(output::print_json(&found)?);
            }
            return Ok(output::print(format_args!(
                "Nothing was known of delivery {} at {as_of} UTC: the first webhook came in at {} UTC.",
                clean(&self.id),
                moment(first)
            ))?);
        }
        let (mut events, is_whole) = timeline(&client, &self.id).await?;
        if let Some(as_of) = self.as_of {
            // In the order of the log: what a clock that jumped dated earlier came later all the same.
            let beyond =
                events.iter().position(|event| understood::<Event>(event).is_ok_and(|event| event.recorded_at > as_of));
            events.truncate(beyond.unwrap_or(events.len()));
        }
        if !is_whole {
            input::note("Only the beginning of the story is shown: `events show` has all of it.")?;
        }
        if json {
            found["timeline"] = json!({ "nodes": events });
            return Ok(output::print_json(&found)?);
        }
        let delivery: Delivery = understood(&found)?;
        if let Some(as_of) = self.as_of {
            output::print(format_args!("As of {} UTC\n", moment(as_of)))?;
        }
        delivery.print_facts()?;
        delivery.print_items()?;
        print_story(&events)
    }

    /// When the delivery's first webhook came in. That there is no such delivery is an error.
    async fn first_received_at(&self, client: &Client) -> anyhow::Result<DateTime<Utc>> {
        let now = if self.as_of.is_some() {
            client.ask("query($id: ID!) { delivery(id: $id) { receivedAt } }", json!({ "id": self.id })).await?
        } else {
            json!({ "delivery": null })
        };
        if now["delivery"].is_null() {
            bail!("there is no delivery {}: `cloud-bridge deliveries list` shows them", clean(&self.id));
        }
        understood(&now["delivery"]["receivedAt"])
    }
}

impl Delivery {
    fn print_facts(&self) -> anyhow::Result<()> {
        let code = self.resolution_code.as_deref().map(|code| format!(" ({})", word(code))).unwrap_or_default();
        let order = match &self.order_number {
            Some(number) if *number != self.order_id => format!("{number} (id {})", self.order_id),
            Some(_) | None => self.order_id.clone(),
        };
        let integration = format!("{} ({})", self.integration.name, word(&self.integration.provider));
        let facts = [
            ("Delivery", Some(self.id.clone())),
            ("Order", Some(order)),
            ("Integration", Some(integration)),
            ("Customer", self.target_username.clone()),
            ("Status", Some(format!("{}{code}", word(&self.status)))),
            ("What to do", self.resolution.clone()),
            ("Not read", self.unread_change.as_ref().map(|unread| unread.resolution.clone())),
            ("Duplicate of", self.duplicate_of.as_ref().map(|delivery| delivery.id.clone())),
            ("Attempts", Some(self.attempts.to_string())),
            ("Waits until", self.waits_until.map(|at| format!("{} UTC", moment(at)))),
            ("Credits", Some(self.credits_charged.to_string())),
            ("Received", Some(format!("{} UTC", moment(self.received_at)))),
            ("Completed", self.completed_at.map(|at| format!("{} UTC", moment(at)))),
        ];
        for (name, value) in facts {
            if let Some(value) = value {
                output::print(format_args!("{name:<14}{}", output::fitted(&clean(&value), 14)))?;
            }
        }
        Ok(())
    }

    fn print_items(&self) -> anyhow::Result<()> {
        let mut table = output::list(&[
            ("QUANTITY", Some(2)),
            ("ITEM", None),
            ("SKU", Some(1)),
            ("DELIVERS", None),
            ("SHARED (UTC)", None),
        ]);
        for item in &self.items {
            let name = item.title.as_ref().or(item.product_id.as_ref());
            // An asset a line, and a line for an item that has none.
            for index in 0..item.assets.len().max(1) {
                let asset = item.assets.get(index);
                let is_first = index == 0;
                let shown = |text: &str| if is_first { text.to_owned() } else { String::new() };
                table.add_row([
                    cell(shown(&item.quantity.to_string())),
                    cell(shown(name.map_or("", String::as_str))),
                    cell(shown(item.sku.as_deref().unwrap_or_default())),
                    cell(asset.map_or_else(|| item.without_assets().to_owned(), |asset| item.delivering(asset))),
                    cell(asset.map(|asset| asset.shared(self.target_username.as_deref())).unwrap_or_default()),
                ]);
            }
        }
        output::may_shorten(&mut table, &["ITEM", "SKU"]);
        output::print(format_args!("\n{}", output::rendered(&table)))?;
        Ok(())
    }
}

impl Item {
    fn without_assets(&self) -> &'static str {
        match self.state.as_str() {
            "UNMAPPED" => "no mapping",
            "REMOVED" => "no longer ordered",
            _ => "not planned yet",
        }
    }

    fn delivering(&self, asset: &Asset) -> String {
        let note = match (asset.missing, self.state.as_str()) {
            (true, _) => " (not on Cortex Cloud)",
            (false, "REMOVED") => " (no longer ordered)",
            (false, _) => "",
        };
        format!("{} {}{note}", word(&asset.resource_type), asset.resource_id)
    }
}

impl Asset {
    /// When it was shared, and with whom where that is another than the order names now.
    fn shared(&self, customer: Option<&str>) -> String {
        let with = self.shared_with.as_deref().filter(|with| Some(*with) != customer);
        let with = with.map(|with| format!(" with {with}")).unwrap_or_default();
        self.shared_at.map(|at| format!("{}{with}", moment(at))).unwrap_or_default()
    }
}

fn print_story(events: &[Value]) -> anyhow::Result<()> {
    let mut table = output::table(&["WHEN (UTC)", "WHO", "WHAT HAPPENED"]);
    for event in events {
        let event: Event = understood(event)?;
        table.add_row([
            cell(moment(event.recorded_at)),
            cell(shown_actor(&event.actor)),
            cell(output::with_short_ids(&event.summary)),
        ]);
    }
    output::print(format_args!("\n{}", output::rendered(&table)))?;
    Ok(())
}
