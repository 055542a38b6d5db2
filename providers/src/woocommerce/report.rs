//! What a body of WooCommerce says of the store's resources.
//!
//! The topic is a header and not signed: of what a body is, it only chooses among what the body can be. WooCommerce has
//! webhooks of orders, products, customers and coupons; its categories and its stock change with their products.

#[cfg(test)]
mod tests;

use domain::commerce::Currency;
use domain::resource::{Content, Happened};
use serde::Deserialize;

use super::order::{self, Billing};
use super::product;
use crate::report::confirmed;
use crate::scalar::{Scalar, full_name};
use crate::shape::Object;
use crate::{Malformed, StoreCustomer, StoreReport, body};

/// What a body may be about, orders aside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thing {
    Product,
    Customer,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    id: Scalar<'a>,
    date_modified_gmt: Scalar<'a>,
    /// Of a product.
    name: Scalar<'a>,
    // Of a customer.
    email: Scalar<'a>,
    first_name: Scalar<'a>,
    last_name: Scalar<'a>,
    billing: Object<Billing<'a>>,
    // Of an order or a refund.
    line_items: Scalar<'a>,
    total: Scalar<'a>,
}

pub(super) fn reports(
    topic: Option<&str>,
    json: &str,
    currency: Option<Currency>,
) -> Result<Vec<StoreReport>, Malformed> {
    let happened = topic.map_or(Happened::Updated, happened);
    order::read(topic, json)?.reports_or(happened, || of_thing(topic, happened, json, currency))
}

/// Who a customer is. Not by `username`, which is that of the shop's own login.
pub(super) fn customer(topic: Option<&str>, json: &str) -> Option<StoreCustomer> {
    let body = body::read::<Object<Body>>(json).ok()?.object()?;
    if of_topic(topic?)? != Thing::Customer || !body.is(Thing::Customer) {
        return None;
    }
    let billing = body.billing.object().unwrap_or_default();
    Some(StoreCustomer {
        id: body.id.id_or_zero(),
        email: body.email.text(),
        name: full_name(body.first_name, body.last_name).or_else(|| full_name(billing.first_name, billing.last_name)),
        username: None,
    })
}

/// `product.published` is an update: the product was there, unseen.
fn happened(topic: &str) -> Happened {
    match topic.rsplit('.').next().map(str::to_ascii_lowercase).as_deref() {
        Some("created") => Happened::Created,
        Some("deleted") => Happened::Deleted,
        Some("restored") => Happened::Restored,
        Some(_) | None => Happened::Updated,
    }
}

fn of_topic(topic: &str) -> Option<Thing> {
    match topic.split('.').next()?.to_ascii_lowercase().as_str() {
        "product" => Some(Thing::Product),
        "customer" => Some(Thing::Customer),
        _ => None,
    }
}

/// Deletions fire when a thing goes to the trash, and say its id alone (`class-wc-webhook.php`, `build_payload`).
fn of_thing(
    topic: Option<&str>,
    happened: Happened,
    json: &str,
    currency: Option<Currency>,
) -> Result<Option<StoreReport>, Malformed> {
    let Some(thing) = topic.and_then(of_topic) else { return Ok(None) };
    let Some(body) = body::read::<Object<Body>>(json)?.object() else { return Ok(None) };
    let is_deletion = happened == Happened::Deleted && body::is_only_an_id(json);
    if !is_deletion && !body.is(thing) {
        return Ok(None);
    }
    let happened = confirmed(happened, is_deletion);
    let content = match thing {
        Thing::Product => product::content(json, is_deletion, currency)?,
        Thing::Customer => Content::Customer {},
    };
    let changed_at = body.date_modified_gmt.moment();
    Ok(Some(StoreReport { changed_at, ..StoreReport::new(body::order_id(body.id)?, happened, content) }))
}

impl Body<'_> {
    /// Whether the body is of this kind, by itself.
    fn is(&self, thing: Thing) -> bool {
        let is_sale = self.line_items.is_present() || self.total.is_present();
        let is_of_person = self.email.is_present();
        let is_named = self.name.text().is_some();
        !is_sale
            && match thing {
                Thing::Product => is_named && !is_of_person,
                Thing::Customer => is_of_person,
            }
    }
}
