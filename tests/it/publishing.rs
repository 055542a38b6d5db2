//! What stores report is published: once, in order, in the same words whichever platform it is, and nothing about a person
//! outlives its erasure.

use chrono::TimeDelta;
use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::{Answer, Merchant, Shop, TestApp};
use crate::delivering::preset;
use crate::engines::on_each_engine;
use crate::erasure::{ERASE, found_in_databases};
use crate::thin_orders::ThinShop;

const EMAIL: &str = "vera.violet@example.org";

/// An order of a shop of this kind, paid or not; of WooCommerce with a status, of a sender of one's own with `paid`.
pub(crate) fn order(provider: Provider, id: u64, paid: bool, at: &str) -> Value {
    match provider {
        Provider::Shopify => json!({
            "id": id, "admin_graphql_api_id": format!("gid://shopify/Order/{id}"), "name": "#1042", "order_number": 1042,
            "financial_status": if paid { "paid" } else { "pending" }, "cancelled_at": null, "updated_at": at,
            "email": EMAIL, "currency": "EUR", "total_price": "59.98", "test": false,
            "customer": { "id": 7_700_123, "first_name": "Veraline", "last_name": "Violetta", "email": EMAIL },
            "note_attributes": [{ "name": "ndsp_username", "value": "vera_violet_77" }, { "name": "sessionId", "value": "sess_k3j2" }],
            "line_items": [{ "id": 1, "sku": "STORM", "title": "Storm Drive", "product_id": 632_910_392, "variant_id": 808_950_810,
                             "quantity": 2, "current_quantity": 2, "price": "29.99" }],
        }),
        Provider::WooCommerce => json!({
            "id": id, "parent_id": 0, "number": "A-17", "status": if paid { "processing" } else { "pending" },
            "date_modified_gmt": at.trim_end_matches('Z'), "date_paid_gmt": paid.then(|| at.trim_end_matches('Z')),
            "currency": "EUR", "total": "59.98", "customer_id": 7_700_123,
            "billing": { "email": EMAIL, "first_name": "Veraline", "last_name": "Violetta" },
            "meta_data": [{ "id": 9, "key": "_billing_ndsp_username", "value": "vera_violet_77" },
                          { "id": 10, "key": "session_id", "value": "sess_k3j2" }],
            "line_items": [{ "id": 3, "name": "Storm Drive", "product_id": 567, "variation_id": 0, "quantity": 2, "sku": "STORM",
                             "price": 29.99, "total": "59.98", "meta_data": [] }],
        }),
        Provider::BigCommerce | Provider::Square | Provider::Generic => unreachable!("their orders are made elsewhere"),
    }
}

async fn shop<'a>(merchant: &Merchant<'a>, provider: Provider, purpose: &str) -> Shop<'a> {
    let shop = merchant.shop(provider).await;
    shop.update(json!({ "purpose": purpose })).await;
    shop
}

async fn sent(shop: &Shop<'_>, topic: &str, body: &Value) -> Answer {
    let header = if shop.provider == Provider::Shopify { "x-shopify-topic" } else { "x-wc-webhook-topic" };
    shop.post_bytes(body.to_string().into_bytes(), &[(header, topic)]).await
}

/// What was published of a shop, the oldest first.
async fn published(shop: &Shop<'_>) -> Vec<Value> {
    seen_by(shop, &shop.merchant.key).await
}

async fn seen_by(shop: &Shop<'_>, key: &str) -> Vec<Value> {
    shop.merchant.app.settle().await;
    let document = "query ($id: ID) { commerceEvents(first: 100, filter: { integrationId: $id }) {
        nodes { id type objectKind objectId sessionId occurredAt data } } }";
    let mut found = shop.merchant.app.ask(key, document, json!({ "id": shop.id })).await;
    let Value::Array(mut nodes) = found["commerceEvents"]["nodes"].take() else { panic!("a list: {found}") };
    nodes.reverse();
    nodes
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().expect("a type")).collect()
}

