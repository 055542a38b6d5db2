//! Laws that hold for every history and every order of commands, crashes and retries.

use std::collections::HashSet;

use chrono::TimeDelta;
use cqrs_es::Aggregate;
use proptest::prelude::*;
use uuid::Uuid;

use super::fixtures::*;
use crate::credits::PaidAction;
use crate::delivery::schedule::Jitter;
use crate::delivery::{
    CancelledBy, Delivery, DeliveryCommand, DeliveryEvent, FetchFailure, Held, Intent, Order, Phase, Summary, Webhook,
};
use crate::ledger::{Ledger, LedgerEvent};
use crate::{Credits, DeliveryId, ResolutionCode};

fn any_intent() -> impl Strategy<Value = Intent> {
    prop_oneof![4 => Just(Intent::Deliver), 1 => Just(Intent::Filtered), 1 => Just(Intent::Cancel)]
}

/// With every mixture of dates.
fn any_webhook() -> impl Strategy<Value = Webhook> {
    let moment = || prop::option::of((0..100_i64).prop_map(after));
    let items = prop::collection::vec(prop_oneof![Just("STORM"), Just("RAIN"), Just("SUN")], 0..4);
    let username = prop::option::of(prop_oneof![Just("max"), Just("maxine")]);
    (any_intent(), moment(), 0..100_i64, items, username).prop_map(
        |(intent, changed_at, received_at, items, username)| Webhook {
            changed_at,
            received_at: after(received_at),
            items: items.into_iter().map(item).collect(),
            username: username.map(Into::into),
            ..webhook(intent)
        },
    )
}

/// How fetching what was announced may end.
fn any_fetch() -> impl Strategy<Value = DeliveryCommand> {
    let failure = prop_oneof![
        Just(unavailable()),
        (0..100_000_i64).prop_map(|seconds| FetchFailure::Unavailable {
            call: store_call(429),
            retry_after: Some(TimeDelta::seconds(seconds)),
        }),
        Just(FetchFailure::AccessMissing { call: None }),
    ];
    prop_oneof![
        2 => (any_webhook(), 1..4_u32).prop_map(|(order, announcements)| record_fetched(order, announcements)),
        1 => (failure, 0..100_000_i64).prop_map(|(failure, seconds)| fail_fetch(failure, seconds)),
    ]
}

fn any_held() -> impl Strategy<Value = Held> {
    (prop_oneof![Just("w1"), Just("w2")], 1..5_u32)
        .prop_map(|(worker, attempt)| Held { worker: worker.into(), attempt })
}

fn any_command() -> impl Strategy<Value = DeliveryCommand> {
    let asset = prop_oneof![Just(preset("storm")), Just(preset("rain")), Just(preset("sun"))];
    let seconds = 0..100_000_i64;
    let code = prop_oneof![
        Just(ResolutionCode::InvalidUsername),
        Just(ResolutionCode::CreditsExhausted),
        Just(ResolutionCode::StoreAccessMissing)
    ];
    prop_oneof![
        any_webhook().prop_map(record),
        (0..100_i64).prop_map(|seconds| record(Webhook { received_at: after(seconds), ..thin() })),
        any_fetch(),
        seconds.clone().prop_map(|s| start_at(after(s), facts())),
        (any_held(), asset).prop_map(|(held, asset)| DeliveryCommand::RecordShare {
            held,
            asset,
            credits: Credits(10),
            call: None,
        }),
        (any_held(), prop_oneof![Just(PaidAction::Follow), Just(PaidAction::Share { asset: preset("storm") })])
            .prop_map(|(held, action)| DeliveryCommand::BeginStep { held, action }),
        any_held().prop_map(|held| DeliveryCommand::RecordFollow { held, credits: Credits(3), call: None }),
        any_held().prop_map(|held| DeliveryCommand::Complete { held }),
        (any_held(), seconds.clone()).prop_map(|(held, s)| DeliveryCommand::Wait {
            held,
            now: after(s),
            jitter: Jitter::NONE,
            call: None
        }),
        (any_held(), seconds.clone()).prop_map(|(held, s)| DeliveryCommand::Fail {
            held,
            now: after(s),
            jitter: Jitter::NONE,
            call: None
        }),
        (any_held(), code.clone()).prop_map(|(held, code)| DeliveryCommand::RequireAction {
            held,
            code,
            call: None,
            assets: vec![]
        }),
        any_held().prop_map(|held| DeliveryCommand::HandBack { held }),
        seconds.clone().prop_map(|s| DeliveryCommand::PullBack { now: after(s - 90_000) }),
        (seconds.clone(), seconds.clone())
            .prop_map(|(until, now)| DeliveryCommand::MoveWait { until: after(until), now: after(now) }),
        (any_held(), seconds).prop_map(|(held, s)| DeliveryCommand::RenewLease { held, lease_until: after(s) }),
        Just(DeliveryCommand::Retry { username: None }),
        Just(DeliveryCommand::Retry { username: Some("maxine".into()) }),
        code.prop_map(|cause| DeliveryCommand::Release { cause }),
        Just(DeliveryCommand::Cancel),
    ]
}

