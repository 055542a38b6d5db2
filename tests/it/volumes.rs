//! What a sender of webhooks, or an attacker who has captured one, can make us store: the same bytes once, a few notes of their
//! repetitions, and no more in a day than an account may.

use std::time::Duration;

use chrono::{DurationRound as _, TimeDelta};
use cloud_bridge::app::limits::Limits;
use cloud_bridge::service::ServiceOptions;
use domain::integration::Provider;
use reqwest::StatusCode;
use serde_json::{Value, json};
use storage::Sql;

use crate::app::{Answer, Shop, TestApp, text};
use crate::delivering::wait_until;
use crate::engines::{Engine, given_each_engine, on_each_engine};
use crate::orders;

#[derive(sqlx::FromRow)]
struct Stored {
    events: i64,
    bytes: i64,
}

async fn stored(app: &TestApp) -> Stored {
    let sql = "SELECT count(*) AS events, CAST(coalesce(sum(coalesce(length(body), 0) + length(CAST(payload AS text))), 0) \
               AS bigint) AS bytes FROM events WHERE event_type IN ('webhook_received', 'webhook_repeated')";
    app.service().data.log.raw_database().fetch_one::<Stored>(Sql::new(sql)).await.unwrap()
}

async fn receipts(shop: &Shop<'_>) -> Vec<Value> {
    let document = "{ webhookReceipts(first: 100) { nodes { outcome reason count } } }";
    shop.merchant.ask(document, json!({})).await["webhookReceipts"]["nodes"].as_array().unwrap().clone()
}

fn of(receipts: &[Value], outcome: &str) -> (usize, i64) {
    let found: Vec<_> = receipts.iter().filter(|receipt| receipt["outcome"] == json!(outcome)).collect();
    (found.len(), found.iter().map(|receipt| receipt["count"].as_i64().unwrap()).sum())
}

/// Text that no compression makes small.
fn noise(bytes: usize) -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
    };
    (0..bytes).map(|_| next()).collect()
}

/// Repetitions are counted by the hour: none begins in the middle of the story.
fn an_hour_begins(app: &TestApp) {
    let now = app.clock.now();
    let began = now.duration_trunc(TimeDelta::hours(1)).expect("an hour is a duration");
    app.advance(began + TimeDelta::hours(1) - now);
}

on_each_engine! {
    /// Stores date their orders: the date is no reason to take the same webhook for a newer one.
    async fn a_dated_order_is_stored_once_too(app: &TestApp) {
        an_hour_begins(app);
        let merchant = app.merchant().await;
        let changed = "2026-11-28T09:15:02";
        let mut shopify = orders::shopify(1042, "mutual_max", &["STORM"]);
        shopify["updated_at"] = json!(format!("{changed}-05:00"));
        let mut woocommerce = orders::woocommerce(1043, "processing", "mutual_max", &["STORM"]);
        woocommerce["date_modified_gmt"] = json!(changed);
        let mut generic = orders::generic("1044", "mutual_max", &["STORM"]);
        generic["updatedAt"] = json!(format!("{changed}Z"));
        for (provider, order) in [(Provider::Shopify, shopify), (Provider::WooCommerce, woocommerce), (Provider::Generic, generic)] {
            let shop = merchant.shop(provider).await;
            shop.post(&order).await.accepted("queued");
            let once = stored(app).await;
            for _ in 0..30 {
                shop.post(&order).await.accepted("duplicate");
            }
            let after = stored(app).await;
            assert_eq!(after.events, once.events + 20, "{provider:?}: the rest of the hour is only counted");
        }
    }

    async fn a_captured_order_is_stored_once_however_often_it_is_sent(app: &TestApp) {
        an_hour_begins(app);
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let mut order = orders::generic("1042", "mutual_max", &["STORM"]);
        order["note"] = json!(noise(500_000));
        let id = shop.post(&order).await.accepted("queued");
        let once = stored(app).await;
        for _ in 0..200 {
            shop.post(&order).await.accepted("duplicate");
        }
        let after = stored(app).await;
        assert_eq!(after.events, once.events + 20, "the rest of the hour is only counted");
        assert!(after.bytes < once.bytes + 50_000, "{} grew to {}", once.bytes, after.bytes);
        app.settle().await;
        let receipts = receipts(&shop).await;
        assert_eq!((of(&receipts, "DUPLICATE"), of(&receipts, "REPEATED")), ((20, 20), (1, 180)));
        assert_eq!(shop.settled(&id).await.0, "COMPLETED");
        // A revision is taken all the same, and in the next hour repetitions are noted again.
        order["items"] = json!([{ "sku": "STORM" }, { "sku": "RAIN" }]);
        shop.post(&order).await;
        app.advance(TimeDelta::hours(1));
        shop.post(&order).await.accepted("duplicate");
        assert_eq!(stored(app).await.events, after.events + 2);
        let story = "query ($id: ID!) { delivery(id: $id) { timeline(first: 50) { nodes { type summary } } } }";
        let timeline = shop.merchant.ask(story, json!({ "id": id })).await.to_string();
        assert!(timeline.contains("again, to the byte as in its webhook 1"), "{timeline}");
    }

    async fn a_webhook_that_is_no_order_is_stored_once_too(app: &TestApp) {
        an_hour_begins(app);
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        let product = json!({ "id": 632_910_392, "title": "Storm", "body_html": noise(500_000) });
        let body = product.to_string().into_bytes();
        for n in 0..120 {
            // What is not signed changes nothing: not the id, nor the topic.
            let topic = if n % 2 == 0 { "products/update" } else { "products/create" };
            let headers = [("x-shopify-topic", topic), ("x-shopify-webhook-id", &format!("w-{n}"))];
            let answer = shop.post_bytes(body.clone(), &headers).await;
            assert_eq!((answer.status, &answer.body["status"]), (StatusCode::ACCEPTED, &json!("not_an_order")));
        }
        let after = stored(app).await;
        assert_eq!(after.events, 21);
        assert!(after.bytes < 600_000, "{}", after.bytes);
        app.settle().await;
        let receipts = receipts(&shop).await;
        assert_eq!((of(&receipts, "NOT_AN_ORDER"), of(&receipts, "REPEATED")), ((21, 21), (1, 99)));
    }
}

