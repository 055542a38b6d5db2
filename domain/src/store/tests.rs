//! What is recorded of a connected store, as given, when, then.

mod comparing;
mod filling;

use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::event::tests::stored;

fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

fn watched() -> StoreEvent {
    StoreEvent::StoreWatched { account_id: AccountId(Uuid::from_u128(1)) }
}

fn topics(topics: &[&str]) -> Vec<String> {
    topics.iter().map(|topic| (*topic).to_owned()).collect()
}

fn made(id: &str, topic: &str) -> StoreEvent {
    let address = "https://cloud.example/api/webhooks/shopify/1".to_owned();
    StoreEvent::SubscriptionMade { subscription_id: id.to_owned(), topics: topics(&[topic]), address }
}

fn removed(id: &str, topic: &str) -> StoreEvent {
    StoreEvent::SubscriptionRemoved { subscription_id: id.to_owned(), topics: topics(&[topic]) }
}

fn refused() -> StoreEvent {
    StoreEvent::SubscriptionRefused { topics: topics(&["orders/create"]), reason: "no".to_owned() }
}

fn checked() -> SubscriptionsChecked {
    SubscriptionsChecked {
        cause: CheckCause::Connected,
        present: 1,
        missing: topics(&["orders/create"]),
        disabled: vec![],
        at: noon(),
        integration_sequence: 3,
    }
}

fn not_checked(minutes: i64) -> StoreEvent {
    StoreEvent::SubscriptionsNotChecked {
        cause: CheckCause::Daily,
        reason: "timed out".to_owned(),
        retry_at: noon() + TimeDelta::minutes(minutes),
        integration_sequence: 3,
    }
}

fn command(step: Step) -> StoreCommand {
    StoreCommand { account_id: AccountId(Uuid::from_u128(1)), worker: None, step }
}

fn by_worker(worker: &str, step: Step) -> StoreCommand {
    StoreCommand { worker: Some(worker.to_owned()), ..command(step) }
}

fn request(cause: CheckCause, now: DateTime<Utc>, integration_sequence: Option<u64>) -> StoreCommand {
    command(Step::RequestCheck { cause, now, integration_sequence })
}

fn requested(cause: CheckCause, due_at: DateTime<Utc>, integration_sequence: Option<u64>) -> StoreEvent {
    StoreEvent::CheckRequested { cause, due_at, integration_sequence }
}

fn start(worker: &str, now: DateTime<Utc>) -> StoreCommand {
    command(Step::Start { worker: worker.to_owned(), now })
}

fn started(task: Task, worker: &str, now: DateTime<Utc>) -> StoreEvent {
    StoreEvent::WorkStarted { task, worker: worker.to_owned(), lease_until: now + LEASE }
}

fn begun() -> StoreEvent {
    StoreEvent::ComparisonBegun { from: noon() }
}

fn awaited(order_id: &str, seen_at: DateTime<Utc>) -> AwaitedOrder {
    AwaitedOrder { order_id: order_id.to_owned(), changed_at: noon(), seen_at }
}

fn found(fetched: u32, at: DateTime<Utc>) -> OrdersCompared {
    OrdersCompared {
        since: noon() - OVERLAP,
        through: noon() + TimeDelta::minutes(1),
        polled: false,
        changed: 3,
        received: 3 - fetched,
        fetched,
        unchanged: 0,
        unreadable: vec![],
        more: false,
        broken_off: false,
        awaited: vec![],
        longest_delay_ms: (fetched > 0).then_some(60_000),
        began_at: at,
        at,
        next_at: OrdersCompared::next_at(COMPARE_EVERY, false, &[], at),
    }
}

fn not_compared(minutes: i64) -> StoreEvent {
    StoreEvent::OrdersNotCompared { reason: "timed out".to_owned(), retry_at: noon() + TimeDelta::minutes(minutes) }
}

