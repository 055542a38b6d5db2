//! When the orders of a store are compared, and what comes of it.

use super::*;

#[test]
fn the_orders_of_a_store_are_compared_every_hour_and_sooner_where_they_are_awaited() {
    let from = |compares_from| command(Step::Checked { checked: checked(), compares_from, fills: false });
    let check = StoreEvent::SubscriptionsChecked(checked());
    given([watched()]).when(from(Some(noon()))).then_expect_events(vec![check.clone(), begun()]);
    given([watched(), check.clone(), begun()]).when(from(Some(noon() + GRACE))).then_expect_events(vec![check.clone()]);
    let store = fold([watched(), check.clone(), begun()]);
    assert_eq!(store.due_at(), Some(noon() + GRACE));
    let at = noon() + GRACE;
    let next = |more, awaited: &[AwaitedOrder]| OrdersCompared::next_at(COMPARE_EVERY, more, awaited, at);
    assert_eq!((next(false, &[]), next(true, &[])), (at + COMPARE_EVERY, at));
    assert_eq!(next(false, &[awaited("1", at), awaited("2", at + GRACE)]), at + GRACE);
    assert_eq!(next(false, &[awaited("1", noon() - GRACE)]), at + TimeDelta::seconds(1), "it is no storm");
    let history =
        [watched(), check, begun(), started(Task::Compare, "a", at), StoreEvent::OrdersCompared(found(0, at))];
    let store = fold(history);
    assert_eq!(store.due_at(), Some(at + COMPARE_EVERY));
    assert_eq!(store.comparing().unwrap().through, noon() + TimeDelta::minutes(1));
}

#[test]
fn a_comparison_that_is_requested_while_one_is_under_way_is_done_after_it() {
    let (at, ask) = (noon() + GRACE, || command(Step::RequestComparison { now: noon() + GRACE }));
    let asked = StoreEvent::ComparisonRequested { due_at: at };
    let history = [watched(), StoreEvent::SubscriptionsChecked(checked()), begun()];
    given(history[..2].to_vec()).when(ask()).then_expect_events(vec![]);
    given(history.clone()).when(ask()).then_expect_events(vec![]);
    let under_way = [&history[..], &[started(Task::Compare, "a", at)]].concat();
    given(under_way.clone()).when(ask()).then_expect_events(vec![asked.clone()]);
    let done = [&under_way[..], &[asked, StoreEvent::OrdersCompared(found(0, at))]].concat();
    assert!(fold(done.clone()).is_being_compared(at));
    assert_eq!(fold(done).due(at), Some((Task::Compare, CheckCause::Daily)));
}

#[test]
fn an_order_that_was_missed_has_the_webhooks_checked_once_an_hour() {
    let history =
        [watched(), StoreEvent::SubscriptionsChecked(checked()), begun(), started(Task::Compare, "a", noon())];
    let compared = |fetched, at| by_worker("a", Step::Compared(found(fetched, at)));
    let (none, one) = (StoreEvent::OrdersCompared(found(0, noon())), StoreEvent::OrdersCompared(found(1, noon())));
    given(history.clone()).when(compared(0, noon())).then_expect_events(vec![none]);
    let check = requested(CheckCause::Missed, noon(), None);
    given(history.clone()).when(compared(1, noon())).then_expect_events(vec![one.clone(), check.clone()]);
    let soon = noon() + TimeDelta::minutes(5);
    let again =
        [&history[..], &[one, check, StoreEvent::SubscriptionsChecked(checked()), started(Task::Compare, "a", soon)]];
    let events = vec![StoreEvent::OrdersCompared(found(1, soon))];
    given(again.concat()).when(compared(1, soon)).then_expect_events(events);
    // What is fetched in place of webhooks was not missed.
    let polled = OrdersCompared { polled: true, ..found(1, noon()) };
    let event = StoreEvent::OrdersCompared(polled.clone());
    given(history).when(by_worker("a", Step::Compared(polled))).then_expect_events(vec![event]);
}

#[test]
fn a_store_whose_orders_cannot_be_listed_is_tried_again_ever_later() {
    let mut history = vec![watched(), StoreEvent::SubscriptionsChecked(checked()), begun()];
    // No later than it is usually done.
    for minutes in [1, 5, 30, 60, 60] {
        history.push(started(Task::Compare, "a", noon()));
        let (reason, now) = ("timed out".to_owned(), noon());
        let fail = by_worker("a", Step::NotCompared { found: None, reason, now, retry_after: None });
        given(history.clone()).when(fail).then_expect_events(vec![not_compared(minutes)]);
        history.push(not_compared(minutes));
    }
    assert_eq!(fold(history.clone()).comparing().unwrap().failure.as_deref(), Some("timed out"));
    // Who asks while the store is away does not put it off.
    let history = [&history[..4], &[not_compared(5), StoreEvent::ComparisonRequested { due_at: noon() }]].concat();
    let history = [&history[..], &[started(Task::Compare, "a", noon())]].concat();
    let (reason, now) = ("timed out".to_owned(), noon());
    let fail = by_worker("a", Step::NotCompared { found: None, reason, now, retry_after: None });
    given(history.clone()).when(fail).then_expect_events(vec![not_compared(5)]);
    // What was found before counts.
    let (reason, now, found) = ("timed out".to_owned(), noon(), found(0, noon()));
    let fail =
        by_worker("a", Step::NotCompared { found: Some(Box::new(found.clone())), reason, now, retry_after: None });
    let next_at = noon() + TimeDelta::minutes(5);
    let events =
        vec![StoreEvent::OrdersCompared(OrdersCompared { next_at, broken_off: true, ..found }), not_compared(5)];
    given(history.clone()).when(fail).then_expect_events(events);
    let failures = |history: &[StoreEvent]| fold(history.to_vec()).comparing().unwrap().failures;
    assert_eq!(failures(&[&history[..], &[not_compared(5)]].concat()), failures(&history));
}

#[test]
fn orders_are_wanted_from_when_a_store_was_connected_though_its_first_check_fails() {
    let checked_at = |compares_from| command(Step::Checked { checked: checked(), compares_from, fills: false });
    let (check, hour) = (StoreEvent::SubscriptionsChecked(checked()), TimeDelta::hours(1));
    let begun = |from| StoreEvent::ComparisonBegun { from: from - TimeDelta::seconds(1) };
    let connected = [watched(), requested(CheckCause::Connected, noon(), None)];
    let changed = [&connected[..], &[requested(CheckCause::Changed, noon() + hour, Some(9))]].concat();
    for history in [connected.to_vec(), changed] {
        given(history).when(checked_at(Some(noon() + hour))).then_expect_events(vec![check.clone(), begun(noon())]);
    }
    let activated = [&connected[..], &[requested(CheckCause::Activated, noon() + hour, Some(9))]].concat();
    let later = Some(noon() + hour + hour);
    given(activated).when(checked_at(later)).then_expect_events(vec![check.clone(), begun(noon() + hour)]);
    let unlisted = [&connected[..], std::slice::from_ref(&check)].concat();
    let from = StoreEvent::ComparisonBegun { from: noon() + hour + hour };
    given(unlisted).when(checked_at(later)).then_expect_events(vec![check, from]);
}
