//! Commands on streams: of many callers on one, of one caller on two, and of two nodes.

use chrono::TimeDelta;
use domain::account::{Account, AccountCommand, AccountRefusal};
use domain::delivery::{DecidedOn, Delivery, DeliveryCommand, Held, StartFacts};
use domain::ledger::{Ledger, LedgerCommand};
use domain::{Asset, Credits, DeliveryId, ItemMapping, MappingId, MatchType, ResourceType};
use event_log::{Actor, EventLog, Position, Sequence};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{TestLog, account, delivery, dependencies, granted, open, opened, record, test_log};
use crate::engines::Engine;

/// Orders that are delivered at the same time.
const ORDERS: usize = 40;

fn storm() -> Asset {
    Asset::new(ResourceType::Preset, "storm")
}

/// Executes a worker's command as a worker does: with what it means for the ledger.
async fn work(log: &EventLog, order: &str, command: DeliveryCommand) -> Option<Ledger> {
    let id = delivery(order);
    let delivery_id: DeliveryId = id.parse().unwrap();
    let settle = |before: &Delivery, after: &Delivery| {
        let (account_id, command) = after.settlement(delivery_id, before)?;
        Some((account_id.to_string(), command))
    };
    let executed = log.execute_with::<Delivery, Ledger>(&id, command, &Actor::System, settle).await;
    executed.expect("executed").1.map(|ledger| ledger.aggregate)
}

async fn deliver(log: &EventLog, order: &str) {
    let now = log.clock().now();
    let mapping = ItemMapping {
        id: MappingId(Uuid::nil()),
        match_type: MatchType::Sku,
        external_ref: "STORM".to_owned(),
        asset: storm(),
    };
    let facts = StartFacts {
        mappings: vec![mapping],
        credentials_saved: true,
        api_key_active: true,
        integration_active: true,
        decided_on: DecidedOn::default(),
    };
    let (worker, lease_until) = ("w1".to_owned(), now + TimeDelta::minutes(1));
    work(log, order, DeliveryCommand::Start { worker: worker.clone(), now, lease_until, facts }).await.unwrap();
    let held = Held { worker, attempt: 1 };
    let share = DeliveryCommand::RecordShare { held, asset: storm(), credits: Credits(10), call: None };
    work(log, order, share).await.unwrap();
}

/// The account that [`record`]ed orders belong to.
fn owner() -> String {
    Uuid::from_u128(1).to_string()
}

/// What was granted to the owner, and what is left of it.
async fn balance(log: &EventLog) -> (Credits, Credits) {
    let ledger = log.load::<Ledger>(&owner()).await.unwrap().aggregate;
    (ledger.granted(), ledger.available())
}

/// Whether each start of an attempt lies beside its reservation, and each end beside its settlement.
async fn is_whole(log: &EventLog) {
    let events = log.read_after(Position::START, 10_000).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.event.event_type().unwrap()).collect();
    let (mut started, mut completed) = (0, 0);
    for (index, kind) in kinds.iter().enumerate() {
        match kind.as_str() {
            "started" => {
                started += 1;
                assert_eq!(kinds[index + 1], "credits_reserved");
            }
            "completed" => {
                completed += 1;
                assert_eq!(kinds[index + 1], "reservation_settled");
            }
            _ => {}
        }
    }
    assert_eq!((started, completed), (ORDERS, ORDERS));
}

async fn deliver_all(logs: &[EventLog]) {
    logs[0].execute::<Ledger>(&owner(), granted(1, 10_000), &Actor::System).await.unwrap();
    let mut all = JoinSet::new();
    for number in 0..ORDERS {
        let (log, order) = (logs[number % logs.len()].clone(), format!("order-{number}"));
        all.spawn(async move {
            record(&log, &order).await;
            deliver(&log, &order).await;
        });
    }
    all.join_all().await;
    is_whole(&logs[0]).await;
    assert_eq!(balance(&logs[0]).await, (Credits(10_000), Credits(10_000 - 10 * ORDERS as u64)));
}

