//! An integration whose purpose changes: what has a delivery goes to it, whatever the purpose is now, and what is only published
//! has none.

use chrono::TimeDelta;
use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::{Answer, Shop, TestApp};
use crate::delivering::preset;
use crate::engines::on_each_engine;
use crate::publishing::order;
use crate::thin_orders::ThinShop;

const TOPIC: [(Provider, &str); 2] = [(Provider::Shopify, "orders/updated"), (Provider::WooCommerce, "order.updated")];

/// A paid order of somebody, as its store has it at a time of one day.
fn paid(provider: Provider, id: u64, username: &str, time: &str) -> Value {
    let mut order = order(provider, id, true, &format!("2026-03-10T{time}:00Z"));
    let attributes = if provider == Provider::Shopify { "note_attributes" } else { "meta_data" };
    order[attributes][0]["value"] = json!(username);
    order
}

fn cancelled(provider: Provider, mut order: Value) -> Value {
    if provider == Provider::Shopify {
        order["cancelled_at"] = order["updated_at"].clone();
    } else {
        order["status"] = json!("cancelled");
    }
    order
}

async fn sent(shop: &Shop<'_>, topic: &str, body: &Value) -> Answer {
    let header = if shop.provider == Provider::Shopify { "x-shopify-topic" } else { "x-wc-webhook-topic" };
    shop.post_bytes(body.to_string().into_bytes(), &[(header, topic)]).await
}

/// The types of what was published, the oldest first.
async fn published(shop: &Shop<'_>) -> Vec<String> {
    let document = "query ($id: ID) { commerceEvents(first: 100, filter: { integrationId: $id }) { nodes { type } } }";
    let found = shop.merchant.ask(document, json!({ "id": shop.id })).await;
    let nodes = found["commerceEvents"]["nodes"].as_array().expect("a list");
    nodes.iter().rev().map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
}

fn state(status: &str, code: Option<&str>) -> (String, Option<String>) {
    (status.to_owned(), code.map(str::to_owned))
}

on_each_engine! {
    async fn a_cancellation_reaches_a_delivery_although_its_store_only_publishes_now(app: &TestApp) {
        for (provider, topic) in TOPIC {
            let merchant = app.merchant().await;
            let shop = merchant.shop(provider).await;
            let id = sent(&shop, topic, &paid(provider, 5, "never_follows", "09:00")).await.accepted("queued");
            assert_eq!(shop.settled(&id).await, state("RETRY_SCHEDULED", Some("NDSP_WAITING")));
            shop.update(json!({ "purpose": "PUBLISHES" })).await;
            let cancelled = cancelled(provider, paid(provider, 5, "never_follows", "10:00"));
            assert_eq!(sent(&shop, topic, &cancelled).await.accepted("cancelled"), id);
            assert_eq!(shop.settled(&id).await, state("CANCELLED", None), "{provider:?}");
            let published = published(&shop).await;
            assert!(published.contains(&"order.cancelled".to_owned()), "{published:?}");
            // A new order is still none to deliver, also where it comes twice.
            for time in ["11:00", "12:00"] {
                let answer = sent(&shop, topic, &paid(provider, 6, "mutual_max", time)).await;
                assert_eq!((&answer.body["status"], &answer.body["deliveryId"]), (&json!("commerce"), &Value::Null));
            }
            app.advance(TimeDelta::days(1));
            app.settle().await;
            assert_eq!(merchant.deliveries().await.len(), 1);
        }
        assert_eq!(app.cortex.share_count(preset("storm"), "never_follows").calls, 0);
        assert_eq!(app.cortex.share_count(preset("storm"), "mutual_max").calls, 0);
    }

    async fn an_update_reaches_a_delivery_although_its_store_only_publishes_now(app: &TestApp) {
        for (provider, topic) in TOPIC {
            let shop = app.merchant().await.shop(provider).await;
            let id = sent(&shop, topic, &paid(provider, 5, "nobody_at_all", "09:00")).await.accepted("queued");
            assert_eq!(shop.settled(&id).await, state("ACTION_REQUIRED", Some("INVALID_USERNAME")));
            shop.update(json!({ "purpose": "PUBLISHES" })).await;
            sent(&shop, topic, &paid(provider, 5, "mutual_max", "10:00")).await;
            assert_eq!(shop.settled(&id).await, state("COMPLETED", None), "{provider:?}");
        }
    }

    async fn a_cancellation_that_a_webhook_only_names_reaches_a_delivery_too(app: &TestApp) {
        let merchant = app.merchant().await;
        for provider in [Provider::BigCommerce, Provider::Square] {
            let shop = ThinShop::with_access(&merchant, provider).await;
            let (order, answer) = shop.place(ThinShop::new_order("never_follows")).await;
            let id = answer.accepted("queued");
            assert_eq!(shop.shop.settled(&id).await, state("RETRY_SCHEDULED", Some("NDSP_WAITING")));
            shop.shop.update(json!({ "purpose": "PUBLISHES" })).await;
            shop.cancel(&order).await;
            assert_eq!(shop.shop.settled(&id).await, state("CANCELLED", None), "{provider:?}");
            let (_, answer) = shop.place(ThinShop::new_order("mutual_max")).await;
            assert_eq!(answer.body["status"], "commerce");
        }
        assert_eq!(merchant.deliveries().await.len(), 2);
    }

    async fn what_was_only_published_is_found_by_its_order(app: &TestApp) {
        for (provider, topic) in TOPIC {
            let merchant = app.merchant().await;
            let shop = merchant.shop(provider).await;
            shop.update(json!({ "purpose": "PUBLISHES" })).await;
            let body = paid(provider, 5, "mutual_max", "09:00");
            for _ in 0..2 {
                sent(&shop, topic, &body).await;
            }
            app.settle().await;
            let number = if provider == Provider::Shopify { "#1042" } else { "A-17" };
            let document = "query ($order: String) { webhookReceipts(first: 9, filter: { order: $order }) {
                nodes { outcome orderId orderNumber commerceEvents { type } } } }";
            for named in ["5", number] {
                let found = merchant.ask(document, json!({ "order": named })).await;
                let receipt = |published: &[&str]| {
                    let events: Vec<Value> = published.iter().map(|event| json!({ "type": event })).collect();
                    json!({ "outcome": "COMMERCE", "orderId": "5", "orderNumber": number, "commerceEvents": events })
                };
                let both = json!([receipt(&[]), receipt(&["order.created", "order.paid"])]);
                assert_eq!(found["webhookReceipts"]["nodes"], both, "{provider:?} {named}");
            }
        }
    }
}
