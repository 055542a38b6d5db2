//! What a store reports about an order for the first time, again, and when it cancels.

use super::fixtures::*;
use crate::ResolutionCode;
use crate::delivery::{
    DeliveryCommand, DeliveryEvent, DeliveryStatus, Intent, StopCause, Webhook, WebhookOutcome, WebhookRepeated,
};

#[test]
fn the_first_webhook_with_a_wanted_status_queues_the_order() {
    given([]).when(record(webhook(Intent::Deliver))).then_expect_events(vec![received(Intent::Deliver)]);
    assert_eq!(fold([received(Intent::Deliver)]).status(), Some(DeliveryStatus::Queued));
}

#[test]
fn a_filtered_webhook_does_not_use_up_the_order() {
    let filtered = [received(Intent::Filtered)];
    assert_eq!(fold(filtered.clone()).status(), Some(DeliveryStatus::FailedPermanent));
    let code = fold(filtered.clone()).order().unwrap().summary.phase.resolution_code();
    assert_eq!(code, Some(ResolutionCode::OrderStatusFiltered));
    assert_eq!(outcome_after(filtered.clone(), webhook(Intent::Filtered)), WebhookOutcome::Duplicate);
    assert_eq!(outcome_after(filtered.clone(), webhook(Intent::Deliver)), WebhookOutcome::Accepted);

    let paid = fold(filtered.into_iter().chain([did(webhook(Intent::Deliver), WebhookOutcome::Accepted)]));
    assert_eq!(paid.status(), Some(DeliveryStatus::Queued));
}

#[test]
fn what_was_bought_is_what_the_accepted_webhook_says() {
    let paid = Webhook { items: vec![item("SUN")], username: None, ..webhook(Intent::Deliver) };
    let order = fold([received(Intent::Filtered), did(paid, WebhookOutcome::Accepted)]);
    let order = order.order().unwrap();
    assert_eq!(order.summary.lines.current.iter().map(|line| &line.item).collect::<Vec<_>>(), [&item("SUN")]);
    assert_eq!(order.summary.username, Some("max".into()), "a username once given is kept");
}

#[test]
fn a_repeated_webhook_is_recorded_and_delivers_nothing_twice() {
    given([received(Intent::Deliver)])
        .when(record(webhook(Intent::Deliver)))
        .then_expect_events(vec![repeated(webhook(Intent::Deliver))]);

    let done = running_and([shared("storm", 10), shared("rain", 10), Completed {}]);
    given(done.clone())
        .when(record(webhook(Intent::Deliver)))
        .then_expect_events(vec![repeated(webhook(Intent::Deliver))]);
    let repeated = done.into_iter().chain([repeated(webhook(Intent::Deliver))]);
    assert_eq!(fold(repeated).status(), Some(DeliveryStatus::Completed));
}

#[test]
fn an_order_that_the_store_cancels_before_delivery_is_cancelled() {
    for before in [vec![], vec![received(Intent::Filtered)], vec![received(Intent::Deliver)]] {
        let cancel = did(undated(60, Intent::Cancel), WebhookOutcome::Cancelled);
        let cancelled: Vec<_> = before.into_iter().chain([cancel]).collect();
        assert_eq!(fold(cancelled.clone()).status(), Some(DeliveryStatus::Cancelled));
        let late = outcome_after(cancelled.clone(), undated(61, Intent::Deliver));
        assert_eq!(late, WebhookOutcome::Stale, "an order without a date does not revive it");
        assert_eq!(outcome_after(cancelled, undated(61, Intent::Cancel)), WebhookOutcome::Duplicate);
    }
}

#[test]
fn a_cancellation_that_the_store_took_back_delivers() {
    for cancel in [changed(60, Intent::Cancel), undated(60, Intent::Cancel)] {
        for before in [vec![], vec![received(Intent::Filtered)], vec![received(Intent::Deliver)]] {
            let cancelled = before.into_iter().chain([did(cancel.clone(), WebhookOutcome::Cancelled)]);
            let cancelled: Vec<_> = cancelled.collect();
            let outcome = |webhook| outcome_after(cancelled.clone(), webhook);
            assert_eq!(outcome(changed(59, Intent::Deliver)), WebhookOutcome::Stale);
            assert_eq!(outcome(changed(61, Intent::Deliver)), WebhookOutcome::Accepted);
            assert_eq!(outcome(changed(61, Intent::Filtered)), WebhookOutcome::Filtered);
            let again = did(changed(61, Intent::Deliver), WebhookOutcome::Accepted);
            let taken_back = fold(cancelled.iter().cloned().chain([again]));
            assert_eq!(taken_back.status(), Some(DeliveryStatus::Queued));
        }
    }
}

