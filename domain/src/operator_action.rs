//! An operator action: what a person, a store or the service did that changes no other stream, and which people will
//! ask about: who read personal data, who replayed what, what was exported.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::delivery::DeliveryStatus;
use crate::event::{EventSourced, LogEvent, Owner, aggregate, domain_event};
use crate::{AccountId, DeliveryId, IntegrationId, MappingId, NoticeId};

/// What happened. These names are the storage format: add, never rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum OperatorActionEvent {
    /// A person read who ordered, in an account that is not their own.
    PersonalDataRead {
        account_id: AccountId,
        delivery_id: DeliveryId,
    },
    /// Everything that is known of a customer was written out.
    PersonalDataExported {
        account_id: AccountId,
        deliveries: u32,
        /// Webhooks about no order that name the customer.
        other_webhooks: u32,
        /// Events that programs of the account published, which name them too.
        #[serde(default, skip_serializing_if = "is_zero")]
        published_events: u32,
        /// The store's question that was answered with it: the notice, where there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data_request: Option<NoticeId>,
    },
    /// A person requested to erase a customer, or one order. Each erased delivery says so itself.
    ErasureRequested {
        account_id: AccountId,
        deliveries: u32,
        /// Webhooks about no order that name the customer or the order.
        other_webhooks: u32,
        /// Events that programs of the account published, which name them too.
        #[serde(default, skip_serializing_if = "is_zero")]
        published_events: u32,
    },
    /// A store asked what is known of a customer; the merchant has 30 days to answer.
    DataRequested {
        account_id: AccountId,
        integration_id: IntegrationId,
        deliveries: u32,
    },
    /// Deliveries or webhooks were chosen to be done again.
    ReplayStarted {
        account_id: AccountId,
        integration_id: IntegrationId,
        chosen: u32,
        filter: Box<ReplayFilter>,
    },
    /// A replay came to its end, or was cancelled before.
    ReplayEnded {
        replayed: u32,
        cancelled: bool,
    },
    /// A view is rebuilt.
    RebuildRequested {
        view: String,
    },
    RebuildCancelled {
        view: String,
    },
    /// Events that process managers could not handle were to be tried again.
    ParkedEventsRetried {
        /// Of one process manager; without it, of all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        process: Option<String>,
        /// The event at this position alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<i64>,
        events: u32,
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

/// Which of an integration's webhooks a replay was for: all of them, but for what is named here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayFilter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_from: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_before: Option<DateTime<Utc>>,
    /// Of deliveries that stood at one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<DeliveryStatus>,
    /// Of completed orders that lack what these map.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mapping_ids: Vec<MappingId>,
    /// The store's own id of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivery_ids: Vec<DeliveryId>,
}

