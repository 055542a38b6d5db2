//! What an account does not keep for good is erased by itself, once it has been over for long enough and not before.

use chrono::TimeDelta;
use cloud_bridge::audit::verify::verify;
use cloud_bridge::service::Service;
use domain::integration::Provider;
use futures_util::future::select_all;
use projections::accounts;
use projections::delivery_log;
use serde_json::{Value, json};

use crate::app::{Merchant, TestApp, text};
use crate::delivering::wait_until;
use crate::engines::{Engine, on_each_engine};
use crate::erasure::{OF_VERA, found_in_databases, key_is_in_files, order_of_vera};
use crate::orders;
use crate::rebuilds::rebuilt;

const SET: &str = "mutation ($input: SetRetentionInput!) { done: setRetention(input: $input) {
    account { id retentionDays } userErrors { code field } } }";

impl Merchant<'_> {
    async fn keeps(&self, days: Value) -> Value {
        self.ask(SET, json!({ "input": { "days": days } })).await["done"].clone()
    }
}

/// Waits until a node has erased what was kept for too long at a moment, in microseconds since 1970.
async fn polled(service: &Service, moment: i64) {
    service.sweeper.polled().wait_for(|at| *at >= moment).await.expect("the service runs");
}

/// Lets time pass, and what follows from it on these nodes.
async fn days_pass_for(app: &TestApp, days: i64, nodes: &[&Service]) {
    let days = TimeDelta::days(days);
    // Taken before the clock is moved: a node that polls after that began later.
    let moment = (app.clock.now() + days).timestamp_micros();
    app.advance(days);
    // One of them polls.
    select_all(nodes.iter().map(|node| Box::pin(polled(node, moment)))).await;
    app.settle().await;
}

async fn days_pass(app: &TestApp, days: i64) {
    days_pass_for(app, days, &[app.service()]).await;
}

async fn erased(app: &TestApp) -> i64 {
    let sql = "SELECT count(*) FROM events WHERE event_type = 'personal_data_erased'";
    app.service().data.log.raw_database().fetch_one::<(i64,)>(sql.into()).await.unwrap().0
}

/// The orders that still say who ordered.
async fn named(merchant: &Merchant<'_>) -> Vec<String> {
    let all = merchant.deliveries().await;
    let named = all.iter().filter(|delivery| !delivery["targetUsername"].is_null());
    let mut named: Vec<String> = named.map(|delivery| text(&delivery["orderId"])).collect();
    named.sort();
    named
}

/// What the views know of how long what is kept.
async fn kept(app: &TestApp) -> Vec<(String, i64, Option<i64>, Option<String>)> {
    let views = &app.service().data.views;
    let sql = "SELECT d.id, s.position, s.kept_since, s.username_key FROM delivery_log d \
         JOIN delivery_states s ON s.listed_at = d.listed_at ORDER BY d.id";
    let mut rows: Vec<(String, i64, Option<i64>, Option<String>)> = views.fetch_all(sql.into()).await.unwrap();
    let sql = "SELECT id, CAST(0 AS bigint), retention_days, name FROM accounts ORDER BY id";
    rows.extend(views.fetch_all::<(String, i64, Option<i64>, Option<String>)>(sql.into()).await.unwrap());
    rows
}

