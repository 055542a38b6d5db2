//! Stores as they are: the orders that real stores send, and what each becomes where the merchant set up nothing special.

use chrono::{DateTime, TimeDelta, Utc};
use domain::integration::Provider;
use event_log::Sequence;
use event_log::refusals::RefusalReason;
use serde_json::{Value, json};

use crate::app::{Answer, Merchant, Shop, TestApp, sign, text};
use crate::delivering::preset;
use crate::engines::on_each_engine;

const USER: &str = "follows_at_once";
/// Where a store keeps the number that people see apart from its id, which no float can hold.
const SHOPIFY_ID: u64 = 820_982_911_946_154_508;

/// A Shopify order with the number 1042, as far as it matters here.
fn shopify(status: &str, lines: Value) -> Value {
    json!({
        "id": SHOPIFY_ID, "admin_graphql_api_id": format!("gid://shopify/Order/{SHOPIFY_ID}"),
        "name": "#1042", "order_number": 1042, "financial_status": status, "cancelled_at": null,
        "updated_at": "2026-11-21T10:00:00-05:00", "email": "max@music.com", "test": false,
        "note_attributes": [{ "name": "NDSP Username", "value": USER }], "line_items": lines,
    })
}

fn line(sku: &str, quantity: u32, current_quantity: u32) -> Value {
    json!({
        "id": 866_550_311_766_439_020_u64, "sku": sku, "title": format!("{sku} &ndash; Lead"), "product_id": 7_891_234_567_890_u64,
        "variant_id": 43_210_987_654_321_u64, "quantity": quantity, "current_quantity": current_quantity, "properties": [],
    })
}

/// A `WooCommerce` order with the id 1234 and the number A-17.
fn woocommerce(status: &str, name: &str) -> Value {
    json!({
        "id": 1234, "parent_id": 0, "number": "A-17", "status": status, "date_modified_gmt": "2026-11-21T15:00:00",
        "total": "19.00", "customer_id": 0, "billing": { "email": "max@music.com" },
        "meta_data": [{ "id": 9, "key": "_billing_ndsp_username", "value": USER }],
        "line_items": [{ "id": 3, "name": name, "product_id": 567, "variation_id": 0, "quantity": 1, "sku": "STORM",
            "price": 17.647_059, "meta_data": [] }],
    })
}

/// An integration of which nothing is said but its kind, with STORM and RAIN mapped; and what it says that it delivers.
async fn plain_shop<'a>(merchant: &Merchant<'a>, provider: Provider) -> (Shop<'a>, Value) {
    let document = r#"mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) {
        integration { id orderStatuses } signingSecret warning userErrors { code message } } }"#;
    let own = provider.chooses_secret().then(|| format!("shpss_{}", event_log::ids::fresh().simple()));
    let input = json!({ "provider": provider.as_str().to_uppercase(), "name": "My shop", "signingSecret": own });
    let made = merchant.ask(document, json!({ "input": input })).await["createIntegration"].clone();
    assert_eq!((&made["userErrors"], &made["warning"]), (&json!([]), &Value::Null));
    let (id, secret) = (text(&made["integration"]["id"]), own.unwrap_or_else(|| text(&made["signingSecret"])));
    let shop = Shop { merchant: merchant.clone(), provider, id, secret };
    for sku in ["STORM", "RAIN"] {
        shop.map(sku, &sku.to_lowercase()).await;
    }
    (shop, made["integration"]["orderStatuses"].clone())
}

async fn sent(shop: &Shop<'_>, topic: &str, body: &str) -> Answer {
    let header = if shop.provider == Provider::Shopify { "x-shopify-topic" } else { "x-wc-webhook-topic" };
    shop.post_bytes(body.as_bytes().to_vec(), &[(header, topic)]).await
}

/// The newest receipt, as its merchant sees it.
async fn receipt(shop: &Shop<'_>) -> Value {
    shop.merchant.app.settle().await;
    let document = "{ webhookReceipts(first: 1) { nodes { outcome reason message count headers { name value } } } }";
    shop.merchant.ask(document, json!({})).await["webhookReceipts"]["nodes"][0].clone()
}

