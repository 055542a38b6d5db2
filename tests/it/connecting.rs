//! Connecting stores by OAuth: through the pages of the service and those of the store, as a browser goes.

mod filling;
mod forged;
mod lasting;
mod other_platforms;
mod reconciling;
mod webhooks;
mod woocommerce;

use cloud_bridge::service::ServiceOptions;
use cloud_bridge::store_sandbox::{App, Platform, Store};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
pub(crate) use webhooks::doctor;

use crate::app::{CLIENT_ID, CLIENT_SECRET, Merchant, TestApp, text};
use crate::engines::{Engine, given_each_engine, on_each_engine};

pub(crate) const SHOP: &str = "storm-audio";
const DOMAIN: &str = "storm-audio.myshopify.com";
/// What stories call the service from outside.
const PUBLIC_URL: &str = "https://bridge.example";

/// A shop at Shopify, and the operator's app there.
pub(crate) fn open_shop(app: &TestApp, shop: &str) {
    let store = Store { platform: Platform::Shopify, id: shop.to_owned(), token: String::new(), webhooks: None };
    app.stores.connect(store).unwrap();
    let redirect_uris = vec![format!("{PUBLIC_URL}/oauth/shopify/callback")];
    let (client_id, client_secret) = (CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned());
    app.stores.register_app(App { platform: Platform::Shopify, client_id, client_secret, redirect_uris }).unwrap();
}

/// Begins to connect a shop, and returns the payload.
pub(crate) async fn begin(merchant: &Merchant<'_>, input: Value) -> Value {
    let document = "mutation ($input: ConnectStoreInput!) { connectStore(input: $input) {
        integration { id name purpose } url isNew userErrors { code field message } } }";
    let mut wanted = json!({ "provider": "SHOPIFY" });
    wanted.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    merchant.ask(document, json!({ "input": wanted })).await["connectStore"].clone()
}

/// A browser that follows nothing by itself and keeps the cookies it is given.
pub(crate) struct Browser<'a> {
    pub(crate) app: &'a TestApp,
    pub(crate) cookie: Option<String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(app: &'a TestApp) -> Self {
        Self { app, cookie: None }
    }

    fn http() -> reqwest::Client {
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
    }

    /// As this service is reached from here.
    fn here(&self, url: &str) -> String {
        url.replace(PUBLIC_URL, &self.app.node.url)
    }

    pub(crate) async fn get(&self, url: &str) -> Response {
        let mut request = Self::http().get(self.here(url));
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        request.send().await.unwrap()
    }

    /// Sends the form of a page of this service.
    pub(crate) async fn press(&mut self, url: &str) -> Response {
        let request = Self::http().post(self.here(url)).header("sec-fetch-site", "same-origin");
        let response = request.send().await.unwrap();
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            self.cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
        }
        response
    }

    /// Decides on the page of the store, and returns where that sends the browser back.
    pub(crate) async fn decide(&self, url: &str, decision: &str) -> String {
        self.decide_at(SHOP, url, decision).await
    }

    /// The same where a platform knows which store it is by who signs in.
    pub(crate) async fn decide_at(&self, store: &str, url: &str, decision: &str) -> String {
        decided(store, url, decision).await
    }

    /// The whole way, from the link to the last page.
    pub(crate) async fn authorize(&mut self, link: &str) -> (StatusCode, String) {
        let to_store = location(&self.press(link).await);
        let back = self.decide(&to_store, "install").await;
        page(self.get(&back).await).await
    }
}

/// Decides on the page of a store, and returns where that sends the browser back.
pub(crate) async fn decided(store: &str, url: &str, decision: &str) -> String {
    assert_eq!(Browser::http().get(url).send().await.unwrap().status(), StatusCode::OK, "{url}");
    let decided = Browser::http().post(url).form(&[("decision", decision), ("store", store)]).send().await.unwrap();
    location(&decided)
}

pub(crate) fn location(response: &Response) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{response:?}");
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}

pub(crate) async fn page(response: Response) -> (StatusCode, String) {
    (response.status(), response.text().await.unwrap())
}

/// How an integration is connected.
pub(crate) async fn connection(merchant: &Merchant<'_>, id: &str) -> Value {
    let document =
        "query ($id: ID!) { integration(id: $id) { storeConnection { status store scopes missingScopes connectedAt
        lostReason waitingUntil failure { reason } app { clientId secretPreview } } } }";
    merchant.ask(document, json!({ "id": id })).await["integration"]["storeConnection"].clone()
}

