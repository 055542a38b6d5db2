//! Instances on the command line, from the code that came back to their end.

use cloud_bridge::sandbox::{self, SandboxOptions};
use cloud_bridge::store_sandbox;
use event_log::clock::Clock;
use serde_json::json;
use tokio::net::TcpListener;

use super::{Desk, said};
use crate::app::text;
use crate::elements::{API_KEY, API_SECRET, CALLBACK, code_of};
use crate::engines::{Databases, Engine};
use crate::process::{Server, printed};

async fn an_instance_is_made_changed_and_deleted(engine: Engine) {
    let databases = Databases::create(engine).await;
    let listener = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let cortex = sandbox::start(listener().await, SandboxOptions::default()).unwrap();
    let stores = store_sandbox::start(listener().await, Clock::default()).unwrap();
    let shopify = format!("{}/shopify/{{store}}", stores.base_url());
    let rules = ["--allow-http-endpoints", "--allow-endpoint-range", "127.0.0.0/8", "--shopify-api-url", &shopify];
    let server = Server::start_with(&databases, cortex.base_url(), &rules).await;
    let desk = Desk { databases, server };
    assert!(printed(&desk.run(&["instances", "list"]).await).contains("There is no instance"));
    let account = text(&desk.json(&["accounts", "create", "--name", "Storm Audio"]).await["accountId"]);
    let code = code_of(&desk.server.url, &stores, "storm-audio").await;
    let create = [
        "instances",
        "create",
        "--name",
        "API Instance",
        "--shop",
        "storm-audio",
        "--client-id",
        API_KEY,
        "--code",
        &code,
        "--callback-url",
        CALLBACK,
        "--topics",
        "orders/create, orders/updated",
        "--account",
        &account,
    ];
    let without_code = desk.run(&[&create[..4], &create[14..]].concat()).await;
    assert!(!without_code.status.success() && said(&without_code).contains("--code"), "{}", said(&without_code));
    let made = printed(&desk.run_with(&create, &format!("{API_SECRET}\n")).await);
    for part in ["API Instance", "storm-audio.myshopify.com, connected", "orders/create, orders/updated", "Token"] {
        assert!(made.contains(part), "{part} is in {made}");
    }
    let used = desk.run_with(&create, &format!("{API_SECRET}\n")).await;
    assert!(said(&used).contains("GRANT_REFUSED"), "{}", said(&used));

    let listed = desk.json(&["instances", "list"]).await;
    let number = listed["nodes"][0]["number"].to_string();
    assert_eq!(listed["nodes"][0]["account"]["id"], json!(account));
    let token = desk.json(&["instances", "show", &number, "--token"]).await;
    assert!(made.contains(&text(&token["token"])));
    assert!(!printed(&desk.run(&["instances", "show", &number]).await).contains(&text(&token["token"])));
    let missing = desk.run(&["instances", "show", "1"]).await;
    assert!(!missing.status.success() && said(&missing).contains("instances list"), "{}", said(&missing));

    let key = desk.databases.folder().join("signature.key");
    std::fs::write(&key, "a key of ours").unwrap();
    let key = key.display().to_string();
    let update =
        ["instances", "update", &number, "--events", "true", "--notification-url", "http://127.0.0.1:9/events"];
    let update = [&update[..], &["--signature-key-file", &key, "--tags", "live, docs", "--name", "Storm"]].concat();
    let changed = printed(&desk.run(&update).await);
    assert!(changed.contains("http://127.0.0.1:9/events") && changed.contains("live, docs"), "{changed}");
    let nothing = desk.run(&["instances", "update", &number]).await;
    assert!(!nothing.status.success() && said(&nothing).contains("name what"), "{}", said(&nothing));
    let wrong = desk.run(&["instances", "update", &number, "--topics", "carts/create"]).await;
    assert!(said(&wrong).contains("INVALID_TOPICS"), "{}", said(&wrong));
    let table = printed(&desk.run(&["instances", "list"]).await);
    assert!(table.contains("Storm") && table.contains("enabled"), "{table}");

    assert!(printed(&desk.run(&["instances", "disable", &number]).await).contains("is disabled"));
    assert!(printed(&desk.run(&["instances", "list"]).await).contains("disabled"));
    assert!(printed(&desk.run(&["instances", "enable", &number]).await).contains("what waits is sent"));
    let set = ["accounts", "set-failure-policy", "queue", "--account", &account];
    assert!(printed(&desk.run(&set).await).contains("dead letters"));
    let endpoint = text(&desk.json(&["instances", "show", &number]).await["subscriptions"][0]["endpoint"]["id"]);
    let retries = printed(&desk.run(&["endpoints", "show", &endpoint]).await);
    assert!(retries.contains("none; what fails is a dead letter"), "{retries}");
    let history = printed(&desk.run(&["events", "list", "--aggregate", "instance"]).await);
    assert!(history.contains("instance_created") && history.contains("instance_disabled"), "{history}");

    let unconfirmed = desk.run(&["instances", "delete", &number]).await;
    assert!(
        !unconfirmed.status.success() && said(&unconfirmed).contains("nothing was deleted"),
        "{}",
        said(&unconfirmed)
    );
    assert!(printed(&desk.run(&["instances", "delete", &number, "--yes"]).await).contains("is deleted"));
    assert!(printed(&desk.run(&["instances", "list"]).await).contains("There is no instance"));
    let Desk { databases, server } = desk;
    server.kill().await;
    stores.stop().await;
    cortex.stop().await;
    databases.remove().await;
}

#[tokio::test]
async fn an_instance_is_made_changed_and_deleted_on_sqlite() {
    an_instance_is_made_changed_and_deleted(Engine::Sqlite).await;
}

#[tokio::test]
async fn an_instance_is_made_changed_and_deleted_on_postgres() {
    an_instance_is_made_changed_and_deleted(Engine::Postgres).await;
}
