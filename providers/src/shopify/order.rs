//! What a body of Shopify means: an order, or one of the many things that look like one.

use domain::LineItem;
use domain::notice::NoticeKind;
use domain::resource::Refunded;
use serde::Deserialize;

use super::privacy;
use super::refunds::{Refund, Refunds};
use crate::attributes::Attributes;
use crate::order::is_emptied;
use crate::sale::{ReadOrder, Reading, Sale};
use crate::scalar::{Scalar, full_name};
use crate::shape::{List, Object, Shape};
use crate::username;
use crate::{Malformed, Parsed, StoreOrder, body};

/// Values of `financial_status` by which all of an order was paid, be it given back since. What is authorised is not captured,
/// and may never be (shopify.dev, `OrderDisplayFinancialStatus`).
const PAID: [&str; 3] = ["paid", "partially_refunded", "refunded"];

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    id: Scalar<'a>,
    name: Scalar<'a>,
    order_number: Scalar<'a>,
    financial_status: Scalar<'a>,
    cancelled_at: Scalar<'a>,
    updated_at: Scalar<'a>,
    email: Scalar<'a>,
    contact_email: Scalar<'a>,
    customer: Object<Person<'a>>,
    billing_address: Object<Person<'a>>,
    note: Scalar<'a>,
    note_attributes: Shape<Attributes, Attributes>,
    line_items: List<Object<Line<'a>>>,
    refunds: List<Object<Refund<'a>>>,
    /// As it was bought, refunds and edits aside; in the shop's currency, as every amount without a set.
    total_price: Scalar<'a>,
    currency: Scalar<'a>,
    /// 0 or null for an order that an app or a merchant made.
    checkout_id: Scalar<'a>,
    checkout_token: Scalar<'a>,
    // What tells an order from the things that look like one.
    abandoned_checkout_url: Scalar<'a>,
    admin_graphql_api_id: Scalar<'a>,
    invoice_url: Scalar<'a>,
    order_id: Scalar<'a>,
    token: Scalar<'a>,
    order_edit: Scalar<'a>,
    /// Not Shopify's: a proxy between it and us may wrap an order so.
    order: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Person<'a> {
    pub(super) id: Scalar<'a>,
    pub(super) first_name: Scalar<'a>,
    pub(super) last_name: Scalar<'a>,
    pub(super) email: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Line<'a> {
    id: Scalar<'a>,
    sku: Scalar<'a>,
    product_id: Scalar<'a>,
    variant_id: Scalar<'a>,
    title: Scalar<'a>,
    quantity: Scalar<'a>,
    /// What is left of the quantity after refunds and edits.
    current_quantity: Scalar<'a>,
    /// Of one, before discounts.
    price: Scalar<'a>,
    properties: Shape<Attributes, Attributes>,
}

