//! A clock that was ahead and is set right: what it had set too far off holds nothing up.

use chrono::{TimeDelta, Utc};
use cloud_bridge::app::links::Links;
use domain::integration::Provider;
use serde_json::{Value, json};
use std::time::Duration;

use crate::app::{Node, Shop, TestApp, options, text};
use crate::delivering::wait_until;
use crate::engines::{Engine, on_each_engine};
use crate::orders;

/// Empty while the view does not have it yet.
async fn status(shop: &Shop<'_>, id: &str) -> String {
    let document = "query ($id: ID!) { delivery(id: $id) { status } }";
    let answer = shop.merchant.ask(document, json!({ "id": id })).await;
    answer["delivery"]["status"].as_str().unwrap_or_default().to_owned()
}

/// Until a delivery has a status, while the clock goes on as clocks do: so many seconds at a time.
async fn until(shop: &Shop<'_>, id: &str, wanted: &str, seconds_at_a_time: i64) {
    let app = shop.merchant.app;
    let began = app.clock.now();
    let waiting = wait_until(app, async || {
        let has_it = status(shop, id).await == wanted;
        if !has_it {
            app.advance(TimeDelta::seconds(seconds_at_a_time));
        }
        has_it.then_some(())
    });
    let found = tokio::time::timeout(Duration::from_secs(40), waiting).await;
    assert!(found.is_ok(), "{id} is {} after {}", status(shop, id).await, app.clock.now() - began);
    assert!(app.clock.now() - began < TimeDelta::hours(4), "{wanted} after {}", app.clock.now() - began);
}

on_each_engine! {
    async fn a_clock_that_was_a_day_ahead_holds_nothing_up(app: &TestApp) {
        let merchant = app.bare_merchant(5, 1_000).await;
        merchant.save_credentials(cloud_bridge::sandbox::DEFAULT_PASSWORD).await;
        let shop = merchant.shop(Provider::Generic).await;
        app.set_clock(TimeDelta::days(1));
        let mut ahead = vec![];
        for n in 0..5 {
            ahead.push(shop.post(&orders::generic(&format!("ahead-{n}"), "mutual_max", &["STORM"])).await.accepted("queued"));
        }
        let waiting = shop.post(&orders::generic("waits", "never_follows", &["STORM"])).await.accepted("queued");
        for id in &ahead {
            // Six attempts, and a pace of five: one of them waits for the next minute.
            until(&shop, id, "COMPLETED", 1).await;
        }
        app.advance(TimeDelta::minutes(1));
        until(&shop, &waiting, "RETRY_SCHEDULED", 1).await;
        // Five more, so that the pace is used up and one is in the queue when the clock is set right.
        for n in 5..10 {
            let id = shop.post(&orders::generic(&format!("ahead-{n}"), "mutual_max", &["STORM"])).await.accepted("queued");
            ahead.push(id);
        }
        app.set_clock(TimeDelta::days(-1));
        let new = shop.post(&orders::generic("now", "mutual_max", &["STORM"])).await.accepted("queued");
        until(&shop, &new, "COMPLETED", 1).await;
        for id in &ahead {
            until(&shop, id, "COMPLETED", 1).await;
        }
        // The customer who does not follow back is polled at their own pace again.
        let waits = "query ($id: ID!) { delivery(id: $id) { waitsUntil nextAttemptAt } }";
        let pulled_back = wait_until(app, async || {
            let found = merchant.ask(waits, json!({ "id": waiting })).await;
            let until = found["delivery"]["waitsUntil"].as_str().map(|at| at.parse::<chrono::DateTime<Utc>>().unwrap());
            until.is_none_or(|until| until - app.clock.now() < TimeDelta::hours(1)).then_some(())
        });
        tokio::time::timeout(Duration::from_secs(30), pulled_back).await.expect("it does not wait until tomorrow");
        let metrics = app.get("/metrics").await.text().await.unwrap();
        let pulled = metrics.lines().find(|line| line.starts_with("cloud_bridge_waits_pulled_back_total")).unwrap();
        assert!(!pulled.ends_with(" 0"), "{pulled}");
    }

    async fn a_lease_of_tomorrow_is_given_up_like_any_other(app: &TestApp) {
        let merchant = app.bare_merchant(1, 1_000).await;
        merchant.save_credentials(cloud_bridge::sandbox::DEFAULT_PASSWORD).await;
        let shop = merchant.shop(Provider::Generic).await;
        app.set_clock(TimeDelta::days(1));
        // Its worker holds the delivery and dies: nothing is recorded any more.
        let id = orphaned(app, &shop).await;
        app.set_clock(TimeDelta::days(-1));
        until(&shop, &id, "COMPLETED", 5).await;
    }

    async fn the_next_try_is_seen_and_moved(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("waits", "never_follows", &["STORM"])).await.accepted("queued");
        until(&shop, &id, "RETRY_SCHEDULED", 0).await;
        let move_it = r#"mutation ($id: ID!, $at: DateTime!) { moveDelivery(input: { deliveryId: $id, at: $at }) {
            delivery { nextAttemptAt waitsUntil } userErrors { code message } } }"#;
        let at = app.clock.now() + TimeDelta::days(2);
        let moved = shop.merchant.ask(move_it, json!({ "id": id, "at": at })).await;
        let delivery = &moved["moveDelivery"]["delivery"];
        for field in ["nextAttemptAt", "waitsUntil"] {
            assert_eq!(text(&delivery[field]).parse::<chrono::DateTime<Utc>>().unwrap(), at, "{field}");
        }
        let attempts = async || shop.merchant.deliveries().await[0]["attempts"].clone();
        app.advance(TimeDelta::hours(47));
        app.settle().await;
        assert_eq!(attempts().await, json!(1), "it is left alone until then");
        app.advance(TimeDelta::hours(2));
        wait_until(app, async || (attempts().await == json!(2)).then_some(())).await;
        until(&shop, &id, "RETRY_SCHEDULED", 0).await;
        let gone = shop.merchant.ask(move_it, json!({ "id": id, "at": app.clock.now() - TimeDelta::hours(1) })).await;
        let code: &Value = &gone["moveDelivery"]["userErrors"][0]["code"];
        assert_eq!(code, &json!("MOMENT_OUT_OF_REACH"));
    }
}