fn fail(retry_after: Option<TimeDelta>) -> StoreCommand {
    let (reason, now) = ("timed out".to_owned(), noon());
    command(Step::NotChecked { cause: CheckCause::Daily, reason, now, retry_after, integration_sequence: 3 })
}

fn part(products: u32, next: Option<&str>, at: DateTime<Utc>) -> CatalogueRead {
    CatalogueRead { products, collections: 1, news: 1, next: next.map(str::to_owned), began_at: noon(), at }
}

fn not_read(minutes: i64) -> StoreEvent {
    StoreEvent::CatalogueNotRead { reason: "timed out".to_owned(), retry_at: noon() + TimeDelta::minutes(minutes) }
}

fn given(events: impl Into<Vec<StoreEvent>>) -> AggregateTestExecutor<Store> {
    TestFramework::with(()).given(events.into())
}

fn fold(events: impl IntoIterator<Item = StoreEvent>) -> Store {
    let mut store = Store::default();
    events.into_iter().for_each(|event| store.apply(event));
    store
}

#[test]
fn the_first_that_is_recorded_says_whose_store_it_is() {
    let check = || command(Step::Checked { checked: checked(), compares_from: None, fills: false });
    given([]).when(check()).then_expect_events(vec![watched(), StoreEvent::SubscriptionsChecked(checked())]);
    given([watched()]).when(check()).then_expect_events(vec![StoreEvent::SubscriptionsChecked(checked())]);
    let id = Uuid::from_u128(2).to_string();
    let owner = fold([watched()]).owner(&id);
    assert_eq!(owner.account_id, Some(AccountId(Uuid::from_u128(1))));
    assert_eq!(owner.integration_id, Some(IntegrationId(Uuid::from_u128(2))));
}

#[test]
fn a_store_is_checked_every_day_and_sooner_where_that_failed() {
    let check = StoreEvent::SubscriptionsChecked(checked());
    assert_eq!(fold([watched()]).check_at(), None);
    assert_eq!(fold([watched(), check.clone()]).check_at(), Some(noon() + CHECK_EVERY));
    let mut history = vec![watched()];
    for minutes in [1, 5, 30, 120, 360, 360] {
        given(history.clone()).when(fail(None)).then_expect_events(vec![not_checked(minutes)]);
        history.push(not_checked(minutes));
    }
    assert_eq!(fold(history.clone()).failure(), Some("timed out"));
    history.push(check);
    given(history).when(fail(None)).then_expect_events(vec![not_checked(1)]);
}

#[test]
fn who_asks_for_a_check_while_the_store_is_away_does_not_put_off_the_next_one() {
    let history = [
        watched(),
        not_checked(1),
        not_checked(5),
        requested(CheckCause::Requested, noon(), None),
        started(Task::Check, "w", noon()),
    ];
    let mut asked = fail(None);
    let Step::NotChecked { cause, .. } = &mut asked.step else { unreachable!() };
    *cause = CheckCause::Requested;
    let events = fold(history.clone()).decide(asked).unwrap();
    let planned = noon() + TimeDelta::minutes(5);
    assert!(matches!(&events[..], [StoreEvent::SubscriptionsNotChecked { retry_at, .. }] if *retry_at == planned));
    let mut history = history.to_vec();
    history.extend(events);
    assert_eq!(fold(history.clone()).check_at(), Some(planned));
    given(history).when(fail(None)).then_expect_events(vec![not_checked(30)]);
}

