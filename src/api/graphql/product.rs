//! The products of stores.

use async_graphql::dataloader::DataLoader;
use async_graphql::{ComplexObject, Context, ID, InputObject, SimpleObject};
use domain::commerce::Money as Amount;
use domain::integration::Provider as DomainProvider;
use domain::resource;
use event_log::Position;
use projections::commerce::products::{Filter, ProductRow};

use super::ApiError;
use super::integration::Integration;
use super::loader::{IntegrationKey, Loader};
use super::moment::{Moment, moment};
use super::words::Provider;

#[derive(InputObject, Default)]
pub(super) struct ProductFilter {
    integration_id: Option<ID>,
    provider: Option<Provider>,
    /// The store's own id of it. Several stores may have one with the same.
    product_id: Option<String>,
    /// What changed at this time or later: itself or its stock.
    updated_since: Option<Moment>,
    /// What changed, itself or its stock, since a list was read: the `completeTo` of its first page. Misses nothing, as a time does
    /// that was noted before the list was complete.
    changed_since: Option<String>,
    /// Those that their store deleted, too.
    #[graphql(default)]
    with_deleted: bool,
    /// Support and admin only: of this account. Without it they get those of every account.
    account_id: Option<ID>,
}

/// How far a list of products reaches.
#[derive(SimpleObject)]
pub(super) struct Completeness {
    /// 64-bit: the position in the log up to which the list is complete. To ask next for what changed, give it as `changedSince`;
    /// of a list that is read in pages, that of the first page.
    complete_to: String,
}

impl From<Position> for Completeness {
    fn from(position: Position) -> Self {
        Self { complete_to: position.to_string() }
    }
}

/// A product as its store reported it last.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Product {
    /// The store's own.
    product_id: String,
    provider: Provider,
    title: Option<String>,
    vendor: Option<String>,
    /// Its page in the store.
    url: Option<String>,
    /// In the store's own word.
    status: Option<String>,
    /// Addresses, the first one first.
    images: Vec<String>,
    /// The store's ids of the collections or categories that it is in.
    collections: Vec<String>,
    variants: Vec<Variant>,
    /// In all variants and locations together; null where nothing of it is counted.
    stock: Option<f64>,
    /// When it changed last, by the store's own clock.
    changed_at: Option<Moment>,
    /// When its latest change, or that of its stock, was recorded here.
    updated_at: Moment,
    /// When it was recorded that the store deleted it.
    deleted_at: Option<Moment>,
    #[graphql(skip)]
    integration_id: String,
}

/// What can be bought of a product.
#[derive(SimpleObject)]
struct Variant {
    variant_id: String,
    sku: Option<String>,
    title: Option<String>,
    price: Option<Money>,
    /// Before it was reduced.
    compare_at_price: Option<Money>,
    /// In all locations together, as far as they are known; null where it is not counted. Fewer than none were sold before they were
    /// there.
    stock: Option<f64>,
    inventory_item_id: Option<String>,
}

/// An amount of money.
#[derive(SimpleObject)]
struct Money {
    /// 64-bit: in the smallest unit of the currency, 1999 for 19.99 EUR.
    amount: String,
    /// Its ISO 4217 code.
    currency: String,
    /// As people read it: `19.99 EUR`.
    text: String,
}

#[ComplexObject]
impl Product {
    /// The store that sells it.
    async fn integration(&self, context: &Context<'_>) -> Result<Integration, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let found = loader.load_one(IntegrationKey(self.integration_id.clone())).await?;
        found.map(Integration).ok_or(ApiError::Unavailable)
    }
}

impl From<ProductRow> for Product {
    #[expect(clippy::cast_precision_loss, reason = "no store has so many")]
    fn from(row: ProductRow) -> Self {
        let stock = row.available().map(|stock| stock as f64);
        let product = row.product();
        Self {
            product_id: row.product_id,
            provider: DomainProvider::parse(&row.provider).unwrap_or(DomainProvider::Generic).into(),
            title: product.title,
            vendor: product.vendor,
            url: product.url,
            status: product.status,
            images: product.images,
            collections: product.collections,
            variants: product.variants.into_iter().map(Variant::from).collect(),
            stock,
            changed_at: row.changed_at.map(moment),
            updated_at: moment(row.updated_at),
            deleted_at: row.deleted_at.map(moment),
            integration_id: row.integration_id,
        }
    }
}

impl From<resource::Variant> for Variant {
    #[expect(clippy::cast_precision_loss, reason = "no shelf holds 2^53 of anything")]
    fn from(variant: resource::Variant) -> Self {
        let resource::Variant {
            variant_id,
            sku,
            title,
            price,
            compare_at_price,
            stock,
            uncounted: _,
            inventory_item_id,
        } = variant;
        Self {
            variant_id,
            sku,
            title,
            price: price.map(Money::from),
            compare_at_price: compare_at_price.map(Money::from),
            stock: stock.map(|stock| stock as f64),
            inventory_item_id,
        }
    }
}

impl From<Amount> for Money {
    fn from(money: Amount) -> Self {
        Self { amount: money.amount.to_string(), currency: money.currency.as_str().to_owned(), text: money.to_string() }
    }
}

impl ProductFilter {
    /// With what the catalogue is complete to.
    pub(super) fn read(self, complete_to: Position) -> Result<Filter, ApiError> {
        let filter = self;
        let clean = |text: String| text.replace('\0', "");
        let invalid = |reason| ApiError::InvalidArgument { argument: "changedSince", reason };
        let since = filter.changed_since.map(|since| since.parse::<Position>()).transpose();
        let changed_since = since.map_err(|_| invalid("is none that a list came with (completeTo)"))?;
        if changed_since.is_some_and(|since| since > complete_to) {
            return Err(invalid(
                "is ahead of the catalogue, which was made again from an earlier state: copy all of it once more",
            ));
        }
        Ok(Filter {
            account_id: filter.account_id.map(String::from),
            integration_id: filter.integration_id.map(String::from).map(clean),
            provider: filter.provider.map(DomainProvider::from),
            product_id: filter.product_id.map(clean),
            updated_since: filter.updated_since.map(|Moment(since)| since.timestamp_micros()),
            changed_since,
            with_deleted: filter.with_deleted,
        })
    }
}
