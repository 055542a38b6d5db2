//! The merchants of the demonstration, who do over GraphQL what real ones would.

use std::time::Duration;

use anyhow::Context as _;
use domain::integration::Provider;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{DemoAccess, DemoStore};
use super::orders::{CLEAN, DRIVE, EDGE, LEAD};
use super::store::Store;
use super::subscriber::{Subscriber, all_delivered};
use super::world::World;
use crate::app::keys;
use crate::cli::{Client, understood};
use crate::store_sandbox::{Platform, Store as AtPlatform};

/// How often the unsteady subscriber fails.
const FAILURES: u64 = 2;
const POLL_EVERY: Duration = Duration::from_millis(50);

const CREATE_ACCOUNT: &str = "mutation($input: CreateAccountInput!) {
  createAccount(input: $input) { account { id } apiKey userErrors { code message field } } }";
const CREATE_INTEGRATION: &str = "mutation($input: CreateIntegrationInput!) {
  createIntegration(input: $input) {
    integration { id } webhookUrl signingSecret userErrors { code message field } } }";
const ADD_MAPPING: &str = "mutation($input: AddItemMappingInput!) {
  addItemMapping(input: $input) { userErrors { code message field } } }";
const SAVE_CREDENTIALS: &str = "mutation($input: SaveCortexCredentialsInput!) {
  saveCortexCredentials(input: $input) { userErrors { code message field } } }";
const RETRY: &str = "mutation($input: RetryDeliveryInput!) {
  retryDelivery(input: $input) { userErrors { code message field } } }";
const CREATE_KEY: &str = "mutation($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { id } key userErrors { code message field } } }";
const DEACTIVATE_KEY: &str = "mutation($input: DeactivateApiKeyInput!) {
  deactivateApiKey(input: $input) { userErrors { code message field } } }";
const SAVE_ACCESS: &str = "mutation($input: SaveStoreAccessInput!) {
  saveStoreAccess(input: $input) { userErrors { code message field } } }";
const UPDATE_INTEGRATION: &str = "mutation($input: UpdateIntegrationInput!) {
  updateIntegration(input: $input) { userErrors { code message field } } }";
const DELIVERIES: &str =
    "{ deliveries(first: 100) { nodes { id status resolutionCode attempts duplicateOf { id } } } }";

pub(super) struct Merchant {
    pub(super) name: &'static str,
    pub(super) account_id: String,
    pub(super) api_key: String,
    client: Client,
}

/// Everybody who takes part, and their stores.
pub(super) struct Cast {
    /// Has everything, and a generous pace.
    pub(super) storm: Merchant,
    pub(super) shopify: Store,
    pub(super) woocommerce: Store,
    pub(super) bigcommerce: Store,
    pub(super) square: Store,
    pub(super) generic: Store,
    /// Gets everything that is published of it.
    pub(super) printing: Subscriber,
    /// Fails at first.
    pub(super) unsteady: Subscriber,
    /// Has few credits, and may begin one delivery a minute.
    pub(super) thrifty: Merchant,
    pub(super) thrifty_store: Store,
    /// Has not saved a login at Cortex Cloud yet.
    pub(super) newcomer: Merchant,
    pub(super) newcomer_store: Store,
}

/// A delivery as its merchant sees it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) resolution_code: Option<String>,
    pub(super) attempts: i64,
    pub(super) duplicate_of: Option<Id>,
}