#[test]
fn what_is_to_be_done_at_a_store_is_requested_once() {
    let connected = || request(CheckCause::Connected, noon(), Some(3));
    let first = requested(CheckCause::Connected, noon(), Some(3));
    given([]).when(connected()).then_expect_events(vec![watched(), first.clone()]);
    given([]).when(request(CheckCause::Changed, noon(), Some(3))).then_expect_events(vec![]);
    given([watched(), first.clone()]).when(connected()).then_expect_events(vec![]);
    // A check knew of it.
    let known = StoreEvent::SubscriptionsChecked(checked());
    given([watched(), known.clone()]).when(request(CheckCause::Changed, noon(), Some(3))).then_expect_events(vec![]);
    let changed = requested(CheckCause::Changed, noon(), Some(4));
    given([watched(), known]).when(request(CheckCause::Changed, noon(), Some(4))).then_expect_events(vec![changed]);
    // It is about to be done.
    given([watched(), first]).when(request(CheckCause::Requested, noon(), None)).then_expect_events(vec![]);
}

#[test]
fn one_worker_at_a_time_is_at_a_store() {
    let due = [watched(), requested(CheckCause::Connected, noon(), Some(3))];
    given([watched()]).when(start("a", noon())).then_expect_error(StoreRefusal::NotDue);
    given(due.clone()).when(start("a", noon())).then_expect_events(vec![started(Task::Check, "a", noon())]);
    let held = [&due[..], &[started(Task::Check, "a", noon())]].concat();
    given(held.clone()).when(start("b", noon())).then_expect_error(StoreRefusal::NotDue);
    assert_eq!(fold(held.clone()).due_at(), Some(noon() + LEASE), "where a does not come to an end");
    // A clock that was ahead is not waited for.
    let long_before = noon() - TimeDelta::days(1);
    given(held.clone()).when(start("b", long_before)).then_expect_events(vec![started(Task::Check, "b", long_before)]);
    // It was killed: what it was for is done again, for the same reason.
    let later = noon() + LEASE;
    assert_eq!(fold(held.clone()).due(later), Some((Task::Check, CheckCause::Connected)));
    given(held.clone()).when(start("b", later)).then_expect_events(vec![started(Task::Check, "b", later)]);
    let taken = [&held[..], &[started(Task::Check, "b", later)]].concat();
    assert_eq!(fold(taken.clone()).due(later + LEASE), Some((Task::Check, CheckCause::Connected)));
    let done = || Step::Checked { checked: checked(), compares_from: None, fills: false };
    given(taken.clone()).when(by_worker("a", done())).then_expect_error(StoreRefusal::LeaseLost);
    let event = StoreEvent::SubscriptionsChecked(checked());
    given(taken).when(by_worker("b", done())).then_expect_events(vec![event]);
}

#[test]
fn what_is_requested_while_a_store_is_checked_is_done_after_it() {
    let under_way = [watched(), requested(CheckCause::Connected, noon(), Some(3)), started(Task::Check, "a", noon())];
    for (cause, sequence) in
        [(CheckCause::Changed, Some(4)), (CheckCause::Revoked, None), (CheckCause::Requested, None)]
    {
        let wanted = requested(cause, noon(), sequence);
        given(under_way.clone()).when(request(cause, noon(), sequence)).then_expect_events(vec![wanted.clone()]);
        let history = [&under_way[..], &[wanted, StoreEvent::SubscriptionsChecked(checked())]].concat();
        assert_eq!(fold(history).due(noon()), Some((Task::Check, cause)));
    }
}

#[test]
fn who_says_again_and_again_that_the_app_is_gone_is_believed_once_a_minute() {
    let gone = |now| request(CheckCause::Revoked, now, None);
    let first = requested(CheckCause::Revoked, noon(), None);
    given([watched()]).when(gone(noon())).then_expect_events(vec![first.clone()]);
    let under_way = started(Task::Check, "a", noon());
    let history = [watched(), first, under_way, StoreEvent::SubscriptionsChecked(checked())];
    let (soon, later) = (noon() + TimeDelta::seconds(10), noon() + REVOCATIONS_EVERY);
    let second = requested(CheckCause::Revoked, later, None);
    given(history.clone()).when(gone(soon)).then_expect_events(vec![second.clone()]);
    let history = [&history[..], &[second]].concat();
    given(history.clone()).when(gone(soon)).then_expect_events(vec![]);
    assert_eq!(fold(history).due_at(), Some(later));
}

