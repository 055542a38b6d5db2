//! Executing a command: load, decide, append; and again where somebody else came first.

use std::collections::HashMap;

use bytes::Bytes;
use cqrs_es::{Aggregate, AggregateError, CqrsFramework};

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
    },
}

impl Actor {
    fn metadata(&self) -> HashMap<String, String> {
        let entry = |key: &str, value: String| (key.to_owned(), value);
        match self {
            Self::Store => HashMap::from([entry("actor", "store".to_owned())]),
            Self::Worker(name) => HashMap::from([entry("actor", format!("worker {name}"))]),
            Self::System => HashMap::from([entry("actor", "system".to_owned())]),
            Self::Key { id, name, reason } => {
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
    pub async fn execute<A: Aggregate<Services = ()>>(
        &self,
        id: &str,
        command: A::Command,
        actor: &Actor,
    ) -> Result<Committed<A>, CommandError<A::Error>>
    where
        A::Command: Clone,
    {
        self.decide_until_first(Start::Loaded, id, command, actor, None).await
    }

    /// Executes a command on a stream that is most likely new, with a body to keep. Costs no read where it is new.
    pub async fn execute_fresh<A: Aggregate<Services = ()>>(
        &self,
        id: &str,
        command: A::Command,
        actor: &Actor,
        body: Option<Bytes>,
    ) -> Result<Committed<A>, CommandError<A::Error>>
    where
        A::Command: Clone,
    {
        self.decide_until_first(Start::Fresh, id, command, actor, body).await
    }

    async fn decide_until_first<A: Aggregate<Services = ()>>(
        &self,
        mut start: Start,
        id: &str,
        command: A::Command,
        actor: &Actor,
        body: Option<Bytes>,
    ) -> Result<Committed<A>, CommandError<A::Error>>
    where
        A::Command: Clone,
    {
        let metadata = actor.metadata();
        for _ in 0..MAX_DECISIONS {
            let store = StreamStore::new(self, start, body.clone());
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
