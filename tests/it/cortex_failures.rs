//! Cortex Cloud fails, forgets logins and answers late; workers come and go. Nothing is lost, nothing shared or paid twice.

use chrono::TimeDelta;
use cloud_bridge::sandbox::{Fault, FollowsBack, HoldPoint, Operation, Stage};
use domain::delivery::{Delivery, DeliveryStatus};
use domain::integration::Provider;
use serde_json::json;

use crate::app::{TestApp, sign, text};
use crate::delivering::{preset, script};
use crate::engines::{Engine, on_each_engine};
use crate::orders;

fn completed() -> (String, Option<String>) {
    ("COMPLETED".to_owned(), None)
}

on_each_engine! {
    async fn failures_of_every_kind_are_survived(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let faults = [
            (Operation::Login, Fault::Error500),
            (Operation::FindUser, Fault::RateLimit),
            (Operation::Relation, Fault::DropConnection),
            (Operation::Follow, Fault::AfterEffect500),
            (Operation::IsShared, Fault::Error500),
            (Operation::Share, Fault::AfterEffect500),
        ];
        for (operation, fault) in faults {
            script(app, operation, fault, 1);
        }
        let id = shop.post(&orders::generic("1", "follows_at_once", &["STORM"])).await.accepted("queued");
        for _ in 0..8 {
            app.settle().await;
            app.advance(TimeDelta::hours(8));
        }
        assert_eq!(shop.settled(&id).await, completed());
        let shares = app.cortex.share_count(preset("storm"), "follows_at_once");
        assert_eq!((shares.effective, shares.repeated), (1, 0), "what was done before the answer got lost is not done again");
        assert_eq!(app.cortex.follow_count("follows_at_once").effective, 1);
        assert_eq!(merchant.balance().await, json!({ "available": 987, "reserved": 0, "charged": 13 }));
    }

    async fn what_takes_effect_after_it_was_asked_for_again_is_known_by_its_key(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        script(app, Operation::Follow, Fault::LateMs(2_000), 1);
        script(app, Operation::Share, Fault::LateMs(2_000), 1);
        let id = shop.post(&orders::generic("1", "follows_at_once", &["STORM"])).await.accepted("queued");
        for _ in 0..4 {
            app.settle().await;
            app.advance(TimeDelta::seconds(10));
        }
        assert_eq!(shop.settled(&id).await, completed());
        let counts = || (app.cortex.follow_count("follows_at_once"), app.cortex.share_count(preset("storm"), "follows_at_once"));
        assert_eq!((counts().0.calls, counts().1.calls), (2, 2), "each was asked for again");
        // The first of both take effect now.
        app.cortex.wait_for(Operation::Follow, Stage::Late, 1).await.unwrap();
        app.cortex.wait_for(Operation::Share, Stage::Late, 1).await.unwrap();
        let (follows, shares) = counts();
        assert_eq!(follows.effective, 1);
        assert_eq!((shares.effective, shares.repeated), (1, 0));
    }

    /// As a proxy's error page would be, for half a minute and for every order.
    async fn what_is_not_of_the_protocol_passes_and_nothing_is_given_up_for_it(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        for operation in [Operation::Login, Operation::FindUser, Operation::Relation, Operation::IsShared, Operation::Share] {
            script(app, operation, Fault::Nonsense, 6);
        }
        let mut ids = vec![];
        for number in 0..12 {
            ids.push(shop.post(&orders::generic(&number.to_string(), "mutual_max", &["STORM"])).await.accepted("queued"));
        }
        for minutes in [1, 1, 1, 5, 20, 120, 720] {
            app.settle().await;
            app.advance(TimeDelta::minutes(minutes));
        }
        app.settle().await;
        for id in &ids {
            assert_eq!(shop.seen(id).await, completed());
        }
        assert_eq!(app.cortex.share_count(preset("storm"), "mutual_max").effective, 1);
    }

    async fn a_failure_that_lasts_is_given_up_and_a_person_can_take_it_up_again(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        script(app, Operation::Share, Fault::Error500, 8);
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        for _ in 0..8 {
            app.settle().await;
            app.advance(TimeDelta::hours(8));
        }
        let given_up = ("FAILED_PERMANENT".to_owned(), Some("TEMPORARY_FAILURE".to_owned()));
        assert_eq!(shop.settled(&id).await, given_up);
        assert_eq!(shop.merchant.balance().await, json!({ "available": 1000, "reserved": 0, "charged": 0 }));
        shop.retry(&id, None).await;
        assert_eq!(shop.settled(&id).await, completed());
    }

    async fn a_login_that_ran_out_is_renewed(app: &TestApp) {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let first = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&first).await, completed());
        app.cortex.expire_tokens();
        let second = shop.post(&orders::generic("2", "mutual_max", &["RAIN"])).await.accepted("queued");
        assert_eq!(shop.settled(&second).await, completed());
        assert_eq!(app.cortex.call_count(Operation::Login).answered, 2);
    }

    async fn a_delivery_that_is_cancelled_while_it_runs_stops_after_its_step(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        app.cortex.hold(Operation::Share, HoldPoint::BeforeEffect);
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM", "RAIN"])).await.accepted("queued");
        app.cortex.wait_for(Operation::Share, Stage::Held, 1).await.unwrap();
        let running = shop.retry(&id, None).await;
        assert_eq!(running["userErrors"][0]["code"], json!("RUNNING"));
        let cancel = r#"mutation ($input: CancelDeliveryInput!) {
            cancelDelivery(input: $input) { delivery { status } userErrors { code } }
        }"#;
        let asked = merchant.ask(cancel, json!({ "input": { "deliveryId": id } })).await;
        assert_eq!(text(&asked["cancelDelivery"]["delivery"]["status"]), "RUNNING");
        app.cortex.release(Operation::Share);
        assert_eq!(shop.settled(&id).await, ("CANCELLED".to_owned(), None));
        assert_eq!(app.cortex.share_count(preset("rain"), "mutual_max").calls, 0);
        assert_eq!(merchant.balance().await, json!({ "available": 990, "reserved": 0, "charged": 10 }));
    }
}