#[test]
fn a_store_that_cannot_be_called_is_left_alone_until_it_is_connected_again() {
    let history = [watched(), StoreEvent::SubscriptionsChecked(checked()), begun()];
    let pause = |sequence| command(Step::Pause { integration_sequence: sequence, now: noon() });
    let paused = StoreEvent::WatchPaused { integration_sequence: 4 };
    given(history.clone()).when(pause(4)).then_expect_events(vec![paused.clone()]);
    // What came before the check is known.
    given(history.clone()).when(pause(3)).then_expect_events(vec![]);
    let history = [&history[..], &[paused]].concat();
    assert_eq!(fold(history.clone()).due_at(), None);
    given(history.clone()).when(pause(5)).then_expect_events(vec![]);
    let again = requested(CheckCause::Connected, noon(), Some(5));
    given(history.clone())
        .when(request(CheckCause::Connected, noon(), Some(5)))
        .then_expect_events(vec![again.clone()]);
    // It is compared from where it was.
    let under_way = started(Task::Check, "a", noon());
    let history = [&history[..], &[again, under_way, StoreEvent::SubscriptionsChecked(checked())]].concat();
    let store = fold(history);
    assert_eq!(store.comparing().unwrap().through, noon());
    assert_eq!(store.due(noon()), Some((Task::Compare, CheckCause::Daily)));
}

#[test]
fn what_was_begun_with_a_token_that_was_replaced_since_is_begun_again_at_once() {
    let checked = [watched(), StoreEvent::SubscriptionsChecked(checked()), begun()];
    let (at, back) = (noon() + GRACE, || Step::HandBack { now: noon() + GRACE });
    for (requested, task, cause) in [
        (requested(CheckCause::Connected, at, Some(9)), Task::Check, CheckCause::Connected),
        (StoreEvent::ComparisonRequested { due_at: at }, Task::Compare, CheckCause::Daily),
        (StoreEvent::FillingRequested { due_at: at }, Task::Fill, CheckCause::Daily),
    ] {
        let held = [&checked[..], &[requested, started(task, "a", at)]].concat();
        given(held.clone()).when(by_worker("b", back())).then_expect_error(StoreRefusal::LeaseLost);
        let event = StoreEvent::HandedBack { at };
        given(held.clone()).when(by_worker("a", back())).then_expect_events(vec![event.clone()]);
        let store = fold([&held[..], &[event]].concat());
        assert!(store.due(at).is_some_and(|(due, of)| due == Task::Compare || (due, of) == (task, cause)), "{store:?}");
    }
    // So it is with a worker who did not know that the store was connected again.
    let held = [&checked[..], &[requested(CheckCause::Connected, at, Some(9)), started(Task::Check, "a", at)]].concat();
    let pause = |integration_sequence| by_worker("a", Step::Pause { integration_sequence, now: at });
    given(held.clone()).when(pause(8)).then_expect_events(vec![StoreEvent::HandedBack { at }]);
    given(held).when(pause(9)).then_expect_events(vec![StoreEvent::WatchPaused { integration_sequence: 9 }]);
}

#[test]
fn what_changes_while_an_integration_is_switched_off_is_not_compared() {
    let history = [watched(), StoreEvent::SubscriptionsChecked(checked()), begun()];
    let later = noon() + TimeDelta::days(3);
    let activated = request(CheckCause::Activated, later, Some(9));
    let events = vec![StoreEvent::ComparisonBegun { from: later }, requested(CheckCause::Activated, later, Some(9))];
    given(history.clone()).when(activated.clone()).then_expect_events(events);
    given(history[..2].to_vec()).when(activated).then_expect_events(vec![requested(
        CheckCause::Activated,
        later,
        Some(9),
    )]);
}

