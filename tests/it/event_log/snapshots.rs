//! Snapshots: a long stream loads like a short one, and nothing private lies in one in plain.

use chrono::{DateTime, TimeDelta};
use domain::delivery::{Delivery, DeliveryCommand, ErasureCause};
use domain::ledger::{Ledger, LedgerCommand};
use domain::{Credits, DeliveryId, Private};
use event_log::{Actor, MAX_EVENTS_PER_LOAD, Sequence};
use storage::Sql;
use uuid::Uuid;

use super::{TestLog, account, delivery, granted, on_each_log, record, test_log, webhook};
use crate::engines::Engine;

on_each_log! {
    async fn a_long_stream_loads_as_fast_as_a_short_one(test: &TestLog) {
        let id = account();
        test.log.execute::<Ledger>(&id, granted(1, 1_000_000_000), &Actor::System).await.unwrap();
        let mut charged = 0;
        while charged < 1_000 {
            charged += 1;
            let delivery_id = DeliveryId(Uuid::from_u128(charged));
            for command in [
                LedgerCommand::Reserve { delivery_id, attempt: 1, credits: Credits(13), earlier: Credits::ZERO },
                LedgerCommand::Settle { delivery_id, attempt: 1, charged: Credits(3) },
            ] {
                test.log.execute::<Ledger>(&id, command, &Actor::System).await.unwrap();
            }
            if charged % 37 == 0 {
                let loaded = test.log.load::<Ledger>(&id).await.unwrap();
                assert!(i64::try_from(loaded.events_read).unwrap() < MAX_EVENTS_PER_LOAD);
            }
        }
        let loaded = test.log.load::<Ledger>(&id).await.unwrap();
        assert_eq!(loaded.sequence, Sequence(2_001));
        let available = loaded.aggregate.available();
        assert_eq!(available, Credits(1_000_000_000 - 3_000), "a snapshot applies no event twice");

        // A hundred thousand events more than anybody wants to read; the load begins at the snapshot before them.
        let copies = if matches!(test.log.raw_database(), storage::Database::Postgres(_)) {
            "generate_series(0, 98000) AS s(value)"
        } else {
            "(WITH RECURSIVE s(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM s WHERE value < 98000) SELECT value FROM s) s"
        };
        let insert = format!(
            "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
                 metadata, correlation_id, recorded_at, hash) \
             SELECT 2001 + 1 + s.value, aggregate_type, aggregate_id, 2001 + 1 + s.value, event_type, event_version, \
                 payload, metadata, correlation_id, recorded_at, hash \
             FROM events, {copies} WHERE sequence = 2 AND aggregate_type = 'ledger'"
        );
        test.log.raw_database().execute(Sql::new(insert)).await.unwrap();
        let sql = "UPDATE snapshots SET sequence = 100000, hash = (SELECT hash FROM events \
             WHERE sequence = 100000 AND aggregate_type = 'ledger') WHERE aggregate_type = 'ledger'";
        test.log.raw_database().execute(sql.into()).await.unwrap();
        let loaded = test.log.load::<Ledger>(&id).await.unwrap();
        assert_eq!((loaded.sequence, loaded.events_read), (Sequence(100_002), 2));
        // One that was made after events which are not in the log any more is of another account.
        let lost = "DELETE FROM events WHERE sequence > 2000 AND aggregate_type = 'ledger'";
        test.log.raw_database().execute(lost.into()).await.unwrap();
        let loaded = test.log.load::<Ledger>(&id).await.unwrap();
        assert_eq!((loaded.sequence, loaded.events_read), (Sequence(2_000), 2_000));
    }

    async fn what_comes_after_an_erasure_is_sealed_in_a_snapshot_too(test: &TestLog) {
        record(&test.log, "1").await;
        let erase = DeliveryCommand::ErasePersonalData { cause: ErasureCause::Operator };
        test.log.execute::<Delivery>(&delivery("1"), erase, &Actor::System).await.unwrap();
        // The store goes on changing the order, and never names the customer again.
        for quantity in 2..120 {
            let DeliveryCommand::RecordWebhook(mut changed) = webhook("1") else { panic!("it records a webhook") };
            changed.username = None;
            changed.webhook_id = Some(quantity.to_string());
            changed.changed_at = Some(DateTime::UNIX_EPOCH + TimeDelta::seconds(quantity.into()));
            changed.items[0].quantity = quantity;
            let changed = DeliveryCommand::RecordWebhook(changed);
            test.log.execute::<Delivery>(&delivery("1"), changed, &Actor::Store).await.unwrap();
        }
        let (state,): (String,) =
            test.log.raw_database().fetch_one(Sql::new("SELECT state FROM snapshots")).await.unwrap();
        assert!(!state.contains("$private") && state.contains("$sealed"), "{state}");
        let loaded = test.log.load::<Delivery>(&delivery("1")).await.unwrap();
        assert!(loaded.events_read < 100, "it is used");
        assert_eq!(loaded.aggregate.order().unwrap().summary.username, Some(Private::Erased));
    }
}
