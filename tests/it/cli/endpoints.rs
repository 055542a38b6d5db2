//! Endpoints on the command line, from the first to their end.

use axum::http::StatusCode;
use cloud_bridge::sandbox::{self, SandboxOptions};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Desk, said};
use crate::app::text;
use crate::endpoints::receiver::Receiver;
use crate::engines::{Databases, Engine};
use crate::process::{Server, printed};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

async fn endpoints_are_set_up_and_tried(engine: Engine) {
    let databases = Databases::create(engine).await;
    let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), SandboxOptions::default()).unwrap();
    let rules = ["--allow-http-endpoints", "--allow-endpoint-range", "127.0.0.0/8"];
    let server = Server::start_with(&databases, cortex.base_url(), &rules).await;
    let desk = Desk { databases, server };
    let receiver = Receiver::responding(StatusCode::OK, "thank you").await;
    assert!(printed(&desk.run(&["endpoints", "list"]).await).contains("There is no endpoint"));
    let account = text(&desk.json(&["accounts", "create", "--name", "Storm Audio"]).await["accountId"]);

    let create = [
        "endpoints",
        "create",
        "--url",
        &receiver.url(),
        "--event-type",
        "product.enriched,faq.*",
        "--account",
        &account,
    ];
    let unnamed = desk.run(&create[..6]).await;
    assert!(!unnamed.status.success() && said(&unnamed).contains("--account"), "{}", said(&unnamed));
    let made = desk.json(&create).await;
    let id = text(&made["endpointId"]);
    assert!(text(&made["signingSecret"]).starts_with("whsec_"));
    let other = printed(
        &desk.run_with(&[&create[..], &["--secret-stdin", "--rate", "5"]].concat(), &format!("{SECRET}\n")).await,
    );
    assert!(other.contains("…ZWY=, which you have") && other.contains("endpoints test"), "{other}");
    let refused = desk
        .run(&["endpoints", "create", "--url", "https://10.0.0.1/", "--event-type", "*", "--account", &account])
        .await;
    assert!(said(&refused).contains("URL_NOT_ALLOWED"), "{}", said(&refused));

    let headers = desk.databases.folder().join("headers");
    std::fs::write(&headers, "X-Team: storm\nUser-Agent: storm-warehouse\n").unwrap();
    let update = [
        "endpoints",
        "update",
        &id[..13],
        "--description",
        "Our warehouse",
        "--profile",
        "cloud-elements",
        "--element-key",
        "shop",
    ];
    let options = ["--headers-file", headers.to_str().unwrap(), "--filter", "@.type == 'product.enriched'"];
    assert!(printed(&desk.run(&[&update[..], &options].concat()).await).contains("is changed"));
    assert!(!desk.run(&["endpoints", "update", &id]).await.status.success(), "nothing to change");
    let shown = printed(&desk.run(&["endpoints", "show", &id]).await);
    for part in [
        "Storm Audio",
        "Our warehouse",
        "product.enriched, faq.*",
        "X-Team",
        "cloud_elements as shop, without its signature",
        "@.type == 'product.enriched'",
        "enabled",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(!shown.contains("storm\n"), "no value of a header: {shown}");

    let tested = printed(&desk.run(&["endpoints", "test", &id]).await);
    assert!(
        tested.contains("product.enriched") && tested.contains("200 after") && tested.contains("thank you"),
        "{tested}"
    );
    let (headers, _) = receiver.received().pop().unwrap();
    assert!(headers["webhook-test"] == "true" && headers["x-team"] == "storm", "{headers:?}");
    assert_eq!(headers["user-agent"], "storm-warehouse", "in place of our own");
    let unknown = desk.run(&["endpoints", "test", &id, "--type", "order.payd"]).await;
    assert!(said(&unknown).contains("`cloud-bridge event-types` lists them"), "{}", said(&unknown));
    for command in ["show", "match"] {
        let other = desk.run(&["endpoints", command, "01950a2f-9a00-7f42-b0d1-6e5f4d3c2b1a"]).await;
        let said = said(&other);
        assert!(!other.status.success() && said.contains("there is no endpoint 01950a2f"), "{command}: {said}");
    }

    publish(&desk, &account, "product.enriched", &json!({ "platform": "shopify", "productId": "9", "success": true }))
        .await;
    let (began, ended) = ("2026-03-10T09:00:00Z", "2026-03-10T10:00:00Z");
    let bulk = json!({ "total": 1, "succeeded": 1, "failed": 0, "startedAt": began, "finishedAt": ended });
    publish(&desk, &account, "enrichment.bulk_completed", &bulk).await;
    let matched = printed(&desk.run(&["endpoints", "match", &id, "--last", "10"]).await);
    assert!(
        matched.contains("yes") && matched.contains("no: another type") && matched.contains("1 of the last 2 events"),
        "{matched}"
    );
    let none = printed(&desk.run(&["endpoints", "match", &id, "--filter", "@.type == 'faq.approved'"]).await);
    assert!(none.contains("no: the filter") && none.contains("0 of the last 2 events"), "{none}");

    let rotated = printed(&desk.run(&["endpoints", "rotate-secret", &id, "--overlap-hours", "1"]).await);
    assert!(rotated.contains("whsec_") && rotated.contains("for 1 more hour"), "{rotated}");
    let given = printed(
        &desk.run_with(&["endpoints", "rotate-secret", &id, "--secret-stdin", "--overlap-hours", "0"], SECRET).await,
    );
    assert!(given.contains("…ZWY= now") && !given.contains(SECRET), "{given}");
    assert!(printed(&desk.run(&["endpoints", "pause", &id]).await).contains("paused"));
    assert_eq!(desk.json(&["endpoints", "list"]).await["nodes"][0]["status"], "PAUSED");
    assert!(printed(&desk.run(&["endpoints", "resume", &id]).await).contains("enabled"));
    assert!(!desk.run(&["endpoints", "delete", &id]).await.status.success(), "it asks first");
    assert!(printed(&desk.run(&["endpoints", "delete", &id, "--yes"]).await).contains("deleted"));
    let left = printed(&desk.run(&["endpoints", "list", "--account", &account]).await);
    assert!(left.contains(&receiver.url()) && !left.contains(&id), "{left}");
    assert_eq!(desk.json(&["endpoints", "list", "--deleted"]).await["nodes"].as_array().unwrap().len(), 2);
    let gone = desk.run(&["endpoints", "test", &id]).await;
    assert!(said(&gone).contains("DELETED"), "{}", said(&gone));
    accounts_have_a_contact_and_a_default_secret(&desk, &account).await;

    desk.server.kill().await;
    cortex.stop().await;
    desk.databases.remove().await;
}

