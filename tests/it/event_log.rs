//! The event log: one suite for both engines. What is appended is whole, in order, chained, and never lost.

use std::collections::HashSet;
use std::sync::Arc;

use cloud_bridge::metrics::Metrics;
use cqrs_es::Aggregate;
use cqrs_es::persist::SemanticVersionEventUpcaster;
use domain::account::{Account, AccountCommand};
use domain::delivery::{ApiKeyUse, Delivery, DeliveryCommand, DeliveryEvent, Intent, Webhook};
use domain::integration::Provider;
use domain::ledger::{Ledger, LedgerCommand};
use domain::{AccountId, Credits, DeliveryId, IntegrationId, LineItem};
use event_log::clock::Clock;
use event_log::recorded::AnyEvent;
use event_log::row::first_broken;
use event_log::vault::Vault;
use event_log::{Actor, Bodies, CommandError, Dependencies, EventLog, Position, Sequence};
use storage::Sql;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::app::MASTER_KEY;
use crate::engines::{Databases, Engine};

mod reading;
mod snapshots;
mod streams;

struct TestLog {
    databases: Databases,
    log: EventLog,
    metrics: Arc<Metrics>,
}

pub(crate) fn dependencies() -> Dependencies {
    Dependencies::new(Vault::new(&MASTER_KEY), Clock::default())
}

async fn open(databases: &Databases) -> EventLog {
    EventLog::open(&databases.log_url, dependencies()).await.expect("the log opens")
}

async fn test_log(engine: Engine) -> TestLog {
    let databases = Databases::create(engine).await;
    let metrics = Arc::new(Metrics::default());
    let observed = metrics.clone();
    let observer = Arc::new(move |appends, took| observed.append_batch(appends, took));
    let dependencies = Dependencies { observer, ..dependencies() };
    let log = EventLog::open(&databases.log_url, dependencies).await.expect("the log opens");
    TestLog { databases, log, metrics }
}

impl TestLog {
    async fn finish(self) {
        self.log.close().await;
        self.databases.remove().await;
    }
}

/// Runs a story on each engine, as two tests.
macro_rules! on_each_log {
    ($(async fn $name:ident($test:ident: &TestLog) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn story($test: &TestLog) $body

            async fn run(engine: Engine) {
                let test = test_log(engine).await;
                story(&test).await;
                test.finish().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run(Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run(Engine::Postgres).await;
            }
        }
    )*};
}

pub(crate) use on_each_log;

fn account() -> String {
    AccountId(event_log::ids::fresh()).to_string()
}

fn opened() -> AccountCommand {
    AccountCommand::Open { name: "Storm Audio".to_owned(), attempts_per_minute: 5, first_key: None }
}

fn granted(n: u128, credits: u64) -> LedgerCommand {
    LedgerCommand::Grant { grant_id: Uuid::from_u128(n), credits: Credits(credits) }
}

fn webhook(order_id: &str) -> DeliveryCommand {
    DeliveryCommand::RecordWebhook(Box::new(Webhook {
        account_id: AccountId(Uuid::from_u128(1)),
        integration_id: IntegrationId(Uuid::from_u128(2)),
        provider: Provider::Generic,
        order_id: order_id.to_owned(),
        order_number: None,
        order_status: None,
        intent: Intent::Deliver,
        changed_at: None,
        received_at: chrono::DateTime::UNIX_EPOCH,
        username: Some("mutual_max".into()),
        email: None,
        customer_name: None,
        customer_id: None,
        items: vec![LineItem { sku: Some("STORM".to_owned()), quantity: 1, ..LineItem::default() }],
        api_key: ApiKeyUse::None,
        topic: None,
        webhook_id: None,
        headers: None,
        body_bytes: 3,
        body_digest: None,
        thin: false,
        unsigned: false,
        source: domain::ReportSource::Webhook,
    }))
}

fn delivery(order_id: &str) -> String {
    DeliveryId::of(IntegrationId(Uuid::from_u128(2)), order_id).to_string()
}

async fn record(log: &EventLog, order_id: &str) -> Position {
    let body = Some(bytes::Bytes::from_static(b"{}\n"));
    let recorded = log
        .execute_fresh::<Delivery>(&delivery(order_id), webhook(order_id), &Actor::Store, body)
        .await
        .expect("recorded");
    recorded.position.expect("a webhook is always recorded")
}