impl OperatorActionEvent {
    fn owner(&self) -> Owner {
        let (account_id, integration_id) = match self {
            Self::PersonalDataRead { account_id, .. }
            | Self::PersonalDataExported { account_id, .. }
            | Self::ErasureRequested { account_id, .. } => (Some(*account_id), None),
            Self::DataRequested { account_id, integration_id, .. }
            | Self::ReplayStarted { account_id, integration_id, .. } => (Some(*account_id), Some(*integration_id)),
            Self::ReplayEnded { .. }
            | Self::RebuildRequested { .. }
            | Self::RebuildCancelled { .. }
            | Self::ParkedEventsRetried { .. }
            | Self::MasterKeyRotationStarted { .. }
            | Self::MasterKeyRotated { .. } => (None, None),
        };
        Owner { account_id, integration_id }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

domain_event!(OperatorActionEvent);

impl LogEvent for OperatorActionEvent {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorActionCommand {
    /// Keeps what happened. The same again, as the latest, is no news.
    Record(OperatorActionEvent),
}

/// Never: what happened has happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorActionRefusal {}

/// The fold of an operator action: the latest event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorAction {
    pub latest: Option<OperatorActionEvent>,
}

impl OperatorAction {
    pub fn decide(&self, command: OperatorActionCommand) -> Result<Vec<OperatorActionEvent>, OperatorActionRefusal> {
        let OperatorActionCommand::Record(event) = command;
        Ok(if self.latest.as_ref() == Some(&event) { vec![] } else { vec![event] })
    }
}

aggregate!(OperatorAction, "operator_action", OperatorActionCommand, OperatorActionEvent, OperatorActionRefusal);

impl OperatorAction {
    fn fold(&mut self, event: OperatorActionEvent) {
        self.latest = Some(event);
    }
}

impl EventSourced for OperatorAction {
    const SNAPSHOT_VERSION: i64 = 1;

    fn owner(&self, _: &str) -> Owner {
        self.latest.as_ref().map(OperatorActionEvent::owner).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::Aggregate as _;
    use uuid::Uuid;

    use super::*;
    use crate::event::tests::stored;

    fn every_event() -> Vec<OperatorActionEvent> {
        let account_id = AccountId(Uuid::from_u128(1));
        let (delivery_id, integration_id) = (DeliveryId(Uuid::from_u128(2)), IntegrationId(Uuid::from_u128(3)));
        let data_request = Some(NoticeId(Uuid::from_u128(4)));
        let key = || "0123456789abcdef".to_owned();
        vec![
            OperatorActionEvent::PersonalDataRead { account_id, delivery_id },
            OperatorActionEvent::PersonalDataExported {
                account_id,
                deliveries: 2,
                other_webhooks: 1,
                published_events: 0,
                data_request: None,
            },
            OperatorActionEvent::PersonalDataExported {
                account_id,
                deliveries: 2,
                other_webhooks: 1,
                published_events: 0,
                data_request,
            },
            OperatorActionEvent::ErasureRequested { account_id, deliveries: 2, other_webhooks: 1, published_events: 0 },
            OperatorActionEvent::DataRequested { account_id, integration_id, deliveries: 2 },
            OperatorActionEvent::ReplayStarted { account_id, integration_id, chosen: 3, filter: Box::default() },
            OperatorActionEvent::ReplayStarted {
                account_id,
                integration_id,
                chosen: 1,
                filter: Box::new(ReplayFilter {
                    received_from: Some(DateTime::UNIX_EPOCH),
                    received_before: Some(DateTime::UNIX_EPOCH),
                    statuses: vec![DeliveryStatus::ActionRequired, DeliveryStatus::Completed],
                    mapping_ids: vec![MappingId(Uuid::from_u128(5))],
                    order_id: Some("5678901231075".to_owned()),
                    delivery_ids: vec![delivery_id],
                }),
            },
            OperatorActionEvent::ReplayEnded { replayed: 3, cancelled: false },
            OperatorActionEvent::RebuildRequested { view: "delivery_log".to_owned() },
            OperatorActionEvent::RebuildCancelled { view: "delivery_log".to_owned() },
            OperatorActionEvent::ParkedEventsRetried { process: None, position: None, events: 3 },
            OperatorActionEvent::ParkedEventsRetried {
                process: Some("fixes".to_owned()),
                position: Some(7),
                events: 1,
            },
            OperatorActionEvent::MasterKeyRotationStarted { master_key_id: key() },
            OperatorActionEvent::MasterKeyRotated { master_key_id: key(), rewrapped: 100 },
            OperatorActionEvent::PersonalDataExported {
                account_id,
                deliveries: 2,
                other_webhooks: 1,
                published_events: 3,
                data_request,
            },
            OperatorActionEvent::ErasureRequested { account_id, deliveries: 0, other_webhooks: 0, published_events: 1 },
        ]
    }

    #[test]
    fn the_same_again_is_no_news() {
        let mut action = OperatorAction::default();
        for event in every_event() {
            let command = OperatorActionCommand::Record(event.clone());
            assert_eq!(action.decide(command.clone()), Ok(vec![event.clone()]));
            action.apply(event);
            assert_eq!(action.decide(command), Ok(vec![]));
        }
    }

    #[test]
    fn the_stored_form_of_every_event_is_pinned() {
        insta::assert_snapshot!(stored(&every_event()));
    }

    /// Grows by a line whenever the stored form grows; no line is ever changed or removed.
    #[test]
    fn every_event_that_ever_was_still_loads() {
        for line in include_str!("operator_action/ever.jsonl").lines() {
            serde_json::from_str::<OperatorActionEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}
