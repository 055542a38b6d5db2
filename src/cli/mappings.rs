//! `cloud-bridge mappings`: which asset is delivered for which product.

mod file;
mod past;
mod suggest;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use self::past::{DeliverPast, PastOrders};
use super::acting::print_owner_of_integration;
use super::client::{Client, ServerArgs, understood};
use super::identifiers::{self, Kind, short_among, whole_among};
use super::output::{self, cell, clean, word};

/// Say which asset is delivered for which product
#[derive(Debug, Subcommand)]
pub(super) enum Mappings {
    List(List),
    Add(Add),
    Remove(Remove),
    Import(Import),
    Export(Export),
    Suggest(suggest::Suggest),
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
  cloud-bridge mappings add INTEGRATION_ID --title 'Storm Drive' --capture ID
  cloud-bridge mappings add INTEGRATION_ID --sku STORM --preset ID --deliver-past --reason 'it was forgotten'")]
pub(super) struct Add {
    #[arg(value_name = "INTEGRATION_ID")]
    integration: String,
    #[command(flatten)]
    product: Product,
    #[command(flatten)]
    asset: Asset,
    #[command(flatten)]
    past: DeliverPast,
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
    /// A preset, by its id or its address at Cortex Cloud, which also says when it leads to a capture
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

/// Add the mappings of a JSON file; those that are there already are left as they are
///
/// The file has a list of objects as `mappings export` writes it and the documents on store integrations show it:
/// {"matchType": "sku", "externalRef": "STORM-LEAD-V2", "resourceType": "preset", "resourceId": "abc123-preset-id"}.
/// `matchType` is `sku`, `productId`, `variantId` or `title`, `resourceType` is `preset` or `capture`, in any case. All of
/// it is read before anything is added.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge mappings import INTEGRATION_ID mappings.json
  cloud-bridge mappings export OTHER_ID | cloud-bridge mappings import INTEGRATION_ID")]
pub(super) struct Import {
    #[arg(value_name = "INTEGRATION_ID")]
    integration: String,
    /// The file; `-` is standard input [default: standard input]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    past: DeliverPast,
    #[command(flatten)]
    server: ServerArgs,
}

/// Print the mappings of an integration as JSON that `mappings import` reads
#[derive(Args, Debug)]
pub(super) struct Export {
    #[arg(value_name = "INTEGRATION_ID")]
    integration: String,
    #[command(flatten)]
    server: ServerArgs,
}

const LIST: &str = "query($id: ID!) {
  integration(id: $id) { itemMappings { id matchType externalRef resourceType resourceId } } }";

const ADD: &str = "mutation($input: AddItemMappingInput!) {
  addItemMapping(input: $input) {
    itemMapping { id matchType externalRef resourceType resourceId }
    userErrors { code message field } } }";

const IMPORT: &str = "mutation($input: ImportItemMappingsInput!) {
  importItemMappings(input: $input) { added known mappingIds userErrors { code message field } } }";

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
            Self::Import(command) => command.run(json).await,
            Self::Export(command) => command.run().await,
            Self::Suggest(command) => command.run(json).await,
        }
    }
}

/// The mappings of an integration, and its whole id.
async fn mappings_of(client: &Client, integration: &str) -> anyhow::Result<(String, Vec<Mapping>)> {
    let id = identifiers::whole(client, Kind::Integration, integration).await?;
    print_owner_of_integration(client, &id).await?;
    let mut found = client.ask(LIST, json!({ "id": id })).await?["integration"].take();
    let mappings = found.get_mut("itemMappings").with_context(|| {
        format!("there is no integration {} of yours: `cloud-bridge integrations list` shows them", clean(integration))
    })?;
    Ok((id, understood(mappings)?))
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let (_, mappings) = mappings_of(&client, &self.integration).await?;
        if json {
            return Ok(output::print_json(&mappings.iter().map(Mapping::object).collect::<Vec<_>>())?);
        }
        if mappings.is_empty() {
            return Ok(output::say(
                "There is no mapping yet: `cloud-bridge mappings add INTEGRATION_ID --sku SKU --preset PRESET_ID` adds one, \
                 `cloud-bridge mappings import` many.",
            )?);
        }
        let ids: Vec<&str> = mappings.iter().map(|mapping| mapping.id.as_str()).collect();
        let mut table = output::list(&[("ID", None), ("BY", Some(1)), ("PRODUCT", None), ("DELIVERS", None)]);
        for mapping in &mappings {
            table.add_row([
                cell(short_among(&mapping.id, &ids)),
                cell(file::match_type(&mapping.match_type)),
                cell(&mapping.external_ref),
                cell(format!("{} {}", word(&mapping.resource_type), mapping.resource_id)),
            ]);
        }
        output::keep_whole(&mut table, 0);
        output::print(output::rendered(&table))?;
        Ok(())
    }
}