pub(super) fn read(topic: Option<&str>, json: &str) -> Result<Reading, Malformed> {
    let not_an_order = Ok(Reading::Other(Parsed::Notice(NoticeKind::NotAnOrder)));
    let Some(body) = body::read::<Object<Body>>(json)?.object() else {
        let must_be_one = |topic| is_about_orders(topic) || privacy::is_compliance(topic);
        return if topic.is_some_and(must_be_one) { Err(Malformed::NotAnObject) } else { not_an_order };
    };
    if let Some(kind) = privacy::kind(topic, json) {
        return kind.map(|kind| Reading::Other(Parsed::Notice(kind)));
    }
    if body.is_another_thing() || topic.is_some_and(|topic| !is_about_orders(topic)) {
        return not_an_order;
    }
    let is_topic = |name: &str| topic.is_some_and(|topic| topic.eq_ignore_ascii_case(name));
    let is_deleted = is_topic("orders/delete");
    if topic.is_none() && !body::looks_like_order(&body.line_items, body.id) {
        return not_an_order;
    }
    if body.order.is_present() && !body.id.is_present() {
        return Err(Malformed::NotTheOrder { field: "order" });
    }
    let may_lack_lines = is_deleted && body::is_only_an_id(json);
    let order_id = body::order_id(body.id)?;
    let lines = body::lines(body.line_items, may_lack_lines)?;
    let mut lines: Vec<Line> = lines.into_iter().filter_map(Shape::object).collect();
    let on_a_line = lines.iter_mut().find_map(|line| std::mem::take(&mut line.properties).either()?.username());
    let currency = body.currency.currency();
    let prices = lines.iter().map(|line| line.price.money(currency)).collect();
    let refunds = Refunds::of(body.refunds, currency)?;
    let items: Vec<LineItem> = lines.into_iter().map(|line| line.item(&refunds)).collect();
    let order_status = body.financial_status.text();
    let has_status = |wanted: &str| order_status.as_ref().is_some_and(|status| status.eq_ignore_ascii_case(wanted));
    let cancelled = is_deleted
        || is_topic("orders/cancelled")
        || body.cancelled_at.text().is_some()
        || has_status("refunded")
        || is_emptied(&items);
    let customer = body.customer.object().unwrap_or_default();
    let billing = body.billing_address.object().unwrap_or_default();
    let (of_order, session_id) = body.note_attributes.either().unwrap_or_default().both();
    let username = of_order.or(on_a_line);
    let sale = Sale {
        session_id,
        checkout_id: body.checkout_id.id_or_zero().or_else(|| body.checkout_token.text()),
        total: body.total_price.money(currency),
        paid: PAID.into_iter().any(has_status),
        cancelled: body.cancelled_at.text().is_some(),
        refunded: if has_status("refunded") {
            Refunded::Full
        } else if has_status("partially_refunded") {
            Refunded::Partial
        } else {
            Refunded::None
        },
        refunded_amount: refunds.amount,
        prices,
        version: None,
        deleted: may_lack_lines,
    };
    let order = StoreOrder {
        order_id,
        order_number: body.name.text().or_else(|| body.order_number.text()),
        order_status,
        changed_at: body.updated_at.moment(),
        cancelled,
        username: username.or_else(|| username::in_note(&body.note.written()?)),
        email: body.email.text().or_else(|| body.contact_email.text()).or_else(|| customer.email.text()),
        customer_id: customer.id.id_or_zero(),
        customer_name: full_name(customer.first_name, customer.last_name)
            .or_else(|| full_name(billing.first_name, billing.last_name)),
        items,
    };
    Ok(Reading::Order(Box::new(ReadOrder { order, sale })))
}

fn is_about_orders(topic: &str) -> bool {
    topic.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("orders/"))
}

impl Body<'_> {
    /// Whether the body, by itself, is of another topic whose objects have an id and line items too. The topic's header is
    /// not signed: who captured the webhook of an abandoned checkout could send it as `orders/paid`.
    fn is_another_thing(&self) -> bool {
        let is_checkout = self.abandoned_checkout_url.is_present();
        let is_draft = self.invoice_url.is_present();
        let is_edit = self.order_edit.is_present();
        // Fulfilments, refunds and returns belong to an order; an order belongs to none.
        let is_part_of_order = self.order_id.is_present();
        let is_cart = self.token.written().is_some_and(|token| self.id.written() == Some(token));
        let is_named_otherwise =
            self.admin_graphql_api_id.written().is_some_and(|name| !name.starts_with("gid://shopify/Order/"));
        is_checkout || is_draft || is_edit || is_part_of_order || is_cart || is_named_otherwise
    }
}

impl Line<'_> {
    fn item(self, refunds: &Refunds) -> LineItem {
        // Versions of the API before `current_quantity`, and orders of apps, tell only what was ordered and what refunded.
        let left = || self.quantity.quantity().unwrap_or(1).saturating_sub(refunds.of_line(self.id));
        LineItem {
            quantity: self.current_quantity.quantity().unwrap_or_else(left),
            sku: self.sku.text(),
            product_id: self.product_id.id_or_zero(),
            variant_id: self.variant_id.id_or_zero(),
            title: self.title.text(),
        }
    }
}
