//! Products as the GraphQL Admin API has them: <https://shopify.dev/docs/api/admin-graphql/latest/objects/Product>

use async_graphql::{Enum, ID, SimpleObject};
use chrono::SecondsFormat;

use super::orders::{offset, page_info};
use super::{Caller, PageInfo};
use crate::store_sandbox::product::Product as Offered;

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProductSortKeys {
    Id,
}

#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CollectionSortKeys {
    Id,
}

#[derive(SimpleObject)]
pub(super) struct ProductConnection {
    nodes: Vec<Product>,
    page_info: PageInfo,
}

/// There are none here.
#[derive(SimpleObject)]
pub(super) struct CollectionConnection {
    nodes: Vec<Collection>,
    page_info: PageInfo,
}

#[derive(SimpleObject)]
struct Collection {
    legacy_resource_id: String,
    title: String,
    updated_at: String,
}

#[derive(SimpleObject)]
#[graphql(complex)]
struct Product {
    id: ID,
    legacy_resource_id: String,
    title: String,
    vendor: String,
    status: &'static str,
    online_store_url: Option<String>,
    created_at: String,
    updated_at: String,
    #[graphql(skip)]
    offers: Vec<ProductVariant>,
}

#[async_graphql::ComplexObject]
#[expect(clippy::unused_async, reason = "resolvers are async")]
impl Product {
    async fn images(&self, first: usize) -> async_graphql::Result<ImageConnection> {
        Ok(ImageConnection { nodes: vec![], page_info: page_info(0, first, 0)? })
    }

    async fn variants(&self, first: usize) -> async_graphql::Result<VariantConnection> {
        let nodes = self.offers.iter().take(first).cloned().collect();
        Ok(VariantConnection { nodes, page_info: page_info(0, first, self.offers.len())? })
    }
}

#[derive(SimpleObject)]
struct ImageConnection {
    nodes: Vec<Image>,
    page_info: PageInfo,
}

#[derive(SimpleObject)]
struct Image {
    url: String,
}

#[derive(SimpleObject)]
struct VariantConnection {
    nodes: Vec<ProductVariant>,
    page_info: PageInfo,
}

#[derive(SimpleObject, Clone)]
struct ProductVariant {
    legacy_resource_id: String,
    sku: String,
    title: String,
    price: &'static str,
    compare_at_price: Option<String>,
    inventory_quantity: i64,
    inventory_item: InventoryItem,
}

#[derive(SimpleObject, Clone)]
struct InventoryItem {
    legacy_resource_id: String,
    tracked: bool,
}

pub(super) fn page(
    caller: &Caller,
    (first, after): (usize, Option<String>),
) -> async_graphql::Result<ProductConnection> {
    caller.require("read_products")?;
    let world = caller.sandbox.world();
    let products = world.stores.shop(&caller.shop).map(|shop| &shop.products);
    let after = offset(after.as_deref());
    let later = products.map_or(0, |products| products.len().saturating_sub(after));
    let nodes = products.into_iter().flat_map(|products| products.values()).skip(after).take(first);
    Ok(ProductConnection { nodes: nodes.map(Product::of).collect(), page_info: page_info(after, first, later)? })
}

pub(super) fn collections(caller: &Caller, first: usize) -> async_graphql::Result<CollectionConnection> {
    caller.require("read_products")?;
    Ok(CollectionConnection { nodes: vec![], page_info: page_info(0, first, 0)? })
}

impl Product {
    fn of(product: &Offered) -> Self {
        let variant = |(at, variant): (usize, &crate::store_sandbox::NewVariant)| ProductVariant {
            legacy_resource_id: product.variant_id(at).to_string(),
            sku: variant.sku.clone(),
            title: variant.title.clone(),
            price: "19.00",
            compare_at_price: None,
            inventory_quantity: variant.stock.unwrap_or_default().into(),
            inventory_item: InventoryItem {
                legacy_resource_id: (product.variant_id(at) + 500).to_string(),
                tracked: variant.stock.is_some(),
            },
        };
        Self {
            id: ID(format!("gid://shopify/Product/{}", product.id)),
            legacy_resource_id: product.id.to_string(),
            title: product.offered.title.clone(),
            vendor: "Sandbox".to_owned(),
            status: "ACTIVE",
            online_store_url: None,
            created_at: product.created_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            updated_at: product.updated_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            offers: product.offered.variants.iter().enumerate().map(variant).collect(),
        }
    }
}
