//! A shop of WooCommerce is connected with a pair of keys: its webhooks are kept, what it never sent is found, and what it sells is known.

use chrono::TimeDelta;
use cloud_bridge::store_sandbox::{NewLine, NewOrder, NewProduct, NewVariant, Platform, Store, Webhook};
use domain::integration::Provider;
use serde_json::{Value, json};

use super::filling::{catalogue, read};
use super::webhooks::{checked, doctor};
use super::{PUBLIC_URL, connection};
use crate::app::{Merchant, Shop, TestApp};
use crate::delivering::wait_until;
use crate::engines::on_each_engine;

const SHOP: &str = "storm-shop";
const KEYS: &str = "ck_1:cs_1";

/// A shop whose keys were entered, after its first check.
async fn connected<'a>(merchant: &Merchant<'a>) -> Shop<'a> {
    let app = merchant.app;
    let store = Store { platform: Platform::WooCommerce, id: SHOP.to_owned(), token: KEYS.to_owned(), webhooks: None };
    app.stores.connect(store).unwrap();
    let shop = merchant.shop(Provider::WooCommerce).await;
    enter_keys(&shop).await;
    checked(merchant, &shop.id, "CONNECTED").await;
    shop
}

async fn enter_keys(shop: &Shop<'_>) {
    let merchant = &shop.merchant;
    let document =
        "mutation ($input: SaveStoreAccessInput!) { saveStoreAccess(input: $input) { userErrors { code } } }";
    let address = format!("{}/woocommerce/{SHOP}", merchant.app.stores.base_url());
    let input = json!({ "integrationId": shop.id, "token": KEYS, "store": address });
    let saved = merchant.ask(document, json!({ "input": input })).await;
    assert_eq!(saved["saveStoreAccess"]["userErrors"], json!([]));
}

fn storm(username: &str) -> NewOrder {
    NewOrder::of(username, NewLine::of_sku("STORM", "Storm Drive"))
}

fn topics(app: &TestApp, shop: &Shop<'_>) -> Vec<String> {
    let address = format!("{PUBLIC_URL}/api/webhooks/woocommerce/{}", shop.id);
    let all = app.stores.subscriptions(SHOP).into_iter().filter(|(_, to)| *to == address);
    let mut topics: Vec<String> = all.map(|(topic, _)| topic).collect();
    topics.sort_unstable();
    topics
}

async fn post(shop: &Shop<'_>, webhook: &Webhook) -> Value {
    let headers = [("x-wc-webhook-topic", webhook.topic)];
    let answer = shop.post_bytes(webhook.body.clone().into_bytes(), &headers).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.body
}

async fn compare(shop: &Shop<'_>) -> Value {
    let document = "mutation ($input: SyncStoreInput!) { syncStore(input: $input) { isDone userErrors { code } } }";
    let done = shop.merchant.ask(document, json!({ "input": { "integrationId": shop.id } })).await;
    assert_eq!(done["syncStore"], json!({ "isDone": true, "userErrors": [] }));
    super::reconciling::comparison(&shop.merchant, &shop.id).await
}

