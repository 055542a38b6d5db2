//! What the response of Square's API says of an order.

#[cfg(test)]
mod tests;

use domain::LineItem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::returns::{Return, Returned};
use super::status;
use crate::order::is_emptied;
use crate::order_api::{OrderReference, check_order};
use crate::scalar::Scalar;
use crate::shape::{List, Object, Shape};
use crate::username::{self, Attributes};
use crate::{Malformed, StoreOrder, body};

/// `GET /v2/orders/{id}`.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Response<'a> {
    order: Object<Order<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Order<'a> {
    id: Scalar<'a>,
    /// The number of whoever made the order, where it is no point of sale of Square's.
    reference_id: Scalar<'a>,
    /// What a seller calls an open ticket.
    ticket_name: Scalar<'a>,
    state: Scalar<'a>,
    created_at: Scalar<'a>,
    updated_at: Scalar<'a>,
    customer_id: Scalar<'a>,
    metadata: Shape<Attributes, Attributes>,
    line_items: List<Object<Line<'a>>>,
    returns: List<Object<Return<'a>>>,
    net_amount_due_money: Object<Money<'a>>,
    total_money: Object<Money<'a>>,
    tenders: List<IgnoredAny>,
    fulfillments: List<Object<Fulfillment<'a>>>,
}

/// A line names no SKU: that is in the catalogue, under `catalog_object_id`. Nor is its title made of the variation's name,
/// which a seller may change: the id says which variation it is.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Line<'a> {
    uid: Scalar<'a>,
    /// Of a variation: what is sold is always one, "Regular" where the seller made none.
    catalog_object_id: Scalar<'a>,
    name: Scalar<'a>,
    quantity: Scalar<'a>,
    note: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Money<'a> {
    amount: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Fulfillment<'a> {
    pickup_details: Object<Details<'a>>,
    shipment_details: Object<Details<'a>>,
    delivery_details: Object<Details<'a>>,
    digital_details: Object<Details<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Details<'a> {
    note: Scalar<'a>,
    shipping_note: Scalar<'a>,
    recipient: Object<Recipient<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Recipient<'a> {
    display_name: Scalar<'a>,
    email_address: Scalar<'a>,
}

/// The order of a response, if it is the one that was requested.
pub(super) fn read(response: &[u8], wanted: &OrderReference<'_>) -> Result<StoreOrder, Malformed> {
    let response = body::read::<Object<Response>>(body::text(response)?)?.object().ok_or(Malformed::NotAnObject)?;
    let order = response.order.object().ok_or_else(|| Malformed::missing("order"))?;
    check_order(order.id.order_id("id")?.as_deref(), wanted, "id")?;
    let is_paid = is_paid(order.net_amount_due_money, order.total_money, order.tenders);
    // An order of returns alone has no lines.
    let lines: Vec<Line> = body::lines(order.line_items, true)?.into_iter().filter_map(Shape::object).collect();
    let returned = Returned::of(order.returns, wanted.order_id)?;
    let details = details(order.fulfillments)?;
    let notes_of_lines = lines.iter().map(|line| line.note);
    let mut notes = notes_of_lines.chain(details.iter().flat_map(|details| [details.note, details.shipping_note]));
    let in_notes = || notes.find_map(|note| username::in_note(&note.written()?));
    let username = order.metadata.either().and_then(Attributes::username).or_else(in_notes);
    let recipients: Vec<Recipient> = details.into_iter().filter_map(|details| details.recipient.object()).collect();
    let email = recipients.iter().find_map(|recipient| recipient.email_address.text());
    let customer_name = recipients.iter().find_map(|recipient| recipient.display_name.text());
    let is_of_returns_alone = lines.is_empty() && returned.is_any;
    let items: Vec<LineItem> = lines.into_iter().map(|line| line.item(&returned)).collect();
    let is_refunded = is_of_returns_alone || is_emptied(&items);
    let order_status = if is_refunded {
        status::REFUNDED.to_owned()
    } else {
        let of_state = order.state.text().and_then(|state| status::of_state(&state));
        of_state.unwrap_or_else(|| if is_paid { status::PAID } else { status::OPEN }.to_owned())
    };
    Ok(StoreOrder {
        order_id: wanted.order_id.to_owned(),
        order_number: order.reference_id.text().or_else(|| order.ticket_name.text()),
        changed_at: order.updated_at.moment().or_else(|| order.created_at.moment()),
        cancelled: [status::CANCELED, status::REFUNDED].contains(&order_status.as_str()),
        order_status: Some(order_status),
        username,
        email,
        customer_name,
        customer_id: order.customer_id.text(),
        items,
    })
}

/// Whether an open order was paid: nothing is due of what it costs. Where Square does not say what is due, a tender is a
/// payment. What costs nothing and was paid by nobody is a basket that is still empty.
fn is_paid(due: Object<Money<'_>>, total: Object<Money<'_>>, tenders: List<IgnoredAny>) -> bool {
    let amount = |money: Object<Money>| money.object()?.amount.written()?.parse::<i64>().ok();
    let is_tendered = matches!(tenders, Shape::List(tenders) if !tenders.is_empty());
    match amount(due) {
        Some(due) => due <= 0 && (is_tendered || amount(total).is_some_and(|total| total > 0)),
        None => is_tendered,
    }
}

/// How each part of the order is handed over.
fn details(fulfillments: List<Object<Fulfillment<'_>>>) -> Result<Vec<Details<'_>>, Malformed> {
    let Shape::List(fulfillments) = fulfillments else { return Ok(vec![]) };
    let each = fulfillments.bounded("fulfillments")?.into_iter().filter_map(Shape::object).flat_map(|fulfillment| {
        let Fulfillment { pickup_details, shipment_details, delivery_details, digital_details } = fulfillment;
        [pickup_details, shipment_details, delivery_details, digital_details]
    });
    Ok(each.filter_map(Shape::object).collect())
}

impl Line<'_> {
    fn item(self, returned: &Returned) -> LineItem {
        LineItem {
            sku: None,
            product_id: None,
            variant_id: self.catalog_object_id.text(),
            title: self.name.text(),
            quantity: self.quantity.quantity().unwrap_or(1).saturating_sub(returned.of_line(self.uid)),
        }
    }
}
