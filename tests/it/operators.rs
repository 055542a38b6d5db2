//! Who did what with which key and why, and reading what is personal.

use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::{TestApp, text};
use crate::engines::on_each_engine;
use crate::orders;

pub(crate) const ACTIONS: &str = "query ($filter: OperatorActionFilter) { operatorActions(filter: $filter) {
    nodes { keyName reason accountId aggregateType aggregateId type summary } } }";
const REVEAL: &str = "mutation ($input: RevealPersonalDataInput!) { revealPersonalData(input: $input) {
    personalData { username email } userErrors { code field } } }";

pub(crate) async fn support_key(app: &TestApp) -> String {
    let document = "mutation { createApiKey(input: { name: \"desk\", role: SUPPORT }) { key } }";
    text(&app.admin(document, json!({})).await["createApiKey"]["key"])
}

/// Asks with a reason.
pub(crate) async fn because(app: &TestApp, key: &str, reason: &str, document: &str, variables: Value) -> Value {
    let request = reqwest::Client::new().post(format!("{}/graphql", app.node.url)).bearer_auth(key);
    let request =
        request.header("x-reason", reason.as_bytes()).json(&json!({ "query": document, "variables": variables }));
    request.send().await.unwrap().json().await.unwrap()
}

on_each_engine! {
    async fn who_looks_for_a_person_or_sends_to_another_says_why_and_is_recorded(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let desk = support_key(app).await;
        let look = "mutation ($input: ErasePersonalDataInput!) { done: erasePersonalData(input: $input) {
            matched userErrors { code } } }";
        let of_customer = json!({ "input": { "customer": "max@music.com", "dryRun": true } });
        let reads = async || {
            let read = r#"{ operatorActions(filter: { type: "personal_data_read" }) { nodes { reason } } }"#;
            merchant.ask(read, json!({})).await["operatorActions"]["nodes"].clone()
        };
        let unsaid = app.try_ask(&desk, look, of_customer.clone()).await;
        assert_eq!(unsaid["data"]["done"]["userErrors"][0]["code"], "REASON_REQUIRED");
        assert_eq!(reads().await, json!([]));
        let said = because(app, &desk, "ticket 4711", look, of_customer.clone()).await;
        assert_eq!(said["data"]["done"]["matched"], json!(1), "{said}");
        assert_eq!(reads().await, json!([{ "reason": "ticket 4711" }]));
        // A merchant looks among its own.
        assert_eq!(merchant.ask(look, of_customer).await["done"]["matched"], json!(1));
        assert_eq!(reads().await.as_array().unwrap().len(), 1);

        let retry = "mutation ($input: RetryDeliveryInput!) { done: retryDelivery(input: $input) { userErrors { code } } }";
        let to_another = json!({ "input": { "deliveryId": id, "targetUsername": "mutual_max" } });
        let unsaid = app.try_ask(&desk, retry, to_another.clone()).await;
        assert_eq!(unsaid["data"]["done"]["userErrors"][0]["code"], "REASON_REQUIRED");
        let said = because(app, &desk, "ticket 4712", retry, to_another).await;
        assert_eq!(said["data"]["done"]["userErrors"], json!([]));
        assert_eq!(shop.settled(&id).await.0, "COMPLETED");
    }

    async fn what_support_does_is_listed_with_its_reason(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        shop.settled(&id).await;
        let desk = support_key(app).await;
        let cancel = "mutation ($id: ID!) { cancelDelivery(input: { deliveryId: $id }) { userErrors { code } } }";
        let done = because(app, &desk, "Kunde möchte nicht mehr", cancel, json!({ "id": id })).await;
        assert_eq!(done["data"]["cancelDelivery"]["userErrors"], json!([]), "{done}");
        app.settle().await;

        let actions = app.ask(&desk, ACTIONS, json!({ "filter": { "aggregateId": id } })).await;
        let action = &actions["operatorActions"]["nodes"][0];
        assert_eq!(action["keyName"], "desk");
        assert_eq!(action["reason"], "Kunde möchte nicht mehr");
        assert_eq!(action["type"], "cancelled");
        assert_eq!(action["accountId"], merchant.id.as_str());
        assert!(action["summary"].as_str().unwrap().ends_with('.'));

        // The merchant sees what was done in the own account, and nothing of others.
        let own = merchant.ask(ACTIONS, json!({})).await;
        let own = own["operatorActions"]["nodes"].as_array().unwrap().clone();
        assert!(own.iter().any(|action| action["keyName"] == "desk"));
        assert!(own.iter().all(|action| action["accountId"] == merchant.id.as_str()), "{own:?}");
        let stranger = app.merchant().await;
        let theirs = stranger.ask(ACTIONS, json!({ "filter": { "aggregateId": id } })).await;
        assert_eq!(theirs["operatorActions"]["nodes"], json!([]));
        let asked = app.try_ask(&stranger.key, ACTIONS, json!({ "filter": { "accountId": merchant.id } })).await;
        assert_eq!(asked["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }

    async fn reading_who_ordered_needs_a_reason_and_is_recorded(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let desk = support_key(app).await;
        let shown = "query ($id: ID!) { delivery(id: $id) { targetUsername } }";
        assert_eq!(merchant.ask(shown, json!({ "id": id })).await["delivery"]["targetUsername"], "never_follows");
        assert_eq!(app.ask(&desk, shown, json!({ "id": id })).await["delivery"]["targetUsername"], "ne…");

        let nameless = app.ask(&desk, REVEAL, json!({ "input": { "deliveryId": id, "reason": " " } })).await;
        assert_eq!(nameless["revealPersonalData"]["userErrors"][0]["code"], "INVALID_REASON");
        let input = json!({ "input": { "deliveryId": id, "reason": "ticket 7" } });
        let revealed = app.ask(&desk, REVEAL, input.clone()).await;
        assert_eq!(revealed["revealPersonalData"]["personalData"], json!({ "username": "never_follows", "email": "max@music.com" }));
        app.settle().await;
        let filter = json!({ "filter": { "type": "personal_data_read" } });
        let actions = merchant.ask(ACTIONS, filter).await;
        let nodes = actions["operatorActions"]["nodes"].as_array().unwrap().clone();
        assert_eq!(nodes.len(), 1, "{nodes:?}");
        assert_eq!((&nodes[0]["reason"], &nodes[0]["keyName"]), (&json!("ticket 7"), &json!("desk")));
        let refused = app.try_ask(&merchant.key, REVEAL, input).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    }

    async fn a_rebuild_that_was_requested_is_recorded(app: &TestApp) {
        let rebuild = "mutation { rebuildProjection(input: { name: \"delivery_log\" }) { userErrors { code } } }";
        app.admin(rebuild, json!({})).await;
        app.settle().await;
        let actions = app.admin(ACTIONS, json!({ "filter": { "type": "rebuild_requested" } })).await;
        assert!(actions["operatorActions"]["nodes"][0]["summary"].as_str().unwrap().contains("delivery_log"));
    }
}
