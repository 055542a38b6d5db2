//! Orders that a thin webhook names, and that are fetched before anything is decided about them.

use chrono::TimeDelta;

use super::fixtures::*;
use crate::LineItem;
use crate::ResolutionCode::{MissingUsername, NdspWaiting, StoreAccessMissing, StoreUnavailable};
use crate::delivery::{
    CancelledBy, Change, DeliveryCommand, DeliveryEvent, DeliveryRefusal, ErasureCause, FetchFailure, FetchedOrder,
    Intent, MoveCause, Order, Phase, Webhook, WebhookOutcome,
};

fn announced() -> DeliveryEvent {
    first(thin())
}

fn announced_again(seconds: i64) -> DeliveryEvent {
    did(Webhook { received_at: after(seconds), ..thin() }, WebhookOutcome::Announced)
}

/// The first reading: of an order of which nothing was known everything is new.
fn fetched(order: Webhook, outcome: WebhookOutcome) -> DeliveryEvent {
    let line = |item: &LineItem| Change::LineAdded { line: item.sku.clone().unwrap(), quantity: item.quantity };
    let mut changes: Vec<_> = order.items.iter().map(line).collect();
    changes.extend(order.username.is_some().then_some(Change::UsernameChanged));
    changes.push(Change::StatusChanged { from: None, to: order.order_status.clone() });
    let order = Box::new(order);
    DeliveryEvent::OrderFetched(FetchedOrder { order, outcome, changes, announcements: 1, call: store_call(200) })
}

fn fetch_failed(status: u16, retry_at: Option<i64>) -> DeliveryEvent {
    let code = Some(if status == 401 { StoreAccessMissing } else { StoreUnavailable });
    let (call, retry_at) = (Some(store_call(status)), retry_at.map(after));
    DeliveryEvent::OrderFetchFailed { call, retry_at, code, decided_on: None }
}

/// Of an order whose delivery does not wait for it.
fn fetch_refused(retry_at: Option<i64>) -> DeliveryEvent {
    DeliveryEvent::OrderFetchFailed {
        call: Some(store_call(401)),
        retry_at: retry_at.map(after),
        code: Some(StoreAccessMissing),
        decided_on: Some(DECIDED_ON),
    }
}

fn refused() -> FetchFailure {
    FetchFailure::AccessMissing { call: Some(store_call(401)) }
}

fn order(events: impl IntoIterator<Item = DeliveryEvent>) -> Order {
    fold(events).order().expect("it was announced").clone()
}

fn phase(events: impl IntoIterator<Item = DeliveryEvent>) -> Phase {
    order(events).summary.phase
}

#[test]
fn nothing_is_decided_about_an_order_before_it_is_read() {
    assert_eq!(phase([announced()]), Phase::Queued);
    given([announced()]).when(start_at(noon(), facts())).then_expect_error(DeliveryRefusal::NotDue);
    assert_eq!(order([announced()]).to_fetch(noon()), Some(1));
    let read = fetched(webhook(Intent::Deliver), WebhookOutcome::Accepted);
    given([announced()]).when(record_fetched(webhook(Intent::Deliver), 1)).then_expect_events(vec![read.clone()]);
    assert_eq!(order([announced(), read.clone()]).to_fetch(noon()), None);
    given([announced(), read]).when(start_at(noon(), facts())).then_expect_events(vec![started(1)]);
}

#[test]
fn an_order_that_is_read_is_filtered_or_cancelled_as_one_that_a_webhook_tells() {
    for (intent, outcome, expected) in [
        (Intent::Filtered, WebhookOutcome::Filtered, Phase::Filtered),
        (Intent::Cancel, WebhookOutcome::Cancelled, Phase::Cancelled(CancelledBy::Store)),
    ] {
        let read = fetched(webhook(intent), outcome);
        given([announced()]).when(record_fetched(webhook(intent), 1)).then_expect_events(vec![read.clone()]);
        assert_eq!(phase([announced(), read]), expected);
    }
}

