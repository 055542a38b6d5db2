//! What a connected store changed and never sent is found, and goes the same way as if it had.

mod interrupted;

use chrono::TimeDelta;
use cloud_bridge::store_sandbox::{Fault, FaultScript, HoldPoint, NewLine, NewOrder, On, Operation, Stage, Webhook};
use domain::IntegrationId;
use domain::store::{LEASE, Step, Store, StoreCommand};
use event_log::Actor;
use serde_json::{Value, json};

use super::webhooks::{checked, topics};
use super::{Browser, SHOP, begin, connected, connection, open_shop};
use crate::app::{CLIENT_SECRET, Merchant, TestApp, text};
use crate::delivering::{preset, wait_until};
use crate::engines::{Engine, on_each_engine};

/// A webhook may be on its way for so long.
fn grace() -> TimeDelta {
    TimeDelta::minutes(5)
}

/// A shop that is connected, whose product STORM is mapped, after its first comparison.
pub(super) async fn watched(merchant: &Merchant<'_>, input: Value) -> String {
    let id = connected(merchant, input).await;
    checked(merchant, &id, "CONNECTED").await;
    map(merchant, &id).await;
    // The next comparison that is due by itself is an hour away.
    merchant.app.advance(grace());
    compare(merchant, &id).await;
    merchant.app.settle().await;
    id
}

/// An order that the shop never sends, and that is found.
pub(super) async fn an_order_is_missed(merchant: &Merchant<'_>, id: &str) {
    merchant.app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
    merchant.app.advance(grace() + TimeDelta::seconds(1));
    assert_eq!(fetched(merchant, id).await, json!(1));
}

async fn map(merchant: &Merchant<'_>, id: &str) {
    let document = "mutation ($input: AddItemMappingInput!) { addItemMapping(input: $input) { userErrors { code } } }";
    let input = json!({ "integrationId": id, "matchType": "SKU", "externalRef": "STORM",
        "resourceType": "PRESET", "resourceId": "storm" });
    assert_eq!(merchant.ask(document, json!({ "input": input })).await["addItemMapping"]["userErrors"], json!([]));
}

fn storm(username: &str) -> NewOrder {
    NewOrder::of(username, NewLine { quantity: 2, ..NewLine::of_sku("STORM", "Storm Drive") })
}

/// Posts what the shop sent.
async fn post(app: &TestApp, id: &str, webhook: &Webhook) -> Value {
    let code = signing::code(CLIENT_SECRET.as_bytes(), &[webhook.body.as_bytes()]);
    let sent = app
        .http
        .post(format!("{}/api/webhooks/shopify/{id}", app.node.url))
        .header("x-shopify-hmac-sha256", signing::Encoding::Base64.encoded(&code))
        .header("x-shopify-topic", webhook.topic)
        .body(webhook.body.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status().as_u16(), 202);
    sent.json().await.unwrap()
}

pub(super) async fn comparison(merchant: &Merchant<'_>, id: &str) -> Value {
    let document = "query ($id: ID!) { integration(id: $id) { storeComparison { comparedThrough awaited comparedAt nextComparisonAt
        failure latest { changed received fetched unchanged unreadable { orderId reason } longestDelaySeconds } } } }";
    merchant.ask(document, json!({ "id": id })).await["integration"]["storeComparison"].clone()
}

async fn gaps(merchant: &Merchant<'_>, id: &str) -> Value {
    let document =
        "query ($id: ID!) { integration(id: $id) { storeGaps { sentence sent received fetched polled awaited unreadable unchanged
        averageDelaySeconds longestFetchDelaySeconds days { comparisons sent fetched } } } }";
    merchant.ask(document, json!({ "id": id })).await["integration"]["storeGaps"].clone()
}

async fn sync(merchant: &Merchant<'_>, id: &str) -> Value {
    let document = "mutation ($input: SyncStoreInput!) { syncStore(input: $input) { isDone userErrors { code } } }";
    merchant.ask(document, json!({ "input": { "integrationId": id } })).await["syncStore"].clone()
}

/// Compares at once, and returns what was found.
async fn compare(merchant: &Merchant<'_>, id: &str) -> Value {
    assert_eq!(sync(merchant, id).await, json!({ "isDone": true, "userErrors": [] }));
    let stands = comparison(merchant, id).await;
    assert_eq!(stands["failure"], json!(null));
    stands["latest"].clone()
}

