//! Products of a store.

use chrono::{DateTime, Utc};
use domain::commerce::{CommerceEventType, Money};
use domain::resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Data, example};

/// A product as the store stated it last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// The store's id of the product.
    pub product_id: String,
    /// The product's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The address of its page in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its status in the store's own word, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The addresses of its images, the first one first. Empty where the store states none.
    pub images: Vec<String>,
    /// The store's ids of the collections or categories that it is in. Empty where the store states none.
    pub collections: Vec<String>,
    /// What can be bought of it. Empty where the store states none.
    pub variants: Vec<Variant>,
    /// How many there are of the product, where the store counts its variants together. Absent where it counts each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<i64>,
    /// When the product changed last, by the store's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
}

/// What can be bought of a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// The store's id of the variant.
    pub variant_id: String,
    /// The stock keeping unit, as the store has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The variant's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// What it cost before it was reduced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_at_price: Option<Money>,
    /// How many there are. Absent where the store does not say, or does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<i64>,
    /// The id by which the store's events about stock name it, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory_item_id: Option<String>,
}

/// A product that the store has no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletedProduct {
    /// The store's id of the product.
    pub product_id: String,
    /// The title that it had, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it was deleted, by the store's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
}

/// A product of which there is now the store's latest version here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncedProduct {
    /// The store's id of the product.
    pub product_id: String,
    /// The product's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

impl Product {
    /// What a store's webhook says of a product.
    pub fn of(product_id: String, product: resource::Product, changed_at: Option<DateTime<Utc>>) -> Self {
        let resource::Product {
            title,
            vendor,
            url,
            status,
            images,
            collections,
            variants,
            stock,
            uncounted: _,
            left_out: _,
            thin: _,
        } = product;
        let variants = variants.into_iter().map(Variant::from).collect();
        Self { product_id, title, vendor, url, status, images, collections, variants, stock, changed_at }
    }
}

impl From<resource::Variant> for Variant {
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
        Self { variant_id, sku, title, price, compare_at_price, stock, inventory_item_id }
    }
}

impl Data for Product {
    fn object_id(&self) -> Option<String> {
        Some(self.product_id.clone())
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            product_id: example::PRODUCT_ID.to_owned(),
            title: Some(example::TITLE.to_owned()),
            vendor: Some("Storm Audio".to_owned()),
            url: Some("https://shop.example.com/products/storm-lead".to_owned()),
            status: Some("active".to_owned()),
            images: vec!["https://shop.example.com/images/storm-lead.jpg".to_owned()],
            collections: vec!["841564295".to_owned()],
            variants: vec![Variant {
                variant_id: example::VARIANT_ID.to_owned(),
                sku: Some(example::SKU.to_owned()),
                title: Some("Version 2".to_owned()),
                price: Some(example::euros(1999)),
                compare_at_price: Some(example::euros(2499)),
                stock: Some(12),
                inventory_item_id: Some("49148385".to_owned()),
            }],
            stock: None,
            changed_at: Some(example::TIME),
        }
    }
}

impl Data for DeletedProduct {
    fn object_id(&self) -> Option<String> {
        Some(self.product_id.clone())
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            product_id: example::PRODUCT_ID.to_owned(),
            title: Some(example::TITLE.to_owned()),
            changed_at: Some(example::TIME),
        }
    }
}

impl Data for SyncedProduct {
    fn object_id(&self) -> Option<String> {
        Some(self.product_id.clone())
    }

    fn sample(_: CommerceEventType) -> Self {
        Self { product_id: example::PRODUCT_ID.to_owned(), title: Some(example::TITLE.to_owned()) }
    }
}
