//! An endpoint that notifications do not reach.

use commerce::Payload;
use commerce::payload::endpoint::DegradedEndpoint;
use cqrs_es::Aggregate as _;
use domain::endpoint::{Endpoint, EndpointEvent};
use event_log::recorded::{AnyEvent, Recorded};

/// `story` is the endpoint's stream up to the event. None where it was never degraded.
pub(super) fn payload(id: &str, story: Vec<Recorded>) -> Option<Payload> {
    let mut endpoint = Endpoint::default();
    let mut degraded = None;
    for recorded in story {
        let AnyEvent::Endpoint(event) = recorded.event else { continue };
        if let EndpointEvent::EndpointDegraded { since, failures, reason } = &event {
            degraded = Some((*since, *failures, reason.clone()));
        }
        endpoint.apply(event);
    }
    let (since, failures, reason) = degraded?;
    let url = endpoint.subscription()?.settings.url_without_query().to_owned();
    let reason = reason.unwrap_or_default();
    Some(Payload::EndpointDegraded(DegradedEndpoint { endpoint_id: id.parse().ok()?, url, failures, since, reason }))
}
