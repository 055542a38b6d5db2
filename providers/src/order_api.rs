//! How an order that a webhook only names is read at its store: what to request, and what the responses mean.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use domain::resource::Happened;

use crate::sale::ReadOrder;
use crate::sample::Purchase;
use crate::{Malformed, StoreOrder, StoreReport};

/// How an order that a thin webhook names is read through its store's API. Does no I/O: says what to request, and what the
/// responses mean.
pub trait OrderApi: Sync {
    /// The next step of reading an order, given the bodies of the responses to the requests so far. An empty body (204) is an
    /// empty list. There is an end to it: whatever the responses are, their number is bounded.
    fn next(&self, order: &OrderReference<'_>, responses: &[&[u8]]) -> Result<OrderStep, Malformed>;

    /// What the responses that an order was read from say of it, in the words of commerce events. None where more are needed.
    fn report(&self, order: &OrderReference<'_>, responses: &[&[u8]]) -> Result<Option<StoreReport>, Malformed>;

    /// The responses, in their order, by which the API would give a purchase, for demonstrations.
    fn sample_responses(&self, order: &OrderReference<'_>, purchase: &Purchase<'_>) -> Vec<Vec<u8>>;
}

/// Which order of which store is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderReference<'a> {
    /// What [`StoreApi::store`](crate::StoreApi::store) made of what the merchant entered.
    pub store: Option<&'a str>,
    pub order_id: &'a str,
}

/// What is done next to read an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderStep {
    /// A GET of this path, with its query, which begins with a slash and follows the API's address.
    Request {
        path: String,
    },
    Order(Box<StoreOrder>),
}

/// What is done next to read an order, for its delivery and for what is published of it.
pub(crate) enum ReadStep {
    Request { path: String },
    Order(Box<ReadOrder>),
}

impl ReadStep {
    pub(crate) fn report(self) -> Option<StoreReport> {
        match self {
            Self::Request { .. } => None,
            Self::Order(read) => Some(read.report(Happened::Updated)),
        }
    }
}

impl From<ReadStep> for OrderStep {
    fn from(step: ReadStep) -> Self {
        match step {
            ReadStep::Request { path } => Self::Request { path },
            ReadStep::Order(read) => Self::Order(Box::new(read.order)),
        }
    }
}

/// One segment of a path: whatever the text is, it stays one, and no other than the one it names.
pub(crate) fn path_segment(text: &str, field: &str) -> Result<String, Malformed> {
    // As every client resolves them, also where their dots are percent-encoded (WHATWG URL, "double-dot path segment").
    if ["", ".", ".."].contains(&text) {
        return Err(Malformed::invalid(field, "is no id"));
    }
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            write!(segment, "%{byte:02X}").expect("a String takes everything");
        }
    }
    Ok(segment)
}

/// That a response is about the order that was requested.
pub(crate) fn check_order(found: Option<&str>, wanted: &OrderReference<'_>, field: &str) -> Result<(), Malformed> {
    match found {
        Some(found) if found == wanted.order_id => Ok(()),
        Some(_) => Err(Malformed::invalid(field, "is of another order")),
        None => Err(Malformed::missing(field)),
    }
}
