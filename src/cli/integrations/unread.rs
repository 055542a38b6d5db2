//! `cloud-bridge integrations unread`: orders that are only published and could not be read at their store yet.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::output::{self, cell, clean, moment};
use crate::cli::paging::{PageArgs, print_cursor};

/// List orders that are only published and that are still to be read at their BigCommerce or Square store, with why
///
/// Their webhooks only name an order: nothing is published of it before it is read.
#[derive(Args, Debug)]
pub(in crate::cli) struct Unread {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const UNREAD: &str = "query($id: ID!, $first: Int, $after: String) {
  integration(id: $id) { unreadOrders(first: $first, after: $after) {
    nodes { streamId orderId code resolution announcedAt nextReadAt } pageInfo { hasNextPage endCursor } } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    resolution: String,
    announced_at: DateTime<Utc>,
    next_read_at: Option<DateTime<Utc>>,
}

impl Unread {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        let (first, after) = self.page.variables();
        let mut found = client.ask(UNREAD, json!({ "id": id, "first": first, "after": after })).await?;
        if found["integration"].is_null() {
            anyhow::bail!("there is no such integration of this account: `cloud-bridge integrations list` shows them");
        }
        let page = found["integration"]["unreadOrders"].take();
        if json {
            return Ok(output::print_json(&page)?);
        }
        let orders: Vec<Order> = understood(&page["nodes"])?;
        if orders.is_empty() && self.page.is_first() {
            return Ok(output::say("Every order that its webhooks named and that is only published was read.")?);
        }
        let mut table = output::list(&[("ORDER", None), ("NAMED (UTC)", None), ("NEXT READ (UTC)", Some(1))]);
        for order in &orders {
            let next = order.next_read_at.map(moment).unwrap_or_default();
            table.add_row([cell(&order.order_id), cell(moment(order.announced_at)), cell(next)]);
        }
        output::print(output::rendered(&table))?;
        let mut said: Vec<&str> = vec![];
        for order in &orders {
            if !said.contains(&order.resolution.as_str()) {
                said.push(&order.resolution);
                let sentence = format!("{}: {}", order.order_id, order.resolution);
                output::print(format_args!("\n{}", output::fitted(&clean(&sentence), 0)))?;
            }
        }
        print_cursor(&page)
    }
}
