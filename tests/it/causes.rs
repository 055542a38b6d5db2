//! What followed from what: asked of the log by the command line, and shown in an order's story.

use cqrs_es::Aggregate as _;
use domain::delivery::Delivery;
use domain::integration::Provider;
use event_log::Sequence;
use serde_json::{Value, json};

use crate::app::{TestApp, text};
use crate::engines::on_each_engine;
use crate::history::{listed, run, types};
use crate::orders;
use crate::process::printed;

/// The position of the newest event of a type.
async fn position(app: &TestApp, event_type: &str) -> String {
    let found = listed(app, &["--type", event_type]).await;
    text(&found.last().unwrap_or_else(|| panic!("there is a {event_type}"))["position"])
}

async fn followed_from(app: &TestApp, position: &str) -> Vec<Value> {
    listed(app, &["--caused-by", position]).await
}

on_each_engine! {
    async fn what_followed_from_a_webhook_and_from_a_fix_is_listed(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let delivery = shop.post(&orders::generic("1042", "mutual_max", &["SUN"])).await.accepted("queued");
        app.settle().await;
        // Says nothing new, and nothing follows from it.
        shop.post(&orders::generic("1042", "mutual_max", &["SUN"])).await.accepted("duplicate");
        let webhook = position(app, "webhook_received").await;
        assert_eq!(types(&followed_from(app, &webhook).await), ["action_required"]);

        shop.map("SUN", "sun").await;
        assert_eq!(shop.settled(&delivery).await.0, "COMPLETED");
        assert!(followed_from(app, &position(app, "webhook_repeated").await).await.is_empty());
        let fix = position(app, "item_mapping_added").await;
        let followed = followed_from(app, &fix).await;
        let of_delivery: Vec<Value> =
            followed.iter().filter(|event| event["aggregateType"] == "delivery").cloned().collect();
        assert_eq!(types(&of_delivery), ["requeued", "started", "step_started", "asset_shared", "completed"]);
        assert_eq!(of_delivery[0]["causedBy"], json!(fix));
        assert_eq!(of_delivery[1]["causedBy"], of_delivery[0]["position"]);
        for step in &of_delivery[2..] {
            assert_eq!(step["causedBy"], of_delivery[1]["position"], "a step follows from its attempt");
        }
        // What the ledger did for it belongs to the order too.
        let of_ledger: Vec<Value> = followed.iter().filter(|event| event["aggregateType"] == "ledger").cloned().collect();
        assert_eq!(types(&of_ledger), ["credits_reserved", "reservation_settled"]);
        assert!(followed.iter().all(|event| event["correlationId"] == json!(delivery)));

        let story = printed(&run(app, &["deliveries", "explain", "1042"]).await);
        assert!(story.contains(&format!("It follows from event {fix}: A mapping was added: for the SKU “SUN” the preset sun is delivered.")), "{story}");
        let story = printed(&run(app, &["--json", "deliveries", "explain", "1042"]).await);
        let story: Value = serde_json::from_str(&story).unwrap();
        assert!(story["story"].as_array().unwrap().iter().any(|line| line["causedBy"] == json!(fix)), "{story}");
        let refused = run(app, &["events", "list", "--caused-by", "100000"]).await;
        assert!(String::from_utf8_lossy(&refused.stderr).contains("past the end"));
    }

    async fn what_a_store_and_a_merchant_asked_for_follows_from_their_question(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        shop.map("SUN", "sun").await;
        let delivery = shop.post(&orders::shopify(1042, "mutual_max", &["SUN"])).await.accepted("queued");
        assert_eq!(shop.settled(&delivery).await.0, "COMPLETED");
        let document = "mutation ($id: ID!) {
            replayWebhooks(input: { integrationId: $id, dryRun: false }) { replay { id } userErrors { code } } }";
        merchant.ask(document, json!({ "id": shop.id })).await;
        let redact = json!({ "shop_id": 1, "shop_domain": "storm.myshopify.com", "orders_to_redact": [1042],
            "customer": { "id": 7, "email": "max@music.com", "phone": null } });
        let topic = [("x-shopify-topic", "customers/redact")];
        assert_eq!(shop.post_bytes(redact.to_string().into_bytes(), &topic).await.status.as_u16(), 202);
        app.settle().await;

        let webhooks = listed(app, &["--type", "webhook_received", "--aggregate", "notice"]).await;
        let followed = followed_from(app, &text(&webhooks[0]["position"])).await;
        assert_eq!(types(&followed), ["personal_data_erased", "personal_data_erased"]);
        assert_eq!(followed[0]["aggregateId"], json!(delivery));
        assert!(followed.iter().all(|event| event["accountId"] == json!(merchant.id)));
    }

    /// Everything that marks a stored value is an object of its own, which no text that a store sends can be.
    async fn an_order_made_of_marks_is_an_order_like_any_other(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        shop.map("$erased", "sun").await;
        let marks = ["$erased", "$private", "$sealed", r#"{"$erased":true}"#];
        let items: Vec<Value> = marks.iter().map(|mark| json!({ "sku": mark, "title": mark, "quantity": 1 })).collect();
        let order = json!({ "orderId": "$sealed", "orderNumber": "$erased", "status": "accepted",
            "targetUsername": "mutual_max", "customerEmail": "max@music.com", "items": items });
        let delivery = shop.post(&order).await.accepted("queued");
        assert_eq!(shop.settled(&delivery).await.0, "COMPLETED");
        let body = app.service().data.log.body(Delivery::TYPE, &delivery, Sequence::FIRST).await.unwrap();
        assert_eq!(body, Some(order.to_string().into_bytes()), "the body is kept");

        let shown = "query ($id: ID!) {
            delivery(id: $id) { orderId orderNumber targetUsername items { sku title } timeline(first: 1) { nodes { data } } } }";
        let before = merchant.ask(shown, json!({ "id": delivery })).await["delivery"].clone();
        let webhook = &before["timeline"]["nodes"][0]["data"]["webhook"];
        assert_eq!((&before["orderId"], &before["orderNumber"]), (&json!("$sealed"), &json!("$erased")));
        assert_eq!((&webhook["order_number"], &webhook["username"]), (&json!("$erased"), &json!("mutual_max")));
        for (item, mark) in before["items"].as_array().unwrap().iter().zip(marks) {
            assert_eq!((&item["sku"], &item["title"]), (&json!(mark), &json!(mark)));
        }

        let erase = "mutation ($id: ID!) { erasePersonalData(input: { orderId: $id }) { erased userErrors { code } } }";
        let erased = merchant.ask(erase, json!({ "id": "$sealed" })).await;
        assert_eq!(erased["erasePersonalData"]["erased"], 1, "{erased}");
        let after = merchant.ask(shown, json!({ "id": delivery })).await["delivery"].clone();
        assert_eq!(after["targetUsername"], Value::Null);
        assert_eq!((&after["orderId"], &after["items"]), (&before["orderId"], &before["items"]));
        let webhook = &after["timeline"]["nodes"][0]["data"]["webhook"];
        assert_eq!((&webhook["order_number"], &webhook["username"]), (&json!("$erased"), &Value::Null));
        assert_eq!(app.service().data.log.body(Delivery::TYPE, &delivery, Sequence::FIRST).await.unwrap(), None);
    }
}
