//! `cloud-bridge products`: what stores sell, as they reported it, and the alert when it runs out.

use chrono::{DateTime, Utc};
use clap::builder::FalseyValueParser;
use clap::{ArgGroup, Args, Subcommand};
use domain::account::MAX_STOCK_ALERT;
use event_log::Position;
use serde::Deserialize;
use serde_json::{Value, json};

use super::acting::Acting;
use super::client::{ServerArgs, understood};
use super::output::{self, cell, moment};
use super::owners::{Owners, Store};
use super::paging::{PageArgs, print_cursor};

/// List the products that stores reported, and say from how few left on one is out of stock
#[derive(Debug, Subcommand)]
pub(super) enum Products {
    List(List),
    Alert(Alert),
}

/// List the products of integrations that publish, as their stores reported them last
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge products list --integration INTEGRATION_ID
  cloud-bridge products list --product 632910392 --json      # with its variants and prices
  cloud-bridge products list --since 2026-11-01 --deleted
  cloud-bridge products list --since 1873 --deleted --json   # what changed since a list that was complete to 1873")]
pub(super) struct List {
    /// Only this integration
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID")]
    integration: Option<String>,
    /// Only this account, for support [default: every account for support, its own for a merchant]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// Only the product to which its store gave this id
    #[arg(long, env = "CLOUD_BRIDGE_PRODUCT", value_name = "PRODUCT_ID")]
    product: Option<String>,
    /// Only what changed, itself or its stock: at this time or later, or since a list was read that was complete to this number
    ///
    /// A time is a date (2026-11-21), a date and time in UTC, or how long ago it is (2h, 3d). A copy that is kept up to date asks by
    /// the number: nothing is missed. It is `completeTo` with --json, and stands below a list of changes.
    #[arg(long, env = "CLOUD_BRIDGE_SINCE", value_name = "TIME_OR_NUMBER", value_parser = since)]
    since: Option<Since>,
    /// Those too that their store deleted
    #[arg(long, env = "CLOUD_BRIDGE_DELETED", value_parser = FalseyValueParser::new())]
    deleted: bool,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// From where on changes are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Time(DateTime<Utc>),
    /// What a list was complete to.
    Position(Position),
}

/// Reads it for clap. A number alone is no moment.
fn since(text: &str) -> Result<Since, String> {
    let position = text.trim().parse().ok().filter(|position| *position >= Position::START).map(Since::Position);
    position.map_or_else(
        || {
            super::moments::moment(text)
                .map(Since::Time)
                .map_err(|wanted| format!("{wanted}, or the number that a list gave as complete_to"))
        },
        Ok,
    )
}

/// Set how few left of a product are published as `inventory.out_of_stock`
///
/// It is published once, when the stock falls so far, and again after it has been above. Without a threshold it never is.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("how_few").required(true), after_long_help = "\
Examples:
  cloud-bridge products alert --threshold 0
  cloud-bridge products alert --off --account ID")]
pub(super) struct Alert {
    /// So many left, or fewer
    #[arg(long, env = "CLOUD_BRIDGE_THRESHOLD", value_name = "N", group = "how_few", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_STOCK_ALERT)))]
    threshold: Option<u32>,
    /// Publish it of no product
    #[arg(long, env = "CLOUD_BRIDGE_OFF", group = "how_few", value_parser = FalseyValueParser::new())]
    off: bool,
    /// The account, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const LIST: &str = "query($first: Int, $after: String, $filter: ProductFilter) {
  products(first: $first, after: $after, filter: $filter) {
    nodes { productId provider title vendor url status images collections stock changedAt updatedAt deletedAt
      variants { variantId sku title stock inventoryItemId
        price { amount currency text } compareAtPrice { amount currency text } }
      integration { id name account { id name } } }
    completeTo pageInfo { hasNextPage endCursor } } }";

