//! Crashes: the server killed without a word, the database gone, the client gone. Nothing acknowledged is lost, nothing
//! is shared or paid twice.

use std::collections::HashSet;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloud_bridge::sandbox::{self, HoldPoint, Operation, Sandbox, SandboxOptions, Stage};
use domain::integration::Provider;
use event_log::Position;
use event_log::clock::Clock;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::app::{Node, TestApp, options, sign, text};
use crate::delivering::{preset, wait_until};
use crate::engines::{Databases, Engine, on_each_engine, setting};
use crate::orders;
use crate::process::Server;

struct Shop {
    key: String,
    path: String,
    secret: String,
}

/// A merchant with everything in order, and their store.
async fn shop(server: &Server) -> Shop {
    let ask =
        async |key: &str, document: &str, input: Value| server.ask(key, document, json!({ "input": input })).await;
    let made = ask(
        &server.admin_key,
        "mutation ($input: CreateAccountInput!) { createAccount(input: $input) { apiKey } }",
        json!({ "name": "Storm Audio", "attemptsPerMinute": 6_000, "credits": 1_000 }),
    )
    .await;
    let key = text(&made["createAccount"]["apiKey"]);
    ask(
        &key,
        "mutation ($input: SaveCortexCredentialsInput!) { saveCortexCredentials(input: $input) { userErrors { code } } }",
        json!({ "email": sandbox::DEFAULT_EMAIL, "password": sandbox::DEFAULT_PASSWORD }),
    )
    .await;
    let made = ask(
        &key,
        "mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id } signingSecret } }",
        json!({ "provider": "GENERIC", "name": "My shop" }),
    )
    .await;
    let made = &made["createIntegration"];
    let id = text(&made["integration"]["id"]);
    ask(
        &key,
        "mutation ($input: AddItemMappingInput!) { addItemMapping(input: $input) { userErrors { code } } }",
        json!({ "integrationId": id, "matchType": "SKU", "externalRef": "STORM", "resourceType": "PRESET", "resourceId": "storm" }),
    )
    .await;
    Shop { key, path: format!("/api/webhooks/generic/{id}"), secret: text(&made["signingSecret"]) }
}

/// Posts a signed order; the answer's status, or nothing where none came.
async fn post(http: &reqwest::Client, url: &str, shop: &Shop, order: &Value) -> Option<u16> {
    let body = order.to_string();
    let (name, signature) = sign(Provider::Generic, &shop.secret, body.as_bytes()).expect("it signs");
    let request = http.post(format!("{url}{}", shop.path)).header(name, signature).body(body);
    request.send().await.ok().map(|answer| answer.status().as_u16())
}

async fn sandbox_beside() -> Sandbox {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sandbox::start(listener, SandboxOptions::default()).unwrap()
}

/// Polls until so many deliveries of the shop are there, and each is completed. The views may not show any yet.
async fn all_completed(server: &Server, shop: &Shop, deliveries: usize) -> Vec<Value> {
    loop {
        let answer = server.ask(&shop.key, "{ deliveries(first: 100) { nodes { orderId status } } }", json!({})).await;
        let all = answer["deliveries"]["nodes"].as_array().unwrap().clone();
        if all.len() >= deliveries
            && all.iter().all(|delivery| delivery["status"] == "COMPLETED" || delivery["status"] == "DUPLICATE")
        {
            return all;
        }
        tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>()).await.ok();
    }
}

async fn killed_between_accepting_and_sharing(engine: Engine) {
    let databases = Databases::create(engine).await;
    let cortex = sandbox_beside().await;
    let server = Server::start(&databases, cortex.base_url()).await;
    let shop = shop(&server).await;
    cortex.hold(Operation::Login, HoldPoint::BeforeEffect);
    let http = reqwest::Client::new();
    for n in 0..20 {
        cortex.add_user(&format!("customer_{n}"), sandbox::FollowsBack::AtOnce).unwrap();
        let order = orders::generic(&n.to_string(), &format!("customer_{n}"), &["STORM"]);
        assert_eq!(post(&http, &server.url, &shop, &order).await, Some(202));
    }
    server.kill().await;
    cortex.release(Operation::Login);
    let server = Server::start(&databases, cortex.base_url()).await;
    let all = all_completed(&server, &shop, 20).await;
    assert_eq!(all.len(), 20, "every order that was acknowledged is there");
    for n in 0..20 {
        let shares = cortex.share_count(preset("storm"), &format!("customer_{n}"));
        assert_eq!((shares.effective, shares.repeated), (1, 0));
    }
    charged(&server, &shop, 260).await;
    server.kill().await;
    cortex.stop().await;
    databases.remove().await;
}

