//! `cloud-bridge stores sync`: what a store changed and never sent is fetched at once.

use std::io;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::acting::print_owner_of_integration;
use crate::cli::client::{ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::output::{self, clean, moment};

/// Compare the orders of a store with what it sent, and fetch what never came; it is done every hour in any case
///
/// An order that was changed in the last five minutes counts as being on its way, and is looked for again then.
#[derive(Args, Debug)]
pub(in crate::cli) struct Sync {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

const SYNC: &str = "mutation($input: SyncStoreInput!) { syncStore(input: $input) { isDone integration { id storeComparison {
  comparedThrough awaited comparedAt nextComparisonAt failure
  latest { changed received fetched polled unchanged unreadable { orderId reason } } } } userErrors { code message field } } }";

/// What the API says of a comparison.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Comparison {
    pub(super) compared_through: DateTime<Utc>,
    awaited: u32,
    pub(super) compared_at: Option<DateTime<Utc>>,
    next_comparison_at: Option<DateTime<Utc>>,
    pub(super) failure: Option<String>,
    #[serde(default)]
    latest: Option<Latest>,
}

#[derive(Debug, Deserialize)]
struct Latest {
    changed: u32,
    received: u32,
    fetched: u32,
    polled: bool,
    unchanged: u32,
    unreadable: Vec<Unreadable>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unreadable {
    order_id: String,
    reason: String,
}

impl Sync {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        print_owner_of_integration(&client, &id).await?;
        let payload = client.change(SYNC, json!({ "input": { "integrationId": id } }), "syncStore").await?;
        let is_done = payload["isDone"] == json!(true);
        let comparison: Option<Comparison> = understood(&payload["integration"]["storeComparison"])?;
        if json {
            return Ok(output::print_json(&json!({
                "integrationId": id,
                "isDone": is_done,
                "storeComparison": payload["integration"]["storeComparison"],
            }))?);
        }
        let Some(comparison) = comparison.filter(|_| is_done) else {
            anyhow::bail!("it is not done yet: `cloud-bridge stores status {id}` shows when it is");
        };
        if let Some(failure) = &comparison.failure {
            let again = comparison.next_comparison_at.map(|at| format!(" It is tried again at {} UTC.", moment(at)));
            anyhow::bail!(
                "the orders of the store could not be compared: {}.{}",
                clean(failure),
                again.unwrap_or_default()
            );
        }
        Ok(comparison.print()?)
    }
}

impl Comparison {
    fn print(&self) -> io::Result<()> {
        let Some(Latest { changed, received, fetched, polled, unchanged, unreadable }) = &self.latest else {
            return output::say("Nothing was compared yet.");
        };
        if *changed + *received + *fetched + *unchanged == 0 {
            output::say("The store has changed no order since it was last looked at.")?;
        } else if *changed + *received > 0 {
            output::say(&format!("The store changed {}; {received} had come.", orders(*changed)))?;
        }
        match fetched {
            0 => {}
            fetched if *polled => {
                output::say(&format!("{} fetched, as the store is asked in place of webhooks.", orders(*fetched)))?;
            }
            1 => output::say("1 order was fetched because the store never sent it.")?,
            fetched => output::say(&format!("{fetched} orders were fetched because the store never sent them."))?,
        }
        if *unchanged > 0 {
            output::say(&format!("{} said nothing new.", orders(*unchanged)))?;
        }
        if let (1.., Some(at)) = (self.awaited, self.next_comparison_at) {
            let awaited = orders(self.awaited);
            output::say(&format!("{awaited} may be on the way; that is looked at again at {} UTC.", moment(at)))?;
        }
        for order in unreadable {
            let (id, reason) = (clean(&order.order_id), clean(&order.reason));
            output::say(&format!("Order {id} could not be read at the store: {reason}."))?;
        }
        Ok(())
    }
}

fn orders(number: u32) -> String {
    if number == 1 { "1 order".to_owned() } else { format!("{number} orders") }
}