impl Mapping {
    /// As the documents on store integrations write it, with its id.
    fn object(&self) -> Value {
        let mut object = file::object(&self.match_type, &self.external_ref, &self.resource_type, &self.resource_id);
        object["id"] = json!(self.id);
        object
    }
}

impl Export {
    async fn run(self) -> anyhow::Result<()> {
        let (_, mappings) = mappings_of(&self.server.client()?, &self.integration).await?;
        let objects = mappings.iter().map(|mapping| {
            file::object(&mapping.match_type, &mapping.external_ref, &mapping.resource_type, &mapping.resource_id)
        });
        Ok(output::print_json(&objects.collect::<Vec<_>>())?)
    }
}

impl Import {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let mappings = file::read(self.file.as_deref())?;
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.integration).await?;
        print_owner_of_integration(&client, &id).await?;
        let (mut added, mut known, mut ids) = (0, 0, vec![]);
        for part in mappings.chunks(file::AT_ONCE) {
            let input = json!({ "input": { "integrationId": id, "mappings": part } });
            let done = client.change(IMPORT, input, "importItemMappings").await;
            let done = done.with_context(|| {
                format!("{added} of {} mappings were added before: run this again for the rest", mappings.len())
            })?;
            added += done["added"].as_u64().unwrap_or(0);
            known += done["known"].as_u64().unwrap_or(0);
            ids.extend(understood::<Vec<String>>(&done["mappingIds"])?);
        }
        let past = PastOrders::count(&client, &id, &ids).await?;
        if json {
            output::print_json(&json!({ "added": added, "known": known, "pastOrders": past.orders }))?;
        } else {
            let mappings = if added == 1 { "1 mapping was".to_owned() } else { format!("{added} mappings were") };
            output::print(format_args!("{mappings} added; {known} had been there before."))?;
        }
        self.past.run(&client, &id, &ids, &past, json).await
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
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.integration).await?;
        print_owner_of_integration(&client, &id).await?;
        let input = json!({
            "integrationId": id,
            "matchType": match_type,
            "externalRef": external_ref,
            "resourceType": resource_type,
            "resourceId": resource_id,
        });
        let payload = client.change(ADD, json!({ "input": input }), "addItemMapping").await?;
        let mapping: Mapping = understood(&payload["itemMapping"])?;
        let ids = [mapping.id.clone()];
        let past = PastOrders::count(&client, &id, &ids).await?;
        if json {
            let mut object = mapping.object();
            object["pastOrders"] = json!(past.orders);
            output::print_json(&object)?;
        } else {
            output::print(format_args!(
                "Mapping {}: for {} {} the {} {} is delivered.",
                clean(&mapping.id),
                word(&mapping.match_type).replace('_', " "),
                clean(&mapping.external_ref),
                word(&mapping.resource_type),
                clean(&mapping.resource_id)
            ))?;
        }
        self.past.run(&client, &id, &ids, &past, json).await
    }
}

impl Remove {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let (id, mappings) = mappings_of(&client, &self.integration).await?;
        let ids: Vec<&str> = mappings.iter().map(|mapping| mapping.id.as_str()).collect();
        let mapping = whole_among("mapping", &self.mapping, &ids)?;
        let input = json!({ "input": { "integrationId": id, "mappingId": mapping } });
        client.change(REMOVE, input, "removeItemMapping").await?;
        if json {
            return Ok(output::print_json(&json!({ "removed": mapping }))?);
        }
        Ok(output::print(format_args!("The mapping {} is removed.", clean(&mapping)))?)
    }
}
