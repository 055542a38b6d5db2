//! Deliveries: what is shared, what it costs, and every status and resolution code, reached through the endpoints.

use chrono::TimeDelta;
use cloud_bridge::ports::cortex::{ItemKind, ItemRef};
use cloud_bridge::sandbox::{Fault, FaultScript, FollowsBack, On, Operation};
use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::{TestApp, text};
use crate::engines::on_each_engine;
use crate::orders;

pub(crate) fn preset(id: &str) -> ItemRef<'_> {
    ItemRef { kind: ItemKind::Preset, id }
}

fn code(status: &str, code: &str) -> (String, Option<String>) {
    (status.to_owned(), Some(code.to_owned()))
}

fn completed() -> (String, Option<String>) {
    ("COMPLETED".to_owned(), None)
}

on_each_engine! {
    async fn an_order_is_delivered_and_paid_for(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let id = shop.post(&orders::shopify(1042, "follows_at_once", &["STORM", "RAIN"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, completed());
        for asset in ["storm", "rain"] {
            assert_eq!(app.cortex.share_count(preset(asset), "follows_at_once").effective, 1);
        }
        assert_eq!(app.cortex.follow_count("follows_at_once").effective, 1);
        assert_eq!(merchant.balance().await, json!({ "available": 977, "reserved": 0, "charged": 23 }));

        let seen = merchant.deliveries().await;
        assert_eq!((&seen[0]["creditsCharged"], &seen[0]["attempts"]), (&json!(23), &json!(1)));
        assert!(seen[0]["items"].as_array().unwrap().iter().all(|item| item["sharedAt"].is_string()), "{seen:?}");
    }

    async fn a_customer_who_is_mutual_already_costs_no_follow(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, completed());
        assert_eq!(merchant.balance().await["charged"], json!(10));
    }

    async fn a_customer_who_follows_back_later_is_waited_for(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        app.cortex.add_user("slow_sam", FollowsBack::Never).unwrap();
        let id = shop.post(&orders::shopify(1, "slow_sam", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, code("RETRY_SCHEDULED", "NDSP_WAITING"));
        assert_eq!(merchant.balance().await, json!({ "available": 997, "reserved": 0, "charged": 3 }));
        app.advance(TimeDelta::seconds(70));
        assert_eq!(shop.settled(&id).await, code("RETRY_SCHEDULED", "NDSP_WAITING"));
        app.cortex.follow_back_now("slow_sam").unwrap();
        app.advance(TimeDelta::minutes(6));
        assert_eq!(shop.settled(&id).await, completed());
        assert_eq!(merchant.balance().await["charged"], json!(13), "the follow is paid once");
        assert_eq!(app.cortex.follow_count("slow_sam").effective, 1);
    }

    async fn a_customer_who_never_follows_back_is_given_up_after_thirty_days(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Shopify).await;
        let id = shop.post(&orders::shopify(1, "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        for _ in 0..70 {
            app.advance(TimeDelta::hours(14));
            app.settle().await;
        }
        assert_eq!(shop.seen(&id).await, code("FAILED_PERMANENT", "NDSP_WAITING"));
    }

    async fn every_resolution_code_is_reached(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Generic, &["paid"]).await;
        shop.map("STORM", "storm").await;
        let order = |id: &str, username: &str, sku: &str| {
            let mut order = orders::generic(id, username, &[sku]);
            order["orderStatus"] = json!("paid");
            order
        };
        // While nothing else asks for a customer.
        script(app, Operation::FindUser, Fault::UnknownRefusal, 6);
        let refused = shop.post(&order("refused", "mutual_max", "STORM")).await.accepted("queued");
        // On a busy machine the first tries come by themselves, before they are checked.
        for tries in 0.. {
            let seen = shop.settled(&refused).await;
            if seen == code("FAILED_PERMANENT", "UNKNOWN") {
                break;
            }
            assert!(tries < 6 && seen == code("RETRY_SCHEDULED", "TEMPORARY_FAILURE"), "{seen:?}");
            app.advance(TimeDelta::seconds(700));
        }

        let mut unpaid = order("filtered", "mutual_max", "STORM");
        unpaid["orderStatus"] = json!("pending");
        let filtered = shop.post(&unpaid).await.accepted("failed_permanent");
        let unmapped = shop.post(&order("unmapped", "mutual_max", "SUN")).await.accepted("queued");
        let unknown_user = shop.post(&order("nobody", "nobody_at_all", "STORM")).await.accepted("queued");
        let waiting = shop.post(&order("waiting", "never_follows", "STORM")).await.accepted("queued");
        app.settle().await;
        shop.post(&order("waiting", "never_follows", "STORM")).await.accepted("duplicate");
        assert_eq!(shop.settled(&filtered).await, code("FAILED_PERMANENT", "ORDER_STATUS_FILTERED"));
        assert_eq!(shop.seen(&unmapped).await, code("ACTION_REQUIRED", "NO_ITEM_MAPPING"));
        assert_eq!(shop.seen(&unknown_user).await, code("ACTION_REQUIRED", "INVALID_USERNAME"));
        assert_eq!(shop.seen(&waiting).await, code("RETRY_SCHEDULED", "NDSP_WAITING"));
        assert!(merchant.deliveries().await.iter().any(|delivery| delivery["resolutionCode"] == "DUPLICATE"));

        let shopify = merchant.shop(Provider::Shopify).await;
        let mut nameless = orders::shopify(7, "", &["STORM"]);
        nameless["note_attributes"] = json!([]);
        let nameless = shopify.post(&nameless).await.accepted("queued");
        assert_eq!(shopify.settled(&nameless).await, code("ACTION_REQUIRED", "MISSING_USERNAME"));

        let keyed = orders::shopify(8, "mutual_max", &["STORM"]).to_string().into_bytes();
        let keyed = shopify.post_bytes(keyed, &[("x-api-key", "cb_live_of_somebody_else")]).await.accepted("queued");
        assert_eq!(shopify.settled(&keyed).await, code("ACTION_REQUIRED", "INACTIVE_API_KEY"));
        let retried = shopify.retry(&keyed, None).await;
        assert_eq!(retried["userErrors"], json!([]));
        assert_eq!(shopify.settled(&keyed).await, completed());

        for (id, operation, fault) in [
            // Of what nothing else asks that is waiting here.
            ("failing", Operation::Share, Fault::Error500),
            // A proxy's word, perhaps.
            ("odd", Operation::IsShared, Fault::Nonsense),
        ] {
            script(app, operation, fault, FAULTS_UNTIL_IT_WAITS);
            let failing = shop.post(&order(id, "follows_at_once", "STORM")).await.accepted("queued");
            until_it_waits(app).await;
            assert_eq!(shop.seen(&failing).await, code("RETRY_SCHEDULED", "TEMPORARY_FAILURE"));
            app.advance(TimeDelta::minutes(3));
            assert_eq!(shop.settled(&failing).await, completed());
        }

        let poor = app.bare_merchant(6_000, 5).await;
        let poor_shop = poor.shop(Provider::Generic).await;
        let no_login = poor_shop.post(&orders::generic("1", "mutual_max", &["RAIN"])).await.accepted("queued");
        assert_eq!(poor_shop.settled(&no_login).await, code("ACTION_REQUIRED", "MISSING_CREDENTIALS"));
        poor.save_credentials("not the password").await;
        assert_eq!(poor_shop.settled(&no_login).await, code("ACTION_REQUIRED", "MISSING_CREDENTIALS"));
        poor.save_credentials(cloud_bridge::sandbox::DEFAULT_PASSWORD).await;
        assert_eq!(poor_shop.settled(&no_login).await, code("ACTION_REQUIRED", "CREDITS_EXHAUSTED"));
        assert_eq!(poor.balance().await, json!({ "available": 5, "reserved": 0, "charged": 0 }));
    }

    async fn an_order_that_is_mapped_in_part_is_delivered_in_part_and_says_so(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        shop.map("STORM", "storm").await;
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM", "SUN"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, completed());
        let items = merchant.deliveries().await[0]["items"].clone();
        assert!(items[0]["sharedAt"].is_string() && items[1]["mapping"].is_null(), "{items}");

        shop.map("SUN", "sun").await;
        assert_eq!(shop.retry(&id, None).await["userErrors"], json!([]));
        assert_eq!(shop.settled(&id).await, completed());
        assert_eq!(app.cortex.share_count(preset("storm"), "mutual_max").effective, 1);
        assert_eq!(app.cortex.share_count(preset("sun"), "mutual_max").effective, 1);
        assert_eq!(merchant.balance().await["charged"], json!(20));
        let again = shop.retry(&id, None).await;
        assert_eq!(again["userErrors"][0]["code"], json!("ALREADY_COMPLETED"));
    }

    async fn an_asset_that_does_not_exist_is_the_merchants_to_fix(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        shop.map("STORM", "missing-preset").await;
        shop.map("RAIN", "rain").await;
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM", "RAIN"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, code("ACTION_REQUIRED", "ASSET_NOT_FOUND"));
        assert_eq!(app.cortex.share_count(preset("rain"), "mutual_max").effective, 1, "the other is delivered");
        assert_eq!(merchant.balance().await, json!({ "available": 990, "reserved": 0, "charged": 10 }));
    }

    async fn no_more_attempts_start_than_the_pace_allows(app: &TestApp) {
        let merchant = app.bare_merchant(5, 1_000).await;
        merchant.save_credentials(cloud_bridge::sandbox::DEFAULT_PASSWORD).await;
        let shop = merchant.shop(Provider::Generic).await;
        for n in 0..12 {
            shop.post(&orders::generic(&n.to_string(), "mutual_max", &["STORM"])).await.accepted("queued");
        }
        let mut done = vec![];
        for _ in 0..3 {
            // Those that the pace allows are done; the rest stay in the queue.
            wait_until(app, || async {
                let states = merchant.deliveries().await;
                let completed = states.iter().filter(|delivery| delivery["status"] == "COMPLETED").count();
                (completed == 12.min((done.len() + 1) * 5)).then_some(())
            }).await;
            let states = merchant.deliveries().await;
            done.push(states.iter().filter(|delivery| delivery["status"] == "COMPLETED").count());
            app.advance(TimeDelta::seconds(61));
        }
        assert_eq!(done, [5, 10, 12]);
    }

    async fn a_delivery_shows_its_story(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let id = shop.post(&orders::shopify(1042, "follows_at_once", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let document = "query ($id: ID!) { delivery(id: $id) { timeline(first: 50) {
            nodes { sequence type summary actor data hash } } } }";
        let answer = merchant.ask(document, json!({ "id": id })).await;
        let nodes = answer["delivery"]["timeline"]["nodes"].as_array().unwrap().clone();
        let types: Vec<String> = nodes.iter().map(|event| text(&event["type"])).collect();
        assert_eq!(types, ["webhook_received", "started", "step_started", "followed", "step_started", "asset_shared", "completed"]);
        assert_eq!(nodes[0]["actor"], json!("store"));
        assert!(nodes.iter().all(|event| !text(&event["summary"]).is_empty()));
        let own = nodes[0]["data"].to_string();
        assert!(own.contains("follows_at_once"), "a merchant reads their own customers' names");

        let shown = app.admin(
            r#"query ($id: ID!) { eventStream(aggregateType: "delivery", aggregateId: $id) { nodes { data } } }"#,
            json!({ "id": id }),
        ).await;
        assert!(!shown.to_string().contains("follows_at_once"), "a reader of all accounts does not: {shown}");
    }

    async fn a_delivery_can_be_seen_as_it_was(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        app.cortex.add_user("slow_sam", FollowsBack::Never).unwrap();
        let id = shop.post(&orders::shopify(1, "slow_sam", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let then = app.clock.now();
        app.cortex.follow_back_now("slow_sam").unwrap();
        app.advance(TimeDelta::minutes(2));
        assert_eq!(shop.settled(&id).await, completed());
        let document = "query ($id: ID!, $at: DateTime!) { delivery(id: $id, asOf: $at) { status resolutionCode attempts } }";
        let was = merchant.ask(document, json!({ "id": id, "at": then.to_rfc3339() })).await;
        assert_eq!(was["delivery"], json!({ "status": "RETRY_SCHEDULED", "resolutionCode": "NDSP_WAITING", "attempts": 1 }));
        let before = merchant.ask(document, json!({ "id": id, "at": "2020-01-01T00:00:00Z" })).await;
        assert_eq!(before["delivery"], Value::Null);
    }
}

pub(crate) fn script(app: &TestApp, operation: Operation, fault: Fault, times: u32) {
    app.cortex.script(FaultScript { operation: On::Only(operation), fault, times }).expect("a fault can be scripted");
}

/// Failures after which a delivery waits for minutes, and not for a second that passes by itself.
pub(crate) const FAULTS_UNTIL_IT_WAITS: u32 = 4;

/// Lets a delivery fail so often.
pub(crate) async fn until_it_waits(app: &TestApp) {
    for _ in 1..FAULTS_UNTIL_IT_WAITS {
        app.settle().await;
        app.advance(TimeDelta::minutes(1));
    }
    app.settle().await;
}

/// Looks after every event until `found` finds something.
pub(crate) async fn wait_until<T, F: Future<Output = Option<T>>>(app: &TestApp, mut found: impl FnMut() -> F) -> T {
    let mut head = app.service().data.log.head_changes();
    loop {
        head.mark_unchanged();
        if let Some(value) = found().await {
            return value;
        }
        // Some of what is waited for comes after its event, and some has none.
        tokio::time::timeout(std::time::Duration::from_millis(50), head.changed()).await.ok();
    }
}
