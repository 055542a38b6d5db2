//! What could not be sent is seen, understood and sent again: by its account, and by support.

use chrono::TimeDelta;
use domain::EndpointId;
use domain::endpoint::{EndpointCommand, EndpointStatus, Profile};
use serde_json::{Value, json};

use super::{Receiver, attempts_are, buy, command, created, endpoint, fails, objects, publisher, status, until};
use crate::app::{Merchant, TestApp};
use crate::engines::on_each_engine;

/// The dispatches of an endpoint, those of the newest events first.
async fn dispatches(app: &TestApp, key: &str, id: EndpointId) -> Vec<Value> {
    let document = "query ($id: ID) { dispatches(first: 100, filter: { endpointId: $id }) { nodes {
        id status attemptCount responseStatus reason dueAt commerceEvent { type objectId }
        attempts { number outcome status reason response responseIsErased address } } } }";
    let mut found = app.ask(key, document, json!({ "id": id.to_string() })).await;
    let Value::Array(nodes) = found["dispatches"]["nodes"].take() else { panic!("a list: {found}") };
    nodes
}

async fn redrive(merchant: &Merchant<'_>, dispatch_id: &Value) -> Value {
    let document = "mutation ($id: ID!) { done: redriveDispatch(input: { dispatchId: $id }) {
        dispatch { status } userErrors { code field } } }";
    merchant.ask(document, json!({ "id": dispatch_id })).await["done"].clone()
}

async fn redrive_all(app: &TestApp, key: &str, input: Value) -> Value {
    let document = "mutation ($input: RedriveDispatchesInput!) { done: redriveDispatches(input: $input) {
        matched redriven skipped more dispatches { status } userErrors { code } } }";
    app.ask(key, document, json!({ "input": input })).await["done"].clone()
}

/// Orders whose `order.created` was given up.
pub(super) async fn dead_letters(
    app: &TestApp,
    merchant: &Merchant<'_>,
    receiver: &mut Receiver,
    orders: &[u64],
) -> EndpointId {
    let shop = publisher(merchant).await;
    let id = endpoint(merchant, receiver, &["order.*"], |settings| {
        settings.profile = Profile::CloudElements { element_key: None, signature_key: None };
    })
    .await;
    receiver.responds_always(500);
    for order in orders {
        buy(&shop, *order).await;
    }
    // Of each order one is tried, the other waits behind it; the first that is given up disables the endpoint.
    let tried = i64::try_from(orders.len()).unwrap();
    for round in 1..10 {
        receiver.take(orders.len()).await;
        attempts_are(app, id, round * tried).await;
        app.advance(TimeDelta::days(4));
    }
    receiver.next().await;
    attempts_are(app, id, 9 * tried + 1).await;
    assert_eq!(status(app, id).await, EndpointStatus::Disabled);
    id
}