async fn killed_during_a_share(engine: Engine) {
    let databases = Databases::create(engine).await;
    let cortex = sandbox_beside().await;
    let server = Server::start(&databases, cortex.base_url()).await;
    let shop = shop(&server).await;
    cortex.hold(Operation::Share, HoldPoint::AfterEffect);
    let order = orders::generic("1", "follows_at_once", &["STORM"]);
    assert_eq!(post(&reqwest::Client::new(), &server.url, &shop, &order).await, Some(202));
    cortex.wait_for(Operation::Share, Stage::Held, 1).await.unwrap();
    server.kill().await;
    cortex.release(Operation::Share);
    let server = Server::start(&databases, cortex.base_url()).await;
    assert_eq!(all_completed(&server, &shop, 1).await.len(), 1);
    let shares = cortex.share_count(preset("storm"), "follows_at_once");
    assert_eq!((shares.calls, shares.effective), (1, 1), "it was asked for before it was done again");
    assert_eq!(cortex.follow_count("follows_at_once").effective, 1);
    charged(&server, &shop, 13).await;
    server.kill().await;
    cortex.stop().await;
    databases.remove().await;
}

/// Charging follows what was done; polls until it has.
async fn charged(server: &Server, shop: &Shop, credits: i64) {
    loop {
        let account = server.ask(&shop.key, "{ account { credits { charged reserved } } }", json!({})).await;
        let balance = &account["account"]["credits"];
        assert!(balance["charged"].as_i64().unwrap() <= credits, "{balance}");
        if *balance == json!({ "charged": credits, "reserved": 0 }) {
            return;
        }
        tokio::time::timeout(Duration::from_millis(50), std::future::pending::<()>()).await.ok();
    }
}

macro_rules! crash {
    ($story:ident, $sqlite:ident, $postgres:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $sqlite() {
            $story(Engine::Sqlite).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $postgres() {
            $story(Engine::Postgres).await;
        }
    };
}

crash!(
    killed_between_accepting_and_sharing,
    what_was_accepted_before_a_kill_is_delivered_after_it_on_sqlite,
    what_was_accepted_before_a_kill_is_delivered_after_it_on_postgres
);
crash!(
    killed_during_a_share,
    what_was_shared_before_a_kill_is_neither_shared_nor_paid_again_on_sqlite,
    what_was_shared_before_a_kill_is_neither_shared_nor_paid_again_on_postgres
);

on_each_engine! {
    async fn what_was_appended_is_delivered_although_its_sender_hung_up(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let address = app.node.url.trim_start_matches("http://").to_owned();
        for n in 0..40 {
            let body = orders::generic(&n.to_string(), "mutual_max", &["STORM"]).to_string();
            let (name, signature) = sign(Provider::Generic, &shop.secret, body.as_bytes()).expect("it signs");
            let request = format!(
                "POST {} HTTP/1.1\r\nhost: bridge\r\n{name}: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
                shop.path(),
                body.len()
            );
            let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
            // Every fourth hangs up in the middle of the body, the others without waiting for the answer.
            let sent = if n % 4 == 0 { request.len() - 10 } else { request.len() };
            socket.write_all(&request.as_bytes()[..sent]).await.unwrap();
            drop(socket);
        }
        // One that waits comes after all that did not, so that what they sent is in before anything is counted.
        shop.post(&orders::generic("last", "mutual_max", &["STORM"])).await.accepted("queued");
        let recorded = wait_until(app, || async {
            app.settle().await;
            let all = merchant.deliveries().await;
            all.iter().all(|delivery| delivery["status"] == "COMPLETED").then_some(all)
        }).await;
        assert!(recorded.len() <= 31, "half a body is no order");
        let orders: HashSet<String> = recorded.iter().map(|delivery| text(&delivery["orderId"])).collect();
        assert_eq!(orders.len(), recorded.len(), "each once");
        let metrics = app.get("/metrics").await.text().await.unwrap();
        let counted: usize = metrics
            .lines()
            .filter(|line| line.starts_with("cloud_bridge_webhooks_accepted_total"))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap())
            .sum();
        assert_eq!(counted, recorded.len(), "and counted, also if the client did not wait");
    }
}

/// A Postgres server of this test's own, to be stopped and started.
struct Postgres {
    folder: tempfile::TempDir,
    port: u16,
}