async fn shares(app: &TestApp, asset: &str) -> u64 {
    app.settle().await;
    app.cortex.share_count(preset(asset), USER).effective
}

fn filtered() -> (String, Option<String>) {
    ("FAILED_PERMANENT".to_owned(), Some("ORDER_STATUS_FILTERED".to_owned()))
}

on_each_engine! {
    async fn a_store_of_which_nothing_is_said_delivers_what_is_paid(app: &TestApp) {
        let merchant = app.merchant().await;
        let (shop, delivers) = plain_shop(&merchant, Provider::Shopify).await;
        assert_eq!(delivers, json!(["paid", "partially_refunded"]));
        let order = |status: &str| shopify(status, json!([line("STORM", 1, 1)]));
        let id = shop.post(&order("pending")).await.accepted("failed_permanent");
        assert_eq!(shop.settled(&id).await, filtered());
        shop.post(&order("authorized")).await.accepted("failed_permanent");
        let mut paid = order("paid");
        paid["updated_at"] = json!("2026-11-21T10:05:00-05:00");
        shop.post(&paid).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, ("COMPLETED".to_owned(), None));

        let (shop, delivers) = plain_shop(&merchant, Provider::WooCommerce).await;
        assert_eq!(delivers, json!(["completed", "processing"]));
        for status in ["pending", "on-hold", "checkout-draft", "auto-draft", "failed"] {
            shop.post(&woocommerce(status, "Storm")).await.accepted("failed_permanent");
        }
        shop.post(&woocommerce("processing", "Storm")).await.accepted("queued");

        let (_, delivers) = plain_shop(&merchant, Provider::Generic).await;
        assert_eq!(delivers, json!([]), "every status");
    }

    async fn what_is_delivered_by_default_is_recorded_when_it_is_created(app: &TestApp) {
        let (shop, _) = plain_shop(&app.merchant().await, Provider::WooCommerce).await;
        let stored = app.service().data.log.whole_stream("integration", &shop.id, 1).await.unwrap();
        assert!(stored[0].event.payload.contains(r#""order_statuses":["completed","processing"]"#));
    }

    async fn whatever_the_merchant_chose_drafts_and_what_was_not_paid_are_never_delivered(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::WooCommerce, &["any"]).await;
        shop.map("STORM", "storm").await;
        let order = |status: &str| woocommerce(status, "Storm");
        for status in ["auto-draft", "checkout-draft", "draft", "failed"] {
            let id = shop.post(&order(status)).await.accepted("failed_permanent");
            assert_eq!(shop.settled(&id).await, filtered(), "{status}");
        }
        shop.post(&order("on-hold")).await.accepted("queued");
        let shop = merchant.bare_shop(Provider::Shopify, &["any"]).await;
        for status in ["voided", "expired"] {
            shop.post(&shopify(status, json!([line("STORM", 1, 1)]))).await.accepted("failed_permanent");
        }
        shop.post(&shopify("authorized", json!([line("STORM", 1, 1)]))).await.accepted("queued");
        let document = "mutation ($input: UpdateIntegrationInput!) { updateIntegration(input: $input) { userErrors { code } } }";
        let input = json!({ "integrationId": shop.id, "orderStatuses": ["paid", "voided"] });
        let refused = merchant.ask(document, json!({ "input": input })).await;
        assert_eq!(refused["updateIntegration"]["userErrors"][0]["code"], json!("NEVER_DELIVERED"));
    }

    async fn an_order_first_reported_as_partly_refunded_delivers_what_is_left(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::Shopify, &["paid"]).await;
        for sku in ["STORM", "RAIN"] {
            shop.map(sku, &sku.to_lowercase()).await;
        }
        let order = shopify("partially_refunded", json!([line("STORM", 1, 0), line("RAIN", 2, 1)]));
        let id = shop.post(&order).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, ("COMPLETED".to_owned(), None));
        assert_eq!((shares(app, "storm").await, shares(app, "rain").await), (0, 1));
    }

    async fn the_documented_orders_deliver_although_they_name_no_status(app: &TestApp) {
        let merchant = app.merchant().await;
        for (provider, mut order) in [
            (Provider::Shopify, shopify("paid", json!([line("STORM", 1, 1)]))),
            (Provider::WooCommerce, woocommerce("processing", "Storm")),
        ] {
            let fields = order.as_object_mut().unwrap();
            fields.remove("financial_status");
            fields.remove("status");
            plain_shop(&merchant, provider).await.0.post(&order).await.accepted("queued");
        }
    }

    async fn a_title_is_mapped_as_people_read_it(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::WooCommerce, &[]).await;
        let map = async |title: &str| {
            let document = r#"mutation ($input: AddItemMappingInput!) {
                addItemMapping(input: $input) { itemMapping { id } userErrors { code } } }"#;
            let input = json!({ "integrationId": shop.id, "matchType": "TITLE", "externalRef": title,
                "resourceType": "PRESET", "resourceId": "storm" });
            shop.merchant.ask(document, json!({ "input": input })).await["addItemMapping"].clone()
        };
        let first = map("Caf\u{e9} Drive \u{2013} Stra\u{df}e").await;
        let again = map("CAFE\u{301}&nbsp;drive  &ndash; STRASSE").await;
        assert_eq!(first, again, "it is one mapping");
        let order = woocommerce("completed", "Cafe\u{301}\u{a0}DRIVE &#8211;  stra&szlig;e");
        let id = shop.post(&order).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, ("COMPLETED".to_owned(), None));
        assert_eq!(shares(app, "storm").await, 1);
    }

    async fn a_username_is_read_as_its_customer_pasted_it(app: &TestApp) {
        let (shop, _) = plain_shop(&app.merchant().await, Provider::WooCommerce).await;
        for (order_id, pasted) in [
            (1, "\u{feff}\u{200b}\u{ff20}follows_at_once\u{200e}"),
            (2, "https://cloud.neuraldsp.com/cloud/u/follows_at_once/neural-capture/view/1f-2e"),
        ] {
            let mut order = woocommerce("completed", "Storm");
            order["id"] = json!(order_id);
            order["meta_data"][0]["value"] = json!(pasted);
            let id = shop.post(&order).await.accepted("queued");
            assert_eq!(shop.settled(&id).await, ("COMPLETED".to_owned(), None), "{pasted}");
        }
        let mut order = woocommerce("completed", "Storm");
        order["id"] = json!(3);
        order["meta_data"] = json!([]);
        order["customer_note"] = json!("Danke! NDSP username: &quot;follows_at_once&quot;");
        let noted = shop.post(&order).await.accepted("queued");
        assert_eq!(shop.settled(&noted).await, ("COMPLETED".to_owned(), None));
        order["id"] = json!(4);
        order["customer_note"] = json!("NDSP username: https://instagram.com/follows_at_once");
        let elsewhere = shop.post(&order).await.accepted("queued");
        let missing = ("ACTION_REQUIRED".to_owned(), Some("MISSING_USERNAME".to_owned()));
        assert_eq!(shop.settled(&elsewhere).await, missing);
        // The merchant who corrects it pastes, too.
        shop.retry(&elsewhere, Some("https://cloud.neuraldsp.com/u/follows_at_once ")).await;
        assert_eq!(shop.settled(&elsewhere).await, ("COMPLETED".to_owned(), None));
    }

    async fn a_refund_under_a_topic_of_orders_is_no_order(app: &TestApp) {
        let (shop, _) = plain_shop(&app.merchant().await, Provider::WooCommerce).await;
        let mut refund = woocommerce("completed", "Storm");
        for (field, value) in [("id", json!(1300)), ("parent_id", json!(1234)), ("total", json!("-19.00"))] {
            refund[field] = value;
        }
        refund["line_items"][0]["quantity"] = json!(-1);
        let answer = sent(&shop, "order.updated", &refund.to_string()).await;
        assert_eq!((answer.status.as_u16(), &answer.body["status"]), (202, &json!("not_an_order")));
        assert_eq!(receipt(&shop).await["outcome"], json!("NOT_AN_ORDER"));
        assert!(shop.merchant.deliveries().await.is_empty());
    }

    async fn an_order_that_cannot_be_read_is_kept_and_the_merchant_sees_why(app: &TestApp) {
        let merchant = app.merchant().await;
        let xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<order><id type=\"integer\">{SHOPIFY_ID}</id></order>");
        let json = "choose the format JSON for this webhook in the store's settings";
        for (provider, topic, body, reason) in [
            (Provider::Shopify, "orders/paid", xml.as_str(), format!("the body is XML and not JSON: {json}")),
            (
                Provider::Shopify,
                "orders/paid",
                r##"{"id":820982911946154508,"updated_at":"2026-11-21T10:00:00-05:00","name":"#1042"}"##,
                "`line_items` is missing: let the store send whole orders (no include_fields)".to_owned(),
            ),
            (
                Provider::Shopify,
                "orders/create",
                r#"{"order":{"id":820982911946154508,"line_items":[]}}"#,
                "the order lies in `order` and must be the body itself".to_owned(),
            ),
            (Provider::Shopify, "orders/paid", r#"{"id":null,"line_items":[]}"#, "`id` must not be null".to_owned()),
            (
                Provider::WooCommerce,
                "order.updated",
                r#"{"id":1234,"line_items":null}"#,
                "`line_items` must not be null".to_owned(),
            ),
            (Provider::WooCommerce, "order.updated", "id=1234", "the body is not JSON (line 1, column 1): have the store send the order as JSON; a plugin may have changed what it sends".to_owned()),
        ] {
            let (shop, _) = plain_shop(&merchant, provider).await;
            let answer = sent(&shop, topic, body).await;
            assert_eq!((answer.status.as_u16(), &answer.body["status"]), (202, &json!("unusable")), "{body}");
            let seen = receipt(&shop).await;
            assert_eq!((&seen["outcome"], &seen["reason"]), (&json!("UNUSABLE"), &json!(reason)), "{body}");
        }
        let notice = notices(app).await.remove(0);
        let kept = app.service().data.log.body("notice", &notice, Sequence::FIRST).await.unwrap();
        assert_eq!(kept.as_deref(), Some(xml.as_bytes()), "to the byte");
    }

    async fn of_what_was_refused_the_merchant_sees_the_sentence_that_its_sender_got(app: &TestApp) {
        let (shop, _) = plain_shop(&app.merchant().await, Provider::Generic).await;
        let nameless = r#"{"orderId":"1042","targetUsername":"","items":[{"sku":"STORM"}],"customerEmail":"max@music.com"}"#;
        for (body, sentence) in [
            (nameless, "`targetUsername` must not be empty"),
            (r#"{"orderId":"1042","targetUsername":"max"}"#, "`items` is missing"),
        ] {
            let answer = shop.post_bytes(body.as_bytes().to_vec(), &[]).await;
            assert_eq!(answer.body["error"]["message"], json!(sentence));
            let seen = receipt(&shop).await;
            assert_eq!((&seen["reason"], &seen["message"]), (&json!("malformed_body"), &json!(sentence)), "the latest");
        }
        assert_eq!(receipt(&shop).await["count"], json!(2));
        shop.post_unsigned(nameless.into(), &[]).await.refused(401, "missing_signature");
        assert_eq!(receipt(&shop).await["message"], json!("the webhook carries no signature"));
    }

    async fn of_two_nodes_that_refused_the_later_ones_sentence_is_shown(app: &TestApp) {
        let (shop, _) = plain_shop(&app.merchant().await, Provider::Generic).await;
        let (service, hour) = (app.service(), "2026-11-21T10:00:00Z".parse::<DateTime<Utc>>().unwrap());
        app.advance(hour - app.clock.now());
        // Each node writes what it holds when it comes to it, so the earlier one may be written last.
        for (minute, sentence) in [(5, "the later"), (1, "the earlier")] {
            let (account, integration) = (shop.merchant.id.parse().unwrap(), shop.id.parse().unwrap());
            let at = hour + TimeDelta::minutes(minute);
            service.refusals.count(account, integration, RefusalReason::MalformedBody, Some(sentence.to_owned()), at);
            service.refusals.write(&service.data.log).await.unwrap();
        }
        let seen = receipt(&shop).await;
        assert_eq!((&seen["message"], &seen["count"]), (&json!("the later"), &json!(2)));
    }

    async fn the_headers_that_matter_are_kept_sealed_with_the_body_and_shown_with_it(app: &TestApp) {
        let merchant = app.merchant().await;
        let (shop, _) = plain_shop(&merchant, Provider::Shopify).await;
        let headers = [
            ("x-shopify-topic", "orders/paid"),
            ("x-shopify-webhook-id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
            ("x-shopify-api-version", "2026-10"),
            ("x-shopify-triggered-at", "2026-11-21T15:00:00.123Z"),
            ("user-agent", "Shopify-Captain-Hook"),
            ("authorization", "Bearer of-somebody"),
            ("cookie", "session=of-somebody"),
            ("x-forwarded-for", "203.0.113.7"),
        ];
        let shown = json!([
            { "name": "content-type", "value": "application/json" },
            { "name": "user-agent", "value": "Shopify-Captain-Hook" },
            { "name": "x-shopify-api-version", "value": "2026-10" },
            { "name": "x-shopify-topic", "value": "orders/paid" },
            { "name": "x-shopify-triggered-at", "value": "2026-11-21T15:00:00.123Z" },
            { "name": "x-shopify-webhook-id", "value": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043" },
        ]);
        shop.post_bytes(b"{}".to_vec(), &headers).await;
        assert_eq!(receipt(&shop).await["headers"], shown, "of what is no order");
        let order = shopify("paid", json!([line("STORM", 1, 1)])).to_string().into_bytes();
        let id = shop.post_bytes(order, &headers).await.accepted("queued");
        assert_eq!(receipt(&shop).await["headers"], shown);

        let stored = app.service().data.log.whole_stream("delivery", &id, 10).await.unwrap();
        assert!(!stored[0].event.payload.contains("Captain-Hook") && !stored[0].event.payload.contains("of-somebody"));
        let story = "query ($id: ID!) { delivery(id: $id) { timeline(first: 1) { nodes { data } } } }";
        let headers_in = |seen: Value| seen["delivery"]["timeline"]["nodes"][0]["data"]["webhook"]["headers"].clone();
        let own = headers_in(merchant.ask(story, json!({ "id": id })).await);
        assert_eq!(own["user-agent"], json!("Shopify-Captain-Hook"));
        assert_eq!(headers_in(app.admin(story, json!({ "id": id })).await), Value::Null, "not another's");
        let receipts = "{ webhookReceipts(first: 1) { nodes { headers { name } } } }";
        assert_eq!(app.admin(receipts, json!({})).await["webhookReceipts"]["nodes"][0]["headers"], Value::Null);
        let export = r#"mutation { exportPersonalData(input: { customer: "max@music.com" }) { deliveries } }"#;
        let exported = merchant.ask(export, json!({})).await;
        assert_eq!(exported["exportPersonalData"]["deliveries"][0]["webhooks"][0]["headers"]["x-shopify-api-version"], json!("2026-10"));

        let erase = r#"mutation { erasePersonalData(input: { customer: "max@music.com" }) { userErrors { code } } }"#;
        assert_eq!(merchant.ask(erase, json!({})).await["erasePersonalData"]["userErrors"], json!([]));
        assert_eq!(receipt(&shop).await["headers"], Value::Null, "with the body");
    }

    async fn a_short_secret_that_a_store_already_uses_is_taken_with_a_warning(app: &TestApp) {
        let merchant = app.merchant().await;
        let (shop, _) = plain_shop(&merchant, Provider::WooCommerce).await;
        let document = r#"mutation ($input: SetSigningSecretInput!) {
            setSigningSecret(input: $input) { integration { id } warning userErrors { code } } }"#;
        let set = async |secret: &str| {
            let input = json!({ "integrationId": shop.id, "signingSecret": secret });
            merchant.ask(document, json!({ "input": input })).await["setSigningSecret"].clone()
        };
        let short = set("abc").await;
        assert_eq!(short["userErrors"], json!([]));
        assert!(text(&short["warning"]).contains("can be guessed"), "{short}");
        let shop = Shop { secret: "abc".to_owned(), ..shop.clone() };
        shop.post(&woocommerce("processing", "Storm")).await.accepted("queued");
        assert_eq!(set("long-enough").await["warning"], Value::Null);
        for blank in ["", "  "] {
            let refused = set(blank).await;
            assert_eq!((&refused["userErrors"][0]["code"], &refused["warning"]), (&json!("INVALID_SECRET"), &Value::Null));
        }
        let create = r#"mutation { createIntegration(input: { provider: SHOPIFY, name: "x", signingSecret: "abc" }) { warning } }"#;
        assert!(merchant.ask(create, json!({})).await["createIntegration"]["warning"].is_string());
    }

    async fn shopifys_newer_headers_are_understood_and_where_both_are_sent_both_must_be_right(app: &TestApp) {
        let (shop, _) = plain_shop(&app.merchant().await, Provider::Shopify).await;
        let body = shopify("paid", json!([line("STORM", 1, 1)])).to_string().into_bytes();
        let (old, right) = sign(Provider::Shopify, &shop.secret, &body).unwrap();
        let (_, wrong) = sign(Provider::Shopify, "another", &body).unwrap();
        let newer = "shopify-hmac-sha256";
        shop.post_unsigned(body.clone(), &[(newer, &wrong)]).await.refused(401, "wrong_signature");
        for both in [[(old, &right), (newer, &wrong)], [(old, &wrong), (newer, &right)]] {
            let both = both.map(|(name, value)| (name, value.as_str()));
            shop.post_unsigned(body.clone(), &both).await.refused(401, "wrong_signature");
        }
        let headers = [(newer, right.as_str()), ("shopify-topic", "Order"), ("shopify-action", "update"), ("shopify-webhook-id", "w1")];
        let id = shop.post_unsigned(body.clone(), &headers).await.accepted("queued");
        shop.post_unsigned(body, &[(old, &right), (newer, &right)]).await.accepted("duplicate");
        app.settle().await;
        let document = "{ webhookReceipts(first: 9, filter: { outcome: [ACCEPTED] }) { nodes { topic webhookId delivery { id } } } }";
        let seen = shop.merchant.ask(document, json!({})).await["webhookReceipts"]["nodes"].clone();
        assert_eq!(seen, json!([{ "topic": "orders/updated", "webhookId": "w1", "delivery": { "id": id } }]));
        // What is of another topic is no order, whichever header says so.
        let product = [(newer, &*sign(Provider::Shopify, &shop.secret, b"{}").unwrap().1), ("shopify-topic", "Product"), ("shopify-action", "update")];
        let answer = shop.post_unsigned(b"{}".to_vec(), &product).await;
        assert_eq!(answer.body["status"], json!("not_an_order"));
    }
}

/// The notices of the log, the oldest first.
async fn notices(app: &TestApp) -> Vec<String> {
    #[derive(sqlx::FromRow)]
    struct Notice {
        aggregate_id: String,
    }
    let sql = "SELECT aggregate_id FROM events WHERE aggregate_type = 'notice' AND sequence = 1 ORDER BY position";
    let rows: Vec<Notice> = app.service().data.log.raw_database().fetch_all(sql.into()).await.expect("the log answers");
    rows.into_iter().map(|row| row.aggregate_id).collect()
}