async fn a_node_that_stops_hands_back_what_it_holds(engine: Engine) {
    let app = TestApp::start(engine).await;
    let shop = app.merchant().await.shop(Provider::Generic).await;
    app.cortex.hold(Operation::Share, HoldPoint::AfterEffect);
    let id = shop.post(&orders::generic("1", "mutual_max", &["STORM", "RAIN"])).await.accepted("queued");
    app.cortex.wait_for(Operation::Share, Stage::Held, 1).await.unwrap();
    app.service().begin_stopping();
    app.cortex.release(Operation::Share);
    let app = app.restart().await;
    app.settle().await;
    let delivery = app.service().data.log.load::<Delivery>(&id).await.unwrap().aggregate;
    assert_eq!(delivery.status(), Some(DeliveryStatus::Completed));
    for asset in ["storm", "rain"] {
        let shares = app.cortex.share_count(preset(asset), "mutual_max");
        assert_eq!((shares.effective, shares.repeated), (1, 0));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_on_sqlite_that_stops_hands_back_what_it_holds() {
    a_node_that_stops_hands_back_what_it_holds(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_on_postgres_that_stops_hands_back_what_it_holds() {
    a_node_that_stops_hands_back_what_it_holds(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_share_the_work_and_no_delivery_is_done_twice() {
    crate::app::run(Engine::Postgres, async |app| {
        let second = app.second_node(4).await;
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        for n in 0..20 {
            app.cortex.add_user(&format!("customer_{n}"), FollowsBack::AtOnce).unwrap();
            let url = if n % 2 == 0 { &app.node.url } else { &second.url };
            let body = orders::generic(&n.to_string(), &format!("customer_{n}"), &["STORM", "RAIN"]);
            let body = body.to_string().into_bytes();
            let (name, signature) = sign(Provider::Generic, &shop.secret, &body).expect("it signs");
            shop.post_to(url, body, &[(name, &signature)]).await.accepted("queued");
        }
        app.settle().await;
        assert!(merchant.deliveries().await.iter().all(|delivery| delivery["status"] == "COMPLETED"));
        for n in 0..20 {
            let shares = app.cortex.share_count(preset("storm"), &format!("customer_{n}"));
            assert_eq!((shares.effective, shares.repeated), (1, 0), "one customer, one asset, one share");
        }
        assert_eq!(merchant.balance().await, json!({ "available": 540, "reserved": 0, "charged": 460 }));
        second.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_whose_worker_died_is_taken_over_when_its_lease_ran_out() {
    crate::app::run(Engine::Postgres, async |app| {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        app.cortex.hold(Operation::Share, HoldPoint::AfterEffect);
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        app.cortex.wait_for(Operation::Share, Stage::Held, 1).await.unwrap();
        // The first node hangs in its call; the second takes over once the lease has run out.
        let second = app.second_node(4).await;
        app.advance(TimeDelta::seconds(61));
        let mut changes = second.service.data.log.head_changes();
        loop {
            let delivery = second.service.data.log.load::<Delivery>(&id).await.unwrap().aggregate;
            if delivery.status() == Some(DeliveryStatus::Completed) {
                break;
            }
            changes.changed().await.unwrap();
        }
        app.cortex.release(Operation::Share);
        app.settle().await;
        let shares = app.cortex.share_count(preset("storm"), "mutual_max");
        assert_eq!((shares.calls, shares.effective), (1, 1), "the second node asked before it shared");
        assert_eq!(merchant.balance().await, json!({ "available": 990, "reserved": 0, "charged": 10 }));
        second.stop().await;
    })
    .await;
}
