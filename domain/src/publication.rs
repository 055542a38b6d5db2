//! A publication: a commerce event that a program of the account published itself. Its stream holds what the event says, until
//! that is erased, since it may name a person.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::commerce::CommerceEventType;
use crate::event::{EventSourced, LogEvent, Owner, aggregate, domain_event};
use crate::notice::NamedCustomers;
use crate::{AccountId, IntegrationId, Private};

/// What happened. These names are the storage format: add, never rename.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PublicationEvent {
    EventPublished(Box<Published>),
    /// What it says is erased: the data key of the stream is deleted.
    PersonalDataErased {},
}

/// An event as a program of the account published it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Published {
    pub account_id: AccountId,
    /// The store that it is about, where the program says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration_id: Option<IntegrationId>,
    pub event_type: CommerceEventType,
    /// The id of what it is about, where it is about one thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// When it happened, where the program says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<DateTime<Utc>>,
    /// What it says, as JSON that is as the schema of its type has it.
    pub data: Private<String>,
    /// Whom it names: so that a customer who is to be erased is found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customers: Option<Private<NamedCustomers>>,
}

domain_event!(PublicationEvent);

impl LogEvent for PublicationEvent {
    fn erases_data_key(&self) -> bool {
        matches!(self, Self::PersonalDataErased {})
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum PublicationCommand {
    /// The same again is the same event.
    Publish(Box<Published>),
    /// Erases what it says.
    ErasePersonalData,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicationRefusal {
    #[error("another event was published with this idempotency key: each event needs one of its own")]
    KeyInUse,
    #[error("no event was published under this id")]
    NotPublished,
}

/// The fold of a publication's stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Publication {
    #[default]
    Initial,
    Published(Box<Published>),
    /// Without what it says.
    Erased(Box<Published>),
}

impl Publication {
    pub fn decide(&self, command: PublicationCommand) -> Result<Vec<PublicationEvent>, PublicationRefusal> {
        match (self, command) {
            (Self::Initial, PublicationCommand::Publish(new)) => Ok(vec![PublicationEvent::EventPublished(new)]),
            (Self::Published(known), PublicationCommand::Publish(new)) if *known == new => Ok(vec![]),
            // Whether it says the same cannot be known any more: what was erased stays so.
            (Self::Erased(known), PublicationCommand::Publish(new)) if known.event_type == new.event_type => Ok(vec![]),
            (Self::Published(_) | Self::Erased(_), PublicationCommand::Publish(_)) => Err(PublicationRefusal::KeyInUse),
            (Self::Initial, PublicationCommand::ErasePersonalData) => Err(PublicationRefusal::NotPublished),
            (Self::Published(_), PublicationCommand::ErasePersonalData) => {
                Ok(vec![PublicationEvent::PersonalDataErased {}])
            }
            (Self::Erased(_), PublicationCommand::ErasePersonalData) => Ok(vec![]),
        }
    }

    fn fold(&mut self, event: PublicationEvent) {
        match event {
            PublicationEvent::EventPublished(published) => *self = Self::Published(published),
            PublicationEvent::PersonalDataErased {} => {
                *self = match std::mem::take(self) {
                    Self::Published(published) => {
                        Self::Erased(Box::new(Published { data: Private::Erased, customers: None, ..*published }))
                    }
                    before @ (Self::Initial | Self::Erased(_)) => before,
                };
            }
        }
    }
}

aggregate!(Publication, "publication", PublicationCommand, PublicationEvent, PublicationRefusal);

impl EventSourced for Publication {
    const SNAPSHOT_VERSION: i64 = 1;

    fn owner(&self, _: &str) -> Owner {
        match self {
            Self::Initial => Owner::default(),
            Self::Published(published) | Self::Erased(published) => {
                Owner { account_id: Some(published.account_id), integration_id: published.integration_id }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;
    use uuid::Uuid;

    use super::*;
    use crate::event::tests::stored;

    fn published(question: &str) -> Box<Published> {
        Box::new(Published {
            account_id: AccountId(Uuid::from_u128(1)),
            integration_id: None,
            event_type: CommerceEventType::FaqSubmitted,
            object_id: Some("faq_1".to_owned()),
            occurred_at: None,
            data: Private::Known(format!(r#"{{"faqId":"faq_1","question":"{question}"}}"#)),
            customers: Some(Private::Known(NamedCustomers {
                emails: vec!["max@music.com".to_owned()],
                ..NamedCustomers::default()
            })),
        })
    }

    fn first() -> PublicationEvent {
        PublicationEvent::EventPublished(published("first"))
    }

    const ERASED: PublicationEvent = PublicationEvent::PersonalDataErased {};

    fn given<const N: usize>(events: [PublicationEvent; N]) -> cqrs_es::test::AggregateTestExecutor<Publication> {
        TestFramework::with(()).given(events.to_vec())
    }

    #[test]
    fn an_event_is_published_once_and_its_key_is_no_other_events() {
        let publish = |question: &str| PublicationCommand::Publish(published(question));
        given([]).when(publish("first")).then_expect_events(vec![first()]);
        given([first()]).when(publish("first")).then_expect_events(vec![]);
        given([first()]).when(publish("second")).then_expect_error(PublicationRefusal::KeyInUse);
        given([first(), ERASED]).when(publish("second")).then_expect_events(vec![]);
        let other = Box::new(Published { event_type: CommerceEventType::FaqApproved, ..*published("first") });
        given([first(), ERASED])
            .when(PublicationCommand::Publish(other))
            .then_expect_error(PublicationRefusal::KeyInUse);
    }

    #[test]
    fn what_it_says_is_erased_once() {
        let erase = || PublicationCommand::ErasePersonalData;
        given([]).when(erase()).then_expect_error(PublicationRefusal::NotPublished);
        given([first()]).when(erase()).then_expect_events(vec![ERASED]);
        given([first(), ERASED]).when(erase()).then_expect_events(vec![]);
        let mut publication = Publication::default();
        publication.fold(first());
        publication.fold(ERASED);
        let Publication::Erased(rest) = publication else { panic!("it is erased") };
        assert_eq!((rest.data, rest.customers), (Private::Erased, None));
    }

    /// Lines are added, never changed or removed.
    #[test]
    fn the_stored_form_of_every_event_is_pinned() {
        let about_store = Published {
            integration_id: Some(IntegrationId(Uuid::from_u128(2))),
            event_type: CommerceEventType::EnrichmentBulkCompleted,
            object_id: None,
            occurred_at: DateTime::from_timestamp(1_800_000_000, 0),
            customers: None,
            ..*published("first")
        };
        let events = [first(), PublicationEvent::EventPublished(Box::new(about_store)), ERASED];
        insta::assert_snapshot!(stored(&events));
        for line in include_str!("publication/ever.jsonl").lines() {
            serde_json::from_str::<PublicationEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}
