//! What is picked from a batch of the feed.

use domain::delivery::DeliveryEvent;
use event_log::recorded::{AnyEvent, Recorded};

/// The events of deliveries among these.
pub(crate) fn delivery_events(events: &[Recorded]) -> Vec<(&Recorded, &DeliveryEvent)> {
    events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            AnyEvent::Delivery(event) => Some((recorded, event)),
            AnyEvent::Account(_)
            | AnyEvent::Integration(_)
            | AnyEvent::Notice(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Checkpoint(_)
            | AnyEvent::OperatorAction(_)
            | AnyEvent::Resource(_)
            | AnyEvent::Publication(_)
            | AnyEvent::Endpoint(_)
            | AnyEvent::Dispatch(_)
            | AnyEvent::Store(_)
            | AnyEvent::Instance(_)
            | AnyEvent::Unknown => None,
        })
        .collect()
}