/// How many were fetched today, after another comparison: the one that was due by itself may have found them.
async fn fetched(merchant: &Merchant<'_>, id: &str) -> Value {
    compare(merchant, id).await;
    gaps(merchant, id).await["fetched"].clone()
}

/// The sentences of a delivery, oldest first.
async fn sentences(merchant: &Merchant<'_>, id: &str) -> Vec<String> {
    let document = "query ($id: ID!) { delivery(id: $id) { timeline(first: 50) { nodes { summary } } } }";
    let found = merchant.ask(document, json!({ "id": id })).await;
    found["delivery"]["timeline"]["nodes"].as_array().unwrap().iter().map(|event| text(&event["summary"])).collect()
}

on_each_engine! {
    async fn an_order_that_was_never_sent_is_fetched_and_delivered_once(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        let lost = app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        app.advance(TimeDelta::hours(1));
        wait_until(app, || async { (comparison(&merchant, &id).await["latest"]["fetched"] == json!(1)).then_some(()) }).await;
        app.settle().await;
        let delivered = merchant.deliveries().await;
        assert_eq!((delivered.len(), &delivered[0]["status"]), (1, &json!("COMPLETED")));
        assert_eq!((&delivered[0]["targetUsername"], &delivered[0]["items"][0]["sku"]), (&json!("follows_at_once"), &json!("STORM")));

        let said = gaps(&merchant, &id).await;
        assert_eq!(said["sentence"], json!("1 order was fetched because the store never sent it."));
        assert_eq!((&said["sent"], &said["received"], &said["fetched"]), (&json!(1), &json!(0), &json!(1)));
        assert!(said["longestFetchDelaySeconds"].as_f64().unwrap() >= 3_000.0, "{said}");
        let receipts = merchant.ask("{ webhookReceipts(first: 10) { nodes { source outcome topic } } }", json!({})).await;
        let receipt = json!({ "source": "RECONCILIATION", "outcome": "ACCEPTED", "topic": "orders/updated" });
        assert!(receipts["webhookReceipts"]["nodes"].as_array().unwrap().contains(&receipt), "{receipts}");
        let sentences = sentences(&merchant, &text(&delivered[0]["id"])).await;
        assert!(sentences[0].contains("No webhook had come of it") && sentences[0].contains("was fetched"), "{sentences:?}");

        // It comes after all.
        assert_eq!(post(app, &id, &lost).await["outcome"], json!("duplicate"));
        app.settle().await;
        assert_eq!(app.cortex.share_count(preset("storm"), "follows_at_once").effective, 1);
        assert_eq!(fetched(&merchant, &id).await, json!(1));
        let seen = merchant.deliveries().await;
        assert_eq!(seen.iter().filter(|delivery| delivery["duplicateOf"].is_null()).count(), 1, "{seen:?}");
    }

    async fn what_came_is_not_fetched_and_what_may_be_coming_is_waited_for(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        let came = app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        post(app, &id, &came).await;
        app.stores.place_order(SHOP, storm("mutual_max")).unwrap();
        let found = compare(&merchant, &id).await;
        assert_eq!((&found["changed"], &found["received"], &found["fetched"]), (&json!(2), &json!(1), &json!(0)));
        assert_eq!(comparison(&merchant, &id).await["awaited"], json!(1));
        assert_eq!(app.stores.call_count(Operation::ShopifyOrder).arrived, 0);
        // It is looked for again by itself.
        app.advance(grace());
        wait_until(app, || async { (comparison(&merchant, &id).await["latest"]["fetched"] == json!(1)).then_some(()) }).await;
        let stands = comparison(&merchant, &id).await;
        assert_eq!((&stands["awaited"], &stands["latest"]["changed"]), (&json!(0), &json!(0)));
        let said = gaps(&merchant, &id).await;
        assert_eq!((&said["sent"], &said["received"], &said["fetched"]), (&json!(2), &json!(1), &json!(1)));
        app.settle().await;
        assert_eq!(merchant.deliveries().await.len(), 2);
    }

    async fn a_change_that_was_never_sent_counts_as_well(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        let placed = NewOrder { unpaid: true, status: Some("pending".to_owned()), ..storm("follows_at_once") };
        let placed = app.stores.place_order(SHOP, placed).unwrap();
        post(app, &id, &placed).await;
        app.settle().await;
        assert_eq!(merchant.deliveries().await[0]["resolutionCode"], json!("ORDER_STATUS_FILTERED"));
        app.advance(TimeDelta::minutes(2));
        app.stores.pay(SHOP, &placed.order).unwrap();
        app.advance(grace());
        assert_eq!(fetched(&merchant, &id).await, json!(1));
        app.settle().await;
        let delivered = merchant.deliveries().await;
        assert_eq!((delivered.len(), &delivered[0]["status"]), (1, &json!("COMPLETED")));
        // A partial refund says nothing that was known.
        app.advance(TimeDelta::minutes(2));
        app.stores.refund(SHOP, &placed.order, 0, 1).unwrap();
        app.advance(grace());
        assert_eq!(fetched(&merchant, &id).await, json!(2));
        let sentences = sentences(&merchant, &text(&delivered[0]["id"])).await;
        assert!(sentences.last().unwrap().contains("No webhook had come of it"), "{sentences:?}");
    }

    async fn an_order_that_is_only_published_is_published_when_it_was_never_sent(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({ "purpose": "PUBLISHES" })).await;
        app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        app.advance(grace() + TimeDelta::seconds(1));
        assert_eq!(fetched(&merchant, &id).await, json!(1));
        app.settle().await;
        let events = merchant.ask("{ commerceEvents(first: 10) { nodes { type } } }", json!({})).await;
        let types: Vec<String> = events["commerceEvents"]["nodes"].as_array().unwrap().iter().map(|event| text(&event["type"])).collect();
        assert!(types.contains(&"order.paid".to_owned()) && types.contains(&"order.created".to_owned()), "{types:?}");
        let before = types.len();
        assert_eq!(fetched(&merchant, &id).await, json!(1));
        app.settle().await;
        let events = merchant.ask("{ commerceEvents(first: 10) { nodes { type } } }", json!({})).await;
        assert_eq!(events["commerceEvents"]["nodes"].as_array().unwrap().len(), before);
    }

    async fn a_missed_order_has_the_webhooks_checked(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        // Somebody deletes them every minute.
        for minute in 0..10 {
            app.stores.drop_subscriptions(SHOP, None).unwrap();
            app.stores.place_order(SHOP, storm(&format!("customer_{minute}"))).unwrap();
            app.advance(TimeDelta::minutes(1));
        }
        app.advance(grace());
        assert_eq!(fetched(&merchant, &id).await, json!(10));
        let stands = checked(&merchant, &id, "MISSED").await;
        assert_eq!((stands["present"].as_i64(), stands["missing"].as_array().unwrap().len()), (Some(0), 9));
        assert_eq!(topics(app, &id).len(), 9);
    }

    async fn what_a_shop_sold_while_the_integration_was_switched_off_is_not_fetched(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        let switch = async |active: bool| {
            let document = "mutation ($input: UpdateIntegrationInput!) { updateIntegration(input: $input) { userErrors { code } } }";
            let input = json!({ "integrationId": id, "active": active });
            assert_eq!(merchant.ask(document, json!({ "input": input })).await["updateIntegration"]["userErrors"], json!([]));
            app.settle().await;
        };
        switch(false).await;
        app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        app.advance(TimeDelta::hours(3));
        assert_eq!(sync(&merchant, &id).await["userErrors"], json!([{ "code": "NOT_CONNECTED" }]));
        app.stores.place_order(SHOP, storm("slow_sam")).unwrap();
        app.advance(TimeDelta::seconds(5));
        switch(true).await;
        app.stores.place_order(SHOP, storm("mutual_max")).unwrap();
        app.advance(grace() + TimeDelta::seconds(1));
        compare(&merchant, &id).await;
        app.settle().await;
        let delivered = merchant.deliveries().await;
        assert_eq!((delivered.len(), &delivered[0]["targetUsername"]), (1, &json!("mutual_max")));
    }

    async fn a_merchant_has_no_store_of_another_compared(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        let other = app.merchant().await;
        assert_eq!(sync(&other, &id).await["userErrors"], json!([{ "code": "NOT_FOUND" }]));
        let shop = other.shop(domain::integration::Provider::Generic).await;
        assert_eq!(sync(&other, &shop.id).await["userErrors"], json!([{ "code": "CANNOT_SYNC" }]));
        assert_eq!(comparison(&other, &shop.id).await, json!(null));
    }

    async fn what_a_shop_sold_before_it_was_connected_is_not_fetched(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        app.advance(TimeDelta::seconds(5));
        let id = watched(&merchant, json!({})).await;
        assert_eq!(fetched(&merchant, &id).await, json!(0));
        assert_eq!(gaps(&merchant, &id).await["sentence"], json!("The store changed no order."));
        assert_eq!(merchant.deliveries().await, [json!(null); 0]);
    }

    async fn more_orders_than_are_remembered_as_coming_are_looked_for_when_these_should_have_come(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        for number in 0..130 {
            app.stores.place_order(SHOP, storm(&format!("customer_{number}"))).unwrap();
        }
        compare(&merchant, &id).await;
        let stands = comparison(&merchant, &id).await;
        assert_eq!(stands["awaited"], json!(100));
        let said = gaps(&merchant, &id).await;
        assert_eq!(said["sentence"], json!("100 orders are not here yet, and may be on the way."));
        let lists = app.stores.call_count(Operation::ShopifyOrders).arrived;
        app.settle().await;
        assert_eq!(app.stores.call_count(Operation::ShopifyOrders).arrived, lists, "it rests");
        app.advance(grace() + TimeDelta::seconds(1));
        wait_until(app, || async { (gaps(&merchant, &id).await["fetched"] == json!(130)).then_some(()) }).await;
        app.settle().await;
        let said = gaps(&merchant, &id).await;
        assert_eq!((&said["sent"], &said["received"], &said["awaited"]), (&json!(130), &json!(0), &json!(0)), "{said}");
        assert_eq!(app.stores.call_count(Operation::ShopifyOrder).arrived, 130);
    }

    async fn a_store_that_is_asked_sends_no_webhooks_and_nothing_counts_as_missed(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = watched(&merchant, json!({})).await;
        let poll = async |minutes: u32| {
            let document = "mutation ($input: UpdateIntegrationInput!) { updateIntegration(input: $input) {
                integration { pollEveryMinutes } userErrors { code } } }";
            let input = json!({ "integrationId": id, "pollEveryMinutes": minutes });
            let answer = merchant.ask(document, json!({ "input": input })).await["updateIntegration"].clone();
            app.settle().await;
            answer
        };
        assert_eq!(poll(4).await["userErrors"], json!([{ "code": "INVALID_POLL_INTERVAL" }]));
        assert_eq!(poll(15).await["integration"]["pollEveryMinutes"], json!(15));
        assert_eq!(topics(app, &id), ["app/uninstalled"]);
        app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        // It is not waited for a webhook.
        app.advance(TimeDelta::minutes(15));
        wait_until(app, || async { (comparison(&merchant, &id).await["latest"]["fetched"] == json!(1)).then_some(()) }).await;
        app.settle().await;
        assert_eq!(merchant.deliveries().await[0]["status"], json!("COMPLETED"));
        let receipts = merchant.ask("{ webhookReceipts(first: 1) { nodes { source } } }", json!({})).await;
        assert_eq!(receipts["webhookReceipts"]["nodes"][0]["source"], json!("POLLING"));
        let said = gaps(&merchant, &id).await;
        assert_eq!((&said["polled"], &said["fetched"]), (&json!(1), &json!(0)), "{said}");
        assert_eq!(topics(app, &id), ["app/uninstalled"]);
        // Its webhooks are made again.
        poll(0).await;
        assert_eq!(topics(app, &id).len(), 9);
        let shop = merchant.shop(domain::integration::Provider::Generic).await;
        let document = "mutation ($input: UpdateIntegrationInput!) { updateIntegration(input: $input) { userErrors { code } } }";
        let input = json!({ "integrationId": shop.id, "pollEveryMinutes": 15 });
        let refused = merchant.ask(document, json!({ "input": input })).await;
        assert_eq!(refused["updateIntegration"]["userErrors"], json!([{ "code": "CANNOT_POLL" }]));
    }
}
