//! The REST API of a WooCommerce shop, which is at the shop itself: orders and products.
//!
//! <https://woocommerce.github.io/woocommerce-rest-api-docs/>

mod hooks;
pub(super) mod order;

use std::convert::Infallible;

use axum::Router;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, put};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operation::Operation;
use super::order::Order;
use super::product::Product;
use super::{StoreSandbox, World};
use order::{date, order_json};

const DEFAULT_PAGE: usize = 10;
const MAX_PAGE: usize = 100;

pub(super) fn routes() -> Router<StoreSandbox> {
    let at = |path: &str| format!("/woocommerce/{{shop}}/wp-json/wc/v3{path}");
    Router::new()
        .route(&at("/orders"), get(list_orders))
        .route(&at("/orders/{id}"), get(read_order))
        .route(&at("/products"), get(list_products))
        .route(&at("/webhooks"), get(hooks::list).post(hooks::make))
        .route(&at("/webhooks/{id}"), put(hooks::change).delete(hooks::delete))
}

/// Has the same order another id.
pub(super) fn rename(answer: &mut Value) {
    if let Some(id) = answer["id"].as_u64() {
        answer["id"] = json!(id + 1);
    }
}

async fn read_order(
    State(sandbox): State<StoreSandbox>,
    keys: Keys,
    Path((shop, id)): Path<(String, String)>,
) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        let order = world.stores.woocommerce(&shop, &keys.0, now)?.order(&id)?;
        Ok(Some(order_json(order)))
    };
    sandbox.read(Operation::WooCommerceOrder, find).await
}

/// Orders in the bin are in no list.
async fn list_orders(
    State(sandbox): State<StoreSandbox>,
    keys: Keys,
    Path(shop): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        let after = wanted.modified_after.as_deref().and_then(read_date);
        let store = world.stores.woocommerce(&shop, &keys.0, now)?;
        let mut orders: Vec<&Order> = store.present_orders().collect();
        orders.retain(|order| after.is_none_or(|after| order.updated_at > after));
        orders.sort_by_key(|order| (order.updated_at, order.id.clone()));
        let orders: Vec<Value> = wanted.page().of(&orders).map(|order| order_json(order)).collect();
        Ok(Some(Value::from(orders)))
    };
    sandbox.read(Operation::WooCommerceOrders, find).await
}

async fn list_products(
    State(sandbox): State<StoreSandbox>,
    keys: Keys,
    Path(shop): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| {
        let store = world.stores.woocommerce(&shop, &keys.0, now)?;
        let products: Vec<&Product> = store.products.values().collect();
        let products: Vec<Value> = wanted.page().of(&products).map(|product| product_json(product)).collect();
        Ok(Some(Value::from(products)))
    };
    sandbox.read(Operation::WooCommerceProducts, find).await
}

/// Of its variants only the first, as the product itself: variations are products of their own there.
fn product_json(product: &Product) -> Value {
    let first = product.offered.variants.first();
    let stock = first.and_then(|variant| variant.stock);
    json!({
        "id": product.id,
        "name": product.offered.title,
        "status": "publish",
        "sku": first.map(|variant| variant.sku.as_str()).unwrap_or_default(),
        "price": "19.00",
        "regular_price": "19.00",
        "manage_stock": stock.is_some(),
        "stock_quantity": stock,
        "categories": [],
        "images": [],
        "variations": [],
        "parent_id": 0,
        "date_created_gmt": date(product.created_at),
        "date_modified_gmt": date(product.updated_at),
    })
}

/// What is no number, or none that a page can have, counts as left out.
#[derive(Deserialize)]
struct Wanted {
    modified_after: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
}

struct Page {
    number: usize,
    size: usize,
}

impl Wanted {
    fn page(&self) -> Page {
        let number = |text: &Option<String>| text.as_ref()?.parse::<usize>().ok().filter(|number| *number > 0);
        Page {
            number: number(&self.page).unwrap_or(1),
            size: number(&self.per_page).unwrap_or(DEFAULT_PAGE).min(MAX_PAGE),
        }
    }
}

impl Page {
    fn of<'a, T>(&self, all: &'a [T]) -> impl Iterator<Item = &'a T> + use<'a, T> {
        all.iter().skip((self.number - 1).saturating_mul(self.size)).take(self.size)
    }
}

/// Without a zone, as `dates_are_gmt` has it.
fn read_date(text: &str) -> Option<DateTime<Utc>> {
    let date = NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(date.and_utc())
}

/// Both keys with a colon between them, as they are sent. Empty when none were.
struct Keys(String);

impl<S: Sync> FromRequestParts<S> for Keys {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let sent = header.and_then(|header| header.strip_prefix("Basic ")).and_then(|sent| STANDARD.decode(sent).ok());
        Ok(Self(sent.and_then(|sent| String::from_utf8(sent).ok()).unwrap_or_default()))
    }
}
