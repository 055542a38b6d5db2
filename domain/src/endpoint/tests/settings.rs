//! What an endpoint's owner chooses.

use super::fixtures::*;
use crate::Private;
use crate::commerce::CommerceEventType;
use crate::endpoint::{
    DisableCause, EndpointChange, EndpointCommand, EndpointEvent, EndpointRefusal, EndpointSettings, MAX_INTEGRATIONS,
    Profile, RetryPolicy,
};

fn update(changes: impl Into<Vec<EndpointChange>>) -> EndpointCommand {
    EndpointCommand::Update { changes: changes.into() }
}

#[test]
fn each_setting_that_changes_is_an_event_of_its_own() {
    let headers = Private::Known(vec![("X-Team".to_owned(), "storm".to_owned())]);
    let clione = Profile::Clione { header_word: "Clione".to_owned() };
    let cases = [
        (
            EndpointChange::Url(" https://other.example/x ".to_owned()),
            EndpointEvent::UrlChanged { url: "https://other.example/x".to_owned() },
        ),
        (
            EndpointChange::Description("The warehouse ".to_owned()),
            EndpointEvent::DescriptionChanged { description: "The warehouse".to_owned() },
        ),
        (
            EndpointChange::EventTypes(patterns(&["*", "order.paid", "*"])),
            EndpointEvent::EventTypesChanged { event_types: patterns(&["*", "order.paid"]) },
        ),
        (
            EndpointChange::Integrations(vec![shop(3), shop(2), shop(3)]),
            EndpointEvent::IntegrationsChanged { integrations: vec![shop(3), shop(2)] },
        ),
        (
            EndpointChange::Filter(Some(" $.total ".to_owned())),
            EndpointEvent::FilterChanged { filter: Some("$.total".to_owned()) },
        ),
        (EndpointChange::Headers(headers.clone()), EndpointEvent::HeadersChanged { headers }),
        (EndpointChange::Profile(clione.clone()), EndpointEvent::ProfileChanged { profile: clione }),
        (
            EndpointChange::Schedule(Some(RetryPolicy::CloudElements)),
            EndpointEvent::ScheduleChanged { schedule: Some(RetryPolicy::CloudElements) },
        ),
        (EndpointChange::Ordered(false), EndpointEvent::OrderingChanged { ordered: false }),
        (EndpointChange::RatePerSecond(Some(5)), EndpointEvent::RateLimitChanged { rate_per_second: Some(5) }),
        (EndpointChange::Concurrency(1), EndpointEvent::ConcurrencyChanged { concurrency: 1 }),
    ];
    for (change, event) in cases.clone() {
        given([]).when(update([change.clone()])).then_expect_events(vec![event.clone()]);
        given([event]).when(update([change])).then_expect_events(vec![]);
    }
    let (changes, events): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    given([]).when(update(changes)).then_expect_events(events);
}

#[test]
fn a_schedule_that_was_chosen_counts_in_place_of_the_profiles() {
    let policy = |profile: Profile, schedule| EndpointSettings { profile, schedule, ..settings() }.retry_policy();
    let (standard, elements) = (RetryPolicy::Standard, RetryPolicy::CloudElements);
    for (profile, of_profile) in [(Profile::Standard, standard), (cloud_elements(), elements)] {
        assert_eq!(policy(profile.clone(), None), of_profile);
        for chosen in [standard, elements] {
            assert_eq!(policy(profile.clone(), Some(chosen)), chosen);
        }
    }
    let chosen = EndpointEvent::ScheduleChanged { schedule: Some(elements) };
    given([chosen.clone()]).when(fail(10)).then_expect_events(vec![disabled(DisableCause::FailurePolicy)]);
    let back = EndpointEvent::ScheduleChanged { schedule: None };
    given([chosen]).when(update([EndpointChange::Schedule(None)])).then_expect_events(vec![back]);
}

#[test]
fn what_can_be_left_out_can_be_taken_back() {
    let filter = EndpointEvent::FilterChanged { filter: Some("$.total".to_owned()) };
    let none = EndpointEvent::FilterChanged { filter: None };
    for cleared in [None, Some("  ".to_owned())] {
        given([filter.clone()]).when(update([EndpointChange::Filter(cleared)])).then_expect_events(vec![none.clone()]);
    }
    given([EndpointEvent::RateLimitChanged { rate_per_second: Some(5) }])
        .when(update([EndpointChange::RatePerSecond(None)]))
        .then_expect_events(vec![EndpointEvent::RateLimitChanged { rate_per_second: None }]);
}

