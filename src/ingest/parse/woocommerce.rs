//! WooCommerce's webhooks: the order as the REST API gives it at the moment of sending.

#[cfg(test)]
mod tests;

use domain::LineItem;
use domain::notice::NoticeKind;
use serde::Deserialize;

use super::scalar::{Scalar, full_name};
use super::shape::{List, Object, Shape};
use super::username::{self, Attributes};
use super::{Malformed, Parsed, StoreOrder};

/// Statuses of an order that is not to be delivered any more. The others, of which plugins add their own, say nothing of
/// the kind.
const CALLED_OFF: [&str; 3] = ["cancelled", "refunded", "trash"];

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    id: Scalar<'a>,
    number: Scalar<'a>,
    status: Scalar<'a>,
    date_modified_gmt: Scalar<'a>,
    /// 0 for a guest.
    customer_id: Scalar<'a>,
    billing: Object<Billing<'a>>,
    customer_note: Scalar<'a>,
    meta_data: Shape<Attributes, Attributes>,
    line_items: List<Object<Line<'a>>>,
    /// Subscriptions have it, which are like orders otherwise. Each payment of one is an order of its own.
    billing_period: Scalar<'a>,
    code: Scalar<'a>,
    data: Object<ErrorData<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Billing<'a> {
    first_name: Scalar<'a>,
    last_name: Scalar<'a>,
    email: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Line<'a> {
    sku: Scalar<'a>,
    product_id: Scalar<'a>,
    variation_id: Scalar<'a>,
    name: Scalar<'a>,
    quantity: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct ErrorData<'a> {
    status: Scalar<'a>,
}

pub(super) fn parse(topic: Option<&str>, json: &str) -> Result<Parsed, Malformed> {
    let not_an_order = Ok(Parsed::Notice(NoticeKind::NotAnOrder));
    let Some(body) = super::read::<Object<Body>>(json)?.object() else {
        return not_an_order;
    };
    if body.id.is_null() && body.code.text().is_some() && body.data.object().is_some_and(|data| !data.status.is_null())
    {
        return Ok(Parsed::Notice(NoticeKind::StoreError));
    }
    if body.billing_period.is_present() || topic.is_some_and(|topic| !is_about_orders(topic)) {
        return not_an_order;
    }
    let is_deleted = topic.is_some_and(|topic| topic.eq_ignore_ascii_case("order.deleted"));
    let lines = match body.line_items.list() {
        Some(lines) => lines.bounded("line_items")?,
        None if is_deleted && super::is_only_an_id(json) => vec![],
        None => return not_an_order,
    };
    let Some(order_id) = body.id.order_id("id")? else {
        return not_an_order;
    };
    let order_status = body.status.text();
    let has_status = |wanted: &str| order_status.as_ref().is_some_and(|status| status.eq_ignore_ascii_case(wanted));
    let called_off = is_deleted || CALLED_OFF.into_iter().any(has_status);
    let billing = body.billing.object().unwrap_or_default();
    let username = body.meta_data.either().and_then(Attributes::username);
    Ok(Parsed::Order(StoreOrder {
        order_id,
        order_number: body.number.text(),
        order_status,
        changed_at: body.date_modified_gmt.moment(),
        called_off,
        username: username.or_else(|| username::in_note(&body.customer_note.written()?)),
        email: billing.email.text(),
        customer_id: body.customer_id.id_or_zero(),
        customer_name: full_name(billing.first_name, billing.last_name),
        items: lines.into_iter().filter_map(Shape::object).map(LineItem::from).collect(),
    }))
}

fn is_about_orders(topic: &str) -> bool {
    topic.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("order."))
}

impl From<Line<'_>> for LineItem {
    fn from(line: Line<'_>) -> Self {
        Self {
            sku: line.sku.text(),
            product_id: line.product_id.id_or_zero(),
            variant_id: line.variation_id.id_or_zero(),
            title: line.name.text(),
            quantity: line.quantity.quantity().unwrap_or(1),
        }
    }
}
