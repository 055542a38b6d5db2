//! A connected store posts its webhooks to us, and goes on with it whatever is done to it.

use chrono::TimeDelta;
use cloud_bridge::store_sandbox::{Fault, FaultScript, HoldPoint, NewLine, NewOrder, On, Operation, Stage};
use serde_json::{Value, json};

use super::{Browser, DOMAIN, PUBLIC_URL, SHOP, begin, connected, connection};
use crate::app::{CLIENT_ID, Merchant, TestApp, text};
use crate::delivering::wait_until;
use crate::engines::on_each_engine;

/// Topics that a shop was asked for, with the address that they are posted to.
pub(super) fn topics(app: &TestApp, id: &str) -> Vec<String> {
    let address = format!("{PUBLIC_URL}/api/webhooks/shopify/{id}");
    let mut topics: Vec<String> =
        app.stores.subscriptions(SHOP).into_iter().filter(|(_, to)| *to == address).map(|(topic, _)| topic).collect();
    topics.sort();
    topics
}

async fn webhooks(merchant: &Merchant<'_>, id: &str) -> Value {
    let document = "query ($id: ID!) { integration(id: $id) { storeWebhooks {
        checkedAt cause present missing disabled refused { topics reason } failure nextCheckAt } } }";
    merchant.ask(document, json!({ "id": id })).await["integration"]["storeWebhooks"].clone()
}

/// Waits for the check of this cause that comes after the last one seen.
pub(super) async fn checked(merchant: &Merchant<'_>, id: &str, cause: &str) -> Value {
    let stands = wait_until(merchant.app, || async {
        let stands = webhooks(merchant, id).await;
        (stands["cause"] == json!(cause)).then_some(stands)
    })
    .await;
    // What the shop sells is read after that, which is not to meet what the story does next.
    merchant.app.settle().await;
    stands
}

pub(crate) async fn doctor(merchant: &Merchant<'_>, id: &str) -> Vec<(String, String)> {
    let document = "mutation ($input: CheckStoreInput!) { checkStore(input: $input) {
        findings { level sentence } userErrors { code } } }";
    let answer = merchant.ask(document, json!({ "input": { "integrationId": id } })).await;
    let findings = answer["checkStore"]["findings"].as_array().expect("it examined something").clone();
    findings.iter().map(|finding| (text(&finding["level"]), text(&finding["sentence"]))).collect()
}

fn of_level(findings: &[(String, String)], level: &str) -> Vec<String> {
    findings.iter().filter(|(of, _)| of == level).map(|(_, sentence)| sentence.clone()).collect()
}

async fn update(merchant: &Merchant<'_>, id: &str, changes: Value) {
    let document =
        "mutation ($input: UpdateIntegrationInput!) { updateIntegration(input: $input) { userErrors { code } } }";
    let mut input = json!({ "integrationId": id });
    input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    assert_eq!(merchant.ask(document, json!({ "input": input })).await["updateIntegration"]["userErrors"], json!([]));
}