/// A shop that was connected, and its integration.
pub(crate) async fn connected(merchant: &Merchant<'_>, input: Value) -> String {
    open_shop(merchant.app, SHOP);
    let mut wanted = json!({ "store": SHOP });
    wanted.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    let begun = begin(merchant, wanted).await;
    assert_eq!(begun["userErrors"], json!([]));
    let (status, shown) = Browser::new(merchant.app).authorize(&text(&begun["url"])).await;
    assert_eq!(status, StatusCode::OK, "{shown}");
    text(&begun["integration"]["id"])
}

/// A shop that was connected and lost, one that was disconnected, and one whose owner was only asked.
pub(crate) async fn a_day_of_connections(app: &TestApp) {
    let merchant = app.merchant().await;
    let lost = connected(&merchant, json!({ "name": "Lost" })).await;
    webhooks::checked(&merchant, &lost, "CONNECTED").await;
    app.stores.uninstall(SHOP, CLIENT_ID).unwrap();
    doctor(&merchant, &lost).await;
    let merchant = app.merchant().await;
    let ended = connected(&merchant, json!({ "name": "Ended", "purpose": "BOTH" })).await;
    webhooks::checked(&merchant, &ended, "CONNECTED").await;
    reconciling::an_order_is_missed(&merchant, &ended).await;
    lasting::disconnect(&merchant, &ended).await;
    begin(&merchant, json!({ "store": "asked" })).await;
}

