//! An order is what its store says now: refunds, added lines, other usernames, cancellations, in any order of arrival.

use chrono::TimeDelta;
use cloud_bridge::sandbox::{Fault, FollowsBack, HoldPoint, Operation, Stage};
use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::{Shop, TestApp, text};
use crate::delivering::{FAULTS_UNTIL_IT_WAITS, preset, script, until_it_waits};
use crate::engines::on_each_engine;
use crate::orders;

/// A paid Shopify order as it was changed so many seconds after noon. Its id is not its number.
fn order(username: &str, seconds: u32, lines: &[(&str, u32)]) -> Value {
    let skus: Vec<&str> = lines.iter().map(|(sku, _)| *sku).collect();
    let mut order = orders::shopify(1042, username, &skus);
    order["id"] = json!(5_678_901_234_017_u64);
    order["updated_at"] = json!(format!("2026-11-20T12:00:{seconds:02}+00:00"));
    for (line, (_, left)) in order["line_items"].as_array_mut().unwrap().iter_mut().zip(lines) {
        line["current_quantity"] = json!(left);
    }
    order
}

/// The response to the store: the outcome of its webhook, and how the delivery stands.
async fn outcome(shop: &Shop<'_>, body: &Value) -> (String, String) {
    let answer = shop.post(body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    (text(&answer.body["outcome"]), text(&answer.body["status"]))
}

fn said(outcome: &str, status: &str) -> (String, String) {
    (outcome.to_owned(), status.to_owned())
}

fn stands(status: &str, code: Option<&str>) -> (String, Option<String>) {
    (status.to_owned(), code.map(str::to_owned))
}

async fn receipts(shop: &Shop<'_>) -> Vec<(String, Option<String>)> {
    shop.merchant.app.settle().await;
    let document = "{ webhookReceipts(first: 100) { nodes { outcome reason } } }";
    let answer = shop.merchant.ask(document, json!({})).await;
    let nodes = answer["webhookReceipts"]["nodes"].as_array().unwrap().clone();
    nodes.iter().map(|node| (text(&node["outcome"]), node["reason"].as_str().map(str::to_owned))).collect()
}

async fn items(shop: &Shop<'_>, id: &str) -> Vec<(String, String, bool)> {
    let document = "query ($id: ID!) { delivery(id: $id) { items { sku state sharedAt } } }";
    let answer = shop.merchant.ask(document, json!({ "id": id })).await;
    let items = answer["delivery"]["items"].as_array().unwrap().clone();
    items.iter().map(|item| (text(&item["sku"]), text(&item["state"]), item["sharedAt"].is_string())).collect()
}

on_each_engine! {
    async fn what_was_refunded_while_the_customer_had_not_followed_back_is_not_shared(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        app.cortex.add_user("slow_sam", FollowsBack::Never).unwrap();
        let id = shop.post(&order("slow_sam", 0, &[("STORM", 1), ("RAIN", 1)])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, stands("RETRY_SCHEDULED", Some("NDSP_WAITING")));
        let refund = order("slow_sam", 10, &[("STORM", 1), ("RAIN", 0)]);
        assert_eq!(outcome(&shop, &refund).await, said("revised", "retry_scheduled"));
        app.cortex.follow_back_now("slow_sam").unwrap();
        app.advance(TimeDelta::hours(1));
        assert_eq!(shop.settled(&id).await, stands("COMPLETED", None));
        assert_eq!(app.cortex.share_count(preset("storm"), "slow_sam").effective, 1);
        assert_eq!(app.cortex.share_count(preset("rain"), "slow_sam").effective, 0);
        assert_eq!(shop.merchant.balance().await, json!({ "available": 987, "reserved": 0, "charged": 13 }));
        let shown = [("STORM".to_owned(), "SHARED".to_owned(), true), ("RAIN".to_owned(), "REMOVED".to_owned(), false)];
        assert_eq!(items(&shop, &id).await, shown);
        assert_eq!(receipts(&shop).await[0], ("REVISED".to_owned(), Some("removed RAIN lead".to_owned())));
    }

    async fn a_line_added_after_delivery_is_delivered_and_only_that(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        let id = shop.post(&order("mutual_max", 0, &[("STORM", 1)])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, stands("COMPLETED", None));
        let more = order("mutual_max", 10, &[("STORM", 1), ("RAIN", 1)]);
        assert_eq!(outcome(&shop, &more).await, said("revised", "queued"));
        assert_eq!(shop.settled(&id).await, stands("COMPLETED", None));
        assert_eq!(app.cortex.share_count(preset("rain"), "mutual_max").effective, 1);
        let storm = app.cortex.share_count(preset("storm"), "mutual_max");
        assert_eq!((storm.effective, storm.repeated), (1, 0));
        assert_eq!(shop.merchant.balance().await["charged"], json!(20));
        assert_eq!(outcome(&shop, &more).await, said("duplicate", "duplicate"));
    }

    async fn what_was_shared_and_refunded_later_stays_shown_as_shared(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        let id = shop.post(&order("mutual_max", 0, &[("STORM", 1), ("RAIN", 1)])).await.accepted("queued");
        app.settle().await;
        let refund = order("mutual_max", 10, &[("STORM", 1), ("RAIN", 0)]);
        assert_eq!(outcome(&shop, &refund).await, said("revised", "completed"));
        app.settle().await;
        let shown = [("STORM".to_owned(), "SHARED".to_owned(), true), ("RAIN".to_owned(), "REMOVED".to_owned(), true)];
        assert_eq!(items(&shop, &id).await, shown);
        let mut cancelled = order("mutual_max", 20, &[("STORM", 1), ("RAIN", 0)]);
        cancelled["cancelled_at"] = json!("2026-11-20T12:00:20+00:00");
        assert_eq!(outcome(&shop, &cancelled).await, said("too_late", "completed"));
    }

    async fn an_order_first_reported_without_lines_goes_on_by_itself(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::WooCommerce).await;
        let mut empty = orders::woocommerce(1234, "processing", "mutual_max", &[]);
        empty["date_modified_gmt"] = json!("2026-11-20T12:00:00");
        let id = shop.post(&empty).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, stands("ACTION_REQUIRED", Some("NO_ITEM_MAPPING")));
        let mut filled = orders::woocommerce(1234, "processing", "mutual_max", &["STORM"]);
        filled["date_modified_gmt"] = json!("2026-11-20T12:00:00");
        assert_eq!(outcome(&shop, &filled).await, said("revised", "queued"), "of equal times the later arrival counts");
        assert_eq!(shop.settled(&id).await, stands("COMPLETED", None));
    }

    async fn a_username_that_comes_later_counts_whatever_the_order_waits_for(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::Shopify, &[]).await;
        let id = shop.post(&order("wrong_wilma", 0, &[("STORM", 1)])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, stands("ACTION_REQUIRED", Some("NO_ITEM_MAPPING")));
        let corrected = order("mutual_max", 10, &[("STORM", 1)]);
        assert_eq!(outcome(&shop, &corrected).await, said("revised", "queued"));
        assert_eq!(receipts(&shop).await[0], ("REVISED".to_owned(), Some("the username".to_owned())));
        shop.map("STORM", "storm").await;
        assert_eq!(shop.settled(&id).await, stands("COMPLETED", None));
        assert_eq!(app.cortex.share_count(preset("storm"), "mutual_max").effective, 1);
    }

    async fn a_refund_during_an_attempt_is_heeded_before_the_next_share(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        app.cortex.hold(Operation::Share, HoldPoint::BeforeEffect);
        let id = shop.post(&order("mutual_max", 0, &[("STORM", 1), ("RAIN", 1)])).await.accepted("queued");
        app.cortex.wait_for(Operation::Share, Stage::Held, 1).await.unwrap();
        let refund = order("mutual_max", 10, &[("STORM", 1), ("RAIN", 0)]);
        assert_eq!(outcome(&shop, &refund).await, said("revised", "running"));
        app.cortex.release(Operation::Share);
        assert_eq!(shop.settled(&id).await, stands("COMPLETED", None));
        assert_eq!(app.cortex.share_count(preset("rain"), "mutual_max").effective, 0);
        assert_eq!(shop.merchant.balance().await, json!({ "available": 990, "reserved": 0, "charged": 10 }));
    }

    async fn an_older_report_is_stale_and_changes_nothing(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::Shopify, &[]).await;
        let id = shop.post(&order("mutual_max", 30, &[("STORM", 1)])).await.accepted("queued");
        app.settle().await;
        let late = order("wrong_wilma", 10, &[("RAIN", 1)]);
        assert_eq!(outcome(&shop, &late).await, said("stale", "action_required"));
        assert_eq!(receipts(&shop).await[0], ("STALE".to_owned(), None));
        assert_eq!(items(&shop, &id).await[0].0, "STORM");
        let mut cancelled = order("mutual_max", 20, &[("STORM", 1)]);
        cancelled["cancelled_at"] = json!("2026-11-20T12:00:20+00:00");
        assert_eq!(outcome(&shop, &cancelled).await, said("stale", "action_required"));
        let timeline = "query ($id: ID!) { delivery(id: $id) { timeline(first: 100) { nodes { summary } } } }";
        let timeline = shop.merchant.ask(timeline, json!({ "id": id })).await.to_string();
        assert!(timeline.contains("stale") && !timeline.contains("nothing new"), "{timeline}");
    }

    async fn a_cancellation_and_a_reprocess_in_the_same_second_resolve_by_arrival(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::WooCommerce, &["processing"]).await;
        let at = |status: &str| {
            let mut order = orders::woocommerce(1234, status, "never_follows", &["STORM"]);
            order["date_modified_gmt"] = json!("2026-11-20T12:00:00");
            order
        };
        assert_eq!(outcome(&shop, &at("processing")).await, said("accepted", "queued"));
        assert_eq!(outcome(&shop, &at("cancelled")).await, said("cancelled", "cancelled"));
        assert_eq!(outcome(&shop, &at("processing")).await, said("accepted", "queued"));
        assert_eq!(outcome(&shop, &at("on-hold")).await, said("filtered", "failed_permanent"));
        assert_eq!(outcome(&shop, &at("processing")).await, said("accepted", "queued"));
    }

    async fn credits_that_an_attempt_had_set_aside_come_back_in_the_moment_it_ends(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        app.cortex.hold(Operation::Login, HoldPoint::BeforeEffect);
        script(app, Operation::Share, Fault::Error500, FAULTS_UNTIL_IT_WAITS);
        let id = shop.post(&order("mutual_max", 0, &[("STORM", 1)])).await.accepted("queued");
        app.cortex.wait_for(Operation::Login, Stage::Held, 1).await.unwrap();
        assert!(app.service().data.projector.run_to_head(std::time::Duration::from_secs(30)).await);
        assert_eq!(shop.seen(&id).await, stands("RUNNING", None));
        assert_eq!(shop.merchant.balance().await, json!({ "available": 987, "reserved": 13, "charged": 0 }));
        app.cortex.release(Operation::Login);
        until_it_waits(app).await;
        assert_eq!(shop.seen(&id).await, stands("RETRY_SCHEDULED", Some("TEMPORARY_FAILURE")));
        assert_eq!(shop.merchant.balance().await, json!({ "available": 1000, "reserved": 0, "charged": 0 }));
        let mut cancelled = order("mutual_max", 10, &[("STORM", 1)]);
        cancelled["cancelled_at"] = json!("2026-11-20T12:00:10+00:00");
        assert_eq!(outcome(&shop, &cancelled).await, said("cancelled", "cancelled"));
        app.settle().await;
        assert_eq!(shop.merchant.balance().await, json!({ "available": 1000, "reserved": 0, "charged": 0 }));
    }

    async fn a_new_mapping_is_delivered_to_past_orders_when_asked_for(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Shopify, &[]).await;
        shop.map("STORM", "storm").await;
        let mut ids = vec![];
        for (number, skus) in [(1, &["STORM", "RAIN"][..]), (2, &["STORM"]), (3, &["STORM", "RAIN"]), (4, &["STORM", "RAIN"])] {
            let customer = format!("fan_{number}");
            app.cortex.add_user(&customer, FollowsBack::Already).unwrap();
            let order = orders::shopify(number, &customer, skus);
            ids.push(shop.post(&order).await.accepted("queued"));
        }
        app.settle().await;
        // The fourth is refunded after it was delivered: a customer who has the money back gets nothing more.
        let mut refunded = orders::shopify(4, "fan_4", &["STORM", "RAIN"]);
        refunded["financial_status"] = json!("refunded");
        assert_eq!(outcome(&shop, &refunded).await, said("too_late", "completed"));
        app.settle().await;
        let unmapped = r#"{ deliveries(filter: { unmapped: true, status: [COMPLETED] }) { nodes { id unmapped } } }"#;
        let found = merchant.ask(unmapped, json!({})).await;
        let found: Vec<String> =
            found["deliveries"]["nodes"].as_array().unwrap().iter().map(|node| text(&node["id"])).collect();
        assert_eq!(found, [ids[2].clone(), ids[0].clone()]);

        // What the merchant cancelled needs no mapping, unless it is taken up again.
        let nothing = shop.post(&orders::shopify(5, "fan_5", &["RAIN"])).await.accepted("queued");
        assert_eq!(shop.settled(&nothing).await, stands("ACTION_REQUIRED", Some("NO_ITEM_MAPPING")));
        let any = "{ deliveries(filter: { unmapped: true }) { nodes { id } } }";
        let lists = async || merchant.ask(any, json!({})).await.to_string().contains(&nothing);
        assert!(lists().await);
        let mutation = |what: &str| format!("mutation ($id: ID!) {{ {what}Delivery(input: {{ deliveryId: $id }}) {{ userErrors {{ code }} }} }}");
        merchant.ask(&mutation("cancel"), json!({ "id": nothing })).await;
        app.settle().await;
        assert!(!lists().await);
        merchant.ask(&mutation("retry"), json!({ "id": nothing })).await;
        assert_eq!(shop.settled(&nothing).await, stands("ACTION_REQUIRED", Some("NO_ITEM_MAPPING")));
        assert!(lists().await);
        merchant.ask(&mutation("cancel"), json!({ "id": nothing })).await;

        let add = r#"mutation ($input: AddItemMappingInput!) { addItemMapping(input: $input) {
            itemMapping { id } userErrors { code } } }"#;
        let input = json!({
            "integrationId": shop.id, "matchType": "SKU", "externalRef": "RAIN",
            "resourceType": "PRESET", "resourceId": "rain",
        });
        let added = merchant.ask(add, json!({ "input": input })).await["addItemMapping"].clone();
        let past = "query ($id: ID!, $ids: [ID!]!) { integration(id: $id) { pastOrders(mappingIds: $ids) { orders more } } }";
        let past = merchant.ask(past, json!({ "id": shop.id, "ids": [added["itemMapping"]["id"]] })).await;
        assert_eq!(past["integration"]["pastOrders"], json!({ "orders": 2, "more": false }));
        assert_eq!(shop.settled(&ids[0]).await, stands("COMPLETED", None));
        assert_eq!(merchant.balance().await["charged"], json!(40), "nothing is delivered unasked");

        let replay = r#"mutation ($input: ReplayWebhooksInput!) { replayWebhooks(input: $input) {
            replay { state chosen } userErrors { code } } }"#;
        let mut input = json!({ "integrationId": shop.id, "mappingIds": [added["itemMapping"]["id"]], "dryRun": true });
        let preview = merchant.ask(replay, json!({ "input": input })).await["replayWebhooks"].clone();
        assert_eq!(preview["replay"]["chosen"], json!(2), "{preview}");
        input["dryRun"] = json!(false);
        merchant.ask(replay, json!({ "input": input })).await;
        for id in [&ids[0], &ids[2]] {
            assert_eq!(app_completed(&shop, id, 2).await, stands("COMPLETED", None));
        }
        assert_eq!(merchant.balance().await["charged"], json!(60));
        for (customer, shares) in [("fan_1", 1), ("fan_2", 0), ("fan_3", 1), ("fan_4", 0)] {
            assert_eq!(app.cortex.share_count(preset("rain"), customer).effective, shares, "{customer}");
        }
        let none = merchant.ask(unmapped, json!({})).await;
        assert_eq!(none["deliveries"]["nodes"], json!([]));
        let actions = app.admin("{ operatorActions(first: 10) { nodes { summary } } }", json!({})).await;
        assert!(actions.to_string().contains("RAIN"), "{actions}");
    }
}

/// How a delivery stands after so many attempts.
async fn app_completed(shop: &Shop<'_>, id: &str, attempts: i64) -> (String, Option<String>) {
    let document = "query ($id: ID!) { delivery(id: $id) { attempts } }";
    loop {
        let stands = shop.settled(id).await;
        if shop.merchant.ask(document, json!({ "id": id })).await["delivery"]["attempts"] == json!(attempts) {
            return stands;
        }
    }
}
