//! Whether a webhook is the store's: by the integration's own secret, by the operator's for its platform, or not at all.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use chrono::TimeDelta;
use cloud_bridge::ingest::verification::{Environment, PlatformSecrets, Verification};
use cloud_bridge::service::ServiceOptions;
use domain::integration::Provider;
use providers::Outgoing;
use serde_json::{Value, json};

use crate::app::{Answer, Merchant, Shop, TestApp, sign, text};
use crate::engines::{Engine, given_each_engine, on_each_engine};
use crate::orders;

const SECRET: &str = "shpss_0123456789abcdef";

/// An integration whose store's own secret was not handed over.
async fn without_secret<'a>(merchant: &Merchant<'a>, provider: Provider) -> Shop<'a> {
    let document = "mutation ($input: CreateIntegrationInput!) {
        createIntegration(input: $input) { integration { id signingSecretPreview } signingSecret } }";
    let input = json!({ "provider": provider.as_str().to_uppercase(), "name": "My shop" });
    let made = merchant.ask(document, json!({ "input": input })).await["createIntegration"].clone();
    assert_eq!((&made["signingSecret"], &made["integration"]["signingSecretPreview"]), (&Value::Null, &Value::Null));
    Shop { merchant: merchant.clone(), provider, id: text(&made["integration"]["id"]), secret: SECRET.to_owned() }
}

async fn set_secret(shop: &Shop<'_>, secret: &str) {
    let document =
        "mutation ($input: SetSigningSecretInput!) { setSigningSecret(input: $input) { userErrors { code } } }";
    let input = json!({ "integrationId": shop.id, "signingSecret": secret });
    let set = shop.merchant.ask(document, json!({ "input": input })).await;
    assert_eq!(set["setSigningSecret"]["userErrors"], json!([]));
}

/// What the merchant sees of the latest webhook.
async fn latest(shop: &Shop<'_>) -> Value {
    shop.merchant.app.settle().await;
    let document = "query ($id: ID) { webhookReceipts(first: 1, filter: { integrationId: $id }) {
        nodes { outcome reason advice unsigned } } }";
    shop.merchant.ask(document, json!({ "id": shop.id })).await["webhookReceipts"]["nodes"][0].clone()
}

/// How many events of webhooks the log holds.
async fn recorded(app: &TestApp) -> i64 {
    let sql = "SELECT count(*) FROM events WHERE event_type = 'webhook_received'";
    let (events,): (i64,) = app.service().data.log.raw_database().fetch_one(sql.into()).await.expect("the log answers");
    events
}

fn order() -> Value {
    orders::shopify(1042, "mutual_max", &["STORM"])
}

/// BigCommerce names an order.
fn announcement() -> Vec<u8> {
    br#"{"scope":"store/order/created","store_id":"1025646","producer":"stores/abc123","data":{"type":"order","id":118},"hash":"e9","created_at":1764436000}"#.to_vec()
}

#[track_caller]
fn refused_quietly(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!({ "status": "refused" })));
}