#[test]
fn what_a_clock_that_was_ahead_has_put_off_is_pulled_back() {
    let history =
        [watched(), StoreEvent::SubscriptionsChecked(checked()), begun(), StoreEvent::OrdersCompared(found(0, noon()))];
    let back = |now| command(Step::PullBack { now });
    given(history.clone()).when(back(noon())).then_expect_events(vec![]);
    let before = noon() - TimeDelta::days(400);
    let events = vec![requested(CheckCause::Daily, before, None), StoreEvent::ComparisonRequested { due_at: before }];
    given(history).when(back(before)).then_expect_events(events);
}

#[test]
fn a_store_that_asks_for_time_gets_it_but_not_for_ever() {
    given([watched()]).when(fail(Some(TimeDelta::hours(1)))).then_expect_events(vec![not_checked(60)]);
    given([watched()]).when(fail(Some(TimeDelta::days(400)))).then_expect_events(vec![not_checked(24 * 60)]);
}

#[test]
fn only_what_was_made_here_is_known_as_made_here() {
    let store = fold([watched(), made("1", "orders/create"), made("2", "orders/paid"), removed("1", "orders/create")]);
    assert!(store.has_made("2") && !store.has_made("1") && !store.has_made("3"));
}

#[test]
fn what_a_store_refuses_belongs_to_the_check_that_it_was_refused_in() {
    let store = fold([watched(), refused(), StoreEvent::SubscriptionsChecked(checked())]);
    let of_check = &store.checked().unwrap().refused;
    assert_eq!(*of_check, [RefusedTopics { topics: topics(&["orders/create"]), reason: "no".to_owned() }]);
    let again = StoreEvent::SubscriptionsChecked(checked());
    assert_eq!(
        fold([watched(), refused(), StoreEvent::SubscriptionsChecked(checked()), again]).checked().unwrap().refused,
        []
    );
}

#[test]
fn the_stored_form_of_every_event_is_pinned() {
    let events = [
        watched(),
        made("gid://shopify/WebhookSubscription/1", "orders/create"),
        StoreEvent::SubscriptionEnabled { subscription_id: "1".to_owned(), topics: topics(&["order.updated"]) },
        removed("1", "orders/create"),
        refused(),
        StoreEvent::SubscriptionsChecked(checked()),
        not_checked(1),
        requested(CheckCause::Connected, noon(), Some(3)),
        requested(CheckCause::Activated, noon(), None),
        started(Task::Check, "5f0c", noon()),
        started(Task::Compare, "5f0c", noon()),
        StoreEvent::WatchPaused { integration_sequence: 4 },
        StoreEvent::HandedBack { at: noon() },
        begun(),
        StoreEvent::ComparisonRequested { due_at: noon() },
        StoreEvent::OrdersCompared(found(0, noon())),
        StoreEvent::OrdersCompared(OrdersCompared {
            unchanged: 1,
            more: true,
            broken_off: true,
            unreadable: vec![UnreadableOrder {
                order_id: "7".to_owned(),
                changed_at: noon(),
                reason: "`id` is missing".to_owned(),
                tries: 1,
            }],
            awaited: vec![awaited("8", noon())],
            ..found(1, noon())
        }),
        not_compared(1),
        StoreEvent::OrdersCompared(OrdersCompared { polled: true, ..found(1, noon()) }),
        started(Task::Fill, "5f0c", noon()),
        StoreEvent::FillingRequested { due_at: noon() },
        StoreEvent::CatalogueRead(part(50, Some("abc"), noon())),
        StoreEvent::CatalogueRead(part(50, None, noon())),
        not_read(1),
    ];
    insta::assert_snapshot!(stored(&events));
}

/// Grows by a line whenever the stored form grows; no line is ever changed or removed.
#[test]
fn every_event_that_ever_was_still_loads() {
    for line in include_str!("ever.jsonl").lines() {
        serde_json::from_str::<StoreEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
