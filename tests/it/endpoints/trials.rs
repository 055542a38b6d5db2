//! Test events, secrets that are rotated, and what an endpoint would have been sent.

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta};
use commerce::{Secret, SignatureRefusal, verify};
use domain::integration::Provider;
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{Subscribers as _, change, secret_of};
use crate::app::{Merchant, TestApp, text};
use crate::engines::on_each_engine;

const MATCHES: &str =
    "query ($id: ID!, $last: Int, $filter: String) { endpoint(id: $id) { matches(last: $last, filter: $filter) {
    examined matched events { matches mismatch commerceEvent { type objectId } } } } }";

async fn test(merchant: &Merchant<'_>, input: Value) -> Value {
    let document = "mutation ($input: TestEndpointInput!) { done: testEndpoint(input: $input) {
        test { type messageId sentAt succeeded status durationMs address reason answer } userErrors { code message field } } }";
    merchant.ask(document, json!({ "input": input })).await["done"].clone()
}

fn secret(text: &str) -> Secret {
    Secret::parse(text).unwrap()
}

/// Types and mismatches of the events that were examined, the newest first.
fn seen_of(matches: &Value) -> Vec<(String, String)> {
    let events = matches["events"].as_array().unwrap();
    let line = |event: &Value| {
        let mismatch = event["mismatch"].as_str().unwrap_or("—");
        assert_eq!(event["matches"], json!(mismatch == "—"));
        (text(&event["commerceEvent"]["type"]), mismatch.to_owned())
    };
    events.iter().map(line).collect()
}

