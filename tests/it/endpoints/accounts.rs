//! What an account has for its endpoints as a whole: a contact address, and a default secret.

use serde_json::{Value, json};

use super::{Subscribers as _, secret_of, support};
use crate::app::{Merchant, TestApp};
use crate::engines::on_each_engine;
use crate::erasure::found_in_databases;

const EMAIL: &str = "olga.operations@shop.example";
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

async fn set_contact(merchant: &Merchant<'_>, email: &str) -> Value {
    let document = "mutation ($input: SetContactAddressInput!) { done: setContactAddress(input: $input) {
        account { contactAddress } warning userErrors { code field } } }";
    merchant.ask(document, json!({ "input": { "email": email } })).await["done"].clone()
}

async fn default_secret(merchant: &Merchant<'_>, input: Value) -> Value {
    let document = "mutation ($input: SetDefaultEndpointSecretInput!) { done: setDefaultEndpointSecret(input: $input) {
        account { defaultEndpointSecretPreview } signingSecret userErrors { code field } } }";
    merchant.ask(document, json!({ "input": input })).await["done"].clone()
}

on_each_engine! {
    async fn a_contact_address_is_sealed_and_shown_to_its_account_alone(app: &TestApp) {
        let merchant = app.merchant().await;
        let done = set_contact(&merchant, &format!(" {EMAIL} ")).await;
        assert_eq!((&done["account"]["contactAddress"], &done["userErrors"]), (&json!(EMAIL), &json!([])));
        assert!(done["warning"].as_str().unwrap().contains("no mail server"), "{done}");
        app.settle().await;
        assert_eq!(found_in_databases(app, &[EMAIL]).await, Vec::<String>::new());
        let shown = "query ($id: ID) { account(id: $id) { contactAddress } }";
        for key in [support(app).await, app.admin.api_key.clone()] {
            let seen = app.ask(&key, shown, json!({ "id": merchant.id })).await;
            assert_eq!(seen["account"]["contactAddress"], Value::Null);
        }
        for wrong in ["", "olga", "Olga <olga@shop.example>", "a@shop.example, b@shop.example", "a@shop.example\r\nBcc: b@evil.example"] {
            let refused = set_contact(&merchant, wrong).await["userErrors"][0].clone();
            assert_eq!((&refused["code"], &refused["field"]), (&json!("INVALID_EMAIL"), &json!(["input", "email"])), "{wrong:?}");
        }
        let remove = "mutation { done: removeContactAddress { account { contactAddress } userErrors { code } } }";
        for _ in 0..2 {
            let removed = merchant.ask(remove, json!({})).await["done"].clone();
            assert_eq!(removed, json!({ "account": { "contactAddress": null }, "userErrors": [] }));
        }
    }

    async fn endpoints_without_a_secret_of_their_own_have_the_accounts(app: &TestApp) {
        let merchant = app.merchant().await;
        let set = default_secret(&merchant, json!({ "signingSecret": SECRET })).await;
        assert_eq!((&set["signingSecret"], &set["account"]["defaultEndpointSecretPreview"]), (&json!(SECRET), &json!("…ZWY=")));
        let new = json!({ "url": "https://192.88.98.1/", "eventTypes": ["*"] });
        let made = merchant.create_endpoint(new.clone()).await;
        assert_eq!((&made["signingSecret"], &made["endpoint"]["signingSecretPreview"]), (&Value::Null, &json!("…ZWY=")));
        let mut own = new.clone();
        own["signingSecret"] = json!("whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=");
        assert_eq!(merchant.create_endpoint(own.clone()).await["signingSecret"], own["signingSecret"]);
        let made = default_secret(&merchant, json!({})).await;
        assert_ne!(made["signingSecret"], json!(SECRET));
        assert_eq!(merchant.endpoints().await[0]["signingSecretPreview"], "…ZWY=", "what is created stays as it is");
        let refused = default_secret(&merchant, json!({ "signingSecret": "short" })).await;
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", "signingSecret"]));
        let stranger = app.merchant().await;
        assert_eq!(secret_of(&stranger.create_endpoint(new).await).len(), 50);
    }
}
