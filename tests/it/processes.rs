//! Process managers: each on its own, past what it cannot handle, and on one node at a time.

use std::time::Duration;

use chrono::TimeDelta;
use cloud_bridge::processes::NAMES;
use cloud_bridge::sandbox::{self, SandboxOptions};
use domain::integration::Provider;
use event_log::clock::Clock;
use event_log::parked::{Chosen, MAX_PARKED};
use event_log::recorded::Cursor;
use event_log::{EventLog, Position};
use serde_json::{Value, json};
use storage::{Database, Durability, Sql};
use tokio::net::TcpListener;

use crate::app::{KnownShop, Node, Shop, TestApp, options, text};
use crate::delivering::wait_until;
use crate::engines::{Databases, Engine, given_each_engine, on_each_engine};
use crate::erasure::order_of_vera;
use crate::orders;
use crate::process::Server;

const PARKED: &str = "{ parkedEvents(first: 10) { nodes {
    process position aggregateType type accountId reason tries parkedAt lastTriedAt retryAt } } }";
const PROCESSES: &str = "{ processes { name position head lag heldBy parked } }";
const RETRY: &str = "mutation ($input: RetryParkedEventsInput!) { done: retryParkedEvents(input: $input) {
    matched handled waiting userErrors { code } } }";

/// Those that run where nothing else is said: these stories sign checkpoints themselves.
const RUNNING: [&str; 3] = ["fixes", "legal_requests", "retention"];

pub(crate) async fn parked(app: &TestApp) -> Vec<Value> {
    app.admin(PARKED, json!({})).await["parkedEvents"]["nodes"].as_array().unwrap().clone()
}

async fn retried(app: &TestApp, input: Value) -> Value {
    app.admin(RETRY, json!({ "input": input })).await["done"].clone()
}