#[test]
fn what_is_announced_while_the_order_is_fetched_is_fetched_once_more() {
    let events = || vec![announced(), announced_again(5)];
    let read = fetched(webhook(Intent::Deliver), WebhookOutcome::Accepted);
    let after_first = order(events().into_iter().chain([read.clone()]));
    assert_eq!(after_first.to_fetch(after(5)), Some(2));
    given(events().into_iter().chain([read]).collect::<Vec<_>>())
        .when(start_at(after(5), facts()))
        .then_expect_error(DeliveryRefusal::NotDue);
    let both = fold(events()).decide(record_fetched(webhook(Intent::Deliver), 2)).unwrap();
    assert_eq!(order(events().into_iter().chain(both)).to_fetch(after(5)), None);
}

#[test]
fn the_same_bytes_again_are_another_announcement_and_are_stored_once() {
    let first_bytes = || Webhook { body_digest: Some("0a1b".into()), ..thin() };
    let read = fetched(webhook(Intent::Deliver), WebhookOutcome::Accepted);
    let known = vec![first(first_bytes()), read];
    let again = Webhook { received_at: after(5), ..first_bytes() };
    let events = fold(known.clone()).decide(record(again)).unwrap();
    assert!(matches!(&events[..], [DeliveryEvent::WebhookRepeated(repeated)] if repeated.first_webhook_number == 1));
    assert_eq!(order(known.into_iter().chain(events)).to_fetch(after(5)), Some(2));
}

#[test]
fn of_two_nodes_that_fetched_one_order_the_second_records_nothing() {
    let read = fetched(webhook(Intent::Deliver), WebhookOutcome::Accepted);
    given([announced(), read.clone()]).when(record_fetched(webhook(Intent::Deliver), 1)).then_expect_events(vec![]);
    // What it read may be older than what was announced since.
    let announced_since = vec![announced(), read, announced_again(5)];
    given(announced_since.clone()).when(record_fetched(webhook(Intent::Deliver), 1)).then_expect_events(vec![]);
    assert_eq!(order(announced_since).to_fetch(after(5)), Some(2));
    let failed_elsewhere = vec![announced(), fetch_failed(503, Some(1)), retry_scheduled(StoreUnavailable, after(1))];
    given(failed_elsewhere).when(fail_fetch(unavailable(), 0)).then_expect_events(vec![]);
    given(running()).when(fail_fetch(unavailable(), 0)).then_expect_events(vec![]);
}

#[test]
fn a_store_that_is_down_is_waited_for_and_given_up_after_seven_days() {
    let failed_once = vec![fetch_failed(503, Some(1)), retry_scheduled(StoreUnavailable, after(1))];
    given([announced()]).when(fail_fetch(unavailable(), 0)).then_expect_events(failed_once.clone());
    let waiting: Vec<_> = [announced()].into_iter().chain(failed_once).collect();
    assert_eq!(order(waiting.clone()).to_fetch(noon()), None);
    assert_eq!(order(waiting.clone()).to_fetch(after(1)), Some(1));
    assert_eq!(order(waiting.clone()).summary.reason.store_call, Some(store_call(503)));
    let read = fetched(webhook(Intent::Deliver), WebhookOutcome::Accepted);
    assert_eq!(phase(waiting.into_iter().chain([read])), Phase::Queued);

    let (mut delivery, mut tries) = (fold([announced()]), 0);
    while delivery.order().unwrap().summary.phase.until().is_some() || tries == 0 {
        let now = delivery.order().unwrap().summary.phase.until().unwrap_or(noon());
        let failed = (now - noon()).num_seconds();
        for event in delivery.decide(fail_fetch(unavailable(), failed)).unwrap() {
            cqrs_es::Aggregate::apply(&mut delivery, event);
        }
        tries += 1;
    }
    let order = delivery.order().unwrap();
    assert_eq!(order.summary.phase, Phase::FailedPermanently { code: StoreUnavailable });
    assert_eq!((tries, order.to_fetch(after(10_000_000))), (36, None));
    // A person starts it once more.
    let retried = delivery.decide(DeliveryCommand::Retry { username: None }).unwrap();
    for event in retried {
        cqrs_es::Aggregate::apply(&mut delivery, event);
    }
    assert_eq!(delivery.order().unwrap().to_fetch(noon()), Some(1));
}

