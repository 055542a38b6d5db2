//! Orders of a store.

use chrono::{DateTime, Utc};
use domain::commerce::{CommerceEventType, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Data, example};
use crate::Personal;

/// An order as the store stated it last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The store's id of the order.
    pub order_id: String,
    /// The number that the store shows to people, where it has one beside the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    /// The order's status in the store's own word, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The conversation in which the customer bought, where the order carries its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// What the customer pays in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// Whether it is paid, where that is known: a webhook may name an order and say no more of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<bool>,
    /// Whether the store cancelled it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<bool>,
    /// How much of it was paid back, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Refunded>,
    /// What was paid back in all, where the store says how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded_amount: Option<Money>,
    /// What was bought, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<OrderItem>>,
    /// Who bought it. Absent where the store does not say, and once it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Buyer>,
    /// When the order changed last, by the store's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
}

/// An order of which the store reported again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderUpdate {
    #[serde(flatten)]
    pub order: Order,
    /// What changed since the report before, a sentence each. Empty where nothing of this did.
    pub changes: Vec<String>,
}

/// How much of an order was paid back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refunded {
    None,
    Partial,
    Full,
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderItem {
    /// The stock keeping unit, as the store has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The store's id of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// The store's id of the variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<String>,
    /// The product's title when it was bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many were bought, in whole numbers: what is sold by weight or length is rounded up. Zero for a line that was removed or
    /// taken back.
    pub quantity: u32,
    /// The price of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// Who bought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Buyer {
    /// The store's id of the customer. Guests have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Personal>,
    /// The full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal>,
    /// The name on Cortex Cloud that the order states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Personal>,
}

impl Data for Order {
    fn object_id(&self) -> Option<String> {
        Some(self.order_id.clone())
    }

    fn sample(of: CommerceEventType) -> Self {
        let is = |event_type| of == event_type;
        let status = if is(CommerceEventType::OrderCreated) {
            "pending"
        } else if is(CommerceEventType::OrderRefunded) {
            "refunded"
        } else if is(CommerceEventType::OrderCancelled) {
            "cancelled"
        } else {
            "paid"
        };
        Self {
            order_id: example::ORDER_ID.to_owned(),
            order_number: Some(example::ORDER_NUMBER.to_owned()),
            status: Some(status.to_owned()),
            session_id: Some(example::SESSION_ID.to_owned()),
            total: Some(example::euros(3998)),
            paid: Some(!is(CommerceEventType::OrderCreated) && !is(CommerceEventType::OrderCancelled)),
            cancelled: Some(is(CommerceEventType::OrderCancelled)),
            refunded: Some(if is(CommerceEventType::OrderRefunded) { Refunded::Full } else { Refunded::None }),
            refunded_amount: is(CommerceEventType::OrderRefunded).then(|| example::euros(3998)),
            items: Some(vec![OrderItem {
                sku: Some(example::SKU.to_owned()),
                product_id: Some(example::PRODUCT_ID.to_owned()),
                variant_id: Some(example::VARIANT_ID.to_owned()),
                title: Some(example::TITLE.to_owned()),
                quantity: 2,
                price: Some(example::euros(1999)),
            }]),
            customer: Some(Buyer::sample()),
            changed_at: Some(example::TIME),
        }
    }
}

impl Data for OrderUpdate {
    fn object_id(&self) -> Option<String> {
        self.order.object_id()
    }

    fn sample(of: CommerceEventType) -> Self {
        Self { order: Order::sample(of), changes: vec!["The quantity of Storm Lead changed from 1 to 2.".to_owned()] }
    }
}

impl Buyer {
    pub(super) fn sample() -> Self {
        Self {
            id: Some("207119551".to_owned()),
            email: Some("fan@example.com".into()),
            name: Some("Robin Fan".into()),
            username: Some("cortex_user_42".into()),
        }
    }
}
