//! A notice: a signed webhook that is not about an order. It is kept and shown; what a store requests by law is also done.
//!
//! A stream of its own, since it belongs to no order's. A sender of many such webhooks makes many small streams.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use crate::delivery::StoreCall;
use crate::event::{EventSourced, LogEvent, Owner, aggregate, domain_event};
use crate::integration::Provider;
use crate::repeats::Repeats;
use crate::{AccountId, IntegrationId, Private, ReportSource};

/// What a webhook that is no order turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NoticeKind {
    /// JSON of another topic: a product, a refund, a customer.
    NotAnOrder,
    /// What an integration publishes that is not delivered: a product, a customer, an order that is not to be delivered.
    Commerce,
    /// JSON that may be about an order, and that cannot be read as one: `reason` says why.
    Unusable,
    /// A signed error body that WooCommerce sends when the owner of the webhook lost the right to read orders.
    StoreError,
    /// The store requests what is known of a customer.
    CustomerDataRequest,
    /// The store requests to erase a customer.
    CustomerRedact,
    /// The merchant left the store: everything personal of the integration is to be erased.
    ShopRedact,
}

impl NoticeKind {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeReceived {
    pub account_id: AccountId,
    pub integration_id: IntegrationId,
    pub provider: Provider,
    pub kind: NoticeKind,
    pub received_at: DateTime<Utc>,
    /// From headers that are not signed: shown, never decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
    /// The headers that say how it was sent, by their names in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Private<BTreeMap<String, String>>>,
    pub body_bytes: u32,
    /// Nothing showed that the store had sent it: a service for development took it without a signature.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// How it came.
    #[serde(default, skip_serializing_if = "ReportSource::is_webhook")]
    pub source: ReportSource,
    /// Why it cannot be used, or nothing comes of it. Quotes nothing of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The order that it is about, where it cannot be used as one or is only published, as far as it can be read: the store's
    /// own id of it, and the number that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    /// Whom the body names: so that a customer who is to be erased is found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customers: Option<Private<NamedCustomers>>,
}

/// A webhook with the body of an earlier one: what it says is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeRepeated {
    pub provider: Provider,
    pub kind: NoticeKind,
    pub received_at: DateTime<Utc>,
    /// From headers that are not signed: shown, never decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
    pub body_bytes: u32,
    /// Nothing showed that the store had sent it: a service for development took it without a signature.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// How it came.
    #[serde(default, skip_serializing_if = "ReportSource::is_webhook")]
    pub source: ReportSource,
    /// The order that it is about, as the earlier one has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
}

/// What customers are known by that a body names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedCustomers {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<String>,
    /// The store's own ids of customers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usernames: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<String>,
    /// Ids and numbers of orders: erasing one erases what is about it, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<String>,
}

impl NoticeReceived {
    fn repeat(&self) -> NoticeRepeated {
        NoticeRepeated {
            provider: self.provider,
            kind: self.kind,
            received_at: self.received_at,
            topic: self.topic.clone(),
            webhook_id: self.webhook_id.clone(),
            body_bytes: self.body_bytes,
            unsigned: self.unsigned,
            source: self.source,
            order_id: self.order_id.clone(),
            order_number: self.order_number.clone(),
        }
    }
}

impl NamedCustomers {
    pub fn is_empty(&self) -> bool {
        [&self.emails, &self.ids, &self.usernames, &self.phones, &self.orders].into_iter().all(Vec::is_empty)
    }
}

/// The order that a webhook only named, as its store had it when it was read. The raw response lies beside the event, sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeOrderRead {
    pub provider: Provider,
    /// The store's own id of the order; the number that people see, where it is another.
    pub order_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    /// How many webhooks had announced the order when it was read.
    pub announcements: u32,
    pub call: StoreCall,
    pub body_bytes: u32,
    /// Whom the order names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Private<OrderCustomer>>,
    /// Whom the response names: so that a customer who is to be erased is found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customers: Option<Private<NamedCustomers>>,
}

/// The customer of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCustomer {
    /// The store's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

impl NoticeOrderRead {
    /// Leaves out whom it names. The mark that stays also keeps the raw response from being stored.
    fn forget_persons(&mut self) {
        self.customer = Some(Private::Erased);
        self.customers = Some(Private::Erased);
    }

    fn is_forgotten(&self) -> bool {
        self.customer == Some(Private::Erased)
    }
}

