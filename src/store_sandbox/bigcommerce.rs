//! The order API of BigCommerce, version 2.
//!
//! <https://docs.bigcommerce.com/developer/api-reference/rest/admin/management/orders>

mod hooks;
mod login;

use std::convert::Infallible;

use axum::Router;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post, put};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::money::{cents, decimal};
use super::operation::Operation;
use super::order::{NewLine, Order, UsernameIn, in_words};
use super::platform::status_id;
use super::product::Product;
use super::{StoreSandbox, World};

const TOKEN_HEADER: &str = "x-auth-token";
const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 250;
/// What shoppers read above the field in which they type it.
const USERNAME_LABEL: &str = "NDSP username";

pub(super) fn routes() -> Router<StoreSandbox> {
    Router::new()
        .route("/stores/{hash}/v3/catalog/products", get(list_products))
        .route("/stores/{hash}/v3/catalog/categories", get(list_categories))
        .route("/stores/{hash}/v2/orders", get(list_orders))
        .route("/stores/{hash}/v2/orders/{id}", get(read_order))
        .route("/stores/{hash}/v2/orders/{id}/products", get(read_products))
        .route("/stores/{hash}/v3/hooks", get(hooks::list).post(hooks::make))
        .route("/stores/{hash}/v3/hooks/{id}", put(hooks::change).delete(hooks::delete))
        .route("/bigcommerce-login/app/{client_id}/install", get(login::ask).post(login::answer))
        .route("/bigcommerce-login/oauth2/token", post(login::exchange))
}

/// Has the same order another id.
pub(super) fn rename(answer: &mut Value) {
    let renamed = |id: &Value| json!(id.as_u64().unwrap_or_default() + 1);
    match answer {
        Value::Array(products) => {
            for product in products {
                product["order_id"] = renamed(&product["order_id"]);
            }
        }
        Value::Object(order) => order["id"] = renamed(&order["id"]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn read_order(
    State(sandbox): State<StoreSandbox>,
    token: Token,
    Path((hash, id)): Path<(String, String)>,
) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        let order = world.stores.bigcommerce(&hash, &token.0, now)?.order(&id)?;
        Ok(Some(order_json(order)))
    };
    sandbox.read(Operation::BigCommerceOrder, find).await
}

async fn list_orders(
    State(sandbox): State<StoreSandbox>,
    token: Token,
    Path(hash): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        let is_archived = wanted.is_deleted.as_deref() == Some("true");
        let since = wanted.min_date_modified.as_deref().and_then(|since| since.parse::<DateTime<Utc>>().ok());
        let store = world.stores.bigcommerce(&hash, &token.0, now)?;
        let mut orders: Vec<&Order> = store.all_orders().filter(|order| order.is_archived == is_archived).collect();
        orders.retain(|order| since.is_none_or(|since| order.updated_at >= since));
        orders.sort_by_key(|order| (order.updated_at, id_number(order)));
        let page = Page { page: wanted.page, limit: wanted.limit };
        let orders: Vec<Value> = page.of(&orders).map(|(_, order)| order_json(order)).collect();
        Ok((!orders.is_empty()).then(|| Value::from(orders)))
    };
    sandbox.read(Operation::BigCommerceOrders, find).await
}

async fn list_products(
    State(sandbox): State<StoreSandbox>,
    token: Token,
    Path(hash): Path<String>,
    Query(page): Query<Page>,
) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        let store = world.stores.bigcommerce(&hash, &token.0, now)?;
        let products: Vec<&Product> = store.products.values().collect();
        let products: Vec<Value> = page.of(&products).map(|(_, product)| offered_json(product)).collect();
        Ok(Some(json!({ "data": products, "meta": {} })))
    };
    sandbox.read(Operation::BigCommerceCatalog, find).await
}

/// There are none here.
async fn list_categories(State(sandbox): State<StoreSandbox>, token: Token, Path(hash): Path<String>) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        world.stores.bigcommerce(&hash, &token.0, now)?;
        Ok(Some(json!({ "data": [], "meta": {} })))
    };
    sandbox.read(Operation::BigCommerceCatalog, find).await
}

fn offered_json(product: &Product) -> Value {
    let variants = product.offered.variants.iter().enumerate().map(|(at, variant)| {
        json!({
            "id": product.variant_id(at),
            "sku": variant.sku,
            "price": null,
            "inventory_level": variant.stock.unwrap_or_default(),
            "option_values": [{ "option_display_name": "Variation", "label": variant.title }],
        })
    });
    let is_counted = product.offered.variants.iter().any(|variant| variant.stock.is_some());
    json!({
        "id": product.id,
        "name": product.offered.title,
        "price": 19,
        "sale_price": 0,
        "is_visible": true,
        "categories": [],
        "images": [],
        "inventory_tracking": if is_counted { "variant" } else { "none" },
        "variants": variants.collect::<Vec<_>>(),
        "date_created": product.created_at.to_rfc3339_opts(SecondsFormat::Secs, false),
        "date_modified": product.updated_at.to_rfc3339_opts(SecondsFormat::Secs, false),
    })
}

/// Orders are listed by when they were changed, whatever order is asked for.
#[derive(Deserialize)]
struct Wanted {
    min_date_modified: Option<String>,
    is_deleted: Option<String>,
    page: Option<String>,
    limit: Option<String>,
}

