//! What a webhook of Square says of the seller's resources. The type is signed with the body.
//!
//! Of the catalogue no webhook says what changed: `catalog.version.updated` says that something did. It is read at Square's API
//! (`catalogue.rs`).

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use domain::resource::{Content, Happened, Stock};
use serde::Deserialize;

use super::catalogue::{self, CatalogObject};
use super::webhook::{self, Body};
use crate::report::stock_id;
use crate::scalar::{Scalar, full_name};
use crate::shape::{List, Object, Shape};
use crate::{CatalogChange, Malformed, StoreCustomer, StoreReport, body};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Changed<'a> {
    customer: Object<Customer<'a>>,
    inventory_counts: List<Object<Count<'a>>>,
    catalog_version: Object<CatalogVersion<'a>>,
    /// Where it was read at the store, and not sent.
    catalog_object: Object<CatalogObject<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct CatalogVersion<'a> {
    updated_at: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Customer<'a> {
    id: Scalar<'a>,
    given_name: Scalar<'a>,
    family_name: Scalar<'a>,
    email_address: Scalar<'a>,
    updated_at: Scalar<'a>,
    version: Scalar<'a>,
}

/// How much of a variation there is at a location in a state: in stock, sold, in transit and others.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Count<'a> {
    catalog_object_id: Scalar<'a>,
    location_id: Scalar<'a>,
    state: Scalar<'a>,
    /// A decimal text.
    quantity: Scalar<'a>,
    calculated_at: Scalar<'a>,
}

pub(super) fn reports(json: &str) -> Result<Vec<StoreReport>, Malformed> {
    webhook::read(json)?.reports_or(Happened::Updated, || of_thing(json))
}

pub(super) fn catalog_change(json: &str) -> Option<CatalogChange> {
    let body = body::read::<Object<Body<Changed>>>(json).ok()?.object()?;
    if body.event_type.text().as_deref() != Some("catalog.version.updated") {
        return None;
    }
    let changed = body.data.object().and_then(|data| data.object.object()).unwrap_or_default();
    let version = changed.catalog_version.object().unwrap_or_default();
    Some(CatalogChange { changed_at: version.updated_at.moment().or_else(|| body.created_at.moment()) })
}

/// Who a customer is.
pub(super) fn customer(json: &str) -> Option<StoreCustomer> {
    let body = body::read::<Object<Body<Changed>>>(json).ok()?.object()?;
    happened_to_customer(body.event_type)?;
    let data = body.data.object()?;
    let customer = data.object.object().and_then(|changed| changed.customer.object()).unwrap_or_default();
    Some(StoreCustomer {
        id: customer.id.text().or_else(|| data.id.text()),
        email: customer.email_address.text(),
        name: full_name(customer.given_name, customer.family_name),
        username: None,
    })
}

fn happened_to_customer(event_type: Scalar<'_>) -> Option<Happened> {
    match event_type.text()?.as_str() {
        "customer.created" => Some(Happened::Created),
        "customer.updated" => Some(Happened::Updated),
        "customer.deleted" => Some(Happened::Deleted),
        _ => None,
    }
}

fn of_thing(json: &str) -> Result<Vec<StoreReport>, Malformed> {
    let Some(body) = body::read::<Object<Body<Changed>>>(json)?.object() else { return Ok(vec![]) };
    let event_id = body.event_id();
    let data = body.data.object().unwrap_or_default();
    let changed = data.object.object().unwrap_or_default();
    if let Some(happened) = happened_to_customer(body.event_type) {
        let customer = changed.customer.object().unwrap_or_default();
        let id = match customer.id.order_id("data.object.customer.id")? {
            Some(id) => id,
            None => data.id.order_id("data.id")?.ok_or_else(|| data.id.no_text("data.id"))?,
        };
        let changed_at = customer.updated_at.moment().or_else(|| body.created_at.moment());
        let version = customer.version.count();
        let report = StoreReport::new(id, happened, Content::Customer {});
        return Ok(vec![StoreReport { event_id, changed_at, version, ..report }]);
    }
    if body.event_type.text().as_deref() == Some(catalogue::READ) {
        return Ok(changed.catalog_object.object().and_then(CatalogObject::report).into_iter().collect());
    }
    if body.event_type.text().as_deref() != Some("inventory.count.updated") {
        return Ok(vec![]);
    }
    let Shape::List(counts) = changed.inventory_counts else { return Ok(vec![]) };
    let counts = counts.bounded("inventory_counts")?.into_iter().filter_map(|count| count.object()?.report());
    let mut counts: Vec<_> = counts.collect();
    // The larger ones first, so that what moved from one location to another is not out of stock in between.
    counts.sort_by_key(|(available, _)| Reverse(*available));
    Ok(counts.into_iter().map(|(_, report)| StoreReport { event_id: event_id.clone(), ..report }).collect())
}

impl Count<'_> {
    /// What can be sold, and how many that are. None of what is sold or on its way.
    fn report(self) -> Option<(Option<i64>, StoreReport)> {
        let is_in_stock = self.state.written().is_some_and(|state| state.eq_ignore_ascii_case("IN_STOCK"));
        let variation = self.catalog_object_id.text().filter(|_| is_in_stock)?;
        let location = self.location_id.text();
        let (id, available) = (stock_id(&variation, location.as_deref()), self.quantity.count());
        let content =
            Content::Stock(Stock { variant_id: Some(variation), location_id: location, available, ..Stock::default() });
        let changed_at = self.calculated_at.moment();
        Some((available, StoreReport { changed_at, ..StoreReport::new(id, Happened::Updated, content) }))
    }
}
