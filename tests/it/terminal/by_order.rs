//! Orders at a terminal: by id or number in every command, with the numbers of real stores, which are not their ids.

use domain::integration::Provider;
use serde_json::{Value, json};

use super::desk;
use crate::app::{Shop, TestApp};
use crate::engines::on_each_engine;
use crate::orders;
use crate::process::printed;

const ORDER_ID: u64 = 5_678_901_234_017;

/// Order #1042, whose id is a long number.
fn numbered(username: &str, skus: &[&str]) -> Value {
    let mut order = orders::shopify(1042, username, skus);
    order["id"] = json!(ORDER_ID);
    order
}

async fn posted(shop: &Shop<'_>, order: &Value) -> String {
    shop.post(order).await.accepted("queued")
}

on_each_engine! {
    async fn every_command_takes_the_number_or_the_id_of_an_order(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let person = desk(app, &merchant.key);
        let id = posted(&shop, &numbered("never_follows", &["STORM"])).await;
        app.settle().await;
        shop.post(&numbered("never_follows", &["STORM"])).await.accepted("duplicate");
        app.settle().await;
        for order in ["#1042", "1042", &ORDER_ID.to_string(), &id[..13]] {
            for command in [["deliveries", "show"], ["deliveries", "explain"]] {
                let shown = person.printed(&[&command[..], &[order]].concat()).await;
                assert!(shown.contains(&id) && shown.contains("#1042"), "{command:?} {order}: {shown}");
            }
        }
        for order in ["#1042", "1042", &ORDER_ID.to_string()] {
            let listed = person.printed(&["events", "list", "--order", order]).await;
            assert!(listed.contains("retry_scheduled"), "{order}: {listed}");
        }
        // A worker may have it by the time the answer is read.
        let retried = person.printed(&["deliveries", "retry", "1042"]).await;
        assert!(retried.contains(&format!("Delivery {id} is ")), "{retried}");
        app.settle().await;
        for order in ["1042", "#1042", &ORDER_ID.to_string()] {
            let preview = person.printed(&["replay", "--dry-run", "--integration", &shop.id, "--order", order]).await;
            assert!(preview.contains("1 order checked"), "{order}: {preview}");
            let done = person.printed(&["replay", "--integration", &shop.id, "--order", order, "--yes"]).await;
            assert!(done.contains("1 delivery went back to the queue"), "{order}: {done}");
            app.settle().await;
        }
        assert!(person.printed(&["deliveries", "cancel", "#1042"]).await.contains("cancelled"));
    }

    async fn an_order_that_there_is_not_is_an_error_that_says_so(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        posted(&shop, &numbered("never_follows", &["STORM"])).await;
        app.settle().await;
        let person = desk(app, &merchant.key);
        for (arguments, sentence) in [
            (&["deliveries", "show", "4711"][..], "there is no delivery and no order 4711"),
            (&["deliveries", "explain", "#4711"], "there is no delivery and no order #4711"),
            (&["deliveries", "retry", "4711"], "there is no delivery and no order 4711"),
            (&["deliveries", "cancel", "4711"], "there is no delivery and no order 4711"),
            (&["deliveries", "retry", "--code", "unknown", "--yes"], "no delivery fits: nothing was retried"),
            (&["events", "list", "--order", "4711"], "no webhook about an order with the id or number 4711"),
            (&["replay", "--dry-run", "--integration", &shop.id, "--order", "4711"], "no webhook about an order 4711"),
            (&["replay", "--integration", &shop.id, "--order", "4711", "--yes"], "nothing was done again"),
            (&["replay", "--integration", &shop.id, "--to", "2020-01-01", "--yes"], "no order fits"),
        ] {
            let refused = person.refused(arguments).await;
            assert!(refused.contains(sentence), "{arguments:?}: {refused}");
        }
    }

    async fn several_orders_of_one_number_are_named_with_their_own_statuses(app: &TestApp) {
        let merchant = app.merchant().await;
        let (one, other) = (merchant.shop(Provider::Shopify).await, merchant.shop(Provider::Shopify).await);
        posted(&one, &numbered("mutual_max", &["STORM"])).await;
        posted(&other, &numbered("never_follows", &["STORM"])).await;
        app.settle().await;
        // The newest entry of the first is a duplicate; the delivery itself is complete.
        one.post(&numbered("mutual_max", &["STORM"])).await.accepted("duplicate");
        app.settle().await;
        let person = desk(app, &merchant.key);
        for command in ["explain", "show"] {
            let refused = person.refused(&["deliveries", command, "#1042"]).await;
            assert!(refused.contains("completed") && refused.contains("retry_scheduled"), "{refused}");
            assert!(!refused.contains("duplicate"), "{refused}");
        }
        for command in ["retry", "cancel"] {
            let refused = person.refused(&["deliveries", command, "#1042"]).await;
            assert!(refused.contains("order #1042 of My shop, completed") && refused.contains("retry_scheduled"), "{refused}");
        }
        for command in [&["deliveries", "retry", "01a2"][..], &["deliveries", "show", "01a2"], &["mappings", "list", "01a2"]] {
            let refused = person.refused(command).await;
            assert!(refused.contains("Of an id, 8 characters are needed"), "{command:?}: {refused}");
        }
    }

    async fn a_mapping_says_how_many_past_orders_bought_it_and_delivers_to_them(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let person = desk(app, &merchant.key);
        let id = posted(&shop, &numbered("mutual_max", &["STORM", "SUN"])).await;
        app.settle().await;
        let listed = person.printed(&["deliveries", "list", "--status", "completed", "--unmapped"]).await;
        assert!(listed.contains("#1042"), "{listed}");
        let shown = person.printed(&["deliveries", "show", "1042"]).await;
        assert!(shown.contains("no mapping") && shown.contains("preset storm"), "{shown}");

        let add = ["mappings", "add", &shop.id, "--sku", "SUN", "--preset", "sun"];
        let added = person.printed(&add).await;
        assert!(added.contains("1 past order bought it") && added.contains("--deliver-past"), "{added}");
        app.settle().await;
        assert_eq!(app.cortex.share_count(crate::delivering::preset("sun"), "mutual_max").effective, 0);
        let unasked = person.refused(&[&add[..], &["--deliver-past"]].concat()).await;
        assert!(unasked.contains("#1042") && unasked.contains("nothing was done again"), "{unasked}");
        let done = person.printed(&[&add[..], &["--deliver-past", "--yes"]].concat()).await;
        assert!(done.contains("1 delivery went back to the queue"), "{done}");
        assert_eq!(shop.settled(&id).await.0, "COMPLETED");
        assert_eq!(app.cortex.share_count(crate::delivering::preset("sun"), "mutual_max").effective, 1);
        let again = person.printed(&[&add[..], &["--deliver-past", "--yes"]].concat()).await;
        assert!(again.contains("there is nothing to deliver"), "{again}");
        let none = person.printed(&["deliveries", "list", "--unmapped"]).await;
        assert!(none.contains("No delivery that fits has anything without a mapping"), "{none}");
        let shown = person.printed(&["deliveries", "explain", "1042"]).await;
        assert!(shown.contains("A new mapping is to be delivered to this past order"), "{shown}");
    }

    async fn the_id_of_a_delivery_stands_for_its_order(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let person = desk(app, &merchant.key);
        let id = posted(&shop, &numbered("never_follows", &["STORM"])).await;
        posted(&shop, &orders::shopify(1043, "never_follows", &["STORM"])).await;
        app.settle().await;
        for order in [&id[..8], &id, "1042", "#1042"] {
            let found = person.json(&["webhooks", "list", "--order", order]).await;
            let numbers: Vec<_> = found["nodes"].as_array().unwrap().iter().map(|node| &node["orderNumber"]).collect();
            assert_eq!(numbers, [&json!("#1042")], "{order}");
            let events = person.printed(&["--json", "events", "list", "--order", order]).await;
            assert!(events.contains("webhook_received") && events.lines().all(|event| event.contains(&id)), "{events}");
            assert!(person.printed(&["events", "show", "delivery", order]).await.contains("#1042"), "{order}");
        }
        let unknown = person.refused(&["deliveries", "explain", "4711"]).await;
        assert!(unknown.contains("webhooks list --order 4711"), "{unknown}");
    }

    async fn what_was_added_to_a_delivered_order_and_waits_is_said(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::WooCommerce, &["processing"]).await;
        shop.map("STORM", "storm").await;
        shop.map("RAIN", "rain").await;
        let person = desk(app, &shop.merchant.key);
        let order = |seconds: u32, status: &str, skus: &[&str]| {
            let mut order = orders::woocommerce(7104, status, "mutual_max", skus);
            order["date_modified_gmt"] = json!(format!("2026-11-20T12:00:{seconds:02}"));
            order
        };
        let id = posted(&shop, &order(0, "processing", &["STORM"])).await;
        assert_eq!(shop.settled(&id).await.0, "COMPLETED");
        shop.post(&order(10, "on-hold", &["STORM", "RAIN"])).await.accepted("completed");
        app.settle().await;
        let shown = person.printed(&["deliveries", "explain", "7104"]).await;
        assert!(shown.contains("complete, but for 1 item ordered since") && !shown.contains("nothing more happens"), "{shown}");
        shop.post(&order(20, "processing", &["STORM", "RAIN"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await.0, "COMPLETED");
        assert!(person.printed(&["deliveries", "explain", "7104"]).await.contains("nothing more happens"));
    }

    async fn an_import_says_how_many_past_orders_lack_it_also_where_they_got_another_asset(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let person = desk(app, &merchant.key);
        let id = posted(&shop, &numbered("mutual_max", &["STORM", "SUN"])).await;
        app.settle().await;
        let mapped = |reference: &str, by: &str, asset: &str| {
            json!({ "matchType": by, "externalRef": reference, "resourceType": "preset", "resourceId": asset })
        };
        // The product brings a second asset from now on. By its title nothing comes of it: its SKU is mapped.
        let file = json!([mapped("STORM", "sku", "storm"), mapped("STORM", "sku", "rain"), mapped("SUN", "sku", "sun"), mapped("STORM", "title", "sun")]);
        let import = ["mappings", "import", &shop.id, "-"];
        let imported = printed(&person.run_with(&import, &file.to_string()).await);
        assert!(imported.contains("3 mappings were added; 1 had been there before."), "{imported}");
        assert!(imported.contains("1 past order bought it") && imported.contains("--deliver-past"), "{imported}");
        app.settle().await;
        assert_eq!(app.cortex.share_count(crate::delivering::preset("rain"), "mutual_max").effective, 0, "unasked");
        let done = printed(&person.run_with(&[&import[..], &["--deliver-past", "--yes"]].concat(), &file.to_string()).await);
        assert!(done.contains("0 mappings were added") && done.contains("1 delivery went back to the queue"), "{done}");
        assert_eq!(shop.settled(&id).await.0, "COMPLETED");
        for asset in ["storm", "rain", "sun"] {
            let count = app.cortex.share_count(crate::delivering::preset(asset), "mutual_max");
            assert_eq!((count.effective, count.repeated), (1, 0), "{asset}");
        }
        let shown = person.printed(&["deliveries", "show", "1042"]).await;
        assert!(["preset storm", "preset rain", "preset sun"].iter().all(|asset| shown.contains(asset)), "{shown}");
        let shown = person.printed(&["deliveries", "explain", "1042"]).await;
        assert!(shown.contains("2 new mappings are to be delivered to this past order"), "{shown}");
        let again = printed(&person.run_with(&[&import[..], &["--deliver-past", "--yes"]].concat(), &file.to_string()).await);
        assert!(again.contains("there is nothing to deliver"), "{again}");
        assert_eq!(merchant.balance().await["charged"], json!(30));
    }
}
