//! The delivery log says of a delivery what its aggregate says, whatever its stream holds.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use domain::delivery::{
    Change, Delivery, DeliveryCommand, DeliveryEvent, DeliveryStatus, ErasureCause, Intent, Summary, Webhook,
    WebhookOutcome,
};
use domain::{Credits, LineItem, Private, ResolutionCode};
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{Position, Sequence};
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;
use serde::de::DeserializeOwned;
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::{DeliveryRow, Entries, StateRow};

const DELIVERY: &str = "00000000-0000-0000-0000-00000000000d";

/// Every kind of event of a delivery, as each is stored.
const EVER: &str = include_str!("../../../../domain/src/delivery/tests/ever.jsonl");

fn ever() -> Vec<DeliveryEvent> {
    EVER.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// With every outcome, whatever it wants, brings and changes, and of customers that are known, erased or not named.
fn any_webhook() -> impl Strategy<Value = DeliveryEvent> {
    let webhooks: Vec<_> = ever().into_iter().filter(|event| received(event).is_some()).collect();
    let outcome = select(WebhookOutcome::iter().collect::<Vec<_>>());
    let intent = select(Intent::iter().collect::<Vec<_>>());
    let username = select(vec![None, Some(Private::Erased), Some(Private::from("max")), Some(Private::from("maxine"))]);
    let skus = prop::collection::vec(select(vec!["STORM", "RAIN", "SUN"]), 0..4);
    let renames = any::<bool>();
    (select(webhooks), outcome, intent, username, skus, renames).prop_map(
        |(event, of, intent, username, skus, renames)| {
            let DeliveryEvent::WebhookReceived { webhook, .. } = event else {
                unreachable!("only webhooks are chosen")
            };
            let items =
                skus.into_iter().map(|sku| LineItem { sku: Some(sku.to_owned()), quantity: 1, ..LineItem::default() });
            let webhook = Box::new(Webhook { username, intent, items: items.collect(), ..*webhook });
            let changes = if renames { vec![Change::UsernameChanged] } else { vec![] };
            DeliveryEvent::WebhookReceived { webhook, outcome: of, changes }
        },
    )
}

fn any_event() -> impl Strategy<Value = DeliveryEvent> {
    let erasures: Vec<_> = ever().into_iter().filter(erases).collect();
    prop_oneof![4 => select(ever()), 3 => any_webhook(), 1 => select(erasures)]
}

/// Any events one after the other, as many seconds apart.
fn any_stream() -> impl Strategy<Value = Vec<Recorded>> {
    prop::collection::vec((any_event(), 0..100_i64), 0..60).prop_map(|events| {
        let mut at = DateTime::UNIX_EPOCH;
        let recorded = (1_i64..).zip(events).map(move |(sequence, (event, seconds))| {
            at += TimeDelta::seconds(seconds);
            recorded(sequence, at, event)
        });
        recorded.collect()
    })
}

fn recorded(sequence: i64, recorded_at: DateTime<Utc>, event: DeliveryEvent) -> Recorded {
    Recorded {
        position: Position(sequence * 7),
        hash: vec![],
        aggregate_id: DELIVERY.to_owned(),
        sequence: Sequence(sequence),
        account_id: None,
        integration_id: None,
        caused_by: None,
        correlation_id: Uuid::nil(),
        recorded_at,
        actor: "system".to_owned(),
        operator: None,
        customer_tokens: if event.report().is_some() { vec!["token".to_owned()] } else { vec![] },
        event: AnyEvent::Delivery(event),
    }
}

fn of(recorded: &Recorded) -> &DeliveryEvent {
    let AnyEvent::Delivery(event) = &recorded.event else { panic!("all are of a delivery") };
    event
}

fn received(event: &DeliveryEvent) -> Option<WebhookOutcome> {
    if let DeliveryEvent::WebhookReceived { outcome, .. } = event { Some(*outcome) } else { None }
}

/// Of a webhook, whether its bytes were new or not.
fn outcome(event: &DeliveryEvent) -> Option<WebhookOutcome> {
    if let DeliveryEvent::WebhookRepeated(repeated) = event { Some(repeated.outcome) } else { received(event) }
}

fn erases(event: &DeliveryEvent) -> bool {
    matches!(event, DeliveryEvent::PersonalDataErased { .. })
}

/// The same after a round through the tables.
fn stored<T: Serialize + DeserializeOwned>(value: &super::Json<T>) -> super::Json<T> {
    super::Json::try_from(value.text()).unwrap()
}

fn reread(entries: Entries) -> Entries {
    let mut read = Entries::default();
    read.add_known(
        entries
            .into_rows()
            .map(|row| DeliveryRow { summary: stored(&row.summary), shared_at: stored(&row.shared_at), ..row })
            .collect(),
    );
    read
}

/// What the delivery log makes of a stream that it meets in parts, and of the whole at once.
fn rows_of(stream: &[Recorded], parts: &BTreeSet<usize>) -> Vec<DeliveryRow> {
    let mut entries = Entries::default();
    for (index, recorded) in stream.iter().enumerate() {
        if parts.contains(&index) {
            entries = reread(entries);
        }
        entries.apply(recorded, of(recorded));
    }
    let mut rows: Vec<_> = entries.into_rows().collect();
    rows.sort_by_key(|row| row.listed_at);
    rows
}

fn summary_of(delivery: &Delivery) -> Option<&Summary> {
    delivery.order().map(|order| &order.summary)
}

proptest! {
    #[test]
    fn an_entry_is_what_the_aggregate_says_after_every_event(stream in any_stream()) {
        let mut delivery = Delivery::default();
        let mut entries = Entries::default();
        for recorded in &stream {
            delivery.apply(of(recorded).clone());
            entries.apply(recorded, of(recorded));
            let row = entries.deliveries.get(DELIVERY).map(|entry| &entry.row);
            prop_assert_eq!(row.map(DeliveryRow::summary), summary_of(&delivery));
            let (Some(row), Some(summary)) = (row, summary_of(&delivery)) else { continue };
            prop_assert_eq!(Some(row.status()), delivery.status());
            prop_assert_eq!(row.resolution_code(), summary.resolution_code());
            prop_assert_eq!(row.is_unmapped(), summary.is_unmapped());
            // As they are written.
            let state = StateRow::from(row);
            prop_assert_eq!(Some(state.status.as_str()), delivery.status().map(DeliveryStatus::as_str));
            let username = summary.username.as_ref().and_then(Private::known);
            prop_assert_eq!(state.username_key, username.cloned());
            // Retention reads what is over and holds anything personal, by when it last changed.
            let is_kept = summary.is_over() && !summary.erased;
            prop_assert_eq!(row.kept_since, is_kept.then_some(recorded.recorded_at_us()));
            let is_done = row.status() == DeliveryStatus::Completed;
            prop_assert_eq!(row.completed_at.is_some(), is_done);
            let waits = matches!(
                row.status(),
                DeliveryStatus::Queued | DeliveryStatus::Running | DeliveryStatus::RetryScheduled
            );
            // What was announced is read whatever the delivery waits for, if for anything.
            let to_read = summary.fetch_due_at();
            prop_assert_eq!(row.due_at.is_some(), waits || to_read.is_some());
            if let Some(until) = [summary.phase.until(), to_read].into_iter().flatten().min() {
                prop_assert_eq!(row.due_at, Some(until.timestamp_micros()));
            }
            prop_assert_eq!(row.shared_at.0.len(), summary.shared.len());
        }
    }

    /// A view that stops and goes on, on whichever node, and one that is rebuilt end alike.
    #[test]
    fn entries_that_are_folded_in_parts_are_those_of_the_whole(
        stream in any_stream(),
        parts in prop::collection::btree_set(0..60_usize, 0..8),
    ) {
        prop_assert_eq!(rows_of(&stream, &parts), rows_of(&stream, &BTreeSet::new()));
    }

    #[test]
    fn each_duplicate_of_an_order_has_an_entry_and_an_erasure_forgets_them_all(stream in any_stream()) {
        let Some(first) = stream.iter().position(|recorded| received(of(recorded)).is_some()) else { return Ok(()) };
        let is_duplicate = |recorded: &&Recorded| outcome(of(recorded)) == Some(WebhookOutcome::Duplicate);
        let expected: Vec<Position> =
            stream[first..].iter().filter(is_duplicate).map(|recorded| recorded.position).collect();
        let rows = rows_of(&stream, &BTreeSet::new());
        let duplicates: Vec<&DeliveryRow> = rows.iter().filter(|row| row.is_duplicate()).collect();
        let listed: Vec<Position> = duplicates.iter().map(|row| row.listed_at).collect();
        prop_assert_eq!(listed, expected);
        let erased_at = stream[first..].iter().rev().find(|recorded| erases(of(recorded))).map(|last| last.position);
        for row in duplicates {
            prop_assert_eq!(row.status(), DeliveryStatus::Duplicate);
            prop_assert_eq!(row.resolution_code(), Some(ResolutionCode::Duplicate));
            prop_assert_eq!(row.duplicate_of.as_deref(), Some(DELIVERY));
            // They go with their delivery: the queue, retention and the list of what lacks a mapping know none of them.
            prop_assert_eq!((row.due_at, row.kept_since, row.is_unmapped()), (None, None, false));
            // What was done and charged is said of the delivery, once.
            prop_assert_eq!((row.summary().charged, row.shared().count()), (Credits::ZERO, 0));
            if erased_at.is_some_and(|erased_at| row.listed_at < erased_at) {
                prop_assert_eq!(row.username(), None);
            }
        }
    }

    #[test]
    fn a_customer_is_found_by_what_came_after_the_last_erasure_alone(stream in any_stream()) {
        let mut entries = Entries::default();
        let mut named = false;
        for recorded in &stream {
            entries.apply(recorded, of(recorded));
            // What is read of an order that no webhook named is read of none.
            let names = of(recorded).report().is_some() && entries.deliveries.contains_key(DELIVERY);
            named = !erases(of(recorded)) && (named || names);
            prop_assert_eq!(!entries.customers.is_empty(), named);
        }
    }
}

fn stream_of(events: Vec<DeliveryEvent>) -> Vec<Recorded> {
    (1_i64..).zip(events).map(|(sequence, event)| recorded(sequence, DateTime::UNIX_EPOCH, event)).collect()
}

fn rows_and_delivery(events: Vec<DeliveryEvent>) -> (Vec<DeliveryRow>, Delivery) {
    let mut delivery = Delivery::default();
    for event in events.clone() {
        delivery.apply(event);
    }
    (rows_of(&stream_of(events), &BTreeSet::new()), delivery)
}

fn webhook(change: impl FnOnce(&mut Webhook)) -> Box<Webhook> {
    let first = ever().into_iter().next();
    let Some(DeliveryEvent::WebhookReceived { mut webhook, .. }) = first else { panic!("the first is a webhook") };
    change(&mut webhook);
    webhook
}

/// WooCommerce reports a deletion as an id and nothing else, and may report the cancelled order after it.
#[test]
fn the_lines_of_an_order_that_was_deleted_first_are_those_of_the_aggregate() {
    let deleted = webhook(|webhook| (webhook.intent, webhook.items) = (Intent::Cancel, vec![]));
    let cancelled = webhook(|webhook| webhook.intent = Intent::Cancel);
    let events = Delivery::default().decide(DeliveryCommand::RecordWebhook(deleted)).unwrap();
    let mut delivery = Delivery::default();
    for event in &events {
        delivery.apply(event.clone());
    }
    let more = delivery.decide(DeliveryCommand::RecordWebhook(cancelled)).unwrap();
    let (rows, delivery) = rows_and_delivery(events.into_iter().chain(more).collect());
    assert_eq!(Some(rows[0].summary()), summary_of(&delivery));
    assert_eq!(rows[0].status(), DeliveryStatus::Cancelled);
    assert_eq!(rows[0].summary().lines.current.len(), 2, "a person who retries it needs to know what was bought");
}

/// Retention would read it every hour for ever.
#[test]
fn a_webhook_that_repeats_an_erased_order_makes_nothing_of_it_personal_again() {
    let decide = |delivery: &mut Delivery, command: DeliveryCommand| {
        let events = delivery.decide(command).unwrap();
        for event in &events {
            delivery.apply(event.clone());
        }
        events
    };
    let mut delivery = Delivery::default();
    let record = || DeliveryCommand::RecordWebhook(webhook(|webhook| webhook.intent = Intent::Cancel));
    let mut events = decide(&mut delivery, record());
    events.extend(decide(&mut delivery, DeliveryCommand::ErasePersonalData { cause: ErasureCause::Retention }));
    events.extend(decide(&mut delivery, record()));
    assert!(events.len() > 2, "the repetition is recorded");
    let (rows, _) = rows_and_delivery(events);
    for row in rows {
        assert_eq!((row.kept_since, row.username()), (None, None), "{:?}", row.status());
    }
}
