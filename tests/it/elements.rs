//! The instances API, as a program uses it that was written for Cloud Elements' Shopify events.

mod changes;
mod errors;
mod instances;
mod killed;
mod notifications;
mod provider_webhooks;
mod tenants;

use cloud_bridge::store_sandbox::{App, NewLine, NewOrder, Platform, Store, StoreSandbox, Webhook};
use domain::instance::Instance;
use domain::{InstanceId, Private};
use event_log::Position;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Merchant, TestApp, text};
use crate::connecting::{SHOP, decided};
use crate::dispatching::Receiver;

/// The program's own app at Shopify, and where its users come back to.
pub(crate) const API_KEY: &str = "the-programs-app";
pub(crate) const API_SECRET: &str = "shpss_of_the_program";
pub(crate) const CALLBACK: &str = "https://mycoolapp.com";
const SIGNATURE_KEY: &str = "a key of the program";
const TOPICS: &str = "orders/create, orders/updated, customers/create";

/// A program of a merchant, with the header that it sends.
struct Program<'a> {
    app: &'a TestApp,
    authorization: String,
}

/// What it is answered.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    body: Value,
    next_page: Option<String>,
    instance: Option<String>,
}

impl Answer {
    fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    /// The sentence of an error.
    fn refused(self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        let fields = self.body.as_object().unwrap();
        assert!(
            fields.keys().all(|name| ["requestId", "message", "providerMessage"].contains(&name.as_str())),
            "{}",
            self.body
        );
        assert!(!text(&self.body["requestId"]).is_empty());
        text(&self.body["message"])
    }
}

impl<'a> Program<'a> {
    fn of(merchant: &Merchant<'a>) -> Self {
        let key = &merchant.key;
        Self { app: merchant.app, authorization: format!("User {key}, Organization {key}") }
    }

    /// The same with the token of an instance.
    fn with_token(merchant: &Merchant<'a>, token: &str) -> Self {
        Self { app: merchant.app, authorization: format!("User {}, Element {token}", merchant.key) }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let url = format!("{}/elements/api-v2{path}", self.app.node.url);
        let mut request = self.app.http.request(method, url).header("authorization", &self.authorization);
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str) -> Answer {
        self.call(Method::PUT, path, None).await
    }

    async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// The first step of the document: the owner of the shop authorises the program's app, and comes back with a code.
    async fn code(&self, shop: &str) -> String {
        code_of(&self.app.node.url, &self.app.stores, shop).await
    }

