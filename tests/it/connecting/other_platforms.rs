//! BigCommerce, Square and WooCommerce are connected in forms of their own.

use chrono::TimeDelta;
use cloud_bridge::store_sandbox::{App, NewLine, NewOrder, NewProduct, NewVariant, Platform, Store, Webhook};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use signing::{Encoding, code};

use super::filling;
use super::reconciling::comparison;
use super::webhooks::{checked, doctor};
use super::{Browser, PUBLIC_URL, begin, connection, location, page};
use crate::app::{CLIENT_ID, CLIENT_SECRET, Merchant, TestApp, text};
use crate::delivering::wait_until;
use crate::engines::on_each_engine;

fn open_store(app: &TestApp, platform: Platform, id: &str, token: &str) {
    app.stores.connect(Store { platform, id: id.to_owned(), token: token.to_owned(), webhooks: None }).unwrap();
    let name = if platform == Platform::Square { "square" } else { "bigcommerce" };
    let redirect_uris = vec![format!("{PUBLIC_URL}/oauth/{name}/callback")];
    let (client_id, client_secret) = (CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned());
    app.stores.register_app(App { platform, client_id, client_secret, redirect_uris }).unwrap();
}

/// Begins to connect a store, and goes as far as where the platform sends the browser back.
async fn go<'a>(merchant: &Merchant<'a>, input: Value, store: &str) -> (String, Browser<'a>, String) {
    let begun = begin(merchant, input).await;
    assert_eq!(begun["userErrors"], json!([]));
    let mut browser = Browser::new(merchant.app);
    let to_store = location(&browser.press(&text(&begun["url"])).await);
    let back = browser.decide_at(store, &to_store, "install").await;
    (text(&begun["integration"]["id"]), browser, back)
}

async fn connect(merchant: &Merchant<'_>, provider: &str, store: &str) -> String {
    let (id, browser, back) = go(merchant, json!({ "provider": provider }), store).await;
    let (status, shown) = page(browser.get(&back).await).await;
    assert_eq!(status, StatusCode::OK, "{shown}");
    id
}

async fn map_storm(merchant: &Merchant<'_>, id: &str) {
    let document = "mutation ($input: AddItemMappingInput!) { addItemMapping(input: $input) { userErrors { code } } }";
    let input = json!({ "integrationId": id, "matchType": "TITLE", "externalRef": "Storm Drive",
        "resourceType": "PRESET", "resourceId": "storm" });
    merchant.ask(document, json!({ "input": input })).await;
}

fn storm_drive() -> NewOrder {
    NewOrder::of("follows_at_once", NewLine::titled("Storm Drive"))
}

/// Posts a webhook as BigCommerce does, signed with the secret of the app.
async fn post_bigcommerce(app: &TestApp, id: &str, webhook: &Webhook) -> Response {
    let at = app.clock.now().timestamp().to_string();
    let signed = format!("msg_1.{at}.{}", webhook.body);
    let code = Encoding::Base64.encoded(&code(CLIENT_SECRET.as_bytes(), &[signed.as_bytes()]));
    app.http
        .post(format!("{}/api/webhooks/bigcommerce/{id}", app.node.url))
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", at)
        .header("webhook-signature", format!("v1,{code}"))
        .body(webhook.body.clone())
        .send()
        .await
        .unwrap()
}

async fn latest(merchant: &Merchant<'_>) -> Value {
    merchant.app.settle().await;
    merchant.deliveries().await[0].clone()
}

