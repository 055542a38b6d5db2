//! Histories and commands that name what matters and hide the rest. All of it happens at noon.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use crate::commerce::CommerceEventType;
use crate::dispatch::{
    AttemptOutcome, Attempted, Dispatch, DispatchCommand, DispatchEvent, Message, NewAttempt, ObjectKey,
};
use crate::endpoint::RetryPolicy;
use crate::schedule::{FAILURE_DELAYS, Jitter};
use crate::{AccountId, EndpointId, IntegrationId};

pub(super) fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

pub(super) fn message() -> Message {
    Message {
        endpoint_id: EndpointId(Uuid::from_u128(5)),
        account_id: AccountId(Uuid::from_u128(1)),
        integration_id: Some(IntegrationId(Uuid::from_u128(2))),
        event_id: Uuid::from_u128(6),
        event_type: CommerceEventType::OrderPaid,
        event_position: 1_042,
        object: Some(ObjectKey { kind: "order".to_owned(), id: "5678901231075".to_owned() }),
    }
}

pub(super) fn succeeds(attempt: u32) -> NewAttempt {
    NewAttempt {
        message: message(),
        attempt,
        probe: false,
        policy: RetryPolicy::Standard,
        now: noon(),
        jitter: Jitter::NONE,
        retry_after: None,
        status: Some(204),
        duration_ms: 120,
        address: None,
        reason: None,
        response: None,
    }
}

pub(super) fn fails(attempt: u32) -> NewAttempt {
    fails_with(attempt, 503)
}

pub(super) fn fails_with(attempt: u32, status: u16) -> NewAttempt {
    NewAttempt { status: Some(status), reason: Some(format!("answered {status}")), ..succeeds(attempt) }
}

pub(super) fn record(attempt: NewAttempt) -> DispatchCommand {
    DispatchCommand::RecordAttempt(Box::new(attempt))
}

fn attempted(of: NewAttempt, outcome: AttemptOutcome) -> DispatchEvent {
    let NewAttempt { message, attempt, probe, now: attempted_at, status, duration_ms, address, reason, .. } = of;
    let response = None;
    DispatchEvent::Attempted(Box::new(Attempted {
        not_before: None,
        message,
        attempt,
        probe,
        attempted_at,
        outcome,
        status,
        duration_ms,
        address,
        reason,
        response,
    }))
}

pub(super) fn delivered(attempt: u32) -> DispatchEvent {
    attempted(succeeds(attempt), AttemptOutcome::Delivered)
}

/// It is made again after so many seconds.
pub(super) fn failed(attempt: u32, seconds: i64) -> DispatchEvent {
    attempted(fails(attempt), AttemptOutcome::Failed { retry_at: noon() + TimeDelta::seconds(seconds) })
}

pub(super) fn dead_lettered(attempt: u32) -> DispatchEvent {
    attempted(fails(attempt), AttemptOutcome::DeadLettered)
}

/// So many attempts by the schedule, from the first.
pub(super) fn all_failed(attempts: u32) -> Vec<DispatchEvent> {
    (1..=attempts).zip(FAILURE_DELAYS).map(|(attempt, delay)| failed(attempt, delay.num_seconds())).collect()
}

pub(super) fn with(event: DispatchEvent, change: impl Fn(&mut Attempted)) -> DispatchEvent {
    let DispatchEvent::Attempted(mut attempted) = event else { panic!("it is an attempt") };
    change(&mut attempted);
    DispatchEvent::Attempted(attempted)
}

pub(super) fn given(events: impl Into<Vec<DispatchEvent>>) -> AggregateTestExecutor<Dispatch> {
    TestFramework::with(()).given(events.into())
}

pub(super) fn fold(events: impl IntoIterator<Item = DispatchEvent>) -> Dispatch {
    let mut dispatch = Dispatch::default();
    for event in events {
        dispatch.apply(event);
    }
    dispatch
}