#[test]
fn a_store_that_asks_to_be_left_alone_is_for_as_long_and_for_six_hours_at_most() {
    for (asked, waited) in [(-5, 1), (20, 20), (1_000_000, 21_600)] {
        let retry_after = Some(TimeDelta::seconds(asked));
        let failure = FetchFailure::Unavailable { call: store_call(429), retry_after };
        given([announced()]).when(fail_fetch(failure, 0)).then_expect_events(vec![
            fetch_failed(429, Some(waited)),
            retry_scheduled(StoreUnavailable, after(waited)),
        ]);
    }
}

#[test]
fn without_access_the_merchant_has_to_act_and_what_waits_is_released_then() {
    let required = DeliveryEvent::ActionRequired {
        code: StoreAccessMissing,
        call: None,
        assets: vec![],
        decided_on: Some(DECIDED_ON),
    };
    let failed = vec![fetch_failed(401, None), required];
    given([announced()]).when(fail_fetch(refused(), 0)).then_expect_events(failed.clone());
    let waiting: Vec<_> = [announced()].into_iter().chain(failed).collect();
    assert_eq!(order(waiting.clone()).to_fetch(after(1_000_000)), None);
    let released = DeliveryCommand::Release { cause: StoreAccessMissing };
    let delivery = fold(waiting.clone());
    let requeued = delivery.decide(released).unwrap();
    assert_eq!(order(waiting.into_iter().chain(requeued)).to_fetch(noon()), Some(1));
}

#[test]
fn news_of_an_order_that_rests_are_fetched_when_they_come_and_change_only_what_they_say() {
    let filtered = || vec![announced(), fetched(webhook(Intent::Filtered), WebhookOutcome::Filtered)];
    let news = || filtered().into_iter().chain([announced_again(5)]).collect::<Vec<_>>();
    assert_eq!(order(news()).to_fetch(after(4)), None);
    assert_eq!(order(news()).to_fetch(after(5)), Some(2));
    // It is filtered as before, and goes on trying by itself; it needs no person.
    for (failure, failed) in [(unavailable(), fetch_failed(503, Some(6))), (refused(), fetch_refused(Some(6)))] {
        given(news()).when(fail_fetch(failure, 5)).then_expect_events(vec![failed.clone()]);
        let tried = order(news().into_iter().chain([failed]));
        assert_eq!(tried.summary.phase, Phase::Filtered);
        assert_eq!(tried.summary.fetch_due_at(), Some(after(6)));
    }
    let read = fold(news()).decide(record_fetched(changed(5, Intent::Deliver), 2)).unwrap();
    assert_eq!(phase(news().into_iter().chain(read)), Phase::Queued);
    let same = fold(news()).decide(record_fetched(webhook(Intent::Filtered), 2)).unwrap();
    assert_eq!(phase(news().into_iter().chain(same)), Phase::Filtered);
}

/// Delivered, and announced once more.
fn delivered_and_announced() -> Vec<DeliveryEvent> {
    let read = fetched(webhook(Intent::Deliver), WebhookOutcome::Accepted);
    vec![announced(), read, started(1), shared("storm", 10), Completed {}, announced_again(5)]
}

