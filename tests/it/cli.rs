//! Every command of the command line, once, as an operator types it.

use std::process::Stdio;

use cloud_bridge::sandbox::{self, SandboxOptions};
use domain::integration::Provider;
use projections::delivery_log;
use serde_json::{Value, json};
use storage::{Database, Durability};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::app::{sign, text};
use crate::engines::{Databases, Engine};
use crate::process::{Server, cloud_bridge, printed};

mod audit;
mod developing;
mod endpoints;
mod instances;
mod people;
mod starting;
mod stores;

struct Desk {
    databases: Databases,
    server: Server,
}

impl Desk {
    /// Runs a command with what an operator has set in the environment.
    async fn run(&self, arguments: &[&str]) -> std::process::Output {
        self.run_with(arguments, "").await
    }

    fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = cloud_bridge(&self.databases.folder());
        command
            .args(arguments)
            .env("CLOUD_BRIDGE_SERVER", &self.server.url)
            .env("CLOUD_BRIDGE_API_KEY", &self.server.admin_key)
            .env("CLOUD_BRIDGE_LOG", &self.databases.log_url)
            .env("CLOUD_BRIDGE_VIEWS", &self.databases.views_url)
            .env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(crate::app::MASTER_KEY));
        command
    }

    async fn run_with(&self, arguments: &[&str], input: &str) -> std::process::Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        // A command that reads no input may have ended already.
        child.stdin.take().expect("it is piped").write_all(input.as_bytes()).await.ok();
        child.wait_with_output().await.expect("it ends")
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = ["--json"].iter().chain(arguments).copied().collect();
        let out = printed(&self.run(&all).await);
        serde_json::from_str(&out).unwrap_or_else(|_| Value::Array(out.lines().map(line).collect()))
    }
}

/// Where a Shopify store sends its webhooks, and what it signs them with.
struct Webhooks {
    url: String,
    secret: String,
}

impl Webhooks {
    async fn send(&self, topic: &str, body: &Value) {
        let body = body.to_string();
        let signed = sign(Provider::Shopify, &self.secret, body.as_bytes());
        let (name, value) = signed.expect("it signs");
        let request = reqwest::Client::new().post(&self.url).header(name, value).header("x-shopify-topic", topic);
        assert_eq!(request.body(body).send().await.unwrap().status().as_u16(), 202);
    }
}

fn line(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| panic!("{line} is JSON"))
}

