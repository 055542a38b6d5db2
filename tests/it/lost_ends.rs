//! A log that lost its end: an older copy was put back, a file is torn, or a replica took over that had not everything. What
//! followed it further than it goes now is made again before anybody reads it.

use cloud_bridge::processes;
use std::time::Duration;

use chrono::TimeDelta;
use domain::account::{Account, AccountCommand};
use domain::integration::Provider;
use event_log::vault::Vault;
use event_log::{Actor, Dependencies, EventLog, Position};
use serde_json::{Value, json};
use storage::{Database, Durability, Sql};

use crate::app::{MASTER_KEY, Shop, TestApp};
use crate::delivering::wait_until;
use crate::engines::{Engine, given_each_engine};
use crate::orders;

/// Takes everything after a position out of the log; how far its followers were stays, as where a file is torn.
async fn lose_end(log_url: &str, position: Position) {
    let log = Database::open(log_url, Durability::Full).await.unwrap();
    log.execute(Sql::new("DELETE FROM events WHERE position > ").bind(position)).await.unwrap();
    let unused = "DELETE FROM data_keys WHERE id NOT IN (SELECT data_key_id FROM events WHERE data_key_id IS NOT NULL)";
    log.execute(unused.into()).await.unwrap();
    log.close().await;
}

/// Fills the places of the events that were lost with others.
async fn append_others(app_log_url: &str, clock: event_log::clock::Clock, beyond: Position) {
    let dependencies = Dependencies::new(Vault::new(&MASTER_KEY), clock);
    let log = EventLog::open(app_log_url, dependencies).await.unwrap();
    while log.head() <= beyond {
        let open = AccountCommand::Open { name: "Other".to_owned(), attempts_per_minute: 5, first_key: None };
        let id = domain::AccountId(event_log::ids::fresh()).to_string();
        log.execute::<Account>(&id, open, &Actor::System).await.unwrap();
    }
    log.close().await;
}

async fn deliver(shop: &Shop<'_>, first: usize, last: usize) {
    for n in first..=last {
        shop.post(&orders::generic(&n.to_string(), "mutual_max", &["STORM"])).await.accepted("queued");
    }
    shop.merchant.app.settle().await;
}

/// Until nothing is of another log.
async fn rebuilt(app: &TestApp) {
    let waiting = wait_until(app, async || {
        let ready: Value = app.get("/ready").await.json().await.unwrap();
        let is_at_head = app.service().data.log.newest().await.unwrap() == app.service().data.log.head();
        (ready["rebuiltForThisLog"] == json!([]) && is_at_head).then_some(())
    });
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("the views are rebuilt in time");
}

async fn completed(shop: &Shop<'_>) -> Vec<String> {
    let deliveries = shop.merchant.deliveries().await;
    assert!(deliveries.iter().all(|delivery| delivery["status"] == json!("COMPLETED")), "{deliveries:#?}");
    let mut orders: Vec<_> = deliveries.iter().map(|delivery| crate::app::text(&delivery["orderId"])).collect();
    orders.sort();
    orders
}

async fn a_log_without_its_end(engine: Engine, filled_with_others: bool) {
    let app = TestApp::start(engine).await;
    let shop = app.merchant().await.shop(Provider::Generic).await;
    let known = shop.known();
    deliver(&shop, 1, 3).await;
    let kept = app.service().data.log.head();
    deliver(&shop, 4, 9).await;
    let lost = app.service().data.log.head();
    // How far the process managers are is saved once a second at most.
    let saved = wait_until(&app, async || {
        let mut followers = app.service().data.log.followers().await.unwrap();
        followers.retain(|follower| processes::NAMES.contains(&&*follower.name));
        (followers.len() >= 3 && followers.iter().all(|follower| follower.cursor.position > kept)).then_some(())
    });
    tokio::time::timeout(Duration::from_secs(10), saved).await.unwrap();
    let of_lost_end = app.service().data.log.followed_at(lost).await.unwrap().unwrap();
    app.service().data.log.park("fixes", &of_lost_end, "it cannot be read", 5, TimeDelta::hours(1)).await.unwrap();
    let (databases, clock) = (app.databases.log_url.clone(), app.clock.clone());
    let stopped = app.stop_node().await;
    lose_end(&databases, kept).await;
    if filled_with_others {
        append_others(&databases, clock, lost).await;
    }
    let app = stopped.start().await;
    rebuilt(&app).await;
    let shop = app.again(&known);
    app.settle().await;
    assert_eq!(completed(&shop).await, ["1", "2", "3"]);
    // What was parked was of another log.
    let unparked =
        wait_until(&app, async || app.service().data.log.parked_counts().await.unwrap().is_empty().then_some(()));
    tokio::time::timeout(Duration::from_secs(10), unparked).await.unwrap();
    deliver(&shop, 10, 15).await;
    assert_eq!(completed(&shop).await.len(), 9, "what comes after it is seen and delivered");
    assert_eq!(shop.merchant.balance().await["reserved"], json!(0), "nothing stays set aside");
    app.finish().await;
}

async fn views_that_are_ahead_of_their_log_are_made_again(engine: Engine) {
    a_log_without_its_end(engine, false).await;
}

async fn views_of_events_that_others_have_the_places_of_are_made_again(engine: Engine) {
    a_log_without_its_end(engine, true).await;
}

given_each_engine! {
    views_that_are_ahead_of_their_log_are_made_again
    views_of_events_that_others_have_the_places_of_are_made_again
}

/// As after a failover to a replica that had not everything. A file of SQLite belongs to one process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_loses_its_end_under_way_is_noticed() {
    let app = TestApp::start(Engine::Postgres).await;
    let shop = app.merchant().await.shop(Provider::Generic).await;
    deliver(&shop, 1, 3).await;
    let kept = app.service().data.log.head();
    deliver(&shop, 4, 9).await;
    lose_end(&app.databases.log_url, kept).await;
    for n in 10..=15 {
        shop.post(&orders::generic(&n.to_string(), "mutual_max", &["STORM"])).await.accepted("queued");
    }
    let waiting = wait_until(&app, async || {
        rebuilt(&app).await;
        let answer =
            app.try_ask(&shop.merchant.key, "{ deliveries(first: 50) { nodes { orderId } } }", json!({})).await;
        answer["data"]["deliveries"]["nodes"].as_array().filter(|nodes| nodes.len() == 9).map(drop)
    });
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("what was lost is not shown any more");
    app.settle().await;
    assert_eq!(completed(&shop).await, ["1", "10", "11", "12", "13", "14", "15", "2", "3"]);
    app.finish().await;
}