#[test]
fn access_that_is_missing_for_a_change_of_what_is_delivered_is_said_and_saving_it_has_the_change_fetched() {
    let failed = fetch_refused(Some(6));
    given(delivered_and_announced()).when(fail_fetch(refused(), 5)).then_expect_events(vec![failed.clone()]);
    let unread: Vec<_> = delivered_and_announced().into_iter().chain([failed]).collect();
    let said = order(unread.clone()).summary;
    let (_, failure) = said.unread_change().expect("it is said");
    assert_eq!((&said.phase, failure.code), (&Phase::Completed, StoreAccessMissing));
    assert_eq!(failure.call, Some(store_call(401)));

    let release = || DeliveryCommand::Release { cause: StoreAccessMissing };
    let requested = DeliveryEvent::OrderFetchRequested { fixed: Some(StoreAccessMissing) };
    given(unread.clone()).when(release()).then_expect_events(vec![requested.clone()]);
    let woken: Vec<_> = unread.into_iter().chain([requested]).collect();
    given(woken.clone()).when(release()).then_expect_events(vec![]);
    let woken = order(woken);
    assert_eq!((woken.to_fetch(after(5)), &woken.summary.phase), (Some(2), &Phase::Completed));
    assert_eq!(woken.summary.unread_change(), None);
}

#[test]
fn a_change_that_cannot_be_fetched_is_given_up_with_its_reason_and_fetched_when_the_cause_is_fixed_or_a_person_asks() {
    for (failure, code) in [(unavailable(), StoreUnavailable), (refused(), StoreAccessMissing)] {
        let mut delivery = fold(delivered_and_announced());
        let mut last = vec![];
        while let Some(due_at) = delivery.order().unwrap().summary.fetch_due_at() {
            last = delivery.decide(fail_fetch(failure.clone(), (due_at - noon()).num_seconds())).unwrap();
            for event in last.clone() {
                cqrs_es::Aggregate::apply(&mut delivery, event);
            }
        }
        assert_eq!(last.last(), Some(&DeliveryEvent::OrderFetchGivenUp { code }));
        let given_up = delivery.order().unwrap();
        assert_eq!((given_up.to_fetch(after(10_000_000)), &given_up.summary.phase), (None, &Phase::Completed));
        assert!(given_up.summary.unread_change().is_some(), "it is still said");
        for (command, fixed) in
            [(DeliveryCommand::Release { cause: code }, Some(code)), (DeliveryCommand::Retry { username: None }, None)]
        {
            let requested = delivery.decide(command).unwrap();
            assert_eq!(requested, [DeliveryEvent::OrderFetchRequested { fixed }]);
            let mut again = delivery.clone();
            for event in requested {
                cqrs_es::Aggregate::apply(&mut again, event);
            }
            assert_eq!(again.order().unwrap().to_fetch(after(5)), Some(2));
        }
    }
}

#[test]
fn an_attempt_ends_after_its_step_when_news_are_announced_and_goes_on_once_they_are_read() {
    let read = fetched(webhook(Intent::Deliver), WebhookOutcome::Accepted);
    let stopped = vec![announced(), read, started(1), announced_again(5)];
    given(stopped.clone())
        .when(begin_step(1, crate::credits::PaidAction::Follow))
        .then_expect_events(vec![HandedBack {}]);
    let handed_back: Vec<_> = stopped.into_iter().chain([HandedBack {}]).collect();
    assert_eq!(order(handed_back.clone()).to_fetch(after(5)), Some(2));
    let cancelled = fold(handed_back.clone()).decide(record_fetched(changed(5, Intent::Cancel), 2)).unwrap();
    assert_eq!(phase(handed_back.into_iter().chain(cancelled)), Phase::Cancelled(CancelledBy::Store));
}

#[test]
fn an_attempt_that_did_not_live_to_be_cancelled_is_cancelled_whatever_is_still_to_be_read() {
    let read = fetched(webhook(Intent::Deliver), WebhookOutcome::Accepted);
    let stopped = vec![announced(), read, started(1), CancellationRequested {}, announced_again(5)];
    assert_eq!(order(stopped.clone()).to_fetch(after(60)), None);
    given(stopped.clone()).when(start_at(after(60), facts())).then_expect_events(vec![Cancelled {}]);
    let cancelled: Vec<_> = stopped.into_iter().chain([Cancelled {}]).collect();
    assert_eq!(order(cancelled).to_fetch(after(60)), Some(2));
}

