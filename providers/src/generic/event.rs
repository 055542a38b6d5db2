//! A commerce event that a sender of one's own posts, in the words in which subscribers get it (`docs/events`): `type` and
//! `data`, and of the rest of the envelope `id` and `time`. For stores of which no platform here speaks.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use commerce::payload::{checkout, collection, inventory, order, product};
use commerce::{Payload, Personal};
use domain::commerce::{CommerceEventType as Type, Money, Publisher};
use domain::resource::{Checkout, Collection, Content, Happened, Order, OrderLine, Product, Refunded, Stock, Variant};
use serde::Deserialize;

use crate::report::stock_id;
use crate::scalar::{Scalar, address, exact, kept};
use crate::shape::{MAX_ITEMS, Object};
use crate::{Malformed, StoreCustomer, StoreReport, body, header, session};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    /// By it the sender's own repetition of an event is known again.
    id: Scalar<'a>,
    #[serde(rename = "type")]
    event_type: Scalar<'a>,
    time: Scalar<'a>,
    data: Scalar<'a>,
}

/// What a sender's event says.
pub(super) struct Event {
    pub(super) report: StoreReport,
    /// Apart from the report, which has nothing about a person.
    pub(super) customer: Option<StoreCustomer>,
}

/// What an event is about, before it is a report.
struct About {
    id: String,
    changed_at: Option<DateTime<Utc>>,
    content: Content,
    customer: Option<StoreCustomer>,
}

/// The event that a body is; None of a body that is none. An event of an unknown type, or of one that a store does not publish, or
/// that is not as its schema says, is the sender's mistake.
pub(super) fn read(json: &str) -> Result<Option<Event>, Malformed> {
    let Some(body) = body::read::<Object<Body>>(json)?.object() else { return Ok(None) };
    let Some(name) = body.event_type.text() else { return Ok(None) };
    let Some(event_type) = Type::parse(&name) else {
        let is_meant = !body.data.is_null();
        let unknown = Malformed::invalid("type", "must be a type of event that stores publish (docs/events)");
        return if is_meant { Err(unknown) } else { Ok(None) };
    };
    if !body.time.is_null() && body.time.moment().is_none() {
        return Err(Malformed::invalid("time", "must be a date and time like 2026-03-14T12:00:00Z (RFC 3339)"));
    }
    if event_type.publisher() != Publisher::Store {
        return Err(Malformed::invalid("type", "must be a type of event that stores publish (docs/events)"));
    }
    if body.data.is_null() {
        return Err(body.data.no_text("data"));
    }
    // What changed is found here: a sender says what the order is.
    let read_as = if event_type == Type::OrderUpdated { Type::OrderCreated } else { event_type };
    let payload = Payload::parse(read_as, body.data.json()).map_err(|invalid| {
        // The reason may quote what the body contains, which no message does.
        let is_whole = invalid.field == "data";
        let field = if is_whole { invalid.field } else { format!("data.{}", invalid.field) };
        Malformed::invalid(&field, "is missing, or not as the schema of this type says (docs/events)")
    })?;
    let about = about(payload).ok_or_else(|| Malformed::invalid("data", "names nothing by an id that can be used"))?;
    let content = of_type(event_type, about.content);
    Ok(Some(Event {
        report: StoreReport {
            event_id: body.id.text().as_deref().and_then(header::kept),
            changed_at: about.changed_at.or_else(|| body.time.moment()),
            ..StoreReport::new(about.id, happened(event_type), content)
        },
        customer: about.customer,
    }))
}

fn happened(event_type: Type) -> Happened {
    if [Type::OrderCreated, Type::ProductCreated, Type::CustomerCreated].contains(&event_type) {
        Happened::Created
    } else if [Type::ProductDeleted, Type::CollectionDeleted].contains(&event_type) {
        Happened::Deleted
    } else {
        Happened::Updated
    }
}

/// The content with what the type says, which is signed with it.
fn of_type(event_type: Type, mut content: Content) -> Content {
    if let Content::Order(order) = &mut content {
        order.paid |= event_type == Type::OrderPaid;
        order.cancelled |= event_type == Type::OrderCancelled;
        if event_type == Type::OrderRefunded {
            order.refunded = order.refunded.max(Refunded::Partial);
        }
    }
    content
}

/// None where the id is blank, too long, or has characters that cannot be kept.
fn about(payload: Payload) -> Option<About> {
    let one = |id: &str, changed_at, content| Some(About { id: id_of(id)?, changed_at, content, customer: None });
    match payload {
        Payload::OrderCreated(order)
        | Payload::OrderPaid(order)
        | Payload::OrderCancelled(order)
        | Payload::OrderRefunded(order) => of_order(order),
        Payload::OrderUpdated(update) => of_order(update.order),
        Payload::ProductCreated(product) | Payload::ProductUpdated(product) => {
            one(&product.product_id.clone(), product.changed_at, of_product(product))
        }
        Payload::ProductDeleted(product) => {
            let content = Product { title: text(product.title), thin: true, ..Product::default() };
            one(&product.product_id, product.changed_at, Content::Product(content))
        }
        Payload::CollectionUpdated(collection) | Payload::CollectionDeleted(collection) => of_collection(collection),
        Payload::InventoryUpdated(level) => of_stock(level),
        Payload::CustomerCreated(customer) | Payload::CustomerUpdated(customer) => Some(About {
            id: id_of(&customer.customer_id)?,
            changed_at: customer.changed_at,
            content: Content::Customer {},
            customer: Some(StoreCustomer {
                id: id_of(&customer.customer_id),
                email: personal(customer.email),
                name: personal(customer.name),
                username: None,
            }),
        }),
        Payload::CheckoutCompleted(checkout) => of_checkout(checkout),
        // Of other publishers.
        Payload::InventoryOutOfStock(_)
        | Payload::DeliveryCompleted(_)
        | Payload::DeliveryActionRequired(_)
        | Payload::DeliveryFailed(_)
        | Payload::EndpointDegraded(_)
        | Payload::ProductSynced(_)
        | Payload::ProductEnriched(_)
        | Payload::ProductManuallyEdited(_)
        | Payload::ProductRolledBack(_)
        | Payload::FaqSubmitted(_)
        | Payload::FaqApproved(_)
        | Payload::FaqRejected(_)
        | Payload::EnrichmentBulkCompleted(_) => None,
    }
}

