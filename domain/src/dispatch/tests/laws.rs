//! Laws that hold for every history of a dispatch and every order of commands.

use chrono::TimeDelta;
use cqrs_es::Aggregate as _;
use proptest::prelude::*;
use proptest::sample::select;

use super::fixtures::*;
use crate::dispatch::{
    AttemptOutcome, Dispatch, DispatchCommand, DispatchEvent, NewAttempt, RedriveCause, ResponseBody, SkipCause,
};
use crate::endpoint::{CreateEndpoint, EndpointCommand};
use crate::endpoint::{Endpoint, EndpointSettings, EventTypePattern, MAX_RETRY_AFTER, RetryPolicy};
use crate::laws::repeating_adds_nothing;
use crate::schedule::{FAILURE_DELAYS, Jitter};

/// The attempt that comes next, or another one: of another node, or after one that was not recorded.
fn any_attempt() -> impl Strategy<Value = (i64, NewAttempt)> {
    let number = prop_oneof![6 => Just(0), 1 => -2..=2_i64];
    let retry_after = prop::option::weighted(0.3, (-10..200_000_i64).prop_map(TimeDelta::seconds));
    let status = prop_oneof![1 => Just(204), 6 => select(vec![100, 302, 410, 500])];
    let body = select(vec![&b""[..], b"no", &[0xff; 2_000]]);
    let probe = prop::bool::weighted(0.2);
    (number, retry_after, status, body, any::<u16>(), 0..1_000_000_i64, probe).prop_map(
        |(offset, retry_after, status, body, random, seconds, probe)| {
            let attempt = if status == 204 { succeeds(1) } else { fails_with(1, status) };
            let now = noon() + TimeDelta::seconds(seconds);
            let (jitter, response) = (Jitter::from_random(random), ResponseBody::of(body));
            (offset, NewAttempt { probe, now, jitter, retry_after, response, ..attempt })
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Attempt(i64, Box<NewAttempt>),
    Other(DispatchCommand),
}

fn any_step() -> impl Strategy<Value = Step> {
    let cause = select(vec![RedriveCause::Operator, RedriveCause::Resumed]);
    let redrive = cause.prop_map(|cause| DispatchCommand::Redrive { cause, retry_at: noon() });
    let superseded = Just(DispatchCommand::Skip { cause: SkipCause::Superseded });
    let deleted = Just(DispatchCommand::Skip { cause: SkipCause::EndpointDeleted });
    let other = prop_oneof![
        10 => redrive,
        3 => superseded,
        1 => deleted,
    ];
    prop_oneof![
        6 => any_attempt().prop_map(|(offset, attempt)| Step::Attempt(offset, Box::new(attempt))),
        1 => other.prop_map(Step::Other),
    ]
}

fn any_policy() -> impl Strategy<Value = RetryPolicy> {
    select(vec![RetryPolicy::Standard, RetryPolicy::CloudElements, RetryPolicy::CloudElementsFive, RetryPolicy::Queue])
}

/// A history, each of its events with the command that it is of and the dispatch before it.
fn history(policy: RetryPolicy, steps: Vec<Step>) -> Vec<(DispatchCommand, Dispatch, DispatchEvent)> {
    let mut dispatch = Dispatch::default();
    let mut history = vec![];
    for step in steps {
        let command = match step {
            Step::Attempt(offset, attempt) => {
                let number = u32::try_from(i64::from(dispatch.next_attempt()) + offset).unwrap_or(0);
                record(NewAttempt { attempt: number, policy, ..*attempt })
            }
            Step::Other(command) => command,
        };
        for event in dispatch.decide(command.clone()).unwrap_or_default() {
            let before = dispatch.clone();
            dispatch.apply(event.clone());
            history.push((command.clone(), before, event));
        }
    }
    history
}

proptest! {
    #[test]
    fn repeating_a_command_adds_nothing(policy in any_policy(), steps in prop::collection::vec(any_step(), 0..60)) {
        let commands = history(policy, steps).into_iter().map(|(command, ..)| command).collect();
        repeating_adds_nothing(commands, Dispatch::decide)?;
    }

    #[test]
    fn attempts_have_no_gap_and_the_last_one_alone_delivers(
        policy in any_policy(),
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let events = history(policy, steps).into_iter().map(|(.., event)| event);
        let attempts: Vec<_> = events
            .filter_map(|event| match event {
                DispatchEvent::Attempted(attempted) => Some((attempted.attempt, attempted.outcome)),
                DispatchEvent::Redriven { .. } | DispatchEvent::Skipped { .. } => None,
            })
            .collect();
        for (index, (number, outcome)) in attempts.iter().enumerate() {
            prop_assert_eq!(*number as usize, index + 1);
            let is_last = index + 1 == attempts.len();
            prop_assert!(is_last || *outcome != AttemptOutcome::Delivered);
        }
    }

    #[test]
    fn nothing_is_tried_sooner_than_the_schedule_or_the_receiver_says(
        policy in any_policy(),
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        for (command, before, event) in history(policy, steps) {
            let (DispatchCommand::RecordAttempt(attempt), DispatchEvent::Attempted(attempted)) = (command, event) else {
                continue;
            };
            if attempted.probe {
                if let AttemptOutcome::Failed { retry_at } = attempted.outcome {
                    prop_assert!(Some(retry_at) >= before.next_attempt_at());
                    prop_assert!(attempted.not_before.is_none_or(|not_before| retry_at >= not_before));
                }
                prop_assert_ne!(attempted.outcome, AttemptOutcome::DeadLettered);
                continue;
            }
            let used_up = match policy {
                RetryPolicy::Standard => before.failures() == 7,
                RetryPolicy::CloudElements => before.failures() == 9,
                RetryPolicy::CloudElementsFive => before.failures() == 5,
                RetryPolicy::Queue => true,
            };
            let retry_at = match attempted.outcome {
                AttemptOutcome::Delivered => continue,
                AttemptOutcome::DeadLettered => {
                    prop_assert!(used_up);
                    continue;
                }
                AttemptOutcome::Failed { retry_at } => retry_at,
            };
            prop_assert!(!used_up);
            let shortest = match policy {
                RetryPolicy::Standard => FAILURE_DELAYS[before.failures() as usize],
                RetryPolicy::CloudElements | RetryPolicy::CloudElementsFive | RetryPolicy::Queue => {
                    TimeDelta::seconds(4)
                }
            };
            let asked_for = attempt.retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
            prop_assert!(retry_at >= attempt.now + shortest.max(asked_for));
        }
    }

    /// Both are appended together: an endpoint that refused would lose the attempt.
    #[test]
    fn an_endpoint_takes_whatever_follows_for_it(
        policy in any_policy(),
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let mut endpoint = endpoint(policy);
        for (_, before, event) in history(policy, steps) {
            let mut after = before.clone();
            after.apply(event);
            let Some((_, command)) = after.consequence(&before) else { continue };
            for event in endpoint.decide(command).unwrap() {
                endpoint.apply(event);
            }
        }
    }
}

fn endpoint(policy: RetryPolicy) -> Endpoint {
    let every = vec![EventTypePattern::parse("*").unwrap()];
    let settings =
        EndpointSettings { schedule: Some(policy), ..EndpointSettings::new("https://shop.example".to_owned(), every) };
    let create = CreateEndpoint {
        account_id: message().account_id,
        settings,
        secret: "whsec_first_secret".into(),
        paused: false,
    };
    let mut endpoint = Endpoint::default();
    for event in endpoint.decide(EndpointCommand::Create(Box::new(create))).unwrap() {
        endpoint.apply(event);
    }
    endpoint
}
