//! Histories and commands that name what matters and hide the rest.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use crate::endpoint::{
    CreateEndpoint, DisableCause, Endpoint, EndpointCommand, EndpointCreated, EndpointEvent, EndpointSettings,
    EventTypePattern, MessageFailure, Profile,
};
use crate::{AccountId, IntegrationId};

pub(super) const SECRET: &str = "whsec_first_secret";
pub(super) const NEW_SECRET: &str = "whsec_second_secret";
pub(super) const URL: &str = "https://shop.example/webhooks";

pub(super) fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

pub(super) fn shop(number: u128) -> IntegrationId {
    IntegrationId(Uuid::from_u128(number))
}

pub(super) fn patterns(texts: &[&str]) -> Vec<EventTypePattern> {
    texts.iter().map(|text| EventTypePattern::parse(text).unwrap()).collect()
}

pub(super) fn settings() -> EndpointSettings {
    EndpointSettings::new(URL.to_owned(), patterns(&["order.*", "faq.approved"]))
}

pub(super) fn cloud_elements() -> Profile {
    Profile::CloudElements { element_key: None, signature_key: None }
}

pub(super) fn create() -> EndpointCommand {
    let (account_id, secret) = (AccountId(Uuid::from_u128(1)), SECRET.into());
    EndpointCommand::Create(Box::new(CreateEndpoint { account_id, settings: settings(), secret, paused: false }))
}

pub(super) fn created() -> EndpointEvent {
    EndpointEvent::EndpointCreated(Box::new(EndpointCreated {
        account_id: AccountId(Uuid::from_u128(1)),
        settings: settings(),
        signing_secret: SECRET.into(),
        secret_preview: "…cret".to_owned(),
    }))
}

pub(super) fn given_nothing() -> AggregateTestExecutor<Endpoint> {
    TestFramework::with(()).given_no_previous_events()
}

pub(super) fn given(events: impl Into<Vec<EndpointEvent>>) -> AggregateTestExecutor<Endpoint> {
    TestFramework::with(()).given([vec![created()], events.into()].concat())
}

/// Of an endpoint with the profile of Cloud Elements.
pub(super) fn given_cloud_elements(events: impl Into<Vec<EndpointEvent>>) -> AggregateTestExecutor<Endpoint> {
    let changed = EndpointEvent::ProfileChanged { profile: cloud_elements() };
    given([vec![changed], events.into()].concat())
}

pub(super) fn fold(events: impl IntoIterator<Item = EndpointEvent>) -> Endpoint {
    let mut endpoint = Endpoint::default();
    endpoint.apply(created());
    for event in events {
        endpoint.apply(event);
    }
    endpoint
}

pub(super) fn rotate(secret: &str, overlap_hours: u32) -> EndpointCommand {
    rotate_after(0, secret, overlap_hours)
}

pub(super) fn rotate_after(hours: i64, secret: &str, overlap_hours: u32) -> EndpointCommand {
    EndpointCommand::RotateSecret { secret: secret.into(), now: noon() + TimeDelta::hours(hours), overlap_hours }
}

fn failure(failures: u32, status: u16) -> EndpointCommand {
    let (status, reason) = (Some(status), Some(reason(status)));
    EndpointCommand::RecordFailure(MessageFailure { failures, since: noon(), status, reason })
}

/// A message has failed so often in a row.
pub(super) fn fail(failures: u32) -> EndpointCommand {
    failure(failures, 503)
}

/// A message has failed once.
pub(super) fn fail_with(status: u16) -> EndpointCommand {
    failure(1, status)
}

pub(super) fn failing(percent: u8, failures: u32) -> EndpointEvent {
    EndpointEvent::EndpointFailing { percent, failures, limit: 7, since: noon(), reason: Some(reason(503)) }
}

pub(super) fn degraded() -> EndpointEvent {
    EndpointEvent::EndpointDegraded { since: noon(), failures: 7, reason: Some(reason(503)) }
}

pub(super) fn disabled(cause: DisableCause) -> EndpointEvent {
    let status = if cause == DisableCause::Gone { 410 } else { 503 };
    EndpointEvent::EndpointDisabled { cause, reason: Some(reason(status)) }
}

fn reason(status: u16) -> String {
    format!("answered {status}")
}
