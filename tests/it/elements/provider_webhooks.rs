//! Stores that post to the addresses of Cloud Elements: verified like every other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloud_bridge::ingest::verification::{PlatformSecrets, Verification};
use cloud_bridge::service::ServiceOptions;
use reqwest::StatusCode;

use super::{API_SECRET, Program, id_of, order, receiver, send_to, text};
use crate::app::TestApp;
use crate::connecting::SHOP;
use crate::engines::{Engine, given_each_engine, on_each_engine};

const PATH: &str = "/elements/api-v2/events/shopify";

on_each_engine! {
    async fn an_instance_is_named_in_the_address_or_in_a_header(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let id = id_of(&instance).to_string();
        let encoded = STANDARD.encode(&id);
        let place = || app.stores.place_order(SHOP, order("follows_at_once")).unwrap();
        for (path, headers) in [
            (format!("{PATH}/{encoded}"), vec![]),
            (format!("/elements/api-v2/events/48/{encoded}"), vec![]),
            (PATH.to_owned(), vec![("element-instances", id.as_str())]),
        ] {
            let webhook = place();
            assert_eq!(send_to(app, &path, &webhook, &headers).await, StatusCode::ACCEPTED, "{path}");
            let sent = events.next().await;
            assert_eq!(text(&sent.body["message"]["events"][0]["objectId"]), webhook.order);
            assert_eq!(send_to(app, &path, &webhook, &headers).await, StatusCode::ACCEPTED, "sent once more");
        }
        app.settle().await;
        assert_eq!(events.more().len(), 0);
    }

    async fn what_the_store_did_not_sign_is_refused_there_too(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let id = id_of(&instance).to_string();
        let (encoded, unknown) = (STANDARD.encode(&id), STANDARD.encode("1"));
        let webhook = app.stores.place_order(SHOP, order("follows_at_once")).unwrap();
        let unsigned = app.http.post(format!("{}{PATH}/{encoded}", app.node.url)).body(webhook.body.clone()).send().await;
        assert_eq!(unsigned.unwrap().status(), StatusCode::UNAUTHORIZED);
        let code = signing::code(b"another secret", &[webhook.body.as_bytes()]);
        let forged = app.http.post(format!("{}{PATH}", app.node.url)).header("element-instances", &id)
            .header("x-shopify-hmac-sha256", signing::Encoding::Base64.encoded(&code)).body(webhook.body.clone());
        assert_eq!(forged.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
        for path in [format!("{PATH}/{unknown}"), PATH.to_owned(), format!("{PATH}/***"), format!("/elements/api-v2/events/square/{encoded}"), format!("/elements/api-v2/events/sfdc/{encoded}")] {
            assert_eq!(send_to(app, &path, &webhook, &[]).await, StatusCode::NOT_FOUND, "{path}");
        }
        program.delete(&format!("/instances/{id}")).await.ok();
        assert_eq!(send_to(app, &format!("{PATH}/{encoded}"), &webhook, &[]).await, StatusCode::NOT_FOUND, "it is deleted");
        assert!(!API_SECRET.is_empty() && events.more().is_empty());
    }
}

async fn the_operators_secret_signs_for_no_shop_that_another_app_connected(engine: Engine) {
    let app = TestApp::start(engine).await.stop_node().await;
    let secrets = PlatformSecrets { shopify: Some("the operator's secret".into()), bigcommerce: None };
    let app = app
        .start_with(|options| {
            let verification = Verification { secrets: secrets.clone(), ..options.verification.clone() };
            ServiceOptions { verification, ..options }
        })
        .await;
    let merchant = app.merchant().await;
    let (program, mut events) = (Program::of(&merchant), receiver(&app).await);
    let id = id_of(&program.instance(&events.url).await).to_string();
    let webhook = app.stores.place_order(SHOP, order("follows_at_once")).unwrap();
    let code = signing::code(b"the operator's secret", &[webhook.body.as_bytes()]);
    let forged = app.http.post(format!("{}{PATH}", app.node.url)).header("element-instances", &id);
    let forged = forged.header("x-shopify-hmac-sha256", signing::Encoding::Base64.encoded(&code));
    assert_eq!(forged.body(webhook.body.clone()).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(send_to(&app, PATH, &webhook, &[("element-instances", &id)]).await, StatusCode::ACCEPTED);
    events.next().await;
    app.finish().await;
}

given_each_engine! { the_operators_secret_signs_for_no_shop_that_another_app_connected }