    /// The second step: an instance with webhooks, whose events go to this address.
    async fn instance(&self, url: &str) -> Value {
        let created = self.post("/instances", &instance_body(&self.code(SHOP).await, url)).await.ok();
        self.app.settle().await;
        created
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (next_page, instance) = (header("elements-next-page-token"), header("elements-element-instance-id"));
    Answer { status: response.status(), next_page, instance, body: response.json().await.unwrap() }
}

fn url_pairs(query: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(&format!("http://x/?{query}")).unwrap();
    url.query_pairs().into_owned().collect()
}

/// The code with which the owner of a shop comes back to the program.
pub(crate) async fn code_of(service: &str, stores: &StoreSandbox, shop: &str) -> String {
    open_shop(stores, shop);
    let query = format!("apiKey={API_KEY}&apiSecret={API_SECRET}&callbackUrl={CALLBACK}&siteAddress={shop}");
    let url = format!("{service}/elements/api-v2/elements/shopify/oauth/url?{query}");
    let answered: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!(answered["element"], "shopify");
    let back = decided(shop, &text(&answered["oauthUrl"]), "install").await;
    let (address, query) = back.split_once('?').unwrap();
    assert_eq!(address, CALLBACK);
    let pairs = url_pairs(query);
    assert!(pairs.contains(&("state".to_owned(), "shopify".to_owned())), "{back}");
    pairs.into_iter().find(|(name, _)| name == "code").expect("a code comes back").1
}

/// A shop at Shopify, and the program's app there.
fn open_shop(stores: &StoreSandbox, shop: &str) {
    let store = Store { platform: Platform::Shopify, id: shop.to_owned(), token: String::new(), webhooks: None };
    stores.connect(store).unwrap();
    let (client_id, client_secret) = (API_KEY.to_owned(), API_SECRET.to_owned());
    let redirect_uris = vec![CALLBACK.to_owned()];
    stores.register_app(App { platform: Platform::Shopify, client_id, client_secret, redirect_uris }).unwrap();
}

/// The body of the document, with the shop that its page about authorising has.
fn instance_body(code: &str, url: &str) -> Value {
    json!({
        "element": { "key": "shopify" },
        "providerData": { "code": code },
        "configuration": {
            "oauth.callback.url": CALLBACK,
            "oauth.api.key": API_KEY,
            "oauth.api.secret": API_SECRET,
            "shopify.site.address": SHOP,
            "event.notification.enabled": true,
            "shopify.webhook.topics": TOPICS,
            "event.notification.callback.url": url,
            "event.notification.signature.key": SIGNATURE_KEY,
        },
        "tags": ["Docs"],
        "name": "API Instance",
    })
}

fn order(username: &str) -> NewOrder {
    NewOrder::of(username, NewLine::of_sku("STORM", "Storm Drive"))
}

/// The address that Shopify was asked to send an integration's webhooks to.
fn address(app: &TestApp) -> String {
    let subscriptions = app.stores.subscriptions(SHOP);
    let (_, address) = subscriptions.first().expect("Shopify was asked for webhooks").clone();
    address.replace("https://bridge.example", "")
}

/// Posts what the shop sends, signed with the secret of the program's app.
async fn send_to(app: &TestApp, path: &str, webhook: &Webhook, headers: &[(&str, &str)]) -> StatusCode {
    let code = signing::code(API_SECRET.as_bytes(), &[webhook.body.as_bytes()]);
    let mut request = app
        .http
        .post(format!("{}{path}", app.node.url))
        .header("x-shopify-hmac-sha256", signing::Encoding::Base64.encoded(&code))
        .header("x-shopify-topic", webhook.topic)
        .body(webhook.body.clone());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status()
}

async fn send(app: &TestApp, webhook: &Webhook) {
    assert_eq!(send_to(app, &address(app), webhook, &[]).await, StatusCode::ACCEPTED);
}

/// Buys something, which the shop says by webhook, and returns the order's id.
async fn buy(app: &TestApp, username: &str) -> String {
    let webhook = app.stores.place_order(SHOP, order(username)).unwrap();
    send(app, &webhook).await;
    webhook.order
}

async fn receiver(app: &TestApp) -> Receiver {
    Receiver::start(&app.clock).await
}

fn id_of(instance: &Value) -> u64 {
    instance["id"].as_u64().expect("ids of instances are numbers")
}

/// One instance that is changed, and one that is deleted.
pub(crate) async fn a_day_of_instances(app: &TestApp) {
    let merchant = app.merchant().await;
    let (program, events) = (Program::of(&merchant), receiver(app).await);
    let (kept, deleted) = (program.instance(&events.url).await, program.instance(&events.url).await);
    let path = format!("/instances/{}", id_of(&kept));
    program.patch(&path, &json!({ "tags": ["live"], "name": "Kept" })).await.ok();
    program.delete(&format!("{path}/enabled")).await.ok();
    buy(app, "follows_at_once").await;
    program.delete(&format!("/instances/{}", id_of(&deleted))).await.ok();
}

/// What is listed of each instance is what its aggregate says of itself, but for its token.
pub(crate) async fn instances_say_what_aggregates_say(app: &TestApp) {
    let data = &app.service().data;
    let rows = projections::instances::page(&data.views, None, Position::START, 100).await.unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let mut details = data.log.load::<Instance>(&row.id).await.unwrap().aggregate.details().unwrap().clone();
        assert_eq!(InstanceId::of(details.number).to_string(), row.id);
        details.token = Private::Erased;
        assert_eq!(row.details(), Some(details));
    }
}
