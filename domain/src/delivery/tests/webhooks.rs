//! What a store says about an order, and what becomes of it.

use super::fixtures::*;
use crate::ResolutionCode;
use crate::delivery::{DeliveryEvent, DeliveryStatus, Intent, Webhook, WebhookOutcome};

#[test]
fn the_first_webhook_with_a_wanted_status_queues_the_order() {
    given([]).when(record(webhook(Intent::Deliver))).then_expect_events(vec![received(Intent::Deliver)]);
    assert_eq!(fold([received(Intent::Deliver)]).status(), Some(DeliveryStatus::Queued));
}

#[test]
fn a_filtered_webhook_does_not_use_up_the_order() {
    let filtered = fold([received(Intent::Filtered), received(Intent::Filtered)]);
    assert_eq!(filtered.status(), Some(DeliveryStatus::FailedPermanent));
    assert_eq!(filtered.order().unwrap().phase.resolution_code(), Some(ResolutionCode::OrderStatusFiltered));
    assert_eq!(filtered.outcome_of(&webhook(Intent::Deliver)), WebhookOutcome::Accepted);

    let paid = fold([received(Intent::Filtered), received(Intent::Deliver)]);
    assert_eq!(paid.status(), Some(DeliveryStatus::Queued));
}

#[test]
fn what_was_bought_is_what_the_accepted_webhook_says() {
    let mut paid = webhook(Intent::Deliver);
    paid.items = vec![item("SUN")];
    paid.username = None;
    let order = fold([received(Intent::Filtered), told(paid)]);
    let order = order.order().unwrap();
    assert_eq!(order.items, [item("SUN")]);
    assert_eq!(order.username, Some("max".into()), "a username once told is kept");
}

#[test]
fn a_repeated_webhook_is_recorded_and_delivers_nothing_twice() {
    let accepted = fold([received(Intent::Deliver)]);
    assert_eq!(accepted.outcome_of(&webhook(Intent::Deliver)), WebhookOutcome::Duplicate);
    assert_eq!(accepted.outcome_of(&webhook(Intent::Filtered)), WebhookOutcome::Duplicate);
    given([received(Intent::Deliver)])
        .when(record(webhook(Intent::Deliver)))
        .then_expect_events(vec![repeated(webhook(Intent::Deliver))]);

    let done = running_and([
        ItemShared { asset: preset("storm"), credits: crate::Credits(10) },
        ItemShared { asset: preset("rain"), credits: crate::Credits(10) },
        Completed,
        repeated(webhook(Intent::Deliver)),
    ]);
    assert_eq!(fold(done).status(), Some(DeliveryStatus::Completed));
}

#[test]
fn an_order_that_the_store_calls_off_before_delivery_is_cancelled() {
    for before in [vec![], vec![received(Intent::Filtered)], vec![received(Intent::Deliver)]] {
        let delivery = fold(before.into_iter().chain([received(Intent::Cancel)]));
        assert_eq!(delivery.status(), Some(DeliveryStatus::Cancelled));
        assert_eq!(
            delivery.outcome_of(&webhook(Intent::Deliver)),
            WebhookOutcome::Duplicate,
            "a late order does not revive it"
        );
    }
}

#[test]
fn a_cancellation_that_the_store_took_back_delivers() {
    let wanted = |seconds| changed(seconds, Intent::Deliver);
    for before in [vec![], vec![received(Intent::Filtered)], vec![received(Intent::Deliver)]] {
        let called_off: Vec<_> = before.into_iter().chain([told(changed(60, Intent::Cancel))]).collect();
        let delivery = fold(called_off.clone());
        for late in [wanted(59), wanted(60), webhook(Intent::Deliver), changed(61, Intent::Filtered)] {
            assert_eq!(delivery.outcome_of(&late), WebhookOutcome::Duplicate, "{:?}", late.changed_at);
        }
        assert_eq!(delivery.outcome_of(&wanted(61)), WebhookOutcome::Accepted);
        let again = became(wanted(61), WebhookOutcome::Accepted);
        let taken_back = fold(called_off.iter().cloned().chain([again]));
        assert_eq!(taken_back.status(), Some(DeliveryStatus::Queued));

        // Called off once more, and by a person: only the store takes back what the store said.
        let once_more = became(changed(90, Intent::Cancel), WebhookOutcome::Duplicate);
        let once_more = fold(called_off.into_iter().chain([once_more]));
        assert_eq!(once_more.outcome_of(&wanted(61)), WebhookOutcome::Duplicate);
        assert_eq!(once_more.outcome_of(&wanted(91)), WebhookOutcome::Accepted);
    }
    let by_a_person = fold([received(Intent::Deliver), Cancelled]);
    assert_eq!(by_a_person.outcome_of(&wanted(61)), WebhookOutcome::Duplicate);
}