async fn publish(desk: &Desk, account: &str, event_type: &str, data: &Value) {
    let document =
        "mutation ($input: PublishEventInput!) { done: publishEvent(input: $input) { userErrors { code message } } }";
    let input = json!({ "input": { "accountId": account, "type": event_type, "data": data } });
    let done = desk.server.ask(&desk.server.admin_key, document, input).await;
    assert_eq!(done["done"]["userErrors"], json!([]));
}

async fn accounts_have_a_contact_and_a_default_secret(desk: &Desk, account: &str) {
    let of = ["--account", account];
    let set = desk.run(&[&["accounts", "set-contact", "ops@shop.example"][..], &of].concat()).await;
    assert!(set.status.success() && said(&set).contains("no mail server"), "{}", said(&set));
    assert!(!desk.run(&[&["accounts", "set-contact", "nonsense"][..], &of].concat()).await.status.success());
    assert!(
        printed(&desk.run(&[&["accounts", "remove-contact"][..], &of].concat()).await).contains("no contact address")
    );
    let made = printed(&desk.run(&[&["accounts", "set-default-secret"][..], &of].concat()).await);
    assert!(made.contains("whsec_"), "{made}");
    let given = desk.run_with(&[&["accounts", "set-default-secret", "--secret-stdin"][..], &of].concat(), SECRET).await;
    assert!(printed(&given).contains("…ZWY= now"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_are_set_up_and_tried_on_sqlite() {
    endpoints_are_set_up_and_tried(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_are_set_up_and_tried_on_postgres() {
    endpoints_are_set_up_and_tried(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_cannot_work_is_refused_before_anything_is_made() {
    let databases = Databases::create(Engine::Sqlite).await;
    let folder = databases.folder();
    let smtp = folder.join("smtp");
    std::fs::write(&smtp, "smtp://user:secret@mail.example\n").unwrap();
    let mut command = crate::process::cloud_bridge(&folder);
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--smtp-url-file",
        smtp.to_str().unwrap(),
        "--mail-from",
        "hooks@bridge.example",
    ]);
    let refused = command.output().await.unwrap();
    assert!(
        !refused.status.success() && said(&refused).contains("a password is only sent encrypted"),
        "{}",
        said(&refused)
    );
    assert!(!said(&refused).contains("secret@"), "{}", said(&refused));
    assert!(!folder.join("log.db").exists());
    databases.remove().await;
}
