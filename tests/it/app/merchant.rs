//! A merchant and their stores, as the stories have them act.

use cloud_bridge::sandbox;
use domain::integration::Provider;
use event_log::ids;
use providers::Outgoing;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{TestApp, text};

/// An account and a key to it.
#[derive(Clone)]
pub(crate) struct Merchant<'a> {
    pub(crate) app: &'a TestApp,
    pub(crate) id: String,
    pub(crate) key: String,
}

impl<'a> Merchant<'a> {
    pub(crate) async fn ask(&self, document: &str, variables: Value) -> Value {
        self.app.ask(&self.key, document, variables).await
    }

    pub(crate) async fn save_credentials(&self, password: &str) {
        let document = r#"mutation ($input: SaveCortexCredentialsInput!) {
            saveCortexCredentials(input: $input) { userErrors { code } }
        }"#;
        let input = json!({ "email": sandbox::DEFAULT_EMAIL, "password": password });
        let saved = self.ask(document, json!({ "input": input })).await;
        assert_eq!(saved["saveCortexCredentials"]["userErrors"], json!([]));
    }

    /// A store whose products STORM and RAIN are mapped to the presets `storm` and `rain`.
    pub(crate) async fn shop(&self, provider: Provider) -> Shop<'a> {
        let shop = self.bare_shop(provider, &[]).await;
        for sku in ["STORM", "RAIN"] {
            shop.map(sku, &sku.to_lowercase()).await;
        }
        shop
    }

    pub(crate) async fn bare_shop(&self, provider: Provider, order_statuses: &[&str]) -> Shop<'a> {
        let document = r#"mutation ($input: CreateIntegrationInput!) {
            createIntegration(input: $input) { integration { id } signingSecret userErrors { code message } }
        }"#;
        let provider_name = provider.as_str().to_uppercase();
        let own = provider.chooses_secret().then(|| format!("shpss_{}", ids::fresh().simple()));
        let input = json!({
            "provider": provider_name, "name": "My shop", "orderStatuses": order_statuses, "signingSecret": own });
        let made = self.ask(document, json!({ "input": input })).await;
        let made = &made["createIntegration"];
        assert_eq!(made["userErrors"], json!([]));
        let (id, secret) = (text(&made["integration"]["id"]), own.unwrap_or_else(|| text(&made["signingSecret"])));
        Shop { merchant: self.clone(), provider, id, secret }
    }

    pub(crate) async fn balance(&self) -> Value {
        let account = self.ask("{ account { credits { available reserved charged } } }", json!({})).await;
        account["account"]["credits"].clone()
    }

    /// The log of deliveries, newest first, as far as the stories look at it.
    pub(crate) async fn deliveries(&self) -> Vec<Value> {
        let document = "{ deliveries(first: 100) { nodes {
            id orderId status resolutionCode targetUsername attempts creditsCharged nextAttemptAt
            items { sku sharedAt mapping { resourceId } } duplicateOf { id }
        } } }";
        let answer = self.ask(document, json!({})).await;
        answer["deliveries"]["nodes"].as_array().expect("a list").clone()
    }
}

/// An integration, and the store on the other side of it.
#[derive(Clone)]
pub(crate) struct Shop<'a> {
    pub(crate) merchant: Merchant<'a>,
    pub(crate) provider: Provider,
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// The response that a store got.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn delivery_id(&self) -> String {
        text(&self.body["deliveryId"])
    }

    /// The answer to a webhook that was recorded: 202 and a status.
    #[track_caller]
    pub(crate) fn accepted(&self, status: &str) -> String {
        assert_eq!((self.status, &self.body["status"]), (StatusCode::ACCEPTED, &json!(status)), "{self:?}");
        self.delivery_id()
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), &self.body["error"]["code"]), (status, &json!(code)), "{self:?}");
    }
}

/// A shop, whatever becomes of the service that it was made with.
#[derive(Clone)]
pub(crate) struct KnownShop {
    account: String,
    key: String,
    provider: Provider,
    id: String,
    secret: String,
}

impl TestApp {
    /// The same account on a service that has come back since.
    pub(crate) fn again<'a>(&'a self, shop: &KnownShop) -> Shop<'a> {
        let KnownShop { account, key, provider, id, secret } = shop.clone();
        Shop { merchant: Merchant { app: self, id: account, key }, provider, id, secret }
    }
}

