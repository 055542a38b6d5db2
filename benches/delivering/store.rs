//! A merchant whose orders wait for a login at Cortex Cloud.

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use cloud_bridge::sandbox::{self, FollowsBack, Sandbox};
use domain::integration::Provider;
use event_log::clock::Clock;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use crate::setting::signing::sign;

/// Orders that are posted at the same time.
const SENDERS: usize = 32;

pub(crate) struct Store {
    http: reqwest::Client,
    url: String,
    key: String,
    path: String,
    secret: String,
    number: u64,
    shares: u64,
}

impl Store {
    /// Opens an account with a pace that never holds up, and maps the assets that every order buys.
    pub(crate) async fn open(url: &str, admin: &str, number: u64, shares: u64) -> anyhow::Result<Self> {
        let http = reqwest::Client::new();
        let open = format!(
            "mutation {{ createAccount(input: {{ name: \"Merchant {number}\", attemptsPerMinute: 60000, \
             credits: 1000000000 }}) {{ account {{ id apiKeys {{ id }} }} apiKey }} }}"
        );
        let made = ask(&http, url, admin, &open, json!({})).await?["createAccount"].clone();
        let key = text(&made["apiKey"])?;
        let limit = "mutation ($account: ID!, $key: ID!) { limitApiKey(input: {
            accountId: $account, apiKeyId: $key, requestsPerMinute: 1000000 }) { userErrors { code } } }";
        let limited = json!({ "account": made["account"]["id"], "key": made["account"]["apiKeys"][0]["id"] });
        ask(&http, url, admin, limit, limited).await?;
        let create = "mutation { createIntegration(input: { provider: GENERIC, name: \"shop\" }) {
            integration { id } signingSecret } }";
        let made = ask(&http, url, &key, create, json!({})).await?["createIntegration"].clone();
        let id = text(&made["integration"]["id"])?;
        let map = "mutation ($id: ID!, $asset: String!) { addItemMapping(input: { integrationId: $id, matchType: SKU,
            externalRef: $asset, resourceType: PRESET, resourceId: $asset }) { userErrors { code } } }";
        for asset in 0..shares {
            ask(&http, url, &key, map, json!({ "id": id, "asset": asset_of(asset) })).await?;
        }
        let (path, secret) = (format!("/api/webhooks/generic/{id}"), text(&made["signingSecret"])?);
        Ok(Self { http, url: url.to_owned(), key, path, secret, number, shares })
    }

    /// Posts orders, each for a customer of its own.
    pub(crate) async fn post(&self, orders: u64, cortex: &Sandbox, follows: FollowsBack) -> anyhow::Result<()> {
        let posted = stream::iter(0..orders).map(async |order| {
            let id = format!("fan_{}_{order}", self.number);
            cortex.add_user(&id, follows)?;
            let items: Vec<_> =
                (0..self.shares).map(|asset| json!({ "sku": asset_of(asset), "quantity": 1 })).collect();
            let body = json!({ "orderId": id, "targetUsername": id, "items": items }).to_string().into_bytes();
            let (name, signature) = sign(Provider::Generic, &self.secret, &body).context("a generic store signs")?;
            let post = self.http.post(format!("{}{}", self.url, self.path)).header(name, signature).body(body);
            let status = post.send().await?.status();
            ensure!(status.as_u16() == 202, "an order was not taken: {status}");
            Ok(())
        });
        posted.buffer_unordered(SENDERS).try_collect::<()>().await
    }

    /// Lets everything go on that waits.
    pub(crate) async fn save_login(&self) -> anyhow::Result<()> {
        let login = json!({ "email": sandbox::DEFAULT_EMAIL, "password": sandbox::DEFAULT_PASSWORD });
        let save = "mutation ($input: SaveCortexCredentialsInput!) {
            saveCortexCredentials(input: $input) { userErrors { code } } }";
        self.ask(save, json!({ "input": login })).await.map(drop)
    }

    /// What was charged, what is set aside, and how many deliveries came to wait and were completed.
    pub(crate) async fn standing(&self) -> anyhow::Result<Standing> {
        let document = "query ($from: DateTime!, $to: DateTime!) { account { credits { charged reserved } }
            deliveryStats(from: $from, to: $to, bucket: DAY) { completed actionRequired } }";
        let now = Clock::default().now();
        let days = json!({ "from": now - TimeDelta::days(2), "to": now + TimeDelta::days(2) });
        let data = self.ask(document, days).await?;
        let buckets = data["deliveryStats"].as_array().context("it is a list")?;
        let sum = |name: &str| buckets.iter().filter_map(|bucket| bucket[name].as_u64()).sum();
        let credits = |name: &str| data["account"]["credits"][name].as_u64().context("it is a number");
        Ok(Standing {
            waiting: sum("actionRequired"),
            completed: sum("completed"),
            charged: credits("charged")?,
            reserved: credits("reserved")?,
        })
    }

    async fn ask(&self, document: &str, variables: Value) -> anyhow::Result<Value> {
        ask(&self.http, &self.url, &self.key, document, variables).await
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) waiting: u64,
    pub(crate) completed: u64,
    pub(crate) charged: u64,
    pub(crate) reserved: u64,
}

impl Standing {
    pub(crate) fn add(&mut self, other: Self) {
        self.waiting += other.waiting;
        self.completed += other.completed;
        self.charged += other.charged;
        self.reserved += other.reserved;
    }
}

fn asset_of(number: u64) -> String {
    format!("asset-{number}")
}

fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(str::to_owned).context("it is no text")
}

async fn ask(http: &reqwest::Client, url: &str, key: &str, document: &str, variables: Value) -> anyhow::Result<Value> {
    let request = http.post(format!("{url}/graphql")).bearer_auth(key);
    let answer: Value =
        request.json(&json!({ "query": document, "variables": variables })).send().await?.json().await?;
    ensure!(answer["errors"].is_null() && answer["error"].is_null(), "{answer}");
    Ok(answer["data"].clone())
}