async fn ready(app: &TestApp) -> (u16, Value) {
    let response = app.get("/ready").await;
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn saved(log: &EventLog, process: &str) -> Position {
    log.follower(process).await.unwrap().map_or(Position::START, |follower| follower.cursor.position)
}

fn required(code: &str) -> (String, Option<String>) {
    ("ACTION_REQUIRED".to_owned(), Some(code.to_owned()))
}

fn completed() -> (String, Option<String>) {
    ("COMPLETED".to_owned(), None)
}

async fn wait_for(shop: &Shop<'_>, delivery: &str, status: (String, Option<String>)) {
    wait_until(shop.merchant.app, async || (shop.seen(delivery).await == status).then_some(())).await;
}

/// What the first event of a stream says, as it is stored.
async fn first_payload(log: &Database, id: &str) -> String {
    let sql = Sql::new("SELECT CAST(payload AS text) FROM events WHERE sequence = 1 AND aggregate_id = ").bind(id);
    log.fetch_one::<(String,)>(sql).await.unwrap().0
}

async fn set_first_payload(log: &Database, id: &str, payload: &str) {
    let json = if matches!(log, Database::Postgres(_)) { "json" } else { "text" };
    let sql = Sql::new("UPDATE events SET payload = CAST(").bind(payload).push(&format!(" AS {json})"));
    let sql = sql.push(" WHERE sequence = 1 AND aggregate_id = ").bind(id);
    assert_eq!(log.execute(sql).await.unwrap(), 1);
}

/// A shop with an order that waits for a mapping, and whose stream cannot be read any more; and what it said before.
async fn with_an_unreadable_delivery(engine: Engine) -> (TestApp, KnownShop, String, String) {
    let app = TestApp::start(engine).await;
    let shop = app.merchant().await.bare_shop(Provider::Generic, &[]).await;
    let id = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
    assert_eq!(shop.settled(&id).await, required("NO_ITEM_MAPPING"));
    let known = shop.known();
    let (app, payload) = unreadable(app, &id).await;
    (app, known, id, payload)
}

/// Makes a stream unreadable, and returns what its first event said before.
async fn unreadable(app: TestApp, id: &str) -> (TestApp, String) {
    let log_url = app.databases.log_url.clone();
    // A service that runs has the stream in memory.
    let stopped = app.stop_node().await;
    let log = Database::open(&log_url, Durability::Full).await.unwrap();
    let payload = first_payload(&log, id).await;
    set_first_payload(&log, id, "{}").await;
    log.close().await;
    (stopped.start().await, payload)
}

async fn what_cannot_be_handled_is_parked_until_it_can_be(engine: Engine) {
    let (app, known, id, payload) = with_an_unreadable_delivery(engine).await;
    let shop = app.again(&known);
    let rain = shop.post(&orders::generic("2", "mutual_max", &["RAIN"])).await.accepted("queued");
    assert_eq!(shop.settled(&rain).await, required("NO_ITEM_MAPPING"));
    shop.map("STORM", "storm").await;
    let fixed_at = app.service().data.log.head();
    let listed = wait_until(&app, async || Some(parked(&app).await).filter(|parked| !parked.is_empty())).await;
    assert_eq!(listed.len(), 1);
    let reason = format!("delivery/{id} cannot be read");
    let expected = [json!("fixes"), json!(fixed_at.to_string()), json!("item_mapping_added"), json!(reason), json!(5)];
    assert_eq!(["process", "position", "type", "reason", "tries"].map(|field| listed[0][field].clone()), expected);
    assert_eq!(
        (&listed[0]["aggregateType"], &listed[0]["accountId"]),
        (&json!("integration"), &json!(shop.merchant.id))
    );

    // It goes on, and everything says what is parked.
    shop.map("RAIN", "rain").await;
    assert_eq!(shop.settled(&rain).await, completed());
    let (status, said) = ready(&app).await;
    assert_eq!((status, &said["standingStill"], &said["parkedEvents"]), (200, &json!([]), &json!({ "fixes": 1 })));
    let metrics = app.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("cloud_bridge_parked_events{process=\"fixes\"} 1"), "{metrics}");
    assert!(metrics.contains("cloud_bridge_process_lag{process=\"fixes\"} 0"), "{metrics}");
    let all = app.admin(PROCESSES, json!({})).await;
    let fixes = all["processes"].as_array().unwrap().iter().find(|process| process["name"] == "fixes").unwrap();
    assert_eq!((&fixes["parked"], &fixes["heldBy"]), (&json!(1), &json!(app.service().processes.node())));

    // By itself, and on request: its cause is still there.
    app.advance(TimeDelta::seconds(61));
    wait_until(&app, async || (parked(&app).await[0]["tries"] == json!(6)).then_some(())).await;
    let position = json!(fixed_at.to_string());
    let input = json!({ "process": "fixes", "position": position });
    let still = retried(&app, input.clone()).await;
    assert_eq!(still, json!({ "matched": 1, "handled": 0, "waiting": 0, "userErrors": [] }));
    assert_eq!(parked(&app).await[0]["tries"], json!(7));
    for (input, field) in [
        (json!({ "process": "fixes", "position": "1" }), "no event is parked there"),
        (json!({ "process": "legal_requests", "position": position }), "it is parked by another"),
        (json!({ "process": "nothing" }), "there is no such process manager"),
        (json!({ "process": "fixes", "position": "soon" }), "that is no position"),
    ] {
        assert_eq!(retried(&app, input).await["userErrors"][0]["code"], "NOT_FOUND", "{field}");
    }

    set_first_payload(app.service().data.log.raw_database(), &id, &payload).await;
    assert_eq!(shop.seen(&id).await, required("NO_ITEM_MAPPING"), "nothing else wakes it");
    let done = retried(&app, input).await;
    assert_eq!(done, json!({ "matched": 1, "handled": 1, "waiting": 0, "userErrors": [] }));
    assert_eq!(shop.settled(&id).await, completed());
    assert_eq!((parked(&app).await, ready(&app).await.1["parkedEvents"].clone()), (vec![], json!({})));
    assert_eq!(retried(&app, json!({})).await["matched"], json!(0));
    let actions = app.admin("{ operatorActions(first: 10) { nodes { type summary } } }", json!({})).await;
    let of_retries = actions["operatorActions"]["nodes"].as_array().unwrap().clone();
    let of_retries: Vec<_> = of_retries.iter().filter(|action| action["type"] == "parked_events_retried").collect();
    let said = format!("1 parked event of the process manager fixes at position {fixed_at} was to be tried again.");
    assert_eq!((of_retries.len(), text(&of_retries[0]["summary"])), (2, said));
    app.finish().await;
}

