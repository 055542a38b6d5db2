//! What a body of the generic provider means: a small format of our own, in which a mistake is the sender's to mend and so is
//! named.

use domain::LineItem;
use domain::commerce::{Currency, Money};
use domain::notice::NoticeKind;
use domain::resource::Refunded;
use serde::Deserialize;

use super::event;
use crate::sale::{ReadOrder, Reading, Sale};
use crate::scalar::Scalar;
use crate::shape::{List, Object, Shape};
use crate::{Malformed, Parsed, StoreOrder, body, session, username};

/// Words for the status of an order that was paid, be it given back since, of their letters alone. `paid` says it better.
const PAID: [&str; 5] = ["paid", "complete", "completed", "refunded", "partiallyrefunded"];

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    order_id: Scalar<'a>,
    order_number: Scalar<'a>,
    order_status: Scalar<'a>,
    cancelled: Scalar<'a>,
    updated_at: Scalar<'a>,
    target_username: Scalar<'a>,
    customer_email: Scalar<'a>,
    customer_name: Scalar<'a>,
    customer_id: Scalar<'a>,
    items: List<Object<Item<'a>>>,
    // What is published of the order alone. A sender wrote what it liked there before these were read, so that none of them
    // makes an order malformed.
    paid: Scalar<'a>,
    session_id: Scalar<'a>,
    total: Scalar<'a>,
    currency: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Item<'a> {
    sku: Scalar<'a>,
    product_id: Scalar<'a>,
    variant_id: Scalar<'a>,
    title: Scalar<'a>,
    quantity: Scalar<'a>,
    /// Of one.
    price: Scalar<'a>,
}

/// More of one item than anybody buys.
const MAX_QUANTITY: u32 = 1_000_000;

/// A cancelled order needs nothing but its id.
pub(super) fn read(json: &str) -> Result<Reading, Malformed> {
    let Some(body) = body::read::<Object<Body>>(json)?.object() else {
        return Err(Malformed::NotAnObject);
    };
    let Some(order_id) = body.order_id.order_id("orderId")? else {
        return match event::read(json)? {
            Some(_) => Ok(Reading::Other(Parsed::Notice(NoticeKind::NotAnOrder))),
            None => Err(body.order_id.no_text("orderId")),
        };
    };
    let cancelled = match body.cancelled.bool() {
        Some(cancelled) => cancelled,
        None if body.cancelled.is_null() => false,
        None => return Err(Malformed::invalid("cancelled", "must be true or false")),
    };
    let changed_at = body.updated_at.moment();
    if changed_at.is_none() && !body.updated_at.is_null() {
        return Err(Malformed::invalid("updatedAt", "must be a date and time like 2026-03-14T12:00:00Z (RFC 3339)"));
    }
    let username = body.target_username.written().and_then(|written| username::normalised(&written));
    if username.is_none() && !cancelled {
        let is_address = body.target_username.text().is_some_and(|text| text.contains("://"));
        let reason = "must be a username, or the address of a profile at Cortex Cloud";
        return Err(if is_address {
            Malformed::invalid("targetUsername", reason)
        } else {
            body.target_username.no_text("targetUsername")
        });
    }
    let currency = body.currency.currency();
    let (items, prices) = items(body.items, cancelled, currency)?;
    let order_status = body.order_status.text();
    let word = order_status.as_deref().map(letters).unwrap_or_default();
    let sale = Sale {
        session_id: body.session_id.written().and_then(|written| session::id(&written)),
        checkout_id: None,
        total: body.total.money(currency),
        paid: body.paid.bool().unwrap_or_else(|| PAID.contains(&word.as_str())),
        cancelled: cancelled || ["cancelled", "canceled"].contains(&word.as_str()),
        refunded: match word.as_str() {
            "refunded" => Refunded::Full,
            "partiallyrefunded" => Refunded::Partial,
            _ => Refunded::None,
        },
        refunded_amount: None,
        prices,
        version: None,
        deleted: false,
    };
    let order = StoreOrder {
        order_id,
        order_number: body.order_number.text(),
        order_status,
        changed_at,
        cancelled,
        username,
        email: body.customer_email.text(),
        customer_name: body.customer_name.text(),
        customer_id: body.customer_id.id_or_zero(),
        items,
    };
    Ok(Reading::Order(Box::new(ReadOrder { order, sale })))
}

/// A status without what separates its words.
fn letters(status: &str) -> String {
    status.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

/// What was bought, and the price of one of each.
fn items(
    items: List<Object<Item<'_>>>,
    may_be_none: bool,
    currency: Option<Currency>,
) -> Result<(Vec<LineItem>, Vec<Option<Money>>), Malformed> {
    let items = match items {
        Shape::Absent | Shape::Null if may_be_none => return Ok((vec![], vec![])),
        Shape::Absent | Shape::Null => return Err(Malformed::missing("items")),
        Shape::Scalar | Shape::Object(_) => return Err(Malformed::invalid("items", "must be a list")),
        Shape::List(items) => items.bounded("items")?,
    };
    if items.is_empty() && !may_be_none {
        return Err(Malformed::invalid("items", "must not be empty"));
    }
    let line_item = |(index, item): (usize, Object<Item<'_>>)| {
        let field = format!("items[{index}]");
        let Some(item) = item.object() else {
            return Err(Malformed::invalid(&field, "must be an object"));
        };
        let price = item.price.money(currency);
        let item = LineItem {
            sku: item.sku.text(),
            product_id: item.product_id.id_or_zero(),
            variant_id: item.variant_id.id_or_zero(),
            title: item.title.text(),
            quantity: quantity(item.quantity, &field)?,
        };
        let says_nothing =
            item.sku.is_none() && item.product_id.is_none() && item.variant_id.is_none() && item.title.is_none();
        if says_nothing { Err(Malformed::missing(&field)) } else { Ok((item, price)) }
    };
    items.into_iter().enumerate().map(line_item).collect()
}

/// One where nothing is said. An item of which there are none is a mistake: nothing of it would ever be delivered.
fn quantity(written: Scalar<'_>, item: &str) -> Result<u32, Malformed> {
    if written.is_null() {
        return Ok(1);
    }
    let quantity = written.quantity().filter(|quantity| (1..=MAX_QUANTITY).contains(quantity));
    quantity.ok_or_else(|| {
        Malformed::invalid(&format!("{item}.quantity"), "must be a number above 0, and at most 1,000,000")
    })
}
