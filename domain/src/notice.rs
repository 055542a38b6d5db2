//! A notice: a signed webhook that is not about an order. It is kept and shown; what a store requests by law is also done.
//!
//! A stream of its own, since it belongs to no order's. A sender of many such webhooks makes many small streams.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use crate::delivery::StoreCall;
use crate::event::{EventSourced, LogEvent, Owner, aggregate, domain_event};
use crate::integration::Provider;
use crate::repeats::Repeats;
use crate::{AccountId, IntegrationId, Private};

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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use cqrs_es::Aggregate as _;
    use uuid::Uuid;

    use super::*;
    use crate::event::tests::stored;
    use crate::repeats::RECORDED_AN_HOUR;

    fn received(kind: NoticeKind) -> NoticeReceived {
        NoticeReceived {
            account_id: AccountId(Uuid::from_u128(1)),
            integration_id: IntegrationId(Uuid::from_u128(2)),
            provider: Provider::Shopify,
            kind,
            received_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            topic: Some("products/update".to_owned()),
            webhook_id: None,
            headers: (kind == NoticeKind::Unusable)
                .then(|| Private::Known(BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]))),
            body_bytes: 2,
            unsigned: false,
            reason: (kind == NoticeKind::Unusable).then(|| "`id` must be a text or a whole number".to_owned()),
            order_id: (kind == NoticeKind::Unusable).then(|| "5678901231075".to_owned()),
            order_number: (kind == NoticeKind::Unusable).then(|| "#1075".to_owned()),
            customers: (kind == NoticeKind::CustomerRedact).then(|| {
                Private::Known(NamedCustomers {
                    emails: vec!["max@music.com".to_owned()],
                    ids: vec!["207119551".to_owned()],
                    usernames: vec!["max".to_owned()],
                    phones: vec!["+15556251199".to_owned()],
                    orders: vec!["5678901231075".to_owned()],
                })
            }),
        }
    }

    fn all_done(notice: &mut Notice, command: NoticeCommand) -> Vec<NoticeEvent> {
        let events = notice.decide(command).unwrap();
        for event in events.clone() {
            notice.apply(event);
        }
        events
    }

    #[test]
    fn the_same_body_again_is_noted_a_few_times_an_hour_and_kept_once() {
        let received_at = |at| Box::new(NoticeReceived { received_at: at, ..received(NoticeKind::NotAnOrder) });
        let at = received(NoticeKind::NotAnOrder).received_at;
        let record = |at| NoticeCommand::Record(received_at(at));
        let repeated = |at| NoticeEvent::WebhookRepeated(Box::new(received_at(at).repeat()));
        let mut notice = Notice::default();
        assert_eq!(notice.decide(NoticeCommand::ErasePersonalData), Err(NoticeRefusal::NotReceived));
        assert_eq!(all_done(&mut notice, record(at)), [NoticeEvent::WebhookReceived(received_at(at))]);
        for _ in 0..RECORDED_AN_HOUR {
            assert_eq!(all_done(&mut notice, record(at)), [repeated(at)]);
        }
        assert_eq!(all_done(&mut notice, record(at)), []);
        let later = at + TimeDelta::hours(1);
        assert_eq!(all_done(&mut notice, record(later)), [repeated(later)]);
        for erased in [vec![NoticeEvent::PersonalDataErased {}], vec![]] {
            assert_eq!(all_done(&mut notice, NoticeCommand::ErasePersonalData), erased);
        }
        assert_eq!(all_done(&mut notice, record(later)), [repeated(later)], "what was erased stays so");
    }

    fn order_read(announcements: u32) -> Box<NoticeOrderRead> {
        let customer = OrderCustomer {
            id: Some("7".to_owned()),
            email: Some("max@music.com".to_owned()),
            name: Some("Max".to_owned()),
            username: Some("max".to_owned()),
        };
        let named = NamedCustomers { orders: vec!["118".to_owned()], ..NamedCustomers::default() };
        Box::new(NoticeOrderRead {
            provider: Provider::BigCommerce,
            order_id: "118".to_owned(),
            order_number: Some("1118".to_owned()),
            announcements,
            call: StoreCall { status: Some(200), duration_ms: 12, reason: None },
            body_bytes: 2_000,
            customer: Some(Private::Known(customer)),
            customers: Some(Private::Known(named)),
        })
    }

    #[test]
    fn the_order_that_a_webhook_names_is_kept_as_it_was_read_once_and_without_persons_after_an_erasure() {
        let mut notice = Notice::default();
        let record = |announcements| NoticeCommand::RecordOrderRead(order_read(announcements));
        assert_eq!(notice.decide(record(1)), Err(NoticeRefusal::NotReceived));
        all_done(&mut notice, NoticeCommand::Record(Box::new(received(NoticeKind::Commerce))));
        let read = all_done(&mut notice, record(1));
        assert_eq!(read, [NoticeEvent::OrderRead(order_read(1))]);
        assert!(read[0].keeps_body());
        assert_eq!(all_done(&mut notice, record(1)), [], "another node was first");
        all_done(&mut notice, NoticeCommand::ErasePersonalData);
        let forgotten = all_done(&mut notice, record(2));
        let [NoticeEvent::OrderRead(read)] = &forgotten[..] else { panic!("{forgotten:?}") };
        assert_eq!((&read.customer, &read.customers), (&Some(Private::Erased), &Some(Private::Erased)));
        assert!(!forgotten[0].keeps_body());
    }

    /// Lines are added, never changed or removed.
    #[test]
    fn the_stored_form_of_every_event_is_pinned() {
        let kinds = [
            NoticeKind::NotAnOrder,
            NoticeKind::StoreError,
            NoticeKind::CustomerDataRequest,
            NoticeKind::CustomerRedact,
            NoticeKind::ShopRedact,
            NoticeKind::Unusable,
        ];
        let received_ones = kinds.into_iter().map(|kind| NoticeEvent::WebhookReceived(Box::new(received(kind))));
        let repeated = received(NoticeKind::NotAnOrder).repeat();
        let of_order = received(NoticeKind::Unusable).repeat();
        let unsigned = NoticeReceived { unsigned: true, ..received(NoticeKind::NotAnOrder) }.repeat();
        let others = [
            NoticeEvent::PersonalDataErased {},
            NoticeEvent::WebhookRepeated(Box::new(repeated)),
            NoticeEvent::WebhookRepeated(Box::new(of_order)),
            NoticeEvent::WebhookRepeated(Box::new(unsigned)),
            NoticeEvent::OrderRead(order_read(1)),
        ];
        let events: Vec<_> = received_ones.chain(others).collect();
        insta::assert_snapshot!(stored(&events));
        for line in include_str!("notice/ever.jsonl").lines() {
            serde_json::from_str::<NoticeEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}