/// A delivery that a worker took and left without a word.
async fn orphaned(app: &TestApp, shop: &Shop<'_>) -> String {
    use domain::delivery::{DecidedOn, Delivery, DeliveryCommand, StartFacts};
    use event_log::Actor;

    let first = shop.post(&orders::generic("first", "mutual_max", &["STORM"])).await.accepted("queued");
    until(shop, &first, "COMPLETED", 0).await;
    // The pace of this minute is used up: no other worker takes it first.
    let id = shop.post(&orders::generic("orphan", "mutual_max", &["STORM"])).await.accepted("queued");
    let facts = StartFacts {
        mappings: Links::new(&app.service().data.log)
            .find(shop.id.parse().unwrap())
            .await
            .unwrap()
            .unwrap()
            .mappings
            .clone(),
        credentials_saved: true,
        api_key_active: true,
        integration_active: true,
        decided_on: DecidedOn::default(),
    };
    let now = app.clock.now();
    let log = &app.service().data.log;
    let start =
        DeliveryCommand::Start { worker: "w9".to_owned(), now, lease_until: now + TimeDelta::minutes(1), facts };
    log.execute::<Delivery>(&id, start, &Actor::Worker("w9".to_owned())).await.unwrap();
    id
}

/// Requests of a key are counted by the minute over all nodes, also when the minutes come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_of_tomorrow_uses_up_no_minute_of_today() {
    let app = TestApp::start(Engine::Postgres).await;
    let second = Node::start(options(&app.databases, &app.cortex, 0), app.clock.clone()).await;
    app.set_clock(TimeDelta::days(1));
    let ask = async |url: &str| {
        let request = reqwest::Client::new().post(format!("{url}/graphql")).bearer_auth(&app.admin.api_key);
        request.json(&json!({ "query": "{ caller { keyName } }" })).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask(&app.node.url).await, 200);
    app.set_clock(TimeDelta::days(-1));
    for n in 0..700 {
        let url = if n % 2 == 0 { &app.node.url } else { &second.url };
        assert_eq!(ask(url).await, 200, "request {n}");
        if n % 100 == 99 {
            app.advance(TimeDelta::minutes(1));
        }
    }
    second.stop().await;
    app.finish().await;
}