async fn every_command(engine: Engine) {
    let databases = Databases::create(engine).await;
    let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), SandboxOptions::default()).unwrap();
    let server = Server::start(&databases, cortex.base_url()).await;
    let desk = Desk { databases, server };

    let opened = desk
        .json(&["accounts", "create", "--name", "Storm Audio", "--attempts-per-minute", "600", "--credits", "50"])
        .await;
    let (account, key) = (text(&opened["accountId"]), text(&opened["apiKey"]));
    assert!(key.starts_with("cb_live_"));
    assert!(printed(&desk.run(&["accounts", "list"]).await).contains("Storm Audio"));
    for _ in 0..2 {
        printed(&desk.run(&["accounts", "grant", &account, "25", "--idempotency-key", "invoice 2026/7"]).await);
    }
    let unasked = desk.run(&["accounts", "retention", "--days", "30", "--account", &account]).await;
    assert!(!unasked.status.success() && said(&unasked).contains("--yes"), "{}", said(&unasked));
    let kept = desk.run(&["accounts", "retention", "--days", "30", "--yes", "--account", &account]).await;
    assert!(printed(&kept).contains("over for 30 days"));
    let listed = desk.json(&["accounts", "list"]).await.to_string();
    assert!(listed.contains("75") && listed.contains("\"retentionDays\":30"), "{listed}");
    assert!(printed(&desk.run(&["accounts", "retention", "--off", "--account", &account]).await).contains("for good"));
    assert!(!desk.run(&["accounts", "retention", "--off", "--days", "3"]).await.status.success());

    let made = desk.json(&["keys", "create", "--name", "desk", "--role", "support", "--account", &account]).await;
    assert!(made.to_string().contains("cb_live_"), "{made}");
    let keys = desk.json(&["keys", "list", "--account", &account]).await;
    let id = keys.as_array().unwrap().iter().find(|key| key["name"] == "desk").map(|key| text(&key["id"])).unwrap();
    let limited = desk.run(&["keys", "limit", &id, "1200", "--account", &account, "--reason", "they poll"]).await;
    assert!(printed(&limited).contains("1200 requests a minute"));
    assert!(printed(&desk.run(&["keys", "list", "--account", &account]).await).contains("1200"));
    let unasked = desk.run(&["keys", "deactivate", &id, "--account", &account]).await;
    assert!(!unasked.status.success() && said(&unasked).contains("--yes"), "{}", said(&unasked));
    printed(&desk.run(&["keys", "deactivate", &id, "--yes", "--account", &account]).await);
    let actions = printed(&desk.run(&["audit", "actions", "--account", &account]).await);
    assert!(actions.contains("they poll"), "{actions}");

    let secret = "shpss_0123456789abcdef".to_owned();
    let create = ["--json", "integrations", "create", "--provider", "shopify", "--name", "shop", "--account", &account];
    let made = desk.run_with(&[&create[..], &["--secret-stdin"]].concat(), &secret).await;
    let integration = text(&line(&printed(&made))["integrationId"]);
    let url = format!("{}/api/webhooks/shopify/{integration}", desk.server.url);
    let body = crate::orders::shopify(1042, "mutual_max", &["STORM"]).to_string();
    let signed =
        printed(&desk.run_with(&["sign", "--provider", "shopify", "--secret", &secret, "--url", &url], &body).await);
    assert!(signed.contains("curl") && signed.to_lowercase().contains("x-shopify-hmac-sha256: "), "{signed}");
    // A secret among the arguments is seen by everybody on the machine; in the environment it is not.
    let typed = desk.run_with(&["sign", "--provider", "shopify", "--secret", &secret], "{}").await;
    assert!(said(&typed).contains("--secret shows in the list of processes"), "{}", said(&typed));
    let mut quiet = desk.command(&["sign", "--provider", "shopify"]);
    let quiet = quiet.env("CLOUD_BRIDGE_SECRET", &secret).output().await.expect("the binary starts");
    assert!(quiet.status.success() && !said(&quiet).contains("processes"), "{}", said(&quiet));
    let typed = desk.run(&["accounts", "list", "--api-key", &key]).await;
    assert!(said(&typed).contains("--api-key shows in the list of processes"), "{}", said(&typed));
    let file = desk.databases.folder().join("merchant.key");
    std::fs::write(&file, format!("{key}\n")).unwrap();
    let mut by_file = desk.command(&["accounts", "show", "--api-key-file"]);
    // What is typed wins over a variable.
    let by_file = by_file.arg(&file).env("CLOUD_BRIDGE_API_KEY", "cb_live_wrong").output();
    let by_file = by_file.await.expect("the binary starts");
    assert!(printed(&by_file).contains("Storm Audio") && !said(&by_file).contains("processes"));
    let header = signed.lines().find(|line| line.to_lowercase().starts_with("x-shopify-hmac-sha256")).unwrap();
    let (name, value) = header.split_once(": ").unwrap();
    let answer = reqwest::Client::new().post(&url).header(name, value).body(body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    let delivery = text(&answer.json::<Value>().await.unwrap()["deliveryId"]);

    // Nothing is mapped, so it comes to rest by itself.
    loop {
        let listed = desk.json(&["deliveries", "list", "--status", "action_required"]).await;
        if listed.to_string().contains(&delivery) {
            break;
        }
    }
    assert!(printed(&desk.run(&["deliveries", "list"]).await).contains("1042"));
    let shown = printed(&desk.run(&["deliveries", "show", &delivery]).await);
    assert!(shown.contains("1042") && shown.contains("no_item_mapping"), "{shown}");
    printed(
        &desk.run(&["deliveries", "retry", &delivery, "--username", "mutual_max", "--reason", "she said so"]).await,
    );
    loop {
        let cancelled = desk.run(&["deliveries", "cancel", &delivery]).await;
        if cancelled.status.success() {
            break;
        }
    }
    let again = desk.run(&["deliveries", "cancel", "no-such-delivery"]).await;
    assert!(!again.status.success() && !again.stderr.is_empty());

    let events = printed(&desk.run(&["events", "show", "delivery", &delivery]).await);
    assert!(events.contains("webhook_received") && !events.contains("mutual_max"), "{events}");
    let keys = desk.json(&["events", "show", "account", &account]).await;
    assert!(
        keys.to_string().contains("api_key_created")
            && !keys.to_string().contains(&cloud_bridge::app::keys::hash(&key))
    );
    let tail = desk.json(&["events", "tail", "--from", "1"]).await;
    assert!(tail.as_array().unwrap().len() > 5);
    let status = printed(&desk.run(&["projections", "status"]).await);
    assert!(status.contains("delivery_log"), "{status}");
    let processes = printed(&desk.run(&["processes"]).await);
    assert!(processes.contains("fixes") && processes.contains("EVENTS BEHIND"), "{processes}");
    let processes = desk.json(&["processes"]).await;
    assert!(processes.as_array().unwrap().iter().all(|process| process["heldBy"].is_string()), "{processes}");
    assert_eq!(desk.json(&["processes", "parked", "--process", "fixes"]).await, json!([]));
    assert_eq!(printed(&desk.run(&["processes", "retry", "fixes"]).await).trim(), "No event is parked.");
    assert!(!desk.run(&["processes", "retry", "fixes", "1"]).await.status.success());
    let rebuilt = printed(&desk.run(&["projections", "rebuild", "delivery_stats"]).await);
    assert!(rebuilt.contains("was rebuilt"), "{rebuilt}");
    assert_eq!(desk.json(&["projections", "rebuild", "accounts"]).await["outcome"], "rebuilt");
    assert_eq!(desk.json(&["projections", "rebuild", "integrations", "--detach"]).await["outcome"], "started");
    let nothing_to_cancel = desk.run(&["projections", "cancel", "delivery_log"]).await;
    assert!(!nothing_to_cancel.status.success() && !nothing_to_cancel.stderr.is_empty());
    let unknown = desk.run(&["projections", "rebuild", "nothing"]).await;
    assert!(!unknown.status.success());

    people::are_listed_and_erased(&desk, &account, &Webhooks { url, secret }).await;
    audit::the_log_is_proven(&desk).await;
    desk.server.kill().await;
    let mut migrate = cloud_bridge(&desk.databases.folder());
    migrate
        .arg("migrate")
        .env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(crate::app::MASTER_KEY))
        .env("CLOUD_BRIDGE_LOG", &desk.databases.log_url)
        .env("CLOUD_BRIDGE_VIEWS", &desk.databases.views_url);
    printed(&migrate.output().await.unwrap());
    cortex.stop().await;
    desk.databases.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_is_cancelled_or_cut_off_leaves_the_old_view() {
    let databases = Databases::create(Engine::Postgres).await;
    let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), SandboxOptions::default()).unwrap();
    let server = Server::start(&databases, cortex.base_url()).await;
    let desk = Desk { databases, server };
    // A reader that reads all the time: a switch has to wait for it.
    let views = Database::open(&desk.databases.views_url, Durability::Rebuildable).await.unwrap();
    let mut reader = views.begin().await.unwrap();
    reader.execute("SELECT id FROM delivery_log".into()).await.unwrap();
    for interrupted in [false, true] {
        let mut rebuild = desk.command(&["projections", "rebuild", "delivery_log"]);
        let rebuild = rebuild.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while delivery_log::VIEW.build(&views).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        let status = desk.json(&["projections", "status"]).await;
        let delivery_log = status.as_array().unwrap().iter().find(|view| view["name"] == "delivery_log").unwrap();
        assert_eq!(delivery_log["rebuild"]["generation"], 2);
        if interrupted {
            crate::process::signal(&rebuild, rustix::process::Signal::INT);
        } else {
            printed(&desk.run(&["projections", "cancel", "delivery_log"]).await);
        }
        let ended = rebuild.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.contains("The old view is still in place"), "{said}");
        assert_eq!(delivery_log::VIEW.build(&views).await.unwrap(), None);
    }
    // Nor does the server's death change what is read, and the next one goes on.
    printed(&desk.run(&["projections", "rebuild", "delivery_log", "--detach"]).await);
    let Desk { databases, server } = desk;
    server.kill().await;
    let live = async || delivery_log::VIEW.live(&views).await.unwrap().unwrap().generation;
    assert_eq!((live().await, delivery_log::VIEW.build(&views).await.unwrap().unwrap().generation), (1, 2));
    reader.commit().await.unwrap();
    let desk = Desk { server: Server::start(&databases, cortex.base_url()).await, databases };
    while live().await == 1 {
        tokio::task::yield_now().await;
    }
    views.close().await;
    desk.server.kill().await;
    cortex.stop().await;
    desk.databases.remove().await;
}