/// What happened. These names are the storage format: add, never rename.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NoticeEvent {
    WebhookReceived(Box<NoticeReceived>),
    /// The very same body again.
    WebhookRepeated(Box<NoticeRepeated>),
    /// The order that it named was read at its store, where nothing delivers it.
    OrderRead(Box<NoticeOrderRead>),
    /// What it asked for is done, and whom it named is erased from it: the data key of the stream is deleted.
    PersonalDataErased {},
}

domain_event!(NoticeEvent);

impl LogEvent for NoticeEvent {
    fn keeps_body(&self) -> bool {
        match self {
            Self::WebhookReceived(_) => true,
            Self::OrderRead(read) => !read.is_forgotten(),
            Self::WebhookRepeated(_) | Self::PersonalDataErased {} => false,
        }
    }

    fn erases_data_key(&self) -> bool {
        matches!(self, Self::PersonalDataErased {})
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum NoticeCommand {
    /// A store sent it; again, where it did so before.
    Record(Box<NoticeReceived>),
    /// The order that it named was read at its store.
    RecordOrderRead(Box<NoticeOrderRead>),
    /// Erases the body, which may name a person.
    ErasePersonalData,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeRefusal {
    #[error("no webhook was recorded under this id")]
    NotReceived,
}

/// The fold of a notice's stream: nothing yet, the webhook, and at last the webhook without its body.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Notice {
    #[default]
    Initial,
    Received(NoticeReceived, Later),
    Erased(NoticeReceived, Later),
}

/// What came after the webhook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Later {
    repeats: Repeats,
    /// How many webhooks had announced its order when that was last read, if it was.
    #[serde(default)]
    read: u32,
}

impl Notice {
    pub fn decide(&self, command: NoticeCommand) -> Result<Vec<NoticeEvent>, NoticeRefusal> {
        match (self, command) {
            (Self::Initial, NoticeCommand::Record(received)) => Ok(vec![NoticeEvent::WebhookReceived(received)]),
            // Where many come in an hour, nothing is recorded any more.
            (Self::Received(_, later) | Self::Erased(_, later), NoticeCommand::Record(received)) => {
                let repeated = || NoticeEvent::WebhookRepeated(Box::new(received.repeat()));
                Ok(if later.repeats.is_enough(received.received_at) { vec![] } else { vec![repeated()] })
            }
            // Another node has read it meanwhile and no earlier.
            (Self::Received(_, later) | Self::Erased(_, later), NoticeCommand::RecordOrderRead(read))
                if read.announcements <= later.read =>
            {
                Ok(vec![])
            }
            (Self::Received(..), NoticeCommand::RecordOrderRead(read)) => Ok(vec![NoticeEvent::OrderRead(read)]),
            (Self::Erased(..), NoticeCommand::RecordOrderRead(mut read)) => {
                read.forget_persons();
                Ok(vec![NoticeEvent::OrderRead(read)])
            }
            (Self::Initial, NoticeCommand::RecordOrderRead(_) | NoticeCommand::ErasePersonalData) => {
                Err(NoticeRefusal::NotReceived)
            }
            (Self::Received(..), NoticeCommand::ErasePersonalData) => Ok(vec![NoticeEvent::PersonalDataErased {}]),
            (Self::Erased(..), NoticeCommand::ErasePersonalData) => Ok(vec![]),
        }
    }
}

aggregate!(Notice, "notice", NoticeCommand, NoticeEvent, NoticeRefusal);

impl Notice {
    fn fold(&mut self, event: NoticeEvent) {
        match event {
            NoticeEvent::WebhookReceived(received) => *self = Self::Received(*received, Later::default()),
            NoticeEvent::WebhookRepeated(repeated) => match self {
                Self::Received(_, later) | Self::Erased(_, later) => {
                    later.repeats.apply_recorded(repeated.received_at);
                }
                Self::Initial => {}
            },
            NoticeEvent::OrderRead(read) => match self {
                Self::Received(_, later) | Self::Erased(_, later) => later.read = read.announcements,
                Self::Initial => {}
            },
            NoticeEvent::PersonalDataErased {} => {
                *self = match std::mem::take(self) {
                    Self::Received(received, later) => Self::Erased(received, later),
                    before @ (Self::Initial | Self::Erased(..)) => before,
                };
            }
        }
    }
}

impl EventSourced for Notice {
    const SNAPSHOT_VERSION: i64 = 2;

    fn owner(&self, _: &str) -> Owner {
        match self {
            Self::Initial => Owner::default(),
            Self::Received(received, _) | Self::Erased(received, _) => {
                Owner { account_id: Some(received.account_id), integration_id: Some(received.integration_id) }
            }
        }
    }
}
