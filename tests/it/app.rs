//! A whole service in this process, on real sockets and databases, with Cortex Cloud's sandbox beside it.

mod merchant;
mod signing;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use cloud_bridge::api::http::Bounds;
use cloud_bridge::app::bootstrap::NewAccount;
use cloud_bridge::app::limits::Limits;
use cloud_bridge::app::stores::{PlatformApp, PlatformApps};
use cloud_bridge::ingest::verification::Verification;
use cloud_bridge::ports::outbound::OutboundRules;
use cloud_bridge::ports::stores::ApiAddresses;
use cloud_bridge::sandbox::{self, Sandbox, SandboxOptions};
use cloud_bridge::service::{DEFAULT_LEASE, Service, ServiceOptions};
use cloud_bridge::store_sandbox::{self, StoreSandbox};
use event_log::clock::Clock;
use event_log::row::first_broken;
use event_log::vault::Vault;
use projections::delivery_log::due_deliveries;
use projections::unread_orders;
use serde_json::{Value, json};
use storage::Sql;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use merchant::{Answer, KnownShop, Merchant, Shop};
pub(crate) use signing::sign;

use crate::engines::{Databases, Engine};
use crate::stored_form;

/// A story that takes longer than this hangs.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(1);
pub(crate) const MASTER_KEY: [u8; 32] = [7; 32];

/// One node of the service.
pub(crate) struct Node {
    pub(crate) service: Arc<Service>,
    pub(crate) url: String,
    serving: JoinHandle<anyhow::Result<()>>,
}

pub(crate) struct TestApp {
    pub(crate) engine: Engine,
    pub(crate) databases: Databases,
    pub(crate) clock: Clock,
    pub(crate) cortex: Sandbox,
    pub(crate) stores: StoreSandbox,
    pub(crate) node: Node,
    pub(crate) admin: NewAccount,
    pub(crate) http: reqwest::Client,
}

/// Runs a story on a fresh service, then checks what must hold after every story.
pub(crate) async fn run(engine: Engine, story: impl AsyncFnOnce(&TestApp)) {
    let app = TestApp::start(engine).await;
    tokio::time::timeout(TIMEOUT, story(&app)).await.expect("the story ends in time");
    app.finish().await;
}

pub(crate) fn options(databases: &Databases, cortex: &Sandbox, workers: usize) -> ServiceOptions {
    ServiceOptions {
        log_url: databases.log_url.clone(),
        views_url: databases.views_url.clone(),
        cortex_url: cortex.base_url().to_owned(),
        public_url: "https://bridge.example".to_owned(),
        workers,
        lease: DEFAULT_LEASE,
        trusted_proxies: vec![],
        introspection: true,
        limits: Limits::default(),
        checkpoint_every: None,
        outbound: OutboundRules {
            allow_http: true,
            allowed: vec!["127.0.0.0/8".parse().expect("it is a range")],
            proxy: None,
        },
        mail: None,
        store_apis: ApiAddresses::default(),
        verification: Verification { apps: apps(), ..Verification::default() },
    }
}

/// The operator's apps, alike at all platforms: a sandbox has one app of each id.
pub(crate) const CLIENT_ID: &str = "the-shopify-app";
pub(crate) const CLIENT_SECRET: &str = "shpss_of_the_shopify_app";

fn apps() -> PlatformApps {
    let app = || Some(PlatformApp { client_id: CLIENT_ID.to_owned(), client_secret: CLIENT_SECRET.into() });
    PlatformApps { shopify: app(), bigcommerce: app(), square: app() }
}

/// With orders read at these stores.
fn reading(stores: &StoreSandbox, options: ServiceOptions) -> ServiceOptions {
    let address = || Some(stores.base_url().to_owned());
    let shopify = Some(format!("{}/shopify/{{store}}", stores.base_url()));
    let bigcommerce_login = Some(format!("{}/bigcommerce-login", stores.base_url()));
    let (bigcommerce, square) = (address(), address());
    let store_apis = ApiAddresses { shopify, bigcommerce, bigcommerce_login, square, shopify_version: None };
    ServiceOptions { store_apis, ..options }
}

impl Node {
    pub(crate) async fn start(options: ServiceOptions, clock: Clock) -> Self {
        Self::start_within(options, clock, Bounds::default()).await
    }