fn of_order(order: order::Order) -> Option<About> {
    let thin = order.items.is_none() && order.paid.is_none();
    let lines = order.items.unwrap_or_default().into_iter().take(MAX_ITEMS).map(|item| OrderLine {
        sku: text(item.sku),
        product_id: text(item.product_id),
        variant_id: text(item.variant_id),
        title: text(item.title),
        quantity: item.quantity,
        price: exact_money(item.price),
    });
    let content = Order {
        number: text(order.order_number),
        status: text(order.status),
        session_id: order.session_id.as_deref().and_then(session::id),
        checkout_id: None,
        total: exact_money(order.total),
        paid: order.paid.unwrap_or_default(),
        cancelled: order.cancelled.unwrap_or_default(),
        refunded: match order.refunded {
            None | Some(order::Refunded::None) => Refunded::None,
            Some(order::Refunded::Partial) => Refunded::Partial,
            Some(order::Refunded::Full) => Refunded::Full,
        },
        refunded_amount: exact_money(order.refunded_amount),
        lines: lines.collect(),
        thin,
    };
    let customer = order.customer.map(buyer);
    Some(About {
        id: id_of(&order.order_id)?,
        changed_at: order.changed_at,
        content: Content::Order(content),
        customer,
    })
}

fn of_product(product: product::Product) -> Content {
    let variants = product.variants.into_iter().take(MAX_ITEMS).filter_map(|variant| {
        Some(Variant {
            variant_id: kept(&variant.variant_id)?,
            sku: text(variant.sku),
            title: text(variant.title),
            price: exact_money(variant.price),
            compare_at_price: exact_money(variant.compare_at_price),
            stock: variant.stock.and_then(exact),
            uncounted: false,
            inventory_item_id: text(variant.inventory_item_id),
        })
    });
    let mut variants: Vec<Variant> = variants.collect();
    let mut stock = product.stock.and_then(exact);
    if let [only] = &mut variants[..] {
        // The product's is that of its only variant.
        only.stock = only.stock.or(stock.take());
    }
    Content::Product(Product {
        title: text(product.title),
        vendor: text(product.vendor),
        url: product.url.as_deref().and_then(address),
        status: text(product.status),
        images: product.images.iter().filter_map(|image| address(image)).take(MAX_ITEMS).collect(),
        collections: product.collections.iter().filter_map(|id| kept(id)).take(MAX_ITEMS).collect(),
        variants,
        stock,
        uncounted: false,
        left_out: vec![],
        thin: false,
    })
}

fn of_collection(collection: collection::Collection) -> Option<About> {
    let content = Content::Collection(Collection { title: text(collection.title) });
    Some(About { id: id_of(&collection.collection_id)?, changed_at: collection.changed_at, content, customer: None })
}

fn of_stock(level: inventory::StockLevel) -> Option<About> {
    let content = Stock {
        inventory_item_id: text(level.inventory_item_id),
        product_id: text(level.product_id),
        variant_id: text(level.variant_id),
        location_id: text(level.location_id),
        uncounted: false,
        available: level.available.and_then(exact),
        adjusted_by: level.adjusted_by.and_then(exact),
    };
    let item = [&content.inventory_item_id, &content.variant_id, &content.product_id].into_iter().flatten().next()?;
    let id = stock_id(item, content.location_id.as_deref());
    Some(About { id, changed_at: level.changed_at, content: Content::Stock(content), customer: None })
}

fn of_checkout(checkout: checkout::Checkout) -> Option<About> {
    let content = Content::Checkout(Checkout {
        completed: true,
        session_id: checkout.session_id.as_deref().and_then(session::id),
        order_id: text(checkout.order_id),
        total: exact_money(checkout.total),
    });
    let customer = checkout.customer.map(buyer);
    Some(About { id: id_of(&checkout.checkout_id)?, changed_at: None, content, customer })
}

fn buyer(buyer: order::Buyer) -> StoreCustomer {
    StoreCustomer {
        id: text(buyer.id),
        email: personal(buyer.email),
        name: personal(buyer.name),
        username: personal(buyer.username),
    }
}

/// An id must be whole: one that is cut or changed would be that of another thing.
fn id_of(id: &str) -> Option<String> {
    kept(id).filter(|kept| kept == id.trim())
}

fn text(text: Option<String>) -> Option<String> {
    kept(&text?)
}

fn personal(text: Option<Personal>) -> Option<String> {
    kept(text?.as_str())
}

fn exact_money(money: Option<Money>) -> Option<Money> {
    money.filter(|money| exact(money.amount).is_some())
}