/// Credits that an attempt gave back wake others together, after the batch.
async fn what_follows_from_a_batch_together_is_parked_too(engine: Engine) {
    let app = TestApp::start(engine).await;
    let merchant = app.bare_merchant(6_000, 15).await;
    merchant.save_credentials(sandbox::DEFAULT_PASSWORD).await;
    let shop = merchant.shop(Provider::Generic).await;
    let id = shop.post(&orders::generic("1", "follows_at_once", &["STORM", "RAIN"])).await.accepted("queued");
    assert_eq!(shop.settled(&id).await, required("CREDITS_EXHAUSTED"));
    let (known, account) = (shop.known(), merchant.id.clone());
    let (app, payload) = unreadable(app, &id).await;
    let shop = app.again(&known);
    let kinds = async |count: usize| {
        let all = wait_until(&app, async || Some(parked(&app).await).filter(|parked| parked.len() >= count)).await;
        all.iter().map(|event| text(&event["type"])).collect::<Vec<_>>()
    };
    let grant = "mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) { userErrors { code } } }";
    let input = json!({ "accountId": account, "credits": 13, "idempotencyKey": "more" });
    app.admin(grant, json!({ "input": input })).await;
    assert_eq!(kinds(1).await, ["credits_granted"]);
    let unknown = shop.post(&orders::generic("2", "nobody_at_all", &["STORM"])).await.accepted("queued");
    assert_eq!(kinds(2).await, ["credits_granted", "reservation_settled"]);
    assert_eq!(shop.settled(&unknown).await, required("INVALID_USERNAME"));
    set_first_payload(app.service().data.log.raw_database(), &id, &payload).await;
    let done = retried(&app, json!({ "process": "fixes" })).await;
    assert_eq!(done, json!({ "matched": 2, "handled": 2, "waiting": 0, "userErrors": [] }));
    assert_eq!(shop.settled(&id).await, completed());
    app.finish().await;
}

/// Nothing is dropped: where as many are parked as may be, the next one is waited for.
async fn a_process_manager_that_has_parked_enough_stands_still(engine: Engine) {
    let (app, known, id, payload) = with_an_unreadable_delivery(engine).await;
    let shop = app.again(&known);
    let log = &app.service().data.log;
    let fill = "INSERT INTO parked_events (process, position, aggregate_type, aggregate_id, event_type, reason, tries, \
         parked_at, last_tried_at, retry_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ";
    let each =
        ") SELECT 'fixes', 1000000 + i, 'delivery', 'x', 'action_required', 'x', 5, 0, 0, 9000000000000000 FROM n";
    log.raw_database().execute(Sql::new(fill).bind(MAX_PARKED).push(each)).await.unwrap();
    shop.map("STORM", "storm").await;
    let fixed_at = log.head();
    let stuck = wait_until(&app, async || Some(ready(&app).await).filter(|(status, _)| *status == 503)).await;
    assert_eq!((&stuck.1["standingStill"], &stuck.1["parkedEvents"]["fixes"]), (&json!(["fixes"]), &json!(MAX_PARKED)));
    wait_until(&app, async || (saved(log, "legal_requests").await >= fixed_at).then_some(())).await;
    assert!(saved(log, "fixes").await < fixed_at, "it has not gone on without it");
    set_first_payload(log.raw_database(), &id, &payload).await;
    assert_eq!(shop.settled(&id).await, completed());
    assert_eq!(ready(&app).await.0, 200);
    assert_eq!(log.parked_counts().await.unwrap(), [("fixes".to_owned(), MAX_PARKED)]);
    app.finish().await;
}

given_each_engine! {
    what_cannot_be_handled_is_parked_until_it_can_be
    what_follows_from_a_batch_together_is_parked_too
    a_process_manager_that_has_parked_enough_stands_still
}

/// Another node has it until then, or had it when it died.
async fn taken_by_another(app: &TestApp, process: &str, until: TimeDelta) {
    // A node that has just started has yet to take it.
    wait_until(app, async || app.service().data.log.follower(process).await.unwrap().map(drop)).await;
    let until = (app.clock.now() + until).timestamp_micros();
    let sql = Sql::new("UPDATE followers SET held_by = 'another node', held_until = ").bind(until);
    let sql = sql.push(" WHERE name = ").bind(process);
    assert_eq!(app.service().data.log.raw_database().execute(sql).await.unwrap(), 1);
}

async fn runs(app: &TestApp, node: &Node, process: &str, whether: bool) {
    wait_until(app, async || (node.service.processes.runs(process) == whether).then_some(())).await;
}