#[test]
fn a_cancellation_without_a_date_is_as_old_as_its_receipt() {
    for before in [vec![], vec![received(Intent::Filtered)], vec![received(Intent::Deliver)]] {
        let called_off: Vec<_> = before.into_iter().chain([told(undated(60, Intent::Cancel))]).collect();
        let wanted = changed(61, Intent::Deliver);
        given(called_off.clone())
            .when(record(wanted.clone()))
            .then_expect_events(vec![became(wanted, WebhookOutcome::Accepted)]);
        for late in [
            changed(59, Intent::Deliver),
            changed(60, Intent::Deliver),
            changed(61, Intent::Filtered),
            undated(61, Intent::Deliver),
            webhook(Intent::Deliver),
        ] {
            given(called_off.clone()).when(record(late.clone())).then_expect_events(vec![repeated(late)]);
        }
        let wanted = became(changed(61, Intent::Deliver), WebhookOutcome::Accepted);
        let taken_back = fold(called_off.into_iter().chain([wanted]));
        assert_eq!(taken_back.status(), Some(DeliveryStatus::Queued));
    }
}

#[test]
fn the_date_of_a_cancellation_counts_before_its_receipt() {
    let wanted = changed(61, Intent::Deliver);
    let late_on_its_way = Webhook { received_at: Some(after(90)), ..changed(60, Intent::Cancel) };
    given([told(late_on_its_way)])
        .when(record(wanted.clone()))
        .then_expect_events(vec![became(wanted, WebhookOutcome::Accepted)]);
}

#[test]
fn an_order_that_is_called_off_once_more_is_called_off_since_then() {
    for first in [changed(60, Intent::Cancel), undated(60, Intent::Cancel)] {
        for once_more in [changed(90, Intent::Cancel), undated(90, Intent::Cancel)] {
            let called_off = [told(first.clone()), repeated(once_more)];
            for (seconds, outcome) in [(90, WebhookOutcome::Duplicate), (91, WebhookOutcome::Accepted)] {
                let wanted = changed(seconds, Intent::Deliver);
                given(called_off.clone())
                    .when(record(wanted.clone()))
                    .then_expect_events(vec![became(wanted, outcome)]);
            }
        }
    }
}

#[test]
fn a_store_takes_back_no_cancellation_of_a_person_and_none_whose_time_nobody_knows() {
    let wanted = changed(61, Intent::Deliver);
    let by_a_person = [received(Intent::Deliver), Cancelled, repeated(undated(60, Intent::Cancel))];
    for called_off in [by_a_person.to_vec(), vec![received(Intent::Cancel)]] {
        given(called_off).when(record(wanted.clone())).then_expect_events(vec![repeated(wanted.clone())]);
    }
}

#[test]
fn an_order_called_off_after_delivery_stays_delivered() {
    let done = running_and([Completed]);
    assert_eq!(fold(done.clone()).outcome_of(&webhook(Intent::Cancel)), WebhookOutcome::TooLate);
    let called_off = fold(done.into_iter().chain([became(webhook(Intent::Cancel), WebhookOutcome::TooLate)]));
    assert_eq!(called_off.status(), Some(DeliveryStatus::Completed));
}

#[test]
fn a_running_delivery_that_is_called_off_stops_after_its_step() {
    let delivery = fold(running_and([received(Intent::Cancel)]));
    assert!(delivery.order().unwrap().lease().unwrap().cancel_requested);
}

#[test]
fn an_order_that_was_called_off_before_it_was_told_still_learns_what_was_bought() {
    let mut deleted = webhook(Intent::Cancel);
    (deleted.items, deleted.username) = (vec![], None);
    let delivery = fold([told(deleted), repeated(webhook(Intent::Deliver))]);
    let order = delivery.order().unwrap();
    assert_eq!(order.status(), DeliveryStatus::Cancelled);
    assert_eq!(order.items.len(), 2);
    assert_eq!(order.username, Some("max".into()));
}

#[test]
fn an_order_that_waits_for_a_username_takes_it_from_the_store() {
    let mut corrected = webhook(Intent::Deliver);
    corrected.username = Some("maxine".into());
    for code in [ResolutionCode::MissingUsername, ResolutionCode::InvalidUsername] {
        given(waiting_for(code)).when(record(corrected.clone())).then_expect_events(vec![
            repeated(corrected.clone()),
            DeliveryEvent::UsernameCorrected { username: "maxine".into() },
        ]);
    }
    given(waiting_for(ResolutionCode::CreditsExhausted))
        .when(record(corrected.clone()))
        .then_expect_events(vec![repeated(corrected)]);
    given(waiting_for(ResolutionCode::InvalidUsername))
        .when(record(webhook(Intent::Deliver)))
        .then_expect_events(vec![repeated(webhook(Intent::Deliver))]);
}