/// WooCommerce's clock has a grain of one second.
#[test]
fn a_cancellation_and_a_reprocess_in_the_same_second_resolve_by_arrival() {
    let paid = [first(changed(0, Intent::Deliver))];
    let received_within_the_second = after(60) + chrono::TimeDelta::milliseconds(400);
    let undated = Webhook { received_at: received_within_the_second, ..webhook(Intent::Cancel) };
    for cancel in [changed(60, Intent::Cancel), undated] {
        let cancelled = paid.iter().cloned().chain([did(cancel.clone(), WebhookOutcome::Cancelled)]);
        assert_eq!(outcome_after(cancelled, changed(60, Intent::Deliver)), WebhookOutcome::Accepted);
    }
    let reprocessed = paid.iter().cloned().chain([repeated(changed(60, Intent::Deliver))]);
    assert_eq!(outcome_after(reprocessed, changed(60, Intent::Cancel)), WebhookOutcome::Cancelled);
}

#[test]
fn an_order_that_is_cancelled_once_more_is_cancelled_since_then() {
    for earlier in [changed(60, Intent::Cancel), undated(60, Intent::Cancel)] {
        for once_more in [changed(90, Intent::Cancel), undated(90, Intent::Cancel)] {
            let cancelled = [first(earlier.clone()), repeated(once_more)];
            assert_eq!(outcome_after(cancelled.clone(), changed(89, Intent::Deliver)), WebhookOutcome::Stale);
            assert_eq!(outcome_after(cancelled, changed(91, Intent::Deliver)), WebhookOutcome::Accepted);
        }
    }
}

#[test]
fn a_store_takes_back_no_cancellation_of_a_person() {
    let wanted = changed(61, Intent::Deliver);
    let cancelled = [received(Intent::Deliver), Cancelled {}];
    given(cancelled.clone()).when(record(wanted.clone())).then_expect_events(vec![repeated(wanted.clone())]);
    let by_both = cancelled.into_iter().chain([repeated(undated(60, Intent::Cancel))]);
    given(by_both.collect::<Vec<_>>()).when(record(wanted.clone())).then_expect_events(vec![repeated(wanted)]);
}

#[test]
fn an_order_cancelled_after_delivery_stays_delivered() {
    let done = running_and([Completed {}]);
    assert_eq!(outcome_after(done.clone(), webhook(Intent::Cancel)), WebhookOutcome::TooLate);
    let history =
        done.iter().cloned().chain([did(webhook(Intent::Cancel), WebhookOutcome::TooLate)]).collect::<Vec<_>>();
    assert_eq!(outcome_after(history, webhook(Intent::Cancel)), WebhookOutcome::Duplicate, "the same again is no news");
    let cancelled = fold(done.into_iter().chain([did(webhook(Intent::Cancel), WebhookOutcome::TooLate)]));
    assert_eq!(cancelled.status(), Some(DeliveryStatus::Completed));
}

#[test]
fn a_running_delivery_that_the_store_cancels_stops_after_its_step() {
    let cancelled = running_and([did(changed(30, Intent::Cancel), WebhookOutcome::Cancelled)]);
    given(cancelled.clone()).when(share(1, "storm")).then_expect_events(vec![shared("storm", 10), Cancelled {}]);
    // And is started again if the store takes that back before the step is over.
    let reprocessed = changed(30, Intent::Deliver);
    assert_eq!(outcome_after(cancelled.clone(), reprocessed.clone()), WebhookOutcome::Accepted);
    let taken_back: Vec<_> = cancelled.into_iter().chain([did(reprocessed, WebhookOutcome::Accepted)]).collect();
    assert_eq!(fold(taken_back.clone()).order().unwrap().lease().unwrap().stop, Some(StopCause::Revised));
    given(taken_back).when(share(1, "storm")).then_expect_events(vec![shared("storm", 10), HandedBack {}]);
}

