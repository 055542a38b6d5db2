//! What a filter of an endpoint sees of a commerce event, made of nothing but the event of the log that it follows from: what a
//! filter decided when the event was recorded, it decides again in a rebuild.

use commerce::payload::delivery::Delivery;
use commerce::payload::endpoint::DegradedEndpoint;
use commerce::reported::{self, Person};
use commerce::{CommerceEventType, Event, Payload};
use domain::delivery::{DeliveryEvent, DeliveryStatus};
use domain::endpoint::EndpointEvent;
use domain::resource::ResourceEvent;
use serde_json::Value;

use super::events::{self, CommerceEventRow};
use event_log::recorded::{AnyEvent, Recorded};

/// The event of a row as a filter sees it: see [`Event::to_value`]. `recorded` is the event of the log at its position. None where
/// no such event follows from that.
pub fn by_filters(row: &CommerceEventRow, recorded: &Recorded) -> Option<Value> {
    let event_type = CommerceEventType::parse(&row.event_type)?;
    let payload = match &recorded.event {
        AnyEvent::Resource(ResourceEvent::ResourceReported(report)) => {
            reported::payload(event_type, row.of_product(), report, Person::default())?
        }
        AnyEvent::Delivery(event) => of_delivery(row, event)?,
        // Nothing of its data is seen.
        AnyEvent::Publication(_) => Payload::sample(event_type),
        AnyEvent::Endpoint(EndpointEvent::EndpointDegraded { since, failures, reason }) => {
            Payload::EndpointDegraded(DegradedEndpoint {
                endpoint_id: recorded.aggregate_id.parse().ok()?,
                url: String::new(),
                failures: *failures,
                since: *since,
                reason: reason.clone().unwrap_or_default(),
            })
        }
        AnyEvent::Endpoint(_)
        | AnyEvent::Account(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Notice(_)
        | AnyEvent::Resource(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::Store(_)
        | AnyEvent::Instance(_)
        | AnyEvent::Unknown => return None,
    };
    enveloped(row, recorded, payload).map(|event| event.to_value())
}

/// What a filter does not see is left empty.
fn of_delivery(row: &CommerceEventRow, event: &DeliveryEvent) -> Option<Payload> {
    let resolution_code =
        if let DeliveryEvent::ActionRequired { code, .. } | DeliveryEvent::FailedPermanently { code, .. } = event {
            Some(*code)
        } else {
            None
        };
    let delivery = |status| Delivery {
        delivery_id: row.object_id.parse().unwrap_or(domain::DeliveryId(uuid::Uuid::nil())),
        order_id: String::new(),
        order_number: None,
        session_id: row.session_id.clone(),
        status,
        resolution_code,
        resolution: resolution_code.map(|code| code.advice().to_owned()),
        items: vec![],
    };
    let event_type = events::type_of(event)?;
    let payloads = [
        Payload::DeliveryCompleted(delivery(DeliveryStatus::Completed)),
        Payload::DeliveryActionRequired(delivery(DeliveryStatus::ActionRequired)),
        Payload::DeliveryFailed(delivery(DeliveryStatus::FailedPermanent)),
    ];
    payloads.into_iter().find(|payload| payload.event_type() == event_type)
}

/// An event as every subscriber gets it.
pub fn enveloped(row: &CommerceEventRow, recorded: &Recorded, payload: Payload) -> Option<Event> {
    let provider = match &recorded.event {
        AnyEvent::Resource(ResourceEvent::ResourceReported(report)) => Some(report.provider),
        AnyEvent::Resource(_)
        | AnyEvent::Delivery(_)
        | AnyEvent::Publication(_)
        | AnyEvent::Account(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Notice(_)
        | AnyEvent::Endpoint(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::Store(_)
        | AnyEvent::Instance(_)
        | AnyEvent::Unknown => None,
    };
    Some(Event {
        id: row.id.parse().ok()?,
        time: recorded.recorded_at,
        account_id: recorded.account_id?,
        integration_id: recorded.integration_id,
        provider,
        payload,
    })
}