/// What connects a store, from nothing to an order that is delivered, with the merchant's own key.
async fn a_store_is_connected(engine: Engine) {
    let databases = Databases::create(engine).await;
    let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), SandboxOptions::default()).unwrap();
    let server = Server::start(&databases, cortex.base_url()).await;
    let mut desk = Desk { databases, server };
    let opened = desk.json(&["accounts", "create", "--name", "Storm Audio", "--credits", "50"]).await;
    desk.server.admin_key = text(&opened["apiKey"]);

    let made = printed(&desk.run(&["integrations", "create", "--provider", "generic", "--name", "My shop"]).await);
    assert!(made.contains("Webhook URL") && made.contains("whsec_") && made.contains("this once"), "{made}");
    let listed = desk.json(&["integrations", "list"]).await;
    let id = text(&listed["nodes"][0]["id"]);
    let shown = printed(&desk.run(&["integrations", "list"]).await);
    assert!(shown.contains(&id) && shown.contains("My shop") && shown.contains("every status"), "{shown}");
    let unasked = desk.run(&["integrations", "deactivate", &id]).await;
    assert!(!unasked.status.success() && said(&unasked).contains("--yes"), "{}", said(&unasked));
    assert!(printed(&desk.run(&["integrations", "deactivate", &id, "--yes"]).await).contains("refused"));
    assert_eq!(desk.json(&["integrations", "list"]).await["nodes"][0]["active"], json!(false));
    assert_eq!(desk.json(&["integrations", "activate", &id]).await["active"], json!(true));
    let changed = desk.json(&["integrations", "update", &id, "--order-status", "paid,authorized"]).await;
    assert_eq!((&changed["name"], &changed["orderStatuses"]), (&json!("My shop"), &json!(["authorized", "paid"])));
    let changed = printed(&desk.run(&["integrations", "update", &id, "--every-status", "--name", "Our shop"]).await);
    assert!(changed.contains("Our shop delivers orders of every status"), "{changed}");
    let rotated = desk.json(&["integrations", "rotate-secret", &id, "--overlap-hours", "1"]).await;
    assert!(text(&rotated["signingSecret"]).starts_with("whsec_"));
    let secret = "shown-by-the-store";
    let set = printed(&desk.run_with(&["integrations", "set-secret", &id], &format!("{secret}\n")).await);
    assert!(set.contains("tore") && !set.contains(secret), "{set}");
    let none = desk.run(&["integrations", "set-secret", &id]).await;
    assert!(!none.status.success() && said(&none).contains("standard input"), "{}", said(&none));

    let added = desk.json(&["mappings", "add", &id, "--sku", "STORM", "--preset", "storm"]).await;
    assert_eq!((&added["matchType"], &added["resourceId"]), (&json!("sku"), &json!("storm")));
    let other = desk.json(&["mappings", "add", &id, "--title", "Rain", "--capture", "rain"]).await;
    assert!(printed(&desk.run(&["mappings", "list", &id]).await).contains("STORM"));
    printed(&desk.run(&["mappings", "remove", &id, &text(&other["id"])]).await);
    assert_eq!(desk.json(&["mappings", "list", &id]).await.as_array().unwrap().len(), 1);
    let unknown = desk.run(&["mappings", "list", "none"]).await;
    assert!(!unknown.status.success() && said(&unknown).contains("integrations list"), "{}", said(&unknown));

    let login = ["credentials", "set", "--email", sandbox::DEFAULT_EMAIL];
    let asked = desk.run(&login).await;
    assert!(!asked.status.success() && said(&asked).contains("--password-stdin"), "{}", said(&asked));
    let login: Vec<&str> = login.into_iter().chain(["--password-stdin"]).collect();
    let saved = printed(&desk.run_with(&login, &format!("{}\n", sandbox::DEFAULT_PASSWORD)).await);
    assert!(saved.contains(sandbox::DEFAULT_EMAIL) && !saved.contains(sandbox::DEFAULT_PASSWORD), "{saved}");

    let body = crate::orders::generic("1", "follows_at_once", &["STORM"]).to_string();
    let (name, value) = sign(Provider::Generic, secret, body.as_bytes()).unwrap();
    let url = format!("{}/api/webhooks/generic/{id}", desk.server.url);
    let answer = reqwest::Client::new().post(&url).header(name, value).body(body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    while desk.json(&["deliveries", "list", "--status", "completed"]).await["nodes"].as_array().unwrap().is_empty() {}

    desk.server.kill().await;
    cortex.stop().await;
    desk.databases.remove().await;
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_connected_on_sqlite() {
    a_store_is_connected(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_connected_on_postgres() {
    a_store_is_connected(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_works_on_sqlite() {
    every_command(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_works_on_postgres() {
    every_command(Engine::Postgres).await;
}
