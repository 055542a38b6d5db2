//! What a connected store sells is read: part by part, and whatever its webhooks said meanwhile.

use chrono::TimeDelta;
use cloud_bridge::store_sandbox::{Fault, FaultScript, NewProduct, NewVariant, On, Operation};
use serde_json::{Value, json};

use super::webhooks::checked;
use super::{SHOP, connected, open_shop};
use crate::app::{CLIENT_SECRET, Merchant, TestApp, text};
use crate::delivering::wait_until;
use crate::engines::on_each_engine;

fn product(number: u64, title: &str) -> NewProduct {
    let variant = NewVariant { sku: format!("STORM-{number}"), title: "Mono".to_owned(), stock: Some(3) };
    NewProduct { id: Some(number), title: title.to_owned(), variants: vec![variant] }
}

fn offer(app: &TestApp, store: &str, products: u64) {
    for number in 1..=products {
        app.stores.offer_product(store, product(number, &format!("Storm &amp; Drive {number}"))).unwrap();
    }
}

pub(super) async fn catalogue(merchant: &Merchant<'_>, id: &str) -> Value {
    let document = "query ($id: ID!) { integration(id: $id) { storeCatalogue {
        underWay products collections news doneAt failure nextTryAt } } }";
    merchant.ask(document, json!({ "id": id })).await["integration"]["storeCatalogue"].clone()
}

/// Waits until all of it is read.
pub(super) async fn read(merchant: &Merchant<'_>, id: &str) -> Value {
    wait_until(merchant.app, || async {
        let stands = catalogue(merchant, id).await;
        (stands["underWay"] == json!(false)).then_some(stands)
    })
    .await
}

async fn read_again(merchant: &Merchant<'_>, id: &str) -> Value {
    let document =
        "mutation ($input: ReadStoreCatalogueInput!) { readStoreCatalogue(input: $input) { userErrors { code } } }";
    let asked = merchant.ask(document, json!({ "input": { "integrationId": id } })).await;
    assert_eq!(asked["readStoreCatalogue"]["userErrors"], json!([]));
    read(merchant, id).await
}

/// What is known of the products of a store, by their ids.
async fn products(merchant: &Merchant<'_>, id: &str) -> Vec<Value> {
    let document = "query ($id: ID!) { products(first: 100, filter: { integrationId: $id }) { nodes {
        productId title variants { variantId sku title stock } } } }";
    let found = merchant.ask(document, json!({ "id": id })).await;
    found["products"]["nodes"].as_array().unwrap().clone()
}

async fn published(merchant: &Merchant<'_>) -> Vec<String> {
    merchant.app.settle().await;
    let events = merchant.ask("{ commerceEvents(first: 100) { nodes { type } } }", json!({})).await;
    events["commerceEvents"]["nodes"].as_array().unwrap().iter().map(|event| text(&event["type"])).collect()
}

async fn receipts(merchant: &Merchant<'_>) -> usize {
    let receipts = merchant.ask("{ webhookReceipts(first: 100) { nodes { source } } }", json!({})).await;
    let receipts = receipts["webhookReceipts"]["nodes"].as_array().unwrap().clone();
    receipts.iter().filter(|receipt| receipt["source"] == json!("FILLING")).count()
}

/// Posts a webhook of a product as Shopify does.
async fn post(app: &TestApp, id: &str, body: Value) {
    let body = body.to_string();
    let code = signing::code(CLIENT_SECRET.as_bytes(), &[body.as_bytes()]);
    let sent = app
        .http
        .post(format!("{}/api/webhooks/shopify/{id}", app.node.url))
        .header("x-shopify-hmac-sha256", signing::Encoding::Base64.encoded(&code))
        .header("x-shopify-topic", "products/update")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status().as_u16(), 202);
}

