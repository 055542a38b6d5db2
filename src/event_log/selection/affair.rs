//! Whose affair an event is. Most events do not say it themselves: the first of their stream does.

use std::collections::HashMap;

use domain::delivery::DeliveryEvent;
use domain::integration::IntegrationEvent;
use domain::notice::NoticeEvent;
use domain::operation::OperationEvent;
use projections::feed::{Fact, Recorded};

use crate::event_log::EventLog;
use crate::event_log::stream::LoadError;

/// Streams that are remembered at a time.
const REMEMBERED: usize = 10_000;

/// The account and the integration that something is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Affair {
    pub(super) account_id: Option<String>,
    pub(super) integration_id: Option<String>,
}

/// What is known of the streams that were met.
#[derive(Default)]
pub(super) struct Affairs {
    of_streams: HashMap<String, Affair>,
}

impl Affairs {
    pub(super) async fn of(
        &mut self,
        log: &EventLog,
        event: &Recorded,
        aggregate_type: &str,
    ) -> Result<Affair, LoadError> {
        let told_by_itself = match &event.fact {
            Fact::Account(_) => Some(Affair { account_id: Some(event.aggregate_id.clone()), integration_id: None }),
            Fact::Operation(operation) => Some(of_operation(operation, event)),
            Fact::Checkpoint(_) | Fact::Foreign => Some(Affair::default()),
            Fact::Integration(_) | Fact::Delivery(_) | Fact::Notice(_) => said(event),
        };
        if let Some(affair) = told_by_itself {
            return Ok(affair);
        }
        let stream = format!("{aggregate_type}/{}", event.aggregate_id);
        if let Some(known) = self.of_streams.get(&stream) {
            return Ok(known.clone());
        }
        let first = log.stream_after(aggregate_type, &event.aggregate_id, 0, 1).await?.pop();
        // What is private in it is not looked at: it need not be opened.
        let first = first.and_then(|first| log.recorded(first, None).ok());
        let affair = first.as_ref().and_then(said).unwrap_or_default();
        if self.of_streams.len() >= REMEMBERED {
            self.of_streams.clear();
        }
        self.of_streams.insert(stream, affair.clone());
        Ok(affair)
    }
}

/// What an event says itself.
fn said(event: &Recorded) -> Option<Affair> {
    let (account_id, integration_id) = match &event.fact {
        Fact::Integration(IntegrationEvent::Created(created)) => (created.account_id, event.aggregate_id.clone()),
        Fact::Delivery(DeliveryEvent::WebhookReceived { webhook, .. }) => {
            (webhook.account_id, webhook.integration_id.to_string())
        }
        Fact::Delivery(DeliveryEvent::WebhookRepeated(repeated)) => {
            (repeated.account_id, repeated.integration_id.to_string())
        }
        Fact::Notice(NoticeEvent::WebhookRepeated(repeated)) => {
            (repeated.account_id, repeated.integration_id.to_string())
        }
        Fact::Notice(NoticeEvent::WebhookReceived(notice)) => (notice.account_id, notice.integration_id.to_string()),
        Fact::Integration(_)
        | Fact::Delivery(_)
        | Fact::Notice(NoticeEvent::PersonalDataErased)
        | Fact::Account(_)
        | Fact::Operation(_)
        | Fact::Checkpoint(_)
        | Fact::Foreign => return None,
    };
    Some(Affair { account_id: Some(account_id.to_string()), integration_id: Some(integration_id) })
}

fn of_operation(operation: &OperationEvent, event: &Recorded) -> Affair {
    let integration_id = match operation {
        OperationEvent::DataRequested { integration_id, .. } => Some(integration_id.to_string()),
        OperationEvent::PersonalDataRead { .. }
        | OperationEvent::PersonalDataExported { .. }
        | OperationEvent::ErasureRequested { .. }
        | OperationEvent::ReplayStarted { .. }
        | OperationEvent::ReplayEnded { .. }
        | OperationEvent::RebuildRequested { .. }
        | OperationEvent::RebuildCancelled { .. }
        | OperationEvent::MasterKeyRotationStarted { .. }
        | OperationEvent::MasterKeyRotated { .. } => None,
    };
    let behind = || event.operator.as_ref().and_then(|operator| operator.account_id.clone());
    Affair { account_id: operation.account_id().map(|id| id.to_string()).or_else(behind), integration_id }
}