#[derive(Deserialize)]
pub(super) struct Id {
    pub(super) id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewAccount {
    account: Id,
    api_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewIntegration {
    integration: Id,
    webhook_url: String,
    signing_secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewKey {
    api_key: Id,
    key: String,
}

impl Cast {
    pub(super) async fn assemble(world: &World) -> anyhow::Result<Self> {
        let storm = Merchant::open(world, "Storm Audio", 6_000, 10_000).await?;
        storm.save_login(world).await?;
        let shopify = storm.link(Provider::Shopify).await?;
        let woocommerce = storm.link(Provider::WooCommerce).await?;
        let bigcommerce = storm.link_read(world, Provider::BigCommerce).await?;
        let square = storm.link_read(world, Provider::Square).await?;
        let generic = storm.link(Provider::Generic).await?;
        for store in [&shopify, &woocommerce, &bigcommerce, &square, &generic] {
            storm.publish(store).await?;
        }
        let printing = Subscriber::subscribe(&storm.client, "Prints what happens", &["*"], 0).await?;
        let unsteady = Subscriber::subscribe(&storm.client, "Fails at first", &["delivery.*"], FAILURES).await?;
        let thrifty = Merchant::open(world, "Thrifty Tones", 1, 5).await?;
        thrifty.save_login(world).await?;
        let thrifty_store = thrifty.link(Provider::Generic).await?;
        // Of no other merchant: what was shared with a customer before would be free.
        thrifty.map(&thrifty_store, "SKU", EDGE.sku, "PRESET", "thrifty-edge").await?;
        let newcomer = Merchant::open(world, "New Noise", 60, 100).await?;
        let newcomer_store = newcomer.link(Provider::Generic).await?;
        Ok(Self {
            storm,
            shopify,
            woocommerce,
            bigcommerce,
            square,
            generic,
            printing,
            unsteady,
            thrifty,
            thrifty_store,
            newcomer,
            newcomer_store,
        })
    }

    pub(super) fn merchants(&self) -> [&Merchant; 3] {
        [&self.storm, &self.thrifty, &self.newcomer]
    }

    pub(super) fn stores(&self) -> [&Store; 7] {
        let [shopify, woocommerce, bigcommerce, square, generic] = self.stores_of_storm();
        [shopify, woocommerce, bigcommerce, square, generic, &self.thrifty_store, &self.newcomer_store]
    }

    fn stores_of_storm(&self) -> [&Store; 5] {
        [&self.shopify, &self.woocommerce, &self.bigcommerce, &self.square, &self.generic]
    }

    /// What `listen` and `trigger` need to work with it.
    pub(super) fn access(&self, server: &str) -> DemoAccess {
        let stores = self
            .stores_of_storm()
            .map(|store| DemoStore { integration_id: store.integration_id.clone(), secret: store.secret.clone() });
        DemoAccess { server: server.to_owned(), api_key: self.storm.api_key.clone(), stores: stores.into() }
    }

    /// Returns once subscribers have got everything, and the one that failed has what it missed.
    pub(super) async fn subscribers_have_all(&self) -> anyhow::Result<()> {
        while !self.subscribers_have_everything().await? {
            tokio::time::sleep(POLL_EVERY).await;
        }
        Ok(())
    }

    pub(super) async fn subscribers_have_everything(&self) -> anyhow::Result<bool> {
        let unsteady = self.unsteady.seen();
        let has_recovered = unsteady.failed == FAILURES && unsteady.events > 0;
        Ok(has_recovered && all_delivered(&self.storm.client).await?)
    }

    pub(super) fn json(&self) -> Value {
        let merchants = self.merchants().into_iter();
        merchants.map(|merchant| json!({ "name": merchant.name, "accountId": merchant.account_id, "apiKey": merchant.api_key })).collect()
    }
}

impl Merchant {
    async fn open(world: &World, name: &'static str, attempts_per_minute: u32, credits: u32) -> anyhow::Result<Self> {
        let input = json!({ "name": name, "attemptsPerMinute": attempts_per_minute, "credits": credits });
        let payload = world.admin.change(CREATE_ACCOUNT, json!({ "input": input }), "createAccount").await?;
        let NewAccount { account, api_key } = understood(&payload)?;
        let client = Client::new(&world.url, api_key.as_str().into())?;
        Ok(Self { name, account_id: account.id, api_key, client })
    }

    pub(super) async fn ask(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        self.client.ask(query, variables).await
    }

    pub(super) async fn change(&self, mutation: &str, field: &str, input: Value) -> anyhow::Result<Value> {
        self.client.change(mutation, json!({ "input": input }), field).await
    }

    /// Registers at Cortex Cloud, and saves that login at Cloud Bridge.
    pub(super) async fn save_login(&self, world: &World) -> anyhow::Result<()> {
        let email = format!("{}@example.com", self.name.to_lowercase().replace(' ', "."));
        let password = keys::new_signing_secret();
        world.sandbox.add_account(&email, &password)?;
        self.change(SAVE_CREDENTIALS, "saveCortexCredentials", json!({ "email": email, "password": password })).await?;
        Ok(())
    }

    /// Links a store, with the products that are mapped from the beginning.
    async fn link(&self, provider: Provider) -> anyhow::Result<Store> {
        let platform = providers::of(provider);
        let own_secret = platform.own_secret().map(|_| keys::new_signing_secret());
        let name = format!("{}, {} store", self.name, platform.name());
        let input = json!({
            "provider": provider.as_str().to_uppercase(), "name": name, "signingSecret": own_secret });
        let payload = self.change(CREATE_INTEGRATION, "createIntegration", input).await?;
        let NewIntegration { integration, webhook_url, signing_secret } = understood(&payload)?;
        let secret = own_secret.or(signing_secret).context("the new integration has no signing secret")?;
        let store = Store::new(name, provider, integration.id, webhook_url, secret)?;
        self.map(&store, "SKU", LEAD.sku, "PRESET", "abc123-preset-id").await?;
        self.map(&store, "TITLE", DRIVE.title, "CAPTURE", "abc123-capture-id").await?;
        self.map(&store, "SKU", CLEAN.sku, "PRESET", "6f1d1c1e-0a51-4c2e-9f0b-2f4f7c6c1a01").await?;
        Ok(store)
    }

    /// A store whose orders are read at its API: it is in the store sandbox.
    async fn link_read(&self, world: &World, provider: Provider) -> anyhow::Result<Store> {
        let store = self.link(provider).await?;
        let is_square = provider == Provider::Square;
        let platform = if is_square { Platform::Square } else { Platform::BigCommerce };
        let (id, token) = (provider.as_str().to_owned(), keys::new_signing_secret());
        world.stores.connect(AtPlatform { platform, id: id.clone(), token: token.clone(), webhooks: None })?;
        let hash = (!is_square).then_some(id);
        let input = json!({ "integrationId": store.integration_id, "token": token, "store": hash });
        self.change(SAVE_ACCESS, "saveStoreAccess", input).await?;
        Ok(store)
    }

    /// From now on, what happens in the store is published, too.
    async fn publish(&self, store: &Store) -> anyhow::Result<()> {
        let input = json!({ "integrationId": store.integration_id, "purpose": "BOTH" });
        self.change(UPDATE_INTEGRATION, "updateIntegration", input).await.map(drop)
    }

    pub(super) async fn map(
        &self,
        store: &Store,
        match_type: &str,
        external_ref: &str,
        resource_type: &str,
        resource_id: &str,
    ) -> anyhow::Result<()> {
        self.map_in(&store.integration_id, match_type, external_ref, resource_type, resource_id).await
    }

    pub(super) async fn map_in(
        &self,
        integration_id: &str,
        match_type: &str,
        external_ref: &str,
        resource_type: &str,
        resource_id: &str,
    ) -> anyhow::Result<()> {
        let input = json!({
            "integrationId": integration_id, "matchType": match_type, "externalRef": external_ref,
            "resourceType": resource_type, "resourceId": resource_id });
        self.change(ADD_MAPPING, "addItemMapping", input).await.map(drop)
    }

    pub(super) async fn retry(&self, delivery_id: &str, username: &str) -> anyhow::Result<()> {
        let input = json!({ "deliveryId": delivery_id, "targetUsername": username });
        self.change(RETRY, "retryDelivery", input).await.map(drop)
    }

    /// A key of this account that was good once.
    pub(super) async fn deactivated_key(&self, world: &World) -> anyhow::Result<String> {
        let input = json!({ "accountId": self.account_id, "name": "Plugin of last year", "role": "MERCHANT" });
        let payload = world.admin.change(CREATE_KEY, json!({ "input": input }), "createApiKey").await?;
        let NewKey { api_key, key } = understood(&payload)?;
        let input = json!({ "accountId": self.account_id, "apiKeyId": api_key.id });
        world.admin.change(DEACTIVATE_KEY, json!({ "input": input }), "deactivateApiKey").await?;
        Ok(key)
    }

    pub(super) async fn deliveries(&self) -> anyhow::Result<Vec<Seen>> {
        let data = self.client.ask(DELIVERIES, json!({})).await?;
        understood(&data["deliveries"]["nodes"])
    }
}