    pub(crate) async fn start_within(options: ServiceOptions, clock: Clock, bounds: Bounds) -> Self {
        let service = Service::start(options, Vault::new(&MASTER_KEY), clock).await.expect("a node starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let serving = tokio::spawn(cloud_bridge::api::http::serve(service.endpoints(), listener, bounds));
        Self { service, url, serving }
    }

    pub(crate) async fn stop(self) {
        self.service.begin_stopping();
        self.serving.await.expect("serving does not panic").expect("serving ends well");
        self.service.stop().await;
    }
}

/// A service between two starts.
pub(crate) struct Stopped {
    engine: Engine,
    databases: Databases,
    clock: Clock,
    cortex: Sandbox,
    stores: StoreSandbox,
    admin: NewAccount,
    pub(crate) http: reqwest::Client,
}

impl Stopped {
    pub(crate) async fn start(self) -> TestApp {
        self.start_with(|options| options).await
    }

    pub(crate) async fn start_within(self, bounds: Bounds) -> TestApp {
        let Self { engine, databases, clock, cortex, stores, admin, http } = self;
        let node = Node::start_within(reading(&stores, options(&databases, &cortex, 4)), clock.clone(), bounds).await;
        TestApp { engine, databases, clock, cortex, stores, node, admin, http }
    }

    pub(crate) async fn start_with(self, change: impl FnOnce(ServiceOptions) -> ServiceOptions) -> TestApp {
        let Self { engine, databases, clock, cortex, stores, admin, http } = self;
        let node = Node::start(change(reading(&stores, options(&databases, &cortex, 4))), clock.clone()).await;
        TestApp { engine, databases, clock, cortex, stores, node, admin, http }
    }
}

impl TestApp {
    pub(crate) async fn start(engine: Engine) -> Self {
        let databases = Databases::create(engine).await;
        let clock = Clock::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let cortex = sandbox::start(listener, SandboxOptions { clock: clock.clone(), ..SandboxOptions::default() })
            .expect("the sandbox starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let stores = store_sandbox::start(listener, clock.clone()).expect("the sandbox starts");
        let node = Node::start(reading(&stores, options(&databases, &cortex, 4)), clock.clone()).await;
        let admin =
            node.service.bootstrap(|_| Ok(())).await.expect("the log can be written").expect("the log is empty");
        // A connection that rests may be closed by the service at the moment it is used again.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client can be made");
        Self { engine, databases, clock, cortex, stores, node, admin, http }
    }

    /// Stops the node and starts another over the same databases.
    pub(crate) async fn restart(self) -> Self {
        self.stop_node().await.start().await
    }

    /// Stops the node, so that something can be done to its databases.
    pub(crate) async fn stop_node(self) -> Stopped {
        let Self { engine, databases, clock, cortex, stores, node, admin, http } = self;
        node.stop().await;
        Stopped { engine, databases, clock, cortex, stores, admin, http }
    }

    /// Checks what must hold after every story, and cleans up.
    pub(crate) async fn finish(self) {
        self.every_stream_is_whole().await;
        self.node.stop().await;
        self.cortex.stop().await;
        self.stores.stop().await;
        self.databases.remove().await;
    }

    /// Cleans up after a story that stopped the service itself.
    pub(crate) async fn abandon(self) {
        self.cortex.stop().await;
        self.stores.stop().await;
        self.databases.remove().await;
    }

    /// A second node over the same databases. Postgres only: a SQLite file has one process.
    pub(crate) async fn second_node(&self, workers: usize) -> Node {
        assert_eq!(self.engine, Engine::Postgres);
        Node::start(reading(&self.stores, options(&self.databases, &self.cortex, workers)), self.clock.clone()).await
    }

    pub(crate) fn service(&self) -> &Service {
        &self.node.service
    }

    /// Has time pass for the service and for Cortex Cloud.
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    /// Sets the clock of both while no time passes.
    pub(crate) fn set_clock(&self, by: TimeDelta) {
        self.clock.set(by);
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.node.url)).send().await.expect("the service answers")
    }

    /// Queries as the holder of a key. Fails on errors; `userErrors` are for the story to check.
    pub(crate) async fn ask(&self, key: &str, document: &str, variables: Value) -> Value {
        let answer = self.try_ask(key, document, variables).await;
        assert!(answer["errors"].is_null(), "{answer:#} to {document}");
        answer["data"].clone()
    }

