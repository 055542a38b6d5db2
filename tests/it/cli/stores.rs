//! Stores on the command line: what a new integration delivers, which secrets it takes, and what reached it.

use cloud_bridge::sandbox::{self, SandboxOptions};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Desk, Webhooks, said};
use crate::app::{sign, text};
use crate::engines::{Databases, Engine};
use crate::orders;
use crate::process::{Server, printed};

async fn stores_are_set_up_and_their_webhooks_listed(engine: Engine) {
    let databases = Databases::create(engine).await;
    let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), SandboxOptions::default()).unwrap();
    let server = Server::start(&databases, cortex.base_url()).await;
    let desk = Desk { databases, server };
    let nothing = printed(&desk.run(&["webhooks", "list"]).await);
    assert!(nothing.contains("No webhook fits") && nothing.contains("webhookUrl"), "{nothing}");

    let account = async |name: &str| text(&desk.json(&["accounts", "create", "--name", name]).await["accountId"]);
    let (storm, rain) = (account("Storm Audio").await, account("Rain Audio").await);
    let create = ["integrations", "create", "--provider", "shopify", "--account", &storm, "--name", "Storm's shop"];
    let said_at_creation = printed(&desk.run(&create).await);
    assert!(said_at_creation.contains("orders of the status paid, partially_refunded"), "{said_at_creation}");
    assert!(
        said_at_creation.contains("--order-status any") && said_at_creation.contains("never"),
        "{said_at_creation}"
    );
    let any = desk.json(&[&create[..], &["--order-status", "any"]].concat()).await;
    assert_eq!(any["orderStatuses"], json!([]));
    let of = async |account: &str, name: &str| {
        let create = ["integrations", "create", "--provider", "shopify", "--account", account, "--name", name];
        let made = desk.json(&create).await;
        assert_eq!(made["orderStatuses"], json!(["paid", "partially_refunded"]));
        let id = text(&made["integrationId"]);
        let url = format!("{}/api/webhooks/shopify/{id}", desk.server.url);
        // Shopify signs with a secret of its own: none is printed.
        assert_eq!(made["signingSecret"], Value::Null);
        let secret = format!("shown by Shopify for {name}");
        printed(&desk.run_with(&["integrations", "set-secret", "--at-once", &id], &format!("{secret}\n")).await);
        (id, Webhooks { url, secret })
    };
    let (id, first) = of(&storm, "Stormy").await;
    let (_, second) = of(&rain, "Rainy").await;

    let changed = printed(&desk.run(&["integrations", "update", &id, "--order-status", "any"]).await);
    assert!(changed.contains("delivers orders of every status"), "{changed}");
    let never = desk.run(&["integrations", "update", &id, "--order-status", "paid,voided"]).await;
    assert!(!never.status.success() && said(&never).contains("never delivered"), "{}", said(&never));
    let set = desk.run_with(&["integrations", "set-secret", &id], "abc\n").await;
    assert!(set.status.success() && said(&set).contains("Warning: a signing secret of fewer than 8"), "{}", said(&set));
    let first = Webhooks { secret: "abc".to_owned(), ..first };

    // Support looks at all accounts, and sees which store each is of.
    first.send("orders/paid", &orders::shopify(1, "mutual_max", &["STORM"])).await;
    second.send("orders/paid", &json!({ "id": 820_982_911_946_154_508_u64, "name": "#1042" })).await;
    let listed = loop {
        let listed = printed(&desk.run(&["webhooks", "list"]).await);
        if listed.contains("accepted") && listed.contains("unusable") {
            break listed;
        }
    };
    assert!(listed.contains("STORE") && listed.contains("Stormy") && listed.contains("Rainy"), "{listed}");
    assert!(listed.contains("`line_items` is missing: let the store send whole orders"), "{listed}");
    let one = printed(&desk.run(&["webhooks", "list", "--account", &storm]).await);
    assert!(one.contains("accepted") && !one.contains("unusable") && !one.contains("STORE"), "{one}");

    // What is refused, with the sentence that its sender got.
    let create = ["integrations", "create", "--provider", "generic", "--account", &rain, "--name", "Own shop"];
    let made = desk.json(&create).await;
    let url = format!("{}/api/webhooks/generic/{}", desk.server.url, text(&made["integrationId"]));
    let body = br#"{"orderId":"1042","targetUsername":"max"}"#;
    let signed = sign(domain::integration::Provider::Generic, &text(&made["signingSecret"]), body);
    let (name, value) = signed.expect("it signs");
    let refused = reqwest::Client::new().post(url).header(name, value).body(body.to_vec()).send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 400);
    let listed = printed(&desk.run(&["webhooks", "list", "--outcome", "refused"]).await);
    assert!(
        listed.contains("malformed_body: The signature is right") && listed.contains("got: “`items` is missing"),
        "{listed}"
    );

    desk.server.kill().await;
    cortex.stop().await;
    desk.databases.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_are_set_up_and_their_webhooks_listed_on_sqlite() {
    stores_are_set_up_and_their_webhooks_listed(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_are_set_up_and_their_webhooks_listed_on_postgres() {
    stores_are_set_up_and_their_webhooks_listed(Engine::Postgres).await;
}