on_each_engine! {
    async fn a_dead_letter_says_what_was_tried_and_is_sent_again(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
        receiver.responds([500; 8]);
        buy(&shop, 1).await;
        for attempts in 1..=8 {
            receiver.next().await;
            until(app, id, &[(if attempts < 8 { "retrying" } else { "dead_letter" }, attempts)]).await;
            app.advance(TimeDelta::hours(7));
        }
        let [dead] = &dispatches(app, &merchant.key, id).await[..] else { panic!("there is one") };
        assert_eq!((&dead["status"], &dead["attemptCount"], &dead["dueAt"]), (&json!("DEAD_LETTER"), &json!(8), &Value::Null));
        assert_eq!((&dead["responseStatus"], &dead["reason"]), (&json!(500), &json!("answered 500")));
        let last = &dead["attempts"][7];
        assert_eq!((&last["number"], &last["outcome"]), (&json!(8), &json!("DEAD_LETTERED")));
        assert_eq!((&last["response"], last["address"].as_str().unwrap().starts_with("127.0.0.1:")), (&json!("so it is"), true));
        let seen = dispatches(app, &app.admin.api_key, id).await;
        assert_eq!(seen[0]["attempts"][7]["response"], Value::Null, "it may repeat what is known of a person");
        let other = app.merchant().await;
        let of_another = "query ($id: ID) { dispatches(filter: { endpointId: $id }) { nodes { id } } }";
        let refused = app.try_ask(&other.key, of_another, json!({ "id": id.to_string() })).await;
        assert_eq!(refused["errors"][0]["message"], "endpointId names no endpoint of the account");
        assert_eq!(redrive(&other, &dead["id"]).await["userErrors"][0]["code"], "NOT_FOUND");
        let done = redrive(&merchant, &dead["id"]).await;
        assert_eq!(done["userErrors"], json!([]));
        // It may have been sent by then.
        assert!(["RETRYING", "DELIVERED"].contains(&done["dispatch"]["status"].as_str().unwrap()), "{done}");
        assert_eq!(objects(&[receiver.next().await]), [created(1)]);
        until(app, id, &[("delivered", 9)]).await;
        assert_eq!(redrive(&merchant, &dead["id"]).await["userErrors"][0]["code"], "ALREADY_DELIVERED");
    }

    async fn what_waits_for_hours_is_sent_now_if_a_person_wants_it(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.*"], |_| ()).await;
        receiver.responds([500; 5]);
        buy(&shop, 1).await;
        fails(app, id, &mut receiver, 5, &[("queued", 0)]).await;
        let found = dispatches(app, &merchant.key, id).await;
        redrive(&merchant, &found[1]["id"]).await;
        assert_eq!(receiver.take(2).await.len(), 2, "with what waited behind it");
        until(app, id, &[("delivered", 6), ("delivered", 1)]).await;
    }

    async fn a_person_who_has_mended_a_receiver_waits_for_no_probe(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.*"], |_| ()).await;
        receiver.responds([500; 7]);
        buy(&shop, 1).await;
        fails(app, id, &mut receiver, 7, &[("queued", 0)]).await;
        assert_eq!(status(app, id).await, EndpointStatus::Degraded);
        let document = "query ($id: ID) { dispatches(filter: { endpointId: $id }) { nodes {
            redrives { cause by } waitsFor { commerceEvent { type } } } } }";
        let story = async || merchant.ask(document, json!({ "id": id.to_string() })).await["dispatches"]["nodes"].take();
        let [paid, created] = &story().await.as_array().unwrap().clone()[..] else { panic!("there are two") };
        assert_eq!((&paid["waitsFor"]["commerceEvent"]["type"], &created["waitsFor"]), (&json!("order.created"), &Value::Null));
        let resume = "mutation ($id: ID!) { done: resumeEndpoint(input: { endpointId: $id }) { endpoint { status failing { percent } } } }";
        let resumed = merchant.ask(resume, json!({ "id": id.to_string() })).await["done"]["endpoint"].take();
        assert_eq!(resumed, json!({ "status": "ENABLED", "failing": null }));
        assert_eq!(receiver.take(2).await.len(), 2);
        until(app, id, &[("delivered", 8), ("delivered", 1)]).await;
        let [paid, created] = &story().await.as_array().unwrap().clone()[..] else { panic!("there are two") };
        assert_eq!((&paid["redrives"], &created["redrives"]), (&json!([]), &json!([{ "cause": "RESUMED", "by": "system" }])));
    }

    async fn a_warning_is_over_once_what_it_was_about_was_redriven_and_delivered(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
        receiver.responds([500; 5]);
        buy(&shop, 1).await;
        fails(app, id, &mut receiver, 5, &[]).await;
        let failing = async || {
            let document = "query ($id: ID!) { endpoint(id: $id) { failing { percent } } }";
            merchant.ask(document, json!({ "id": id.to_string() })).await["endpoint"]["failing"].take()
        };
        app.settle().await;
        assert_eq!(failing().await["percent"], 70);
        redrive(&merchant, &dispatches(app, &merchant.key, id).await[0]["id"]).await;
        receiver.next().await;
        until(app, id, &[("delivered", 6)]).await;
        app.settle().await;
        assert_eq!(failing().await, Value::Null);
    }

    async fn what_waits_for_a_deleted_endpoint_is_not_redriven(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
        receiver.responds([500]);
        buy(&shop, 1).await;
        receiver.next().await;
        until(app, id, &[("retrying", 1)]).await;
        command(app, id, EndpointCommand::Delete).await;
        until(app, id, &[("skipped", 1)]).await;
        let dispatch = dispatches(app, &merchant.key, id).await[0]["id"].clone();
        assert_eq!(redrive(&merchant, &dispatch).await["userErrors"][0]["code"], "SKIPPED");
    }

    async fn dead_letters_of_a_deleted_endpoint_are_not_redriven(app: &TestApp) {
        let merchant = app.merchant().await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = dead_letters(app, &merchant, &mut receiver, &[1]).await;
        command(app, id, EndpointCommand::Delete).await;
        until(app, id, &[("skipped", 10), ("skipped", 0)]).await;
        let all = dispatches(app, &merchant.key, id).await;
        for dispatch in &all {
            assert_eq!(redrive(&merchant, &dispatch["id"]).await["userErrors"][0]["code"], "SKIPPED");
        }
        let done = redrive_all(app, &merchant.key, json!({ "filter": { "endpointId": id.to_string() } })).await;
        assert_eq!((&done["matched"], &done["redriven"]), (&json!(0), &json!(0)));
    }

    async fn a_filter_sends_again_what_it_finds_after_a_preview(app: &TestApp) {
        let merchant = app.merchant().await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = dead_letters(app, &merchant, &mut receiver, &[1]).await;
        until(app, id, &[("dead_letter", 10), ("queued", 0)]).await;
        let filter = json!({ "endpointId": id.to_string(), "types": ["order.*"] });
        let preview = redrive_all(app, &merchant.key, json!({ "filter": filter, "dryRun": true })).await;
        assert_eq!((&preview["matched"], &preview["redriven"]), (&json!(1), &json!(1)));
        until(app, id, &[("dead_letter", 10), ("queued", 0)]).await;
        let done = redrive_all(app, &merchant.key, json!({ "filter": filter })).await;
        assert_eq!((&done["matched"], &done["redriven"], &done["more"]), (&json!(1), &json!(1), &json!(false)));
        until(app, id, &[("retrying", 10), ("queued", 0)]).await;
        let document = "mutation ($input: RedriveDispatchesInput!) { redriveDispatches(input: $input) { matched } }";
        let of_another = app.try_ask(&app.merchant().await.key, document, json!({ "input": { "filter": filter } })).await;
        assert_eq!(of_another["errors"][0]["message"], "endpointId names no endpoint of the account");
        let wrong = json!({ "input": { "filter": { "statuses": ["DELIVERED"] } } });
        assert!(app.try_ask(&merchant.key, document, wrong).await["errors"][0]["message"].as_str().unwrap().contains("statuses"));
    }

    async fn only_the_latest_of_each_object_is_sent_again_where_that_is_wanted(app: &TestApp) {
        let merchant = app.merchant().await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = dead_letters(app, &merchant, &mut receiver, &[1]).await;
        let input = json!({ "filter": { "endpointId": id.to_string() }, "latestPerObject": true });
        let done = redrive_all(app, &merchant.key, input).await;
        assert_eq!((&done["redriven"], &done["skipped"]), (&json!(0), &json!(1)), "order.paid of the order is to come");
        receiver.is_mended();
        command(app, id, EndpointCommand::Resume).await;
        until(app, id, &[("skipped", 10), ("delivered", 1)]).await;
    }

    async fn resuming_an_endpoint_sends_again_what_disabled_it_and_what_came_later(app: &TestApp) {
        let merchant = app.merchant().await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = dead_letters(app, &merchant, &mut receiver, &[1, 2, 3]).await;
        receiver.is_mended();
        receiver.more();
        command(app, id, EndpointCommand::Resume).await;
        let got = receiver.take(6).await;
        let message = |of: &crate::dispatching::Notification| of.body["message"]["events"][0]["objectId"].as_str().unwrap().to_owned();
        let mut orders: Vec<_> = got.iter().map(message).collect();
        orders.sort();
        assert_eq!(orders, ["1", "1", "2", "2", "3", "3"]);
        let all = dispatches(app, &merchant.key, id).await;
        assert_eq!(all.len(), 6, "{all:#?}");
    }
}
