//! Reading the event log: while several nodes write, by the tools of others, and by its keys.

use std::collections::HashSet;

use cqrs_es::Aggregate;
use domain::account::{Account, AccountCommand};
use event_log::stream::SNAPSHOT;
use event_log::{Actor, HeadListener, Position};
use serde_json::json;
use tokio::task::JoinSet;

use super::{account, open, opened, record, test_log};
use crate::engines::{Databases, Engine};

/// Events that each node writes.
const EACH: usize = 500;

/// Several nodes write at once, each over connections of its own; a reader follows positions meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_sees_every_event_of_all_writers_once_and_in_order() {
    let databases = Databases::create(Engine::Postgres).await;
    let mut nodes = vec![];
    for _ in 0..4 {
        nodes.push(open(&databases).await);
    }
    let mut writers = JoinSet::new();
    for (node, log) in nodes.iter().enumerate() {
        for task in 0..5 {
            let log = log.clone();
            writers.spawn(async move {
                for n in 0..EACH / 5 {
                    record(&log, &format!("{node}-{task}-{n}")).await;
                }
            });
        }
    }
    let reader = open(&databases).await;
    let listener = HeadListener::start(&reader);
    let mut seen = vec![];
    let mut head = reader.head_changes();
    while seen.len() < 4 * EACH {
        head.mark_unchanged();
        let position = seen.last().map_or(Position::START, |(position, _)| *position);
        let events = reader.read_after(position, 100).await.unwrap();
        if events.is_empty() {
            head.changed().await.unwrap();
        }
        seen.extend(events.into_iter().map(|event| (event.position, event.aggregate_id)));
    }
    writers.join_all().await;
    listener.stop();
    let positions: Vec<i64> = seen.iter().map(|(position, _)| position.0).collect();
    assert_eq!(positions, (1..=i64::try_from(4 * EACH).unwrap()).collect::<Vec<_>>(), "in order, none missing");
    assert_eq!(seen.into_iter().map(|(_, id)| id).collect::<HashSet<_>>().len(), 4 * EACH, "each once");
    for log in nodes {
        log.close().await;
    }
    reader.close().await;
    databases.remove().await;
}

/// The table is one that postgres-es's own repository reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repository_of_postgres_es_reads_our_table() {
    use cqrs_es::persist::PersistedEventRepository as _;

    let test = test_log(Engine::Postgres).await;
    let id = account();
    test.log.execute::<Account>(&id, opened(), &Actor::System).await.unwrap();
    let retention = AccountCommand::SetRetention { days: Some(30) };
    test.log.execute::<Account>(&id, retention, &Actor::System).await.unwrap();
    let storage::Database::Postgres(pool) = test.log.raw_database() else { unreachable!("it is Postgres") };
    let repository = postgres_es::PostgresEventRepository::new(pool.apart());
    let events = repository.get_events::<Account>(&id).await.unwrap();
    let mut folded = Account::default();
    for event in events {
        assert_eq!(event.aggregate_type, Account::TYPE);
        let event = json!({ "event_type": event.event_type, "payload": event.payload });
        folded.apply(serde_json::from_value(event).unwrap());
    }
    assert_eq!(folded, test.log.load::<Account>(&id).await.unwrap().aggregate);
    test.finish().await;
}

/// A load is done for every command: a table that is read as a whole for it makes the service slower with each order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_finds_everything_by_its_key() {
    #[derive(sqlx::FromRow)]
    struct Step {
        detail: String,
    }
    let test = test_log(Engine::Sqlite).await;
    let storage::Database::Sqlite(file) = test.log.raw_database() else { unreachable!("it is SQLite") };
    let sql = format!("EXPLAIN QUERY PLAN {SNAPSHOT} 'account' AND s.aggregate_id = 'x'");
    let plan: Vec<Step> = sqlx::query_as(&sql).fetch_all(file.reader().await.unwrap().connection()).await.unwrap();
    let steps: Vec<_> = plan.into_iter().map(|step| step.detail).collect();
    assert!(!steps.is_empty() && steps.iter().all(|step| !step.contains("SCAN")), "{steps:?}");
    test.finish().await;
}
