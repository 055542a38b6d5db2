//! An account that subscribes to what its own shops publish.

use anyhow::{Context as _, ensure};
use domain::integration::Provider;
use serde_json::{Value, json};

use super::receiver::SECRET;
use super::request::Target;

/// Shopify chooses the secret of a shop.
const SECRET_OF_SHOPS: &str = "shpss_0707070707070707070707070707070707";

/// What is to be called with the key of an account, or of the administrator.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    pub(crate) url: String,
    key: String,
}

impl Api {
    pub(crate) fn new(url: &str, key: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, url: url.to_owned(), key: key.to_owned() })
    }

    /// The result of one operation, named `done`.
    pub(crate) async fn ask(&self, document: &str, variables: Value) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}/graphql", self.url)).bearer_auth(&self.key);
        let request = request.header("x-reason", "bench").json(&json!({ "query": document, "variables": variables }));
        let mut answer: Value = request.send().await?.json().await?;
        ensure!(answer["errors"].is_null() && answer["error"].is_null(), "{answer}");
        let done = answer["data"]["done"].take();
        let refused = done["userErrors"].as_array().is_some_and(|errors| !errors.is_empty());
        ensure!(!refused, "{done}");
        Ok(done)
    }
}

/// An endpoint that is made.
pub(crate) struct NewEndpoint<'n> {
    pub(crate) url: String,
    pub(crate) event_type: &'n str,
    pub(crate) concurrency: u16,
    pub(crate) is_ordered: bool,
}

pub(crate) struct Account {
    pub(crate) api: Api,
}

impl Account {
    pub(crate) async fn open(admin: &Api, name: &str) -> anyhow::Result<Self> {
        let open = "mutation ($name: String!) { done: createAccount(input: { name: $name, credits: 0 }) {
            account { id apiKeys { id } } apiKey userErrors { code message } } }";
        let made = admin.ask(open, json!({ "name": name })).await?;
        let limit = "mutation ($account: ID!, $key: ID!) { done: limitApiKey(input: {
            accountId: $account, apiKeyId: $key, requestsPerMinute: 1000000 }) { userErrors { code message } } }";
        let key = json!({ "account": made["account"]["id"], "key": made["account"]["apiKeys"][0]["id"] });
        admin.ask(limit, key).await?;
        let api = Api { key: text(&made["apiKey"])?, ..admin.clone() };
        Ok(Self { api })
    }

    /// A shop of Shopify that publishes and delivers nothing.
    pub(crate) async fn shop(&self) -> anyhow::Result<Target> {
        let create = "mutation ($secret: String!) { done: createIntegration(input: { provider: SHOPIFY, name: \"shop\",
            purpose: PUBLISHES, currency: \"EUR\", signingSecret: $secret }) {
            integration { id } userErrors { code message } } }";
        let made = self.api.ask(create, json!({ "secret": SECRET_OF_SHOPS })).await?;
        let id = text(&made["integration"]["id"])?;
        let path = format!("/api/webhooks/shopify/{id}");
        Ok(Target { provider: Provider::Shopify, path, secret: SECRET_OF_SHOPS.to_owned() })
    }

    pub(crate) async fn endpoint(&self, endpoint: &NewEndpoint<'_>) -> anyhow::Result<()> {
        let create = "mutation ($input: CreateEndpointInput!) { done: createEndpoint(input: $input) {
            userErrors { code message } } }";
        let input = json!({
            "url": endpoint.url, "eventTypes": [endpoint.event_type], "concurrency": endpoint.concurrency,
            "ordered": endpoint.is_ordered, "signingSecret": SECRET,
        });
        self.api.ask(create, json!({ "input": input })).await.map(drop)
    }
}

fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(str::to_owned).context("it is no text")
}
