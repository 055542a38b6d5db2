//! Deliveries of this service: presets and captures that are shared for an order.

use chrono::{DateTime, Utc};
use domain::commerce::CommerceEventType;
use domain::delivery::DeliveryStatus;
use domain::{DeliveryId, ResolutionCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Data, example};

/// Where the delivery of an order stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The delivery's id in this service.
    pub delivery_id: DeliveryId,
    /// The store's id of the order.
    pub order_id: String,
    /// The number that the store shows to people, where it has one beside the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    /// The conversation in which the customer bought, where the order carries its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The delivery's status (docs/statuses.md).
    pub status: DeliveryStatus,
    /// Why it stands there, where that is not plain success (docs/statuses.md).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_code: Option<ResolutionCode>,
    /// What to do about it, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// The lines of the order, and what was shared for each.
    pub items: Vec<DeliveryItem>,
}

/// A line of an order, and what is shared for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryItem {
    /// The stock keeping unit, as the store has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The product's title when it was bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many were bought.
    pub quantity: u32,
    /// What is shared for it, such as `preset 3f6c…`. Absent where nothing is mapped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
    /// When it was shared. Absent where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_at: Option<DateTime<Utc>>,
}

impl Data for Delivery {
    fn object_id(&self) -> Option<String> {
        Some(self.delivery_id.to_string())
    }

    fn sample(of: CommerceEventType) -> Self {
        let (status, resolution_code) = if of == CommerceEventType::DeliveryCompleted {
            (DeliveryStatus::Completed, None)
        } else if of == CommerceEventType::DeliveryFailed {
            (DeliveryStatus::FailedPermanent, Some(ResolutionCode::TemporaryFailure))
        } else {
            (DeliveryStatus::ActionRequired, Some(ResolutionCode::InvalidUsername))
        };
        Self {
            delivery_id: DeliveryId(Uuid::from_u128(0x2b1c_6f0e_9d54_5a3b_8c11_47a0_5e62_d9f3)),
            order_id: example::ORDER_ID.to_owned(),
            order_number: Some(example::ORDER_NUMBER.to_owned()),
            session_id: Some(example::SESSION_ID.to_owned()),
            status,
            resolution_code,
            resolution: resolution_code.map(|code| code.advice().to_owned()),
            items: vec![DeliveryItem {
                sku: Some(example::SKU.to_owned()),
                title: Some(example::TITLE.to_owned()),
                quantity: 2,
                asset: Some("preset 7c0e6a52-4b1d-4a7e-9d3f-2f8b1c5e6a90".to_owned()),
                shared_at: (status == DeliveryStatus::Completed).then_some(example::TIME),
            }],
        }
    }
}
