//! The sandbox over real HTTP, as Cloud Bridge and a person meet it.

mod changes;
mod control_api;
mod faults;
mod holds;
mod reading;
mod webhooks;

use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;

use super::*;

const HASH: &str = "abc123";
const MERCHANT: &str = "MLSANDBOX";
const TOKEN: &str = "bigcommerce-token";
const SQUARE_TOKEN: &str = "square-token";

async fn sandbox() -> StoreSandbox {
    start(TcpListener::bind("127.0.0.1:0").await.unwrap(), Clock::default()).unwrap()
}

/// A sandbox with a store of each platform, which send no webhooks.
async fn two_stores() -> StoreSandbox {
    let sandbox = sandbox().await;
    sandbox.connect(bigcommerce(None)).unwrap();
    sandbox.connect(square(None)).unwrap();
    sandbox
}

fn bigcommerce(webhooks: Option<Subscription>) -> Store {
    Store { platform: Platform::BigCommerce, id: HASH.to_owned(), token: TOKEN.to_owned(), webhooks }
}

fn square(webhooks: Option<Subscription>) -> Store {
    Store { platform: Platform::Square, id: MERCHANT.to_owned(), token: SQUARE_TOKEN.to_owned(), webhooks }
}

fn order() -> NewOrder {
    NewOrder::of("max", NewLine::of_sku("STORM-LEAD-V2", "Storm Drive Lead"))
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn get(sandbox: &StoreSandbox, path: &str, token: &str) -> Response {
    let url = format!("{}{path}", sandbox.base_url());
    http().get(url).header("x-auth-token", token).send().await.unwrap()
}

async fn get_square(sandbox: &StoreSandbox, id: &str, token: &str) -> Response {
    let url = format!("{}/v2/orders/{id}", sandbox.base_url());
    http().get(url).bearer_auth(token).send().await.unwrap()
}

fn order_path(id: &str) -> String {
    format!("/stores/{HASH}/v2/orders/{id}")
}

fn products_path(id: &str) -> String {
    format!("/stores/{HASH}/v2/orders/{id}/products")
}

async fn bigcommerce_order(sandbox: &StoreSandbox, id: &str) -> Value {
    get(sandbox, &order_path(id), TOKEN).await.error_for_status().unwrap().json().await.unwrap()
}

async fn bigcommerce_products(sandbox: &StoreSandbox, id: &str) -> Value {
    get(sandbox, &products_path(id), TOKEN).await.error_for_status().unwrap().json().await.unwrap()
}

async fn square_order(sandbox: &StoreSandbox, id: &str) -> Value {
    let answer = get_square(sandbox, id, SQUARE_TOKEN).await.error_for_status().unwrap();
    answer.json::<Value>().await.unwrap()["order"].take()
}

async fn refused(answer: Response) -> (StatusCode, Value) {
    (answer.status(), answer.json().await.unwrap())
}
