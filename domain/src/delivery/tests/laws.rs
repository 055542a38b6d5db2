//! Laws that hold for every history and every order of commands, crashes and retries.

use std::collections::HashSet;

use cqrs_es::Aggregate;
use proptest::prelude::*;

use super::fixtures::*;
use crate::delivery::schedule::Jitter;
use crate::delivery::{Delivery, DeliveryCommand, DeliveryEvent, Held, Intent, Standing, Webhook};
use crate::{Credits, ResolutionCode};

fn any_intent() -> impl Strategy<Value = Intent> {
    prop_oneof![4 => Just(Intent::Deliver), 1 => Just(Intent::Filtered), 1 => Just(Intent::Cancel)]
}

/// With every mixture of dates.
fn any_webhook() -> impl Strategy<Value = Webhook> {
    let moment = || prop::option::of((0..100_i64).prop_map(after));
    (any_intent(), moment(), moment()).prop_map(|(intent, changed_at, received_at)| Webhook {
        changed_at,
        received_at,
        ..webhook(intent)
    })
}

fn any_held() -> impl Strategy<Value = Held> {
    (prop_oneof![Just("w1"), Just("w2")], 1..5_u32)
        .prop_map(|(worker, attempt)| Held { worker: worker.into(), attempt })
}

fn any_command() -> impl Strategy<Value = DeliveryCommand> {
    let asset = prop_oneof![Just(preset("storm")), Just(preset("rain")), Just(preset("sun"))];
    let seconds = 0..100_000_i64;
    let code = prop_oneof![Just(ResolutionCode::InvalidUsername), Just(ResolutionCode::CreditsExhausted)];
    prop_oneof![
        any_webhook().prop_map(record),
        seconds.clone().prop_map(|s| start_at(after(s), facts())),
        (any_held(), asset).prop_map(|(held, asset)| DeliveryCommand::RecordShare {
            held,
            asset,
            credits: Credits(10)
        }),
        any_held().prop_map(|held| DeliveryCommand::RecordFollow { held, credits: Credits(3) }),
        any_held().prop_map(|held| DeliveryCommand::Complete { held }),
        (any_held(), seconds.clone()).prop_map(|(held, s)| DeliveryCommand::Wait {
            held,
            now: after(s),
            jitter: Jitter::NONE
        }),
        (any_held(), seconds.clone()).prop_map(|(held, s)| DeliveryCommand::Fail {
            held,
            now: after(s),
            jitter: Jitter::NONE
        }),
        (any_held(), code.clone()).prop_map(|(held, code)| DeliveryCommand::RequireAction { held, code }),
        any_held().prop_map(|held| DeliveryCommand::HandBack { held }),
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

proptest! {
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
            let standing = |delivery: &Delivery| delivery.order().map(|order| order.phase.standing());
            prop_assert_eq!(standing(&delivery), standing(&before));
        } else {
            prop_assert_eq!(again, vec![]);
        }
    }

    #[test]
    fn no_asset_is_ever_shared_twice(commands in prop::collection::vec(any_command(), 0..80)) {
        let (_, history) = history_of(&commands);
        let mut shared = HashSet::new();
        for event in history {
            if let ItemShared { asset, .. } = event {
                prop_assert!(shared.insert(asset));
            }
        }
    }

    #[test]
    fn a_cancelled_delivery_stays_so_unless_the_store_changed_the_order_since(
        commands in prop::collection::vec(any_command(), 0..30),
        webhooks in prop::collection::vec(any_webhook(), 1..8),
    ) {
        let (mut delivery, _) = history_of(&commands);
        let cancelled = |delivery: &Delivery| {
            delivery.order().is_some_and(|order| order.phase.standing() == Standing::Cancelled)
        };
        let mut called_off_at = None;
        for webhook in webhooks {
            if !cancelled(&delivery) {
                break;
            }
            for event in delivery.decide(record(webhook.clone())).unwrap_or_default() {
                delivery.apply(event);
            }
            if webhook.intent == Intent::Cancel {
                called_off_at = called_off_at.max(webhook.changed_at.or(webhook.received_at));
            }
            let changed_since = webhook.changed_at.is_some() && webhook.changed_at > called_off_at;
            prop_assert!(cancelled(&delivery) || (webhook.intent == Intent::Deliver && changed_since));
        }
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
