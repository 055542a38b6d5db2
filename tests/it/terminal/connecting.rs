//! A person connects a store at a terminal and in a browser.

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::{desk, said};
use crate::app::{TestApp, text};
use crate::connecting::{Browser, SHOP, open_shop};
use crate::delivering::wait_until;
use crate::engines::on_each_engine;
use crate::process::cloud_bridge;

/// The address that a line prints to be opened.
fn link(line: &str) -> Option<String> {
    let line = line.trim();
    line.starts_with("https://bridge.example/connect/").then(|| line.to_owned())
}

on_each_engine! {
    async fn the_command_waits_until_the_shop_was_authorised(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        let mut command = cloud_bridge(&app.databases.folder());
        command
            .args(["stores", "connect", "shopify", "--shop", SHOP, "--name", "My shop"])
            .env("CLOUD_BRIDGE_SERVER", &app.node.url)
            .env("CLOUD_BRIDGE_API_KEY", &merchant.key)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printed = vec![];
        let url = loop {
            let line = lines.next_line().await.unwrap().expect("it prints an address");
            if let Some(link) = link(&line) {
                break link;
            }
            printed.push(line);
        };
        assert!(printed.concat().contains("My shop"), "{printed:?}");
        let (status, shown) = Browser::new(app).authorize(&url).await;
        assert_eq!(status.as_u16(), 200, "{shown}");
        let mut rest = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            rest.push_str(&line);
            rest.push('\n');
        }
        assert!(child.wait().await.unwrap().success(), "{rest}");
        assert!(rest.contains("Connected: storm-audio.myshopify.com"), "{rest}");

        let person = desk(app, &merchant.key);
        let id = text(&person.json(&["integrations", "list"]).await["nodes"][0]["id"]);
        let status = person.printed(&["stores", "status", &id]).await;
        assert!(status.contains("It is connected since") && status.contains("read_orders, read_products"), "{status}");
        wait_until(app, || async { (app.stores.subscriptions(SHOP).len() == 9).then_some(()) }).await;
        app.stores.drop_subscriptions(SHOP, Some("orders/paid")).unwrap();
        let doctor = person.printed(&["stores", "doctor", &id[..8]]).await;
        assert!(doctor.contains("mended  Missing were orders/paid: they were made."), "{doctor}");
        let events = person.printed(&["events", "list", "--aggregate", &format!("store/{id}")]).await;
        assert!(events.contains("The store was asked to send webhooks of orders/paid"), "{events}");

        let refused = person.refused(&["stores", "disconnect", &id]).await;
        assert!(refused.contains("--yes") && refused.contains("nothing was disconnected"), "{refused}");
        person.printed(&["stores", "disconnect", &id, "--yes"]).await;
        assert_eq!(app.stores.subscriptions(SHOP), []);
        let status = person.printed(&["stores", "status", &id]).await;
        assert!(status.contains("It is not connected"), "{status}");
        let failing = person.run(&["stores", "doctor", &id]).await;
        assert!(!failing.status.success() && said(&failing).contains("see above"), "{}", said(&failing));
    }

    async fn who_refuses_ends_the_waiting_with_the_reason(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        let person = desk(app, &merchant.key);
        let begun = person.json(&["stores", "connect", "shopify", "--shop", SHOP, "--no-wait"]).await;
        assert_eq!(begun["isNew"], json!(true));
        let id = text(&begun["integrationId"]);
        let waiting = person.printed(&["stores", "status", &id]).await;
        assert!(waiting.contains("It waits for the store to be authorised"), "{waiting}");
        let mut browser = Browser::new(app);
        let to_store = crate::connecting::location(&browser.press(&text(&begun["url"])).await);
        let back = browser.decide(&to_store, "decline").await;
        browser.get(&back).await;
        let status = person.printed(&["stores", "status", &id]).await;
        assert!(status.contains("access_denied") && status.contains("stores connect"), "{status}");
        let refused = person.refused(&["stores", "connect", "shopify", "--shop", "https://evil.example"]).await;
        assert!(refused.contains("enter the shop's name"), "{refused}");
        let unknown = person.refused(&["stores", "connect", "generic", "--shop", "x"]).await;
        assert!(unknown.contains("bigcommerce"), "{unknown}");
    }
}
