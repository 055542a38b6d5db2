//! What would happen today to what was received before.

use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::{MASTER_KEY, TestApp};
use crate::engines::on_each_engine;
use crate::orders;
use crate::process::{cloud_bridge, printed};

async fn what_if(app: &TestApp, integration: &str) -> Value {
    let mut command = cloud_bridge(&app.databases.folder());
    command.args(["replay", "--dry-run", "--json", "--integration", integration]);
    command.env("CLOUD_BRIDGE_LOG", &app.databases.log_url).env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(MASTER_KEY));
    serde_json::from_str(&printed(&command.output().await.unwrap())).unwrap()
}

on_each_engine! {
    async fn todays_mappings_and_filters_are_tried_on_what_was_received(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let paid = |id: &str, status: &str, skus: &[&str]| {
            let mut order = orders::generic(id, "mutual_max", skus);
            order["orderStatus"] = json!(status);
            order
        };
        shop.update(json!({ "orderStatuses": ["paid"] })).await;
        for (order, status) in [
            (paid("1", "paid", &["STORM"]), "queued"),
            (paid("2", "pending", &["STORM"]), "failed_permanent"),
            (paid("3", "paid", &["RAIN"]), "queued"),
        ] {
            let id = shop.post(&order).await.accepted(status);
            shop.settled(&id).await;
        }
        let before = app.service().data.log.head();
        let same = what_if(app, &shop.id).await;
        assert_eq!((&same["orders"], &same["different"]), (&json!(3), &json!(0)), "{same}");

        // The merchant delivers other statuses now, and has mapped the other product since.
        shop.update(json!({ "orderStatuses": [] })).await;
        let changed = what_if(app, &shop.id).await;
        assert_eq!(changed["different"], 1, "{changed}");
        let difference = &changed["differences"][0];
        assert_eq!((&difference["orderId"], &difference["then"]), (&json!("2"), &json!("not delivered: order status filtered")));
        assert!(difference["now"].as_str().unwrap().starts_with("delivers preset"), "{difference}");
        assert_eq!(app.service().data.log.head(), before.next(), "nothing but the merchant's own change");

        let mut unknown = cloud_bridge(&app.databases.folder());
        unknown.args(["replay", "--dry-run", "--integration", "7f2c9a30-1111-4222-8333-444455556666"]);
        unknown.env("CLOUD_BRIDGE_LOG", &app.databases.log_url).env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(MASTER_KEY));
        let refused = unknown.output().await.unwrap();
        assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("no such integration"));
    }

    async fn an_order_that_was_revised_after_its_delivery_is_decided_alike(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        let order = |seconds: u32, skus: &[&str]| {
            let mut order = orders::shopify(1042, "mutual_max", skus);
            order["id"] = json!(5_678_901_234_017_u64);
            order["updated_at"] = json!(format!("2026-11-20T12:00:{seconds:02}+00:00"));
            order
        };
        let id = shop.post(&order(0, &["STORM", "RAIN"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await.0, "COMPLETED");
        shop.post(&order(10, &["STORM"])).await.accepted("completed");
        let same = what_if(app, &shop.id).await;
        assert_eq!((&same["orders"], &same["same"], &same["undecided"]), (&json!(1), &json!(1), &json!(0)), "{same}");

        shop.unmap_all().await;
        let changed = what_if(app, &shop.id).await;
        let difference = &changed["differences"][0];
        assert_eq!((&difference["then"], &difference["now"]), (&json!("delivers preset storm"), &json!("waits: no_item_mapping")));
        assert_eq!((&difference["orderNumber"], &difference["orderId"]), (&json!("#1042"), &json!("5678901234017")));
    }
}
