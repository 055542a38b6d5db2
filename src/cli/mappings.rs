//! `cloud-bridge mappings`: which asset is delivered for which product.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::client::{ServerArgs, understood};
use super::output::{self, cell, clean, word};

/// Say which asset is delivered for which product
#[derive(Debug, Subcommand)]
pub(super) enum Mappings {
    List(List),
    Add(Add),
    Remove(Remove),
}

/// List the mappings of an integration
#[derive(Args, Debug)]
pub(super) struct List {
    #[arg(value_name = "INTEGRATION_ID")]
    integration: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Add a mapping; deliveries that waited for just this go on by themselves
///
/// Where several match a line item, the most specific kind wins: variant, SKU, product, title.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge mappings add INTEGRATION_ID --sku STORM-LEAD-V2 --preset abc123-preset-id
  cloud-bridge mappings add INTEGRATION_ID --title 'Storm Drive' --capture ID")]
pub(super) struct Add {
    #[arg(value_name = "INTEGRATION_ID")]
    integration: String,
    #[command(flatten)]
    product: Product,
    #[command(flatten)]
    asset: Asset,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
#[command(next_help_heading = "Product (one of)")]
struct Product {
    /// By its SKU
    #[arg(long, env = "CLOUD_BRIDGE_SKU")]
    sku: Option<String>,
    /// By the store's id of the product
    #[arg(long, env = "CLOUD_BRIDGE_PRODUCT_ID", value_name = "ID")]
    product_id: Option<String>,
    /// By the store's id of the variant
    #[arg(long, env = "CLOUD_BRIDGE_VARIANT_ID", value_name = "ID")]
    variant_id: Option<String>,
    /// By its title, whatever its case
    #[arg(long, env = "CLOUD_BRIDGE_TITLE")]
    title: Option<String>,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
#[command(next_help_heading = "Asset (one of)")]
struct Asset {
    /// A preset, by its id or its address at Cortex Cloud
    #[arg(long, env = "CLOUD_BRIDGE_PRESET", value_name = "ID")]
    preset: Option<String>,
    /// A capture, by its id or its address at Cortex Cloud
    #[arg(long, env = "CLOUD_BRIDGE_CAPTURE", value_name = "ID")]
    capture: Option<String>,
}

/// Remove a mapping; what was shared stays shared
#[derive(Args, Debug)]
pub(super) struct Remove {
    #[arg(value_name = "INTEGRATION_ID")]
    integration: String,
    /// As `mappings list` shows it
    #[arg(value_name = "MAPPING_ID")]
    mapping: String,
    #[command(flatten)]
    server: ServerArgs,
}

const LIST: &str = "query($id: ID!) {
  integration(id: $id) { itemMappings { id matchType externalRef resourceType resourceId } } }";

const ADD: &str = "mutation($input: AddItemMappingInput!) {
  addItemMapping(input: $input) {
    itemMapping { id matchType externalRef resourceType resourceId } userErrors { code message field } } }";

const REMOVE: &str = "mutation($input: RemoveItemMappingInput!) {
  removeItemMapping(input: $input) { integration { id } userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mapping {
    id: String,
    match_type: String,
    external_ref: String,
    resource_type: String,
    resource_id: String,
}

impl Mappings {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(json).await,
            Self::Add(command) => command.run(json).await,
            Self::Remove(command) => command.run(json).await,
        }
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let mut found = self.server.client()?.ask(LIST, json!({ "id": self.integration })).await?["integration"].take();
        let mappings = found.get_mut("itemMappings").with_context(|| {
            format!(
                "there is no integration {} of yours: `cloud-bridge integrations list` shows them",
                clean(&self.integration)
            )
        })?;
        if json {
            return Ok(output::print_json(mappings)?);
        }
        let mut table = output::table(&["ID", "BY", "PRODUCT", "DELIVERS", "ASSET"]);
        for mapping in understood::<Vec<Mapping>>(mappings)? {
            table.add_row([
                cell(&mapping.id),
                cell(word(&mapping.match_type)),
                cell(&mapping.external_ref),
                cell(word(&mapping.resource_type)),
                cell(&mapping.resource_id),
            ]);
        }
        output::keep_whole(&mut table, 0);
        output::print(output::rendered(&table))?;
        Ok(())
    }
}

impl Product {
    /// The kind of match in the API's words, and what is matched.
    fn matched(self) -> Option<(&'static str, String)> {
        let Self { sku, product_id, variant_id, title } = self;
        let kinds = [("SKU", sku), ("PRODUCT_ID", product_id), ("VARIANT_ID", variant_id), ("TITLE", title)];
        kinds.into_iter().find_map(|(kind, value)| Some((kind, value?)))
    }
}

impl Add {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let (match_type, external_ref) = self.product.matched().context("name the product, with --sku for instance")?;
        let asset = self.asset.preset.map(|id| ("PRESET", id)).or(self.asset.capture.map(|id| ("CAPTURE", id)));
        let (resource_type, resource_id) = asset.context("name the asset, with --preset or --capture")?;
        let input = json!({
            "integrationId": self.integration,
            "matchType": match_type,
            "externalRef": external_ref,
            "resourceType": resource_type,
            "resourceId": resource_id,
        });
        let payload = self.server.client()?.change(ADD, json!({ "input": input }), "addItemMapping").await?;
        let mapping = &payload["itemMapping"];
        if json {
            return Ok(output::print_json(mapping)?);
        }
        let mapping: Mapping = understood(mapping)?;
        output::print(format_args!(
            "Mapping {}: for {} {} the {} {} is delivered.",
            clean(&mapping.id),
            word(&mapping.match_type).replace('_', " "),
            clean(&mapping.external_ref),
            word(&mapping.resource_type),
            clean(&mapping.resource_id)
        ))?;
        Ok(())
    }
}

impl Remove {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let input = json!({ "input": { "integrationId": self.integration, "mappingId": self.mapping } });
        self.server.client()?.change(REMOVE, input, "removeItemMapping").await?;
        if json {
            return Ok(output::print_json(&json!({ "removed": self.mapping }))?);
        }
        output::print(format_args!("The mapping {} is removed.", clean(&self.mapping)))?;
        Ok(())
    }
}
