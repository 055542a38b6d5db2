//! A notice: a signed webhook that is not about an order. It is kept and shown, and nothing follows from it.

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use serde::{Deserialize, Serialize};

use crate::integration::Provider;
use crate::{AccountId, IntegrationId};

/// What a webhook that is no order turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// JSON of another topic: a product, a refund, a customer.
    NotAnOrder,
    /// A signed error body that WooCommerce sends when the owner of the webhook lost the right to read orders.
    StoreError,
}

impl NoticeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAnOrder => "not_an_order",
            Self::StoreError => "store_error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoticeReceived {
    pub account_id: AccountId,
    pub integration_id: IntegrationId,
    pub provider: Provider,
    pub kind: NoticeKind,
    /// From headers that are not signed: shown, never decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
    pub body_bytes: u32,
}

/// What happened. These names are the storage format: add, never rename.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeEvent {
    WebhookReceived(NoticeReceived),
}

impl DomainEvent for NoticeEvent {
    fn event_type(&self) -> String {
        match self {
            Self::WebhookReceived(_) => "webhook_received",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum NoticeCommand {
    Record(NoticeReceived),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeRefusal {
    #[error("another webhook was already recorded under this id")]
    AlreadyRecorded,
}

/// The fold of a notice's stream: nothing yet, or the one thing that ever happens to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Notice {
    #[default]
    NotReceived,
    Received(NoticeReceived),
}

impl Notice {
    pub fn decide(&self, command: NoticeCommand) -> Result<Vec<NoticeEvent>, NoticeRefusal> {
        let NoticeCommand::Record(received) = command;
        match self {
            Self::NotReceived => Ok(vec![NoticeEvent::WebhookReceived(received)]),
            Self::Received(before) if *before == received => Ok(vec![]),
            Self::Received(_) => Err(NoticeRefusal::AlreadyRecorded),
        }
    }
}

impl Aggregate for Notice {
    const TYPE: &'static str = "notice";
    type Command = NoticeCommand;
    type Event = NoticeEvent;
    type Error = NoticeRefusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        match event {
            NoticeEvent::WebhookReceived(received) => *self = Self::Received(received),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_same_notice_again_adds_nothing_and_another_is_refused() {
        let received = NoticeReceived {
            account_id: AccountId(Uuid::from_u128(1)),
            integration_id: IntegrationId(Uuid::from_u128(2)),
            provider: Provider::Shopify,
            kind: NoticeKind::NotAnOrder,
            topic: Some("products/update".to_owned()),
            webhook_id: None,
            body_bytes: 2,
        };
        let mut notice = Notice::default();
        let events = notice.decide(NoticeCommand::Record(received.clone())).unwrap();
        assert_eq!(events, [NoticeEvent::WebhookReceived(received.clone())]);
        for event in events {
            notice.apply(event);
        }
        assert_eq!(notice.decide(NoticeCommand::Record(received.clone())), Ok(vec![]));
        let other = NoticeReceived { body_bytes: 3, ..received };
        assert_eq!(notice.decide(NoticeCommand::Record(other)), Err(NoticeRefusal::AlreadyRecorded));
    }
}
