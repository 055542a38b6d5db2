//! What a webhook means, whichever platform it is from.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::LineItem;
use domain::notice::NoticeKind;

use crate::Malformed;

/// What a webhook says about an order, whichever store it is from.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreOrder {
    pub order_id: String,
    /// The number that people see.
    pub order_number: Option<String>,
    pub order_status: Option<String>,
    /// When the store last changed the order.
    pub changed_at: Option<DateTime<Utc>>,
    /// The store cancelled, refunded or deleted the order.
    pub cancelled: bool,
    pub username: Option<String>,
    pub email: Option<String>,
    pub customer_name: Option<String>,
    /// The store's own id of the customer.
    pub customer_id: Option<String>,
    pub items: Vec<LineItem>,
}

/// Shows nothing of the customer.
impl fmt::Debug for StoreOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOrder")
            .field("order_id", &self.order_id)
            .field("order_status", &self.order_status)
            .field("cancelled", &self.cancelled)
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}

/// An order that a webhook names and says nothing of: what was bought is read at the store's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThinOrder {
    pub order_id: String,
    /// As far as the webhook says it.
    pub order_status: Option<String>,
    /// When the store last changed the order.
    pub changed_at: Option<DateTime<Utc>>,
}

/// What a webhook says of a customer.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoreCustomer {
    /// The store's own id.
    pub id: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub username: Option<String>,
}

/// Shows nothing of the customer.
impl fmt::Debug for StoreCustomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreCustomer").finish_non_exhaustive()
    }
}

/// What a verified body means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    Order(StoreOrder),
    /// A store's webhook that only names an order, which is read at the store's API.
    ThinOrder(ThinOrder),
    Notice(NoticeKind),
    /// A store's webhook that should be an order and cannot be read as one.
    Unusable(Malformed),
}

/// Whether everything that was ordered was refunded or taken off again, which leaves the lines and none of each.
pub(crate) fn is_emptied(items: &[LineItem]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.quantity == 0)
}
