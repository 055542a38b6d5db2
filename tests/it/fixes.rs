//! Fixing the cause moves exactly the deliveries that waited for it.

use cloud_bridge::sandbox::{DEFAULT_PASSWORD, HoldPoint, Operation, Stage};
use domain::integration::Provider;
use serde_json::json;

use crate::app::TestApp;
use crate::delivering::preset;
use crate::engines::on_each_engine;
use crate::orders;

fn completed() -> (String, Option<String>) {
    ("COMPLETED".to_owned(), None)
}

fn required(code: &str) -> (String, Option<String>) {
    ("ACTION_REQUIRED".to_owned(), Some(code.to_owned()))
}

on_each_engine! {
    async fn a_new_mapping_releases_the_deliveries_that_waited_for_it_and_no_others(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::Generic, &[]).await;
        let storm = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        let rain = shop.post(&orders::generic("2", "mutual_max", &["RAIN"])).await.accepted("queued");
        let unfound = shop.post(&orders::generic("3", "nobody_at_all", &["SUN"])).await.accepted("queued");
        assert_eq!(shop.settled(&storm).await, required("NO_ITEM_MAPPING"));
        shop.map("STORM", "storm").await;
        assert_eq!(shop.settled(&storm).await, completed());
        assert_eq!(shop.seen(&rain).await, required("NO_ITEM_MAPPING"));
        assert_eq!(shop.seen(&unfound).await, required("NO_ITEM_MAPPING"));
    }

    /// Of an order whose texts are those that the log uses for its own words.
    async fn a_fix_that_comes_while_an_attempt_is_under_way_is_not_missed(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        shop.map("accepted", "missing-sun").await;
        app.cortex.hold(Operation::FindUser, HoldPoint::BeforeEffect);
        let mut order = orders::generic("accepted", "mutual_max", &["accepted", "requeued"]);
        order["status"] = json!("accepted");
        let id = shop.post(&order).await.accepted("queued");
        app.cortex.wait_for(Operation::FindUser, Stage::Held, 1).await.unwrap();
        // Again before the attempt ends: it says nothing new, and nothing follows from it.
        shop.post(&order).await.accepted("duplicate");
        shop.map("accepted", "sun").await;
        app.cortex.release(Operation::FindUser);
        assert_eq!(shop.settled(&id).await, required("ASSET_NOT_FOUND"));
        assert_eq!(app.cortex.share_count(preset("sun"), "mutual_max").calls, 1, "what was added is delivered");
    }

    async fn saved_credentials_release_what_waited_for_them(app: &TestApp) {
        let merchant = app.bare_merchant(6_000, 100).await;
        let shop = merchant.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, required("MISSING_CREDENTIALS"));
        merchant.save_credentials(DEFAULT_PASSWORD).await;
        assert_eq!(shop.settled(&id).await, completed());
    }

    async fn credentials_that_are_deleted_hold_up_the_next_delivery(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        merchant.ask("mutation { deleteCortexCredentials { account { cortexEmail } userErrors { code } } }", json!({})).await;
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, required("MISSING_CREDENTIALS"));
    }

    async fn bought_credits_release_what_waited_for_them_where_it_left_off(app: &TestApp) {
        let merchant = app.bare_merchant(6_000, 15).await;
        merchant.save_credentials(DEFAULT_PASSWORD).await;
        let shop = merchant.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "follows_at_once", &["STORM", "RAIN"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, required("CREDITS_EXHAUSTED"));
        assert_eq!(merchant.balance().await, json!({ "available": 2, "reserved": 0, "charged": 13 }));
        let grant = r#"mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) { userErrors { code } } }"#;
        let input = json!({ "accountId": merchant.id, "credits": 10, "idempotencyKey": "order-1" });
        for _ in 0..2 {
            app.admin(grant, json!({ "input": input })).await;
        }
        assert_eq!(shop.settled(&id).await, completed());
        assert_eq!(merchant.balance().await, json!({ "available": 2, "reserved": 0, "charged": 23 }));
        assert_eq!(app.cortex.share_count(preset("storm"), "follows_at_once").effective, 1);
    }

    async fn a_corrected_username_moves_the_delivery(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "mutual_maxx", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, required("INVALID_USERNAME"));
        let empty = shop.retry(&id, Some("  ")).await;
        assert_eq!(empty["userErrors"][0]["code"], json!("INVALID_USERNAME"));
        shop.retry(&id, Some("mutual_max")).await;
        assert_eq!(shop.settled(&id).await, completed());
        assert_eq!(shop.merchant.deliveries().await[0]["targetUsername"], json!("mutual_max"));
    }

    async fn an_order_that_the_store_corrects_moves_by_itself(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::WooCommerce).await;
        let id = shop.post(&orders::woocommerce(1, "processing", "", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, required("MISSING_USERNAME"));
        shop.post(&orders::woocommerce(1, "processing", "mutual_max", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, completed());
    }

    async fn many_deliveries_are_retried_at_once_after_a_preview(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        for n in 0..5 {
            shop.post(&orders::generic(&n.to_string(), "mutual_max", &["STORM"])).await.accepted("queued");
        }
        app.settle().await;
        let retry = r#"mutation ($input: RetryDeliveriesInput!) {
            retryDeliveries(input: $input) { matched retried more deliveries { status } userErrors { code } }
        }"#;
        let filter = json!({ "resolutionCode": ["NO_ITEM_MAPPING"] });
        let head = app.service().data.log.head();
        let preview = merchant.ask(retry, json!({ "input": { "filter": filter, "dryRun": true } })).await;
        let preview = &preview["retryDeliveries"];
        assert_eq!((&preview["matched"], &preview["retried"], &preview["more"]), (&json!(5), &json!(5), &json!(false)));
        assert_eq!(app.service().data.log.head(), head, "a look writes nothing");
        let done = merchant.ask(retry, json!({ "input": { "filter": filter } })).await;
        assert_eq!(done["retryDeliveries"]["retried"], json!(5));
    }

    async fn a_person_can_cancel_what_is_not_done(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("1", "never_follows", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let cancel = r#"mutation ($input: CancelDeliveryInput!) {
            cancelDelivery(input: $input) { delivery { status } userErrors { code } }
        }"#;
        let cancelled = shop.merchant.ask(cancel, json!({ "input": { "deliveryId": id } })).await;
        assert_eq!(cancelled["cancelDelivery"]["delivery"]["status"], json!("CANCELLED"));
        shop.retry(&id, None).await;
        assert_eq!(shop.settled(&id).await.0, "RETRY_SCHEDULED", "what was cancelled by mistake can be taken up again");
    }
}