on_each_engine! {
    async fn a_clock_that_is_set_forward_erases_nothing_for_an_hour(app: &TestApp) {
        let merchant = app.merchant().await;
        merchant.shop(Provider::Shopify).await.post(&orders::shopify(1, "mutual_max", &["STORM"])).await.accepted("queued");
        app.settle().await;
        merchant.keeps(json!(30)).await;
        app.set_clock(TimeDelta::days(400));
        let mut distrusts = app.service().sweeper.distrusts();
        distrusts.wait_for(|distrusts| *distrusts).await.unwrap();
        assert_eq!(erased(app).await, 0);
        // It is what the merchant wants, if it is still like that after an hour.
        let moment = (app.clock.now() + TimeDelta::hours(1)).timestamp_micros();
        app.advance(TimeDelta::hours(1));
        polled(app.service(), moment).await;
        assert!(!*distrusts.borrow_and_update());
        assert_eq!(erased(app).await, 1);
    }

    async fn by_itself_nothing_is_erased(app: &TestApp) {
        let merchant = app.merchant().await;
        let id = merchant.shop(Provider::Shopify).await.post(&orders::shopify(1, "mutual_max", &["STORM"])).await.accepted("queued");
        app.settle().await;
        days_pass(app, 4_000).await;
        assert_eq!((erased(app).await, named(&merchant).await), (0, vec!["1".to_owned()]));
        assert!(app.data_key_of_delivery(&id).await.is_some());
    }

    async fn what_was_over_for_long_enough_is_nowhere_and_the_rest_stays(app: &TestApp) {
        let merchant = app.merchant().await;
        let neighbour = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let unpaid_only = merchant.bare_shop(Provider::Shopify, &["pending"]).await;
        let mut done = order_of_vera(1001);
        done["note_attributes"][0]["value"] = json!("cortex_user_42");
        let done_id = shop.post(&done).await.accepted("queued");
        unpaid_only.post(&order_of_vera(1002)).await.accepted("failed_permanent");
        let cancelled = shop.post(&orders::shopify(1003, "vera_violet_77", &["SUN"])).await.accepted("queued");
        shop.post(&orders::shopify(1004, "mutual_max", &["SUN"])).await.accepted("queued");
        neighbour.shop(Provider::Shopify).await.post(&orders::shopify(1, "mutual_max", &["STORM"])).await.accepted("queued");
        app.settle().await;
        shop.post(&done).await.accepted("duplicate");
        let cancel = "mutation ($id: ID!) { cancelDelivery(input: { deliveryId: $id }) { userErrors { code } } }";
        merchant.ask(cancel, json!({ "id": cancelled })).await;
        assert_eq!(merchant.keeps(json!(30)).await["account"]["retentionDays"], 30);

        days_pass(app, 20).await;
        assert_eq!(erased(app).await, 0);
        shop.post(&orders::shopify(2001, "follows_at_once", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let wrapped = app.data_key_of_delivery(&done_id).await.unwrap();
        let of_vera: Vec<&str> = OF_VERA.into_iter().filter(|text| text.len() > 6).chain(["cortex_user_42"]).collect();
        assert!(!found_in_databases(app, &of_vera).await.is_empty(), "the views show usernames");
        days_pass(app, 11).await;
        assert_eq!(erased(app).await, 3);
        assert_eq!(named(&merchant).await, ["1004", "2001"], "what waits, and what is young");
        assert_eq!(named(&neighbour).await, ["1"]);
        assert_eq!(found_in_databases(app, &of_vera).await, Vec::<String>::new());
        assert!(!key_is_in_files(app, &wrapped));
        assert_eq!(app.data_key_of_delivery(&done_id).await, None);
        assert_eq!(verify(&app.service().data.log, None, |_, _| {}).await.unwrap().broken, None);
        assert_eq!(shop.seen(&done_id).await.0, "COMPLETED", "what became of it is still shown");

        // What the store says again is not taken in again.
        shop.post(&done).await.accepted("duplicate");
        app.settle().await;
        assert_eq!(named(&merchant).await, ["1004", "2001"]);
        days_pass(app, 31).await;
        assert_eq!((erased(app).await, named(&merchant).await.len()), (4, 1), "2001, by now, and nothing twice");
        assert_eq!(found_in_databases(app, &of_vera).await, Vec::<String>::new());

        let live = kept(app).await;
        for view in [delivery_log::VIEW, accounts::VIEW] {
            app.service().data.projector.rebuild(view).await.unwrap().unwrap();
            rebuilt(app, view, 2).await;
        }
        assert_eq!(kept(app).await, live);
        let waits = |(_, position, since, name): &&(_, i64, Option<i64>, Option<String>)| {
            *position > 0 && since.is_none() && name.is_some()
        };
        let waiting = live.iter().filter(waits).count();
        assert_eq!(waiting, 1);
    }

    async fn a_merchant_bounds_it_for_the_own_account_and_an_administrator_for_any(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        shop.post(&orders::generic("old", "mutual_max", &["STORM"])).await.accepted("queued");
        app.settle().await;
        days_pass(app, 10).await;
        for days in [json!(0), json!(-1), json!(3_651)] {
            let refused = merchant.keeps(days).await;
            assert_eq!(refused["userErrors"], json!([{ "code": "INVALID_RETENTION", "field": ["input", "days"] }]));
        }
        let made = app.admin(
            "mutation { createApiKey(input: { name: \"desk\", role: SUPPORT }) { key } }",
            json!({}),
        ).await;
        let of_merchant = json!({ "input": { "accountId": merchant.id, "days": 1 } });
        let stranger = app.merchant().await;
        let support = app.try_ask(&text(&made["createApiKey"]["key"]), SET, of_merchant.clone()).await;
        assert_eq!(support["errors"][0]["extensions"]["code"], "FORBIDDEN");
        let foreign = app.ask(&stranger.key, SET, of_merchant.clone()).await;
        assert_eq!(foreign["done"]["userErrors"][0]["code"], "NOT_FOUND");
        assert_eq!(merchant.keeps(json!(90)).await["account"]["retentionDays"], 90);
        assert_eq!(merchant.keeps(Value::Null).await["account"]["retentionDays"], Value::Null);
        days_pass(app, 100).await;
        assert_eq!(erased(app).await, 0, "it is off again");
        // Not with the next hour, but at once.
        assert_eq!(app.admin(SET, of_merchant).await["done"]["account"]["retentionDays"], 1);
        wait_until(app, async || (erased(app).await == 1).then_some(())).await;
        app.settle().await;
        assert_eq!((erased(app).await, named(&merchant).await.len()), (1, 0));
    }

    async fn webhooks_about_no_order_are_kept_no_longer_either(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let post = async |topic: &str, body: Value| {
            let answer = shop.post_bytes(body.to_string().into_bytes(), &[("x-shopify-topic", topic)]).await;
            assert_eq!(answer.status, 202, "{answer:?}");
        };
        post("customers/create", json!({ "id": 7, "email": "vera.violet@example.org" })).await;
        post("customers/data_request", json!({ "customer": { "id": 7 }, "data_request": { "id": 1 } })).await;
        app.settle().await;
        merchant.keeps(json!(10)).await;
        days_pass(app, 9).await;
        assert_eq!(erased(app).await, 0);
        days_pass(app, 2).await;
        assert_eq!(erased(app).await, 1, "the question is kept for the 30 days in which it has to be answered");
        days_pass(app, 20).await;
        assert_eq!(erased(app).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_nodes_erase_each_delivery_once() {
    crate::app::run(Engine::Postgres, async |app| {
        let other = app.second_node(0).await;
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Generic, &["paid"]).await;
        for n in 0..30 {
            shop.post(&orders::generic(&n.to_string(), "max", &["STORM"])).await.accepted("failed_permanent");
        }
        merchant.keeps(json!(1)).await;
        app.settle().await;
        days_pass_for(app, 2, &[app.service(), &other.service]).await;
        assert_eq!((erased(app).await, named(&merchant).await.len()), (30, 0));
        other.stop().await;
    })
    .await;
}
