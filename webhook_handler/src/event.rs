//! What callbacks are given.

use chrono::{DateTime, Utc};
pub use commerce::payload::inventory::StockLevel;
pub use commerce::payload::product::{DeletedProduct, Product, Variant};
pub use commerce::{Currency, Money};
pub use domain::integration::Provider;

use crate::Sender;

/// Where an event is from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// Who signed the webhook.
    pub sender: Sender,
    /// The platform of the store. None for an event of the gateway that happened in no store.
    pub provider: Option<Provider>,
    /// Which store: the domain of a shop on Shopify, the merchant id of a seller on Square, the integration's id of a store
    /// behind the gateway. **Shopify does not sign it**: where one secret serves several shops, take it for a hint.
    pub store: Option<String>,
}

/// How much of something there is has changed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InventoryChange {
    /// Where it is from.
    pub origin: Origin,
    /// What there is now. Few senders name the product by every id: Shopify gives `inventory_item_id`, Square `variant_id`.
    pub stock: StockLevel,
}

/// An order was paid, or the checkout of a conversation became one. Once for each order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderComplete {
    /// Where it is from.
    pub origin: Origin,
    /// The store's id of the order.
    pub order_id: String,
    /// The conversation in which the customer bought. None where the webhook does not name it: Square's never do, and
    /// Shopify's do where the shop keeps it in a note attribute such as `session_id`.
    pub session_id: Option<String>,
}

/// A product is new, changed or gone.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProductChange {
    /// Where it is from.
    pub origin: Origin,
    /// What changed.
    pub change: Change,
}

/// What changed of a store's products.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// A product is new, or there again.
    Created(Product),
    /// The price, the description, the images or anything else of a product changed.
    Updated(Product),
    /// The store has the product no more.
    Deleted(DeletedProduct),
    /// Something of the catalogue changed, and the webhook does not say what: read the catalogue at the store's API. Square
    /// says no more than this.
    Catalog {
        /// By the store's clock. What Square's API is asked for is what changed since the time that it gave you last.
        changed_at: Option<DateTime<Utc>>,
    },
}

impl Change {
    /// The store's id of the product, where it is about one.
    pub fn product_id(&self) -> Option<&str> {
        match self {
            Self::Created(product) | Self::Updated(product) => Some(&product.product_id),
            Self::Deleted(product) => Some(&product.product_id),
            Self::Catalog { .. } => None,
        }
    }
}

/// What a callback is called with, as it is named in a log.
pub(crate) trait Event: Clone + Send + 'static {
    const CALLBACK: &'static str;

    /// What it is about. Nothing of a person.
    fn subject(&self) -> &str;
}

impl Event for InventoryChange {
    const CALLBACK: &'static str = "on_inventory_change";

    fn subject(&self) -> &str {
        let StockLevel { inventory_item_id, variant_id, product_id, .. } = &self.stock;
        inventory_item_id.as_ref().or(variant_id.as_ref()).or(product_id.as_ref()).map_or("", String::as_str)
    }
}

impl Event for OrderComplete {
    const CALLBACK: &'static str = "on_order_complete";

    fn subject(&self) -> &str {
        &self.order_id
    }
}

impl Event for ProductChange {
    const CALLBACK: &'static str = "on_product_change";

    fn subject(&self) -> &str {
        self.change.product_id().unwrap_or("catalogue")
    }
}
