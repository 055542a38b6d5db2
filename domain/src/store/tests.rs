//! What is recorded of a connected store, as given, when, then.

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
    StoreCommand { account_id: AccountId(Uuid::from_u128(1)), step }
}

fn fail(retry_after: Option<TimeDelta>) -> StoreCommand {
    let (reason, now) = ("timed out".to_owned(), noon());
    command(Step::NotChecked { cause: CheckCause::Daily, reason, now, retry_after, integration_sequence: 3 })
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
    let check = || command(Step::Checked(checked()));
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
    let mut asked = fail(None);
    let Step::NotChecked { cause, .. } = &mut asked.step else { unreachable!() };
    *cause = CheckCause::Requested;
    let store = fold([watched(), not_checked(1), not_checked(5)]);
    assert_eq!(store.check_at(), Some(noon() + TimeDelta::minutes(5)));
    let events = store.decide(asked).unwrap();
    assert!(
        matches!(&events[..], [StoreEvent::SubscriptionsNotChecked { retry_at, .. }] if Some(*retry_at) == store.check_at())
    );
    let mut history = vec![watched(), not_checked(1)];
    history.extend(events);
    given(history).when(fail(None)).then_expect_events(vec![not_checked(5)]);
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
