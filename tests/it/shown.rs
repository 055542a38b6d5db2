//! What is shown is what happened: items, statuses and failures come from recorded events, not from today's settings.

use chrono::{DateTime, TimeDelta, Utc};
use cloud_bridge::sandbox::{Fault, FollowsBack, HoldPoint, Operation, Stage};
use cloud_bridge::store_sandbox;
use domain::ResolutionCode;
use domain::delivery::DeliveryStatus;
use domain::integration::Provider;
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

use crate::app::{Merchant, Shop, TestApp, text};
use crate::delivering::{script, wait_until};
use crate::engines::on_each_engine;
use crate::orders;
use crate::thin_orders::ThinShop;

const SHOWN: &str = "query ($id: ID!, $asOf: DateTime) { delivery(id: $id, asOf: $asOf) {
    status resolution
    lastCall { operation status durationMs reason }
    items { sku quantity state sharedAt mapping { id externalRef resourceId } assets { resourceId sharedAt missing } }
    timeline(first: 100) { nodes { type recordedAt summary data } }
} }";

async fn shown(shop: &Shop<'_>, id: &str) -> Value {
    shop.merchant.app.settle().await;
    shop.merchant.ask(SHOWN, json!({ "id": id })).await["delivery"].clone()
}

async fn filtered(merchant: &Merchant<'_>, filter: Value) -> Vec<String> {
    let document = "query ($filter: DeliveryFilter) { deliveries(first: 50, filter: $filter) { nodes { id } } }";
    let found = merchant.ask(document, json!({ "filter": filter })).await;
    found["deliveries"]["nodes"].as_array().unwrap().iter().map(|node| text(&node["id"])).collect()
}

/// What a filter finds among the deliveries of all accounts.
async fn every(app: &TestApp, filter: Value) -> Vec<String> {
    let document = "query ($filter: DeliveryFilter) { deliveries(first: 50, filter: $filter) { nodes { id } } }";
    let found = app.admin(document, json!({ "filter": filter })).await;
    found["deliveries"]["nodes"].as_array().unwrap().iter().map(|node| text(&node["id"])).collect()
}

