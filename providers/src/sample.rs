//! What happens in a store, for example: to demonstrate this service, and to try a receiver.

/// What a customer bought, and how far the order is.
#[derive(Clone, Copy, Debug)]
pub struct Purchase<'a> {
    pub username: Option<&'a str>,
    pub products: &'a [Product],
    /// The order's status, where the store names one.
    pub status: &'a str,
    /// What happened to it, where the store has a topic for it.
    pub happened: Happened,
}

/// What a store reports of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    Created,
    Paid,
}

/// Something that a store sells.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    pub sku: &'static str,
    pub title: &'static str,
}

/// A webhook as a store would send it, without its signature.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The header of its topic, name and value, where the platform has one.
    pub topic: Option<(&'static str, &'static str)>,
    pub body: Vec<u8>,
}

/// What an example of something that happens is about.
#[derive(Clone, Debug)]
pub struct Example {
    /// The store's id of it, or what that is made of. What was reported before is reported once, so take another each time.
    pub number: u64,
    /// When it happens, as RFC 3339 in UTC.
    pub at: String,
    /// A moment after it.
    pub later: String,
}

/// The digits of an order's number; 0 where it has none.
pub(crate) fn number(order: &str) -> u64 {
    order.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}
