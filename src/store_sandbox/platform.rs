//! The platforms that are imitated, and the statuses that each gives to orders.

use domain::integration::Provider;
use serde::{Deserialize, Serialize};

use super::shopify::order;
use super::woocommerce;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    Shopify,
    BigCommerce,
    Square,
    WooCommerce,
}

/// At the position that is its id
/// (<https://docs.bigcommerce.com/developer/api-reference/rest/admin/management/orders/order-status>).
const BIGCOMMERCE_STATUSES: [&str; 15] = [
    "Incomplete",
    "Pending",
    "Shipped",
    "Partially Shipped",
    "Refunded",
    "Cancelled",
    "Declined",
    "Awaiting Payment",
    "Awaiting Pickup",
    "Awaiting Shipment",
    "Completed",
    "Awaiting Fulfillment",
    "Manual Verification Required",
    "Disputed",
    "Partially Refunded",
];

/// <https://developer.squareup.com/reference/square/enums/OrderState>
const SQUARE_STATES: [&str; 4] = ["OPEN", "COMPLETED", "CANCELED", "DRAFT"];

impl Platform {
    pub(super) fn provider(self) -> Provider {
        match self {
            Self::Shopify => Provider::Shopify,
            Self::BigCommerce => Provider::BigCommerce,
            Self::Square => Provider::Square,
            Self::WooCommerce => Provider::WooCommerce,
        }
    }

    /// As the platform writes it, or none where it knows no such status.
    pub(super) fn status(self, text: &str) -> Option<&'static str> {
        let statuses: &[&'static str] = match self {
            Self::Shopify => &order::STATUSES,
            Self::BigCommerce => &BIGCOMMERCE_STATUSES,
            Self::Square => &SQUARE_STATES,
            Self::WooCommerce => &woocommerce::order::STATUSES,
        };
        statuses.iter().find(|status| **status == text).copied()
    }

    /// Of an order that was paid and not yet handed over.
    pub(super) fn first_status(self) -> &'static str {
        match self {
            Self::Shopify => "paid",
            Self::BigCommerce => "Awaiting Fulfillment",
            Self::Square => "OPEN",
            Self::WooCommerce => "processing",
        }
    }

    /// Of an order that is not paid, where the platform says so in its status.
    pub(super) fn unpaid(self) -> Option<&'static str> {
        match self {
            Self::Shopify | Self::WooCommerce => Some("pending"),
            Self::BigCommerce | Self::Square => None,
        }
    }
}

/// The number that BigCommerce gives to a status.
pub(super) fn status_id(status: &str) -> usize {
    BIGCOMMERCE_STATUSES.iter().position(|known| *known == status).expect("orders have statuses of their platform")
}