on_each_engine! {
    async fn a_test_event_arrives_signed_as_every_notification_is(app: &TestApp) {
        let merchant = app.merchant().await;
        let receiver = Receiver::responding(StatusCode::OK, "thank you").await;
        let made = merchant.create_endpoint(json!({
            "url": receiver.url(), "eventTypes": ["delivery.*", "order.paid"],
            "headers": [{ "name": "X-Team", "value": "storm" }], "profile": { "kind": "CLIONE" } })).await;
        let id = text(&made["endpoint"]["id"]);
        merchant.act("pause", &id).await;
        let done = test(&merchant, json!({ "endpointId": id, "type": "product.synced" })).await["test"].clone();
        assert_eq!((&done["succeeded"], &done["status"], &done["reason"]), (&json!(true), &json!(200), &Value::Null));
        assert_eq!((&done["address"], &done["answer"]), (&json!(receiver.address), &json!("thank you")));
        let first_wanted = test(&merchant, json!({ "endpointId": id })).await["test"]["type"].clone();
        assert_eq!(first_wanted, "order.paid", "in the order of the types");

        let received = receiver.received();
        assert_eq!(received.len(), 2);
        let (headers, body) = &received[0];
        let sent_at: DateTime<chrono::Utc> = text(&done["sentAt"]).parse().unwrap();
        assert_eq!(verify(headers, body, &[secret(&secret_of(&made))], sent_at), Ok(()));
        for (name, value) in [("webhook-test", "true"), ("x-team", "storm"), ("x-clione-event", "product.synced"), ("content-type", "application/json")] {
            assert_eq!(headers[name], value, "{name}");
        }
        assert_eq!(headers["webhook-id"].to_str().unwrap(), text(&done["messageId"]));
        let event: Value = serde_json::from_slice(body).unwrap();
        assert_eq!((&event["type"], &event["accountId"], &event["id"]), (&json!("product.synced"), &json!(merchant.id), &done["messageId"]));
    }

    async fn a_test_event_that_fails_says_why(app: &TestApp) {
        let merchant = app.merchant().await;
        let receiver = Receiver::responding(StatusCode::INTERNAL_SERVER_ERROR, "no room").await;
        let id = merchant.endpoint(&receiver.url()).await;
        let done = test(&merchant, json!({ "endpointId": id })).await["test"].clone();
        assert_eq!((&done["succeeded"], &done["status"], &done["answer"]), (&json!(false), &json!(500), &json!("no room")));
        assert_eq!(done["reason"], "answered 500");
        drop(receiver);
        let done = test(&merchant, json!({ "endpointId": id })).await["test"].clone();
        assert_eq!((&done["succeeded"], &done["status"]), (&json!(false), &Value::Null));
        assert_eq!(merchant.endpoints().await[0]["failing"], Value::Null, "a test changes nothing");
        let refused = test(&merchant, json!({ "endpointId": id, "type": "order.shipped" })).await;
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", "type"]));
        merchant.act("delete", &id).await;
        assert_eq!(test(&merchant, json!({ "endpointId": id })).await["userErrors"][0]["code"], "DELETED");
    }

    async fn a_test_event_counts_as_ten_requests_of_the_key(app: &TestApp) {
        let merchant = app.merchant().await;
        let receiver = Receiver::responding(StatusCode::OK, "").await;
        let id = merchant.endpoint(&receiver.url()).await;
        let made = merchant.ask("mutation { createApiKey(input: { name: \"script\" }) { apiKey { id } key } }", json!({})).await;
        let made = &made["createApiKey"];
        let limit = "mutation ($input: LimitApiKeyInput!) { limitApiKey(input: $input) { userErrors { code } } }";
        let input = json!({ "accountId": merchant.id, "apiKeyId": made["apiKey"]["id"], "requestsPerMinute": 30 });
        assert_eq!(app.admin(limit, json!({ "input": input })).await["limitApiKey"]["userErrors"], json!([]));
        let mut sent = 0;
        loop {
            let answer = app.try_ask(&text(&made["key"]), &change("testEndpoint"), json!({ "input": { "endpointId": id } })).await;
            if !answer["errors"].is_null() {
                assert_eq!(answer["errors"][0]["extensions"]["code"], "RATE_LIMIT_EXCEEDED", "{answer}");
                break;
            }
            sent += 1;
            assert!(sent < 4, "each counts as eleven of thirty");
        }
        assert!(sent > 0);
        assert_eq!(receiver.received().len(), sent);
    }

    async fn a_rotated_secret_signs_with_the_one_before_until_it_is_void(app: &TestApp) {
        let merchant = app.merchant().await;
        let receiver = Receiver::responding(StatusCode::NO_CONTENT, "").await;
        let made = merchant.create_endpoint(json!({ "url": receiver.url(), "eventTypes": ["*"] })).await;
        let (id, old) = (text(&made["endpoint"]["id"]), secret(&secret_of(&made)));
        let rotated = merchant.rotate(&id, json!({ "overlapHours": 2 })).await;
        let new = secret(&secret_of(&rotated));
        assert!(!rotated["endpoint"]["previousSecretsUntil"].is_null());
        let signed_by = async |now: DateTime<chrono::Utc>| {
            assert_eq!(test(&merchant, json!({ "endpointId": id })).await["test"]["succeeded"], json!(true));
            let (headers, body) = receiver.received().pop().unwrap();
            [&old, &new].map(|secret| verify(&headers, &body, std::slice::from_ref(secret), now))
        };
        assert_eq!(signed_by(app.clock.now()).await, [Ok(()), Ok(())]);
        app.advance(TimeDelta::hours(3));
        assert_eq!(signed_by(app.clock.now()).await, [Err(SignatureRefusal::Wrong), Ok(())]);

        let given = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        let rotated = merchant.rotate(&id, json!({ "signingSecret": given, "overlapHours": 0 })).await;
        assert_eq!((secret_of(&rotated), &rotated["endpoint"]["previousSecretsUntil"]), (given.to_owned(), &Value::Null));
        assert_eq!(signed_by(app.clock.now()).await, [Err(SignatureRefusal::Wrong), Err(SignatureRefusal::Wrong)]);
        for (input, code, field) in [
            (json!({ "overlapHours": 169 }), "OVERLAP_TOO_LONG", "overlapHours"),
            (json!({ "overlapHours": -1 }), "OVERLAP_TOO_SHORT", "overlapHours"),
            (json!({ "signingSecret": "whsec_x" }), "INVALID_SECRET", "signingSecret"),
        ] {
            let refused = merchant.rotate(&id, input).await["userErrors"][0].clone();
            assert_eq!((&refused["code"], &refused["field"]), (&json!(code), &json!(["input", field])));
        }
        for _ in 0..9 {
            assert_eq!(merchant.rotate(&id, json!({})).await["userErrors"], json!([]));
        }
        assert_eq!(merchant.rotate(&id, json!({})).await["userErrors"][0]["code"], "TOO_MANY_SECRETS");
    }

    async fn what_an_endpoint_would_have_been_sent_is_seen_before_it_is(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        shop.update(json!({ "purpose": "PUBLISHES" })).await;
        for (id, paid) in [(1, false), (2, true)] {
            let order = crate::publishing::order(Provider::Shopify, id, paid, "2026-03-10T09:00:00Z");
            shop.post_bytes(order.to_string().into_bytes(), &[("x-shopify-topic", "orders/create")]).await;
        }
        let publish = "mutation ($input: PublishEventInput!) { publishEvent(input: $input) { userErrors { code } } }";
        let data = json!({ "platform": "shopify", "productId": "9", "success": true });
        merchant.ask(publish, json!({ "input": { "type": "product.enriched", "data": data } })).await;
        app.settle().await;

        let matches = async |id: &str, last: Value, filter: Option<&str>| {
            let found = merchant.ask(MATCHES, json!({ "id": id, "last": last, "filter": filter })).await;
            found["endpoint"]["matches"].clone()
        };
        let of = |lines: &[(&str, &str)]| lines.iter().map(|(of, why)| ((*of).to_owned(), (*why).to_owned())).collect::<Vec<_>>();
        let all = json!({ "url": "https://192.88.98.1/", "eventTypes": ["order.created", "product.*"] });
        let id = text(&merchant.create_endpoint(all).await["endpoint"]["id"]);
        let seen = matches(&id, json!(10), None).await;
        let everything = [("product.enriched", "—"), ("order.paid", "TYPE"), ("order.created", "—"), ("order.created", "—")];
        assert_eq!(seen_of(&seen), of(&everything));
        assert_eq!((&seen["examined"], &seen["matched"]), (&json!(4), &json!(3)));
        let seen = matches(&id, json!(10), Some("@.data.paid == true")).await;
        let paid = [("product.enriched", "FILTER"), ("order.paid", "TYPE"), ("order.created", "—"), ("order.created", "FILTER")];
        assert_eq!(seen_of(&seen), of(&paid));
        assert_eq!(matches(&id, json!(2), None).await["examined"], json!(2), "the newest");
        merchant.update_endpoint(&id, json!({ "integrationIds": [shop.id], "filter": "@.type == 'product.enriched'" })).await;
        let seen = matches(&id, Value::Null, None).await;
        let of_shop = [("product.enriched", "INTEGRATION"), ("order.paid", "TYPE"), ("order.created", "FILTER"), ("order.created", "FILTER")];
        assert_eq!(seen_of(&seen), of(&of_shop));
        let seen = matches(&id, Value::Null, Some("@.data.items[?@.customer]")).await;
        assert_eq!(seen["matched"], json!(0));
        for (last, filter) in [(json!(0), None), (json!(1001), None), (json!(1), Some("total > 5")), (json!(1), Some("@.data.customer"))] {
            let refused = app.try_ask(&merchant.key, MATCHES, json!({ "id": id, "last": last, "filter": filter })).await;
            assert!(!refused["errors"].is_null(), "{last} {refused}");
        }
    }
}
