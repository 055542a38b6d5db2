//! What a body of WooCommerce means: an order, or something that is sent under the topics of orders too.

use domain::LineItem;
use domain::notice::NoticeKind;
use domain::resource::Refunded;
use html_escape::decode_html_entities;
use serde::Deserialize;

use crate::attributes::Attributes;
use crate::sale::{ReadOrder, Reading, Sale, given_back};
use crate::scalar::{Scalar, full_name};
use crate::shape::{List, Object, Shape};
use crate::username;
use crate::{Malformed, Parsed, StoreOrder, body};

/// Statuses of an order that is not to be delivered any more. The others, of which plugins add their own, say nothing of
/// the kind.
const CANCELLED: [&str; 3] = ["cancelled", "refunded", "trash"];

/// Statuses by which an order counts as paid (`wc_get_is_paid_statuses`). `WooCommerce` writes the date of the payment when an
/// order gets one of them, so these count only where a body has no date.
const PAID: [&str; 2] = ["processing", "completed"];

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
    /// The order that a refund belongs to; 0 for an order. Orders split among sellers have one too.
    parent_id: Scalar<'a>,
    /// As it was bought, refunds aside.
    total: Scalar<'a>,
    currency: Scalar<'a>,
    date_paid_gmt: Scalar<'a>,
    refunds: List<Object<Refund<'a>>>,
    refunded_by: Scalar<'a>,
    /// The form of the API before `WooCommerce` 3, which a webhook may still be set to.
    order: Scalar<'a>,
    code: Scalar<'a>,
    data: Object<ErrorData<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Billing<'a> {
    pub(super) first_name: Scalar<'a>,
    pub(super) last_name: Scalar<'a>,
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
    /// Of one, after discounts and without tax: a number of up to 15 decimals.
    price: Scalar<'a>,
    meta_data: Shape<Attributes, Attributes>,
}

/// An entry of an order's `refunds`, whose total is below zero.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Refund<'a> {
    total: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct ErrorData<'a> {
    status: Scalar<'a>,
}

pub(super) fn read(topic: Option<&str>, json: &str) -> Result<Reading, Malformed> {
    let not_an_order = Ok(Reading::Other(Parsed::Notice(NoticeKind::NotAnOrder)));
    let Some(body) = body::read::<Object<Body>>(json)?.object() else {
        return if topic.is_some_and(is_about_orders) { Err(Malformed::NotAnObject) } else { not_an_order };
    };
    let (is_refund, belongs_to_order) = (body.is_refund(), body.belongs_to_order());
    if body.id.is_null() && body.code.text().is_some() && body.data.object().is_some_and(|data| !data.status.is_null())
    {
        return Ok(Reading::Other(Parsed::Notice(NoticeKind::StoreError)));
    }
    let is_subscription = body.billing_period.is_present();
    if is_subscription || is_refund || topic.is_some_and(|topic| !is_about_orders(topic)) {
        return not_an_order;
    }
    if topic.is_none() && !body::looks_like_order(&body.line_items, body.id) {
        return not_an_order;
    }
    if body.order.is_present() && !body.id.is_present() {
        return Err(Malformed::NotTheOrder { field: "order" });
    }
    let is_deleted = topic.is_some_and(|topic| topic.eq_ignore_ascii_case("order.deleted"));
    let may_lack_lines = is_deleted && body::is_only_an_id(json);
    let order_id = body::order_id(body.id)?;
    let lines = body::lines(body.line_items, may_lack_lines)?;
    let mut lines: Vec<Line> = lines.into_iter().filter_map(Shape::object).collect();
    if belongs_to_order && takes_back(&lines) {
        return not_an_order;
    }
    let on_a_line = lines.iter_mut().find_map(|line| std::mem::take(&mut line.meta_data).either()?.username());
    let order_status = body.status.text();
    let has_status = |wanted: &str| order_status.as_ref().is_some_and(|status| status.eq_ignore_ascii_case(wanted));
    let cancelled = is_deleted || CANCELLED.into_iter().any(has_status);
    let billing = body.billing.object().unwrap_or_default();
    let (of_order, session_id) = body.meta_data.either().unwrap_or_default().both();
    let username = of_order.or(on_a_line);
    let currency = body.currency.currency();
    let refunds = body.refunds.first().into_iter().filter_map(|refund| refund.object()?.total.money(currency));
    let sale = Sale {
        session_id,
        checkout_id: None,
        total: body.total.money(currency),
        paid: body.date_paid_gmt.text().is_some() || (body.date_paid_gmt.is_null() && PAID.into_iter().any(has_status)),
        cancelled: ["cancelled", "trash"].into_iter().any(has_status),
        refunded: if has_status("refunded") { Refunded::Full } else { Refunded::None },
        refunded_amount: given_back(refunds),
        prices: lines.iter().map(|line| line.price.money(currency)).collect(),
        version: None,
        deleted: may_lack_lines,
    };
    let order = StoreOrder {
        order_id,
        order_number: body.number.text(),
        order_status,
        changed_at: body.date_modified_gmt.moment(),
        cancelled,
        username: username.or_else(|| username::in_note(&decode_html_entities(&body.customer_note.written()?))),
        email: billing.email.text(),
        customer_id: body.customer_id.id_or_zero(),
        customer_name: full_name(billing.first_name, billing.last_name),
        items: lines.into_iter().map(LineItem::from).collect(),
    };
    Ok(Reading::Order(Box::new(ReadOrder { order, sale })))
}

/// Whether lines are taken back and none is bought: a refund's quantities are negative.
fn takes_back(lines: &[Line<'_>]) -> bool {
    lines.iter().any(|line| line.quantity.is_negative()) && lines.iter().all(|line| line.quantity.quantity() == Some(0))
}

impl Body<'_> {
    fn belongs_to_order(&self) -> bool {
        self.parent_id.id_or_zero().is_some()
    }

    /// Whether the body is a refund, which has an id and lines of its own and is sent under the topics of orders too.
    fn is_refund(&self) -> bool {
        self.refunded_by.is_present() || (self.belongs_to_order() && self.total.is_negative())
    }
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
            // WordPress writes titles as they stand in a page.
            title: line.name.text().map(|title| decode_html_entities(&title).into_owned()),
            quantity: line.quantity.quantity().unwrap_or(1),
        }
    }
}
