//! The types of commerce events. These names are the storage format and the public one: add, never rename.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// What happened.
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
pub enum CommerceEventType {
    #[serde(rename = "order.created")]
    #[strum(serialize = "order.created")]
    OrderCreated,
    #[serde(rename = "order.updated")]
    #[strum(serialize = "order.updated")]
    OrderUpdated,
    #[serde(rename = "order.paid")]
    #[strum(serialize = "order.paid")]
    OrderPaid,
    #[serde(rename = "order.cancelled")]
    #[strum(serialize = "order.cancelled")]
    OrderCancelled,
    #[serde(rename = "order.refunded")]
    #[strum(serialize = "order.refunded")]
    OrderRefunded,
    #[serde(rename = "product.created")]
    #[strum(serialize = "product.created")]
    ProductCreated,
    #[serde(rename = "product.updated")]
    #[strum(serialize = "product.updated")]
    ProductUpdated,
    #[serde(rename = "product.deleted")]
    #[strum(serialize = "product.deleted")]
    ProductDeleted,
    #[serde(rename = "collection.updated")]
    #[strum(serialize = "collection.updated")]
    CollectionUpdated,
    #[serde(rename = "collection.deleted")]
    #[strum(serialize = "collection.deleted")]
    CollectionDeleted,
    #[serde(rename = "inventory.updated")]
    #[strum(serialize = "inventory.updated")]
    InventoryUpdated,
    #[serde(rename = "inventory.out_of_stock")]
    #[strum(serialize = "inventory.out_of_stock")]
    InventoryOutOfStock,
    #[serde(rename = "customer.created")]
    #[strum(serialize = "customer.created")]
    CustomerCreated,
    #[serde(rename = "customer.updated")]
    #[strum(serialize = "customer.updated")]
    CustomerUpdated,
    #[serde(rename = "checkout.completed")]
    #[strum(serialize = "checkout.completed")]
    CheckoutCompleted,
    #[serde(rename = "delivery.completed")]
    #[strum(serialize = "delivery.completed")]
    DeliveryCompleted,
    #[serde(rename = "delivery.action_required")]
    #[strum(serialize = "delivery.action_required")]
    DeliveryActionRequired,
    #[serde(rename = "delivery.failed")]
    #[strum(serialize = "delivery.failed")]
    DeliveryFailed,
    #[serde(rename = "endpoint.degraded")]
    #[strum(serialize = "endpoint.degraded")]
    EndpointDegraded,
    #[serde(rename = "product.synced")]
    #[strum(serialize = "product.synced")]
    ProductSynced,
    #[serde(rename = "product.enriched")]
    #[strum(serialize = "product.enriched")]
    ProductEnriched,
    #[serde(rename = "product.manually_edited")]
    #[strum(serialize = "product.manually_edited")]
    ProductManuallyEdited,
    #[serde(rename = "product.rolled_back")]
    #[strum(serialize = "product.rolled_back")]
    ProductRolledBack,
    #[serde(rename = "faq.submitted")]
    #[strum(serialize = "faq.submitted")]
    FaqSubmitted,
    #[serde(rename = "faq.approved")]
    #[strum(serialize = "faq.approved")]
    FaqApproved,
    #[serde(rename = "faq.rejected")]
    #[strum(serialize = "faq.rejected")]
    FaqRejected,
    #[serde(rename = "enrichment.bulk_completed")]
    #[strum(serialize = "enrichment.bulk_completed")]
    EnrichmentBulkCompleted,
}

/// Whose doing an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publisher {
    /// A store, whose webhook said so.
    Store,
    /// This service.
    Service,
    /// A program of the account, through the API.
    Account,
}

impl CommerceEventType {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    pub fn publisher(self) -> Publisher {
        match self {
            Self::OrderCreated
            | Self::OrderUpdated
            | Self::OrderPaid
            | Self::OrderCancelled
            | Self::OrderRefunded
            | Self::ProductCreated
            | Self::ProductUpdated
            | Self::ProductDeleted
            | Self::CollectionUpdated
            | Self::CollectionDeleted
            | Self::InventoryUpdated
            | Self::CustomerCreated
            | Self::CustomerUpdated
            | Self::CheckoutCompleted => Publisher::Store,
            Self::InventoryOutOfStock
            | Self::DeliveryCompleted
            | Self::DeliveryActionRequired
            | Self::DeliveryFailed
            | Self::EndpointDegraded
            | Self::ProductSynced => Publisher::Service,
            Self::ProductEnriched
            | Self::ProductManuallyEdited
            | Self::ProductRolledBack
            | Self::FaqSubmitted
            | Self::FaqApproved
            | Self::FaqRejected
            | Self::EnrichmentBulkCompleted => Publisher::Account,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn a_type_is_stored_and_read_by_one_name() {
        for of in CommerceEventType::iter() {
            assert_eq!(serde_json::to_value(of).unwrap(), of.as_str());
            assert_eq!(CommerceEventType::parse(of.as_str()), Some(of));
        }
        assert_eq!(CommerceEventType::parse("order.shipped"), None);
    }
}
