//! For who builds a receiver: `listen`, which prints what comes, and `trigger`, which makes it happen.

use std::process::Stdio;

use axum::http::StatusCode;
use cloud_bridge::sandbox::{self, SandboxOptions};
use commerce::{CommerceEventType, Publisher};
use event_log::clock::Clock;
use rustix::process::Signal;
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::{Desk, said};
use crate::app::{TIMEOUT, text};
use crate::endpoints::receiver::Receiver;
use crate::engines::{Databases, Engine};
use crate::process::{Server, cloud_bridge, printed, signal};

/// A command that goes on until a signal.
struct Running {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the binary starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let err = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        Self { child, out, err }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(TIMEOUT, self.out.next_line()).await;
        line.expect("it prints in time").expect("it can be read").expect("it goes on")
    }

    /// The first line that has this in it, of those to standard output.
    async fn line_with(&mut self, part: &str) -> String {
        loop {
            let line = self.line().await;
            if line.contains(part) {
                return line;
            }
        }
    }

    /// The same of standard error.
    async fn note_with(&mut self, part: &str) -> String {
        loop {
            let line = tokio::time::timeout(TIMEOUT, self.err.next_line()).await;
            let line = line.expect("it notes it in time").expect("it can be read").expect("it goes on");
            if line.contains(part) {
                return line;
            }
        }
    }

    async fn interrupt(mut self) {
        signal(&self.child, Signal::INT);
        let status = tokio::time::timeout(TIMEOUT, self.child.wait()).await.expect("it ends in time");
        assert!(status.expect("it ended").success());
    }
}

/// A server that calls addresses of its own machine, with a merchant at the desk.
async fn merchant(engine: Engine, rules: &[&str]) -> (Desk, sandbox::Sandbox) {
    let databases = Databases::create(engine).await;
    let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), SandboxOptions::default()).unwrap();
    let server = Server::start_with(&databases, cortex.base_url(), rules).await;
    let mut desk = Desk { databases, server };
    let opened = desk.json(&["accounts", "create", "--name", "Storm Audio"]).await;
    desk.server.admin_key = text(&opened["apiKey"]);
    (desk, cortex)
}

async fn end((desk, cortex): (Desk, sandbox::Sandbox)) {
    desk.server.kill().await;
    cortex.stop().await;
    desk.databases.remove().await;
}

const RULES: [&str; 3] = ["--allow-http-endpoints", "--allow-endpoint-range", "127.0.0.0/8"];

