//! The products of stores, as they were reported last. A product that a store deleted stays as a tombstone, so that a program that
//! copies the catalogue learns of it.

use domain::integration::Provider;
use domain::resource::Product;
use sqlx::FromRow;

use crate::table::table_row;
use event_log::Position;
use storage::{Database, Sql};

table_row!(ProductRow, "products", key id;
    once account_id, integration_id, provider, product_id, listed_at;
    changing content, stock, changed_at, updated_at, updated_by, deleted_at);

const COLUMNS: &str = "id, account_id, integration_id, provider, product_id, listed_at, content, stock, changed_at, updated_at, \
     updated_by, deleted_at";

/// A product. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ProductRow {
    /// Of the integration, and the store's own.
    pub id: String,
    pub account_id: String,
    pub integration_id: String,
    pub provider: String,
    /// The store's own.
    pub product_id: String,
    /// Position of its first report: its place in lists, which never changes.
    pub listed_at: Position,
    /// What it is, as JSON.
    pub content: String,
    /// Of the product as a whole, where its store counts no variants of it.
    pub stock: Option<i64>,
    /// By the store's own clock.
    pub changed_at: Option<i64>,
    /// When the latest change of it or of its stock was recorded here.
    pub updated_at: i64,
    /// The position of that change.
    pub updated_by: Position,
    pub deleted_at: Option<i64>,
}

/// Which products are wanted; what is left out restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// None for those who may see every account.
    pub account_id: Option<String>,
    pub integration_id: Option<String>,
    pub provider: Option<Provider>,
    /// In the words of the store.
    pub product_id: Option<String>,
    /// What changed at this time or later, in microseconds since 1970.
    pub updated_since: Option<i64>,
    /// What changed after this position of the log.
    pub changed_since: Option<Position>,
    /// Deleted ones too.
    pub with_deleted: bool,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Behind a product. What changes meanwhile keeps its place, so that nothing is skipped and nothing comes twice.
    After(Position),
    /// Behind so many.
    Offset(i64),
}

pub(super) fn id_of(integration_id: &str, product_id: &str) -> String {
    format!("{integration_id} {product_id}")
}

impl ProductRow {
    /// What it is; the default where a newer version wrote it in another form.
    pub fn product(&self) -> Product {
        serde_json::from_str(&self.content).unwrap_or_default()
    }

    /// How many there are of it, in all variants and locations together; none where nothing of it is counted.
    pub fn available(&self) -> Option<i64> {
        let of_variants =
            || self.product().variants.iter().filter_map(|variant| variant.stock).reduce(i64::saturating_add);
        self.stock.or_else(of_variants)
    }
}

impl Filter {
    fn restrict(&self, mut sql: Sql) -> Sql {
        if let Some(account_id) = &self.account_id {
            sql = sql.push(" AND account_id = ").bind(account_id.as_str());
        }
        if let Some(integration_id) = &self.integration_id {
            sql = sql.push(" AND integration_id = ").bind(integration_id.as_str());
        }
        if let Some(provider) = self.provider {
            sql = sql.push(" AND provider = ").bind(provider.as_str());
        }
        if let Some(product_id) = &self.product_id {
            sql = sql.push(" AND product_id = ").bind(product_id.as_str());
        }
        if let Some(since) = self.updated_since {
            sql = sql.push(" AND updated_at >= ").bind(since);
        }
        if let Some(since) = self.changed_since {
            sql = sql.push(" AND updated_by > ").bind(since);
        }
        if self.with_deleted { sql } else { sql.push(" AND deleted_at IS NULL") }
    }
}

/// Products in the order in which they were first reported.
pub async fn page(database: &Database, filter: &Filter, start: Start, limit: i64) -> sqlx::Result<Vec<ProductRow>> {
    let sql = filter.restrict(Sql::new(format!("SELECT {COLUMNS} FROM products WHERE true")));
    let sql = match start {
        Start::After(position) => {
            sql.push(" AND listed_at > ").bind(position).push(" ORDER BY listed_at LIMIT ").bind(limit)
        }
        Start::Offset(offset) => sql.push(" ORDER BY listed_at LIMIT ").bind(limit).push(" OFFSET ").bind(offset),
    };
    database.fetch_all(sql).await
}

pub async fn count(database: &Database, filter: &Filter) -> sqlx::Result<i64> {
    let (count,) = database.fetch_one(filter.restrict(Sql::new("SELECT count(*) FROM products WHERE true"))).await?;
    Ok(count)
}