const ALERT: &str = "mutation($input: SetStockAlertInput!) {
  setStockAlert(input: $input) { account { id name stockAlert } userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    product_id: String,
    title: Option<String>,
    status: Option<String>,
    variants: Vec<Variant>,
    stock: Option<f64>,
    updated_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
    integration: Store,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variant {
    price: Option<Price>,
}

#[derive(Deserialize)]
struct Price {
    text: String,
}

impl Product {
    fn status(&self) -> &str {
        if self.deleted_at.is_some() { "deleted" } else { self.status.as_deref().unwrap_or("—") }
    }
}

impl Products {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(json).await,
            Self::Alert(command) => command.run(json).await,
        }
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let (updated_since, changed_since) = match self.since {
            Some(Since::Time(time)) => (Some(time), None),
            Some(Since::Position(position)) => (None, Some(position.to_string())),
            None => (None, None),
        };
        let filter = json!({
            "integrationId": self.integration,
            "accountId": self.account,
            "productId": self.product,
            "updatedSince": updated_since,
            "changedSince": changed_since,
            "withDeleted": self.deleted,
        });
        let found = self.page.ask(&self.server, LIST, "products", filter).await?;
        if json {
            return Ok(output::print_json(&found)?);
        }
        let products: Vec<Product> = understood(&found["nodes"])?;
        if products.is_empty() && self.since.is_some() {
            output::say("Nothing has changed.")?;
            return self.print_next(&found);
        }
        if products.is_empty() {
            return Ok(output::say(
                "No product fits. Products are known of integrations that publish (`cloud-bridge integrations update ID --purpose \
                 both`), once the store has sent a webhook about them: let it send those of products and of stock, too.",
            )?);
        }
        let several_stores = products.iter().any(|product| product.integration != products[0].integration);
        let owners = Owners::of(products.iter().map(|product| &product.integration.account));
        let mut header = vec![
            ("ID", None),
            ("TITLE", None),
            ("PRICE", None),
            ("STOCK", None),
            ("STATUS", Some(2)),
            ("CHANGED (UTC)", Some(1)),
        ];
        if several_stores {
            header.insert(0, ("STORE", Some(4)));
        }
        if owners.is_some() {
            header.insert(0, ("ACCOUNT", Some(3)));
        }
        let mut table = output::list(&header);
        for product in &products {
            let price = product.variants.iter().find_map(|variant| variant.price.as_ref());
            let mut row = vec![
                cell(&product.product_id),
                cell(product.title.as_deref().unwrap_or("—")),
                cell(price.map_or("—", |price| price.text.as_str())),
                cell(product.stock.map_or_else(|| "—".to_owned(), |stock| stock.to_string())),
                cell(product.status()),
                cell(moment(product.updated_at)),
            ];
            if several_stores {
                row.insert(0, cell(&product.integration.name));
            }
            if let Some(owners) = &owners {
                row.insert(0, cell(owners.name(&product.integration.account)));
            }
            table.add_row(row);
        }
        output::may_shorten(&mut table, &["TITLE", "STORE", "ACCOUNT"]);
        output::print(output::rendered(&table))?;
        print_cursor(&found)?;
        self.print_next(&found)
    }

    /// Says how to see the changes after these, at the beginning of a list of changes.
    fn print_next(&self, found: &Value) -> anyhow::Result<()> {
        if self.since.is_none() || !self.page.is_first() {
            return Ok(());
        }
        let complete_to: String = understood(&found["completeTo"])?;
        Ok(output::print(format_args!("\nFor what changes from here on: --since {}", output::clean(&complete_to)))?)
    }
}

impl Alert {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the alert").await?;
        acting.print_account()?;
        // With --off there is no threshold, which means no alert.
        let input = json!({ "accountId": acting.account_id, "threshold": self.threshold });
        let payload = client.change(ALERT, json!({ "input": input }), "setStockAlert").await?;
        if json {
            return Ok(output::print_json(&payload["account"])?);
        }
        Ok(match self.threshold {
            Some(threshold) => {
                output::say(&format!("A product is published as out of stock once {threshold} or fewer are left."))
            }
            None => output::print("No product is published as out of stock."),
        }?)
    }
}
