//! What a store reported of a resource, as subscribers get it.

mod changes;
#[cfg(test)]
mod tests;

use domain::commerce::CommerceEventType as Type;
use domain::resource::{self, Content, OrderLine, Report};
use serde::{Deserialize, Serialize};

use crate::Payload;
use crate::payload::checkout::Checkout;
use crate::payload::collection::Collection;
use crate::payload::customer::Customer;
use crate::payload::inventory::{OutOfStock, StockLevel};
use crate::payload::order::{Buyer, Order, OrderItem, OrderUpdate, Refunded};
use crate::payload::product::{DeletedProduct, Product, SyncedProduct};

/// What a store said of a customer.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The store's own id.
    pub id: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub username: Option<String>,
}

/// Of what product the stock of an event is, as it was known when it happened. These names are stored in a view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OfProduct {
    pub product_id: Option<String>,
    pub variant_id: Option<String>,
    pub sku: Option<String>,
    /// By what the store counts it, where that has an id of its own.
    pub inventory_item_id: Option<String>,
    /// In all locations together.
    pub available: Option<i64>,
    /// Of all its variants together.
    pub product_available: Option<i64>,
    /// Of the alert.
    pub threshold: Option<i64>,
}

/// None where the event is not of this kind of resource.
pub fn payload(event_type: Type, of_product: OfProduct, report: &Report, person: Person) -> Option<Payload> {
    if event_type == Type::InventoryOutOfStock {
        return out_of_stock(of_product).map(Payload::InventoryOutOfStock);
    }
    Some(match (&report.content, event_type) {
        (Content::Order(content), Type::OrderCreated) => Payload::OrderCreated(order(report, content, person)),
        (Content::Order(content), Type::OrderUpdated) => Payload::OrderUpdated(OrderUpdate {
            order: order(report, content, person),
            changes: changes::sentences(&report.changes),
        }),
        (Content::Order(content), Type::OrderPaid) => Payload::OrderPaid(order(report, content, person)),
        (Content::Order(content), Type::OrderCancelled) => Payload::OrderCancelled(order(report, content, person)),
        (Content::Order(content), Type::OrderRefunded) => Payload::OrderRefunded(order(report, content, person)),
        (Content::Product(content), Type::ProductCreated) => Payload::ProductCreated(product(report, content)),
        (Content::Product(content), Type::ProductUpdated) => Payload::ProductUpdated(product(report, content)),
        (Content::Product(content), Type::ProductDeleted) => Payload::ProductDeleted(DeletedProduct {
            product_id: report.resource_id.clone(),
            title: content.title.clone(),
            changed_at: report.changed_at,
        }),
        (Content::Product(content), Type::ProductSynced) => Payload::ProductSynced(SyncedProduct {
            product_id: report.resource_id.clone(),
            title: content.title.clone(),
        }),
        (Content::Collection(content), Type::CollectionUpdated) => {
            Payload::CollectionUpdated(collection(report, content))
        }
        (Content::Collection(content), Type::CollectionDeleted) => {
            Payload::CollectionDeleted(collection(report, content))
        }
        (Content::Stock(content), Type::InventoryUpdated) => {
            Payload::InventoryUpdated(stock(of_product, report, content))
        }
        (Content::Customer {}, Type::CustomerCreated) => Payload::CustomerCreated(customer(report, person)),
        (Content::Customer {}, Type::CustomerUpdated) => Payload::CustomerUpdated(customer(report, person)),
        (Content::Checkout(content), Type::CheckoutCompleted) => Payload::CheckoutCompleted(Checkout {
            checkout_id: report.resource_id.clone(),
            order_id: content.order_id.clone(),
            session_id: content.session_id.clone(),
            total: content.total,
            customer: buyer(person),
        }),
        _ => return None,
    })
}

/// Of what product it is, and how many are left in all, was known when it happened.
fn out_of_stock(of_product: OfProduct) -> Option<OutOfStock> {
    let OfProduct { product_id, variant_id, sku, inventory_item_id, available, product_available, threshold } =
        of_product;
    let (available, threshold) = (available?, threshold?);
    Some(OutOfStock { product_id, variant_id, sku, inventory_item_id, available, product_available, threshold })
}

fn order(report: &Report, content: &resource::Order, person: Person) -> Order {
    // Of an order that was only named, what was said is known, and what was not is left out.
    let known = |is: bool| (is || !content.thin).then_some(is);
    let refunded = match content.refunded {
        resource::Refunded::None => Refunded::None,
        resource::Refunded::Partial => Refunded::Partial,
        resource::Refunded::Full => Refunded::Full,
    };
    let is_refunded = content.refunded != resource::Refunded::None;
    let items = || content.lines.iter().map(item).collect();
    Order {
        order_id: report.resource_id.clone(),
        order_number: content.number.clone(),
        status: content.status.clone(),
        session_id: content.session_id.clone(),
        total: content.total,
        paid: known(content.paid),
        cancelled: known(content.cancelled),
        refunded: (is_refunded || !content.thin).then_some(refunded),
        refunded_amount: content.refunded_amount.filter(|_| is_refunded),
        items: (!content.lines.is_empty() || !content.thin).then(items),
        customer: buyer(person),
        changed_at: report.changed_at,
    }
}

fn item(line: &OrderLine) -> OrderItem {
    let OrderLine { sku, product_id, variant_id, title, quantity, price } = line.clone();
    OrderItem { sku, product_id, variant_id, title, quantity, price }
}

/// None of whom nothing is known.
fn buyer(person: Person) -> Option<Buyer> {
    if person == Person::default() {
        return None;
    }
    let Person { id, email, name, username } = person;
    let (email, name, username) = (email.map(Into::into), name.map(Into::into), username.map(Into::into));
    Some(Buyer { id, email, name, username })
}

fn customer(report: &Report, person: Person) -> Customer {
    Customer {
        customer_id: report.resource_id.clone(),
        email: person.email.map(Into::into),
        name: person.name.map(Into::into),
        changed_at: report.changed_at,
    }
}

fn product(report: &Report, content: &resource::Product) -> Product {
    Product::of(report.resource_id.clone(), content.clone(), report.changed_at)
}

fn stock(of_product: OfProduct, report: &Report, content: &resource::Stock) -> StockLevel {
    let stated = StockLevel::of(content.clone(), report.changed_at);
    let OfProduct {
        product_id,
        variant_id,
        sku,
        inventory_item_id: _,
        available: _,
        product_available: _,
        threshold: _,
    } = of_product;
    StockLevel {
        product_id: product_id.or(stated.product_id),
        variant_id: variant_id.or(stated.variant_id),
        sku,
        ..stated
    }
}

fn collection(report: &Report, content: &resource::Collection) -> Collection {
    Collection {
        collection_id: report.resource_id.clone(),
        title: content.title.clone(),
        changed_at: report.changed_at,
    }
}
