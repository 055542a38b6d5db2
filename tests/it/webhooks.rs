//! Webhooks: who is let in, what each becomes, and what a sender gets in response.

use chrono::TimeDelta;
use domain::integration::Provider;
use event_log::Sequence;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{Shop, TestApp, sign, text};
use crate::delivering::preset;
use crate::engines::on_each_engine;
use crate::orders;

const STAY: &str = "never_follows";

async fn receipts(shop: &Shop<'_>) -> Vec<(String, Option<String>, i64)> {
    shop.merchant.app.settle().await;
    let document = "{ webhookReceipts(first: 100) { nodes { outcome reason count } } }";
    let answer = shop.merchant.ask(document, json!({})).await;
    let nodes = answer["webhookReceipts"]["nodes"].as_array().expect("a list").clone();
    let read = |node: &Value| {
        let reason = node["reason"].as_str().map(str::to_owned);
        (text(&node["outcome"]), reason, node["count"].as_i64().expect("a number"))
    };
    nodes.iter().map(read).collect()
}

on_each_engine! {
    async fn signed_orders_of_every_provider_are_accepted(app: &TestApp) {
        let merchant = app.merchant().await;
        let cases = [
            (Provider::Shopify, orders::shopify(1042, STAY, &["STORM"])),
            (Provider::WooCommerce, orders::woocommerce(1042, "processing", STAY, &["STORM"])),
            (Provider::Generic, orders::generic("1042", STAY, &["STORM"])),
        ];
        for (provider, order) in cases {
            let shop = merchant.shop(provider).await;
            shop.post(&order).await.accepted("queued");
        }
        app.settle().await;
        assert_eq!(merchant.deliveries().await.len(), 3);
    }

    async fn what_is_not_signed_by_the_store_is_refused_and_the_merchant_sees_it(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        let body = orders::shopify(1042, STAY, &["STORM"]).to_string().into_bytes();
        shop.post_unsigned(body.clone(), &[]).await.refused(401, "missing_signature");
        let (name, wrong) = sign(Provider::Shopify, "another secret", &body).expect("it signs");
        shop.post_unsigned(body.clone(), &[(name, &wrong)]).await.refused(401, "wrong_signature");
        let (_, hex) = sign(Provider::Generic, &shop.secret, &body).expect("it signs");
        shop.post_unsigned(body.clone(), &[(name, &hex)]).await.refused(401, "malformed_signature");
        let (_, right) = sign(Provider::Shopify, &shop.secret, &body).expect("it signs");
        let mut changed = body;
        changed.push(b' ');
        shop.post_unsigned(changed, &[(name, &right)]).await.refused(401, "wrong_signature");

        let refused = |reason: &str, count| ("REFUSED".to_owned(), Some(reason.to_owned()), count);
        let mut seen = receipts(&shop).await;
        seen.sort();
        assert_eq!(
            seen,
            [refused("malformed_signature", 1), refused("missing_signature", 1), refused("wrong_signature", 2)]
        );
        assert!(shop.merchant.deliveries().await.is_empty());
    }

    async fn a_flood_of_refused_webhooks_fills_no_table(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let before = app.service().data.log.head();
        for _ in 0..30 {
            let posts = (0..10).map(|_| shop.post_unsigned(b"{}".to_vec(), &[]));
            for answer in join_all(posts).await {
                answer.refused(401, "missing_signature");
            }
        }
        assert_eq!(receipts(&shop).await, [("REFUSED".to_owned(), Some("missing_signature".to_owned()), 300)]);
        assert_eq!(app.service().data.log.head(), before, "nothing unsigned enters the log");
    }

    async fn after_a_rotation_both_secrets_are_taken_until_the_overlap_ends(app: &TestApp) {
        let old = app.merchant().await.shop(Provider::WooCommerce).await;
        let rotated = old.merchant.ask(
            r#"mutation ($input: RotateSigningSecretInput!) {
                rotateSigningSecret(input: $input) { signingSecret userErrors { code } }
            }"#,
            json!({ "input": { "integrationId": old.id, "overlapHours": 2 } }),
        ).await;
        let new = Shop { secret: text(&rotated["rotateSigningSecret"]["signingSecret"]), ..old.clone() };
        old.post(&orders::woocommerce(1, "processing", STAY, &["STORM"])).await.accepted("queued");
        new.post(&orders::woocommerce(2, "processing", STAY, &["STORM"])).await.accepted("queued");
        app.advance(TimeDelta::hours(2));
        old.post(&orders::woocommerce(3, "processing", STAY, &["STORM"])).await.refused(401, "wrong_signature");
        new.post(&orders::woocommerce(4, "processing", STAY, &["STORM"])).await.accepted("queued");
    }

    async fn after_the_stores_own_secret_is_set_the_old_one_is_valid_for_a_day_by_default(app: &TestApp) {
        let old = app.merchant().await.shop(Provider::Shopify).await;
        let set = async |secret: &str, overlap: Value| {
            let mut input = json!({ "integrationId": old.id, "signingSecret": secret });
            if !overlap.is_null() {
                input["overlapHours"] = overlap;
            }
            let document =
                r#"mutation ($input: SetSigningSecretInput!) { setSigningSecret(input: $input) { userErrors { code } } }"#;
            old.merchant.ask(document, json!({ "input": input })).await["setSigningSecret"]["userErrors"].clone()
        };
        let with = |secret: &str| Shop { secret: secret.to_owned(), ..old.clone() };
        assert_eq!(set("shown-by-shopify", Value::Null).await, json!([]));
        old.post(&orders::shopify(1, STAY, &["STORM"])).await.accepted("queued");
        with("shown-by-shopify").post(&orders::shopify(2, STAY, &["STORM"])).await.accepted("queued");
        app.advance(TimeDelta::hours(24));
        old.post(&orders::shopify(3, STAY, &["STORM"])).await.refused(401, "wrong_signature");
        assert_eq!(set("shown-at-last", json!(0)).await, json!([]));
        with("shown-by-shopify").post(&orders::shopify(4, STAY, &["STORM"])).await.refused(401, "wrong_signature");
        with("shown-at-last").post(&orders::shopify(5, STAY, &["STORM"])).await.accepted("queued");
        assert_eq!(set("another-secret", json!(-1)).await[0]["code"], "OVERLAP_TOO_SHORT");
        assert_eq!(set("another-secret", json!(169)).await[0]["code"], "OVERLAP_TOO_LONG");
    }

    async fn a_repeated_webhook_is_a_duplicate_whatever_its_topic(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        let order = orders::shopify(1042, STAY, &["STORM"]).to_string().into_bytes();
        let first = shop.post_bytes(order.clone(), &[("x-shopify-topic", "orders/create")]).await.accepted("queued");
        let again = shop.post_bytes(order, &[("x-shopify-topic", "orders/paid")]).await.accepted("duplicate");
        assert_eq!(first, again);
        app.settle().await;
        let log = shop.merchant.deliveries().await;
        assert_eq!(log.len(), 2);
        assert_eq!((&log[0]["status"], &log[0]["resolutionCode"]), (&json!("DUPLICATE"), &json!("DUPLICATE")));
        assert_eq!(log[0]["duplicateOf"]["id"], json!(first));
        assert_eq!(log[1]["id"], json!(first));
    }

    async fn fifty_at_once_are_one_delivery(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let order = orders::generic("1042", "follows_at_once", &["STORM"]);
        let answers = join_all((0..50).map(|_| shop.post(&order))).await;
        let queued = answers.iter().filter(|answer| answer.body["status"] == "queued").count();
        let duplicates = answers.iter().filter(|answer| answer.body["status"] == "duplicate").count();
        assert_eq!((queued, duplicates), (1, 49), "{answers:?}");
        assert_eq!(shop.settled(&answers[0].delivery_id()).await, ("COMPLETED".to_owned(), None));
        assert_eq!(app.cortex.share_count(preset("storm"), "follows_at_once").effective, 1);
    }

    async fn a_filtered_order_is_delivered_once_it_is_paid(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::WooCommerce, &["processing", "completed"]).await;
        shop.map("STORM", "storm").await;
        let order = |status| orders::woocommerce(9, status, "follows_at_once", &["STORM"]);
        let id = shop.post(&order("pending")).await.accepted("failed_permanent");
        let filtered = ("FAILED_PERMANENT".to_owned(), Some("ORDER_STATUS_FILTERED".to_owned()));
        assert_eq!(shop.settled(&id).await, filtered);
        shop.post(&order("on-hold")).await.accepted("failed_permanent");
        shop.post(&order("processing")).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, ("COMPLETED".to_owned(), None));
        shop.post(&order("completed")).await.accepted("completed");
        shop.post(&order("completed")).await.accepted("duplicate");
    }

    async fn an_order_that_is_cancelled_before_it_was_delivered_is_not_delivered(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        let mut cancelled = orders::shopify(1, "never_follows", &["STORM"]);
        let first = shop.post(&cancelled).await.accepted("queued");
        app.settle().await;
        cancelled["cancelled_at"] = json!("2026-03-14T12:00:00Z");
        shop.post(&cancelled).await.accepted("cancelled");
        assert_eq!(shop.settled(&first).await, ("CANCELLED".to_owned(), None));

        // The cancellation overtakes the order itself.
        let mut early = orders::shopify(2, "follows_at_once", &["STORM"]);
        early["cancelled_at"] = json!("2026-03-14T12:00:00Z");
        let second = shop.post(&early).await.accepted("cancelled");
        shop.post(&orders::shopify(2, "follows_at_once", &["STORM"])).await.accepted("cancelled");
        assert_eq!(shop.settled(&second).await, ("CANCELLED".to_owned(), None));
        assert_eq!(app.cortex.share_count(preset("storm"), "follows_at_once").calls, 0);
    }

    async fn a_woocommerce_ping_is_answered_with_exactly_200_and_remembered(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::WooCommerce).await;
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let pong = shop.post_unsigned(b"webhook_id=7".to_vec(), &form).await;
        assert_eq!(pong.status.as_u16(), 200);
        assert_eq!(receipts(&shop).await, [("PING".to_owned(), None, 1)]);
        shop.post_unsigned(b"webhook_id=7&x=1".to_vec(), &form).await.refused(401, "missing_signature");
    }

    async fn what_is_no_order_is_recorded_and_shown(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::WooCommerce).await;
        let bodies = [
            json!({ "code": "woocommerce_rest_cannot_view", "message": "Sorry", "data": { "status": 401 } }),
            json!({ "id": 7, "name": "A product", "price": "9.00" }),
            json!([1, 2, 3]),
        ];
        for body in bodies {
            let answer = shop.post(&body).await;
            assert_eq!((answer.status.as_u16(), &answer.body["deliveryId"]), (202, &Value::Null), "{body}");
        }
        let outcomes: Vec<String> = receipts(&shop).await.into_iter().map(|(outcome, ..)| outcome).collect();
        assert_eq!(outcomes, ["NOT_AN_ORDER", "NOT_AN_ORDER", "STORE_ERROR"]);
    }

    async fn an_unreadable_order_is_taken_and_shown_with_the_reason(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::WooCommerce).await;
        let lines = r#"{"sku":"STORM"},"#.repeat(1_001);
        for (body, reason) in [
            (r#"{"id":1.0,"line_items":[]}"#.to_owned(), "`id` must be a text or a whole number"),
            (r#"{"id":1,"id":2,"line_items":[]}"#.to_owned(), "`id` is there twice in one object (line 1, column 12)"),
            (
                format!(r#"{{"id":1,"line_items":[{}]}}"#, lines.trim_end_matches(',')),
                "`line_items` must not have more than 1,000 entries",
            ),
        ] {
            let answer = shop.post_bytes(body.into_bytes(), &[]).await;
            assert_eq!((answer.status.as_u16(), &answer.body["status"]), (202, &json!("unusable")), "{answer:?}");
            app.settle().await;
            let asked = shop.merchant.ask("{ webhookReceipts(first: 1) { nodes { outcome reason } } }", json!({})).await;
            let receipt = json!({ "outcome": "UNUSABLE", "reason": reason });
            assert_eq!(asked["webhookReceipts"]["nodes"][0], receipt);
        }
    }

    async fn an_unusable_order_is_found_by_its_id_and_its_number(app: &TestApp) {
        let (merchant, other) = (app.merchant().await, app.merchant().await);
        let (shop, elsewhere) = (merchant.shop(Provider::Shopify).await, other.shop(Provider::Shopify).await);
        for (shop, number) in [(&shop, "#1075"), (&elsewhere, "#1075"), (&shop, "#1076")] {
            let digits = &number[1..];
            for body in [
                json!({ "id": format!("567890123{digits}").parse::<u64>().unwrap(), "name": number, "line_items": null }),
                json!({ "order": { "id": 1, "name": number } }),
            ] {
                let topic = [("x-shopify-topic", "orders/paid")];
                let answer = shop.post_bytes(body.to_string().into_bytes(), &topic).await;
                assert_eq!(answer.body["status"], json!("unusable"), "{answer:?}");
            }
        }
        let mut usable = orders::shopify(1076, "mutual_max", &["STORM"]);
        usable["id"] = json!(5_678_901_231_076_u64);
        shop.post(&usable).await.accepted("queued");
        app.settle().await;
        let document = "query ($order: String) { webhookReceipts(filter: { order: $order }) {
            nodes { outcome orderId orderNumber integration { id } } } }";
        let found = async |order: &str| {
            let found = merchant.ask(document, json!({ "order": order })).await;
            let nodes = found["webhookReceipts"]["nodes"].as_array().unwrap().clone();
            assert!(nodes.iter().all(|node| node["integration"]["id"] == json!(shop.id)), "{nodes:?}");
            nodes.iter().map(|node| (text(&node["outcome"]), text(&node["orderId"]), text(&node["orderNumber"]))).collect::<Vec<_>>()
        };
        let known = |outcome: &str, id: &str, number: &str| (outcome.to_owned(), id.to_owned(), number.to_owned());
        let unusable = [known("UNUSABLE", "1", "#1075"), known("UNUSABLE", "5678901231075", "#1075")];
        for order in ["#1075", "1075"] {
            assert_eq!(found(order).await, unusable);
        }
        assert_eq!(found("5678901231075").await, unusable[1..]);
        for order in ["1076", "#1076"] {
            let outcomes: Vec<String> = found(order).await.into_iter().map(|(outcome, _, _)| outcome).collect();
            assert_eq!(outcomes, ["ACCEPTED", "UNUSABLE", "UNUSABLE"]);
        }
        assert_eq!(found("4711").await, []);
    }

    async fn a_cancellation_that_the_store_takes_back_delivers(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::WooCommerce).await;
        let order = |status, changed_at| {
            let mut order = orders::woocommerce(9, status, "follows_at_once", &["STORM"]);
            order["date_modified_gmt"] = json!(changed_at);
            order
        };
        // WooCommerce cancels what is not paid within the hour; then the payment arrives after all.
        let id = shop.post(&order("cancelled", "2026-03-14T12:00:00")).await.accepted("cancelled");
        shop.post(&order("processing", "2026-03-14T11:59:59")).await.accepted("cancelled");
        shop.post(&order("processing", "2026-03-14T12:00:01")).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, ("COMPLETED".to_owned(), None));
        assert_eq!(app.cortex.share_count(preset("storm"), "follows_at_once").effective, 1);

        // What is put in the bin and taken out again: a deletion is an id and no date, so when it came in counts.
        let restored = |after: TimeDelta| {
            let mut order = orders::woocommerce(10, "processing", "follows_at_once", &["STORM"]);
            order["date_modified_gmt"] = json!((app.clock.now() + after).format("%Y-%m-%dT%H:%M:%S").to_string());
            order
        };
        let id = shop.post_bytes(b"{\"id\":10}".to_vec(), &[("x-wc-webhook-topic", "order.deleted")]).await.accepted("cancelled");
        shop.post(&restored(TimeDelta::minutes(-1))).await.accepted("cancelled");
        shop.post(&restored(TimeDelta::minutes(1))).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, ("COMPLETED".to_owned(), None));
    }

    async fn a_deleted_order_calls_its_delivery_off(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::WooCommerce).await;
        let id = shop.post(&orders::woocommerce(5, "processing", STAY, &["STORM"])).await.accepted("queued");
        app.settle().await;
        shop.post_bytes(b"{\"id\":5}".to_vec(), &[("x-wc-webhook-topic", "order.deleted")]).await.accepted("cancelled");
        assert_eq!(shop.settled(&id).await, ("CANCELLED".to_owned(), None));
    }

    async fn bad_input_gets_an_answer_that_says_what_is_wrong(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let refused: &[(&[u8], &str)] = &[
            (b"", ""),
            (b"{", ""),
            (b"\xff\xfe", ""),
            (b"{\"targetUsername\":\"max\",\"items\":[{\"sku\":\"A\"}]}", "orderId"),
            (b"{\"orderId\":\"1\",\"items\":[{\"sku\":\"A\"}]}", "targetUsername"),
            (b"{\"orderId\":\"1\",\"targetUsername\":\"max\"}", "items"),
            (b"{\"orderId\":\"1\",\"targetUsername\":\"max\",\"items\":[]}", "items"),
            (b"{\"orderId\":\"1\",\"targetUsername\":\"max\",\"items\":[{\"quantity\":1}]}", "items[0]"),
            (b"{\"orderId\":1e400,\"targetUsername\":\"max\",\"items\":[{\"sku\":\"A\"}]}", "orderId"),
        ];
        for (body, field) in refused {
            let answer = shop.post_bytes(body.to_vec(), &[]).await;
            answer.refused(400, "malformed_body");
            assert!(text(&answer.body["error"]["message"]).contains(field), "{answer:?}");
        }
        let deep = [b"[".repeat(5_000), b"]".repeat(5_000)].concat();
        shop.post_bytes(deep, &[]).await.refused(400, "malformed_body");
        let large = format!("{{\"orderId\":\"{}\"}}", "x".repeat(2 * 1_024 * 1_024));
        shop.post_bytes(large.into_bytes(), &[]).await.refused(413, "too_large");
        assert_eq!(app.get(&shop.path()).await.status().as_u16(), 405);
        let other = Shop { provider: Provider::Shopify, ..shop.clone() };
        other.post(&json!({})).await.refused(404, "unknown_integration");
        let unknown = Shop { id: event_log::ids::fresh().to_string(), ..shop.clone() };
        unknown.post(&json!({})).await.refused(404, "unknown_integration");
        let no_id = Shop { id: "42".to_owned(), ..shop.clone() };
        no_id.post(&json!({})).await.refused(404, "unknown_integration");
        assert_eq!(app.get("/api/webhooks/etsy/42").await.status().as_u16(), 405);
        assert_eq!(app.get("/nothing").await.status().as_u16(), 404);
    }

    async fn odd_but_valid_orders_arrive_whole(app: &TestApp) {
        let merchant = app.merchant().await;
        let shopify = merchant.shop(Provider::Shopify).await;
        let body = br#"{"id":820982911946154508123,"line_items":[{"sku":null,"title":"A\u0000B","quantity":1}],
            "email":"","customer":null,"financial_status":"paid"}"#;
        let id = shopify.post_bytes(body.to_vec(), &[]).await.accepted("queued");
        app.settle().await;
        let seen = merchant.ask("query ($id: ID!) { delivery(id: $id) { orderId items { title } } }", json!({ "id": id })).await;
        assert_eq!(seen["delivery"]["orderId"], json!("820982911946154508123"), "no digit passed through a float");
        assert_eq!(seen["delivery"]["items"][0]["title"], json!("AB"));
    }

    async fn an_inactive_integration_takes_nothing_and_the_merchant_sees_why(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        shop.update(json!({ "active": false })).await;
        let order = orders::generic("1", STAY, &["STORM"]);
        shop.post(&order).await.refused(404, "unknown_integration");
        assert_eq!(receipts(&shop).await[0].1.as_deref(), Some("inactive_integration"));
        shop.update(json!({ "active": true })).await;
        shop.post(&order).await.accepted("queued");
    }

    async fn the_raw_body_is_kept_to_the_byte_and_sealed(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let body = b"{ \"items\": [{\"sku\":\"STORM\"}],\"orderId\" :\"1\", \"targetUsername\":\"maxine_secret\", \"n\": 1.10 }";
        let id = shop.post_bytes(body.to_vec(), &[]).await.accepted("queued");
        let log = &app.service().data.log;
        assert_eq!(log.body("delivery", &id, Sequence::FIRST).await.unwrap().as_deref(), Some(body.as_slice()));
        let stored = log.whole_stream("delivery", &id, 10).await.unwrap();
        assert!(!stored[0].event.payload.contains("maxine_secret"));
        let sealed = stored[0].body.as_ref().expect("it has a body");
        assert!(!sealed.windows(13).any(|bytes| bytes == b"maxine_secret"));
    }
}
