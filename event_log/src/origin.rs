//! Where events come from: who made them happen, and what they follow from.

use domain::{AccountId, ApiKeyId};
use uuid::Uuid;

use crate::Position;
use crate::data_keys::IdentifiedKey;

/// Who makes something happen, as the log records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A store, by a signed webhook.
    Store,
    /// A worker of this service, by name.
    Worker(String),
    /// The service itself: a process manager, or the first start.
    System,
    /// A person or program with an API key.
    Key {
        id: ApiKeyId,
        name: String,
        /// Why, in their words: it may name a customer, and is sealed where it is stored.
        reason: Option<String>,
        /// Whose data it is about, where it is one account's.
        account_id: Option<AccountId>,
    },
}

/// Where events come from: who made them happen, and what they follow from.
#[derive(Clone, Debug)]
pub struct Origin {
    pub actor: Actor,
    /// The position of the event that they follow from, where there is one.
    pub caused_by: Option<Position>,
    /// What they belong to, where that is another stream than their own: an order's delivery.
    pub correlation_id: Option<Uuid>,
    /// What seals their private values where the stream has no data key yet: the key of another stream, with which they are
    /// erased. None for a key of their own.
    pub sealed_with: Option<IdentifiedKey>,
}

impl Origin {
    /// What follows from the event at this position.
    #[must_use]
    pub fn caused_by(self, position: impl Into<Option<Position>>) -> Self {
        Self { caused_by: position.into(), ..self }
    }

    /// What belongs to another stream.
    #[must_use]
    pub fn correlated_with(self, id: Uuid) -> Self {
        Self { correlation_id: Some(id), ..self }
    }

    /// What is private in it is about what this key seals.
    #[must_use]
    pub fn sealed_with(self, key: Option<IdentifiedKey>) -> Self {
        Self { sealed_with: key, ..self }
    }
}

impl From<Actor> for Origin {
    fn from(actor: Actor) -> Self {
        Self { actor, caused_by: None, correlation_id: None, sealed_with: None }
    }
}

impl From<&Actor> for Origin {
    fn from(actor: &Actor) -> Self {
        actor.clone().into()
    }
}

impl Actor {
    /// Somebody who acts because of the event at this position.
    pub fn because_of(self, position: impl Into<Option<Position>>) -> Origin {
        Origin::from(self).caused_by(position)
    }

    /// The account that a person's action was about, where it was one.
    pub(super) fn account_id(&self) -> Option<AccountId> {
        match self {
            Self::Key { account_id, .. } => *account_id,
            Self::Store | Self::Worker(_) | Self::System => None,
        }
    }
}