#[test]
fn a_wait_for_the_customer_goes_on_beside_news_that_change_nothing() {
    let read = fetched(webhook(Intent::Deliver), WebhookOutcome::Accepted);
    let waiting = || vec![announced(), read.clone(), started(1), retry_scheduled(NdspWaiting, after(60))];
    let news = || waiting().into_iter().chain([announced_again(5)]).collect::<Vec<_>>();
    assert_eq!(order(news()).to_fetch(after(5)), Some(2));
    given(news()).when(fail_fetch(unavailable(), 5)).then_expect_events(vec![fetch_failed(503, Some(6))]);
    let same = fold(news()).decide(record_fetched(webhook(Intent::Deliver), 2)).unwrap();
    assert_eq!(phase(news().into_iter().chain(same)), Phase::RetryScheduled { code: NdspWaiting, due_at: after(60) });
}

#[test]
fn a_username_that_the_store_learned_releases_what_waited_for_one() {
    let read = fetched(Webhook { username: None, ..webhook(Intent::Deliver) }, WebhookOutcome::Accepted);
    let waiting = vec![announced(), read, action_required(MissingUsername), announced_again(5)];
    let named = fold(waiting.clone()).decide(record_fetched(changed(5, Intent::Deliver), 2)).unwrap();
    assert_eq!(phase(waiting.into_iter().chain(named)), Phase::Queued);
}

#[test]
fn nothing_of_an_erased_customer_is_fetched() {
    let erased = DeliveryEvent::PersonalDataErased { cause: ErasureCause::Store };
    let before = vec![announced(), Cancelled {}, erased];
    assert_eq!(order(before.clone()).to_fetch(after(1_000_000)), None);
    let again = fold(before.clone()).decide(record(Webhook { received_at: after(5), ..thin() })).unwrap();
    let after_all = order(before.into_iter().chain(again));
    assert_eq!(after_all.to_fetch(after(1_000_000)), None);
}

#[test]
fn a_fetch_further_off_than_its_own_delay_comes_after_that_delay() {
    let far = 24 * 60 * 60;
    let pull_back = DeliveryCommand::PullBack { now: noon() };
    let moved =
        DeliveryEvent::WaitMoved { until: noon() + TimeDelta::milliseconds(1_100), cause: MoveCause::ClockWasAhead };
    let down = vec![announced(), fetch_failed(503, Some(far)), retry_scheduled(StoreUnavailable, after(far))];
    let filtered =
        vec![announced(), fetched(webhook(Intent::Filtered), WebhookOutcome::Filtered), announced_again(far)];
    for events in [down, filtered] {
        given(events.clone()).when(pull_back.clone()).then_expect_events(vec![moved.clone()]);
        assert!(order(events.into_iter().chain([moved.clone()])).to_fetch(after(2)).is_some());
    }
}

#[test]
fn what_is_due_is_read_where_its_summary_says_so() {
    let read = || fetched(webhook(Intent::Deliver), WebhookOutcome::Accepted);
    let held = [announced(), read(), started(1), announced_again(1)];
    let cancelled = CancellationRequested {};
    for (events, is_read) in [
        (vec![announced()], true),
        (vec![announced(), read()], false),
        (vec![announced(), fetch_failed(503, Some(1)), retry_scheduled(StoreUnavailable, after(1))], true),
        (held.into(), true),
        // What a person cancels is ended first.
        ([announced(), read(), started(1)].into_iter().chain([cancelled, announced_again(1)]).collect(), false),
    ] {
        let order = order(events.clone());
        assert_eq!(order.summary.is_read_next(), is_read, "{events:?}");
        assert_eq!(order.to_fetch(after(100_000)).is_some(), is_read, "{events:?}");
    }
}
