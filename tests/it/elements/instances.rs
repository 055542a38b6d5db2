//! Instances: made as the document says, read, changed, disabled and deleted.

use chrono::TimeDelta;
use cloud_bridge::store_sandbox::{Fault, FaultScript, On, Operation};
use cqrs_es::Aggregate as _;
use domain::InstanceId;
use domain::instance::Instance;
use event_log::Sequence;
use serde_json::{Value, json};

use super::{API_KEY, API_SECRET, CALLBACK, Program, SIGNATURE_KEY, buy, id_of, instance_body, order, receiver, text};
use crate::app::TestApp;
use crate::connecting::SHOP;
use crate::engines::on_each_engine;
use crate::erasure::found_in_databases;

fn topics(app: &TestApp) -> Vec<String> {
    let mut topics: Vec<String> = app.stores.subscriptions(SHOP).into_iter().map(|(topic, _)| topic).collect();
    topics.sort_unstable();
    topics
}

on_each_engine! {
    async fn the_document_is_followed_word_by_word(app: &TestApp) {
        let merchant = app.merchant().await;
        let program = Program::of(&merchant);
        let mut events = receiver(app).await;
        let instance = program.instance(&events.url).await;
        let configuration = json!({
            "event.notification.callback.url": events.url,
            "event.notification.enabled": "true",
            "event.notification.signature.key": "********",
            "event.notification.subscription.id": instance["configuration"]["event.notification.subscription.id"],
            "event.notification.type": "webhook",
            "event.poller.refresh_interval": null,
            "event.vendor.type": "webhook",
            "filter.response.nulls": "true",
            "oauth.api.key": "********",
            "oauth.api.secret": "********",
            "oauth.callback.url": CALLBACK,
            "oauth.scope": "read_orders,read_products,read_customers",
            "oauth.user.token": "********",
            "shopify.site.address": SHOP,
            "shopify.webhook.topics": "customers/create, orders/create, orders/updated",
        });
        let element = json!({
            "id": 48, "name": "Shopify", "key": "shopify", "active": true, "deleted": false, "typeOauth": true,
            "trialAccount": false, "transformationsEnabled": false, "authentication": { "type": "oauth2" },
            "hub": "ecommerce", "parameters": [],
        });
        let expected = json!({
            "id": instance["id"], "name": "API Instance", "token": instance["token"], "element": element,
            "provisionInteractions": [], "valid": true, "disabled": false, "maxCacheSize": 0, "cacheTimeToLive": 0,
            "configuration": configuration, "eventsEnabled": true, "cachingEnabled": false, "traceLoggingEnabled": false,
            "tags": ["Docs"],
            "user": { "id": instance["user"]["id"], "emailAddress": "", "firstName": "Storm Audio", "lastName": "" },
        });
        assert_eq!(instance, expected);
        assert!(instance["id"].is_u64() && instance["user"]["id"].is_u64());
        assert_eq!(text(&instance["token"]).len(), 36);
        assert_eq!(topics(app), ["app/uninstalled", "customers/create", "orders/create", "orders/updated"]);

        let ordered = buy(app, "follows_at_once").await;
        let sent = events.next().await;
        let message = &sent.body["message"];
        assert_eq!(message["elementKey"], "shopify");
        assert_eq!(sent.header("elements-webhook-id"), text(&message["eventId"]));
        let code = signing::code(SIGNATURE_KEY.as_bytes(), &[&sent.bytes]);
        let signature = format!("sha256={}", signing::Encoding::Base64.encoded(&code));
        assert_eq!(sent.header("elements-webhook-signature"), signature);
        let event = &message["events"][0];
        assert_eq!((&event["objectType"], &event["eventType"]), (&json!("orders"), &json!("CREATED")));
        assert_eq!((&event["objectId"], &event["elementKey"]), (&json!(ordered), &json!("shopify")));
        assert_eq!(message["raw"]["id"].to_string(), ordered, "the store's own body");
        app.settle().await;
        assert_eq!(events.more().len(), 0, "of one webhook one notification");
    }

    async fn a_list_is_narrowed_by_tags_and_text_and_read_page_by_page(app: &TestApp) {
        let merchant = app.merchant().await;
        let program = Program::of(&merchant);
        assert_eq!(program.get("/instances").await.ok(), json!([]));
        for (name, tag) in [("One", "live"), ("Two", "test"), ("Three", "live")] {
            let mut body = instance_body(&program.code(SHOP).await, "");
            body["name"] = json!(name);
            body["tags"] = json!([tag, "all"]);
            body["configuration"]["event.notification.enabled"] = json!("false");
            program.post("/elements/48/instances", &body).await.ok();
        }
        let names = |listed: &Value| listed.as_array().unwrap().iter().map(|one| text(&one["name"])).collect::<Vec<_>>();
        assert_eq!(names(&program.get("/instances?tags[]=live&tags[]=all").await.ok()), ["One", "Three"]);
        assert_eq!(names(&program.get("/instances?tags=test").await.ok()), ["Two"]);
        assert_eq!(names(&program.get("/elements/shopify/instances?searchText=t").await.ok()), ["Two", "Three"]);
        let first = program.get("/instances?pageSize=2").await;
        assert_eq!(names(&first.body), ["One", "Two"]);
        let next = program.get(&format!("/instances?pageSize=2&nextPage={}", first.next_page.unwrap())).await;
        assert_eq!((names(&next.body), next.next_page), (vec!["Three".to_owned()], None));
    }

    async fn an_instance_is_changed_in_part_or_whole(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let path = format!("/instances/{}", id_of(&instance));
        let patched = program.patch(&path, &json!({ "id": instance["id"], "tags": ["<b>live</b>", "x"] })).await.ok();
        assert_eq!((&patched["tags"], &patched["name"]), (&json!(["live", "x"]), &instance["name"]));
        assert_eq!(patched["configuration"], instance["configuration"]);
        let renamed = program.patch(&path, &json!({ "name": "<a href='#'>Storm</a>" })).await.ok();
        assert_eq!(renamed["name"], "Storm");
        let elsewhere = receiver(app).await;
        let moved = json!({ "configuration": { "event.notification.callback.url": elsewhere.url } });
        let moved = program.patch(&path, &moved).await.ok();
        let subscription = |of: &Value| of["configuration"]["event.notification.subscription.id"].clone();
        assert_ne!(subscription(&moved), subscription(&instance), "another address is another subscription");
        // As it was read, but for its name: what is masked stays.
        let mut whole = moved.clone();
        whole["name"] = json!("Whole");
        let replaced = program.call(reqwest::Method::PUT, &path, Some(&whole)).await.ok();
        assert_eq!(replaced, whole);
        let bare = json!({ "name": "Bare", "element": { "key": "shopify" } });
        let bare = program.call(reqwest::Method::PUT, &path, Some(&bare)).await.ok();
        assert_eq!((&bare["tags"], &bare["eventsEnabled"]), (&json!([]), &json!(false)));
        assert_eq!(bare["configuration"]["event.notification.callback.url"], Value::Null);
        assert_eq!(bare["configuration"]["shopify.webhook.topics"], "");
        app.settle().await;
        assert_eq!(topics(app), ["app/uninstalled"]);
        assert_eq!(program.get(&path).await.ok(), bare);
        assert_eq!(program.get("/notifications/subscriptions").await.ok(), json!([]));
    }

    async fn a_store_is_authorised_again_with_another_code(app: &TestApp) {
        let merchant = app.merchant().await;
        let program = Program::of(&merchant);
        let instance = program.instance(&receiver(app).await.url).await;
        let path = format!("/instances/{}", id_of(&instance));
        app.stores.uninstall(SHOP, API_KEY).unwrap();
        crate::connecting::doctor(&merchant, &integration(&merchant).await).await;
        assert_eq!(program.get(&path).await.ok()["valid"], json!(false));
        let again = json!({ "providerData": { "code": program.code(SHOP).await }, "configuration": { "oauth.scope": "read_orders" } });
        let valid = program.patch(&path, &again).await.ok();
        assert_eq!((&valid["valid"], &valid["configuration"]["oauth.scope"]), (&json!(true), &json!("read_orders")));
        let refused = program.patch(&path, &again).await;
        assert!(text(&refused.body["providerMessage"]).contains("code"), "{}", refused.body);
        refused.refused(400);
        assert_eq!(program.get(&path).await.ok()["valid"], json!(true), "what there is goes on");
    }

    async fn each_value_of_the_configuration_is_read_and_changed(app: &TestApp) {
        let merchant = app.merchant().await;
        let program = Program::of(&merchant);
        let instance = program.instance(&receiver(app).await.url).await;
        let path = format!("/instances/{}/configuration", id_of(&instance));
        let all = program.get(&path).await.ok();
        let enabled = json!({
            "id": 1, "key": "event.notification.enabled", "name": "Events Enabled",
            "description": "Whether what happens in the store is sent", "propertyValue": "true", "type": "BOOLEAN",
            "required": false, "active": true, "hideFromConsole": false,
        });
        assert_eq!(all[0], enabled);
        let shown: serde_json::Map<String, Value> =
            all.as_array().unwrap().iter().map(|one| (text(&one["key"]), one["propertyValue"].clone())).collect();
        assert_eq!(Value::Object(shown), instance["configuration"]);
        let off = program.patch(&format!("{path}/1"), &json!({ "propertyValue": "false" })).await.ok();
        assert_eq!(off["propertyValue"], "false");
        assert_eq!(program.get(&format!("{path}/event.notification.enabled")).await.ok(), off);
        let (vendor, interval) = (format!("{path}/event.vendor.type"), format!("{path}/event.poller.refresh_interval"));
        let refused = program.patch(&interval, &json!({ "propertyValue": 30 })).await.refused(400);
        assert!(refused.contains("event.vendor.type polling"), "its webhooks stay: {refused}");
        program.patch(&vendor, &json!({ "propertyValue": "polling" })).await.ok();
        let polled = program.patch(&interval, &json!({ "propertyValue": 30 })).await.ok();
        assert_eq!(polled["propertyValue"], "30");
        let now = program.get(&format!("/instances/{}", id_of(&instance))).await.ok();
        assert_eq!((&now["configuration"]["event.vendor.type"], &now["eventsEnabled"]), (&json!("polling"), &json!(false)));
        app.settle().await;
        assert_eq!(topics(app), ["app/uninstalled"], "the store is asked in place of webhooks");
        program.patch(&format!("{path}/oauth.scope"), &json!({ "propertyValue": "x" })).await.refused(400);
        program.patch(&format!("{path}/1"), &json!({ "propertyValue": "perhaps" })).await.refused(400);
        program.patch(&format!("{path}/1"), &json!({})).await.refused(400);
        program.get(&format!("{path}/99")).await.refused(404);
        program.get(&format!("{path}/nonsense")).await.refused(404);
    }

    async fn what_the_shop_never_sent_is_found_where_it_is_asked_for_all_changes(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let lost = app.stores.place_order(SHOP, order("follows_at_once")).unwrap();
        app.advance(TimeDelta::hours(1));
        let sent = events.next().await;
        assert_eq!(text(&sent.body["message"]["events"][0]["objectId"]), lost.order);
        let path = format!("/instances/{}/configuration/shopify.webhook.topics", id_of(&instance));
        let created = json!({ "propertyValue": "orders/create" });
        assert_eq!(program.patch(&path, &created).await.ok()["propertyValue"], "orders/create");
        app.settle().await;
        assert_eq!(topics(app), ["app/uninstalled", "orders/create"]);
        app.stores.set_username(SHOP, &lost.order, Some("mutual_max")).unwrap();
        app.advance(TimeDelta::hours(2));
        app.settle().await;
        assert_eq!(events.more().len(), 0, "what changed is not asked for");
    }

    async fn what_is_sold_before_the_shop_could_be_asked_for_webhooks_is_found(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, mut events) = (Program::of(&merchant), receiver(app).await);
        // Creating asks for up to three checks: as many as are not one and the same by then.
        let operation = On::Only(Operation::ShopifySubscriptions);
        app.stores.script(FaultScript { operation, fault: Fault::Error500, times: 4 }).unwrap();
        program.instance(&events.url).await;
        assert_eq!(topics(app), Vec::<String>::new(), "the shop was not asked yet");
        let sold = app.stores.place_order(SHOP, order("follows_at_once")).unwrap();
        for minutes in [2, 6, 31, 121] {
            app.advance(TimeDelta::minutes(minutes));
            app.settle().await;
        }
        assert_eq!(topics(app).len(), 4);
        app.advance(TimeDelta::hours(1));
        let sent = events.next().await;
        assert_eq!(text(&sent.body["message"]["events"][0]["objectId"]), sold.order);
    }

    async fn its_token_speaks_for_an_instance_until_that_is_disabled_or_deleted(app: &TestApp) {
        let merchant = app.merchant().await;
        let (program, events) = (Program::of(&merchant), receiver(app).await);
        let instance = program.instance(&events.url).await;
        let (id, token) = (id_of(&instance), text(&instance["token"]));
        let by_token = Program::with_token(&merchant, &token);
        let read = by_token.get("/instances").await;
        assert_eq!((read.instance.as_deref(), &read.body), (Some(id.to_string().as_str()), &instance));
        assert_eq!(by_token.patch("/instances", &json!({ "tags": [] })).await.ok()["tags"], json!([]));
        by_token.get("/instances/configuration").await.ok();
        by_token.get("/instances/configuration/1").await.ok();
        by_token.get("/instances/events").await.ok();
        by_token.get(&format!("/instances/{id}")).await.ok();
        by_token.get("/instances/1").await.refused(403);
        by_token.post("/instances", &json!({})).await.refused(403);
        by_token.get("/accounts/settings").await.refused(403);
        program.patch("/instances", &json!({ "tags": [] })).await.refused(400);

        assert_eq!(program.delete(&format!("/instances/{id}/enabled")).await.ok()["disabled"], json!(true));
        by_token.get("/instances").await.refused(403);
        assert_eq!(program.put(&format!("/elements/shopify/instances/{id}/enabled")).await.ok()["disabled"], json!(false));
        by_token.get("/instances").await.ok();

        program.delete(&format!("/instances/{id}")).await.ok();
        by_token.get("/instances").await.refused(401);
        program.get(&format!("/instances/{id}")).await.refused(404);
        program.delete(&format!("/instances/{id}")).await.refused(404);
        assert_eq!(program.get("/instances").await.ok(), json!([]));
        assert_eq!(app.stores.subscriptions(SHOP), []);
        assert_eq!(program.get("/notifications/subscriptions").await.ok(), json!([]));
    }

    async fn no_secret_of_an_instance_is_stored_in_the_open(app: &TestApp) {
        let merchant = app.merchant().await;
        let program = Program::of(&merchant);
        let instance = program.instance(&receiver(app).await.url).await;
        let secrets = [&text(&instance["token"]), API_SECRET, SIGNATURE_KEY];
        assert_eq!(found_in_databases(app, &secrets).await, Vec::<String>::new());
    }

    async fn what_is_made_with_an_instance_is_told_by_events(app: &TestApp) {
        let merchant = app.merchant().await;
        let program = Program::of(&merchant);
        let instance = program.instance(&receiver(app).await.url).await;
        let path = format!("/instances/{}", id_of(&instance));
        program.delete(&format!("{path}/enabled")).await.ok();
        program.put(&format!("{path}/enabled")).await.ok();
        program.delete(&path).await.ok();
        let stream = InstanceId::of(u32::try_from(id_of(&instance)).unwrap()).to_string();
        let recorded = app.service().data.log.recorded_of(Instance::TYPE, &stream, Sequence::START, 50).await.unwrap();
        let types: Vec<String> = recorded.iter().filter_map(|recorded| recorded.event.event_type()).collect();
        let expected = ["instance_created", "subscription_added", "instance_disabled", "instance_enabled", "instance_deleted"];
        assert_eq!(types, expected);
        assert!(recorded.iter().all(|recorded| recorded.operator.is_some()), "each says by whose key");
    }
}

/// The integration of the only instance.
async fn integration(merchant: &crate::app::Merchant<'_>) -> String {
    let found = merchant.ask("{ integrations(first: 5) { nodes { id purpose } } }", json!({})).await;
    let nodes = found["integrations"]["nodes"].as_array().unwrap();
    assert_eq!((nodes.len(), &nodes[0]["purpose"]), (1, &json!("PUBLISHES")));
    text(&nodes[0]["id"])
}