on_each_engine! {
    async fn its_webhooks_are_made_and_signed_with_the_integrations_secret(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = connected(&merchant).await;
        let orders = ["order.created", "order.deleted", "order.restored", "order.updated"];
        let products = ["product.created", "product.deleted", "product.restored", "product.updated"];
        assert_eq!(topics(app, &shop), [orders, products].concat());
        let placed = app.stores.place_order(SHOP, storm("mutual_max")).unwrap();
        assert_eq!(post(&shop, &placed).await["outcome"], "accepted");
        let repeated = post(&shop, &placed).await;
        assert_eq!(repeated["outcome"], "duplicate");
        app.settle().await;
        let statuses: Vec<Value> = merchant.deliveries().await.iter().map(|delivery| delivery["status"].clone()).collect();
        assert_eq!(statuses, [json!("DUPLICATE"), json!("COMPLETED")]);
    }

    async fn a_webhook_that_the_shop_stopped_after_seven_failures_goes_on(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = connected(&merchant).await;
        // The shop posts to this service's public address, where nothing is: each order is one failure.
        for _ in 0..6 {
            app.stores.place_order(SHOP, storm("mutual_max")).unwrap();
            app.stores.webhooks_settled().await.unwrap();
        }
        let fine = doctor(&merchant, &shop.id).await;
        assert!(fine.iter().all(|(level, _)| level == "FINE"), "six are too few: {fine:?}");
        app.stores.place_order(SHOP, storm("mutual_max")).unwrap();
        app.stores.webhooks_settled().await.unwrap();
        let findings = doctor(&merchant, &shop.id).await;
        let mended: Vec<_> = findings.iter().filter(|(level, _)| level == "MENDED").collect();
        assert!(mended.len() == 1 && mended[0].1.contains("order.created"), "{findings:?}");
        assert!(doctor(&merchant, &shop.id).await.iter().all(|(level, _)| level == "FINE"));
    }

    async fn an_order_that_it_never_sent_is_found_and_delivered_once(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = connected(&merchant).await;
        app.advance(TimeDelta::minutes(6));
        compare(&shop).await;
        let sent = app.stores.place_order(SHOP, storm("mutual_max")).unwrap();
        post(&shop, &sent).await;
        let lost = app.stores.place_order(SHOP, storm("follows_at_once")).unwrap();
        app.advance(TimeDelta::minutes(6));
        let found = compare(&shop).await["latest"].clone();
        assert_eq!((&found["received"], &found["fetched"]), (&json!(1), &json!(1)), "{found}");
        app.settle().await;
        assert!(merchant.deliveries().await.iter().all(|delivery| delivery["status"] == "COMPLETED"));
        assert_eq!(merchant.deliveries().await.len(), 2);
        // As it was changed, so that it says nothing new: it was there.
        assert_eq!(post(&shop, &lost).await["outcome"], "duplicate");
        app.stores.cancel(SHOP, &sent.order).unwrap();
        app.advance(TimeDelta::minutes(6));
        assert_eq!(compare(&shop).await["latest"]["fetched"], json!(1), "its cancellation");
    }

    async fn what_it_sells_is_read_page_by_page(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = connected(&merchant).await;
        for number in 1..=30 {
            let variant = NewVariant { sku: format!("STORM-{number}"), title: "Mono".to_owned(), stock: Some(3) };
            let title = format!("Storm &amp; Drive {number}");
            app.stores.offer_product(SHOP, NewProduct { id: Some(number), title, variants: vec![variant] }).unwrap();
        }
        let document = "mutation ($input: ReadStoreCatalogueInput!) { readStoreCatalogue(input: $input) { userErrors { code } } }";
        merchant.ask(document, json!({ "input": { "integrationId": shop.id } })).await;
        assert_eq!(read(&merchant, &shop.id).await["products"], json!(30));
        assert_eq!(catalogue(&merchant, &shop.id).await["failure"], Value::Null);
        let found = merchant.ask("query ($id: ID!) { products(first: 1, filter: { integrationId: $id }) { nodes { title variants { sku stock } } } }",
            json!({ "id": shop.id })).await;
        let first = &found["products"]["nodes"][0];
        assert_eq!((&first["title"], &first["variants"][0]["stock"]), (&json!("Storm & Drive 1"), &json!(3.0)));
    }

    async fn keys_that_were_taken_back_are_noticed_and_new_ones_resume(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = connected(&merchant).await;
        app.stores.revoke_token(SHOP).unwrap();
        doctor(&merchant, &shop.id).await;
        assert_eq!(connection(&merchant, &shop.id).await["status"], json!("LOST"));
        let lost = app.stores.place_order(SHOP, storm("mutual_max")).unwrap();
        app.stores.replace_token(SHOP, KEYS).unwrap();
        enter_keys(&shop).await;
        app.advance(TimeDelta::hours(1));
        wait_until(app, || async { (merchant.deliveries().await.len() == 1).then_some(()) }).await;
        app.settle().await;
        let found = merchant.ask("{ deliveries(first: 5) { nodes { status orderId } } }", json!({})).await;
        assert_eq!(found["deliveries"]["nodes"], json!([{ "status": "COMPLETED", "orderId": lost.order }]));
    }
}
