//! A service with one merchant, whose store posts orders, and a Cortex Cloud beside it.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use cloud_bridge::sandbox::{self, Sandbox, SandboxOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::load::Shop;
use super::options::Engine;
use super::postgres;
use crate::setting::server::{Launch, Server};

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) launch: Launch,
    pub(crate) shop: Shop,
    pub(crate) cortex: Sandbox,
    pub(crate) key: String,
    folder: TempDir,
}

impl World {
    pub(crate) async fn create(engine: Engine, change: impl FnOnce(&mut Launch)) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await?, SandboxOptions::default())?;
        let mut launch =
            Launch { data: folder.path().join("data"), cortex_url: cortex.base_url().to_owned(), ..Launch::default() };
        if engine == Engine::Postgres {
            let (log, views) = postgres::databases(&postgres::server_url()?).await?;
            (launch.log_url, launch.views_url) = (Some(log), Some(views));
        }
        change(&mut launch);
        let server = Server::start(&launch, &folder.path().join("server.log")).await?;
        let admin = server.admin_key.clone().context("the first start prints the key")?;
        let (shop, key) = merchant(&server.url, &admin, &cortex).await?;
        Ok(Self { server, launch, shop, cortex, key, folder })
    }

    /// What the server has said, kept where something has to be looked into.
    pub(crate) fn logged(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// Starts the process that was killed once more; stores find it where it is now.
    pub(crate) async fn start_again(&mut self) -> anyhow::Result<()> {
        self.server = Server::start(&self.launch, &self.logged()).await?;
        self.shop.moves_to(&self.server.url);
        Ok(())
    }

    pub(crate) async fn ask(&self, document: &str, variables: Value) -> anyhow::Result<Value> {
        ask(&self.shop.url(), &self.key, document, variables).await
    }
}

pub(crate) async fn ask(url: &str, key: &str, document: &str, variables: Value) -> anyhow::Result<Value> {
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
    let request = http.post(format!("{url}/graphql")).bearer_auth(key).header("x-reason", "faults");
    let answer = request.json(&json!({ "query": document, "variables": variables })).send().await?;
    let answer: Value = answer.json().await?;
    ensure!(answer["errors"].is_null() && answer["error"].is_null(), "{answer}");
    Ok(answer["data"].clone())
}

/// A merchant with everything in order, whose store's product STORM is mapped; and the merchant's key.
async fn merchant(url: &str, admin: &str, cortex: &Sandbox) -> anyhow::Result<(Shop, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned).context("it is no text");
    let made = ask(
        url,
        admin,
        "mutation { createAccount(input: { name: \"Storm Audio\", attemptsPerMinute: 60000, credits: 100000000 }) {
            account { id apiKeys { id } } apiKey } }",
        json!({}),
    )
    .await?["createAccount"]
        .clone();
    let (account, key) = (text(&made["account"]["id"])?, text(&made["apiKey"])?);
    let limit = "mutation ($account: ID!, $key: ID!) { limitApiKey(input: {
        accountId: $account, apiKeyId: $key, requestsPerMinute: 1000000 }) { userErrors { code } } }";
    let limited = json!({ "account": account, "key": made["account"]["apiKeys"][0]["id"] });
    ask(url, admin, limit, limited).await?;
    let login = json!({ "email": sandbox::DEFAULT_EMAIL, "password": sandbox::DEFAULT_PASSWORD });
    let save = "mutation ($input: SaveCortexCredentialsInput!) { saveCortexCredentials(input: $input) { userErrors { code } } }";
    ask(url, &key, save, json!({ "input": login })).await?;
    let create = "mutation { createIntegration(input: { provider: GENERIC, name: \"shop\" }) { integration { id } signingSecret } }";
    let made = ask(url, &key, create, json!({})).await?["createIntegration"].clone();
    let id = text(&made["integration"]["id"])?;
    let map = "mutation ($id: ID!) { addItemMapping(input: {
        integrationId: $id, matchType: SKU, externalRef: \"STORM\", resourceType: PRESET, resourceId: \"storm\" }) { userErrors { code } } }";
    ask(url, &key, map, json!({ "id": id })).await?;
    let shop = Shop::new(url, format!("/api/webhooks/generic/{id}"), text(&made["signingSecret"])?, cortex.clone());
    Ok((shop, key))
}
