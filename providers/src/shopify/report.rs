//! What a body of Shopify says of the shop's resources.
//!
//! The topic is a header and not signed: of what a body is, it only chooses among what the body can be. A body that names
//! itself (`admin_graphql_api_id`) is that or nothing. `orders/edited` and `refunds/create` report nothing: the order's own
//! `orders/updated` says what they changed, with the time of the change. The sample of *Send test notification* is reported
//! like any order, and is a cancelled one: a merchant sends it to see whether events arrive.

#[cfg(test)]
mod tests;

use domain::commerce::Currency;
use domain::resource::{Checkout, Collection, Content, Happened, Stock};
use serde::Deserialize;

use super::order::{self, Person};
use super::{privacy, product};
use crate::attributes::Attributes;
use crate::report::{confirmed, stock_id};
use crate::scalar::{Scalar, full_name};
use crate::shape::{Object, Shape};
use crate::{Malformed, StoreCustomer, StoreReport, body};

/// What a body may be about, orders aside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thing {
    Product,
    Collection,
    Stock,
    Customer,
    Checkout,
}

/// Everything but a product, of which each kind has a part.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    id: Scalar<'a>,
    /// `gid://shopify/Collection/1`. Checkouts have none.
    admin_graphql_api_id: Scalar<'a>,
    created_at: Scalar<'a>,
    updated_at: Scalar<'a>,
    title: Scalar<'a>,
    inventory_item_id: Scalar<'a>,
    location_id: Scalar<'a>,
    available: Scalar<'a>,
    email: Scalar<'a>,
    first_name: Scalar<'a>,
    last_name: Scalar<'a>,
    /// Of an order or a checkout.
    line_items: Scalar<'a>,
    // Of a checkout.
    abandoned_checkout_url: Scalar<'a>,
    token: Scalar<'a>,
    completed_at: Scalar<'a>,
    order_id: Scalar<'a>,
    total_price: Scalar<'a>,
    currency: Scalar<'a>,
    note_attributes: Shape<Attributes, Attributes>,
    customer: Object<Person<'a>>,
    billing_address: Object<Person<'a>>,
}

pub(super) fn reports(
    topic: Option<&str>,
    json: &str,
    currency: Option<Currency>,
) -> Result<Vec<StoreReport>, Malformed> {
    let happened = topic.map_or(Happened::Updated, happened);
    order::read(topic, json)?.reports_or(happened, || of_thing(topic, happened, json, currency))
}

/// Who a customer or the buyer of a checkout is.
pub(super) fn customer(topic: Option<&str>, json: &str) -> Option<StoreCustomer> {
    let body = body::read::<Object<Body>>(json).ok()?.object()?;
    match thing(topic, &body)? {
        Thing::Customer => Some(StoreCustomer {
            id: body.id.id_or_zero(),
            email: body.email.text(),
            name: full_name(body.first_name, body.last_name),
            username: None,
        }),
        Thing::Checkout => {
            let customer = body.customer.object().unwrap_or_default();
            let billing = body.billing_address.object().unwrap_or_default();
            Some(StoreCustomer {
                id: customer.id.id_or_zero(),
                email: body.email.text().or_else(|| customer.email.text()),
                name: full_name(customer.first_name, customer.last_name)
                    .or_else(|| full_name(billing.first_name, billing.last_name)),
                username: body.note_attributes.either().and_then(Attributes::username),
            })
        }
        Thing::Product | Thing::Collection | Thing::Stock => None,
    }
}

fn happened(topic: &str) -> Happened {
    match topic.split_once('/').map(|(_, action)| action.to_ascii_lowercase()).as_deref() {
        Some("create") => Happened::Created,
        Some("delete") => Happened::Deleted,
        Some(_) | None => Happened::Updated,
    }
}

