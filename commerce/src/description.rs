//! What each type of event is for, in words: part of its schema and of `docs/events/README.md`.

use domain::commerce::CommerceEventType;

/// What a type of event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    pub title: &'static str,
    /// When an event of this type is published, in a sentence.
    pub fires_when: &'static str,
}

/// What this type of event is for.
pub fn description(of: CommerceEventType) -> Description {
    let (title, fires_when) = match of {
        CommerceEventType::OrderCreated => ("Order created", "A store reports an order for the first time."),
        CommerceEventType::OrderUpdated => {
            ("Order updated", "A store reports an order again, and something of it changed.")
        }
        CommerceEventType::OrderPaid => ("Order paid", "A store reports an order as paid for the first time."),
        CommerceEventType::OrderCancelled => ("Order cancelled", "A store reports that an order was cancelled."),
        CommerceEventType::OrderRefunded => {
            ("Order refunded", "A store reports that some or all of an order was paid back.")
        }
        CommerceEventType::ProductCreated => ("Product created", "A store reports a new product."),
        CommerceEventType::ProductUpdated => (
            "Product updated",
            "A store reports that the price, the description, the images or anything else of a product changed.",
        ),
        CommerceEventType::ProductDeleted => ("Product deleted", "A store reports that it has a product no more."),
        CommerceEventType::CollectionUpdated => {
            ("Collection updated", "A store reports that a collection or category is new or changed.")
        }
        CommerceEventType::CollectionDeleted => {
            ("Collection deleted", "A store reports that it has a collection or category no more.")
        }
        CommerceEventType::InventoryUpdated => {
            ("Inventory updated", "A store reports another number of a variant in stock.")
        }
        CommerceEventType::InventoryOutOfStock => {
            ("Out of stock", "The number of a variant in stock falls to its threshold or below.")
        }
        CommerceEventType::CustomerCreated => ("Customer created", "A store reports a new customer."),
        CommerceEventType::CustomerUpdated => {
            ("Customer updated", "A store reports that the data of a customer changed.")
        }
        CommerceEventType::CheckoutCompleted => ("Checkout completed", "A checkout in a conversation was successful."),
        CommerceEventType::DeliveryCompleted => {
            ("Delivery completed", "Everything that is mapped of an order was shared with its customer.")
        }
        CommerceEventType::DeliveryActionRequired => {
            ("Delivery needs action", "The delivery of an order waits for something that the merchant has to fix.")
        }
        CommerceEventType::DeliveryFailed => ("Delivery failed", "The delivery of an order was given up."),
        CommerceEventType::EndpointDegraded => (
            "Endpoint degraded",
            "Seven attempts in a row to send one notification to an endpoint failed. Until one succeeds it is tried every five minutes.",
        ),
        CommerceEventType::ProductSynced => (
            "Product synced",
            "The latest version of a product was read at its connected store, and is new here or had changed. When the store did that is not known.",
        ),
        CommerceEventType::ProductEnriched => {
            ("Product enriched", "The enrichment of a product ended, in success or not.")
        }
        CommerceEventType::ProductManuallyEdited => {
            ("Product edited by hand", "A person changed fields of a product that were enriched.")
        }
        CommerceEventType::ProductRolledBack => {
            ("Product rolled back", "A person restored an earlier enriched version of a product.")
        }
        CommerceEventType::FaqSubmitted => ("Question submitted", "Someone submitted a question in a storefront."),
        CommerceEventType::FaqApproved => ("Question approved", "A submitted question was reviewed and approved."),
        CommerceEventType::FaqRejected => ("Question rejected", "A submitted question was reviewed and rejected."),
        CommerceEventType::EnrichmentBulkCompleted => {
            ("Bulk enrichment completed", "The enrichment of many products ended.")
        }
    };
    Description { title, fires_when }
}