on_each_engine! {
    async fn a_view_that_stands_still_delays_one_concern_and_no_other(app: &TestApp) {
        let merchant = app.merchant().await;
        let shopify = merchant.shop(Provider::Shopify).await;
        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        let of_vera = shopify.post(&order_of_vera(1)).await.accepted("queued");
        let waiting = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&waiting).await, required("NO_ITEM_MAPPING"));
        let version = async |version: i64| {
            let sql = Sql::new("UPDATE live_views SET schema_version = ").bind(version).push(" WHERE view = 'notices'");
            app.service().data.views.execute(sql).await.unwrap();
        };
        let live = projections::notices::VIEW.live(&app.service().data.views).await.unwrap().unwrap();
        // As a node of a later version leaves it: this one does not move it along.
        version(99).await;
        let redact = json!({ "shop_domain": "a.b", "customer": { "id": 7_700_123 }, "orders_to_redact": [1] });
        let asked = shopify.post_bytes(redact.to_string().into_bytes(), &[("x-shopify-topic", "customers/redact")]).await;
        assert_eq!(asked.body["status"], json!("customer_redact"), "{asked:?}");
        let asked_at = app.service().data.log.head();
        shop.map("STORM", "storm").await;
        wait_for(&shop, &waiting, completed()).await;
        wait_until(app, async || (saved(&app.service().data.log, "fixes").await >= asked_at).then_some(())).await;
        assert!(app.data_key_of_delivery(&of_vera).await.is_some() && parked(app).await.is_empty());
        assert!(app.service().processes.handled() < asked_at, "what a store asked is still to be done");
        version(live.schema_version).await;
        app.settle().await;
        assert_eq!(app.data_key_of_delivery(&of_vera).await, None);
    }

    async fn a_node_that_lost_a_lease_stops_and_takes_over_again_when_it_ends(app: &TestApp) {
        let shop = app.merchant().await.bare_shop(Provider::Generic, &[]).await;
        let id = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await, required("NO_ITEM_MAPPING"));
        let (log, processes) = (&app.service().data.log, &app.service().processes);
        taken_by_another(app, "fixes", TimeDelta::seconds(30)).await;
        // When it renews its leases.
        app.advance(TimeDelta::seconds(5));
        runs(app, &app.node, "fixes", false).await;
        let before = log.follower("fixes").await.unwrap();
        for moved in [
            log.save_follower("fixes", processes.node(), &Cursor::START).await.unwrap(),
            log.hand_back_follower("fixes", processes.node(), &Cursor::START).await.unwrap(),
        ] {
            assert!(!moved, "the checkpoint is the other's");
        }
        assert_eq!(log.take_follower("fixes", "a third").await.unwrap(), None);
        assert!(!log.renew_followers(processes.node()).await.unwrap().contains(&"fixes".to_owned()));
        shop.map("STORM", "storm").await;
        let fixed_at = log.head();
        wait_until(app, async || (saved(log, "legal_requests").await >= fixed_at).then_some(())).await;
        assert_eq!((log.follower("fixes").await.unwrap(), shop.seen(&id).await), (before, required("NO_ITEM_MAPPING")));
        assert!(processes.handled() < fixed_at, "as far as this node knows it is not done");
        let shown = app.admin(PROCESSES, json!({})).await;
        let fixes = shown["processes"].as_array().unwrap().iter().find(|process| process["name"] == "fixes").unwrap();
        assert_eq!(fixes["heldBy"], json!("another node"));
        assert_ne!(fixes["lag"], json!(0));

        app.advance(TimeDelta::seconds(30));
        runs(app, &app.node, "fixes", true).await;
        assert_eq!(shop.settled(&id).await, completed());
    }

    async fn a_lease_of_a_clock_that_was_far_ahead_does_not_count(app: &TestApp) {
        taken_by_another(app, "fixes", TimeDelta::days(400)).await;
        // When it renews its leases, it finds this one taken, and takes it again.
        app.advance(TimeDelta::seconds(5));
        let (log, node) = (&app.service().data.log, app.service().processes.node());
        wait_until(app, async || {
            let follower = log.follower("fixes").await.unwrap()?;
            (follower.held_by(app.clock.now()) == Some(node)).then_some(())
        }).await;
    }

    async fn what_is_parked_can_be_paged_through(app: &TestApp) {
        let log = &app.service().data.log;
        let event = log.followed_at(Position::FIRST).await.unwrap().unwrap();
        for process in ["fixes", "retention", "legal_requests"] {
            assert!(log.park(process, &event, &"x".repeat(5_000), 5, TimeDelta::hours(1)).await.unwrap());
        }
        let page = "query ($after: String, $process: String) { parkedEvents(first: 2, after: $after, process: $process) {
            nodes { process reason } pageInfo { hasNextPage endCursor } } }";
        let first = app.admin(page, json!({})).await["parkedEvents"].clone();
        let names = |page: &Value| page["nodes"].as_array().unwrap().iter().map(|node| text(&node["process"])).collect::<Vec<_>>();
        assert_eq!((names(&first), &first["pageInfo"]["hasNextPage"]), (vec!["fixes".to_owned(), "legal_requests".to_owned()], &json!(true)));
        assert!(text(&first["nodes"][0]["reason"]).len() <= 300, "a reason is bounded");
        let second = app.admin(page, json!({ "after": first["pageInfo"]["endCursor"] })).await["parkedEvents"].clone();
        assert_eq!((names(&second), &second["pageInfo"]["hasNextPage"]), (vec!["retention".to_owned()], &json!(false)));
        let of_one = app.admin(page, json!({ "process": "retention" })).await["parkedEvents"].clone();
        assert_eq!(names(&of_one), ["retention"]);
        let unknown = app.try_ask(&app.admin.api_key, page, json!({ "process": "nothing" })).await;
        assert_eq!(unknown["errors"][0]["extensions"]["code"], "INVALID_ARGUMENT");
        // None of them has anything to do about the first event: it is handled by being read.
        assert_eq!(retried(app, json!({})).await, json!({ "matched": 3, "handled": 3, "waiting": 0, "userErrors": [] }));
        assert_eq!(log.parked_and_waiting(Chosen::default()).await.unwrap(), (0, 0));
    }
}

