//! `cloud-bridge stores catalogue`: what a store sells is read.

use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::acting::print_owner_of_integration;
use crate::cli::client::{Client, ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::input;
use crate::cli::output::{self, clean};

/// Read what a store sells: its products with their variants, and its collections; it is done once a store is connected in any case
///
/// Ctrl-C ends the waiting alone. `cloud-bridge products list` shows what was read.
#[derive(Args, Debug)]
pub(in crate::cli) struct Catalogue {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    /// Do not wait until it is read
    #[arg(long, env = "CLOUD_BRIDGE_NO_WAIT", value_parser = clap::builder::FalseyValueParser::new())]
    no_wait: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const READ: &str = "mutation($input: ReadStoreCatalogueInput!) {
  readStoreCatalogue(input: $input) { integration { id } userErrors { code message field } } }";
const PROGRESS: &str = "query($id: ID!) { integration(id: $id) {
  storeCatalogue { underWay products collections news doneAt failure nextTryAt } } }";
/// How often it is asked how far it is.
const POLL_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    under_way: bool,
    products: u32,
    collections: u32,
    news: u32,
    failure: Option<String>,
}

impl Catalogue {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        print_owner_of_integration(&client, &id).await?;
        client.change(READ, json!({ "input": { "integrationId": id } }), "readStoreCatalogue").await?;
        if self.no_wait {
            return Ok(output::say(&format!(
                "It is being read: `cloud-bridge stores status {id}` shows how far it is."
            ))?);
        }
        let read = wait(&client, &id).await?;
        if json {
            return Ok(output::print_json(&read)?);
        }
        let Progress { products, collections, news, .. } = understood(&read)?;
        Ok(output::say(&format!(
            "Read: {products} products and {collections} collections, of which {news} were new or had changed."
        ))?)
    }
}

async fn wait(client: &Client, id: &str) -> anyhow::Result<Value> {
    let mut shown = None;
    loop {
        let mut found = client.ask(PROGRESS, json!({ "id": id })).await?;
        let read = found["integration"]["storeCatalogue"].take();
        let Some(progress) = understood::<Option<Progress>>(&read)? else {
            anyhow::bail!("there is no integration {id} that this key sees");
        };
        if let Some(failure) = &progress.failure {
            anyhow::bail!("the store could not be read further: {}. It is tried again by itself", clean(failure));
        }
        if !progress.under_way {
            return Ok(read);
        }
        if shown != Some(progress.products) {
            input::note(&format!("{} products so far", progress.products))?;
            shown = Some(progress.products);
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
