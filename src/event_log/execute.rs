//! Executing a command: load, decide, append; and again where somebody else came first.

use std::collections::HashMap;

use bytes::Bytes;
use cqrs_es::{Aggregate, AggregateError, CqrsFramework};
use domain::{AccountId, EventSourced};
use uuid::Uuid;

use super::EventLog;
use super::append::AppendError;
use super::store::{Start, StreamStore};

/// How often a command is decided again because somebody else appended first. Beyond this it is told as contention.
const MAX_DECISIONS: usize = 1_000;

/// Who makes something happen, as the log records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A store, by a signed webhook.
    Store,
    /// A worker of this service, by name.
    Worker(String),
    /// The service itself: a reaction, or the first start.
    System,
    /// A person or program with an API key.
    Key {
        id: String,
        name: String,
        /// Why, in their words.
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
    pub caused_by: Option<i64>,
    /// What they belong to, where that is another stream than their own: an order's delivery.
    pub correlation_id: Option<Uuid>,
}

impl Origin {
    /// What follows from the event at this position.
    #[must_use]
    pub fn caused_by(self, position: impl Into<Option<i64>>) -> Self {
        Self { caused_by: position.into(), ..self }
    }

    /// What belongs to another stream.
    #[must_use]
    pub fn correlated_with(self, id: Uuid) -> Self {
        Self { correlation_id: Some(id), ..self }
    }
}

impl From<Actor> for Origin {
    fn from(actor: Actor) -> Self {
        Self { actor, caused_by: None, correlation_id: None }
    }
}

impl From<&Actor> for Origin {
    fn from(actor: &Actor) -> Self {
        actor.clone().into()
    }
}

impl Actor {
    /// Somebody who acts because of the event at this position.
    pub fn because_of(self, position: impl Into<Option<i64>>) -> Origin {
        Origin::from(self).caused_by(position)
    }

    /// The account that a person's action was about, where it was one.
    pub(super) fn account_id(&self) -> Option<AccountId> {
        match self {
            Self::Key { account_id, .. } => *account_id,
            Self::Store | Self::Worker(_) | Self::System => None,
        }
    }

    fn metadata(&self) -> HashMap<String, String> {
        let entry = |key: &str, value: String| (key.to_owned(), value);
        match self {
            Self::Store => HashMap::from([entry("actor", "store".to_owned())]),
            Self::Worker(name) => HashMap::from([entry("actor", format!("worker {name}"))]),
            Self::System => HashMap::from([entry("actor", "system".to_owned())]),
            Self::Key { id, name, reason, account_id: _ } => {
                let mut metadata = HashMap::from([
                    entry("actor", format!("key {name}")),
                    entry("key_id", id.clone()),
                    entry("key_name", name.clone()),
                ]);
                metadata.extend(reason.iter().map(|reason| entry("reason", reason.clone())));
                metadata
            }
        }
    }
}

/// What a command led to.
#[derive(Clone, Debug)]
pub struct Committed<A: Aggregate> {
    /// The aggregate after it.
    pub aggregate: A,
    /// What happened; empty when there was nothing to do.
    pub events: Vec<A::Event>,
    /// Where the last event lies in the log, if anything happened.
    pub position: Option<i64>,
    pub sequence: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum CommandError<E: std::error::Error> {
    /// A rule said no. Shown to the caller.
    #[error(transparent)]
    Refused(E),
    #[error("too many others change the same thing at the same moment")]
    Contended,
    #[error("the event log is busy")]
    Busy,
    #[error("the event log cannot be reached: {0}")]
    Unavailable(String),
    #[error("the event log cannot be read: {0}")]
    Broken(String),
}

impl EventLog {
    /// Executes a command on a stream that may exist.
    pub async fn execute<A: EventSourced<Services = ()>>(
        &self,
        id: &str,
        command: A::Command,
        origin: impl Into<Origin>,
    ) -> Result<Committed<A>, CommandError<A::Error>>
    where
        A::Command: Clone,
    {
        self.decide_until_first(Start::Loaded, id, command, origin.into(), None).await
    }

    /// Executes a command on a stream that is most likely new, with a body to keep. Costs no read where it is new.
    pub async fn execute_fresh<A: EventSourced<Services = ()>>(
        &self,
        id: &str,
        command: A::Command,
        origin: impl Into<Origin>,
        body: Option<Bytes>,
    ) -> Result<Committed<A>, CommandError<A::Error>>
    where
        A::Command: Clone,
    {
        self.decide_until_first(Start::Fresh, id, command, origin.into(), body).await
    }

    async fn decide_until_first<A: EventSourced<Services = ()>>(
        &self,
        mut start: Start,
        id: &str,
        command: A::Command,
        origin: Origin,
        body: Option<Bytes>,
    ) -> Result<Committed<A>, CommandError<A::Error>>
    where
        A::Command: Clone,
    {
        let metadata = origin.actor.metadata();
        for _ in 0..MAX_DECISIONS {
            let store = StreamStore::new(self, start, &origin, body.clone());
            let framework = CqrsFramework::new(&store, vec![], ());
            match framework.execute_with_metadata(id, command.clone(), metadata.clone()).await {
                Ok(()) => {
                    drop(framework);
                    return store.into_committed().ok_or_else(|| CommandError::Broken("nothing was committed".into()));
                }
                Err(AggregateError::AggregateConflict) => start = Start::Loaded,
                Err(AggregateError::UserError(refusal)) => return Err(CommandError::Refused(refusal)),
                Err(AggregateError::DatabaseConnectionError(error)) => {
                    return Err(match error.downcast_ref::<AppendError>() {
                        Some(AppendError::Busy) => CommandError::Busy,
                        _ => CommandError::Unavailable(error.to_string()),
                    });
                }
                Err(AggregateError::DeserializationError(error) | AggregateError::UnexpectedError(error)) => {
                    return Err(CommandError::Broken(error.to_string()));
                }
            }
        }
        Err(CommandError::Contended)
    }
}