async fn a_developer_listens(engine: Engine) {
    let world = merchant(engine, &RULES).await;
    let (desk, _) = &world;
    let program = Receiver::responding(StatusCode::OK, "thank you").await;
    let mut listen =
        Running::start(desk.command(&["--json", "listen", "--types", "faq.*", "--forward", &program.url()]));
    let note = listen.note_with("Receives faq.*").await;
    let url = note.split(' ').find(|word| word.starts_with("http://")).unwrap().trim_end_matches(',').to_owned();
    let shown = listen.note_with("WEBHOOK_SECRET=").await;
    let secret = commerce::Secret::parse(shown.trim().strip_prefix("WEBHOOK_SECRET=").unwrap()).unwrap();
    let forged = reqwest::Client::new().post(&url).body("{}").send().await.unwrap();
    assert_eq!(forged.status().as_u16(), 401);
    listen.note_with("Refused with 401").await;

    assert!(printed(&desk.run(&["trigger", "product.enriched"]).await).contains("product.enriched"));
    assert!(printed(&desk.run(&["trigger", "faq.approved"]).await).contains("faq.approved"));
    let event: Value = serde_json::from_str(&listen.line().await).unwrap();
    assert_eq!(event["type"], "faq.approved", "only what it wants");
    let [(headers, body)] = &program.received()[..] else { panic!("it is passed on, and nothing else is") };
    assert_eq!(serde_json::from_slice::<Value>(body).unwrap(), event);
    assert_eq!(headers["webhook-id"].to_str().unwrap(), text(&event["id"]));
    commerce::verify(headers, body, &[secret], Clock::default().now()).expect("it verifies with what was shown");
    // What the program responded is what the service has.
    let dispatch = loop {
        let listed = desk.json(&["dispatches", "list", "--status", "delivered"]).await;
        if let Some(id) = listed["nodes"][0]["id"].as_str() {
            break id.to_owned();
        }
    };
    assert!(printed(&desk.run(&["dispatches", "show", &dispatch]).await).contains("thank you"));
    listen.interrupt().await;
    assert!(printed(&desk.run(&["endpoints", "list"]).await).contains("There is no endpoint"));

    // One that was killed leaves its endpoint behind, which says what it was.
    let mut killed = Running::start(desk.command(&["listen"]));
    killed.note_with("Receives *").await;
    printed(&desk.run(&["trigger", "faq.approved"]).await);
    assert!(killed.line().await.contains("faq.approved"));
    killed.child.kill().await.unwrap();
    assert!(printed(&desk.run(&["endpoints", "list"]).await).contains("cloud-bridge listen"));
    let mut next = Running::start(desk.command(&["listen"]));
    next.note_with("cloud-bridge endpoints delete").await;
    next.note_with("Receives *").await;
    next.interrupt().await;
    end(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_developer_listens_on_sqlite() {
    a_developer_listens(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_developer_listens_on_postgres() {
    a_developer_listens(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_service_does_not_call_its_own_machine_it_is_said_what_to_do() {
    let world = merchant(Engine::Sqlite, &[]).await;
    let refused = world.0.run(&["listen"]).await;
    assert!(
        !refused.status.success() && said(&refused).contains("--allow-endpoint-range 127.0.0.0/8"),
        "{}",
        said(&refused)
    );
    let over_ftp = world.0.run(&["listen", "--forward", "ftp://127.0.0.1/"]).await;
    assert!(said(&over_ftp).contains("begins with http:// or https://"), "{}", said(&over_ftp));
    let elsewhere = world.0.run(&["listen", "--server", "https://bridge.example"]).await;
    assert!(said(&elsewhere).contains("another machine"), "{}", said(&elsewhere));
    end(world).await;
}

/// A store that publishes, and the file with its secret.
async fn store(desk: &Desk, provider: &str, secret: Option<&str>) -> (String, String) {
    let create = ["--json", "integrations", "create", "--provider", provider, "--name", provider];
    let made = match secret {
        Some(secret) => desk.run_with(&[&create[..], &["--secret-stdin"]].concat(), secret).await,
        None => desk.run(&create).await,
    };
    let made: Value = serde_json::from_str(&printed(&made)).unwrap();
    let id = text(&made["integrationId"]);
    let file = desk.databases.folder().join(format!("{provider}.secret"));
    std::fs::write(&file, secret.map_or_else(|| text(&made["signingSecret"]), str::to_owned)).unwrap();
    (id, file.to_str().unwrap().to_owned())
}

async fn every_type_is_triggered(engine: Engine) {
    let world = merchant(engine, &[]).await;
    let (desk, _) = &world;
    let stores = [
        ("shopify", Some("shpss_0123456789abcdef"), 14),
        ("woocommerce", None, 10),
        ("bigcommerce", Some("bigcommerce-client-secret-0123456789"), 9),
        ("square", Some("square-signature-key"), 3),
        ("generic", None, 14),
    ];
    for (provider, secret, types) in stores {
        let (id, file) = store(desk, provider, secret).await;
        let trigger = ["trigger", "--integration", &id, "--secret-file", &file];
        let delivers = desk.run(&[&trigger[..], &["customer.created"]].concat()).await;
        assert!(said(&delivers).contains("--purpose both"), "{}", said(&delivers));
        printed(&desk.run(&["integrations", "update", &id, "--purpose", "publishes"]).await);
        let mut triggered = 0;
        for of in CommerceEventType::iter().filter(|of| of.publisher() == Publisher::Store) {
            let done = desk.run(&[&trigger[..], &["--json", of.as_str()]].concat()).await;
            if !done.status.success() {
                assert!(said(&done).contains("store-sandbox"), "{provider} {}: {}", of.as_str(), said(&done));
                continue;
            }
            let events: Value = serde_json::from_str(&printed(&done)).unwrap();
            let events = events["events"].as_array().unwrap();
            assert!(events.iter().any(|event| event["type"] == of.as_str()), "{provider}: {events:?}");
            triggered += 1;
        }
        assert_eq!(triggered, types, "{provider}");
    }
    end(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_that_a_store_can_report_is_triggered_on_sqlite() {
    every_type_is_triggered(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_that_a_store_can_report_is_triggered_on_postgres() {
    every_type_is_triggered(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_of_a_store_is_published_or_it_is_said_why_not() {
    let world = merchant(Engine::Sqlite, &[]).await;
    let (desk, _) = &world;
    for of in CommerceEventType::iter().filter(|of| of.publisher() != Publisher::Store) {
        let done = desk.run(&["trigger", of.as_str()]).await;
        if of.publisher() == Publisher::Account {
            assert!(printed(&done).contains(of.as_str()));
        } else {
            assert!(
                !done.status.success() && said(&done).contains("cannot be triggered: it follows from"),
                "{}",
                said(&done)
            );
        }
    }
    let (id, _) = store(desk, "generic", None).await;
    printed(&desk.run(&["integrations", "update", &id, "--purpose", "publishes"]).await);
    let wrong = desk
        .command(&["trigger", "order.paid", "--integration", &id])
        .env("CLOUD_BRIDGE_SECRET", "guess")
        .output()
        .await;
    assert!(said(&wrong.unwrap()).contains("refused the signature"));
    for (arguments, answer) in [
        (["trigger", "order.payd"].as_slice(), "event-types"),
        (&["trigger", "order.paid"], "--integration"),
        (&["trigger", "order.paid", "--integration", &id], "--secret-file"),
    ] {
        let refused = desk.run(arguments).await;
        assert!(!refused.status.success() && said(&refused).contains(answer), "{}", said(&refused));
    }
    end(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_the_demonstration_it_needs_neither_account_nor_key() {
    let folder = tempfile::tempdir().unwrap();
    let command = |arguments: &[&str]| {
        let mut command = cloud_bridge(folder.path());
        command.args(arguments);
        command
    };
    let alone = command(&["listen"]).output().await.unwrap();
    assert!(said(&alone).contains("cloud-bridge demo"), "{}", said(&alone));
    let mut demo = Running::start(command(&["demo", "--listen", "127.0.0.1:0"]));
    let got = demo.line_with("each with a good signature").await;
    assert!(got.starts_with("A subscriber got "), "{got}");
    demo.line_with("failed 2 times at first, was sent again what it missed").await;
    demo.line_with("Sandbox of BigCommerce and Square").await;
    demo.line_with("It all goes on until Ctrl-C").await;

    let mut listen = Running::start(command(&["listen", "--types", "order.refunded,product.enriched"]));
    listen.note_with("Receives order.refunded").await;
    let triggered = printed(&command(&["trigger", "order.refunded"]).output().await.unwrap());
    assert!(triggered.contains("orders/updated") && triggered.contains("order.refunded"), "{triggered}");
    assert!(listen.line().await.contains("order.refunded"));
    printed(&command(&["trigger", "product.enriched"]).output().await.unwrap());
    assert!(listen.line().await.contains("product.enriched"));
    // What happens from then on the demonstration prints as well.
    demo.line_with("product.enriched").await;
    listen.interrupt().await;
    demo.interrupt().await;
    assert!(!folder.path().join("cloud-bridge-demo.json").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demonstration_that_was_killed_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let left = json!({ "server": server, "apiKey": "cb_live_1", "stores": [] });
    std::fs::write(folder.path().join("cloud-bridge-demo.json"), left.to_string()).unwrap();
    let refused = cloud_bridge(folder.path()).arg("listen").output().await.unwrap();
    assert!(!refused.status.success() && said(&refused).contains("does not run any more"), "{}", said(&refused));
}
