//! The storage format.

use super::fixtures::*;
use crate::Private;
use crate::endpoint::{DisableCause, EndpointCreated, EndpointEvent, EndpointSettings, Profile, RetryPolicy};
use crate::event::LogEvent as _;
use crate::event::tests::stored;

fn created_with_everything() -> EndpointEvent {
    let EndpointEvent::EndpointCreated(first) = created() else { panic!("it is a creation") };
    let settings = EndpointSettings {
        description: "The warehouse".to_owned(),
        integrations: vec![shop(2)],
        filter: Some("$.total".to_owned()),
        headers: Private::Known(vec![("X-Team".to_owned(), "storm".to_owned())]),
        profile: Profile::CloudElements {
            element_key: Some("shopify".to_owned()),
            signature_key: Some("signature_key".into()),
        },
        schedule: Some(RetryPolicy::Standard),
        ordered: false,
        rate_per_second: Some(5),
        ..first.settings
    };
    EndpointEvent::EndpointCreated(Box::new(EndpointCreated { settings, ..*first }))
}

/// Lines are added, never changed or removed; before the last one, after which nothing is folded.
#[test]
fn the_stored_form_of_every_event_is_pinned() {
    let signing_secret = || NEW_SECRET.into();
    let secret_preview = || "…cret".to_owned();
    let events = [
        created_with_everything(),
        created(),
        EndpointEvent::UrlChanged { url: URL.to_owned() },
        EndpointEvent::DescriptionChanged { description: "The warehouse".to_owned() },
        EndpointEvent::EventTypesChanged { event_types: patterns(&["*"]) },
        EndpointEvent::IntegrationsChanged { integrations: vec![shop(2)] },
        EndpointEvent::FilterChanged { filter: Some("$.total".to_owned()) },
        EndpointEvent::FilterChanged { filter: None },
        EndpointEvent::HeadersChanged { headers: Private::Known(vec![("X-Team".to_owned(), "storm".to_owned())]) },
        EndpointEvent::ProfileChanged { profile: Profile::Clione { header_word: "Clione".to_owned() } },
        EndpointEvent::ProfileChanged { profile: cloud_elements() },
        EndpointEvent::ProfileChanged { profile: Profile::Standard },
        EndpointEvent::ScheduleChanged { schedule: Some(RetryPolicy::Standard) },
        EndpointEvent::ScheduleChanged { schedule: Some(RetryPolicy::CloudElements) },
        EndpointEvent::ScheduleChanged { schedule: None },
        EndpointEvent::ScheduleChanged { schedule: Some(RetryPolicy::CloudElementsFive) },
        EndpointEvent::ScheduleChanged { schedule: Some(RetryPolicy::Queue) },
        EndpointEvent::OrderingChanged { ordered: false },
        EndpointEvent::RateLimitChanged { rate_per_second: Some(5) },
        EndpointEvent::RateLimitChanged { rate_per_second: None },
        EndpointEvent::ConcurrencyChanged { concurrency: 1 },
        EndpointEvent::SigningSecretRotated {
            signing_secret: signing_secret(),
            secret_preview: secret_preview(),
            previous_valid_until: noon(),
        },
        EndpointEvent::SigningSecretSet { signing_secret: signing_secret(), secret_preview: secret_preview() },
        EndpointEvent::EndpointPaused {},
        EndpointEvent::EndpointResumed {},
        failing(50, 4),
        degraded(),
        EndpointEvent::EndpointRecovered {},
        disabled(DisableCause::Gone),
        disabled(DisableCause::FailurePolicy),
        EndpointEvent::EndpointDisabled { cause: DisableCause::FailurePolicy, reason: None },
        EndpointEvent::EndpointDeleted {},
    ];
    insta::assert_snapshot!(stored(&events));
    let erasing: Vec<_> = events.iter().filter(|event| event.erases_data_key()).collect();
    assert_eq!(erasing, [&EndpointEvent::EndpointDeleted {}]);
}

/// Grows by a line before the last one whenever the stored form grows; no line is ever changed or removed.
#[test]
fn every_event_that_ever_was_still_loads() {
    for line in include_str!("../ever.jsonl").lines() {
        serde_json::from_str::<EndpointEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
