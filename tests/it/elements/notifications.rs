//! What happens is sent to subscriptions, waits where it may not be, and is pulled, replayed and counted.

use chrono::{SecondsFormat, TimeDelta};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Program, buy, id_of, order, receiver, send, text};
use crate::app::{Merchant, TestApp};
use crate::connecting::SHOP;
use crate::dispatching::until;
use crate::engines::on_each_engine;

const QUEUED: &str = "/notifications/subscriptions/deliveries?where=channel='webhook'%20and%20status='queued'";

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

/// The endpoint of the only subscription.
async fn endpoint(merchant: &Merchant<'_>) -> domain::EndpointId {
    let found = merchant.ask("{ endpoints(first: 5) { nodes { id } } }", json!({})).await;
    text(&found["endpoints"]["nodes"][0]["id"]).parse().unwrap()
}

on_each_engine! {
    async fn what_happens_while_an_instance_is_disabled_waits_and_can_be_pulled(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let path = format!("/instances/{}", id_of(&instance));
        program.delete(&format!("{path}/enabled")).await.ok();
        let ordered = buy(app, "follows_at_once").await;
        app.settle().await;
        assert_eq!(events.more().len(), 0);
        let pulled = program.get(&format!("{QUEUED}&hydrate=true")).await.ok();
        let [delivery] = list(&pulled).as_slice() else { panic!("one waits: {pulled}") };
        assert_eq!((&delivery["status"], delivery["subscriptionId"].is_u64()), (&json!("queued"), true));
        assert_eq!(delivery["subscription"]["active"], json!(false));
        let body: Value = serde_json::from_str(delivery["notification"]["message"].as_str().unwrap()).unwrap();
        assert_eq!(body["message"]["events"][0]["objectId"], json!(ordered));
        assert_eq!(body["message"]["eventId"], delivery["notificationId"]);
        assert_eq!(program.call(reqwest::Method::PUT, QUEUED, None).await.ok(), json!([]), "it is disabled");
        app.settle().await;
        assert_eq!(events.more().len(), 0);
        program.put(&format!("{path}/enabled")).await.ok();
        assert_eq!(events.next().await.body["message"]["eventId"], delivery["notificationId"]);
        until(app, endpoint(&merchant).await, &[("delivered", 1)]).await;
        assert_eq!(program.get(QUEUED).await.ok(), json!([]));
        assert_eq!(program.get("/notifications/subscriptions/deliveries?where=status='delivered'").await.ok()[0]["notificationId"], delivery["notificationId"]);
    }

    async fn events_that_are_switched_off_wait_too(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let enabled = format!("/instances/{}/configuration/event.notification.enabled", id_of(&instance));
        program.patch(&enabled, &json!({ "propertyValue": "false" })).await.ok();
        buy(app, "follows_at_once").await;
        app.settle().await;
        assert_eq!((events.more().len(), list(&program.get(QUEUED).await.ok()).len()), (0, 1));
        program.patch(&enabled, &json!({ "propertyValue": true })).await.ok();
        events.next().await;
    }

    async fn a_subscription_that_fails_is_deactivated_and_replayed(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let subscription = text(&instance["configuration"]["event.notification.subscription.id"]);
        let subscription = format!("/notifications/subscriptions/{subscription}");
        let id = endpoint(&merchant).await;
        events.responds_always(503);
        buy(app, "follows_at_once").await;
        // Nine retries, each 4 to the power of its number of seconds after the first failure.
        for attempt in 1..=10_u32 {
            events.next().await;
            let status = if attempt == 10 { "dead_letter" } else { "retrying" };
            until(app, id, &[(status, attempt.into())]).await;
            if attempt == 1 {
                let retried = program.get("/notifications/subscriptions/deliveries?where=status='retry'").await.ok();
                assert_eq!(list(&retried).len(), 1);
            }
            app.advance(TimeDelta::seconds(4_i64.pow(attempt)) * 2);
        }
        assert_eq!(program.get(&subscription).await.ok()["active"], json!(false));
        buy(app, "follows_at_once").await;
        app.settle().await;
        assert_eq!(events.more().len(), 0, "what comes later is queued");
        let queued = program.get(QUEUED).await.ok();
        assert_eq!(list(&queued).len(), 2);
        let dispositions = program.get("/instances/events/dispositions?from=2020-01-01T00:00:00Z").await.ok();
        let message = text(&dispositions[0]["notificationData"][0]["message"]);
        assert!(message.starts_with("Error delivering event: ") && message.contains("503"), "{message}");
        assert_eq!(dispositions[0]["elementInstanceId"], instance["id"]);
        let other = format!("{QUEUED}%20and%20config.url='https://other.example'");
        assert_eq!(program.call(reqwest::Method::PUT, &other, None).await.ok(), json!([]));
        events.is_mended();
        let this = format!("{QUEUED}%20and%20config.url='{}'", events.url);
        assert_eq!(list(&program.call(reqwest::Method::PUT, &this, None).await.ok()).len(), 2);
        let mut came: Vec<String> = events.take(2).await.iter().map(|sent| text(&sent.body["message"]["eventId"])).collect();
        came.sort_unstable();
        let mut expected: Vec<String> = list(&queued).iter().map(|one| text(&one["notificationId"])).collect();
        expected.sort_unstable();
        assert_eq!(came, expected);
        until(app, id, &[("delivered", 11), ("delivered", 1)]).await;
        assert_eq!(program.get(&subscription).await.ok()["active"], json!(true));
        assert_eq!(program.get(QUEUED).await.ok(), json!([]));
    }

    async fn an_account_that_queues_has_nothing_retried(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        program.instance(&events.url).await;
        let id = endpoint(&merchant).await;
        let policy = |policy: &str| json!({ "notification.webhook.failure.policy": policy });
        program.patch("/accounts/settings", &policy("queue")).await.ok();
        events.responds([500, 500]);
        for failed in [&[("dead_letter", 1)][..], &[("dead_letter", 1), ("dead_letter", 1)]] {
            buy(app, "follows_at_once").await;
            events.next().await;
            until(app, id, failed).await;
        }
        app.advance(TimeDelta::days(10));
        app.settle().await;
        assert_eq!(events.more().len(), 0);
        assert_eq!(list(&program.get(QUEUED).await.ok()).len(), 2);
        assert_eq!(program.get("/notifications/subscriptions").await.ok()[0]["active"], json!(true));
        assert_eq!(list(&program.call(reqwest::Method::PUT, QUEUED, None).await.ok()).len(), 2);
        events.take(2).await;
        until(app, id, &[("delivered", 2), ("delivered", 2)]).await;
        program.patch("/accounts/settings", &policy("retry")).await.ok();
        events.responds([500]);
        buy(app, "follows_at_once").await;
        events.next().await;
        until(app, id, &[("delivered", 2), ("delivered", 2), ("retrying", 1)]).await;
    }

    async fn an_instance_has_more_than_one_subscription(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events, mut more) = (Program::of(&merchant), receiver(app).await, receiver(app).await);
        let instance = program.instance(&events.url).await;
        let topic = format!("instance-{}-shopify-events", id_of(&instance));
        let first = program.get("/notifications/subscriptions").await.ok();
        let expected = json!([{
            "id": text(&instance["configuration"]["event.notification.subscription.id"]).parse::<u64>().unwrap(),
            "channel": "webhook", "topics": [topic], "config": { "url": events.url }, "active": true,
        }]);
        assert_eq!(first, expected);
        let new = json!({ "channel": "webhook", "topics": [topic], "config": { "url": more.url } });
        let added = program.post("/notifications/subscriptions", &new).await.ok();
        assert_eq!((&added["topics"], &added["active"]), (&json!([topic]), &json!(true)));
        let path = format!("/notifications/subscriptions/{}", added["id"]);
        assert_eq!(program.get(&path).await.ok(), added);
        buy(app, "follows_at_once").await;
        let (one, other) = (events.next().await, more.next().await);
        assert_eq!(one.bytes, other.bytes);
        assert_eq!(one.header("elements-webhook-signature"), other.header("elements-webhook-signature"), "the same key");
        program.delete(&path).await.ok();
        program.get(&path).await.refused(404);
        buy(app, "follows_at_once").await;
        events.next().await;
        app.settle().await;
        assert_eq!(more.more().len(), 0);
        for wrong in [
            json!({ "channel": "webhook", "topics": [topic] }),
            json!({ "channel": "email", "topics": [topic], "config": { "url": more.url } }),
            json!({ "channel": "webhook", "topics": [], "config": { "url": more.url } }),
            json!({ "channel": "webhook", "topics": ["orders"], "config": { "url": more.url } }),
            json!({ "channel": "webhook", "topics": [topic], "config": { "url": "http://10.0.0.1/" } }),
        ] {
            program.post("/notifications/subscriptions", &wrong).await.refused(400);
        }
        let elsewhere = json!({ "topics": ["instance-1-shopify-events"], "config": { "url": more.url } });
        program.post("/notifications/subscriptions", &elsewhere).await.refused(404);
    }

    async fn an_event_is_read_with_what_the_store_sent_and_what_was_notified(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        assert_eq!(program.get("/instances/events").await.ok(), json!([]));
        let webhook = app.stores.place_order(SHOP, order("follows_at_once")).unwrap();
        send(app, &webhook).await;
        let sent = events.next().await;
        until(app, endpoint(&merchant).await, &[("delivered", 1)]).await;
        let listed = program.get(&format!("/instances/{}/events", id_of(&instance))).await.ok();
        let [event] = list(&listed).as_slice() else { panic!("one happened: {listed}") };
        assert_eq!((&event["id"], &event["status"]), (&sent.body["message"]["eventId"], &json!("NOTIFIED")));
        assert_eq!(event["providerData"], json!(webhook.body));
        assert_eq!(event["notifiedData"], json!([String::from_utf8_lossy(&sent.bytes)]));
        let of_instance = &event["eventElementInstances"][0];
        assert_eq!((&of_instance["elementInstanceId"], &of_instance["eventId"]), (&instance["id"], &event["id"]));
        assert_eq!(program.get("/instances/events").await.ok(), listed);
        for path in ["/instances/events".to_owned(), format!("/instances/{}/events", id_of(&instance))] {
            assert_eq!(program.get(&format!("{path}/{}", text(&event["id"]))).await.ok(), *event);
        }
        buy(app, "follows_at_once").await;
        events.next().await;
        let page = program.get("/instances/events?pageSize=1").await;
        let next = program.get(&format!("/instances/events?pageSize=1&nextPage={}", page.next_page.unwrap())).await;
        assert_eq!(next.body, listed);
    }

    async fn events_are_counted_minute_by_minute(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let from = app.clock.now();
        app.advance(TimeDelta::seconds(90));
        buy(app, "follows_at_once").await;
        events.next().await;
        until(app, endpoint(&merchant).await, &[("delivered", 1)]).await;
        let at = |moment: chrono::DateTime<chrono::Utc>| moment.to_rfc3339_opts(SecondsFormat::Millis, true);
        let period = format!("from={}&to={}", at(from), at(from + TimeDelta::hours(1)));
        let points = program.get(&format!("/instances/events/analytics?{period}&interval=minute")).await.ok();
        assert_eq!(list(&points).len(), 61);
        let counts: Vec<u64> = list(&points).iter().map(|point| point["count"].as_u64().unwrap()).collect();
        assert_eq!((counts[1], counts.iter().sum::<u64>()), (1, 1));
        let of_accounts = program.get(&format!("/instances/events/analytics/accounts?{period}")).await.ok();
        assert_eq!(of_accounts[1]["records"], json!([{ "accountId": merchant.id, "count": 1, "success": 1, "failed": 0 }]));
        assert_eq!((&of_accounts[0]["total"], &of_accounts[0]["records"]), (&json!(0), &json!([])));
        let of_instances = program.get(&format!("/instances/events/analytics/instances?{period}&interval=hour")).await.ok();
        assert_eq!(of_instances[0]["records"], json!([{ "instanceId": instance["id"], "count": 1, "success": 1, "failed": 0 }]));
        let backwards = format!("from={}&to={}", at(from), at(from - TimeDelta::hours(1)));
        program.get(&format!("/instances/events/analytics?{backwards}")).await.refused(400);
        program.get(&format!("/instances/events/analytics?{period}&interval=second")).await.refused(400);
        program.get("/instances/events/analytics?from=yesterday").await.refused(400);
        program.get("/instances/events/analytics?from=2000-01-01T00:00:00Z").await.refused(400);
        program.get(&format!("/instances/events/analytics?{period}&accountIds[]=another")).await.refused(403);
        program.get(&format!("/instances/events/dispositions?{backwards}")).await.refused(400);
        assert_eq!(program.get(&format!("/instances/events/dispositions?{period}")).await.ok(), json!([]));
        assert_eq!(StatusCode::OK, program.get(&format!("/instances/events/analytics?{period}&accountIds[]={}", merchant.id)).await.status);
    }
}
