//! An operation: something that a person or the service did which changes no stream of its own, and which somebody will
//! ask about: who read personal data, who replayed what, what was exported.

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use serde::{Deserialize, Serialize};

use crate::{AccountId, DeliveryId, IntegrationId, NoticeId};

/// What happened. These names are the storage format: add, never rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationEvent {
    /// Somebody looked at who ordered, in an account that is not their own.
    PersonalDataRead {
        account_id: AccountId,
        delivery_id: DeliveryId,
    },
    /// Everything that is known of a customer was written out.
    PersonalDataExported {
        account_id: AccountId,
        deliveries: u32,
        /// Webhooks about no order that name the customer.
        #[serde(default)]
        other_webhooks: u32,
        /// The store's question that was answered with it: the notice, where there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data_request: Option<NoticeId>,
    },
    /// Somebody asked to erase a customer, or one order. Each erased delivery says so itself.
    ErasureRequested {
        account_id: AccountId,
        deliveries: u32,
        /// Webhooks about no order that name the customer or the order.
        #[serde(default)]
        other_webhooks: u32,
    },
    /// A store asked what is known of a customer; the merchant has 30 days to answer.
    DataRequested {
        account_id: AccountId,
        integration_id: IntegrationId,
        deliveries: u32,
    },
    /// Deliveries or webhooks were chosen to be done again.
    ReplayStarted {
        account_id: Option<AccountId>,
        chosen: u32,
        filter: String,
    },
    /// A replay came to its end, or was cancelled before.
    ReplayEnded {
        replayed: u32,
        cancelled: bool,
    },
    /// A view is built anew.
    RebuildRequested {
        view: String,
    },
    RebuildCancelled {
        view: String,
    },
    /// Everything is wrapped by another master key from now on.
    MasterKeyRotationStarted {
        master_key_id: String,
    },
    /// Nothing is wrapped by an earlier master key any more.
    MasterKeyRotated {
        master_key_id: String,
        rewrapped: u64,
    },
}

impl OperationEvent {
    /// Whose affair it is, where it is one account's.
    pub fn account_id(&self) -> Option<AccountId> {
        match self {
            Self::PersonalDataRead { account_id, .. }
            | Self::PersonalDataExported { account_id, .. }
            | Self::ErasureRequested { account_id, .. }
            | Self::DataRequested { account_id, .. } => Some(*account_id),
            Self::ReplayStarted { account_id, .. } => *account_id,
            Self::ReplayEnded { .. }
            | Self::RebuildRequested { .. }
            | Self::RebuildCancelled { .. }
            | Self::MasterKeyRotationStarted { .. }
            | Self::MasterKeyRotated { .. } => None,
        }
    }
}

impl DomainEvent for OperationEvent {
    fn event_type(&self) -> String {
        match self {
            Self::PersonalDataRead { .. } => "personal_data_read",
            Self::PersonalDataExported { .. } => "personal_data_exported",
            Self::ErasureRequested { .. } => "erasure_requested",
            Self::DataRequested { .. } => "data_requested",
            Self::ReplayStarted { .. } => "replay_started",
            Self::ReplayEnded { .. } => "replay_ended",
            Self::RebuildRequested { .. } => "rebuild_requested",
            Self::RebuildCancelled { .. } => "rebuild_cancelled",
            Self::MasterKeyRotationStarted { .. } => "master_key_rotation_started",
            Self::MasterKeyRotated { .. } => "master_key_rotated",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationCommand {
    /// Keeps what happened. The same again, as the latest, is no news.
    Record(OperationEvent),
}

/// Never: what happened has happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationRefusal {}

/// The fold of an operation's stream: the latest of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    pub latest: Option<OperationEvent>,
}

impl Operation {
    pub fn decide(&self, command: OperationCommand) -> Vec<OperationEvent> {
        let OperationCommand::Record(event) = command;
        if self.latest.as_ref() == Some(&event) { vec![] } else { vec![event] }
    }
}

impl Aggregate for Operation {
    const TYPE: &'static str = "operation";
    type Command = OperationCommand;
    type Event = OperationEvent;
    type Error = OperationRefusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(command) {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        self.latest = Some(event);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn every_event() -> Vec<OperationEvent> {
        let account_id = AccountId(Uuid::from_u128(1));
        let (delivery_id, integration_id) = (DeliveryId(Uuid::from_u128(2)), IntegrationId(Uuid::from_u128(3)));
        let data_request = Some(NoticeId(Uuid::from_u128(4)));
        let key = || "0123456789abcdef".to_owned();
        vec![
            OperationEvent::PersonalDataRead { account_id, delivery_id },
            OperationEvent::PersonalDataExported { account_id, deliveries: 2, other_webhooks: 1, data_request: None },
            OperationEvent::PersonalDataExported { account_id, deliveries: 2, other_webhooks: 1, data_request },
            OperationEvent::ErasureRequested { account_id, deliveries: 2, other_webhooks: 1 },
            OperationEvent::DataRequested { account_id, integration_id, deliveries: 2 },
            OperationEvent::ReplayStarted { account_id: Some(account_id), chosen: 3, filter: "{}".to_owned() },
            OperationEvent::ReplayEnded { replayed: 3, cancelled: false },
            OperationEvent::RebuildRequested { view: "delivery_log".to_owned() },
            OperationEvent::RebuildCancelled { view: "delivery_log".to_owned() },
            OperationEvent::MasterKeyRotationStarted { master_key_id: key() },
            OperationEvent::MasterKeyRotated { master_key_id: key(), rewrapped: 100 },
        ]
    }

    #[test]
    fn the_same_again_is_no_news() {
        let mut operation = Operation::default();
        for event in every_event() {
            let command = OperationCommand::Record(event.clone());
            assert_eq!(operation.decide(command.clone()), std::slice::from_ref(&event));
            operation.apply(event);
            assert_eq!(operation.decide(command), []);
        }
    }

    #[test]
    fn the_stored_form_of_every_event_is_pinned() {
        let stored: Vec<_> = every_event()
            .iter()
            .map(|event| format!("{} {}", event.event_type(), serde_json::to_string(event).unwrap()))
            .collect();
        insta::assert_snapshot!(stored.join("\n"));
    }

    /// Grows by a line whenever the stored form grows; no line is ever changed or removed.
    #[test]
    fn every_event_that_ever_was_still_loads() {
        for line in include_str!("operation/ever.jsonl").lines() {
            serde_json::from_str::<OperationEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}