on_each_log! {
    async fn what_was_appended_is_read_back_in_order(test: &TestLog) {
        let id = account();
        test.log.execute::<Account>(&id, opened(), &Actor::System).await.unwrap();
        test.log.execute::<Ledger>(&id, granted(1, 50), &Actor::System).await.unwrap();
        record(&test.log, "1042").await;
        let events = test.log.read_after(Position::START, 100).await.unwrap();
        assert_eq!(events.iter().map(|event| event.position.0).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(events.iter().map(|event| event.sequence.0).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(events[2].actor, "store");
        assert!(matches!(events[2].event, AnyEvent::Delivery(_)));
        assert_eq!(test.log.read_after(Position(2), 100).await.unwrap(), events[2..]);
        let loaded = test.log.load::<Ledger>(&id).await.unwrap();
        assert_eq!(loaded.aggregate.available(), Credits(50));
    }

    async fn a_command_that_says_nothing_new_appends_nothing(test: &TestLog) {
        let id = account();
        test.log.execute::<Account>(&id, opened(), &Actor::System).await.unwrap();
        let again = test.log.execute::<Account>(&id, opened(), &Actor::System).await.unwrap();
        assert_eq!((again.position, again.events.len(), test.log.head()), (None, 0, Position(1)));
    }

    async fn a_refused_command_appends_nothing(test: &TestLog) {
        let refused = test.log.execute::<Account>(&account(), AccountCommand::DeleteCredentials, &Actor::System).await;
        assert!(matches!(refused, Err(CommandError::Refused(_))));
        assert_eq!(test.log.head(), Position::START);
    }

    async fn many_who_change_one_stream_at_once_all_get_through_and_none_is_lost(test: &TestLog) {
        let id = account();
        let mut all = JoinSet::new();
        for n in 0..40 {
            let (log, id) = (test.log.clone(), id.clone());
            all.spawn(async move { log.execute::<Ledger>(&id, granted(n, 1), &Actor::System).await.map(drop) });
        }
        for done in all.join_all().await {
            done.unwrap();
        }
        let loaded = test.log.load::<Ledger>(&id).await.unwrap();
        assert_eq!((loaded.aggregate.available(), loaded.sequence), (Credits(40), Sequence(40)));
    }

    async fn one_callers_conflict_fails_no_other_append(test: &TestLog) {
        record(&test.log, "taken").await;
        let mut all = JoinSet::new();
        for n in 0..60 {
            let log = test.log.clone();
            // Every third webhook is about the order that is there already.
            let order = if n % 3 == 0 { "taken".to_owned() } else { format!("order-{n}") };
            all.spawn(async move { record(&log, &order).await });
        }
        let positions: HashSet<Position> = all.join_all().await.into_iter().collect();
        assert_eq!(positions.len(), 60, "each has a place of its own");
        let taken = test.log.load::<Delivery>(&delivery("taken")).await.unwrap();
        assert_eq!(taken.sequence, Sequence(21));
    }

    async fn a_fresh_order_costs_no_read_and_a_known_one_is_found_all_the_same(test: &TestLog) {
        let first = test.log.execute_fresh::<Delivery>(&delivery("1"), webhook("1"), &Actor::Store, None).await.unwrap();
        assert_eq!((first.sequence, first.events.len()), (Sequence(1), 1));
        let second = test.log.execute_fresh::<Delivery>(&delivery("1"), webhook("1"), &Actor::Store, None).await.unwrap();
        assert_eq!(second.sequence, Sequence(2));
    }

    async fn an_append_finishes_although_its_caller_has_gone(test: &TestLog) {
        for n in 0..50 {
            let (log, order) = (test.log.clone(), n.to_string());
            let caller = tokio::spawn(async move { record(&log, &order).await });
            // Far enough to have handed the events over, or not: either all of it is there in the end, or nothing.
            tokio::task::yield_now().await;
            caller.abort();
        }
        record(&test.log, "last").await;
        let events = test.log.read_after(Position::START, 100).await.unwrap();
        let positions: Vec<i64> = events.iter().map(|event| event.position.0).collect();
        assert_eq!(positions, (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
        for event in events {
            let whole = test.log.whole_stream(Delivery::TYPE, &event.aggregate_id, 10).await.unwrap();
            assert_eq!(first_broken(&whole), None);
        }
    }

    async fn what_is_changed_in_the_database_breaks_the_chain_where_it_was_changed(test: &TestLog) {
        let id = account();
        for n in 0..6 {
            test.log.execute::<Ledger>(&id, granted(n, 10), &Actor::System).await.unwrap();
        }
        let whole = test.log.whole_stream(Ledger::TYPE, &id, 100).await.unwrap();
        assert_eq!(first_broken(&whole), None);
        let tampering = [
            ("UPDATE events SET payload = replace(CAST(payload AS text), '10', '99')", "payload"),
            ("UPDATE events SET recorded_at = recorded_at + 1", "time"),
            ("UPDATE events SET metadata = replace(CAST(metadata AS text), 'system', 'nobody')", "actor"),
            ("UPDATE events SET event_type = 'credits_charged'", "type"),
        ];
        for (tamper, what) in tampering {
            let mut changed = whole.clone();
            // The same statement on a copy: what the database would then answer.
            match what {
                "payload" => changed[3].event.payload = changed[3].event.payload.replace("10", "99"),
                "time" => changed[3].event.recorded_at.0 += 1,
                "actor" => changed[3].event.metadata = changed[3].event.metadata.replace("system", "nobody"),
                _ => changed[3].event.event_type = "credits_charged".to_owned(),
            }
            assert_eq!(first_broken(&changed).map(|event| event.sequence), Some(Sequence(4)), "{tamper}");
        }
        let cast = if matches!(test.log.raw_database(), storage::Database::Postgres(_)) { "::json" } else { "" };
        let tamper = format!(
            "UPDATE events SET payload = replace(CAST(payload AS text), '10', '99'){cast} WHERE sequence = 4"
        );
        assert_eq!(test.log.raw_database().execute(Sql::new(tamper)).await.unwrap(), 1);
        let whole = test.log.whole_stream(Ledger::TYPE, &id, 100).await.unwrap();
        assert_eq!(first_broken(&whole).map(|event| event.sequence), Some(Sequence(4)));
        test.log.raw_database().execute("DELETE FROM events WHERE sequence = 2".into()).await.unwrap();
        let whole = test.log.whole_stream(Ledger::TYPE, &id, 100).await.unwrap();
        assert_eq!(first_broken(&whole).map(|event| event.sequence), Some(Sequence(3)));
    }

    async fn an_old_form_of_an_event_is_read_through_its_upcaster(test: &TestLog) {
        let id = account();
        test.log.execute::<Account>(&id, opened(), &Actor::System).await.unwrap();
        let renamed = SemanticVersionEventUpcaster::new("account_created", "2", Box::new(|mut payload| {
            payload["name"] = "Upcast Audio".into();
            payload
        }));
        let log = test.log.clone().with_upcasters(vec![Box::new(renamed)]);
        let loaded = log.load::<Account>(&id).await.unwrap();
        assert_eq!(loaded.aggregate.merchant().unwrap().name, "Upcast Audio");
    }

    async fn the_master_key_of_another_log_is_refused(test: &TestLog) {
        record(&test.log, "1").await;
        let other = Dependencies { vault: Vault::new(&[9; 32]), ..dependencies() };
        let refused = EventLog::open_read_only(&test.databases.log_url, other).await.err().expect("it is refused");
        assert!(refused.to_string().contains("master key is not the one"), "{refused}");
        assert!(EventLog::open_read_only(&test.databases.log_url, dependencies()).await.is_ok());
    }

    async fn what_was_erased_stays_erased_and_the_chain_holds(test: &TestLog) {
        record(&test.log, "1").await;
        test.log.raw_database().execute("DELETE FROM data_keys".into()).await.unwrap();
        let loaded = test.log.load::<Delivery>(&delivery("1")).await.unwrap();
        let order = loaded.aggregate.order().unwrap().clone();
        assert_eq!(order.summary.username, Some(domain::Private::Erased));
        assert_eq!(test.log.body(Delivery::TYPE, &delivery("1"), Sequence(1)).await.unwrap(), None);
        let whole = test.log.whole_stream(Delivery::TYPE, &delivery("1"), 10).await.unwrap();
        assert_eq!(first_broken(&whole), None);
    }

    async fn events_of_many_streams_are_found_by_their_numbers_with_their_bodies(test: &TestLog) {
        for order in ["1", "2", "3", "1"] {
            record(&test.log, order).await;
        }
        let id = |order: &str| delivery(order).parse::<Uuid>().unwrap();
        let wanted = [(id("1"), Sequence(2)), (id("3"), Sequence(1)), (id("2"), Sequence(2)), (Uuid::nil(), Sequence(1))];
        let find = async |bodies: Bodies| {
            let mut found = test.log.find(Delivery::TYPE, &wanted, bodies).await.unwrap();
            found.sort_by_key(|(recorded, _)| recorded.position);
            found.into_iter().map(|(recorded, body)| (recorded.aggregate_id, recorded.sequence, body)).collect::<Vec<_>>()
        };
        let body = async |order: &str, sequence: i64| test.log.body(Delivery::TYPE, &delivery(order), Sequence(sequence)).await.unwrap();
        let (third, repeated) = (body("3", 1).await, body("1", 2).await);
        assert!(third.is_some() && repeated.is_some());
        let expected = |third, repeated| vec![(delivery("3"), Sequence(1), third), (delivery("1"), Sequence(2), repeated)];
        assert_eq!(find(Bodies::Read).await, expected(third, repeated));
        assert_eq!(find(Bodies::LeftOut).await, expected(None, None));
        assert_eq!(test.log.find(Account::TYPE, &wanted, Bodies::Read).await.unwrap().len(), 0);
        test.log.raw_database().execute("DELETE FROM data_keys".into()).await.unwrap();
        assert_eq!(find(Bodies::Read).await, expected(None, None));
    }

    async fn an_erased_order_that_the_store_mentions_again_stays_readable(test: &TestLog) {
        record(&test.log, "1").await;
        test.log.raw_database().execute("DELETE FROM data_keys".into()).await.unwrap();
        // What a process has in memory knows nothing of that: the key of a stream is deleted by an event of it.
        test.log.close().await;
        let log = open(&test.databases).await;
        record(&log, "1").await;
        let events = log.read_after(Position::START, 10).await.unwrap();
        let names: Vec<_> = events.iter().filter_map(|event| match &event.event {
            AnyEvent::Delivery(DeliveryEvent::WebhookReceived { webhook, .. }) => Some(webhook.username.clone()),
            AnyEvent::Account(_) | AnyEvent::Integration(_) | AnyEvent::Delivery(_) | AnyEvent::Notice(_) | AnyEvent::Ledger(_) | AnyEvent::Checkpoint(_) | AnyEvent::OperatorAction(_) | AnyEvent::Resource(_) | AnyEvent::Publication(_) | AnyEvent::Endpoint(_) | AnyEvent::Dispatch(_) | AnyEvent::Store(_) | AnyEvent::Instance(_) | AnyEvent::Unknown => None,
        }).collect();
        assert_eq!(names, [Some(domain::Private::Erased), Some("mutual_max".into())]);
        assert_eq!(log.body(Delivery::TYPE, &delivery("1"), Sequence(1)).await.unwrap(), None);
        assert!(log.body(Delivery::TYPE, &delivery("1"), Sequence(2)).await.unwrap().is_some());
        let whole = log.whole_stream(Delivery::TYPE, &delivery("1"), 10).await.unwrap();
        assert_eq!(first_broken(&whole), None);
        log.close().await;
    }

    async fn more_than_may_wait_is_refused_at_once(test: &TestLog) {
        let mut all = JoinSet::new();
        let body = bytes::Bytes::from(vec![0_u8; 1_024]);
        for n in 0..6_000 {
            let (log, body) = (test.log.clone(), body.clone());
            all.spawn(async move {
                let order = n.to_string();
                let done =
                    log.execute_fresh::<Delivery>(&delivery(&order), webhook(&order), &Actor::Store, Some(body)).await;
                match done {
                    Ok(_) => true,
                    Err(CommandError::Busy) => false,
                    Err(error) => panic!("{error}"),
                }
            });
        }
        let stored = all.join_all().await.into_iter().filter(|stored| *stored).count();
        assert_eq!(test.log.head().0, i64::try_from(stored).unwrap(), "what was acknowledged is stored, and nothing else");
        record(&test.log, "after the rush").await;
    }
}

/// A second process must not write to the same file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_written_is_not_opened_for_writing_again() {
    let test = test_log(Engine::Sqlite).await;
    let refused = EventLog::open(&test.databases.log_url, dependencies()).await.err().expect("it is refused");
    assert!(format!("{refused:#}").contains("another process"), "{refused:#}");
    test.finish().await;
}