async fn an_account_stores_no_more_in_a_day_than_it_may(engine: Engine) {
    let app = TestApp::start(engine).await;
    let shop = app.merchant().await.bare_shop(Provider::Generic, &[]).await.known();
    let neighbour = app.merchant().await.bare_shop(Provider::Generic, &[]).await.known();
    let tight = |options: ServiceOptions| {
        let limits = Limits { daily_bytes: 300_000, ..Limits::default() };
        ServiceOptions { limits, ..options }
    };
    let app = app.stop_node().await.start_with(tight).await;
    let mut taken = 0;
    let refused = loop {
        let answer = post(&app.again(&shop), taken).await;
        if answer.status != StatusCode::ACCEPTED {
            break answer;
        }
        taken += 1;
    };
    refused.refused(429, "daily_limit");
    assert!((13..=15).contains(&taken), "{taken}");
    let shown = receipts(&app.again(&shop)).await;
    assert!(shown.iter().any(|receipt| receipt["reason"] == json!("daily_limit")), "{shown:?}");
    post(&app.again(&neighbour), 100).await.accepted("queued");
    // What was counted outlives the process.
    let app = app.stop_node().await.start_with(tight).await;
    post(&app.again(&shop), 200).await;
    let still_full =
        wait_until(&app, async || (post(&app.again(&shop), 300).await.status != StatusCode::ACCEPTED).then_some(()));
    tokio::time::timeout(Duration::from_secs(5), still_full).await.expect("it is full as before");
    app.advance(TimeDelta::days(1));
    post(&app.again(&shop), 400).await.accepted("queued");
    app.finish().await;
}

async fn post(shop: &Shop<'_>, n: usize) -> Answer {
    let mut order = orders::generic(&n.to_string(), "never_follows", &["STORM"]);
    order["note"] = json!(noise(20_000));
    shop.post(&order).await
}

given_each_engine! { an_account_stores_no_more_in_a_day_than_it_may }

async fn limited(app: &TestApp, key: &str, document: &str) -> Value {
    let answer = app.ask(key, document, json!({})).await;
    answer.as_object().unwrap().values().map(|payload| payload["userErrors"][0]["code"].clone()).collect()
}

async fn an_account_has_no_more_of_anything_than_it_may(engine: Engine) {
    let app = TestApp::start(engine).await;
    let tight = |options: ServiceOptions| {
        let limits = Limits { integrations: 3, api_keys: 3, mappings: 3, ..Limits::default() };
        ServiceOptions { limits, ..options }
    };
    let app = app.stop_node().await.start_with(tight).await;
    let merchant = app.merchant().await;
    let shop = merchant.bare_shop(Provider::Generic, &[]).await;
    let five = |field: &str| {
        (0..5).map(|n| format!("a{n}: {}", field.replace('#', &n.to_string()))).collect::<Vec<_>>().concat()
    };
    let none = Value::Null;
    let create = five("createIntegration(input: { provider: GENERIC, name: \"#\" }) { userErrors { code } } ");
    let reached = json!("TOO_MANY_INTEGRATIONS");
    let all = limited(&app, &merchant.key, &format!("mutation {{ {create} }}")).await;
    assert_eq!(all, json!([none, none, reached, reached, reached]));
    let keys = five("createApiKey(input: { name: \"#\" }) { userErrors { code } } ");
    let reached = json!("TOO_MANY_API_KEYS");
    assert_eq!(
        limited(&app, &merchant.key, &format!("mutation {{ {keys} }}")).await,
        json!([none, none, reached, reached, reached])
    );
    // One that is not used any more takes no place, so that keys can be changed for ever.
    for name in ["one", "two", "three", "four"] {
        let keys = merchant.ask("{ account { apiKeys { id name active } } }", json!({})).await;
        let keys = keys["account"]["apiKeys"].as_array().unwrap().clone();
        let oldest = keys.iter().find(|key| key["active"] == json!(true) && key["name"] != keys[0]["name"]).unwrap();
        let change = format!(
            "mutation {{ a: deactivateApiKey(input: {{ apiKeyId: \"{}\" }}) {{ userErrors {{ code }} }} \
             b: createApiKey(input: {{ name: \"{name}\" }}) {{ userErrors {{ code }} }} }}",
            text(&oldest["id"])
        );
        assert_eq!(limited(&app, &merchant.key, &change).await, json!([none, none]), "{keys:?}");
    }
    let map = format!(
        "addItemMapping(input: {{ integrationId: \"{}\", matchType: SKU, externalRef: \"#\", resourceType: PRESET, resourceId: \"p#\" }}) {{ userErrors {{ code }} }} ",
        shop.id
    );
    let reached = json!("TOO_MANY_MAPPINGS");
    let all = limited(&app, &merchant.key, &format!("mutation {{ {} }}", five(&map))).await;
    assert_eq!(all, json!([none, none, none, reached, reached]));
    app.finish().await;
}

given_each_engine! { an_account_has_no_more_of_anything_than_it_may }