on_each_engine! {
    async fn without_any_secret_nothing_enters_the_log_and_the_merchant_sees_why(app: &TestApp) {
        for provider in [Provider::Shopify, Provider::BigCommerce, Provider::Square] {
            let shop = without_secret(&app.merchant().await, provider).await;
            shop.post(&order()).await.refused(500, "secret_missing");
            shop.post_unsigned(order().to_string().into_bytes(), &[]).await.refused(500, "secret_missing");
            let seen = latest(&shop).await;
            assert_eq!((&seen["outcome"], &seen["reason"]), (&json!("REFUSED"), &json!("secret_missing")));
            assert!(text(&seen["advice"]).contains("integrations set-secret"));
            assert_eq!(recorded(app).await, 0);
        }
        let shop = without_secret(&app.merchant().await, Provider::Shopify).await;
        set_secret(&shop, SECRET).await;
        shop.post(&order()).await.accepted("queued");
    }

    async fn bigcommerce_hears_nothing_of_one_stores_wrong_secret_and_its_merchant_does(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::BigCommerce, &[]).await;
        let mistaken = Shop { secret: "another secret".to_owned(), ..shop.clone() };
        refused_quietly(&mistaken.post_bytes(announcement(), &[]).await);
        assert_eq!(latest(&shop).await["reason"], json!("wrong_signature"));
        refused_quietly(&shop.post_unsigned(announcement(), &[]).await);
        let body = announcement();
        let address = format!("https://bridge.example{}", shop.path());
        let old = Outgoing { address: &address, body: &body, at: app.clock.now() - TimeDelta::minutes(6) };
        let headers = providers::of(Provider::BigCommerce).sign(&old, &shop.secret);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        refused_quietly(&shop.post_unsigned(body, &headers).await);
        let document = "query ($id: ID) { webhookReceipts(first: 9, filter: { integrationId: $id }) { nodes { reason } } }";
        let seen = shop.merchant.ask(document, json!({ "id": shop.id })).await;
        let mut reasons: Vec<_> = seen["webhookReceipts"]["nodes"].as_array().unwrap().iter().map(|node| text(&node["reason"])).collect();
        reasons.sort();
        assert_eq!(reasons, ["expired_signature", "missing_signature", "wrong_signature"]);
        shop.update(json!({ "active": false })).await;
        refused_quietly(&shop.post_bytes(announcement(), &[]).await);
        assert_eq!(recorded(app).await, 0);
        // What is not of one store is said: no webhook of another is in it.
        let unknown = Shop { id: event_log::ids::fresh().to_string(), ..shop.clone() };
        unknown.post_bytes(announcement(), &[]).await.refused(404, "unknown_integration");
    }

    async fn both_of_bigcommerces_signatures_must_be_right_where_both_are_sent(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::BigCommerce, &[]).await;
        let body = announcement();
        // The same code as Shopify's, written otherwise.
        let (_, base64) = sign(Provider::Shopify, &shop.secret, &body).expect("it signs");
        let hex = hex::encode(STANDARD.decode(base64).unwrap());
        let wrong = "0".repeat(64);
        refused_quietly(&shop.post_bytes(body.clone(), &[("x-bc-webhook-signature", &wrong)]).await);
        shop.post_bytes(body.clone(), &[("x-bc-webhook-signature", &hex)]).await.accepted("queued");
        shop.post_unsigned(body, &[("x-bc-webhook-signature", &hex)]).await;
        assert_eq!(latest(&shop).await["outcome"], json!("ANNOUNCED"));
    }
}

given_each_engine! {
    an_address_that_a_store_was_given_stays_right_when_the_service_moves
    the_secret_of_a_platforms_app_verifies_where_an_integration_has_none
    a_service_for_development_takes_what_nobody_signed_and_says_so
    an_operator_may_have_bigcommerce_hear_of_wrong_signatures
}

async fn an_address_that_a_store_was_given_stays_right_when_the_service_moves(engine: Engine) {
    let app = TestApp::start(engine).await;
    let shop = app.merchant().await.bare_shop(Provider::Square, &[]).await;
    let known = shop.known();
    let body = |event: u32| {
        let object = json!({ "order_created": { "order_id": "S1", "state": "OPEN", "version": 1 } });
        let data = json!({ "type": "order_created", "id": "S1", "object": object });
        json!({ "type": "order.created", "event_id": format!("e{event}"), "data": data }).to_string().into_bytes()
    };
    shop.post_bytes(body(1), &[]).await.accepted("queued");
    app.settle().await;
    let moved = |options| ServiceOptions { public_url: "https://moved.example".to_owned(), ..options };
    let app = app.stop_node().await.start_with(moved).await;
    let shop = app.again(&known);
    // As the store has it: under the old address.
    let answer = shop.post_bytes(body(2), &[]).await;
    assert_eq!(answer.status.as_u16(), 202, "{answer:?}");
    let signed_for = async |url: String, event: u32| {
        let body = body(event);
        let outgoing = Outgoing { address: &url, body: &body, at: app.clock.now() };
        let headers = providers::of(Provider::Square).sign(&outgoing, &shop.secret);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        shop.post_unsigned(body, &headers).await
    };
    let moved = format!("https://moved.example{}", shop.path());
    signed_for(moved.clone(), 3).await.refused(401, "wrong_signature");
    shop.update(json!({ "notificationUrl": moved })).await;
    assert_eq!(signed_for(moved, 3).await.status.as_u16(), 202);
    shop.post_bytes(body(4), &[]).await.refused(401, "wrong_signature");
    app.finish().await;
}