impl Postgres {
    async fn create() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let postgres = Self { folder: tempfile::tempdir().unwrap(), port: listener.local_addr().unwrap().port() };
        drop(listener);
        if let Some(user) = setting("CLOUD_BRIDGE_TEST_POSTGRES_USER") {
            let owned = Command::new("chown").arg(user).arg(postgres.folder.path()).status().await.unwrap();
            assert!(owned.success());
        }
        postgres.run("initdb", &["-U", "postgres", "-A", "trust", "-E", "UTF8"]).await;
        postgres.start().await;
        postgres
    }

    /// Runs one of the server's programs on this data folder, as a user whom Postgres accepts.
    async fn run(&self, program: &str, arguments: &[&str]) {
        let bin = setting("CLOUD_BRIDGE_TEST_POSTGRES_BIN")
            .expect("the tests need Postgres's own programs: run ./scripts/test, or name their folder in CLOUD_BRIDGE_TEST_POSTGRES_BIN");
        let program = format!("{bin}/{program}");
        let mut command = match setting("CLOUD_BRIDGE_TEST_POSTGRES_USER") {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", &user, "--", &program]);
                command
            }
            None => Command::new(program),
        };
        command.arg("-D").arg(self.folder.path().join("data")).args(arguments);
        command.current_dir(self.folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(command.status().await.unwrap().success(), "{command:?}");
    }

    async fn start(&self) {
        let options = format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''", self.port);
        self.run("pg_ctl", &["-w", "-l", "server.log", "-o", &options, "start"]).await;
    }

    /// Like a power cut: no checkpoint, every connection cut.
    async fn stop(&self) {
        self.run("pg_ctl", &["-w", "-m", "immediate", "stop"]).await;
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_is_gone_stores_get_retry_after_and_nothing_acknowledged_is_missing() {
    use sqlx::{Connection as _, Executor as _};

    let postgres = Postgres::create().await;
    let mut connection = sqlx::PgConnection::connect(&postgres.url("postgres")).await.unwrap();
    for database in ["log", "views"] {
        connection.execute(format!("CREATE DATABASE {database}").as_str()).await.unwrap();
    }
    connection.close().await.unwrap();
    let app = TestApp::start(Engine::Sqlite).await;
    let mut options = options(&app.databases, &app.cortex, 4);
    (options.log_url, options.views_url) = (postgres.url("log"), postgres.url("views"));
    let node = Arc::new(Node::start(options, Clock::default()).await);
    let admin = node.service.bootstrap(|_| Ok(())).await.unwrap().unwrap();
    let shop = Arc::new(shop_of(&node.url, &admin.api_key).await);

    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = JoinSet::new();
    for sender in 0..8 {
        let (stop, shop, node) = (stop.clone(), shop.clone(), node.clone());
        senders.spawn(async move {
            let http = reqwest::Client::new();
            let (mut acknowledged, mut refused) = (vec![], 0);
            for n in 0.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let id = format!("{sender}-{n}");
                match post(&http, &node.url, &shop, &orders::generic(&id, "mutual_max", &["STORM"])).await {
                    Some(202) => acknowledged.push(id),
                    Some(503 | 408) => refused += 1,
                    other => panic!("an answer that no store understands: {other:?}"),
                }
            }
            (acknowledged, refused)
        });
    }
    let mut head = node.service.data.log.head_changes();
    head.wait_for(|head| head.position > Position(200)).await.unwrap();
    postgres.stop().await;
    let http = reqwest::Client::new();
    let refused = loop {
        let body = orders::generic("probe", "mutual_max", &["STORM"]).to_string();
        let (name, signature) = sign(Provider::Generic, &shop.secret, body.as_bytes()).expect("it signs");
        let request = http.post(format!("{}{}", node.url, shop.path)).header(name, signature).body(body);
        let answer = request.send().await.unwrap();
        if answer.status().as_u16() == 503 {
            break answer;
        }
    };
    assert!(refused.headers().contains_key("retry-after"));
    let ready = http.get(format!("{}/ready", node.url)).send().await.unwrap();
    assert_eq!(ready.status().as_u16(), 503);
    assert_eq!(ready.json::<Value>().await.unwrap()["log"], json!("not writable"));
    postgres.start().await;
    let before = head.borrow_and_update().position;
    head.wait_for(|head| head.position > before.plus(200)).await.unwrap();
    stop.store(true, Ordering::SeqCst);
    let (mut acknowledged, mut refused) = (HashSet::new(), 0);
    for (ids, refusals) in senders.join_all().await {
        acknowledged.extend(ids);
        refused += refusals;
    }
    assert!(refused > 0, "the senders noticed");
    let mut recorded = HashSet::new();
    let mut position = Position::START;
    loop {
        let events = node.service.data.log.read_after(position, 1_000).await.unwrap();
        let Some(last) = events.last() else { break };
        position = last.position;
        for event in events {
            if let event_log::recorded::AnyEvent::Delivery(domain::delivery::DeliveryEvent::WebhookReceived {
                webhook,
                ..
            }) = event.event
            {
                recorded.insert(webhook.order_id);
            }
        }
    }
    let missing: Vec<_> = acknowledged.difference(&recorded).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let node = Arc::into_inner(node).expect("all senders have ended");
    node.stop().await;
    app.finish().await;
    postgres.stop().await;
}

async fn shop_of(url: &str, key: &str) -> Shop {
    let document = r#"mutation { createIntegration(input: { provider: GENERIC, name: "s" }) { integration { id } signingSecret } }"#;
    let request = reqwest::Client::new().post(format!("{url}/graphql")).bearer_auth(key);
    let made: Value = request.json(&json!({ "query": document })).send().await.unwrap().json().await.unwrap();
    let made = &made["data"]["createIntegration"];
    let path = format!("/api/webhooks/generic/{}", text(&made["integration"]["id"]));
    Shop { key: key.to_owned(), path, secret: text(&made["signingSecret"]) }
}