on_each_engine! {
    async fn items_show_what_was_delivered_whatever_is_mapped_today(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::Shopify, &[]).await;
        shop.map("STORM", "storm").await;
        shop.map("STORM", "rain").await;
        let mut order = orders::shopify(1042, "mutual_max", &["STORM", "SUN", "HAIL"]);
        order["line_items"][2]["current_quantity"] = json!(0);
        let id = shop.post(&order).await.accepted("queued");
        app.settle().await;
        let before = shown(&shop, &id).await;
        let items = before["items"].as_array().unwrap();
        let states: Vec<&str> = items.iter().map(|item| item["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["SHARED", "UNMAPPED", "REMOVED"]);
        let assets: Vec<&Value> = items[0]["assets"].as_array().unwrap().iter().map(|asset| &asset["resourceId"]).collect();
        assert_eq!(assets, [&json!("storm"), &json!("rain")], "both assets of the product");
        assert_eq!(items[0]["mapping"]["externalRef"], json!("STORM"));
        assert!(items[0]["sharedAt"].is_string());

        shop.unmap_all().await;
        assert_eq!(shown(&shop, &id).await, before, "mappings that are gone change nothing");
        shop.map("STORM", "elsewhere").await;
        shop.map("SUN", "sun").await;
        assert_eq!(shown(&shop, &id).await, before, "nor do new ones");
    }

    async fn every_status_and_code_is_found_by_its_filter(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let of = |id: &str, username: &str, sku: &str| orders::generic(id, username, &[sku]);
        let sent = async |shop: &Shop<'_>, order: Value| shop.post(&order).await.delivery_id();
        let settled = async |shop: &Shop<'_>, order: Value| {
            let id = sent(shop, order).await;
            app.settle().await;
            id
        };
        let mut expected: Vec<(DeliveryStatus, Option<ResolutionCode>, String)> = vec![];
        let mut is_at = |status, code, id: &String| expected.push((status, code, id.clone()));

        // First what takes time to come about, then what would be changed by it.
        script(app, Operation::FindUser, Fault::UnknownRefusal, 6);
        let odd = settled(&shop, of("12", "mutual_max", "STORM")).await;
        for seconds in [2, 6, 34, 140, 700] {
            app.advance(TimeDelta::seconds(seconds));
            shop.settled(&odd).await;
        }
        is_at(DeliveryStatus::FailedPermanent, Some(ResolutionCode::Unknown), &odd);
        let deactivated = merchant.shop(Provider::Generic).await;
        let inactive = settled(&deactivated, of("i", "never_follows", "STORM")).await;
        deactivated.update(json!({ "active": false })).await;
        app.advance(TimeDelta::hours(1));
        app.settle().await;
        is_at(DeliveryStatus::ActionRequired, Some(ResolutionCode::IntegrationInactive), &inactive);

        let done = settled(&shop, of("1", "mutual_max", "STORM")).await;
        is_at(DeliveryStatus::Completed, None, &done);
        sent(&shop, of("1", "mutual_max", "STORM")).await;
        app.settle().await;
        let repeated = text(&merchant.deliveries().await[0]["id"]);
        is_at(DeliveryStatus::Duplicate, Some(ResolutionCode::Duplicate), &repeated);
        let waiting = settled(&shop, of("2", "never_follows", "STORM")).await;
        is_at(DeliveryStatus::RetryScheduled, Some(ResolutionCode::NdspWaiting), &waiting);
        let unknown_user = settled(&shop, of("3", "no_such_user", "STORM")).await;
        is_at(DeliveryStatus::ActionRequired, Some(ResolutionCode::InvalidUsername), &unknown_user);
        let unmapped = settled(&shop, of("4", "mutual_max", "STRAP")).await;
        is_at(DeliveryStatus::ActionRequired, Some(ResolutionCode::NoItemMapping), &unmapped);
        shop.map("GONE", "missing-sun").await;
        let gone = settled(&shop, of("5", "mutual_max", "GONE")).await;
        is_at(DeliveryStatus::ActionRequired, Some(ResolutionCode::AssetNotFound), &gone);
        let no_access = ThinShop::connect(&merchant, Provider::BigCommerce).await;
        let unread = no_access.place(ThinShop::new_order("mutual_max")).await.1.delivery_id();
        app.settle().await;
        is_at(DeliveryStatus::ActionRequired, Some(ResolutionCode::StoreAccessMissing), &unread);
        let down = ThinShop::with_access(&merchant, Provider::BigCommerce).await;
        down.fault(store_sandbox::Fault::Unavailable503, 100);
        let unread = down.place(ThinShop::new_order("mutual_max")).await.1.delivery_id();
        app.settle().await;
        is_at(DeliveryStatus::RetryScheduled, Some(ResolutionCode::StoreUnavailable), &unread);
        let cancelled = settled(&shop, json!({ "orderId": "6", "cancelled": true })).await;
        is_at(DeliveryStatus::Cancelled, None, &cancelled);
        let foreign = of("7", "mutual_max", "STORM").to_string().into_bytes();
        let foreign = shop.post_bytes(foreign, &[("x-api-key", "cb_live_of_somebody_else")]).await.delivery_id();
        is_at(DeliveryStatus::ActionRequired, Some(ResolutionCode::InactiveApiKey), &foreign);
        let woo = merchant.shop(Provider::WooCommerce).await;
        let nameless = settled(&woo, orders::woocommerce(8, "processing", "", &["STORM"])).await;
        is_at(DeliveryStatus::ActionRequired, Some(ResolutionCode::MissingUsername), &nameless);
        let paid_only = merchant.bare_shop(Provider::WooCommerce, &["processing"]).await;
        let unpaid = settled(&paid_only, orders::woocommerce(9, "on-hold", "mutual_max", &["STORM"])).await;
        is_at(DeliveryStatus::FailedPermanent, Some(ResolutionCode::OrderStatusFiltered), &unpaid);
        let poor = app.bare_merchant(6_000, 0).await;
        let poor_shop = poor.shop(Provider::Generic).await;
        let no_login = settled(&poor_shop, of("10", "mutual_max", "STORM")).await;
        is_at(DeliveryStatus::ActionRequired, Some(ResolutionCode::MissingCredentials), &no_login);
        let broke = app.bare_merchant(6_000, 0).await;
        broke.save_credentials(cloud_bridge::sandbox::DEFAULT_PASSWORD).await;
        let no_credits = settled(&broke.shop(Provider::Generic).await, of("11", "cortex_user_42", "STORM")).await;
        is_at(DeliveryStatus::ActionRequired, Some(ResolutionCode::CreditsExhausted), &no_credits);
        // One attempt a minute: what failed is not tried again before the pace allows it, and the next order waits for it.
        script(app, Operation::FindUser, Fault::Error500, 1);
        let slow = app.bare_merchant(1, 1_000).await;
        slow.save_credentials(cloud_bridge::sandbox::DEFAULT_PASSWORD).await;
        let slow_shop = slow.shop(Provider::Generic).await;
        let failing = sent(&slow_shop, of("13", "mutual_max", "STORM")).await;
        let failed = json!({ "resolutionCode": ["TEMPORARY_FAILURE"] });
        wait_until(app, async || filtered(&slow, failed.clone()).await.contains(&failing).then_some(())).await;
        is_at(DeliveryStatus::RetryScheduled, Some(ResolutionCode::TemporaryFailure), &failing);
        let queued = sent(&slow_shop, of("14", "mutual_max", "STORM")).await;
        is_at(DeliveryStatus::Queued, None, &queued);

        assert!(app.service().data.projector.run_to_head(std::time::Duration::from_secs(30)).await);
        for code in ResolutionCode::iter() {
            let ids: Vec<&String> = expected.iter().filter(|(_, at, _)| *at == Some(code)).map(|(.., id)| id).collect();
            assert!(!ids.is_empty(), "a delivery at {}", code.as_str());
            let code = code.as_str().to_uppercase();
            let found = every(app, json!({ "resolutionCode": [code] })).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), ids, "{code}");
        }
        for status in DeliveryStatus::iter().filter(|status| *status != DeliveryStatus::Running) {
            let mut ids: Vec<&String> = expected.iter().filter(|(at, ..)| *at == status).map(|(.., id)| id).collect();
            ids.sort_unstable();
            assert!(!ids.is_empty(), "a delivery that is {}", status.as_str());
            let status = status.as_str().to_uppercase();
            let mut found = every(app, json!({ "status": [status] })).await;
            found.sort_unstable();
            assert_eq!(found.iter().collect::<Vec<_>>(), ids, "{status}");
        }
        for (status, code, id) in &expected {
            let Some(code) = code else { continue };
            let (status, code) = (status.as_str().to_uppercase(), code.as_str().to_uppercase());
            let both = every(app, json!({ "status": [status], "resolutionCode": [code] })).await;
            assert_eq!(both, std::slice::from_ref(id), "{status} and {code}");
        }
    }

    async fn a_delivery_that_is_being_worked_on_is_found_as_running(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        app.cortex.hold(Operation::Share, HoldPoint::BeforeEffect);
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        app.cortex.wait_for(Operation::Share, Stage::Held, 1).await.unwrap();
        assert!(app.service().data.projector.run_to_head(std::time::Duration::from_secs(30)).await);
        assert_eq!(filtered(&merchant, json!({ "status": ["RUNNING"] })).await, [id]);
        app.cortex.release(Operation::Share);
    }

    async fn what_waits_for_the_pace_is_found_as_queued(app: &TestApp) {
        let merchant = app.bare_merchant(1, 1_000).await;
        merchant.save_credentials(cloud_bridge::sandbox::DEFAULT_PASSWORD).await;
        let shop = merchant.shop(Provider::Generic).await;
        let first = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        let completed = json!({ "status": ["COMPLETED"] });
        wait_until(app, async || filtered(&merchant, completed.clone()).await.contains(&first).then_some(())).await;
        let waiting = shop.post(&orders::generic("2", "mutual_max", &["STORM"])).await.accepted("queued");
        assert!(app.service().data.projector.run_to_head(std::time::Duration::from_secs(30)).await);
        assert_eq!(filtered(&merchant, json!({ "status": ["QUEUED"] })).await, [waiting]);
    }

    async fn as_of_returns_no_event_from_after_that_moment(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let as_of = app.clock.now();
        app.advance(TimeDelta::hours(1));
        app.settle().await;
        let then = shop.merchant.ask(SHOWN, json!({ "id": id, "asOf": as_of })).await["delivery"].clone();
        let events = then["timeline"]["nodes"].as_array().unwrap();
        assert!(!events.is_empty() && events.len() < shown(&shop, &id).await["timeline"]["nodes"].as_array().unwrap().len());
        for event in events {
            let recorded_at: DateTime<Utc> = text(&event["recordedAt"]).parse().unwrap();
            assert!(recorded_at <= as_of, "{event}");
        }
    }

    async fn why_an_attempt_failed_is_recorded_and_shown(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        script(app, Operation::Share, Fault::Error500, 1);
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        let failed = shown(&shop, &id).await;
        let call = &failed["lastCall"];
        assert_eq!((&call["operation"], &call["status"]), (&json!("share"), &json!(500)));
        assert!(call["durationMs"].is_i64() && call["reason"] == json!("answered 500"), "{call}");
        assert!(failed["resolution"].as_str().unwrap().contains("HTTP 500"), "{failed}");
        let last = failed["timeline"]["nodes"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["data"]["call"]["status"], json!(500));
        assert!(last["summary"].as_str().unwrap().contains("share the asset: HTTP 500"), "{last}");
    }

    async fn an_unknown_username_is_named_to_its_merchant_alone(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "no_such_user", &["STORM"])).await.accepted("queued");
        let seen = shown(&shop, &id).await;
        assert!(seen["resolution"].as_str().unwrap().contains("“no_such_user”"), "{seen}");
        assert_eq!(seen["lastCall"]["operation"], json!("find_user"));
        let by_support = app.admin(SHOWN, json!({ "id": id })).await.to_string();
        assert!(!by_support.contains("no_such_user"), "{by_support}");
    }

    async fn a_missing_asset_is_named_and_its_order_goes_on_with_the_right_mapping(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        shop.map("GONE", "missing-sun").await;
        let id = shop.post(&orders::generic("1", "mutual_max", &["GONE", "STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, ("ACTION_REQUIRED".to_owned(), Some("ASSET_NOT_FOUND".to_owned())));
        let seen = shown(&shop, &id).await;
        assert!(seen["resolution"].as_str().unwrap().contains("Missing: preset missing-sun"), "{seen}");
        assert_eq!(seen["items"][0]["assets"][0]["missing"], json!(true));
        assert_eq!(seen["items"][1]["state"], json!("SHARED"));
        shop.unmap_all().await;
        let waits = ("ACTION_REQUIRED".to_owned(), Some("ASSET_NOT_FOUND".to_owned()));
        assert_eq!(shop.settled(&id).await, waits, "without the wrong mapping the item would get nothing");
        shop.map("GONE", "sun").await;
        assert_eq!(shop.settled(&id).await, ("COMPLETED".to_owned(), None));
        assert_eq!(app.cortex.share_count(crate::delivering::preset("sun"), "mutual_max").effective, 1);
    }

    async fn what_went_to_another_customer_than_the_order_names_now_says_so(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        shop.map("GONE", "missing-sun").await;
        app.cortex.add_user("wrong_wilma", FollowsBack::Already).unwrap();
        let id = shop.post(&orders::generic("1", "wrong_wilma", &["GONE", "STORM"])).await.accepted("queued");
        let waits = ("ACTION_REQUIRED".to_owned(), Some("ASSET_NOT_FOUND".to_owned()));
        assert_eq!(shop.settled(&id).await, waits);
        shop.retry(&id, Some("mutual_max")).await;
        assert_eq!(shop.settled(&id).await, waits);
        let document = "query ($id: ID!) { delivery(id: $id) { targetUsername items { assets { resourceId sharedWith } } } }";
        let seen = shop.merchant.ask(document, json!({ "id": id })).await["delivery"].clone();
        assert_eq!(seen["targetUsername"], json!("mutual_max"));
        assert_eq!(seen["items"][1]["assets"][0], json!({ "resourceId": "storm", "sharedWith": "wrong_wilma" }));
    }

    async fn an_attempt_of_an_integration_that_is_deactivated_shares_nothing_more(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        app.cortex.hold(Operation::Share, HoldPoint::BeforeEffect);
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM", "RAIN"])).await.accepted("queued");
        app.cortex.wait_for(Operation::Share, Stage::Held, 1).await.unwrap();
        shop.update(json!({ "active": false })).await;
        app.cortex.release(Operation::Share);
        let waits = ("ACTION_REQUIRED".to_owned(), Some("INTEGRATION_INACTIVE".to_owned()));
        assert_eq!(shop.settled(&id).await, waits);
        assert_eq!(app.cortex.share_count(crate::delivering::preset("rain"), "mutual_max").effective, 0);
        shop.update(json!({ "active": true })).await;
        assert_eq!(shop.settled(&id).await, ("COMPLETED".to_owned(), None));
        assert_eq!(merchant.balance().await, json!({ "available": 980, "reserved": 0, "charged": 20 }));
    }

    async fn orders_of_a_deactivated_integration_wait_and_go_on_when_it_is_activated(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        shop.update(json!({ "active": false })).await;
        app.advance(TimeDelta::hours(1));
        let waits = ("ACTION_REQUIRED".to_owned(), Some("INTEGRATION_INACTIVE".to_owned()));
        assert_eq!(shop.settled(&id).await, waits);
        app.cortex.follow_back_now("never_follows").unwrap();
        shop.update(json!({ "active": true })).await;
        assert_eq!(shop.settled(&id).await, ("COMPLETED".to_owned(), None));
    }
}
