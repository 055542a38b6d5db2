//! Sentences of endpoints and of what is sent to them.

use domain::dispatch::{AttemptOutcome, Attempted, DispatchEvent, RedriveCause, SkipCause};
use domain::endpoint::{DisableCause, EndpointEvent, EventTypePattern, Profile, RetryPolicy};

use super::{counted, moment};

pub(super) fn of_endpoint(event: &EndpointEvent) -> String {
    match event {
        EndpointEvent::EndpointCreated(created) => {
            format!("The endpoint {} was created, for {}.", created.settings.url, types(&created.settings.event_types))
        }
        EndpointEvent::UrlChanged { url } => format!("Events are sent to {url} now."),
        EndpointEvent::DescriptionChanged { .. } => "The endpoint got another description.".to_owned(),
        EndpointEvent::EventTypesChanged { event_types } => format!("It gets {} now.", types(event_types)),
        EndpointEvent::IntegrationsChanged { integrations } if integrations.is_empty() => {
            "It gets what happens in every store now.".to_owned()
        }
        EndpointEvent::IntegrationsChanged { integrations } => {
            format!("It gets what happens in {} now.", counted(integrations.len() as u64, "store"))
        }
        EndpointEvent::FilterChanged { filter: Some(filter) } => format!("It gets only what fits the filter {filter}."),
        EndpointEvent::FilterChanged { filter: None } => "It has no filter any more.".to_owned(),
        EndpointEvent::HeadersChanged { .. } => "The headers that are sent to it were changed.".to_owned(),
        EndpointEvent::ProfileChanged { profile } => {
            let whose = match profile {
                Profile::Standard => "the Standard Webhooks",
                Profile::Clione { .. } => "Clione",
                Profile::CloudElements { .. } => "Cloud Elements",
            };
            format!("It gets notifications as {whose} has them.")
        }
        EndpointEvent::ScheduleChanged { schedule } => match schedule {
            Some(RetryPolicy::Standard) => "What fails is sent again by the schedule `standard`.".to_owned(),
            Some(RetryPolicy::CloudElements) => "What fails is sent again by the schedule `cloud-elements`.".to_owned(),
            Some(RetryPolicy::CloudElementsFive) => {
                "What fails is sent again by the schedule `cloud-elements-five`.".to_owned()
            }
            Some(RetryPolicy::Queue) => "What fails is not sent again, but kept as a dead letter.".to_owned(),
            None => "What fails is sent again by the schedule of the profile.".to_owned(),
        },
        EndpointEvent::OrderingChanged { ordered: true } => {
            "Events about one thing are sent in their order, one after the other.".to_owned()
        }
        EndpointEvent::OrderingChanged { ordered: false } => "Events are sent in any order.".to_owned(),
        EndpointEvent::RateLimitChanged { rate_per_second: Some(rate) } => {
            format!("{} a second are sent to it at most.", counted((*rate).into(), "event"))
        }
        EndpointEvent::RateLimitChanged { rate_per_second: None } => {
            "Events are sent to it as fast as it goes.".to_owned()
        }
        EndpointEvent::ConcurrencyChanged { concurrency } => {
            format!("{} may be under way to it at a time.", counted((*concurrency).into(), "event"))
        }
        EndpointEvent::SigningSecretSet { secret_preview, .. } => {
            format!("The signing secret was set to one that ends in {secret_preview}; all before are void.")
        }
        EndpointEvent::SigningSecretRotated { secret_preview, previous_valid_until, .. } => format!(
            "The signing secret was replaced by one that ends in {secret_preview}; with the one before it is signed, too, until {}.",
            moment(*previous_valid_until)
        ),
        EndpointEvent::EndpointPaused {} => "It was paused: events wait.".to_owned(),
        EndpointEvent::EndpointResumed {} => "It was resumed: what waited is sent.".to_owned(),
        EndpointEvent::EndpointDisabled { cause, reason } => {
            let why = match cause {
                DisableCause::Gone => "it responded that it is gone (410)",
                DisableCause::FailurePolicy => "the retries of an event are used up",
            };
            format!("It was disabled: {why}{}. Events wait until it is resumed.", because(reason.as_deref()))
        }
        EndpointEvent::EndpointFailing { percent, failures, limit, reason, .. } => format!(
            "An event failed {failures} times in a row, {percent} % of the way to {limit}{}.",
            because(reason.as_deref())
        ),
        EndpointEvent::EndpointDegraded { failures, reason, .. } => format!(
            "It is degraded: an event failed {failures} times in a row{}. It is tried every five minutes until one succeeds.",
            because(reason.as_deref())
        ),
        EndpointEvent::EndpointRecovered {} => "It recovered: an event was delivered.".to_owned(),
        EndpointEvent::EndpointDeleted {} => "It was deleted, with its secrets and headers.".to_owned(),
    }
}

pub(super) fn of_dispatch(event: &DispatchEvent) -> String {
    match event {
        DispatchEvent::Attempted(attempted) => of_attempt(attempted),
        DispatchEvent::Redriven { cause: RedriveCause::Operator, .. } => "It was asked to be sent again.".to_owned(),
        DispatchEvent::Redriven { cause: RedriveCause::Resumed, .. } => {
            "It is sent again, since its endpoint was resumed.".to_owned()
        }
        DispatchEvent::Redriven { cause: RedriveCause::Recovered, .. } => {
            "It is sent at once, since its endpoint responded again.".to_owned()
        }
        DispatchEvent::Skipped { cause: SkipCause::Superseded } => {
            "It is not sent any more: a later event about the same thing is sent in its place.".to_owned()
        }
        DispatchEvent::Skipped { cause: SkipCause::EndpointDeleted } => {
            "It is not sent any more: its endpoint was deleted.".to_owned()
        }
        DispatchEvent::Skipped { cause: SkipCause::Erased } => {
            "It is not sent any more: what it would have said was erased.".to_owned()
        }
    }
}

fn of_attempt(attempted: &Attempted) -> String {
    let Attempted { message, attempt, outcome, status, duration_ms, reason, .. } = attempted;
    let status = status.map(|status| format!(" with {status}")).unwrap_or_default();
    let response = format!("{status} after {duration_ms} ms{}", because(reason.as_deref()));
    let event_type = message.event_type.as_str();
    match outcome {
        AttemptOutcome::Delivered => format!("{event_type} was delivered by attempt {attempt}{response}."),
        AttemptOutcome::Failed { retry_at } => {
            format!("Attempt {attempt} of {event_type} failed{response}. It is tried again at {}.", moment(*retry_at))
        }
        AttemptOutcome::DeadLettered => {
            format!("Attempt {attempt} of {event_type} failed{response}. It is not tried again by itself.")
        }
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

fn types(patterns: &[EventTypePattern]) -> String {
    let names: Vec<&str> = patterns.iter().map(EventTypePattern::as_str).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_sentence_that_tells_no_secret() {
        let endpoints = include_str!("../../../domain/src/endpoint/ever.jsonl").lines();
        let dispatches = include_str!("../../../domain/src/dispatch/ever.jsonl").lines();
        let of_endpoints = endpoints.map(|line| of_endpoint(&serde_json::from_str(line).unwrap()));
        let of_dispatches = dispatches.map(|line| of_dispatch(&serde_json::from_str(line).unwrap()));
        for sentence in of_endpoints.chain(of_dispatches) {
            assert!(sentence.ends_with('.') && !sentence.contains("whsec_"), "{sentence}");
            assert!(!sentence.contains("Private") && !sentence.contains("Some("), "{sentence}");
        }
    }
}
