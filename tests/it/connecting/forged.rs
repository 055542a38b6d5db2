//! What an attacker would try on the way to a store and back.

use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::{Value, json};
use signing::{Encoding, code};

use super::{Browser, DOMAIN, SHOP, begin, connected, connection, location, open_shop, page};
use crate::app::{CLIENT_SECRET, Merchant, TestApp, text};
use crate::engines::on_each_engine;

/// A callback with a part of it replaced, signed again with the app's secret as only the platform can.
fn signed_again(back: &str, from: &str, to: &str) -> String {
    let (address, query) = back.split_once('?').unwrap();
    let mut pairs: Vec<String> =
        query.split('&').filter(|pair| !pair.starts_with("hmac=")).map(|pair| pair.replace(from, to)).collect();
    pairs.sort();
    let signed = pairs.join("&");
    let hmac = Encoding::Hex.encoded(&code(CLIENT_SECRET.as_bytes(), &[signed.as_bytes()]));
    format!("{address}?{signed}&hmac={hmac}")
}

/// A browser that the shop has sent back, which is yet to arrive.
async fn sent_back<'a>(merchant: &Merchant<'a>) -> (Value, Browser<'a>, String) {
    let begun = begin(merchant, json!({ "store": SHOP })).await;
    let mut browser = Browser::new(merchant.app);
    let to_store = location(&browser.press(&text(&begun["url"])).await);
    let back = browser.decide(&to_store, "install").await;
    (begun, browser, back)
}

on_each_engine! {
    async fn what_the_platform_did_not_sign_connects_nothing_and_ends_nothing(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        let (begun, browser, back) = sent_back(&merchant).await;
        for forged in [
            back.replace("code=", "code=0"),
            back.replace(SHOP, "other-shop"),
            back.replace("hmac=", "hmac=00"),
            format!("{back}&more=1"),
            format!("{back}&code=again"),
            back.split("&hmac=").next().unwrap().to_owned(),
            back.replace("/shopify/", "/square/"),
        ] {
            let status = browser.get(&forged).await.status();
            assert_eq!(status, StatusCode::FORBIDDEN, "{forged}");
        }
        let id = text(&begun["integration"]["id"]);
        assert_eq!(connection(&merchant, &id).await["status"], json!("WAITING"));
        let (status, shown) = page(browser.get(&back).await).await;
        assert_eq!(status, StatusCode::OK, "{shown}");
        // Once more, with all of it right: it was used.
        assert_eq!(browser.get(&back).await.status(), StatusCode::CONFLICT);
        assert_eq!(connection(&merchant, &id).await["status"], json!("CONNECTED"));
    }

    async fn another_shop_does_not_take_the_place_of_the_one_that_was_asked(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        let (begun, browser, back) = sent_back(&merchant).await;
        let id = text(&begun["integration"]["id"]);
        let stale = signed_again(&back, "timestamp=1", "timestamp=0");
        let (status, shown) = page(browser.get(&stale).await).await;
        assert!(status == StatusCode::FORBIDDEN && shown.contains("too old"), "{shown}");
        assert_eq!(connection(&merchant, &id).await["status"], json!("WAITING"));
        let other = signed_again(&back, DOMAIN, "other-shop.myshopify.com");
        let (status, shown) = page(browser.get(&other).await).await;
        assert_eq!(status, StatusCode::CONFLICT, "{shown}");
        // Its code is used up: the one who waits sees it.
        let stands = connection(&merchant, &id).await;
        assert_eq!(stands["status"], json!("NOT_CONNECTED"));
        assert!(text(&stands["failure"]["reason"]).contains("another store was authorised"), "{stands}");
    }

    async fn a_victims_browser_connects_nothing_with_an_attackers_account(app: &TestApp) {
        let attacker = app.merchant().await;
        open_shop(app, SHOP);
        let (begun, _, back) = sent_back(&attacker).await;
        // The attacker sends the last address to a victim, whose browser has begun nothing.
        let victim = Browser::new(app);
        let (status, shown) = page(victim.get(&back).await).await;
        assert!(status == StatusCode::FORBIDDEN && shown.contains("has not begun"), "{shown}");
        // Or the one that has begun something else.
        let mut other = Browser::new(app);
        let merchant = app.merchant().await;
        let of_other = begin(&merchant, json!({ "store": SHOP })).await;
        location(&other.press(&text(&of_other["url"])).await);
        assert_eq!(other.get(&back).await.status(), StatusCode::FORBIDDEN);
        // Or a page of another site sends the form.
        let link = text(&begun["url"]).replace("https://bridge.example", &app.node.url);
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("x-none", "1")] {
            let sent = app.http.post(&link).header(name, value).send().await.unwrap();
            assert_eq!(sent.status(), StatusCode::FORBIDDEN, "{name}");
        }
        assert_eq!(connection(&attacker, &text(&begun["integration"]["id"])).await["status"], json!("WAITING"));
    }

    async fn an_attempt_ends_after_a_quarter_of_an_hour_and_with_the_next(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        let first = begin(&merchant, json!({ "store": SHOP })).await;
        let mut browser = Browser::new(app);
        let to_store = location(&browser.press(&text(&first["url"])).await);
        let second = begin(&merchant, json!({ "store": SHOP })).await;
        assert_eq!(second["integration"]["id"], first["integration"]["id"], "no second one of the same shop");
        assert_eq!(browser.get(&text(&first["url"])).await.status(), StatusCode::NOT_FOUND);
        let back = browser.decide(&to_store, "install").await;
        assert_eq!(browser.get(&back).await.status(), StatusCode::CONFLICT);

        let mut browser = Browser::new(app);
        location(&browser.press(&text(&second["url"])).await);
        app.advance(TimeDelta::minutes(16));
        assert_eq!(browser.get(&text(&second["url"])).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(browser.press(&text(&second["url"])).await.status(), StatusCode::NOT_FOUND);
        let stands = connection(&merchant, &text(&second["integration"]["id"])).await;
        assert_eq!(stands["status"], json!("NOT_CONNECTED"));
    }

    async fn a_code_that_the_store_does_not_take_ends_the_attempt_with_a_reason(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        let (begun, browser, back) = sent_back(&merchant).await;
        let code = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
        let used = signed_again(&back, code, "a_code_that_was_used");
        let (status, shown) = page(browser.get(&used).await).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY, "{shown}");
        let stands = connection(&merchant, &text(&begun["integration"]["id"])).await;
        assert_eq!(stands["status"], json!("NOT_CONNECTED"));
        assert!(text(&stands["failure"]["reason"]).contains("does not take the code"), "{stands}");
    }

    async fn a_page_of_a_link_says_nothing_to_who_guesses(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = connected(&merchant, json!({})).await;
        for path in [
            format!("/connect/{id}/x"),
            format!("/connect/{}/x", event_log::ids::fresh()),
            "/connect/nothing/x".to_owned(),
            "/connect/%00/%ff".to_owned(),
            format!("/connect/{id}/{}", "x".repeat(5_000)),
        ] {
            let status = app.get(&path).await.status();
            assert!(status.is_client_error(), "{path}: {status}");
        }
        for path in ["/oauth/shopify/callback", "/oauth/nothing/callback", "/oauth/generic/callback?code=1&state=1"] {
            assert!(app.get(path).await.status().is_client_error(), "{path}");
        }
    }
}
