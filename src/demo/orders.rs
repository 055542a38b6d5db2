//! Orders as each kind of store reports them.

use domain::integration::Provider;
use serde_json::{Value, json};

/// What a customer bought, and how far the order is.
#[derive(Clone, Copy)]
pub(super) struct Purchase<'a> {
    pub(super) username: Option<&'a str>,
    pub(super) products: &'a [Product],
    /// The order's status, where the store sends one.
    pub(super) status: &'a str,
    /// What happened to it, where the store has a topic for it.
    pub(super) happened: Happened,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Happened {
    Created,
    Paid,
}

#[derive(Clone, Copy)]
pub(super) struct Product {
    pub(super) sku: &'static str,
    pub(super) title: &'static str,
}

pub(super) const LEAD: Product = Product { sku: "STORM-LEAD-V2", title: "Storm Drive Lead Preset" };
pub(super) const DRIVE: Product = Product { sku: "", title: "Storm Drive" };
pub(super) const CLEAN: Product = Product { sku: "GLASS-CLEAN", title: "Glass Clean" };
pub(super) const EDGE: Product = Product { sku: "PLEXI-EDGE", title: "Plexi on the Edge" };
pub(super) const STRAP: Product = Product { sku: "STRAP-01", title: "Guitar Strap" };

/// Larger than what a floating-point number can distinguish, as Shopify's own sample is.
const SHOPIFY_ID_BASE: u64 = 820_982_911_946_154_000;

/// The body of a webhook about this order.
pub(super) fn body(provider: Provider, order: &str, purchase: Purchase<'_>) -> Vec<u8> {
    let body = match provider {
        Provider::Shopify => shopify(order, purchase),
        Provider::WooCommerce => woocommerce(order, purchase),
        Provider::Generic | Provider::BigCommerce | Provider::Square => generic(order, purchase),
    };
    body.to_string().into_bytes()
}

/// The topic that the store would send with it.
pub(super) fn topic(provider: Provider, purchase: Purchase<'_>) -> Option<(&'static str, &'static str)> {
    match provider {
        Provider::Shopify if purchase.happened == Happened::Paid => Some(("x-shopify-topic", "orders/paid")),
        Provider::Shopify => Some(("x-shopify-topic", "orders/create")),
        Provider::WooCommerce => Some(("x-wc-webhook-topic", "order.updated")),
        Provider::Generic | Provider::BigCommerce | Provider::Square => None,
    }
}

fn number(order: &str) -> u64 {
    order.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}

fn shopify(order: &str, purchase: Purchase<'_>) -> Value {
    let number = number(order);
    let attributes: Vec<Value> =
        purchase.username.iter().map(|name| json!({ "name": "ndsp_username", "value": name })).collect();
    let lines = purchase.products.iter().zip(1_u64..).map(|(product, line)| {
        json!({ "id": number * 100 + line, "sku": product.sku, "title": product.title, "quantity": 1, "price": "19.00" })
    });
    json!({
        "id": SHOPIFY_ID_BASE + number,
        "name": order,
        "order_number": number,
        "financial_status": purchase.status,
        "email": "fan@example.com",
        "customer": { "first_name": "Max", "last_name": "Power", "email": "fan@example.com" },
        "note_attributes": attributes,
        "line_items": lines.collect::<Vec<_>>(),
    })
}

fn woocommerce(order: &str, purchase: Purchase<'_>) -> Value {
    let number = number(order);
    let meta: Vec<Value> =
        purchase.username.iter().map(|name| json!({ "id": 1, "key": "cortex_username", "value": name })).collect();
    let lines = purchase.products.iter().zip(1_u64..).map(|(product, line)| {
        json!({ "id": line, "name": product.title, "product_id": 70 + line, "variation_id": 0, "quantity": 1,
                "sku": product.sku, "price": 17.647_059 })
    });
    json!({
        "id": number,
        "number": order,
        "status": purchase.status,
        "billing": { "first_name": "Max", "last_name": "Power", "email": "fan@example.com" },
        "meta_data": meta,
        "line_items": lines.collect::<Vec<_>>(),
    })
}

fn generic(order: &str, purchase: Purchase<'_>) -> Value {
    let items = purchase.products.iter().map(|product| json!({ "sku": product.sku, "title": product.title }));
    json!({
        "orderId": order,
        "orderStatus": purchase.status,
        "customerEmail": "fan@example.com",
        "targetUsername": purchase.username,
        "items": items.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::parse::{self, Parsed};

    #[test]
    fn every_store_is_understood() {
        for provider in [Provider::Shopify, Provider::WooCommerce, Provider::Generic] {
            let products = &[LEAD, DRIVE];
            let username = Some("mutual_max");
            let purchase = Purchase { username, products, status: "paid", happened: Happened::Paid };
            let topic = topic(provider, purchase).map(|(_, topic)| topic);
            let parsed = parse::parse(provider, topic, &body(provider, "1042", purchase));
            let Ok(Parsed::Order(order)) = parsed else { panic!("{provider:?}: {parsed:?}") };
            assert_eq!(order.username.as_deref(), Some("mutual_max"));
            assert_eq!(order.items[0].sku.as_deref(), Some(LEAD.sku));
            assert_eq!((order.items[1].sku.as_deref(), order.items[1].title.as_deref()), (None, Some(DRIVE.title)));
        }
    }
}
