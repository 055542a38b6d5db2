//! Which orders a store has changed, and how one of which no webhook came is had as a webhook would have brought it: what to
//! request, and what the responses mean.

#[cfg(test)]
mod tests;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use crate::Malformed;
use crate::body;
use crate::scalar::Scalar;
use crate::store_api::ApiRequest;

/// How the orders that a store changed are listed through its API. Does no I/O: says what to request, and what the responses mean.
pub trait OrderListApi: Sync {
    /// The request for a page of the orders that were changed at `since` and later, by the store's clock, the least recently
    /// changed first. `cursor` is what the page before said.
    fn list(&self, store: Option<&str>, since: DateTime<Utc>, cursor: Option<&str>) -> Result<ApiRequest, Malformed>;

    fn listed(&self, body: &[u8], cursor: Option<&str>) -> Result<OrderPage, Malformed>;

    /// The next step of having an order as a webhook, given the bodies of the responses to the requests so far. There is an end to
    /// it: whatever the responses are, their number is bounded.
    fn webhook(&self, store: Option<&str>, order: &ListedOrder, responses: &[&[u8]]) -> Result<WebhookStep, Malformed>;
}

/// A page of orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderPage {
    pub orders: Vec<ListedOrder>,
    /// Of the next page, if there is one.
    pub next: Option<String>,
}

/// An order as a list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedOrder {
    /// The store's own id.
    pub order_id: String,
    /// When the store last changed it, by its own clock.
    pub changed_at: DateTime<Utc>,
}

/// What is done next to have an order as a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookStep {
    Request(ApiRequest),
    /// What the platform would have posted, as far as its API says it: the parser of webhooks reads it.
    Webhook {
        topic: String,
        body: Vec<u8>,
    },
    /// There is no such order any more.
    Gone,
}

/// As queries have a moment.
pub(crate) fn written(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An order as the lists of REST APIs have it, of which `D` says when it was changed.
pub(crate) fn listed<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    order: impl Fn(&T) -> (Scalar<'a>, Scalar<'a>),
) -> Result<Vec<ListedOrder>, Malformed> {
    // An empty list has no body at BigCommerce.
    if body.trim_ascii().is_empty() {
        return Ok(vec![]);
    }
    let rows: Vec<T> =
        serde_json::from_str(body::text(body)?).map_err(|_| Malformed::invalid("orders", "are no list"))?;
    rows.iter().map(|row| listed_order(order(row))).collect()
}

pub(crate) fn listed_order((id, changed_at): (Scalar<'_>, Scalar<'_>)) -> Result<ListedOrder, Malformed> {
    Ok(ListedOrder {
        order_id: id.order_id("id")?.ok_or_else(|| Malformed::missing("id"))?,
        changed_at: changed_at.moment().ok_or_else(|| Malformed::invalid("the date of an order", "is no moment"))?,
    })
}

/// The number of a page that a cursor names.
pub(crate) fn page_number(cursor: Option<&str>) -> Result<u32, Malformed> {
    cursor.map_or(Ok(1), |cursor| cursor.parse().map_err(|_| Malformed::invalid("page", "is no number")))
}
