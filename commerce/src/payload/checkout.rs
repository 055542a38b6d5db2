//! Checkouts of conversations.

use domain::commerce::{CommerceEventType, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::order::Buyer;
use super::{Data, example};

/// A checkout that ended in an order (commerce gateway's webhooks document, "Supported Events").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checkout {
    /// The id of the checkout.
    pub checkout_id: String,
    /// The store's id of the order that came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// The conversation in which the customer bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// What the customer pays in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// Who bought. Absent where it is not known, and once it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Buyer>,
}

impl Data for Checkout {
    fn object_id(&self) -> Option<String> {
        Some(self.checkout_id.clone())
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            checkout_id: "co_7f3q9z".to_owned(),
            order_id: Some(example::ORDER_ID.to_owned()),
            session_id: Some(example::SESSION_ID.to_owned()),
            total: Some(example::euros(3998)),
            customer: Some(Buyer::sample()),
        }
    }
}