    pub(crate) async fn try_ask(&self, key: &str, document: &str, variables: Value) -> Value {
        let mut request = self.http.post(format!("{}/graphql", self.node.url)).bearer_auth(key);
        if key == self.admin.api_key {
            // Administrators say why.
            request = request.header("x-reason", "it was asked for");
        }
        let answer = request.json(&json!({ "query": document, "variables": variables })).send().await;
        answer.expect("the service answers").json().await.expect("answers are JSON")
    }

    pub(crate) async fn admin(&self, document: &str, variables: Value) -> Value {
        self.ask(&self.admin.api_key, document, variables).await
    }

    /// A merchant with everything in order: credentials, credits and a pace that is never reached.
    pub(crate) async fn merchant(&self) -> Merchant<'_> {
        let merchant = self.bare_merchant(6_000, 1_000).await;
        merchant.save_credentials(sandbox::DEFAULT_PASSWORD).await;
        merchant
    }

    pub(crate) async fn bare_merchant(&self, attempts_per_minute: u32, credits: u32) -> Merchant<'_> {
        let document = r#"mutation ($input: CreateAccountInput!) {
            createAccount(input: $input) { account { id } apiKey userErrors { code message } }
        }"#;
        let input = json!({ "name": "Storm Audio", "attemptsPerMinute": attempts_per_minute, "credits": credits });
        let made = self.admin(document, json!({ "input": input })).await;
        let made = &made["createAccount"];
        assert_eq!(made["userErrors"], json!([]));
        Merchant { app: self, id: text(&made["account"]["id"]), key: text(&made["apiKey"]) }
    }

    /// Waits until nothing is due, nothing runs, and everything that follows from what happened has happened.
    pub(crate) async fn settle(&self) {
        let service = self.service();
        let mut head = service.data.log.head_changes();
        loop {
            head.mark_unchanged();
            let before = service.data.log.head();
            assert!(service.data.projector.run_to_head(TIMEOUT).await, "the views follow");
            let handled = service.processes.handled() >= before;
            let now = self.clock.now().timestamp_micros();
            let due = due_deliveries::depth(&service.data.views, now).await.expect("the views answer");
            let unread = unread_orders::depth(&service.data.views, now).await.expect("the views answer");
            let stores = "SELECT count(*) AS number FROM stores WHERE state LIKE '%\"lease\":{%' OR due_at <= ";
            let stores = self.count(&format!("{stores}{now}")).await;
            let running = self.count("SELECT count(*) AS number FROM delivery_states WHERE status = 'running'").await;
            if handled && due + unread + stores + running == 0 && service.data.log.head() == before {
                return;
            }
            // Woken by the next event; now and then in any case, for a follower's position is no event.
            tokio::time::timeout(Duration::from_millis(20), head.changed()).await.ok();
        }
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        #[derive(sqlx::FromRow)]
        struct Number {
            number: i64,
        }
        self.service().data.views.fetch_one::<Number>(sql.into()).await.expect("the views answer").number
    }

    /// What seals the delivery's private values, as it is stored; none once that was erased.
    pub(crate) async fn data_key_of_delivery(&self, id: &str) -> Option<Vec<u8>> {
        let sql =
            Sql::new("SELECT wrapped FROM data_keys WHERE id IN (SELECT data_key_id FROM events WHERE aggregate_id = ");
        let found: Option<(Vec<u8>,)> = self
            .service()
            .data
            .log
            .raw_database()
            .fetch_optional(sql.bind(id).push(")"))
            .await
            .expect("the log answers");
        found.map(|(wrapped,)| wrapped)
    }

    async fn every_stream_is_whole(&self) {
        #[derive(sqlx::FromRow)]
        struct Stream {
            aggregate_type: String,
            aggregate_id: String,
        }
        let log = &self.service().data.log;
        let streams = "SELECT DISTINCT aggregate_type, aggregate_id FROM events LIMIT 2000";
        for stream in log.raw_database().fetch_all::<Stream>(streams.into()).await.expect("the log answers") {
            let events =
                log.whole_stream(&stream.aggregate_type, &stream.aggregate_id, 5_000).await.expect("it answers");
            assert_eq!(first_broken(&events), None, "the chain of a {} is whole", stream.aggregate_type);
            events.iter().for_each(stored_form::is_as_committed);
        }
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
