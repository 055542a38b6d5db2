//! Secrets and their rotation.

use chrono::TimeDelta;
use cqrs_es::Aggregate as _;

use super::fixtures::*;
use crate::Private;
use crate::endpoint::{Endpoint, EndpointCommand, EndpointEvent, EndpointRefusal, MAX_SECRETS};

fn rotated(secret: &str, preview: &str, hours: i64) -> EndpointEvent {
    let previous_valid_until = noon() + TimeDelta::hours(hours);
    let secret_preview = preview.to_owned();
    EndpointEvent::SigningSecretRotated { signing_secret: secret.into(), secret_preview, previous_valid_until }
}

fn secrets(endpoint: &Endpoint, hours: i64) -> Vec<&str> {
    endpoint.subscription().unwrap().signing_secrets(noon() + TimeDelta::hours(hours)).collect()
}

#[test]
fn the_old_secret_signs_too_until_the_overlap_ends() {
    let event = rotated(NEW_SECRET, "…cret", 24);
    given([]).when(rotate(&format!(" {NEW_SECRET}\n"), 24)).then_expect_events(vec![event.clone()]);
    given([event.clone()]).when(rotate(NEW_SECRET, 24)).then_expect_events(vec![]);
    given([]).when(rotate(SECRET, 24)).then_expect_events(vec![]);
    given([]).when(rotate(NEW_SECRET, 169)).then_expect_error(EndpointRefusal::OverlapTooLong { hours: 169 });
    let endpoint = fold([event]);
    assert_eq!(secrets(&endpoint, 23), [NEW_SECRET, SECRET]);
    assert_eq!(secrets(&endpoint, 24), [NEW_SECRET]);
}

#[test]
fn without_an_overlap_every_other_secret_is_void_at_once() {
    let set = |secret: &str| EndpointEvent::SigningSecretSet {
        signing_secret: secret.into(),
        secret_preview: "…cret".to_owned(),
    };
    given([]).when(rotate(NEW_SECRET, 0)).then_expect_events(vec![set(NEW_SECRET)]);
    given([set(NEW_SECRET)]).when(rotate(NEW_SECRET, 0)).then_expect_events(vec![]);
    let overlapping = rotated(NEW_SECRET, "…cret", 24);
    given([overlapping.clone()]).when(rotate(NEW_SECRET, 0)).then_expect_events(vec![set(NEW_SECRET)]);
    assert_eq!(secrets(&fold([overlapping, set(NEW_SECRET)]), 0), [NEW_SECRET]);
}

#[test]
fn a_secret_that_comes_back_signs_once() {
    let endpoint = fold([rotated(NEW_SECRET, "…cret", 24), rotated(SECRET, "…cret", 48)]);
    assert_eq!(secrets(&endpoint, 0), [SECRET, NEW_SECRET]);
}

#[test]
fn ten_secrets_are_valid_at_a_time_and_no_overlap_is_cut_short() {
    let mut endpoint = fold([]);
    let mut execute = |hours: i64, secret: &str, overlap_hours: u32| {
        let events = endpoint.decide(rotate_after(hours, secret, overlap_hours))?;
        for event in events {
            endpoint.apply(event);
        }
        Ok(secrets(&endpoint, hours).len())
    };
    // The first one overlaps longest.
    assert_eq!(execute(0, "whsec_1", 168), Ok(2));
    for number in 2..MAX_SECRETS {
        assert_eq!(execute(0, &format!("whsec_{number}"), 24), Ok(number + 1));
    }
    assert_eq!(execute(0, "whsec_more", 24), Err(EndpointRefusal::TooManySecrets));
    assert_eq!(execute(0, "whsec_3", 24), Ok(MAX_SECRETS), "one of them again");
    assert_eq!(execute(24, "whsec_more", 24), Ok(3), "what is void makes room, and what is not stays");
    assert_eq!(secrets(&endpoint, 24), ["whsec_more", "whsec_3", SECRET]);
}

#[test]
fn a_secret_has_its_form() {
    let long = format!("whsec_{}", "x".repeat(195));
    for invalid in ["", "whsec_", "secret", "WHSEC_secret", "whsec_two words", "whsec_ü", &long] {
        given([]).when(rotate(invalid, 24)).then_expect_error(EndpointRefusal::InvalidSecret);
    }
    let erased = EndpointCommand::RotateSecret { secret: Private::Erased, now: noon(), overlap_hours: 0 };
    given([]).when(erased).then_expect_error(EndpointRefusal::InvalidSecret);
}

#[test]
fn a_command_prints_no_secret() {
    for command in [create(), rotate(SECRET, 0)] {
        assert!(!format!("{command:?}").contains(SECRET));
    }
}
