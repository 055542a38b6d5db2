//! Who a store's legal request is about.

/// The customer and the orders that a legal request names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PrivacyRequest {
    pub email: Option<String>,
    pub customer_id: Option<String>,
    /// Finds what is about no order; no order is found by it, so that it alone is not enough.
    pub phone: Option<String>,
    /// The store's ids of the orders that the request names.
    pub orders: Vec<String>,
}

impl PrivacyRequest {
    /// Whether no order can be found by it; a telephone number alone finds none.
    pub(crate) fn is_empty(&self) -> bool {
        self.email.is_none() && self.customer_id.is_none() && self.orders.is_empty()
    }
}
