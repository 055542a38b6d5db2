//! Why somebody did something is free text and may name a customer: it is sealed in the log, shown, and erased with them.

use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::engines::on_each_engine;
use crate::erasure::{ERASE, found_in_databases};
use crate::history::{listed, run};
use crate::operators::{ACTIONS, because, support_key};
use crate::orders;
use crate::process::printed;

const CANCEL: &str = "mutation ($id: ID!) { done: cancelDelivery(input: { deliveryId: $id }) { userErrors { code } } }";
const TIMELINE: &str =
    "query ($id: ID!) { delivery(id: $id) { timeline(first: 50) { nodes { type actor reason reasonErased } } } }";

/// The reasons that the timeline of a delivery shows, each with the type of its event; true where one was erased.
async fn reasons_of_delivery(app: &TestApp, key: &str, id: &str) -> Vec<Value> {
    let shown = app.ask(key, TIMELINE, json!({ "id": id })).await;
    let nodes = shown["delivery"]["timeline"]["nodes"].as_array().unwrap();
    nodes
        .iter()
        .filter(|event| event["actor"] == "key desk")
        .map(|event| {
            json!([event["type"], if event["reasonErased"] == true { json!(true) } else { event["reason"].clone() }])
        })
        .collect()
}

async fn reasons_of_actions(app: &TestApp, key: &str, filter: Value) -> Vec<Value> {
    let actions = app.ask(key, ACTIONS, json!({ "filter": filter })).await;
    let nodes = actions["operatorActions"]["nodes"].as_array().unwrap();
    nodes.iter().map(|action| action["reason"].clone()).collect()
}

on_each_engine! {
    async fn a_reason_is_sealed_shown_and_erased_with_the_customer(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        shop.settled(&id).await;
        let desk = support_key(app).await;
        let why = "Veraline \"V\" Violetta wants it no more";
        let cancelled = because(app, &desk, why, CANCEL, json!({ "id": id })).await;
        assert_eq!(cancelled["data"]["done"]["userErrors"], json!([]), "{cancelled}");
        app.settle().await;

        assert_eq!(found_in_databases(app, &["Veraline", "Violetta"]).await, Vec::<String>::new());
        assert_eq!(reasons_of_delivery(app, &desk, &id).await, [json!(["cancelled", why])]);
        assert_eq!(reasons_of_actions(app, &desk, json!({ "aggregateId": id })).await, [json!(why)]);
        let reason_listed = async || {
            let events = listed(app, &["--aggregate", &format!("delivery/{id}"), "--type", "cancelled"]).await;
            assert_eq!((events.len(), &events[0]["actor"]), (1, &json!("key desk")));
            events[0]["reason"].clone()
        };
        assert_eq!(reason_listed().await, why);

        let input = json!({ "input": { "customer": "max@music.com" } });
        let erased = because(app, &desk, "by letter, Ottilie knows of it", ERASE, input).await;
        assert_eq!(erased["data"]["done"]["erased"], json!(1), "{erased}");
        app.settle().await;
        assert_eq!(
            reasons_of_delivery(app, &desk, &id).await,
            [json!(["cancelled", true]), json!(["personal_data_erased", true])]
        );
        assert_eq!(reasons_of_actions(app, &desk, json!({ "aggregateId": id })).await, [Value::Null, Value::Null]);
        assert_eq!(reason_listed().await, Value::Null);
        assert_eq!(found_in_databases(app, &["Veraline", "Violetta"]).await, Vec::<String>::new());
        // Why the customer was erased is on a stream of its own.
        let of_erasure = json!({ "type": "erasure_requested" });
        assert_eq!(reasons_of_actions(app, &desk, of_erasure).await, [json!("by letter, Ottilie knows of it")]);
        let shown = printed(&run(app, &["audit", "actions", "--type", "erasure_requested"]).await);
        assert!(shown.contains("Ottilie knows of it"), "{shown}");
        let asked = listed(app, &["--type", "erasure_requested"]).await;
        assert_eq!(asked[0]["reason"], "by letter, Ottilie knows of it");
        assert_eq!(found_in_databases(app, &["Ottilie"]).await, Vec::<String>::new());
    }

    async fn what_is_given_as_a_reason_again_after_an_erasure_is_sealed_by_another_key(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        shop.settled(&id).await;
        let desk = support_key(app).await;
        let erase = json!({ "input": { "orderId": "1" } });
        because(app, &desk, "ticket 4711", ERASE, erase.clone()).await;
        assert_eq!(app.data_key_of_delivery(&id).await, None, "neither the order's nor one for the reason");
        let retry = "mutation ($input: RetryDeliveryInput!) { done: retryDelivery(input: $input) { userErrors { code } } }";
        let input = json!({ "input": { "deliveryId": id, "targetUsername": "mutual_max" } });
        let retried = because(app, &desk, "the customer came back", retry, input).await;
        assert_eq!(retried["data"]["done"]["userErrors"], json!([]), "{retried}");
        app.settle().await;
        let reasons = reasons_of_delivery(app, &desk, &id).await;
        assert!(reasons.contains(&json!(["username_corrected", "the customer came back"])), "{reasons:?}");
        assert!(reasons.contains(&json!(["personal_data_erased", true])), "{reasons:?}");
        because(app, &desk, "ticket 4712", ERASE, erase).await;
        app.settle().await;
        let reasons = reasons_of_delivery(app, &desk, &id).await;
        assert!(reasons.iter().all(|event| event[1] == true), "{reasons:?}");
    }
}
