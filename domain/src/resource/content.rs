//! What a store says of a resource, without anything about a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::commerce::Money;

/// A kind of resource. These names are the storage format: they are part of the ids of streams.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ResourceKind {
    Order,
    Product,
    Collection,
    /// How much of an item there is at one location: its id is that of the item, `@`, and that of the location.
    Stock,
    Customer,
    Checkout,
}

impl ResourceKind {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    Order(Order),
    Product(Product),
    Collection(Collection),
    Stock(Stock),
    Customer {},
    Checkout(Checkout),
}

impl Content {
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::Order(_) => ResourceKind::Order,
            Self::Product(_) => ResourceKind::Product,
            Self::Collection(_) => ResourceKind::Collection,
            Self::Stock(_) => ResourceKind::Stock,
            Self::Customer {} => ResourceKind::Customer,
            Self::Checkout(_) => ResourceKind::Checkout,
        }
    }
}

/// How much of an order the store has taken back.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Refunded {
    #[default]
    None,
    Partial,
    Full,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Order {
    /// The number that people see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The shopping conversation that led to it, where the signed body names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The checkout that became the order, where the body names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkout_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    pub paid: bool,
    pub cancelled: bool,
    pub refunded: Refunded,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded_amount: Option<Money>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<OrderLine>,
    /// It names the order and says no more of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub thin: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OrderLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub quantity: u32,
    /// Of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Product {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Its page in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// In the store's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// Of the product as a whole, where its store counts its variants together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock: Option<i64>,
    /// The report says that it is not counted as a whole.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub uncounted: bool,
    /// Variants that it has too, of which the report says nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// It names the product and says no more of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub thin: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Variant {
    pub variant_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Before it was reduced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_at_price: Option<Money>,
    /// In all locations together; none where it is not counted, or the report says nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock: Option<i64>,
    /// The report says that it is not counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub uncounted: bool,
    /// By what its stock is counted, where that has an id of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory_item_id: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Collection {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// How much of an item there is at a location. What of it the store names, is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Stock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory_item_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location_id: Option<String>,
    /// None where it is not counted, or not any more at this location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
    /// It is not counted at any location.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub uncounted: bool,
    /// By how many it changed, where the store says no more than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjusted_by: Option<i64>,
}

impl Stock {
    /// By how many there are more or fewer, where it does not say how many there are.
    pub fn change(&self) -> Option<i64> {
        self.adjusted_by.filter(|_| self.available.is_none())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Checkout {
    pub completed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
}