/// What the body is about, where topic and body agree.
fn thing(topic: Option<&str>, body: &Body<'_>) -> Option<Thing> {
    let by_topic = match topic {
        Some(topic) if privacy::is_compliance(topic) => return None,
        // A topic of something else makes nothing of a body.
        Some(topic) => Some(of_topic(topic)?),
        None => None,
    };
    let is_checkout = body.abandoned_checkout_url.text().is_some();
    let by_body = match body.admin_graphql_api_id.written() {
        Some(name) => Some(of_name(&name)?),
        None => is_checkout.then_some(Thing::Checkout),
    };
    let thing = by_topic.or(by_body)?;
    let is_whole = match thing {
        // Nothing else that is signed has this address.
        Thing::Checkout => is_checkout,
        Thing::Stock => body.inventory_item_id.id_or_zero().is_some() && body.location_id.id_or_zero().is_some(),
        Thing::Product | Thing::Collection => !body.is_sale(),
        Thing::Customer => !body.is_sale() && !body.title.is_present(),
    };
    (is_whole && by_body.is_none_or(|named| named == thing)).then_some(thing)
}

fn of_topic(topic: &str) -> Option<Thing> {
    match topic.split('/').next()?.to_ascii_lowercase().as_str() {
        "products" => Some(Thing::Product),
        "collections" => Some(Thing::Collection),
        // As the newer headers name it.
        "inventory_levels" | "inventorylevels" => Some(Thing::Stock),
        "customers" => Some(Thing::Customer),
        "checkouts" => Some(Thing::Checkout),
        _ => None,
    }
}

fn of_name(name: &str) -> Option<Thing> {
    match name.strip_prefix("gid://shopify/")?.split('/').next()? {
        "Product" => Some(Thing::Product),
        "Collection" => Some(Thing::Collection),
        "InventoryLevel" => Some(Thing::Stock),
        "Customer" => Some(Thing::Customer),
        _ => None,
    }
}

fn of_thing(
    topic: Option<&str>,
    happened: Happened,
    json: &str,
    currency: Option<Currency>,
) -> Result<Option<StoreReport>, Malformed> {
    let Some(body) = body::read::<Object<Body>>(json)?.object() else { return Ok(None) };
    let Some(thing) = thing(topic, &body) else { return Ok(None) };
    // What is deleted is named; what there is has a title, or was made at some time.
    let happened = confirmed(happened, body.title.is_null() && body.created_at.is_null());
    let changed_at = body.updated_at.moment();
    let report = |id: String, happened, content| StoreReport { changed_at, ..StoreReport::new(id, happened, content) };
    Ok(Some(match thing {
        Thing::Product => report(body::order_id(body.id)?, happened, product::content(json, happened, currency)?),
        Thing::Collection => {
            let content = Content::Collection(Collection { title: body.title.text() });
            report(body::order_id(body.id)?, happened, content)
        }
        Thing::Customer => report(body::order_id(body.id)?, happened, Content::Customer {}),
        Thing::Stock => return Ok(body.stock()),
        Thing::Checkout => {
            let id = match body.id.order_id("id")? {
                Some(id) => id,
                None => body.token.order_id("token")?.ok_or_else(|| body.id.no_text("id"))?,
            };
            // An abandoned checkout that is deleted is none that is completed; nothing else is published of one.
            report(id, Happened::Updated, Content::Checkout(body.checkout()))
        }
    }))
}

impl Body<'_> {
    /// Whether it is an order or a part of one, which older versions of the API do not name.
    fn is_sale(&self) -> bool {
        self.order_id.is_present() || self.line_items.is_present()
    }

    /// A disconnected location counts the item no more. That is no deletion: it is connected again by a webhook to which the
    /// shop may not subscribe.
    fn stock(&self) -> Option<StoreReport> {
        let (item, location) = (self.inventory_item_id.id_or_zero()?, self.location_id.id_or_zero()?);
        let id = stock_id(&item, Some(&location));
        let content = Content::Stock(Stock {
            inventory_item_id: Some(item),
            location_id: Some(location),
            available: self.available.count(),
            uncounted: self.available.is_present() && self.available.is_null(),
            ..Stock::default()
        });
        let changed_at = self.updated_at.moment();
        Some(StoreReport { changed_at, ..StoreReport::new(id, Happened::Updated, content) })
    }

    fn checkout(self) -> Checkout {
        Checkout {
            completed: self.completed_at.text().is_some(),
            session_id: self.note_attributes.either().and_then(|attributes| attributes.both().1),
            order_id: self.order_id.id_or_zero(),
            total: self.total_price.money(self.currency.currency()),
        }
    }
}