#[test]
fn an_order_whose_status_is_no_longer_delivered_waits_for_one_that_is() {
    let on_hold = || Webhook { order_status: Some("on-hold".to_owned()), ..changed(30, Intent::Filtered) };
    let queued = [first(changed(0, Intent::Deliver))];
    assert_eq!(outcome_after(queued.clone(), on_hold()), WebhookOutcome::Filtered);
    let held_up: Vec<_> = queued.into_iter().chain([did(on_hold(), WebhookOutcome::Filtered)]).collect();
    assert_eq!(fold(held_up.clone()).status(), Some(DeliveryStatus::FailedPermanent));
    assert_eq!(outcome_after(held_up, changed(40, Intent::Deliver)), WebhookOutcome::Accepted);

    let running = running_and([did(on_hold(), WebhookOutcome::Filtered)]);
    given(running).when(share(1, "storm")).then_expect_events(vec![shared("storm", 10), StatusFiltered {}]);
    let done = running_and([shared("storm", 10), shared("rain", 10), Completed {}]);
    assert_eq!(outcome_after(done, on_hold()), WebhookOutcome::Revised, "what was delivered stays so");
}

#[test]
fn an_order_that_was_deleted_before_it_was_reported_still_learns_what_was_bought() {
    let deleted = Webhook { items: vec![], username: None, ..undated(60, Intent::Cancel) };
    let events = fold([first(deleted.clone())]).decide(record(changed(0, Intent::Deliver))).unwrap();
    let [DeliveryEvent::WebhookReceived { outcome: WebhookOutcome::Revised, changes, .. }] = events.as_slice() else {
        panic!("it is revised, and stays cancelled: {events:?}");
    };
    assert_eq!(changes.len(), 3, "two lines and a username: {changes:?}");
    let delivery = fold([first(deleted)].into_iter().chain(events));
    let order = delivery.order().unwrap();
    assert_eq!(order.status(), DeliveryStatus::Cancelled);
    assert_eq!(order.summary.lines.current.len(), 2);
    assert_eq!(order.summary.username, Some("max".into()));
}

/// A webhook of these bytes, received so many seconds after noon.
fn of_bytes(digest: &str, at: i64) -> Box<Webhook> {
    let mut webhook = webhook(Intent::Deliver);
    webhook.body_digest = Some(digest.into());
    webhook.received_at = after(at);
    Box::new(webhook)
}

#[test]
fn the_same_bytes_again_are_noted_and_not_stored_again() {
    let stored = |digest: &str, at, outcome| DeliveryEvent::WebhookReceived {
        webhook: of_bytes(digest, at),
        outcome,
        changes: vec![],
    };
    let again = |digest: &str, at| DeliveryCommand::RecordWebhook(of_bytes(digest, at));
    let repeated = |first_webhook_number, at| {
        let of_it = of_bytes("", at);
        DeliveryEvent::WebhookRepeated(Box::new(WebhookRepeated {
            provider: of_it.provider,
            order_id: of_it.order_id.clone(),
            order_number: of_it.order_number.clone(),
            outcome: WebhookOutcome::Duplicate,
            first_webhook_number,
            received_at: after(at),
            topic: of_it.topic.clone(),
            webhook_id: of_it.webhook_id.clone(),
            headers: of_it.headers.clone(),
            body_bytes: of_it.body_bytes,
            unsigned: false,
            source: crate::ReportSource::Webhook,
        }))
    };
    let first = vec![stored("aa", 0, WebhookOutcome::Accepted), stored("bb", 1, WebhookOutcome::Duplicate)];
    given(first.clone()).when(again("aa", 2)).then_expect_events(vec![repeated(1, 2)]);
    given(first.clone()).when(again("bb", 2)).then_expect_events(vec![repeated(2, 2)]);
    given(first.clone()).when(again("cc", 2)).then_expect_events(vec![stored("cc", 2, WebhookOutcome::Duplicate)]);
    // Many in an hour are not even noted; in the next they are again.
    let many = first.into_iter().chain((2..21).map(|at| repeated(1, at)));
    let many: Vec<_> = many.collect();
    for digest in ["aa", "cc"] {
        given(many.clone()).when(again(digest, 30)).then_expect_events(vec![]);
    }
    given(many.clone()).when(again("aa", 3_600)).then_expect_events(vec![repeated(1, 3_600)]);
    // What says something new always is.
    let mut news = webhook(Intent::Deliver);
    (news.received_at, news.username) = (after(30), Some("maxine".into()));
    assert_eq!(outcome_after(many, news), WebhookOutcome::Revised);
}