on_each_engine! {
    async fn a_bigcommerce_store_is_connected_although_no_state_comes_back(app: &TestApp) {
        let merchant = app.merchant().await;
        open_store(app, Platform::BigCommerce, "abc123", "");
        let id = connect(&merchant, "BIGCOMMERCE", "abc123").await;
        let stands = connection(&merchant, &id).await;
        assert_eq!((&stands["status"], &stands["store"]), (&json!("CONNECTED"), &json!("abc123")));
        let stands = checked(&merchant, &id, "CONNECTED").await;
        assert_eq!(stands["missing"].as_array().unwrap().len(), 8);
        assert_eq!(app.stores.subscriptions("abc123").len(), 8);
        // One that the store has stopped goes on.
        app.stores.stop_subscriptions("abc123", "store/order/created").unwrap();
        let findings = doctor(&merchant, &id).await;
        let mended: Vec<_> = findings.iter().filter(|(level, _)| level == "MENDED").collect();
        assert!(mended.len() == 1 && mended[0].1.contains("had stopped sending store/order/created"), "{findings:?}");

        map_storm(&merchant, &id).await;
        let webhook = app.stores.place_order("abc123", storm_drive()).unwrap();
        assert_eq!(post_bigcommerce(app, &id, &webhook).await.status(), StatusCode::ACCEPTED);
        assert_eq!(latest(&merchant).await["status"], json!("COMPLETED"));
    }

    async fn a_store_that_is_known_only_afterwards_is_connected_again_and_not_a_second_time(app: &TestApp) {
        let merchant = app.merchant().await;
        open_store(app, Platform::BigCommerce, "abc123", "");
        let first = connect(&merchant, "BIGCOMMERCE", "abc123").await;
        checked(&merchant, &first, "CONNECTED").await;
        let mut spare = None;
        for _ in 0..2 {
            let begun = connect(&merchant, "BIGCOMMERCE", "abc123").await;
            assert_ne!(begun, first);
            assert_eq!(*spare.get_or_insert(begun.clone()), begun, "what was made is taken the next time");
            assert_eq!(connection(&merchant, &first).await["status"], json!("CONNECTED"));
            let stands = connection(&merchant, &begun).await;
            assert_eq!(stands["status"], json!("NOT_CONNECTED"));
            assert!(text(&stands["failure"]["reason"]).contains(&first), "{stands}");
        }
        // The latest token is the one that counts.
        let findings = doctor(&merchant, &first).await;
        assert!(findings.iter().all(|(level, _)| level == "FINE"), "{findings:?}");
        assert_eq!(app.stores.subscriptions("abc123").len(), 8);
        // Of another store there is none.
        open_store(app, Platform::BigCommerce, "def456", "");
        let other = connect(&merchant, "BIGCOMMERCE", "def456").await;
        assert_eq!((Some(&other), &connection(&merchant, &other).await["store"]), (spare.as_ref(), &json!("def456")));
        // Who names the integration gets it: one may deliver, and the other publish.
        let named = merchant.ask("mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id } } }",
            json!({ "input": { "provider": "BIGCOMMERCE", "name": "Another", "purpose": "PUBLISHES" } })).await;
        let named = text(&named["createIntegration"]["integration"]["id"]);
        let input = json!({ "provider": "BIGCOMMERCE", "integrationId": named });
        let (_, browser, back) = go(&merchant, input, "abc123").await;
        assert_eq!(browser.get(&back).await.status(), StatusCode::OK);
        assert_eq!(connection(&merchant, &named).await["status"], json!("CONNECTED"));
    }

    async fn a_callback_of_bigcommerce_counts_in_the_browser_that_began_alone(app: &TestApp) {
        let merchant = app.merchant().await;
        open_store(app, Platform::BigCommerce, "abc123", "");
        open_store(app, Platform::BigCommerce, "other", "");
        let (id, browser, back) = go(&merchant, json!({ "provider": "BIGCOMMERCE" }), "abc123").await;
        assert_eq!(Browser::new(app).get(&back).await.status(), StatusCode::FORBIDDEN);
        // The code is of one store, whatever the address says.
        let (status, shown) = page(browser.get(&back.replace("abc123", "other")).await).await;
        assert!(status == StatusCode::BAD_GATEWAY && shown.contains("does not take the code"), "{shown}");
        // Anyone can make the browser open such an address: it ends nothing.
        assert_eq!(connection(&merchant, &id).await["status"], json!("WAITING"));
    }

    async fn a_square_seller_is_connected_and_the_token_is_renewed_before_its_month_ends(app: &TestApp) {
        let merchant = app.merchant().await;
        open_store(app, Platform::Square, "MLSANDBOX", "personal-access-token");
        let id = connect(&merchant, "SQUARE", "MLSANDBOX").await;
        let stands = connection(&merchant, &id).await;
        assert_eq!((&stands["status"], &stands["store"]), (&json!("CONNECTED"), &json!("MLSANDBOX")));
        assert_eq!(stands["scopes"], json!(["ITEMS_READ", "MERCHANT_PROFILE_READ", "ORDERS_READ"]));
        let preview = async || -> Value {
            let document = "query ($id: ID!) { integration(id: $id) { storeAccess { tokenPreview } } }";
            merchant.ask(document, json!({ "id": id })).await["integration"]["storeAccess"]["tokenPreview"].clone()
        };
        let first = preview().await;
        app.advance(TimeDelta::days(24));
        wait_until(app, || async { (preview().await != first).then_some(()) }).await;
        app.advance(TimeDelta::days(20));

        // The signature key of the application's subscription is handed over as before.
        let document = "mutation ($input: SetSigningSecretInput!) { setSigningSecret(input: $input) { userErrors { code } } }";
        merchant.ask(document, json!({ "input": { "integrationId": id, "signingSecret": "square-signature-key" } })).await;
        map_storm(&merchant, &id).await;
        let webhook = app.stores.place_order("MLSANDBOX", storm_drive()).unwrap();
        let address = format!("{PUBLIC_URL}/api/webhooks/square/{id}");
        let signed = code(b"square-signature-key", &[address.as_bytes(), webhook.body.as_bytes()]);
        let posted = app.http.post(format!("{}/api/webhooks/square/{id}", app.node.url))
            .header("x-square-hmacsha256-signature", Encoding::Base64.encoded(&signed))
            .body(webhook.body.clone());
        assert_eq!(posted.send().await.unwrap().status(), StatusCode::ACCEPTED);
        assert_eq!(latest(&merchant).await["status"], json!("COMPLETED"));

        // The application posts the webhooks of all its sellers to each address.
        let of_other = webhook.body.replace("MLSANDBOX", "MLOTHER");
        let signed = code(b"square-signature-key", &[address.as_bytes(), of_other.as_bytes()]);
        let posted = app.http.post(format!("{}/api/webhooks/square/{id}", app.node.url))
            .header("x-square-hmacsha256-signature", Encoding::Base64.encoded(&signed))
            .body(of_other);
        let response = posted.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "Square would stop sending otherwise");
        assert_eq!(response.json::<Value>().await.unwrap(), json!({ "status": "other_store" }));
        assert_eq!(merchant.deliveries().await.len(), 1);
    }

    async fn a_square_seller_who_took_the_authorisation_back_is_noticed(app: &TestApp) {
        let merchant = app.merchant().await;
        open_store(app, Platform::Square, "MLSANDBOX", "personal-access-token");
        let id = connect(&merchant, "SQUARE", "MLSANDBOX").await;
        checked(&merchant, &id, "CONNECTED").await;
        let findings = doctor(&merchant, &id).await;
        assert!(findings.iter().all(|(_, sentence)| !sentence.contains("webhooks that are needed")), "{findings:?}");
        app.stores.uninstall("MLSANDBOX", CLIENT_ID).unwrap();
        let document = "mutation ($input: SetSigningSecretInput!) { setSigningSecret(input: $input) { userErrors { code } } }";
        merchant.ask(document, json!({ "input": { "integrationId": id, "signingSecret": "square-signature-key" } })).await;
        let body = json!({ "merchant_id": "MLSANDBOX", "type": "oauth.authorization.revoked", "event_id": "1f3a",
            "created_at": "2026-11-30T12:00:00Z",
            "data": { "type": "revocation", "id": "1f3a", "object": { "revocation": { "revoker_type": "MERCHANT" } } } })
            .to_string();
        let address = format!("{PUBLIC_URL}/api/webhooks/square/{id}");
        let signed = code(b"square-signature-key", &[address.as_bytes(), body.as_bytes()]);
        let posted = app.http.post(format!("{}/api/webhooks/square/{id}", app.node.url))
            .header("x-square-hmacsha256-signature", Encoding::Base64.encoded(&signed))
            .body(body);
        assert_eq!(posted.send().await.unwrap().status(), StatusCode::ACCEPTED);
        let lost = wait_until(app, || async {
            let stands = connection(&merchant, &id).await;
            (stands["status"] == json!("LOST")).then_some(stands)
        })
        .await;
        assert_eq!(lost["lostReason"], json!("REVOKED"));
    }

    async fn what_stores_at_bigcommerce_and_square_sell_is_read(app: &TestApp) {
        let merchant = app.merchant().await;
        for (platform, provider, store) in [(Platform::BigCommerce, "BIGCOMMERCE", "abc123"), (Platform::Square, "SQUARE", "MLSANDBOX")] {
            open_store(app, platform, store, "");
            for number in 0..60 {
                let variant = NewVariant { sku: format!("STORM-{number}"), title: "Mono".to_owned(), stock: None };
                let product = NewProduct { id: None, title: format!("Storm Drive {number}"), variants: vec![variant] };
                app.stores.offer_product(store, product).unwrap();
            }
            let id = connect(&merchant, provider, store).await;
            let stands = filling::read(&merchant, &id).await;
            assert_eq!((&stands["products"], &stands["news"]), (&json!(60), &json!(60)), "{provider}");
            let document = "query ($id: ID!) { products(first: 100, filter: { integrationId: $id }) { nodes { title variants { sku title } } } }";
            app.settle().await;
            let found = merchant.ask(document, json!({ "id": id })).await["products"]["nodes"].clone();
            assert_eq!(found.as_array().unwrap().len(), 60, "{provider}");
            assert!(found.as_array().unwrap().contains(&json!({ "title": "Storm Drive 7",
                "variants": [{ "sku": "STORM-7", "title": "Mono" }] })), "{provider}: {found}");
        }
    }

    async fn what_a_store_at_bigcommerce_never_sent_is_fetched(app: &TestApp) {
        let merchant = app.merchant().await;
        open_store(app, Platform::BigCommerce, "abc123", "");
        let id = connect(&merchant, "BIGCOMMERCE", "abc123").await;
        checked(&merchant, &id, "CONNECTED").await;
        map_storm(&merchant, &id).await;
        let came = app.stores.place_order("abc123", storm_drive()).unwrap();
        assert_eq!(post_bigcommerce(app, &id, &came).await.status(), StatusCode::ACCEPTED);
        app.settle().await;
        app.advance(TimeDelta::minutes(1));
        let missed = app.stores.place_order("abc123", NewOrder { status: Some("Pending".to_owned()), ..storm_drive() }).unwrap();
        app.advance(TimeDelta::hours(1));
        let found = wait_until(app, || async {
            let latest = comparison(&merchant, &id).await["latest"].clone();
            (latest["fetched"] == json!(1)).then_some(latest)
        })
        .await;
        assert_eq!((&found["changed"], &found["received"]), (&json!(2), &json!(1)), "{found}");
        app.settle().await;
        let seen = merchant.deliveries().await;
        let statuses: Vec<_> = seen.iter().map(|delivery| (text(&delivery["orderId"]), text(&delivery["status"]))).collect();
        assert_eq!(seen.len(), 2, "{statuses:?}");
        assert!(statuses.contains(&(came.order, "COMPLETED".to_owned())), "{statuses:?}");
        assert!(statuses.contains(&(missed.order.clone(), "FAILED_PERMANENT".to_owned())), "{statuses:?}");
        // What is in the archive is listed apart.
        app.stores.archive("abc123", &missed.order).unwrap();
        app.advance(TimeDelta::hours(2));
        wait_until(app, || async {
            let seen = merchant.deliveries().await;
            seen.iter().any(|delivery| delivery["status"] == json!("CANCELLED")).then_some(())
        })
        .await;
    }

    async fn what_a_seller_at_square_never_sent_is_fetched(app: &TestApp) {
        let merchant = app.merchant().await;
        open_store(app, Platform::Square, "MLSANDBOX", "personal-access-token");
        let id = connect(&merchant, "SQUARE", "MLSANDBOX").await;
        checked(&merchant, &id, "CONNECTED").await;
        map_storm(&merchant, &id).await;
        let missed = app.stores.place_order("MLSANDBOX", storm_drive()).unwrap();
        app.advance(TimeDelta::hours(1));
        wait_until(app, || async { (comparison(&merchant, &id).await["latest"]["fetched"] == json!(1)).then_some(()) }).await;
        assert_eq!(latest(&merchant).await["status"], json!("COMPLETED"));
        assert_eq!(latest(&merchant).await["orderId"], json!(missed.order));
        // Nothing of it is missing any more.
        app.advance(TimeDelta::hours(2));
        wait_until(app, || async { (comparison(&merchant, &id).await["latest"]["fetched"] == json!(0)).then_some(()) }).await;
        assert_eq!(merchant.deliveries().await.len(), 1);
    }

    async fn a_store_that_knows_its_token_no_more_is_not_called_again(app: &TestApp) {
        let merchant = app.merchant().await;
        open_store(app, Platform::BigCommerce, "abc123", "");
        let id = connect(&merchant, "BIGCOMMERCE", "abc123").await;
        checked(&merchant, &id, "CONNECTED").await;
        app.stores.uninstall("abc123", CLIENT_ID).unwrap();
        let webhook = app.stores.place_order("abc123", storm_drive()).unwrap();
        assert_eq!(post_bigcommerce(app, &id, &webhook).await.status(), StatusCode::ACCEPTED);
        assert_eq!(latest(&merchant).await["resolutionCode"], json!("STORE_ACCESS_MISSING"));
        let stands = connection(&merchant, &id).await;
        assert_eq!((&stands["status"], &stands["lostReason"]), (&json!("LOST"), &json!("REFUSED")));
        // Connected again, it goes on by itself.
        let input = json!({ "provider": "BIGCOMMERCE", "integrationId": id });
        let (_, browser, back) = go(&merchant, input, "abc123").await;
        assert_eq!(browser.get(&back).await.status(), StatusCode::OK);
        wait_until(app, || async {
            let delivery = merchant.deliveries().await[0].clone();
            (delivery["resolutionCode"] != json!("STORE_ACCESS_MISSING")).then_some(())
        })
        .await;
    }

    async fn a_shop_of_woocommerce_is_called_at_its_own_address_by_the_rules_for_endpoints(app: &TestApp) {
        let merchant = app.merchant().await;
        let create = "mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) { integration { id } } }";
        let made = merchant.ask(create, json!({ "input": { "provider": "WOOCOMMERCE", "name": "My shop" } })).await;
        let id = text(&made["createIntegration"]["integration"]["id"]);
        // An address inside the operator's network, which nothing allows.
        let document = "mutation ($input: SaveStoreAccessInput!) { saveStoreAccess(input: $input) { userErrors { code } } }";
        let input = json!({ "integrationId": id, "token": "ck_1:cs_1", "store": "http://10.1.2.3/shop" });
        let saved = merchant.ask(document, json!({ "input": input })).await;
        assert_eq!(saved["saveStoreAccess"]["userErrors"], json!([]));
        let findings = doctor(&merchant, &id).await;
        let wrong: Vec<_> = findings.iter().filter(|(level, _)| level == "WRONG").collect();
        assert!(wrong.len() == 1 && wrong[0].1.contains("which is not called"), "{findings:?}");
    }
}
