//! `cloud-bridge mappings suggest`: what a store sells and nothing is delivered for.

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::output::{self, cell, clean};

/// List what a connected store sells that no mapping matches, to choose from instead of typing
#[derive(Args, Debug)]
pub(in crate::cli) struct Suggest {
    #[arg(value_name = "INTEGRATION_ID")]
    integration: String,
    /// Only what has this text in its title or SKU
    #[arg(long, env = "CLOUD_BRIDGE_SEARCH", value_name = "TEXT")]
    search: Option<String>,
    /// How many at most
    #[arg(long, env = "CLOUD_BRIDGE_FIRST", value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    first: u8,
    /// Go on after this cursor, which the list before ended with
    #[arg(long, env = "CLOUD_BRIDGE_AFTER", value_name = "CURSOR")]
    after: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const SUGGESTIONS: &str = "query($id: ID!, $first: Int!, $after: String, $search: String) { integration(id: $id) {
  mappingSuggestions(first: $first, after: $after, search: $search) { next nodes {
    productId variantId title variantTitle sku matchType externalRef } } } }";

#[derive(Debug, Deserialize)]
struct Found {
    nodes: Vec<Suggestion>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suggestion {
    title: Option<String>,
    variant_title: Option<String>,
    match_type: String,
    external_ref: String,
}

impl Suggest {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.integration).await?;
        let wanted = json!({ "id": id, "first": self.first, "after": self.after, "search": self.search });
        let found = client.ask(SUGGESTIONS, wanted).await?;
        if found["integration"].is_null() {
            anyhow::bail!("there is no integration {id} that this key sees");
        }
        let found = &found["integration"]["mappingSuggestions"];
        if json {
            return Ok(output::print_json(found)?);
        }
        let Found { nodes, next } = understood(found)?;
        if nodes.is_empty() {
            return Ok(output::say(
                "Everything that is known of what the store sells has a mapping. `cloud-bridge stores catalogue` reads what it sells.",
            )?);
        }
        let mut table = output::list(&[("PRODUCT", None), ("VARIANT", Some(2)), ("mappings add", None)]);
        for suggestion in &nodes {
            let option = match suggestion.match_type.as_str() {
                "SKU" => "--sku",
                "VARIANT_ID" => "--variant-id",
                _ => "--product-id",
            };
            table.add_row(vec![
                cell(suggestion.title.as_deref().unwrap_or("—")),
                cell(suggestion.variant_title.as_deref().unwrap_or("—")),
                cell(format!("{option} '{}'", suggestion.external_ref.replace('\'', "'\\''"))),
            ]);
        }
        output::may_shorten(&mut table, &["PRODUCT", "VARIANT"]);
        output::print(output::rendered(&table))?;
        if let Some(next) = next {
            output::say(&format!("There is more: --after {}", clean(&next)))?;
        }
        Ok(())
    }
}