/// How long a story may wait for what is to happen at once. Shorter than a lease, which would end by itself.
const AT_ONCE: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_one_runs_each_and_the_other_takes_over_when_it_stops() {
    let mut app = TestApp::start(Engine::Postgres).await;
    let shop = app.merchant().await.bare_shop(Provider::Generic, &[]).await;
    let id = shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
    assert_eq!(shop.settled(&id).await, required("NO_ITEM_MAPPING"));
    let known = shop.known();
    let second = app.second_node(4).await;
    // Once it knows how far the first is, it has checked whether it may run them.
    let head = app.service().data.log.head();
    wait_until(&app, async || (second.service.processes.handled() >= head).then_some(())).await;
    for process in RUNNING {
        assert!(app.service().processes.runs(process) && !second.service.processes.runs(process), "{process}");
    }
    // Longer than a lease: it is renewed.
    for _ in 0..3 {
        app.advance(TimeDelta::seconds(5));
        let (log, now) = (&app.service().data.log, app.clock.now());
        wait_until(&app, async || {
            let follower = log.follower("fixes").await.unwrap()?;
            follower.held_by(now + TimeDelta::seconds(9)).map(|node| assert_eq!(node, app.service().processes.node()))
        })
        .await;
    }
    let first = std::mem::replace(&mut app.node, second);
    first.stop().await;
    let taken_over = async {
        for process in RUNNING {
            runs(&app, &app.node, process, true).await;
        }
    };
    tokio::time::timeout(AT_ONCE, taken_over).await.expect("the leases were handed back");
    let shop = app.again(&known);
    shop.map("STORM", "storm").await;
    assert_eq!(shop.settled(&id).await, completed());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_ran_that_was_killed_is_taken_over_when_its_lease_ends() {
    let databases = Databases::create(Engine::Postgres).await;
    let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), SandboxOptions::default()).unwrap();
    let server = Server::start(&databases, cortex.base_url()).await;
    let log = Database::open(&databases.log_url, Durability::Full).await.unwrap();
    let held = || async {
        let sql = "SELECT count(*) FROM followers WHERE held_by IS NOT NULL";
        log.fetch_one::<(i64,)>(sql.into()).await.unwrap().0
    };
    // Those that write mail do not run without a mail server; the dispatcher has a lease too.
    let held_by_one = NAMES.iter().filter(|name| !name.ends_with("_mails")).count() + 1;
    while held().await < i64::try_from(held_by_one).unwrap() {
        tokio::task::yield_now().await;
    }
    server.kill().await;
    let clock = Clock::default();
    let node = Node::start(options(&databases, &cortex, 0), clock.clone()).await;
    let mut heads = node.service.data.log.head_changes();
    let all_run = |node: &Node| RUNNING.iter().all(|process| node.service.processes.runs(process));
    // What was killed handed nothing back.
    for process in RUNNING {
        assert_eq!(node.service.data.log.take_follower(process, "a third").await.unwrap(), None, "{process}");
        assert!(!node.service.processes.runs(process), "{process}");
    }
    clock.advance(TimeDelta::seconds(11));
    let taken_over = async {
        while !all_run(&node) {
            tokio::time::timeout(Duration::from_millis(20), heads.changed()).await.ok();
        }
    };
    tokio::time::timeout(AT_ONCE, taken_over).await.expect("it takes them over when the leases end");
    node.stop().await;
    log.close().await;
    cortex.stop().await;
    databases.remove().await;
}