on_each_engine! {
    async fn what_a_connected_shop_sells_is_read_and_its_webhooks_count_besides(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        offer(app, SHOP, 20);
        let id = connected(&merchant, json!({ "purpose": "BOTH" })).await;
        let stands = read(&merchant, &id).await;
        assert_eq!((&stands["products"], &stands["news"], &stands["failure"]), (&json!(20), &json!(20), &json!(null)));
        let types = published(&merchant).await;
        assert_eq!(types.len(), 20);
        assert!(types.iter().all(|of| of == "product.synced"), "{types:?}");
        let known = products(&merchant, &id).await;
        assert_eq!(known.len(), 20);
        let seventh = known.iter().find(|product| product["productId"] == json!("7")).unwrap();
        assert_eq!(seventh["variants"][0], json!({ "variantId": "7001", "sku": "STORM-7", "title": "Mono", "stock": 3.0 }));

        // What a webhook says that is newer stands, and what is older changes nothing.
        let later = (app.clock.now() + TimeDelta::minutes(1)).to_rfc3339();
        let body = |title: &str, at: &str| json!({ "id": 7, "admin_graphql_api_id": "gid://shopify/Product/7",
            "title": title, "status": "active", "created_at": "2026-01-01T00:00:00Z", "updated_at": at, "variants": [] });
        post(app, &id, body("Storm 2", &later)).await;
        post(app, &id, body("Storm 0", "2026-01-01T00:00:00Z")).await;
        assert_eq!(published(&merchant).await.len(), 21);
        let known = products(&merchant, &id).await;
        assert!(known.iter().any(|product| product["title"] == json!("Storm 2")), "{known:?}");

        // Once more: nothing of it is news.
        let stands = read_again(&merchant, &id).await;
        assert_eq!((&stands["products"], &stands["news"]), (&json!(20), &json!(0)));
        assert_eq!((published(&merchant).await.len(), receipts(&merchant).await), (21, 20));
        app.advance(TimeDelta::hours(1));
        app.stores.offer_product(SHOP, product(3, "Storm Drive 3, louder")).unwrap();
        assert_eq!(read_again(&merchant, &id).await["news"], json!(1));
        assert_eq!(published(&merchant).await.len(), 22);
    }

    async fn an_integration_that_only_delivers_knows_what_its_shop_sells_and_publishes_nothing(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        offer(app, SHOP, 3);
        let id = connected(&merchant, json!({})).await;
        read(&merchant, &id).await;
        assert_eq!(published(&merchant).await, [""; 0]);
        let known = products(&merchant, &id).await;
        assert_eq!((known.len(), &known[0]["variants"][0]["sku"]), (3, &json!("STORM-1")));
    }

    async fn mappings_are_chosen_from_what_a_shop_sells(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        offer(app, SHOP, 3);
        let plain = NewProduct { id: Some(9), title: "Gift card".to_owned(), variants: vec![] };
        app.stores.offer_product(SHOP, plain).unwrap();
        let id = connected(&merchant, json!({})).await;
        read(&merchant, &id).await;
        app.settle().await;
        let suggested = async |first: u32, after: Option<&str>, search: Option<&str>| {
            let document = "query ($id: ID!, $first: Int!, $after: String, $search: String) { integration(id: $id) {
                mappingSuggestions(first: $first, after: $after, search: $search) { next nodes { title sku matchType externalRef } } } }";
            let wanted = json!({ "id": id, "first": first, "after": after, "search": search });
            merchant.ask(document, wanted).await["integration"]["mappingSuggestions"].clone()
        };
        let all = suggested(100, None, None).await;
        assert_eq!((all["nodes"].as_array().unwrap().len(), &all["next"]), (4, &json!(null)), "{all}");
        assert_eq!(all["nodes"][3], json!({ "title": "Gift card", "sku": null, "matchType": "PRODUCT_ID", "externalRef": "9" }));
        let found = suggested(100, None, Some("storm-2")).await;
        let chosen = json!({ "title": "Storm &amp; Drive 2", "sku": "STORM-2", "matchType": "SKU", "externalRef": "STORM-2" });
        assert_eq!(found["nodes"], json!([chosen]));
        let first = suggested(1, None, None).await;
        let rest = suggested(100, first["next"].as_str(), None).await;
        assert_eq!(rest["nodes"].as_array().unwrap()[..], all["nodes"].as_array().unwrap()[1..]);

        // What is chosen is suggested no more.
        let document = "mutation ($input: AddItemMappingInput!) { addItemMapping(input: $input) { userErrors { code } } }";
        let input = json!({ "integrationId": id, "matchType": chosen["matchType"], "externalRef": chosen["externalRef"],
            "resourceType": "PRESET", "resourceId": "storm" });
        merchant.ask(document, json!({ "input": input })).await;
        assert_eq!(suggested(100, None, Some("storm-2")).await["nodes"], json!([]));
        // It is nothing to another account.
        let other = app.merchant().await;
        let foreign = other.ask("query ($id: ID!) { integration(id: $id) { mappingSuggestions { next } } }", json!({ "id": id })).await;
        assert_eq!(foreign["integration"], json!(null));
    }

    async fn a_reading_that_breaks_off_goes_on_where_it_was(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        offer(app, SHOP, 40);
        let operation = On::Only(Operation::ShopifyProducts);
        // The first page comes late, the second never does.
        app.stores.script(FaultScript { operation, fault: Fault::DelayMs(1), times: 2 }).unwrap();
        app.stores.script(FaultScript { operation, fault: Fault::Unavailable503, times: 2 }).unwrap();
        let id = connected(&merchant, json!({ "purpose": "BOTH" })).await;
        let stands = wait_until(app, || async {
            let stands = catalogue(&merchant, &id).await;
            (!stands["failure"].is_null()).then_some(stands)
        })
        .await;
        assert_eq!((&stands["underWay"], &stands["products"]), (&json!(true), &json!(8)), "{stands}");
        let before = app.stores.call_count(Operation::ShopifyProducts).arrived;
        app.advance(TimeDelta::minutes(1));
        let stands = read(&merchant, &id).await;
        assert_eq!((&stands["products"], &stands["news"]), (&json!(40), &json!(40)));
        // 32 are left on eight pages, and one of collections.
        assert_eq!(app.stores.call_count(Operation::ShopifyProducts).arrived - before, 9);
        assert_eq!((published(&merchant).await.len(), receipts(&merchant).await), (40, 40));
    }

    async fn a_reading_goes_on_once_the_integration_is_switched_on_again(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        offer(app, SHOP, 12);
        let operation = On::Only(Operation::ShopifyProducts);
        app.stores.script(FaultScript { operation, fault: Fault::Unavailable503, times: 1 }).unwrap();
        let id = connected(&merchant, json!({})).await;
        wait_until(app, || async { (!catalogue(&merchant, &id).await["failure"].is_null()).then_some(()) }).await;
        for active in [false, true] {
            let document = "mutation ($input: UpdateIntegrationInput!) { updateIntegration(input: $input) { userErrors { code } } }";
            merchant.ask(document, json!({ "input": { "integrationId": id, "active": active } })).await;
            app.settle().await;
        }
        let stands = catalogue(&merchant, &id).await;
        assert_eq!((&stands["underWay"], &stands["products"], &stands["failure"]), (&json!(false), &json!(12), &json!(null)));
        // In the shop's currency, which no one set here.
        let document = "query ($id: ID!) { products(first: 1, filter: { integrationId: $id }) { nodes { variants { price { text currency } } } } }";
        let found = merchant.ask(document, json!({ "id": id })).await;
        assert_eq!(found["products"]["nodes"][0]["variants"][0]["price"]["currency"], json!("USD"), "{found}");
    }

    async fn a_shop_that_lets_products_not_be_read_is_named(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        app.stores.withhold_scopes(SHOP, vec!["read_products".to_owned()]).unwrap();
        let id = connected(&merchant, json!({})).await;
        checked(&merchant, &id, "CONNECTED").await;
        let stands = wait_until(app, || async {
            let stands = catalogue(&merchant, &id).await;
            (!stands["failure"].is_null()).then_some(stands)
        })
        .await;
        assert!(text(&stands["failure"]).contains("does not let this be done"), "{stands}");
        let other = app.merchant().await;
        let document = "mutation ($input: ReadStoreCatalogueInput!) { readStoreCatalogue(input: $input) { userErrors { code } } }";
        let foreign = other.ask(document, json!({ "input": { "integrationId": id } })).await;
        assert_eq!(foreign["readStoreCatalogue"]["userErrors"], json!([{ "code": "NOT_FOUND" }]));
        let shop = other.shop(domain::integration::Provider::Generic).await;
        let generic = other.ask(document, json!({ "input": { "integrationId": shop.id } })).await;
        assert_eq!(generic["readStoreCatalogue"]["userErrors"], json!([{ "code": "CANNOT_SYNC" }]));
    }
}