async fn read_products(
    State(sandbox): State<StoreSandbox>,
    token: Token,
    Path((hash, id)): Path<(String, String)>,
    Query(page): Query<Page>,
) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        let order = world.stores.bigcommerce(&hash, &token.0, now)?.order(&id)?;
        let products = page.of(&order.placed.lines).map(|(position, line)| product_json(order, position, line));
        let products: Vec<Value> = products.collect();
        // A page without products has no body at all.
        Ok((!products.is_empty()).then(|| Value::from(products)))
    };
    sandbox.read(Operation::BigCommerceProducts, find).await
}

/// What is no number, or none that a page can have, counts as left out.
#[derive(Deserialize)]
struct Page {
    page: Option<String>,
    limit: Option<String>,
}

impl Page {
    fn limit(&self) -> usize {
        number(self.limit.as_ref()).unwrap_or(DEFAULT_PAGE).min(MAX_PAGE)
    }

    /// From 1 on.
    fn number(&self) -> usize {
        number(self.page.as_ref()).unwrap_or(1)
    }

    fn of<'a, T>(&self, all: &'a [T]) -> impl Iterator<Item = (usize, &'a T)> + use<'a, T> {
        let before = (self.number() - 1).saturating_mul(self.limit());
        all.iter().enumerate().skip(before).take(self.limit())
    }
}

fn number(text: Option<&String>) -> Option<usize> {
    text?.parse().ok().filter(|number| *number > 0)
}

fn order_json(order: &Order) -> Value {
    let total = decimal(cents(order.units()));
    let (first_name, last_name) =
        order.placed.customer_name.split_once(' ').unwrap_or((&order.placed.customer_name, ""));
    let form_fields: Vec<Value> = order
        .username_in(UsernameIn::Order)
        .map(|username| json!({ "name": USERNAME_LABEL, "value": username }))
        .into_iter()
        .collect();
    let payment_status = if order.is_paid { "captured" } else { "" };
    json!({
        "id": id_number(order),
        "date_created": order.created_at.to_rfc2822(),
        "date_modified": order.updated_at.to_rfc2822(),
        "date_shipped": "",
        "status_id": status_id(order.status),
        "status": order.status,
        "custom_status": order.status,
        "customer_id": 0,
        "subtotal_inc_tax": total,
        "total_inc_tax": total,
        "items_total": order.units(),
        "items_shipped": 0,
        "payment_method": "Credit Card",
        "payment_status": payment_status,
        "refunded_amount": decimal(cents(order.units_refunded())),
        "order_is_digital": true,
        "currency_code": "USD",
        "default_currency_code": "USD",
        "staff_notes": order.username_in(UsernameIn::StaffNotes).map(in_words),
        "customer_message": order.message(),
        "is_deleted": order.is_archived,
        "order_source": "www",
        "channel_id": 1,
        "external_id": null,
        "billing_address": {
            "first_name": first_name,
            "last_name": last_name,
            "company": "",
            "street_1": "1 Sandbox Street",
            "street_2": "",
            "city": "Austin",
            "state": "Texas",
            "zip": "78751",
            "country": "United States",
            "country_iso2": "US",
            "phone": "",
            "email": order.placed.email,
            "form_fields": form_fields,
        },
        "products": { "resource": format!("/orders/{}/products", order.id) },
    })
}

fn product_json(order: &Order, position: usize, line: &NewLine) -> Value {
    let variation = line.variation.as_deref().map(|variation| ("Variation", variation));
    let username = order.username_in(UsernameIn::Lines).map(|username| (USERNAME_LABEL, username));
    let options = variation.into_iter().chain(username).map(|(name, value)| {
        json!({ "display_name": name, "name": name, "display_value": value, "value": value, "type": "Text field" })
    });
    let refunded = order.refunded.get(position).copied().unwrap_or_default();
    let price = decimal(cents(1));
    json!({
        "id": position + 1,
        "order_id": id_number(order),
        "product_id": id_or_zero(line.product_id.as_deref()),
        "variant_id": id_or_zero(line.variant_id.as_deref()),
        "name": line.title,
        "sku": line.sku.as_deref().unwrap_or_default(),
        "type": "digital",
        "base_price": price,
        "price_inc_tax": price,
        "total_inc_tax": decimal(cents(line.quantity)),
        "quantity": line.quantity,
        "quantity_shipped": 0,
        "is_refunded": refunded == line.quantity,
        "quantity_refunded": refunded,
        "refund_amount": decimal(cents(refunded)),
        "product_options": options.collect::<Vec<_>>(),
    })
}

/// Products that are in no catalog have the id 0.
fn id_or_zero(id: Option<&str>) -> u32 {
    id.and_then(|id| id.parse().ok()).unwrap_or_default()
}

fn id_number(order: &Order) -> u32 {
    order.id.parse().expect("an order of BigCommerce is only placed under a number")
}

/// Empty when none was sent. It is checked with the read, so that a read without one counts too.
struct Token(String);

impl<S: Sync> FromRequestParts<S> for Token {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok());
        Ok(Self(header.unwrap_or_default().to_owned()))
    }
}
