//! Events that an account's own programs publish: checked, once, and erased with whom they name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::app::{Merchant, TestApp};
use crate::engines::on_each_engine;
use crate::erasure::{ERASE, found_in_databases};

const PUBLISH: &str = "mutation ($input: PublishEventInput!) { done: publishEvent(input: $input) {
    commerceEvent { id type objectKind objectId occurredAt data } userErrors { code message field } } }";

async fn publish(merchant: &Merchant<'_>, input: Value) -> Value {
    merchant.ask(PUBLISH, json!({ "input": input })).await["done"].clone()
}

fn enriched(product: &str) -> Value {
    json!({ "platform": "shopify", "productId": product, "success": true })
}

fn question(email: &str) -> Value {
    json!({ "faqId": "faq_1", "question": "Does Otto's amp like it?", "entityType": "product", "entityId": "9", "email": email })
}

async fn count(merchant: &Merchant<'_>) -> usize {
    merchant.app.settle().await;
    let found = merchant.ask("{ commerceEvents(first: 100) { nodes { id } } }", json!({})).await;
    found["commerceEvents"]["nodes"].as_array().expect("a list").len()
}

on_each_engine! {
    async fn an_event_is_published_once_for_each_key(app: &TestApp) {
        let merchant = app.merchant().await;
        let input = json!({ "type": "product.enriched", "data": enriched("9"), "idempotencyKey": "run-1" });
        let first = publish(&merchant, input.clone()).await["commerceEvent"].clone();
        assert_eq!((&first["type"], &first["objectKind"]), (&json!("product.enriched"), &json!("product")));
        assert_eq!((&first["objectId"], &first["data"]), (&json!("9"), &enriched("9")));
        assert_eq!(publish(&merchant, input).await["commerceEvent"], first);
        let other = json!({ "type": "product.enriched", "data": enriched("10"), "idempotencyKey": "run-1" });
        let refused = publish(&merchant, other.clone()).await;
        assert_eq!(refused["userErrors"][0]["code"], "IDEMPOTENCY_KEY_IN_USE");
        // Another account's key is another key; without one each call publishes.
        let stranger = app.merchant().await;
        assert_eq!(publish(&stranger, other).await["userErrors"], json!([]));
        for _ in 0..2 {
            let dated = json!({ "type": "product.enriched", "data": enriched("9"), "occurredAt": "2026-03-10T09:00:00Z" });
            let dated = publish(&merchant, dated).await["commerceEvent"].clone();
            assert_eq!(dated["occurredAt"], "2026-03-10T09:00:00+00:00");
        }
        assert_eq!((count(&merchant).await, count(&stranger).await), (3, 1));
    }

    async fn every_one_of_several_calls_with_one_key_gets_the_event(app: &TestApp) {
        let merchant = app.merchant().await;
        for round in 0..5 {
            let input = json!({ "type": "product.enriched", "data": enriched("9"), "idempotencyKey": format!("run-{round}") });
            let answers = futures_util::future::join_all((0..8).map(|_| publish(&merchant, input.clone()))).await;
            let ids: BTreeSet<_> = answers.iter().map(|answer| answer["commerceEvent"]["id"].as_str()).collect();
            assert!(ids.len() == 1 && ids.first().is_some_and(Option::is_some), "{answers:?}");
        }
        assert_eq!(count(&merchant).await, 5);
    }

    async fn what_is_not_as_its_schema_says_is_refused_by_its_field(app: &TestApp) {
        let merchant = app.merchant().await;
        let (shop, foreign) = (merchant.bare_shop(domain::integration::Provider::Generic, &[]).await, app.merchant().await);
        let foreign = foreign.bare_shop(domain::integration::Provider::Generic, &[]).await;
        let long = "x".repeat(201);
        for (input, code, field) in [
            (json!({ "type": "order.payd", "data": {} }), "UNKNOWN_EVENT_TYPE", "type"),
            (json!({ "type": "order.paid", "data": {} }), "INVALID_EVENT", "type"),
            (json!({ "type": "product.enriched", "data": {} }), "INVALID_EVENT", "data"),
            (json!({ "type": "product.enriched", "data": [] }), "INVALID_EVENT", "data"),
            (json!({ "type": "product.enriched", "data": enriched(&long) }), "INVALID_EVENT", "data"),
            (json!({ "type": "product.enriched", "data": enriched("9"), "idempotencyKey": " " }), "INVALID_IDEMPOTENCY_KEY", "idempotencyKey"),
            (json!({ "type": "product.enriched", "data": enriched("9"), "idempotencyKey": long }), "INVALID_IDEMPOTENCY_KEY", "idempotencyKey"),
            (json!({ "type": "product.enriched", "data": enriched("9"), "integrationId": foreign.id }), "NOT_FOUND", "integrationId"),
            (json!({ "type": "product.enriched", "data": enriched("9"), "accountId": foreign.merchant.id }), "NOT_FOUND", "accountId"),
        ] {
            let refused = publish(&merchant, input.clone()).await;
            assert_eq!(refused["userErrors"][0]["code"], code, "{input}: {refused}");
            assert_eq!(refused["userErrors"][0]["field"], json!(["input", field]), "{input}");
        }
        let nowhere = json!({ "type": "product.enriched", "data": enriched("9"), "accountId": event_log::ids::fresh() });
        let refused = app.admin(PUBLISH, json!({ "input": nowhere })).await["done"].clone();
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", "accountId"]), "{refused}");
        let of_store = json!({ "type": "product.enriched", "data": enriched("9"), "integrationId": shop.id });
        assert_eq!(publish(&merchant, of_store).await["userErrors"], json!([]));
        assert_eq!(count(&merchant).await, 1);
    }

    async fn what_names_a_person_is_erased_with_them(app: &TestApp) {
        let merchant = app.merchant().await;
        let asked = json!({ "type": "faq.submitted", "data": question("otto.ottmar@example.org"), "idempotencyKey": "q1" });
        let first = publish(&merchant, asked.clone()).await["commerceEvent"].clone();
        assert_eq!(first["data"]["email"], "otto.ottmar@example.org");
        let other = json!({ "type": "faq.submitted", "data": question("vera@example.org") });
        publish(&merchant, other).await;
        app.settle().await;
        let desk = app.admin("mutation { createApiKey(input: { name: \"desk\", role: SUPPORT }) { key } }", json!({})).await;
        let desk = desk["createApiKey"]["key"].as_str().unwrap();
        let shown = app.ask(desk, "{ commerceEvents(first: 9) { nodes { type data } } }", json!({})).await;
        assert_eq!(shown["commerceEvents"]["nodes"][0], json!({ "type": "faq.submitted", "data": null }));

        let export = "mutation ($input: ExportPersonalDataInput!) { done: exportPersonalData(input: $input) {
            matched otherWebhooks userErrors { code } } }";
        let exported = merchant.ask(export, json!({ "input": { "customer": "Otto.Ottmar@example.org" } })).await;
        assert_eq!(exported["done"]["otherWebhooks"][0]["data"], question("otto.ottmar@example.org"), "{exported}");

        let preview = "mutation ($input: ErasePersonalDataInput!) { done: erasePersonalData(input: $input) {
            matched dataRequests otherWebhooks publishedEvents } }";
        let found = merchant.ask(preview, json!({ "input": { "customer": "otto.ottmar@example.org", "dryRun": true } })).await;
        assert_eq!(found["done"], json!({ "matched": 0, "dataRequests": 0, "otherWebhooks": 0, "publishedEvents": 1 }));
        let erased = merchant.ask(ERASE, json!({ "input": { "customer": "otto.ottmar@example.org" } })).await;
        assert_eq!(erased["done"]["userErrors"], json!([]), "{erased}");
        app.settle().await;
        let left = merchant.ask("{ commerceEvents(first: 9) { nodes { id data } } }", json!({})).await;
        let left = &left["commerceEvents"]["nodes"];
        assert_eq!(left[1], json!({ "id": first["id"], "data": null }));
        assert_eq!(left[0]["data"]["email"], "vera@example.org");
        assert_eq!(found_in_databases(app, &["otto.ottmar"]).await, Vec::<String>::new());
        // Published again, it stays erased.
        let again = publish(&merchant, asked).await;
        assert_eq!((&again["userErrors"], &again["commerceEvent"]["data"]), (&json!([]), &Value::Null));
    }
}
