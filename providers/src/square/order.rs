//! What the response of Square's API says of an order.

#[cfg(test)]
mod tests;

use domain::LineItem;
use domain::resource::Refunded;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::money::BodyMoney;
use super::returns::{Return, Returned};
use super::status;
use crate::attributes::Attributes;
use crate::order::is_emptied;
use crate::order_api::{OrderReference, check_order};
use crate::sale::{ReadOrder, Sale};
use crate::scalar::Scalar;
use crate::shape::{List, Object, Shape};
use crate::username;
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
    /// The order's number in the application that made it, where it is no point of sale of Square's.
    reference_id: Scalar<'a>,
    /// What a seller calls an open ticket.
    ticket_name: Scalar<'a>,
    state: Scalar<'a>,
    /// Goes up with each change.
    version: Scalar<'a>,
    created_at: Scalar<'a>,
    updated_at: Scalar<'a>,
    customer_id: Scalar<'a>,
    metadata: Shape<Attributes, Attributes>,
    line_items: List<Object<Line<'a>>>,
    returns: List<Object<Return<'a>>>,
    net_amount_due_money: Object<BodyMoney<'a>>,
    total_money: Object<BodyMoney<'a>>,
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
    /// Of one, before discounts and taxes.
    base_price_money: Object<BodyMoney<'a>>,
    note: Scalar<'a>,
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
pub(super) fn read(response: &[u8], wanted: &OrderReference<'_>) -> Result<ReadOrder, Malformed> {
    let response = body::read::<Object<Response>>(body::text(response)?)?.object().ok_or(Malformed::NotAnObject)?;
    let order = response.order.object().ok_or_else(|| Malformed::missing("order"))?;
    check_order(order.id.order_id("id")?.as_deref(), wanted, "id")?;
    let total = order.total_money.object();
    let due = order.net_amount_due_money.object().and_then(BodyMoney::units);
    let is_paid = is_paid(due, total.and_then(BodyMoney::units), order.tenders);
    // An order of returns alone has no lines.
    let mut lines: Vec<Line> = body::lines(order.line_items, true)?.into_iter().filter_map(Shape::object).collect();
    let returned = Returned::of(order.returns, wanted.order_id, lines.is_empty())?;
    let price = |line: &mut Line| std::mem::take(&mut line.base_price_money).object().and_then(BodyMoney::read);
    let prices = lines.iter_mut().map(price).collect();
    let details = details(order.fulfillments)?;
    let notes_of_lines = lines.iter().map(|line| line.note);
    let mut notes = notes_of_lines.chain(details.iter().flat_map(|details| [details.note, details.shipping_note]));
    let in_notes = || notes.find_map(|note| username::in_note(&note.written()?));
    let (of_metadata, session_id) = order.metadata.either().unwrap_or_default().both();
    let username = of_metadata.or_else(in_notes);
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
    let has_status = |wanted: &str| order_status == wanted;
    let sale = Sale {
        session_id,
        checkout_id: None,
        total: total.and_then(BodyMoney::read),
        // An order of returns alone sells nothing that could be paid.
        paid: [status::PAID, status::COMPLETED].into_iter().any(has_status) || (is_refunded && !is_of_returns_alone),
        cancelled: has_status(status::CANCELED),
        refunded: if is_refunded { Refunded::Full } else { Refunded::None },
        refunded_amount: returned.amount,
        prices,
        version: order.version.count(),
        deleted: false,
    };
    let order = StoreOrder {
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
    };
    Ok(ReadOrder { order, sale })
}

/// Whether an open order was paid: nothing is due of what it costs. Where Square does not say what is due, a tender is a
/// payment. What costs nothing and has no payment is a basket that is still empty.
fn is_paid(due: Option<i64>, total: Option<i64>, tenders: List<IgnoredAny>) -> bool {
    let is_tendered = matches!(tenders, Shape::List(tenders) if !tenders.is_empty());
    match due {
        Some(due) => due <= 0 && (is_tendered || total.is_some_and(|total| total > 0)),
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
