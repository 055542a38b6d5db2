//! Changing an instance: all of what is asked for, or nothing.

use cloud_bridge::app::limits::Limits;
use cloud_bridge::service::ServiceOptions;
use cloud_bridge::store_sandbox::{Fault, FaultScript, On, Operation};
use domain::instance::{Instance, InstanceCommand, Subscription};
use domain::{EndpointId, InstanceId};
use event_log::Actor;
use serde_json::{Value, json};

use super::{Program, buy, id_of, instance_body, receiver, text};
use crate::app::TestApp;
use crate::connecting::SHOP;
use crate::engines::{Engine, given_each_engine, on_each_engine};

on_each_engine! {
    async fn of_several_changes_none_is_made_where_one_is_refused(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let path = format!("/instances/{}", id_of(&instance));
        let code = program.code(SHOP).await;
        let of = |configuration: Value| json!({ "configuration": configuration });
        for (wrong, says) in [
            (json!({ "tags": ["t".repeat(101)] }), "tags"),
            (json!({ "tags": "live" }), "tags is a list"),
            (json!({ "name": 5 }), "name is a text"),
            (json!({ "id": 1 }), "id is not"),
            (json!({ "element": { "key": "sfdc" } }), "no such element"),
            (json!({ "providerData": { "code": 5 } }), "providerData.code is a text"),
            (of(json!({ "shopify.webhook.topics": "carts/create" })), "carts/create"),
            (of(json!({ "event.notification.callback.url": "http://10.0.0.1/" })), "address"),
            (of(json!({ "event.notification.callback.url": "" })), "says where to"),
            (of(json!({ "event.notification.signature.key": "k".repeat(501) })), "signature key"),
            (of(json!({ "event.vendor.type": "polling", "event.poller.refresh_interval": 4 })), "5 to 1440"),
            (of(json!({ "event.vendor.type": "pigeon" })), "event.vendor.type"),
            (of(json!({ "shopify.site.address": "another-shop" })), "store"),
            (of(json!({ "oauth.user.token": "shpat_of_somebody" })), "oauth.user.token"),
        ] {
            let mut body = json!({ "name": "Changed", "tags": ["changed"], "providerData": { "code": code } });
            body["configuration"] = json!({ "event.notification.signature.key": "changed" });
            for (field, value) in wrong.as_object().unwrap() {
                match value.as_object().filter(|_| field == "configuration") {
                    Some(values) => body[field].as_object_mut().unwrap().extend(values.clone()),
                    None => body[field] = value.clone(),
                }
            }
            let refused = program.patch(&path, &body).await.refused(400);
            assert!(refused.contains(says), "{wrong}: {refused}");
            assert_eq!(program.get(&path).await.ok(), instance, "{wrong}");
        }
        // The code was not used up by any of them.
        let authorised = json!({ "providerData": { "code": code }, "name": "Changed" });
        assert_eq!(program.patch(&path, &authorised).await.ok()["name"], "Changed");
    }

    async fn what_only_an_authorisation_changes_is_refused_without_one(app: &TestApp) {
        let merchant = app.merchant().await;
        let program = Program::of(&merchant);
        let instance = program.instance(&receiver(app).await.url).await;
        let path = format!("/instances/{}", id_of(&instance));
        for (key, value) in [
            ("oauth.callback.url", "https://elsewhere.example"),
            ("oauth.api.key", "another-app"),
            ("oauth.api.secret", "another-secret"),
            ("oauth.scope", "write_orders"),
            ("shopify.site.address", "another-shop"),
        ] {
            let refused = program.patch(&path, &json!({ "configuration": { key: value } })).await.refused(400);
            assert!(refused.contains(key) && refused.contains("providerData.code"), "{refused}");
        }
        let polling = |configuration: Value| json!({ "configuration": configuration });
        let alone = polling(json!({ "event.poller.refresh_interval": 30 }));
        assert!(program.patch(&path, &alone).await.refused(400).contains("event.vendor.type polling"));
        program.patch(&path, &polling(json!({ "event.vendor.type": "polling" }))).await.ok();
        let polled = program.patch(&path, &alone).await.ok();
        assert_eq!(polled["configuration"]["event.poller.refresh_interval"], "30");
    }

    async fn what_is_deleted_as_an_endpoint_is_made_again_with_its_address(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let path = format!("/instances/{}", id_of(&instance));
        let endpoints = merchant.ask("{ endpoints(first: 5) { nodes { id } } }", json!({})).await;
        let delete = "mutation ($id: ID!) { deleteEndpoint(input: { endpointId: $id }) { userErrors { code } } }";
        merchant.ask(delete, json!({ "id": endpoints["endpoints"]["nodes"][0]["id"] })).await;
        program.patch(&path, &json!({ "tags": ["alone"] })).await.ok();
        let url = json!({ "configuration": { "event.notification.callback.url": events.url } });
        program.patch(&path, &url).await.ok();
        let listed = program.get("/notifications/subscriptions").await.ok();
        assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
        let ordered = buy(app, "follows_at_once").await;
        assert_eq!(text(&events.next().await.body["message"]["events"][0]["objectId"]), ordered);
        program.delete(&path).await.ok();
    }

    async fn a_subscription_that_was_never_finished_stands_in_nobodys_way(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let path = format!("/instances/{}", id_of(&instance));
        // As a process leaves it that is killed before the endpoint is made.
        let named = Subscription { number: 5, endpoint_id: EndpointId(uuid::Uuid::from_u128(5)), configured: false };
        let id = InstanceId::of(u32::try_from(id_of(&instance)).unwrap());
        app.service().data.log.execute::<Instance>(id, InstanceCommand::AddSubscription(named), Actor::Worker("killed".to_owned())).await.unwrap();
        app.settle().await;
        let topics = json!({ "configuration": { "shopify.webhook.topics": "orders/create" } });
        program.patch(&path, &topics).await.ok();
        program.delete(&format!("{path}/enabled")).await.ok();
        program.put(&format!("{path}/enabled")).await.ok();
        assert_eq!(program.get("/notifications/subscriptions").await.ok().as_array().unwrap().len(), 1);
        program.delete(&path).await.ok();
        program.get(&path).await.refused(404);
    }

    async fn what_happened_stays_an_event_of_an_instance_whose_topics_change(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let path = format!("/instances/{}", id_of(&instance));
        buy(app, "follows_at_once").await;
        events.next().await;
        app.settle().await;
        let listed = async || {
            let listed = program.get(&format!("{path}/events")).await.ok();
            listed.as_array().unwrap().iter().map(|event| text(&event["eventElementInstances"][0]["eventId"])).collect::<Vec<_>>()
        };
        let before = listed().await;
        assert_eq!(before.len(), 1);
        let topics = |topics: &str| json!({ "configuration": { "shopify.webhook.topics": topics } });
        program.patch(&path, &topics("customers/create")).await.ok();
        assert_eq!(listed().await, before, "it was sent");
        program.patch(&path, &topics("orders/create, products/update")).await.ok();
        assert_eq!(listed().await, before);
    }

    async fn a_store_that_is_away_is_no_fault_of_the_program(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, events) = (Program::of(&merchant), receiver(app).await);
        let code = program.code(SHOP).await;
        let body = instance_body(&code, &events.url);
        let operation = On::Only(Operation::ShopifyToken);
        app.stores.script(FaultScript { operation, fault: Fault::Unavailable503, times: 10 }).unwrap();
        let request = app.http.post(format!("{}/elements/api-v2/instances", app.node.url));
        let response = request.header("authorization", &program.authorization).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 500);
        assert!(response.headers().contains_key("retry-after"));
        let said: Value = response.json().await.unwrap();
        assert!(text(&said["message"]).contains("try again") && !text(&said["providerMessage"]).is_empty(), "{said}");
        assert_eq!(program.get("/instances").await.ok(), json!([]));
    }
}

async fn deleted_instances_take_no_place(engine: Engine) {
    let app = TestApp::start(engine).await;
    let two =
        |options: ServiceOptions| ServiceOptions { limits: Limits { integrations: 2, ..Limits::default() }, ..options };
    let app = app.stop_node().await.start_with(two).await;
    let merchant = app.merchant().await;
    let (program, events) = (Program::of(&merchant), receiver(&app).await);
    for _ in 0..3 {
        let instance = program.instance(&events.url).await;
        program.delete(&format!("/instances/{}", id_of(&instance))).await.ok();
    }
    program.instance(&events.url).await;
    program.instance(&events.url).await;
    let code = program.code(SHOP).await;
    program.post("/instances", &instance_body(&code, &events.url)).await.refused(400);
    app.finish().await;
}

given_each_engine! { deleted_instances_take_no_place }