on_each_engine! {
    async fn a_connected_shop_is_asked_for_what_its_purpose_needs(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = connected(&merchant, json!({})).await;
        let stands = checked(&merchant, &id, "CONNECTED").await;
        assert_eq!((stands["present"].as_i64(), stands["missing"].as_array().unwrap().len()), (Some(0), 9));
        let delivering = topics(app, &id);
        assert_eq!(delivering.len(), 9);
        assert!(delivering.contains(&"orders/paid".to_owned()) && delivering.contains(&"app/uninstalled".to_owned()));

        // What is only published needs more, and what it did not allow is said.
        update(&merchant, &id, json!({ "purpose": "BOTH" })).await;
        let stands = checked(&merchant, &id, "CHANGED").await;
        let refused = stands["refused"].as_array().unwrap();
        assert_eq!(refused.len(), 5, "{stands}");
        assert!(text(&refused[0]["reason"]).contains("cannot create"), "{stands}");
        update(&merchant, &id, json!({ "purpose": "DELIVERS" })).await;
        wait_until(app, || async { (topics(app, &id) == delivering).then_some(()) }).await;
    }

    async fn what_a_connected_shop_sells_is_delivered(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = connected(&merchant, json!({})).await;
        checked(&merchant, &id, "CONNECTED").await;
        // The shop posts to the public address; here it is reached at another.
        let document = "mutation ($input: AddItemMappingInput!) { addItemMapping(input: $input) { userErrors { code } } }";
        let input = json!({ "integrationId": id, "matchType": "SKU", "externalRef": "STORM",
            "resourceType": "PRESET", "resourceId": "storm" });
        merchant.ask(document, json!({ "input": input })).await;
        let order = NewOrder::of("follows_at_once", NewLine::of_sku("STORM", "Storm Drive"));
        let webhook = app.stores.place_order(SHOP, order).unwrap();
        assert_eq!(webhook.topic, "orders/create");
        let signed = signing::Encoding::Base64.encoded(&signing::code(crate::app::CLIENT_SECRET.as_bytes(), &[webhook.body.as_bytes()]));
        let sent = app.http.post(format!("{}/api/webhooks/shopify/{id}", app.node.url))
            .header("x-shopify-hmac-sha256", signed)
            .header("x-shopify-topic", webhook.topic)
            .body(webhook.body)
            .send().await.unwrap();
        assert_eq!(sent.status().as_u16(), 202, "{:?}", sent.text().await);
        app.settle().await;
        let delivered = &merchant.deliveries().await[0];
        assert_eq!((&delivered["status"], &delivered["items"][0]["sku"]), (&json!("COMPLETED"), &json!("STORM")));
    }

    async fn what_somebody_deleted_is_made_again_and_what_is_anothers_is_left(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = connected(&merchant, json!({})).await;
        checked(&merchant, &id, "CONNECTED").await;
        app.stores.drop_subscriptions(SHOP, Some("orders/paid")).unwrap();
        let findings = doctor(&merchant, &id).await;
        assert_eq!(of_level(&findings, "MENDED"), ["Missing were orders/paid: they were made."]);
        assert_eq!(of_level(&findings, "WRONG"), [""; 0], "{findings:?}");
        assert_eq!(topics(app, &id).len(), 9);
        let again = doctor(&merchant, &id).await;
        assert_eq!(of_level(&again, "MENDED"), [""; 0], "{again:?}");

        // Of another address of the same app, which another integration has.
        let other = merchant.ask("mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id } } }",
            json!({ "input": { "provider": "SHOPIFY", "name": "Another", "purpose": "PUBLISHES" } })).await;
        let other = text(&other["createIntegration"]["integration"]["id"]);
        let begun = begin(&merchant, json!({ "store": SHOP, "integrationId": other })).await;
        Browser::new(app).authorize(&text(&begun["url"])).await;
        checked(&merchant, &other, "CONNECTED").await;
        assert_eq!((topics(app, &id).len(), topics(app, &other).len()), (9, 18));
        doctor(&merchant, &id).await;
        assert_eq!((topics(app, &id).len(), topics(app, &other).len()), (9, 18));
    }

    async fn webhooks_are_checked_every_day_and_sooner_where_that_failed(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = connected(&merchant, json!({})).await;
        checked(&merchant, &id, "CONNECTED").await;
        app.stores.drop_subscriptions(SHOP, None).unwrap();
        assert_eq!(topics(app, &id), [""; 0]);
        let operation = On::Only(Operation::ShopifySubscriptions);
        app.stores.script(FaultScript { operation, fault: Fault::Unavailable503, times: 1 }).unwrap();
        app.advance(TimeDelta::hours(24));
        let failed = wait_until(app, || async {
            let stands = webhooks(&merchant, &id).await;
            (!stands["failure"].is_null()).then_some(stands)
        })
        .await;
        assert!(text(&failed["failure"]).contains("503"), "{failed}");
        app.advance(TimeDelta::minutes(1));
        checked(&merchant, &id, "DAILY").await;
        assert_eq!(topics(app, &id).len(), 9);
    }

    async fn what_changes_while_webhooks_are_checked_is_checked_after(app: &TestApp) {
        let merchant = app.merchant().await;
        app.stores.hold(Operation::ShopifySubscriptions, HoldPoint::AfterEffect);
        let id = connected(&merchant, json!({})).await;
        app.stores.wait_for(Operation::ShopifySubscriptions, Stage::Held, 1).await.unwrap();
        update(&merchant, &id, json!({ "purpose": "BOTH" })).await;
        app.stores.release(Operation::ShopifySubscriptions);
        let stands = checked(&merchant, &id, "CHANGED").await;
        assert_eq!(stands["refused"].as_array().unwrap().len(), 5, "{stands}");
    }

    async fn a_shop_that_is_busy_is_left_alone_for_as_long_as_it_says(app: &TestApp) {
        let merchant = app.merchant().await;
        let operation = On::Only(Operation::ShopifySubscriptions);
        app.stores.script(FaultScript { operation, fault: Fault::RateLimit, times: 1 }).unwrap();
        let id = connected(&merchant, json!({})).await;
        let failed = wait_until(app, || async {
            let stands = webhooks(&merchant, &id).await;
            (!stands["failure"].is_null()).then_some(stands)
        })
        .await;
        assert!(text(&failed["failure"]).contains("fewer requests"), "{failed}");
        app.advance(TimeDelta::minutes(1));
        wait_until(app, || async { (topics(app, &id).len() == 9).then_some(()) }).await;
    }

    async fn an_app_that_was_removed_is_noticed_and_connecting_again_resumes(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = connected(&merchant, json!({})).await;
        checked(&merchant, &id, "CONNECTED").await;
        app.stores.uninstall(SHOP, CLIENT_ID).unwrap();
        let findings = doctor(&merchant, &id).await;
        let wrong = of_level(&findings, "WRONG").join(" ");
        assert!(wrong.contains("does not take its token any more") && wrong.contains("stores connect"), "{findings:?}");
        let stands = connection(&merchant, &id).await;
        assert_eq!((&stands["status"], &stands["lostReason"]), (&json!("LOST"), &json!("REFUSED")));
        // Nothing is called any more.
        let before = app.stores.call_count(Operation::ShopifySubscriptions).arrived;
        doctor(&merchant, &id).await;
        app.advance(TimeDelta::days(2));
        app.settle().await;
        assert_eq!(app.stores.call_count(Operation::ShopifySubscriptions).arrived, before);

        let again = begin(&merchant, json!({ "store": DOMAIN })).await;
        assert_eq!(again["integration"]["id"], json!(id));
        Browser::new(app).authorize(&text(&again["url"])).await;
        wait_until(app, || async { (topics(app, &id).len() == 9).then_some(()) }).await;
        assert_eq!(connection(&merchant, &id).await["status"], json!("CONNECTED"));
    }

    async fn a_shop_that_says_that_the_app_is_gone_is_asked_whether_it_is_so(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = connected(&merchant, json!({})).await;
        checked(&merchant, &id, "CONNECTED").await;
        let body = json!({ "id": 548_380_009, "name": SHOP, "myshopify_domain": DOMAIN }).to_string();
        let send = async || {
            let signed = signing::Encoding::Base64.encoded(&signing::code(crate::app::CLIENT_SECRET.as_bytes(), &[body.as_bytes()]));
            let sent = app.http.post(format!("{}/api/webhooks/shopify/{id}", app.node.url))
                .header("x-shopify-hmac-sha256", signed)
                .header("x-shopify-topic", "app/uninstalled")
                .header("x-shopify-webhook-id", event_log::ids::fresh().to_string())
                .body(body.clone())
                .send().await.unwrap();
            assert_eq!(sent.status().as_u16(), 202);
        };
        // Somebody sends a captured one: the token is still good.
        send().await;
        checked(&merchant, &id, "REVOKED").await;
        assert_eq!(connection(&merchant, &id).await["status"], json!("CONNECTED"));
        app.stores.uninstall(SHOP, CLIENT_ID).unwrap();
        app.advance(TimeDelta::minutes(2));
        send().await;
        let lost = wait_until(app, || async {
            let stands = connection(&merchant, &id).await;
            (stands["status"] == json!("LOST")).then_some(stands)
        })
        .await;
        assert_eq!(lost["lostReason"], json!("UNINSTALLED"));
    }
}