#[test]
fn one_setting_that_is_refused_refuses_all() {
    let pair = |name: String, value: String| EndpointChange::Headers(Private::Known(vec![(name, value)]));
    let many = |count| vec![("X-Team".to_owned(), String::new()); count];
    let key = |key: &str| Profile::CloudElements { element_key: None, signature_key: Some(key.into()) };
    let element = |key: &str| Profile::CloudElements { element_key: Some(key.to_owned()), signature_key: None };
    let word = |word: &str| Profile::Clione { header_word: word.to_owned() };
    let integrations = (0..=MAX_INTEGRATIONS as u128).map(shop).collect();
    let long_url = format!("https://{}", "x".repeat(1_993));
    let cases = [
        (EndpointChange::Url(long_url), EndpointRefusal::InvalidUrl),
        (EndpointChange::Description("x".repeat(501)), EndpointRefusal::InvalidDescription),
        (EndpointChange::EventTypes(vec![]), EndpointRefusal::InvalidEventTypes),
        (EndpointChange::Integrations(integrations), EndpointRefusal::TooManyIntegrations),
        (EndpointChange::Filter(Some("x".repeat(4_001))), EndpointRefusal::InvalidFilter),
        (EndpointChange::Headers(Private::Erased), EndpointRefusal::InvalidHeaders),
        (EndpointChange::Headers(Private::Known(many(21))), EndpointRefusal::InvalidHeaders),
        (pair(String::new(), "x".to_owned()), EndpointRefusal::InvalidHeaders),
        (pair("x".repeat(101), "x".to_owned()), EndpointRefusal::InvalidHeaders),
        (pair("X-Team".to_owned(), "x".repeat(1_001)), EndpointRefusal::InvalidHeaders),
        (EndpointChange::Profile(word("")), EndpointRefusal::InvalidHeaderWord),
        (EndpointChange::Profile(word(&"x".repeat(41))), EndpointRefusal::InvalidHeaderWord),
        (EndpointChange::Profile(element(&"x".repeat(101))), EndpointRefusal::InvalidElementKey),
        (EndpointChange::Profile(element(" ")), EndpointRefusal::InvalidElementKey),
        (EndpointChange::Profile(element("shop\r\nify")), EndpointRefusal::InvalidElementKey),
        (EndpointChange::Profile(element("shop\u{202e}ify")), EndpointRefusal::InvalidElementKey),
        (EndpointChange::Profile(key("")), EndpointRefusal::InvalidSignatureKey),
        (EndpointChange::Profile(key(&"x".repeat(501))), EndpointRefusal::InvalidSignatureKey),
        (EndpointChange::RatePerSecond(Some(0)), EndpointRefusal::InvalidRate),
        (EndpointChange::RatePerSecond(Some(1_001)), EndpointRefusal::InvalidRate),
        (EndpointChange::Concurrency(0), EndpointRefusal::InvalidConcurrency),
        (EndpointChange::Concurrency(101), EndpointRefusal::InvalidConcurrency),
    ];
    for (change, refusal) in cases {
        given([]).when(update([EndpointChange::Ordered(false), change])).then_expect_error(refusal);
    }
    for url in ["", "https://", "ftp://shop.example", "shop.example", "https://shop.example/a b"] {
        let change = EndpointChange::Url(url.to_owned());
        given([]).when(update([change])).then_expect_error(EndpointRefusal::InvalidUrl);
    }
}

#[test]
fn an_endpoint_wants_its_types_of_its_integrations() {
    let wants = |events: &[EndpointEvent], of, integration| {
        fold(events.iter().cloned()).subscription().unwrap().settings.interest().includes(of, integration)
    };
    let (paid, approved) = (CommerceEventType::OrderPaid, CommerceEventType::FaqApproved);
    assert!(wants(&[], paid, Some(shop(2))));
    assert!(wants(&[], approved, None));
    assert!(!wants(&[], CommerceEventType::FaqRejected, None));
    let of_shop_2 = [EndpointEvent::IntegrationsChanged { integrations: vec![shop(2)] }];
    assert!(wants(&of_shop_2, paid, Some(shop(2))));
    assert!(!wants(&of_shop_2, paid, Some(shop(3))));
    assert!(!wants(&of_shop_2, approved, None), "it happened in no store");
    assert!(wants(&[EndpointEvent::EndpointPaused {}], paid, Some(shop(2))), "it waits");
}

#[test]
fn a_profile_has_its_retry_policy() {
    assert_eq!(Profile::Standard.retry_policy(), RetryPolicy::Standard);
    assert_eq!(Profile::Clione { header_word: "X".to_owned() }.retry_policy(), RetryPolicy::Standard);
    assert_eq!(cloud_elements().retry_policy(), RetryPolicy::CloudElements);
}
