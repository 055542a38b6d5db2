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

/// What a verified body means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    Order(StoreOrder),
    Notice(NoticeKind),
    /// A store's webhook that should be an order and cannot be read as one.
    Unusable(Malformed),
}
