//! A shop at Shopify's sandbox that is connected as a merchant does it, in a browser; it loses a webhook, and comparing finds the order.

use anyhow::{Context as _, bail};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::merchant::Merchant;
use super::orders::LEAD;
use super::world::World;
use crate::app::keys;
use crate::store_sandbox::{App, NewLine, NewOrder, Platform, Store};

pub(super) const SHOP: &str = "storm-audio";
const CLIENT_ID: &str = "the-demo-app";

const CONNECT: &str = "mutation($input: ConnectStoreInput!) {
  connectStore(input: $input) { integration { id } url userErrors { code message field } } }";
const CHECK: &str = "mutation($input: CheckStoreInput!) {
  checkStore(input: $input) { findings { level sentence } userErrors { code message field } } }";
const SYNC: &str = "mutation($input: SyncStoreInput!) {
  syncStore(input: $input) { isDone userErrors { code message field } } }";
const FOUND: &str = "query($id: ID!) {
  integration(id: $id) { storeGaps(days: 1) { sentence fetched } }
  deliveries(first: 5, filter: { integrationId: $id }) { nodes { id } } }";

/// What comparing found.
pub(super) struct Found {
    pub(super) delivery_id: String,
    /// The gap report, in a sentence.
    pub(super) gap: String,
}

/// Connects the shop, and returns the id of its integration.
pub(super) async fn connect(world: &World, merchant: &Merchant) -> anyhow::Result<String> {
    let client_secret = keys::new_signing_secret();
    let store = Store { platform: Platform::Shopify, id: SHOP.to_owned(), token: String::new(), webhooks: None };
    world.stores.connect(store)?;
    world.stores.register_app(App {
        platform: Platform::Shopify,
        client_id: CLIENT_ID.to_owned(),
        client_secret: client_secret.clone(),
        redirect_uris: vec![format!("{}/oauth/shopify/callback", world.url)],
    })?;
    let app = json!({ "clientId": CLIENT_ID, "clientSecret": client_secret });
    let input = json!({ "provider": "SHOPIFY", "store": SHOP, "name": "Storm Audio, connected shop", "app": app });
    let begun = merchant.change(CONNECT, "connectStore", input).await?;
    authorize(begun["url"].as_str().context("there is no address to connect the shop at")?).await?;
    let id = begun["integration"]["id"].as_str().context("connecting made no integration")?.to_owned();
    merchant.map_in(&id, "SKU", LEAD.sku, "PRESET", "abc123-preset-id").await?;
    // Its webhooks are there once it was checked.
    let checked = merchant.change(CHECK, "checkStore", json!({ "integrationId": id })).await?;
    let findings = checked["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(wrong) = findings.iter().find(|finding| finding["level"] == "WRONG") {
        bail!("the connected shop is not well: {}", wrong["sentence"]);
    }
    Ok(id)
}

/// The shop takes an order, and its webhook is lost. That is minutes ago once this returns.
pub(super) fn lose_a_webhook(world: &World) -> anyhow::Result<()> {
    world.stores.lose_webhooks(SHOP, 1)?;
    world.stores.place_order(SHOP, NewOrder::of("mutual_max", NewLine::of_sku(LEAD.sku, LEAD.title)))?;
    world.let_time_pass();
    Ok(())
}

/// The merchant has the shop's orders compared.
pub(super) async fn find_it(merchant: &Merchant, id: &str) -> anyhow::Result<Found> {
    merchant.change(SYNC, "syncStore", json!({ "integrationId": id })).await?;
    let found = merchant.ask(FOUND, json!({ "id": id })).await?;
    let gaps = &found["integration"]["storeGaps"];
    let delivery_id = found["deliveries"]["nodes"][0]["id"].as_str();
    match (delivery_id, gaps["sentence"].as_str()) {
        (Some(delivery_id), Some(gap)) => Ok(Found { delivery_id: delivery_id.to_owned(), gap: gap.to_owned() }),
        _ => bail!("the order that the connected shop never sent was not found: {found}"),
    }
}

/// The way of a browser: the page of this service, that of the shop, and back.
async fn authorize(url: &str) -> anyhow::Result<()> {
    let http = Client::builder().no_proxy().redirect(Policy::none()).build().context("no HTTP client can be made")?;
    let begun = http.post(url).header("sec-fetch-site", "same-origin").send().await?;
    let cookie = begun.headers().get(SET_COOKIE).and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let to_shop = leads_to(&begun)?;
    let back = next(http.post(to_shop).form(&[("decision", "install")])).await?;
    let last = http.get(back).header(COOKIE, cookie).send().await?;
    if last.status() == StatusCode::OK { Ok(()) } else { bail!("the shop was not connected: {}", last.status()) }
}

async fn next(request: RequestBuilder) -> anyhow::Result<String> {
    leads_to(&request.send().await?)
}

fn leads_to(response: &reqwest::Response) -> anyhow::Result<String> {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    location.map(str::to_owned).with_context(|| format!("a page leads nowhere: {}", response.status()))
}

impl Found {
    pub(super) fn json(&self) -> Value {
        json!({ "shop": SHOP, "deliveryId": self.delivery_id, "gap": self.gap })
    }
}
