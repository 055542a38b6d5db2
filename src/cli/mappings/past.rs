//! Past orders that bought what is mapped only now.

use clap::Args;
use clap::builder::FalseyValueParser;
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{Client, understood};
use crate::cli::output;
use crate::cli::replay::ForReal;

const COUNT: &str = "query($id: ID!, $mappingIds: [ID!]!) {
  integration(id: $id) { pastOrders(mappingIds: $mappingIds) { orders more } } }";

#[derive(Args, Debug)]
pub(super) struct DeliverPast {
    /// Deliver to past orders too: those that bought the product and were completed without this asset. Shows first which
    #[arg(long, env = "CLOUD_BRIDGE_DELIVER_PAST", value_parser = FalseyValueParser::new())]
    deliver_past: bool,
    /// With --deliver-past: without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
}

/// Orders that were completed before the mappings were there.
#[derive(Deserialize)]
pub(super) struct PastOrders {
    pub(super) orders: u64,
    more: bool,
}

impl PastOrders {
    pub(super) async fn count(client: &Client, integration: &str, mappings: &[String]) -> anyhow::Result<Self> {
        let mut data = client.ask(COUNT, json!({ "id": integration, "mappingIds": mappings })).await?;
        understood(&data["integration"]["pastOrders"].take())
    }

    fn described(&self) -> String {
        let orders = if self.orders == 1 { "1 past order".to_owned() } else { format!("{} past orders", self.orders) };
        if self.more { format!("At least {orders}") } else { orders }
    }
}

impl DeliverPast {
    /// Delivers to them where that is asked for, and else says that it can be.
    pub(super) async fn run(
        &self,
        client: &Client,
        integration: &str,
        mappings: &[String],
        past: &PastOrders,
        json: bool,
    ) -> anyhow::Result<()> {
        match (past.orders, self.deliver_past) {
            (0, true) if !json => {
                Ok(output::say("No past order bought it and did not get it: there is nothing to deliver.")?)
            }
            (1.., true) => {
                let input = json!({ "integrationId": integration, "mappingIds": mappings });
                ForReal { client, input, yes: self.yes }.run(json).await
            }
            (1.., false) if !json => Ok(output::say(&format!(
                "{} bought it and did not get it. The same command with --deliver-past delivers to them.",
                past.described()
            ))?),
            (_, _) => Ok(()),
        }
    }
}