on_each_engine! {
    async fn an_order_that_is_only_published_is_none_to_deliver(app: &TestApp) {
        for provider in [Provider::Shopify, Provider::WooCommerce] {
            let merchant = app.merchant().await;
            let shop = shop(&merchant, provider, "PUBLISHES").await;
            let topic = if provider == Provider::Shopify { "orders/create" } else { "order.created" };
            sent(&shop, topic, &order(provider, 5, true, "2026-03-10T09:00:00Z")).await;
            let events = published(&shop).await;
            assert_eq!(types(&events), ["order.created", "order.paid"], "{provider:?}");
            assert_eq!(merchant.deliveries().await, Vec::<Value>::new());
            let created = &events[0];
            assert_eq!((&created["objectKind"], &created["objectId"]), (&json!("order"), &json!("5")));
            assert_eq!((&created["sessionId"], &created["data"]["sessionId"]), (&json!("sess_k3j2"), &json!("sess_k3j2")));
            assert_eq!(created["occurredAt"], "2026-03-10T09:00:00+00:00");
            let data = &created["data"];
            assert_eq!(data["total"], json!({ "amount": 5_998, "currency": "EUR" }), "{data}");
            assert_eq!((&data["items"][0]["sku"], &data["items"][0]["quantity"]), (&json!("STORM"), &json!(2)));
            assert_eq!(data["items"][0]["price"], json!({ "amount": 2_999, "currency": "EUR" }));
            assert_eq!((&data["customer"]["email"], &data["customer"]["name"]), (&json!(EMAIL), &json!("Veraline Violetta")));
            let session = "{ session(id: \"sess_k3j2\") { type objectId } }";
            let session = merchant.ask(session, json!({})).await["session"].clone();
            assert_eq!(session, json!([{ "type": "order.created", "objectId": "5" }, { "type": "order.paid", "objectId": "5" }]));
        }
        assert_eq!(app.cortex.share_count(preset("storm"), "vera_violet_77").calls, 0);
    }

    async fn a_webhook_of_which_nothing_comes_says_why(app: &TestApp) {
        let merchant = app.merchant().await;
        let (delivers, publishes) =
            (shop(&merchant, Provider::Shopify, "DELIVERS").await, shop(&merchant, Provider::Shopify, "PUBLISHES").await);
        let product = |at: &str| json!({ "id": 7, "title": "Storm", "updated_at": at, "variants": [] });
        for (shop, topic, body, outcome, reason) in [
            (&delivers, "products/update", product("2026-03-10T09:00:00Z"), "NOT_AN_ORDER", Some("its purpose is `delivers`")),
            (&publishes, "themes/publish", json!({ "id": 7 }), "NOT_AN_ORDER", Some("nothing is delivered or published")),
            (&publishes, "products/update", product("2026-03-10T09:00:00Z"), "COMMERCE", None),
            (&publishes, "products/update", product("2026-03-10T08:00:00Z"), "COMMERCE", Some("nothing new to publish")),
        ] {
            sent(shop, topic, &body).await;
            app.settle().await;
            let document = "{ webhookReceipts(first: 1) { nodes { outcome reason commerceEvents { id } } } }";
            let receipt = merchant.ask(document, json!({})).await["webhookReceipts"]["nodes"][0].take();
            assert_eq!(receipt["outcome"], outcome, "{topic} {receipt}");
            match reason {
                Some(reason) => assert!(receipt["reason"].as_str().is_some_and(|why| why.contains(reason)), "{topic} {receipt}"),
                None => assert_eq!(receipt["reason"], Value::Null, "{topic} {receipt}"),
            }
            assert_eq!(receipt["commerceEvents"].as_array().map(Vec::len), Some(usize::from(reason.is_none())));
            app.advance(TimeDelta::seconds(1));
        }
    }

    async fn of_a_long_conversation_the_newest_hundred_events_are_shown_the_oldest_of_them_first(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = shop(&merchant, Provider::Shopify, "PUBLISHES").await;
        for id in 1..=51 {
            sent(&shop, "orders/paid", &order(Provider::Shopify, id, true, "2026-03-10T09:00:00Z")).await;
        }
        app.settle().await;
        let session = merchant.ask("{ session(id: \"sess_k3j2\") { type objectId } }", json!({})).await["session"].clone();
        let session = session.as_array().expect("a list");
        assert_eq!(session.len(), 100);
        assert_eq!(session[0], json!({ "type": "order.created", "objectId": "2" }));
        assert_eq!(session[99], json!({ "type": "order.paid", "objectId": "51" }));
        let all = "{ commerceEvents(first: 100, filter: { sessionId: \"sess_k3j2\" }) { pageInfo { hasNextPage } } }";
        let all = merchant.ask(all, json!({})).await;
        assert_eq!(all["commerceEvents"]["pageInfo"]["hasNextPage"], json!(true), "which has the rest");
    }

    async fn the_same_webhook_publishes_once_a_changed_one_again_and_an_older_one_nothing(app: &TestApp) {
        for provider in [Provider::Shopify, Provider::WooCommerce] {
            let shop = shop(&app.merchant().await, provider, "PUBLISHES").await;
            let topic = if provider == Provider::Shopify { "orders/updated" } else { "order.updated" };
            let (unpaid, paid) =
                (order(provider, 5, false, "2026-03-10T09:00:00Z"), order(provider, 5, true, "2026-03-10T10:00:00Z"));
            for body in [&unpaid, &unpaid, &paid, &paid, &unpaid] {
                sent(&shop, topic, body).await;
            }
            let mut older = unpaid.clone();
            older["total_price"] = json!("1.00");
            older["total"] = json!("1.00");
            sent(&shop, topic, &older).await;
            assert_eq!(types(&published(&shop).await), ["order.created", "order.updated", "order.paid"], "{provider:?}");
        }
    }

    async fn what_is_delivered_and_published_is_both(app: &TestApp) {
        for provider in [Provider::Shopify, Provider::WooCommerce] {
            let merchant = app.merchant().await;
            let shop = shop(&merchant, provider, "BOTH").await;
            let topic = if provider == Provider::Shopify { "orders/paid" } else { "order.updated" };
            let mut body = order(provider, 5, true, "2026-03-10T09:00:00Z");
            let username = if provider == Provider::Shopify { "note_attributes" } else { "meta_data" };
            body[username][0]["value"] = json!("mutual_max");
            let id = sent(&shop, topic, &body).await.accepted("queued");
            assert_eq!(shop.settled(&id).await.0, "COMPLETED");
            let events = published(&shop).await;
            assert_eq!(types(&events), ["order.created", "order.paid", "delivery.completed"]);
            assert_eq!((&events[2]["objectKind"], &events[2]["objectId"]), (&json!("delivery"), &json!(id)));
            assert_eq!((&events[2]["data"]["items"][0]["asset"], &events[2]["data"]["sessionId"]), (&json!("preset storm"), &json!("sess_k3j2")));
            let session = merchant.ask("{ session(id: \"sess_k3j2\") { type } }", json!({})).await["session"].clone();
            assert_eq!(session[2], json!({ "type": "delivery.completed" }));
            // Delivers again, and publishes no more.
            shop.update(json!({ "purpose": "DELIVERS" })).await;
            let mut next = body.clone();
            next["id"] = json!(6);
            sent(&shop, topic, &next).await;
            assert!(!types(&published(&shop).await)[3..].contains(&"order.created"));
        }
    }

    async fn an_order_that_a_webhook_only_names_is_published_as_it_was_read(app: &TestApp) {
        for provider in [Provider::BigCommerce, Provider::Square] {
            let thin = ThinShop::with_access(&app.merchant().await, provider).await;
            thin.shop.update(json!({ "purpose": "BOTH" })).await;
            let (order, answer) = thin.place(ThinShop::new_order("mutual_max")).await;
            assert_eq!(thin.shop.settled(&answer.accepted("queued")).await.0, "COMPLETED");
            let events = published(&thin.shop).await;
            assert_eq!(types(&events), ["order.created", "order.paid", "delivery.completed"], "{provider:?}");
            let data = &events[0]["data"];
            assert_eq!((&data["orderId"], &data["customer"]["email"]), (&json!(order), &json!("max@example.com")));
            assert!(data["total"]["amount"].is_i64() && data["items"][0]["title"] == json!("Storm Drive"), "{data}");
        }
    }

    async fn what_is_known_of_a_person_goes_with_its_erasure(app: &TestApp) {
        for (provider, purpose) in [(Provider::Shopify, "PUBLISHES"), (Provider::WooCommerce, "PUBLISHES"), (Provider::Shopify, "BOTH")] {
            let merchant = app.merchant().await;
            let shop = shop(&merchant, provider, purpose).await;
            let topic = if provider == Provider::Shopify { "orders/create" } else { "order.created" };
            sent(&shop, topic, &order(provider, 5, true, "2026-03-10T09:00:00Z")).await;
            if provider == Provider::Shopify {
                let customer = json!({ "id": 7_700_123, "admin_graphql_api_id": "gid://shopify/Customer/7700123", "email": EMAIL,
                                       "first_name": "Veraline", "last_name": "Violetta", "updated_at": "2026-03-10T09:00:00Z" });
                sent(&shop, "customers/create", &customer).await;
            }
            let before = published(&shop).await;
            assert_eq!(before[0]["data"]["customer"]["email"], EMAIL);
            let support = "mutation { createApiKey(input: { name: \"desk\", role: SUPPORT }) { key } }";
            let support = app.admin(support, json!({})).await["createApiKey"]["key"].as_str().unwrap().to_owned();
            let seen = Value::Array(seen_by(&shop, &support).await).to_string();
            assert!(seen.contains("order.created") && !seen.contains("Violetta") && !seen.contains(EMAIL), "{seen}");

            let erased = merchant.ask(ERASE, json!({ "input": { "customer": EMAIL } })).await;
            assert_eq!(erased["done"]["userErrors"], json!([]));
            let after = published(&shop).await;
            let ids = |events: &[Value]| events.iter().map(|event| event["id"].clone()).collect::<Vec<_>>();
            assert_eq!(ids(&after)[..before.len()], ids(&before), "{purpose}");
            let text = Value::Array(after).to_string();
            for personal in [EMAIL, "Veraline", "Violetta", "vera_violet_77"] {
                assert!(!text.contains(personal), "{provider:?} {purpose}: {text}");
            }
        }
        assert_eq!(found_in_databases(app, &[EMAIL, "Violetta"]).await, Vec::<String>::new());
    }

    async fn a_store_that_names_an_erased_customer_again_is_taken_at_its_word_where_nothing_is_delivered(app: &TestApp) {
        for (purpose, is_named_again) in [("DELIVERS", false), ("BOTH", false), ("PUBLISHES", true)] {
            let merchant = app.merchant().await;
            let shop = shop(&merchant, Provider::Shopify, purpose).await;
            sent(&shop, "orders/create", &order(Provider::Shopify, 5, true, "2026-03-10T09:00:00Z")).await;
            app.settle().await;
            let erased = merchant.ask(ERASE, json!({ "input": { "customer": EMAIL } })).await;
            assert_eq!(erased["done"]["userErrors"], json!([]));
            let mut update = order(Provider::Shopify, 5, true, "2026-03-10T10:00:00Z");
            update["total_price"] = json!("49.98");
            sent(&shop, "orders/updated", &update).await;
            let events = published(&shop).await;
            let updated = events.iter().find(|event| event["type"] == "order.updated");
            assert_eq!(updated.is_some(), purpose != "DELIVERS", "{events:?}");
            let named = updated.is_some_and(|event| event["data"]["customer"]["email"] == EMAIL);
            assert_eq!(named, is_named_again, "{purpose}");
            let erased_again = merchant.ask(ERASE, json!({ "input": { "customer": EMAIL } })).await;
            assert_eq!(erased_again["done"]["userErrors"] == json!([]), is_named_again, "{purpose} {erased_again}");
        }
        assert_eq!(found_in_databases(app, &[EMAIL, "Violetta"]).await, Vec::<String>::new());
    }

    async fn a_rebuild_gives_the_same_events(app: &TestApp) {
        let shop = shop(&app.merchant().await, Provider::Shopify, "BOTH").await;
        for paid in [false, true] {
            let at = if paid { "2026-03-10T10:00:00Z" } else { "2026-03-10T09:00:00Z" };
            sent(&shop, "orders/updated", &order(Provider::Shopify, 5, paid, at)).await;
        }
        let before = published(&shop).await;
        assert!(before.len() >= 3);
        let rebuild = "mutation { done: rebuildProjection(input: { name: \"commerce\" }) { userErrors { code } } }";
        assert_eq!(app.admin(rebuild, json!({})).await["done"]["userErrors"], json!([]));
        app.settle().await;
        assert_eq!(published(&shop).await, before);
    }

    async fn refunds_and_cancellations_are_published_of_the_signed_body(app: &TestApp) {
        let shop = shop(&app.merchant().await, Provider::Shopify, "PUBLISHES").await;
        let mut body = order(Provider::Shopify, 5, true, "2026-03-10T09:00:00Z");
        sent(&shop, "orders/create", &body).await;
        body["financial_status"] = json!("partially_refunded");
        body["updated_at"] = json!("2026-03-10T10:00:00Z");
        body["refunds"] = json!([{ "id": 1, "transactions": [{ "kind": "refund", "status": "success", "amount": "29.99" }] }]);
        sent(&shop, "orders/updated", &body).await;
        body["cancelled_at"] = json!("2026-03-10T11:00:00Z");
        body["updated_at"] = json!("2026-03-10T11:00:00Z");
        // A header that says something else decides nothing.
        sent(&shop, "orders/paid", &body).await;
        let events = published(&shop).await;
        assert_eq!(
            types(&events),
            ["order.created", "order.paid", "order.updated", "order.refunded", "order.updated", "order.cancelled"]
        );
        assert_eq!(events[3]["data"]["refunded"], "partial");
    }

    async fn what_a_store_changed_of_an_order_is_said_in_sentences(app: &TestApp) {
        let shop = shop(&app.merchant().await, Provider::Shopify, "PUBLISHES").await;
        let mut body = order(Provider::Shopify, 5, false, "2026-03-10T09:00:00Z");
        sent(&shop, "orders/create", &body).await;
        body["line_items"][0]["current_quantity"] = json!(1);
        (body["financial_status"], body["updated_at"]) = (json!("paid"), json!("2026-03-10T10:00:00Z"));
        body["total_price"] = json!("29.99");
        sent(&shop, "orders/updated", &body).await;
        // The same again, in other bytes.
        body["note"] = json!("thank you");
        sent(&shop, "orders/updated", &body).await;
        let events = published(&shop).await;
        assert_eq!(types(&events), ["order.created", "order.updated", "order.paid", "order.updated"]);
        let expected = ["The status changed from pending to paid.", "It was paid.", "The total changed from 59.98 EUR to 29.99 EUR.",
                        "The quantity of Storm Drive changed from 2 to 1."];
        assert_eq!((&events[1]["data"]["changes"], &events[3]["data"]["changes"]), (&json!(expected), &json!([])));
    }

    async fn what_was_restored_can_be_deleted_again_by_the_same_bytes(app: &TestApp) {
        let shop = shop(&app.merchant().await, Provider::WooCommerce, "PUBLISHES").await;
        let product = json!({ "id": 51, "name": "Storm Drive", "type": "simple", "status": "publish", "sku": "STORM", "price": "29.99",
                              "regular_price": "29.99", "date_modified_gmt": "2026-03-10T09:00:00", "permalink": "https://shop.example/storm" });
        let deleted = json!({ "id": 51 });
        // A customer of the same number is deleted first.
        for (topic, body) in [("customer.deleted", &deleted), ("product.created", &product), ("product.deleted", &deleted), ("product.deleted", &deleted),
                              ("product.restored", &product), ("product.deleted", &deleted), ("product.deleted", &deleted)] {
            sent(&shop, topic, body).await;
            app.advance(TimeDelta::seconds(1));
        }
        let events = published(&shop).await;
        assert_eq!(types(&events), ["product.created", "product.deleted", "product.created", "product.deleted"]);
        // Each webhook says what it published, and those with the bytes of an earlier one do, too.
        let document = "{ webhookReceipts(first: 9) { nodes { topic commerceEvents { type } } } }";
        let receipts = shop.merchant.ask(document, json!({})).await["webhookReceipts"]["nodes"].take();
        let of_receipt = |receipt: &Value| receipt["commerceEvents"].as_array().expect("a list").iter().map(|of| of["type"].clone()).collect::<Vec<_>>();
        let of_receipts: Vec<Vec<Value>> = receipts.as_array().expect("a list").iter().map(of_receipt).collect();
        let (created, deleted, none) = (vec![json!("product.created")], vec![json!("product.deleted")], vec![]);
        assert_eq!(of_receipts, [&none, &deleted, &created, &none, &deleted, &created, &none].map(Clone::clone), "the newest first");
    }

    async fn an_order_that_is_brought_back_from_the_trash_can_be_put_there_again(app: &TestApp) {
        let shop = shop(&app.merchant().await, Provider::WooCommerce, "BOTH").await;
        let order_now = || {
            app.advance(TimeDelta::hours(1));
            order(Provider::WooCommerce, 5, true, &app.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string())
        };
        for _ in 0..2 {
            sent(&shop, "order.restored", &order_now()).await;
            app.advance(TimeDelta::hours(1));
            sent(&shop, "order.deleted", &json!({ "id": 5 })).await;
        }
        let events = published(&shop).await;
        let cancelled: Vec<_> = events.iter().filter(|event| event["type"] == "order.cancelled").collect();
        assert_eq!(cancelled.len(), 2, "{:?}", types(&events));
        for event in cancelled {
            assert_eq!((&event["data"]["cancelled"], &event["data"]["paid"]), (&json!(true), &json!(true)));
            assert_eq!(event["data"]["items"][0]["sku"], "STORM", "as it was known");
        }
    }

    async fn an_order_that_was_delivered_can_be_cancelled_and_brought_back_and_cancelled_again(app: &TestApp) {
        let shop = shop(&app.merchant().await, Provider::WooCommerce, "BOTH").await;
        let mut number = 0;
        let mut order_now = || {
            app.advance(TimeDelta::hours(1));
            number += 1;
            let mut body = order(Provider::WooCommerce, 5, true, &app.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string());
            body["meta_data"][0]["value"] = json!("mutual_max");
            body["number"] = json!(format!("A-{number}"));
            body
        };
        let id = sent(&shop, "order.created", &order_now()).await.accepted("queued");
        assert_eq!(shop.settled(&id).await.0, "COMPLETED");
        for _ in 0..3 {
            app.advance(TimeDelta::hours(1));
            // The bytes of each deletion are the same.
            sent(&shop, "order.deleted", &json!({ "id": 5 })).await;
            sent(&shop, "order.deleted", &json!({ "id": 5 })).await;
            sent(&shop, "order.restored", &order_now()).await;
        }
        let events = published(&shop).await;
        assert_eq!(types(&events).iter().filter(|of| **of == "order.cancelled").count(), 3, "{:?}", types(&events));
    }

    async fn a_webhook_that_is_sent_again_once_its_integration_publishes_is_published_once(app: &TestApp) {
        let shop = shop(&app.merchant().await, Provider::Shopify, "DELIVERS").await;
        let body = order(Provider::Shopify, 5, true, "2026-03-10T09:00:00Z");
        sent(&shop, "orders/paid", &body).await;
        shop.update(json!({ "purpose": "BOTH" })).await;
        for _ in 0..3 {
            sent(&shop, "orders/paid", &body).await.accepted("duplicate");
        }
        assert_eq!(types(&published(&shop).await).iter().filter(|of| of.starts_with("order.")).collect::<Vec<_>>(),
                   [&"order.created", &"order.paid"]);
    }

    async fn of_an_order_that_is_only_named_nothing_is_published_before_it_is_read(app: &TestApp) {
        let shop = shop(&app.merchant().await, Provider::BigCommerce, "PUBLISHES").await;
        let named = |scope: &str, at: i64, status: Option<(i64, i64)>| {
            let status = status.map(|(before, now)| json!({ "previous_status_id": before, "new_status_id": now }));
            json!({ "scope": scope, "store_id": "1025646", "producer": "stores/abc", "hash": format!("{scope} {at}"), "created_at": at,
                    "data": { "type": "order", "id": 250, "status": status } })
        };
        for body in [
            named("store/order/created", 1_773_133_200, None),
            named("store/order/statusUpdated", 1_773_133_300, Some((1, 11))),
            named("store/order/updated", 1_773_133_400, None),
        ] {
            shop.post_bytes(body.to_string().into_bytes(), &[]).await;
        }
        assert_eq!(types(&published(&shop).await), [""; 0]);
        let unread = "query ($id: ID!) { integration(id: $id) { unreadOrders(first: 9) { nodes { orderId code } } } }";
        let unread = shop.merchant.ask(unread, json!({ "id": shop.id })).await["integration"]["unreadOrders"].clone();
        let once = json!([{ "orderId": "250", "code": "STORE_ACCESS_MISSING" }]);
        assert_eq!(unread["nodes"], once, "once, however often it is named");
    }

    async fn two_events_of_a_store_that_signs_their_ids_are_two_though_they_say_the_same(app: &TestApp) {
        let shop = shop(&app.merchant().await, Provider::BigCommerce, "PUBLISHES").await;
        let body = json!({ "scope": "store/product/updated", "store_id": "1025646", "producer": "stores/abc", "hash": "1", "created_at": 1_773_133_200,
                           "data": { "type": "product", "id": 77 } }).to_string().into_bytes();
        for id in ["msg_1", "msg_1", "msg_2"] {
            let signed = signing::standard_webhooks::sign(id, app.clock.now(), &body, &[shop.secret.as_bytes()]);
            let headers: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
            shop.post_unsigned(body.clone(), &headers).await;
        }
        assert_eq!(types(&published(&shop).await), ["product.updated", "product.updated"]);
    }

    async fn a_sender_of_ones_own_publishes_what_the_schema_says(app: &TestApp) {
        let shop = shop(&app.merchant().await, Provider::Generic, "PUBLISHES").await;
        let sample: Value = serde_json::from_str(commerce::sample(commerce::CommerceEventType::ProductUpdated)).unwrap();
        shop.post(&sample).await;
        shop.post(&sample).await;
        let events = published(&shop).await;
        assert_eq!(types(&events), ["product.updated"]);
        assert_eq!(events[0]["data"], sample["data"]);
        shop.post(&json!({ "type": "product.updated", "data": { "productId": 5 } })).await.refused(400, "malformed_body");
    }
}