/// What can follow from any sequence of commands, refused ones left out.
fn history_of(commands: &[DeliveryCommand]) -> (Delivery, Vec<DeliveryEvent>) {
    let (mut delivery, mut history) = (Delivery::default(), vec![]);
    for command in commands {
        for event in delivery.decide(command.clone()).unwrap_or_default() {
            delivery.apply(event.clone());
            history.push(event);
        }
    }
    (delivery, history)
}

fn cancelled_by(delivery: &Delivery) -> Option<CancelledBy> {
    if let Phase::Cancelled(by) = delivery.order()?.summary.phase { Some(by) } else { None }
}

proptest! {
    /// With every order of commands, and however workers end.
    #[test]
    fn credits_are_reserved_for_attempts_that_run_and_charged_for_what_was_done(
        commands in prop::collection::vec(any_command(), 0..60),
    ) {
        let id = DeliveryId(Uuid::from_u128(1));
        let (mut delivery, mut ledger, mut done) = (Delivery::default(), Ledger::default(), 0);
        ledger.apply(LedgerEvent::CreditsGranted { grant_id: Uuid::nil(), credits: Credits(10_000) });
        for command in commands {
            let before = delivery.clone();
            for event in delivery.decide(command).unwrap_or_default() {
                if let DeliveryEvent::Followed { credits, .. } | DeliveryEvent::AssetShared { credits, .. } = &event {
                    done += credits.0;
                }
                delivery.apply(event);
            }
            if let Some((_, command)) = delivery.settlement(id, &before) {
                ledger.decide(command).unwrap().into_iter().for_each(|event| ledger.apply(event));
            }
            let lease = delivery.order().and_then(Order::lease);
            let open = ledger.reservation(id);
            prop_assert!(open.map(|open| open.attempt) == lease.map(|lease| lease.attempt) || open.is_none());
            prop_assert!(lease.is_some() || open.is_none(), "no attempt runs, and credits are set aside");
            let spent = delivery.order().filter(|_| lease.is_some()).map_or(Credits::ZERO, Order::spent);
            let reserved = open.map_or(Credits::ZERO, |open| open.credits);
            prop_assert_eq!(ledger.available() + reserved, Credits(10_000 - done + spent.0), "of what is not charged yet");
        }
    }

    #[test]
    fn folding_any_events_in_any_order_never_panics(
        commands in prop::collection::vec(any_command(), 0..40),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let (_, history) = history_of(&commands);
        if !history.is_empty() {
            fold(order.iter().map(|index| index.get(&history).clone()));
        }
    }

    #[test]
    fn repeating_a_command_adds_nothing_but_the_record_of_a_webhook(
        commands in prop::collection::vec(any_command(), 0..30),
        last in any_command(),
    ) {
        let (mut delivery, _) = history_of(&commands);
        for event in delivery.decide(last.clone()).unwrap_or_default() {
            delivery.apply(event);
        }
        let before = delivery.clone();
        let again = delivery.decide(last.clone()).unwrap_or_default();
        if let DeliveryCommand::RecordWebhook(_) = last {
            prop_assert_eq!(again.len(), 1);
            delivery.apply(again[0].clone());
            let status = |delivery: &Delivery| delivery.order().map(|order| order.summary.phase.status());
            prop_assert_eq!(status(&delivery), status(&before));
        } else {
            prop_assert_eq!(again, vec![]);
        }
    }

    #[test]
    fn no_asset_is_ever_shared_twice(commands in prop::collection::vec(any_command(), 0..80)) {
        let (_, history) = history_of(&commands);
        let mut shared = HashSet::new();
        for event in history {
            if let DeliveryEvent::AssetShared { asset, .. } = event {
                prop_assert!(shared.insert(asset));
            }
        }
    }

    #[test]
    fn what_a_person_cancelled_stays_cancelled_whatever_the_store_reports(
        commands in prop::collection::vec(any_command(), 0..30),
        webhooks in prop::collection::vec(any_webhook(), 1..8),
    ) {
        let (mut delivery, _) = history_of(&commands);
        for command in [DeliveryCommand::Cancel].into_iter().chain(webhooks.into_iter().map(record)) {
            let was_cancelled = cancelled_by(&delivery) == Some(CancelledBy::Person);
            for event in delivery.decide(command).unwrap_or_default() {
                delivery.apply(event);
            }
            prop_assert!(!was_cancelled || cancelled_by(&delivery) == Some(CancelledBy::Person));
        }
    }

    #[test]
    fn what_the_store_cancelled_is_revived_only_by_what_it_changed_no_earlier(
        commands in prop::collection::vec(any_command(), 0..30),
        webhooks in prop::collection::vec(any_webhook(), 1..8),
    ) {
        let (mut delivery, _) = history_of(&commands);
        let mut cancelled_at = None;
        for webhook in webhooks {
            let was_cancelled = cancelled_by(&delivery) == Some(CancelledBy::Store);
            for event in delivery.decide(record(webhook.clone())).unwrap_or_default() {
                delivery.apply(event);
            }
            if webhook.intent == Intent::Cancel {
                cancelled_at = cancelled_at.max(webhook.changed_at.or(Some(webhook.received_at)));
            }
            let is_later = webhook.changed_at.is_some() && webhook.changed_at >= cancelled_at;
            let is_cancelled = cancelled_by(&delivery) == Some(CancelledBy::Store);
            prop_assert!(!was_cancelled || is_cancelled || is_later);
        }
    }

    /// The law of revisions: in whatever order dated webhooks arrive, an order ends as the newest of them has it.
    #[test]
    fn an_order_is_what_its_store_says_last(
        mut dates in prop::collection::hash_set(0..100_i64, 1..8),
        skus in prop::collection::vec(prop_oneof![Just("STORM"), Just("RAIN"), Just("SUN")], 8),
    ) {
        let newest = *dates.iter().max().unwrap();
        let mut delivery = Delivery::default();
        for (date, sku) in dates.drain().zip(&skus) {
            let webhook = Webhook { items: vec![item(sku)], ..changed(date, Intent::Deliver) };
            for event in delivery.decide(record(webhook)).unwrap() {
                delivery.apply(event);
            }
            let known = delivery.order().unwrap();
            if date == newest {
                prop_assert_eq!(&known.summary.lines.current[0].item, &item(sku));
            }
        }
        let stale = changed(newest - 1, Intent::Deliver);
        let before = delivery.clone();
        for event in delivery.decide(record(stale)).unwrap() {
            delivery.apply(event);
        }
        prop_assert_eq!(known(delivery), known(before));
    }

    /// The delivery log keeps nothing but the summary, and folds on from there.
    #[test]
    fn a_summary_that_is_stored_and_folded_by_itself_is_that_of_the_aggregate(
        commands in prop::collection::vec(any_command(), 0..60),
    ) {
        let (delivery, history) = history_of(&commands);
        let mut summary: Option<Summary> = None;
        for event in &history {
            if let (None, DeliveryEvent::WebhookReceived { webhook, outcome, .. }) = (&summary, event) {
                summary = Some(Summary::first(webhook, *outcome));
            } else if let Some(summary) = &mut summary {
                let stored = serde_json::to_string(summary).unwrap();
                *summary = serde_json::from_str(&stored).unwrap();
                summary.apply(event);
            }
        }
        prop_assert_eq!(summary.as_ref(), delivery.order().map(|order| &order.summary));
    }

    #[test]
    fn a_state_is_the_same_after_a_round_through_its_stored_form(
        commands in prop::collection::vec(any_command(), 0..40),
    ) {
        let (delivery, _) = history_of(&commands);
        let stored = serde_json::to_string(&delivery).unwrap();
        prop_assert_eq!(serde_json::from_str::<Delivery>(&stored).unwrap(), delivery);
    }
}
