//! Which deliveries of the list are wanted.

/// What is wanted; empty parts mean everything. Times are microseconds since 1970.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `None` for those who may see every account.
    pub account_id: Option<String>,
    pub integration_id: Option<String>,
    pub statuses: Vec<String>,
    pub resolution_codes: Vec<String>,
    /// The store's id or number of an order, with or without its `#`; exact.
    pub order: Option<String>,
    /// Order id or order number; exact or the beginning of one.
    pub search: Option<String>,
    /// Whether usernames are searched too.
    pub search_names: bool,
    pub received_from: Option<i64>,
    pub received_to: Option<i64>,
    /// Only deliveries with something bought that no mapping was found for.
    pub unmapped: bool,
    /// Only deliveries whose order could not be read at its store when that was last tried.
    pub unread: bool,
}
