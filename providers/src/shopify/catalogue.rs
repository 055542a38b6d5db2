//! The products and collections of a shop at Shopify. The GraphQL API names things otherwise than the webhooks do: what is read there is
//! written as its webhook has it, so that one parser reads both.
//!
//! Read page by page and not by a bulk operation, which is a file that is made as a whole and fetched from another host: pages can
//! be gone on with at any of them, and cost no more than what they hold.
//!
//! <https://shopify.dev/docs/api/admin-graphql/latest/queries/products>

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{data, query};
use super::order_list::{Connection, number};
use crate::Malformed;
use crate::catalogue_api::{CatalogueApi, CataloguePart};
use crate::store_api::ApiRequest;

/// Variants and images beyond these are left out. What is left out is not deleted, and comes with the product's next webhook.
const PRODUCTS: &str = "query ($first: Int!, $after: String) { shop { currencyCode } products(first: $first, after: $after, sortKey: ID) { nodes { \
                        legacyResourceId title vendor status onlineStoreUrl createdAt updatedAt \
                        images(first: 10) { nodes { url } pageInfo { hasNextPage endCursor } } \
                        variants(first: 100) { nodes { legacyResourceId sku title price compareAtPrice inventoryQuantity \
                        inventoryItem { legacyResourceId tracked } } pageInfo { hasNextPage endCursor } } } \
                        pageInfo { hasNextPage endCursor } } }";
const COLLECTIONS: &str = "query ($first: Int!, $after: String) { collections(first: $first, after: $after, sortKey: ID) { nodes { \
                           legacyResourceId title updatedAt } pageInfo { hasNextPage endCursor } } }";
/// Products of a page: a query may cost 1,000 points, and each product with its variants and images costs some 220.
const PRODUCTS_PAGE: u32 = 4;
const COLLECTIONS_PAGE: u32 = 100;
/// Before the cursor in the list of collections, which follow the products.
const OF_COLLECTIONS: &str = "collections ";

pub(super) struct Catalogue;

#[derive(Deserialize)]
struct Products {
    shop: Shop,
    products: Connection<Product>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shop {
    currency_code: String,
}

#[derive(Deserialize)]
struct Collections {
    collections: Connection<Collection>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Collection {
    legacy_resource_id: String,
    title: String,
    updated_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    legacy_resource_id: String,
    title: String,
    vendor: Option<String>,
    status: String,
    online_store_url: Option<String>,
    created_at: String,
    updated_at: String,
    images: Connection<Image>,
    variants: Connection<Variant>,
}

#[derive(Deserialize)]
struct Image {
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variant {
    legacy_resource_id: String,
    sku: Option<String>,
    title: String,
    price: String,
    compare_at_price: Option<String>,
    inventory_quantity: Option<i64>,
    inventory_item: Option<InventoryItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InventoryItem {
    legacy_resource_id: String,
    tracked: bool,
}

impl CatalogueApi for Catalogue {
    fn list(&self, _: Option<&str>, cursor: Option<&str>) -> Result<ApiRequest, Malformed> {
        Ok(match cursor.and_then(|cursor| cursor.strip_prefix(OF_COLLECTIONS)) {
            Some(after) => {
                let after = Some(after).filter(|after| !after.is_empty());
                query(COLLECTIONS, json!({ "first": COLLECTIONS_PAGE, "after": after }))
            }
            None => query(PRODUCTS, json!({ "first": PRODUCTS_PAGE, "after": cursor })),
        })
    }

    fn listed(&self, body: &[u8], cursor: Option<&str>) -> Result<CataloguePart, Malformed> {
        if cursor.is_some_and(|cursor| cursor.starts_with(OF_COLLECTIONS)) {
            let Collections { collections } = data(body)?;
            let next = collections.next().map(|next| format!("{OF_COLLECTIONS}{next}"));
            return Ok(CataloguePart {
                webhooks: collections.nodes.into_iter().map(Collection::webhook).collect(),
                next,
            });
        }
        let Products { shop, products } = data(body)?;
        let next = products.next().unwrap_or_else(|| OF_COLLECTIONS.to_owned());
        Ok(CataloguePart {
            webhooks: products.nodes.into_iter().map(|product| product.webhook(&shop)).collect(),
            next: Some(next),
        })
    }
}

impl Collection {
    fn webhook(self) -> (String, Vec<u8>) {
        let body = json!({
            "id": number(&self.legacy_resource_id),
            "admin_graphql_api_id": format!("gid://shopify/Collection/{}", self.legacy_resource_id),
            "title": self.title,
            "updated_at": self.updated_at,
        });
        ("collections/update".to_owned(), body.to_string().into_bytes())
    }
}

impl Product {
    fn webhook(self, shop: &Shop) -> (String, Vec<u8>) {
        let body = json!({
            // Which no webhook of a product says.
            "currency": shop.currency_code,
            "id": number(&self.legacy_resource_id),
            "admin_graphql_api_id": format!("gid://shopify/Product/{}", self.legacy_resource_id),
            "title": self.title,
            "vendor": self.vendor,
            "status": self.status.to_ascii_lowercase(),
            "online_store_url": self.online_store_url,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "images": self.images.nodes.into_iter().map(|image| json!({ "src": image.url })).collect::<Vec<_>>(),
            "variants": self.variants.nodes.into_iter().map(Variant::webhook).collect::<Vec<_>>(),
        });
        ("products/update".to_owned(), body.to_string().into_bytes())
    }
}

impl Variant {
    fn webhook(self) -> Value {
        let is_counted = self.inventory_item.as_ref().is_some_and(|item| item.tracked);
        json!({
            "id": number(&self.legacy_resource_id),
            "sku": self.sku,
            "title": self.title,
            "price": self.price,
            "compare_at_price": self.compare_at_price,
            "inventory_management": is_counted.then_some("shopify"),
            "inventory_quantity": self.inventory_quantity,
            "inventory_item_id": self.inventory_item.map(|item| number(&item.legacy_resource_id)),
        })
    }
}
