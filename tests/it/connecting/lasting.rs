//! Access that lasts: tokens that end are renewed, what is lost is said, and who wants it to end ends it.

use chrono::TimeDelta;
use cloud_bridge::store_sandbox::{Fault, FaultScript, On, Operation};
use serde_json::json;

use super::webhooks::{checked, doctor, topics};
use super::{SHOP, begin, connected, connection, open_shop};
use crate::app::{CLIENT_ID, Merchant, TestApp, text};
use crate::delivering::wait_until;
use crate::dispatching::mails::{MailServer, reachable, with_mail};
use crate::engines::{Engine, given_each_engine, on_each_engine};

async fn token_ends_at(merchant: &Merchant<'_>, id: &str) -> String {
    let document = "query ($id: ID!) { integration(id: $id) { storeConnection { tokenEndsAt } } }";
    let answer = merchant.ask(document, json!({ "id": id })).await;
    text(&answer["integration"]["storeConnection"]["tokenEndsAt"])
}

pub(super) async fn disconnect(merchant: &Merchant<'_>, id: &str) {
    let document =
        "mutation ($input: DisconnectStoreInput!) { disconnectStore(input: $input) { userErrors { code } } }";
    let answer = merchant.ask(document, json!({ "input": { "integrationId": id } })).await;
    assert_eq!(answer["disconnectStore"]["userErrors"], json!([]));
}

on_each_engine! {
    async fn a_token_that_ends_is_renewed_before_it_does(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        app.stores.end_tokens_after(SHOP, 3_600).unwrap();
        let id = connected(&merchant, json!({})).await;
        checked(&merchant, &id, "CONNECTED").await;
        let ends_at = token_ends_at(&merchant, &id).await;
        // The first try meets a shop that is down.
        let operation = On::Only(Operation::ShopifyToken);
        app.stores.script(FaultScript { operation, fault: Fault::Error500, times: 1 }).unwrap();
        app.advance(TimeDelta::minutes(46));
        app.stores.wait_for(Operation::ShopifyToken, cloud_bridge::store_sandbox::Stage::Answered, 2).await.unwrap();
        app.settle().await;
        app.advance(TimeDelta::minutes(2));
        wait_until(app, || async { (token_ends_at(&merchant, &id).await != ends_at).then_some(()) }).await;
        app.advance(TimeDelta::minutes(20));
        let findings = doctor(&merchant, &id).await;
        assert!(findings.iter().all(|(level, _)| level != "WRONG"), "{findings:?}");
    }

    async fn a_token_that_could_not_be_renewed_ends_and_that_is_said(app: &TestApp) {
        let merchant = app.merchant().await;
        open_shop(app, SHOP);
        app.stores.end_tokens_after(SHOP, 3_600).unwrap();
        let id = connected(&merchant, json!({})).await;
        checked(&merchant, &id, "CONNECTED").await;
        app.stores.uninstall(SHOP, CLIENT_ID).unwrap();
        app.advance(TimeDelta::minutes(61));
        let lost = wait_until(app, || async {
            let stands = connection(&merchant, &id).await;
            (stands["status"] == json!("LOST")).then_some(stands)
        })
        .await;
        assert_eq!(lost["lostReason"], json!("EXPIRED"));
    }

    async fn a_store_that_is_disconnected_sends_nothing_more_and_keeps_its_integration(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = connected(&merchant, json!({})).await;
        checked(&merchant, &id, "CONNECTED").await;
        assert_eq!(topics(app, &id).len(), 9);
        disconnect(&merchant, &id).await;
        assert_eq!(topics(app, &id), [""; 0]);
        assert_eq!(connection(&merchant, &id).await["status"], json!("NOT_CONNECTED"));
        let again = begin(&merchant, json!({ "store": SHOP })).await;
        assert_eq!(again["integration"]["id"], json!(id));
    }

    async fn a_store_that_does_not_respond_is_disconnected_all_the_same(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = connected(&merchant, json!({})).await;
        checked(&merchant, &id, "CONNECTED").await;
        app.stores.script(FaultScript { operation: On::Any, fault: Fault::Unavailable503, times: 10 }).unwrap();
        disconnect(&merchant, &id).await;
        assert_eq!(connection(&merchant, &id).await["status"], json!("NOT_CONNECTED"));
    }
}

async fn a_merchant_is_written_to_whose_store_was_lost(engine: Engine) {
    let mut mails = MailServer::start().await;
    let app = with_mail(engine, &mails).await;
    let merchant = reachable(&app).await;
    let id = connected(&merchant, json!({})).await;
    checked(&merchant, &id, "CONNECTED").await;
    app.stores.uninstall(SHOP, CLIENT_ID).unwrap();
    doctor(&merchant, &id).await;
    let mail = mails.next().await;
    for part in
        ["olga@shop.example", "Your store is not connected any more", SHOP, "does not take the access token", &id]
    {
        assert!(mail.replace("=\n", "").contains(part), "{part}: {mail}");
    }
    app.finish().await;
}

given_each_engine! {
    a_merchant_is_written_to_whose_store_was_lost
}
