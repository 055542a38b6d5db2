//! What a store has of its products.

use chrono::{DateTime, Utc};
use domain::commerce::CommerceEventType;
use domain::resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Data, example};

/// How many of a variant there are at a place. Few stores name it by every id: those that are absent are not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockLevel {
    /// The store's id of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// The store's id of the variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<String>,
    /// The stock keeping unit, as the store has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The id by which the store's events about stock name it, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory_item_id: Option<String>,
    /// The store's id of the place. Absent where the store counts in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<String>,
    /// How many there are to sell; fewer than zero were sold before they were there. Null where the store does not count, and where
    /// it says only by how many that changed.
    pub available: Option<i64>,
    /// By how many that changed, where the store says no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjusted_by: Option<i64>,
    /// When it changed, by the store's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
}

/// A variant of which there is no more than its threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutOfStock {
    /// The store's id of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// The store's id of the variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<String>,
    /// The stock keeping unit, as the store has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The id by which the store's events about stock name it, where that is another one. Where no product is
    /// known yet, it is all that names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory_item_id: Option<String>,
    /// How many there are to sell, at all places; fewer than zero were sold before they were there.
    pub available: i64,
    /// How many there are of all variants of the product together, as far as they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_available: Option<i64>,
    /// The number at or below which it counts as out of stock.
    pub threshold: i64,
}

impl StockLevel {
    /// What a store's webhook says of its stock. Of which product that is, few say.
    pub fn of(stock: resource::Stock, changed_at: Option<DateTime<Utc>>) -> Self {
        let resource::Stock {
            inventory_item_id,
            product_id,
            variant_id,
            location_id,
            available,
            uncounted: _,
            adjusted_by,
        } = stock;
        Self { product_id, variant_id, sku: None, inventory_item_id, location_id, available, adjusted_by, changed_at }
    }
}

impl Data for StockLevel {
    /// What the store's own event is about: the inventory item where it has one.
    fn object_id(&self) -> Option<String> {
        self.inventory_item_id.as_ref().or(self.variant_id.as_ref()).or(self.product_id.as_ref()).cloned()
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            product_id: Some(example::PRODUCT_ID.to_owned()),
            variant_id: Some(example::VARIANT_ID.to_owned()),
            sku: Some(example::SKU.to_owned()),
            inventory_item_id: Some("49148385".to_owned()),
            location_id: Some("655441491".to_owned()),
            available: Some(12),
            adjusted_by: None,
            changed_at: Some(example::TIME),
        }
    }
}

impl Data for OutOfStock {
    fn object_id(&self) -> Option<String> {
        self.variant_id.as_ref().or(self.product_id.as_ref()).or(self.inventory_item_id.as_ref()).cloned()
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            product_id: Some(example::PRODUCT_ID.to_owned()),
            variant_id: Some(example::VARIANT_ID.to_owned()),
            sku: Some(example::SKU.to_owned()),
            inventory_item_id: Some("49148385".to_owned()),
            available: 0,
            product_available: Some(7),
            threshold: 0,
        }
    }
}