async fn restarted(app: TestApp, verification: Verification) -> TestApp {
    app.stop_node().await.start_with(|options| ServiceOptions { verification, ..options }).await
}

async fn the_secret_of_a_platforms_app_verifies_where_an_integration_has_none(engine: Engine) {
    let secrets = PlatformSecrets { shopify: Some(SECRET.into()), bigcommerce: Some("bc-client-secret-01".into()) };
    let app = restarted(TestApp::start(engine).await, Verification { secrets, ..Verification::default() }).await;
    let merchant = app.merchant().await;
    let shop = without_secret(&merchant, Provider::Shopify).await;
    shop.post(&order()).await.accepted("queued");
    let wrong = Shop { secret: "another secret".to_owned(), ..shop.clone() };
    wrong.post(&order()).await.refused(401, "wrong_signature");
    let of_app = without_secret(&merchant, Provider::BigCommerce).await;
    let of_app = Shop { secret: "bc-client-secret-01".to_owned(), ..of_app };
    of_app.post_bytes(announcement(), &[]).await.accepted("queued");
    // One of its own replaces it; and it is no other platform's.
    set_secret(&shop, "the store's own secret").await;
    shop.post(&order()).await.refused(401, "wrong_signature");
    let square = without_secret(&merchant, Provider::Square).await;
    square.post(&order()).await.refused(500, "secret_missing");
    // Who asks what is wrong hears the same.
    for (shop, level) in [(&of_app, "FINE"), (&square, "WRONG")] {
        let findings = crate::connecting::doctor(&merchant, &shop.id).await;
        let of_secret = findings.iter().find(|(_, sentence)| sentence.contains("secret")).unwrap();
        assert_eq!(of_secret.0, level, "{findings:?}");
    }
    app.finish().await;
}

async fn a_service_for_development_takes_what_nobody_signed_and_says_so(engine: Engine) {
    let development = Verification { environment: Environment::Development, ..Verification::default() };
    let app = restarted(TestApp::start(engine).await, development).await;
    let shop = without_secret(&app.merchant().await, Provider::Shopify).await;
    let body = || order().to_string().into_bytes();
    let id = shop.post_unsigned(body(), &[]).await.accepted("queued");
    let seen = latest(&shop).await;
    assert_eq!((&seen["outcome"], &seen["unsigned"]), (&json!("ACCEPTED"), &json!(true)));
    assert!(text(&seen["advice"]).contains("Nothing shows that the store sent it"));
    let document = "query ($id: ID!) { delivery(id: $id) { timeline(first: 1) { nodes { summary } } } }";
    let found = shop.merchant.ask(document, json!({ "id": id })).await;
    let sentence = text(&found["delivery"]["timeline"]["nodes"][0]["summary"]);
    assert!(sentence.contains("Nothing showed that the store had sent it"), "{sentence}");
    // So is each repetition of it.
    shop.post_unsigned(body(), &[]).await.accepted("duplicate");
    let again = latest(&shop).await;
    assert_eq!(
        (&again["outcome"], &again["unsigned"], &again["advice"]),
        (&json!("DUPLICATE"), &json!(true), &seen["advice"])
    );
    for _ in 0..2 {
        let product = shop.post_unsigned(b"{\"id\":7}".to_vec(), &[("x-shopify-topic", "products/update")]).await;
        assert_eq!(product.body["status"], json!("not_an_order"));
        assert_eq!(latest(&shop).await["unsigned"], json!(true));
    }
    // Where a secret is known, it counts.
    set_secret(&shop, SECRET).await;
    shop.post_unsigned(body(), &[]).await.refused(401, "missing_signature");
    shop.post(&order()).await.accepted("duplicate");
    assert_eq!(latest(&shop).await["unsigned"], json!(false));
    app.finish().await;
}

async fn an_operator_may_have_bigcommerce_hear_of_wrong_signatures(engine: Engine) {
    let strict = Verification { always_401: true, ..Verification::default() };
    let app = restarted(TestApp::start(engine).await, strict).await;
    let shop = app.merchant().await.bare_shop(Provider::BigCommerce, &[]).await;
    shop.post_unsigned(announcement(), &[]).await.refused(401, "missing_signature");
    app.finish().await;
}