on_each_engine! {
    async fn a_shop_is_connected_in_a_browser_and_nothing_is_copied(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        let begun = begin(&merchant, json!({ "store": "https://admin.shopify.com/store/storm-audio" })).await;
        assert_eq!((&begun["userErrors"], &begun["isNew"]), (&json!([]), &json!(true)));
        let (id, link) = (text(&begun["integration"]["id"]), text(&begun["url"]));
        assert_eq!(begun["integration"]["name"], json!(DOMAIN));
        assert_eq!(connection(&merchant, &id).await["status"], json!("WAITING"));

        let mut browser = Browser::new(app);
        let (status, shown) = page(browser.get(&link).await).await;
        assert_eq!(status, StatusCode::OK);
        assert!(shown.contains(DOMAIN) && shown.contains("Storm Audio") && shown.contains("read orders"), "{shown}");
        let (status, shown) = browser.authorize(&link).await;
        assert_eq!(status, StatusCode::OK, "{shown}");
        assert!(shown.contains("is connected"), "{shown}");

        let stands = connection(&merchant, &id).await;
        assert_eq!((&stands["status"], &stands["store"]), (&json!("CONNECTED"), &json!(DOMAIN)));
        assert_eq!((&stands["scopes"], &stands["missingScopes"]), (&json!(["read_orders", "read_products"]), &json!([])));
        assert!(!stands["connectedAt"].is_null() && stands["waitingUntil"].is_null());
        // The link was good once.
        assert_eq!(browser.get(&link).await.status(), StatusCode::NOT_FOUND);
    }

    async fn the_store_allows_less_than_was_asked_for_and_it_says_so(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        app.stores.withhold_scopes(SHOP, vec!["read_products".to_owned()]).unwrap();
        let begun = begin(&merchant, json!({ "store": SHOP, "purpose": "BOTH" })).await;
        let (_, shown) = Browser::new(app).authorize(&text(&begun["url"])).await;
        assert!(shown.contains("read_products"), "{shown}");
        let stands = connection(&merchant, &text(&begun["integration"]["id"])).await;
        assert_eq!((&stands["status"], &stands["missingScopes"]), (&json!("CONNECTED"), &json!(["read_products"])));
    }

    async fn what_a_wider_purpose_needs_is_missing_until_it_is_allowed(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = connected(&merchant, json!({})).await;
        assert_eq!(connection(&merchant, &id).await["missingScopes"], json!([]));
        let document = "mutation ($input: UpdateIntegrationInput!) { updateIntegration(input: $input) { userErrors { code } } }";
        merchant.ask(document, json!({ "input": { "integrationId": id, "purpose": "BOTH" } })).await;
        let missing = connection(&merchant, &id).await["missingScopes"].clone();
        assert!(missing.as_array().unwrap().contains(&json!("read_customers")), "{missing}");
        let findings = doctor(&merchant, &id).await;
        let is_said = findings.iter().any(|(level, said)| level == "WRONG" && said.contains("did not allow read_customers"));
        assert!(is_said, "{findings:?}");
    }

    async fn who_says_no_ends_it_and_the_reason_is_seen(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        let begun = begin(&merchant, json!({ "store": SHOP })).await;
        let mut browser = Browser::new(app);
        let to_store = location(&browser.press(&text(&begun["url"])).await);
        let back = browser.decide(&to_store, "decline").await;
        let (status, shown) = page(browser.get(&back).await).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(shown.contains("was not authorised"), "{shown}");
        let stands = connection(&merchant, &text(&begun["integration"]["id"])).await;
        assert_eq!(stands["status"], json!("NOT_CONNECTED"));
        assert_eq!(stands["failure"]["reason"], json!("the store was not authorised: access_denied"));
    }

    async fn connecting_again_takes_the_integration_that_is_of_the_shop(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = connected(&merchant, json!({ "name": "My shop" })).await;
        let again = begin(&merchant, json!({ "store": DOMAIN })).await;
        assert_eq!((&again["isNew"], &again["integration"]["id"]), (&json!(false), &json!(id)));
        let (status, shown) = Browser::new(app).authorize(&text(&again["url"])).await;
        assert_eq!(status, StatusCode::OK, "{shown}");
        let other = begin(&merchant, json!({ "store": "another", "integrationId": id })).await;
        assert_eq!(other["userErrors"][0]["code"], json!("OTHER_STORE"));
    }

    async fn a_merchants_own_app_connects_in_place_of_the_operators(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        let redirect_uris = vec![format!("{PUBLIC_URL}/oauth/shopify/callback")];
        let own = App { platform: Platform::Shopify, client_id: "own".to_owned(), client_secret: "shpss_own".to_owned(), redirect_uris };
        app.stores.register_app(own).unwrap();
        let input = json!({ "store": SHOP, "app": { "clientId": "own", "clientSecret": "shpss_own" } });
        let begun = begin(&merchant, input).await;
        let (status, shown) = Browser::new(app).authorize(&text(&begun["url"])).await;
        assert_eq!(status, StatusCode::OK, "{shown}");
        let stands = connection(&merchant, &text(&begun["integration"]["id"])).await;
        assert_eq!(stands["app"], json!({ "clientId": "own", "secretPreview": "…" }));
    }

    async fn what_cannot_be_connected_is_refused_before_anything_is_made(app: &TestApp) {
        let merchant = app.merchant().await;
        for (input, code) in [
            (json!({ "provider": "GENERIC" }), "CANNOT_CONNECT"),
            (json!({ "store": null }), "INVALID_STORE"),
            (json!({ "store": "https://evil.example/storm-audio.myshopify.com" }), "INVALID_STORE"),
            (json!({ "store": "storm-audio.myshopify.com@evil.example" }), "INVALID_STORE"),
            (json!({ "store": SHOP, "integrationId": merchant.id }), "NOT_FOUND"),
        ] {
            let refused = begin(&merchant, input.clone()).await;
            assert_eq!(refused["userErrors"][0]["code"], json!(code), "{input}");
        }
        let made = merchant.ask("{ integrations(first: 1) { nodes { id } } }", json!({})).await;
        assert_eq!(made["integrations"]["nodes"], json!([]));
    }
}

async fn under_a_path_no_browser_can_connect_a_store(engine: Engine) {
    let under_a_path = |options| ServiceOptions { public_url: "https://shop.example/bridge/".to_owned(), ..options };
    let app = TestApp::start(engine).await.stop_node().await.start_with(under_a_path).await;
    let merchant = app.merchant().await;
    open_shop(&app, SHOP);
    let begun = begin(&merchant, json!({ "store": SHOP })).await;
    assert_eq!(begun["userErrors"][0]["code"], json!("CANNOT_CONNECT"), "{begun}");
    assert!(text(&begun["userErrors"][0]["message"]).contains("--public-url has a path"), "{begun}");
    app.finish().await;
}

given_each_engine! {
    under_a_path_no_browser_can_connect_a_store
}