impl Shop<'_> {
    pub(crate) fn known(&self) -> KnownShop {
        KnownShop {
            account: self.merchant.id.clone(),
            key: self.merchant.key.clone(),
            provider: self.provider,
            id: self.id.clone(),
            secret: self.secret.clone(),
        }
    }

    pub(crate) fn path(&self) -> String {
        format!("/api/webhooks/{}/{}", self.provider.as_str(), self.id)
    }

    /// Posts a webhook as the store does: signed.
    pub(crate) async fn post(&self, body: &Value) -> Answer {
        self.post_bytes(body.to_string().into_bytes(), &[]).await
    }

    pub(crate) async fn post_bytes(&self, body: Vec<u8>, headers: &[(&str, &str)]) -> Answer {
        let signed = self.signed(&body);
        let mut all: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.extend_from_slice(headers);
        self.post_unsigned(body, &all).await
    }

    /// The headers by which the store signs a body now.
    pub(crate) fn signed(&self, body: &[u8]) -> Vec<(&'static str, String)> {
        let address = &format!("https://bridge.example{}", self.path());
        let outgoing = Outgoing { address, body, at: self.merchant.app.clock.now() };
        providers::of(self.provider).sign(&outgoing, &self.secret)
    }

    pub(crate) async fn post_unsigned(&self, body: Vec<u8>, headers: &[(&str, &str)]) -> Answer {
        self.post_to(&self.merchant.app.node.url, body, headers).await
    }

    pub(crate) async fn post_to(&self, node_url: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.merchant.app.http.post(format!("{node_url}{}", self.path())).body(body);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the service answers");
        let status = response.status();
        let body = response.bytes().await.expect("the answer arrives whole");
        Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
    }

    pub(crate) async fn map(&self, sku: &str, preset: &str) {
        let document = r#"mutation ($input: AddItemMappingInput!) {
            addItemMapping(input: $input) { itemMapping { id } userErrors { code } }
        }"#;
        let input = json!({
            "integrationId": self.id, "matchType": "SKU", "externalRef": sku,
            "resourceType": "PRESET", "resourceId": preset,
        });
        let added = self.merchant.ask(document, json!({ "input": input })).await;
        assert_eq!(added["addItemMapping"]["userErrors"], json!([]));
    }

    pub(crate) async fn unmap_all(&self) {
        let mappings = "query ($id: ID!) { integration(id: $id) { itemMappings { id } } }";
        let remove =
            "mutation ($input: RemoveItemMappingInput!) { removeItemMapping(input: $input) { userErrors { code } } }";
        let found = self.merchant.ask(mappings, json!({ "id": self.id })).await;
        for mapping in found["integration"]["itemMappings"].as_array().unwrap() {
            let input = json!({ "integrationId": self.id, "mappingId": mapping["id"] });
            self.merchant.ask(remove, json!({ "input": input })).await;
        }
    }

    pub(crate) async fn update(&self, changes: Value) {
        let document = r#"mutation ($input: UpdateIntegrationInput!) {
            updateIntegration(input: $input) { userErrors { code } }
        }"#;
        let mut input = changes;
        input["integrationId"] = json!(self.id);
        let updated = self.merchant.ask(document, json!({ "input": input })).await;
        assert_eq!(updated["updateIntegration"]["userErrors"], json!([]));
    }

    /// Status and resolution code of a delivery, once everything has settled.
    pub(crate) async fn settled(&self, delivery_id: &str) -> (String, Option<String>) {
        self.merchant.app.settle().await;
        self.seen(delivery_id).await
    }

    /// Status and resolution code of a delivery as it is now.
    pub(crate) async fn seen(&self, delivery_id: &str) -> (String, Option<String>) {
        let document = "query ($id: ID!) { delivery(id: $id) { status resolutionCode } }";
        let answer = self.merchant.ask(document, json!({ "id": delivery_id })).await;
        let delivery = &answer["delivery"];
        (text(&delivery["status"]), delivery["resolutionCode"].as_str().map(str::to_owned))
    }

    #[track_caller]
    pub(crate) fn retry(&self, delivery_id: &str, username: Option<&str>) -> impl Future<Output = Value> {
        let document = r#"mutation ($input: RetryDeliveryInput!) {
            retryDelivery(input: $input) { delivery { status } userErrors { code } }
        }"#;
        let input = json!({ "deliveryId": delivery_id, "targetUsername": username });
        async move { self.merchant.ask(document, json!({ "input": input })).await["retryDelivery"].clone() }
    }
}
