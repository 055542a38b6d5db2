//! An event as it reads, and how far a follower of the log has come.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate as _, DomainEvent as _};
use domain::account::{Account, AccountEvent};
use domain::checkpoint::{CheckpointEvent, Checkpoints};
use domain::delivery::{Delivery, DeliveryEvent};
use domain::dispatch::{Dispatch, DispatchEvent};
use domain::endpoint::{Endpoint, EndpointEvent};
use domain::instance::{Instance, InstanceEvent};
use domain::integration::{Integration, IntegrationEvent};
use domain::ledger::{Ledger, LedgerEvent};
use domain::notice::{Notice, NoticeEvent};
use domain::operator_action::{OperatorAction, OperatorActionEvent};
use domain::publication::{Publication, PublicationEvent};
use domain::resource::{Resource, ResourceEvent};
use domain::store::{Store, StoreEvent};
use domain::{AccountId, IntegrationId, Private};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Position, Sequence};

/// How far a follower of the log has read, and which event that was. A position alone does not tell one log from
/// another, or from what was put back in its place: the hash of an event does, for it covers ids, times and keys that no
/// other log has.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub struct Cursor {
    /// Of the last event that was read.
    pub position: Position,
    /// Of that event; empty before the first.
    pub hash: Vec<u8>,
}

impl Cursor {
    /// Before the first event of any log.
    pub const START: Self = Self { position: Position::START, hash: vec![] };
}

/// One event of the log, opened and read.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub position: Position,
    /// The hash that chains it to its stream.
    pub hash: Vec<u8>,
    pub aggregate_id: String,
    pub sequence: Sequence,
    /// The account that owns it, where one does.
    pub account_id: Option<AccountId>,
    /// The store link that it is about, where it is about one.
    pub integration_id: Option<IntegrationId>,
    /// The position of the event that this one follows from, where there is one.
    pub caused_by: Option<Position>,
    /// What belongs together across streams has the same.
    pub correlation_id: Uuid,
    pub recorded_at: DateTime<Utc>,
    /// Who or what made it happen.
    pub actor: String,
    /// The person or program behind it, where it was one with an API key.
    pub operator: Option<Operator>,
    /// What the customer is known by that the event names, as keyed hashes.
    pub customer_tokens: Vec<String>,
    pub event: AnyEvent,
}

/// The person or program that did something with an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    pub key_id: String,
    pub key_name: String,
    /// Why, in their words, where they said so.
    pub reason: Option<Private<String>>,
}

/// An event of any aggregate.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyEvent {
    Account(AccountEvent),
    Integration(IntegrationEvent),
    Ledger(LedgerEvent),
    Delivery(DeliveryEvent),
    Notice(NoticeEvent),
    OperatorAction(OperatorActionEvent),
    Resource(ResourceEvent),
    Publication(PublicationEvent),
    Endpoint(EndpointEvent),
    Dispatch(DispatchEvent),
    Checkpoint(CheckpointEvent),
    Store(StoreEvent),
    Instance(InstanceEvent),
    /// Of an aggregate that this version does not know. It passes by.
    Unknown,
}

impl AnyEvent {
    /// The kind of stream that the event is on, as it is stored. None for what this version does not know.
    pub fn aggregate_type(&self) -> Option<&'static str> {
        match self {
            Self::Account(_) => Some(Account::TYPE),
            Self::Integration(_) => Some(Integration::TYPE),
            Self::Ledger(_) => Some(Ledger::TYPE),
            Self::Delivery(_) => Some(Delivery::TYPE),
            Self::Notice(_) => Some(Notice::TYPE),
            Self::OperatorAction(_) => Some(OperatorAction::TYPE),
            Self::Resource(_) => Some(Resource::TYPE),
            Self::Publication(_) => Some(Publication::TYPE),
            Self::Endpoint(_) => Some(Endpoint::TYPE),
            Self::Dispatch(_) => Some(Dispatch::TYPE),
            Self::Checkpoint(_) => Some(Checkpoints::TYPE),
            Self::Store(_) => Some(Store::TYPE),
            Self::Instance(_) => Some(Instance::TYPE),
            Self::Unknown => None,
        }
    }

    /// The name under which an event of this kind is stored. None for what this version does not know.
    pub fn event_type(&self) -> Option<String> {
        match self {
            Self::Account(event) => Some(event.event_type()),
            Self::Integration(event) => Some(event.event_type()),
            Self::Ledger(event) => Some(event.event_type()),
            Self::Delivery(event) => Some(event.event_type()),
            Self::Notice(event) => Some(event.event_type()),
            Self::OperatorAction(event) => Some(event.event_type()),
            Self::Resource(event) => Some(event.event_type()),
            Self::Publication(event) => Some(event.event_type()),
            Self::Endpoint(event) => Some(event.event_type()),
            Self::Dispatch(event) => Some(event.event_type()),
            Self::Checkpoint(event) => Some(event.event_type()),
            Self::Store(event) => Some(event.event_type()),
            Self::Instance(event) => Some(event.event_type()),
            Self::Unknown => None,
        }
    }
}

impl Recorded {
    /// For who has read up to this event.
    pub fn cursor(&self) -> Cursor {
        Cursor { position: self.position, hash: self.hash.clone() }
    }

    pub fn recorded_at_us(&self) -> i64 {
        self.recorded_at.timestamp_micros()
    }
}