async fn on(engine: Engine, story: impl AsyncFnOnce(&TestLog)) {
    let test = test_log(engine).await;
    story(&test).await;
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_and_their_ledger_move_together_on_sqlite() {
    on(Engine::Sqlite, async |test| deliver_all(std::slice::from_ref(&test.log)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_and_their_ledger_move_together_on_two_nodes_of_postgres() {
    on(Engine::Postgres, async |test| {
        let second = open(&test.databases).await;
        deliver_all(&[test.log.clone(), second.clone()]).await;
        second.close().await;
    })
    .await;
}

/// Each is decided on what the one before it decided, before that is stored.
async fn few_commits(test: &TestLog) {
    let id = account();
    let commits = || {
        let text = test.metrics.encode();
        let line = text.lines().find(|line| line.starts_with("cloud_bridge_append_batch_size_count"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or_default()
    };
    let before = commits();
    let grants: Vec<_> = (0..200).map(|n| test.log.execute::<Ledger>(&id, granted(n, 1), &Actor::System)).collect();
    for granted in futures_util::future::join_all(grants).await {
        granted.unwrap();
    }
    assert_eq!(test.log.load::<Ledger>(&id).await.unwrap().sequence, Sequence(200));
    let needed = commits() - before;
    assert!((1.0..=20.0).contains(&needed), "{needed} commits for 200 commands");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_on_one_stream_need_few_commits_on_sqlite() {
    on(Engine::Sqlite, few_commits).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_on_one_stream_need_few_commits_on_postgres() {
    on(Engine::Postgres, few_commits).await;
}

/// Each node's commands follow one another in memory until the other node comes first; then they are decided again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_of_two_nodes_on_one_stream_all_get_through() {
    on(Engine::Postgres, async |test| {
        let (id, second) = (account(), open(&test.databases).await);
        let grants = (0..100).map(|n| {
            let log = if n % 2 == 0 { &test.log } else { &second };
            log.execute::<Ledger>(&id, granted(n, 1), &Actor::System)
        });
        for granted in futures_util::future::join_all(grants.collect::<Vec<_>>()).await {
            granted.unwrap();
        }
        let loaded = second.load::<Ledger>(&id).await.unwrap();
        assert_eq!((loaded.aggregate.available(), loaded.sequence), (Credits(100), Sequence(100)));
        let whole = second.whole_stream("ledger", &id, 200).await.unwrap();
        assert_eq!(event_log::row::first_broken(&whole), None);
        second.close().await;
    })
    .await;
}

/// What one node has in memory does not make it refuse what another node's events allow, nor leave undone what they ask for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_memory_decides_nothing_that_another_node_knows_better() {
    on(Engine::Postgres, async |test| {
        let (first, second) = (test.log.clone(), open(&test.databases).await);
        let id = account();
        first.execute::<Account>(&id, opened(), &Actor::System).await.unwrap();
        let (_, key) = cloud_bridge::app::keys::new_key("till", domain::account::Role::Merchant);
        let key_id = key.id;
        second.execute::<Account>(&id, AccountCommand::CreateApiKey(key), &Actor::System).await.unwrap();
        let deactivate = AccountCommand::DeactivateApiKey { key_id };
        let done = first.execute::<Account>(&id, deactivate.clone(), &Actor::System).await.unwrap();
        assert_eq!(done.events.len(), 1, "the first node knew of no such key");

        // Both know it deactivated; what the second has in memory says so too.
        assert!(second.execute::<Account>(&id, deactivate, &Actor::System).await.unwrap().events.is_empty());
        let keep = |days| AccountCommand::SetRetention { days: Some(days) };
        first.execute::<Account>(&id, keep(30), &Actor::System).await.unwrap();
        second.execute::<Account>(&id, keep(60), &Actor::System).await.unwrap();
        let again = first.execute::<Account>(&id, keep(30), &Actor::System).await.unwrap();
        assert_eq!(again.events.len(), 1, "it was 30 as far as the first node knew");
        let unknown = AccountCommand::DeactivateApiKey { key_id: domain::ApiKeyId(Uuid::nil()) };
        let refused = first.execute::<Account>(&id, unknown, &Actor::System).await.err().unwrap();
        assert_eq!(refused.to_string(), AccountRefusal::UnknownApiKey.to_string());
        second.close().await;
    })
    .await;
}

/// A new process reads what another left, and a refused append leaves nothing in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_opened_again_goes_on_where_it_was() {
    on(Engine::Sqlite, async |test| {
        let id = account();
        test.log.execute::<Ledger>(&id, granted(1, 50), &Actor::System).await.unwrap();
        test.log.close().await;
        let refused = test.log.execute::<Ledger>(&id, granted(2, 50), &Actor::System).await;
        assert!(refused.is_err(), "nothing is taken after the end");
        let log = EventLog::open(&test.databases.log_url, dependencies()).await.unwrap();
        let reserve = LedgerCommand::Reserve {
            delivery_id: DeliveryId(Uuid::nil()),
            attempt: 1,
            credits: Credits(80),
            earlier: Credits::ZERO,
        };
        let reserved = log.execute::<Ledger>(&id, reserve, &Actor::System).await.unwrap();
        assert_eq!((reserved.sequence, reserved.aggregate.available()), (Sequence(2), Credits::ZERO));
        log.close().await;
    })
    .await;
}
