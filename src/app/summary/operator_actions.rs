//! Operator actions in a sentence each.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::IntegrationId;
use domain::operator_action::{OperatorActionEvent, ReplayFilter};

/// Of the ids of a filter, so many are written in a sentence.
const WRITTEN: usize = 10;

pub(super) fn sentence(event: &OperatorActionEvent, id: &str) -> String {
    let several = |number: u32| if number == 1 { "1 delivery".to_owned() } else { format!("{number} deliveries") };
    let held = |deliveries: u32, other_webhooks: u32, published_events: u32| {
        let others = [(other_webhooks, "other webhook"), (published_events, "published event")];
        let others = others.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| {
            let plural = if number == 1 { "" } else { "s" };
            format!(" and {number} {what}{plural}")
        });
        std::iter::once(several(deliveries)).chain(others).collect::<String>()
    };
    match event {
        OperatorActionEvent::PersonalDataRead { delivery_id, .. } => {
            format!("The personal data of delivery {delivery_id} was read.")
        }
        OperatorActionEvent::PersonalDataExported {
            account_id: _,
            deliveries,
            other_webhooks,
            published_events,
            data_request,
        } => {
            let whose = data_request
                .map_or_else(|| "a customer".to_owned(), |request| format!("the customer of the request {request}"));
            let held = held(*deliveries, *other_webhooks, *published_events);
            format!("What is known of {whose} was written out, of {held}.")
        }
        OperatorActionEvent::ErasureRequested { account_id: _, deliveries, other_webhooks, published_events } => {
            let held = held(*deliveries, *other_webhooks, *published_events);
            format!("The erasure of a customer was asked for, of {held}.")
        }
        OperatorActionEvent::DataRequested { deliveries, .. } => {
            format!(
                "The store asked what is known of a customer: {}. Answer within 30 days, with what \
                 `cloud-bridge export-personal-data --request {id}` writes.",
                several(*deliveries)
            )
        }
        OperatorActionEvent::ReplayStarted { account_id: _, integration_id, chosen, filter } => {
            format!("A replay of {} began: {}.", several(*chosen), replay_filter(*integration_id, filter))
        }
        OperatorActionEvent::ReplayEnded { replayed, cancelled: false } => {
            format!("The replay ended: {} went back to the queue.", several(*replayed))
        }
        OperatorActionEvent::ReplayEnded { replayed, cancelled: true } => {
            format!("The replay was cancelled after {}.", several(*replayed))
        }
        OperatorActionEvent::RebuildRequested { view } => format!("The view {view} is to be rebuilt."),
        OperatorActionEvent::RebuildCancelled { view } => format!("The rebuild of the view {view} was cancelled."),
        OperatorActionEvent::ParkedEventsRetried { process, position, events } => {
            let events = if *events == 1 { "1 parked event".to_owned() } else { format!("{events} parked events") };
            let of_process = process.as_ref().map(|process| format!(" of the process manager {process}"));
            let at = position.map(|position| format!(" at position {position}"));
            format!("{events}{}{} was to be tried again.", of_process.unwrap_or_default(), at.unwrap_or_default())
        }
        OperatorActionEvent::MasterKeyRotationStarted { master_key_id } => {
            format!("Keys are rewrapped by the master key {master_key_id}.")
        }
        OperatorActionEvent::MasterKeyRotated { master_key_id, rewrapped } => {
            format!("Every key is wrapped by the master key {master_key_id}; {rewrapped} were rewrapped.")
        }
    }
}

/// What a replay is for, without a full stop.
pub(crate) fn replay_filter(integration_id: IntegrationId, filter: &ReplayFilter) -> String {
    let ReplayFilter { received_from, received_before, statuses, mapping_ids, order_id, delivery_ids } = filter;
    let moment = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let statuses: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
    let parts = [
        Some(format!("integration {integration_id}")),
        received_from.as_ref().map(|from| format!("received from {}", moment(from))),
        received_before.as_ref().map(|before| format!("received before {}", moment(before))),
        (!statuses.is_empty()).then(|| format!("status {}", statuses.join(" or "))),
        (!mapping_ids.is_empty())
            .then(|| format!("completed orders that lack what was mapped by {}", listed(mapping_ids))),
        order_id.as_ref().map(|order_id| format!("order {order_id}")),
        (!delivery_ids.is_empty()).then(|| format!("delivery {}", listed(delivery_ids))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The first of some ids, and how many there are beside.
fn listed(ids: &[impl ToString]) -> String {
    let mut written: Vec<String> = ids.iter().take(WRITTEN).map(ToString::to_string).collect();
    if ids.len() > WRITTEN {
        written.push(format!("one of {} others", ids.len() - WRITTEN));
    }
    written.join(" or ")
}
