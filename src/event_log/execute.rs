//! Executing a command: load, decide, append; and again where somebody else came first.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use domain::{AccountId, EventSourced};
use uuid::Uuid;

use super::EventLog;
use super::append::{Append, AppendError, Appended, Pending, StreamAppend};
use super::queue::{Known, Ticket, Turn};
use super::stream::{LoadError, Loaded};
use super::writer::stopped;

/// How often a command is decided again because another node appended first. Beyond this it is contention.
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

    /// As it is stored with each event: sorted, so that the bytes are the same every time.
    pub(super) fn metadata(&self) -> String {
        let mut metadata = BTreeMap::new();
        match self {
            Self::Store => metadata.insert("actor", "store".to_owned()),
            Self::Worker(name) => metadata.insert("actor", format!("worker {name}")),
            Self::System => metadata.insert("actor", "system".to_owned()),
            Self::Key { id, name, reason, account_id: _ } => {
                metadata.insert("key_id", id.clone());
                metadata.insert("key_name", name.clone());
                metadata.extend(reason.iter().map(|reason| ("reason", reason.clone())));
                metadata.insert("actor", format!("key {name}"))
            }
        };
        serde_json::to_string(&metadata).expect("texts can be written")
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

/// What is assumed of a stream before a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// It is new, most likely: decide on the default and append at its beginning. Costs no read; a stream that exists
    /// answers with a conflict.
    Fresh,
    /// It may exist: where it is not in memory, load it.
    Loaded,
}

/// What a command was decided to, and has yet to be stored.
struct Decided<A: Aggregate> {
    before: Arc<Loaded<A>>,
    after: Arc<Loaded<A>>,
    events: Vec<A::Event>,
    /// None where there is nothing to do.
    append: Option<StreamAppend>,
}

impl<A: EventSourced> Decided<A> {
    fn committed(self, position: Option<i64>) -> Committed<A> {
        let position = position.filter(|_| !self.events.is_empty());
        let sequence = self.after.sequence;
        let aggregate = Arc::unwrap_or_clone(self.after).aggregate;
        Committed { aggregate, events: self.events, position, sequence }
    }
}

impl EventLog {
    /// Executes a command on a stream that may exist.
    pub async fn execute<A: EventSourced>(
        &self,
        id: &str,
        command: A::Command,
        origin: impl Into<Origin>,
    ) -> Result<Committed<A>, CommandError<A::Error>> {
        self.decide_until_stored(Start::Loaded, id, command, origin.into(), None).await
    }

    /// Executes a webhook's command on a stream that is most likely new, with a body to keep beside the event. Costs no read
    /// where it is new.
    pub async fn execute_fresh<A: EventSourced>(
        &self,
        id: &str,
        command: A::Command,
        origin: impl Into<Origin>,
        body: Option<Bytes>,
    ) -> Result<Committed<A>, CommandError<A::Error>> {
        self.decide_until_stored(Start::Fresh, id, command, origin.into(), body).await
    }

    async fn decide_until_stored<A: EventSourced>(
        &self,
        mut start: Start,
        id: &str,
        command: A::Command,
        origin: Origin,
        body: Option<Bytes>,
    ) -> Result<Committed<A>, CommandError<A::Error>> {
        let (is_webhook, ticket) = (start == Start::Fresh, self.queues.ticket::<A>(&self.recent, id));
        for _ in 0..MAX_DECISIONS {
            let mut turn = ticket.turn().await;
            let mut decided = self.decide::<A>(&turn, start, id, command.clone(), &origin, body.as_ref()).await?;
            let Some(append) = decided.append.take() else { return Ok(decided.committed(None)) };
            let append = Append { streams: vec![append], is_webhook };
            let pending = self.send::<A>(&mut turn, &decided, append)?;
            drop(turn);
            match settle(pending, &ticket, &decided).await {
                Ok(appended) => return Ok(decided.committed(Some(appended.position))),
                Err(AppendError::Conflict) => start = Start::Loaded,
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::Contended)
    }

    /// Executes a command, and what follows from it on another stream, if anything does: both are stored, or neither.
    ///
    /// `follow` says what follows, of the aggregate before and after the command. What it names must not be refused. Two
    /// kinds of streams that are appended to together are always named in the same order, so that no two callers wait for
    /// each other.
    pub async fn execute_with<A: EventSourced, B: EventSourced>(
        &self,
        id: &str,
        command: A::Command,
        origin: impl Into<Origin>,
        follow: impl Fn(&A, &A) -> Option<(String, B::Command)>,
    ) -> Result<(Committed<A>, Option<Committed<B>>), CommandError<A::Error>> {
        let origin = origin.into();
        let ticket = self.queues.ticket::<A>(&self.recent, id);
        for _ in 0..MAX_DECISIONS {
            let mut turn = ticket.turn().await;
            let mut decided = self.decide::<A>(&turn, Start::Loaded, id, command.clone(), &origin, None).await?;
            let Some(append) = decided.append.take() else { return Ok((decided.committed(None), None)) };
            let Some((other_id, follows)) = follow(&decided.before.aggregate, &decided.after.aggregate) else {
                let append = Append { streams: vec![append], is_webhook: false };
                let pending = self.send::<A>(&mut turn, &decided, append)?;
                drop(turn);
                match settle(pending, &ticket, &decided).await {
                    Ok(appended) => return Ok((decided.committed(Some(appended.position)), None)),
                    Err(AppendError::Conflict) => continue,
                    Err(error) => return Err(error.into()),
                }
            };
            let other = self.queues.ticket::<B>(&self.recent, &other_id);
            let mut other_turn = other.turn().await;
            let mut also = self
                .decide::<B>(&other_turn, Start::Loaded, &other_id, follows, &origin, None)
                .await
                .map_err(|error| CommandError::Broken(error.to_string()))?;
            let streams = [Some(append), also.append.take()].into_iter().flatten().collect();
            let pending = self.send::<A>(&mut turn, &decided, Append { streams, is_webhook: false })?;
            other_turn.decided(also.after.clone());
            drop((turn, other_turn));
            let result = settle(pending, &ticket, &decided).await;
            match result {
                Ok(Appended { position }) => {
                    other.stored(&also.after).await;
                    let added = i64::try_from(also.events.len()).unwrap_or(0);
                    return Ok((decided.committed(Some(position - added)), Some(also.committed(Some(position)))));
                }
                Err(error) => {
                    other.not_stored::<B>().await;
                    if error != AppendError::Conflict {
                        return Err(error.into());
                    }
                }
            }
        }
        Err(CommandError::Contended)
    }

    /// Decides a command on the stream as it is known in memory, or else as it is loaded.
    ///
    /// What appends nothing is not checked by an append. So it counts only where it was decided on what is stored, and where
    /// no other node can have added to that.
    async fn decide<A: EventSourced>(
        &self,
        turn: &Turn<'_>,
        start: Start,
        id: &str,
        command: A::Command,
        origin: &Origin,
        body: Option<&Bytes>,
    ) -> Result<Decided<A>, CommandError<A::Error>> {
        let in_memory = match turn.known::<A>() {
            Some(known) => Some(known),
            None if start == Start::Fresh => Some(Known { loaded: Arc::new(Loaded::fresh()), is_stored: false }),
            None => None,
        };
        if let Some(Known { loaded, is_stored }) = in_memory {
            let decided = self.decide_on::<A>(loaded, id, command.clone(), origin, body).await;
            let appends = decided.as_ref().is_ok_and(|decided| decided.append.is_some());
            if appends || (is_stored && self.has_one_writer()) {
                return decided;
            }
        }
        let loaded = Arc::new(self.load::<A>(id).await?);
        self.decide_on(loaded, id, command, origin, body).await
    }

    async fn decide_on<A: EventSourced>(
        &self,
        before: Arc<Loaded<A>>,
        id: &str,
        command: A::Command,
        origin: &Origin,
        body: Option<&Bytes>,
    ) -> Result<Decided<A>, CommandError<A::Error>> {
        let mut after = before.as_ref().clone();
        let sink = EventSink::default();
        after.aggregate.handle(command, &(), &sink).await.map_err(CommandError::Refused)?;
        let events = sink.collect().await;
        if events.is_empty() {
            return Ok(Decided { after: before.clone(), before, events, append: None });
        }
        let append = self.prepare(&mut after, id, &events, origin, body.cloned());
        let append = append.map_err(|error| CommandError::Broken(error.to_string()))?;
        Ok(Decided { before, after: Arc::new(after), events, append: Some(append) })
    }

    /// Hands over what was decided. The next command on the stream is decided on it at once.
    fn send<A: EventSourced>(
        &self,
        turn: &mut Turn<'_>,
        decided: &Decided<A>,
        append: Append,
    ) -> Result<Pending, CommandError<A::Error>> {
        let pending = self.writer.send(append)?;
        turn.decided(decided.after.clone());
        Ok(pending)
    }
}

/// Waits for the writer's answer; the next command on the stream finds what is stored.
async fn settle<A: EventSourced>(
    pending: Pending,
    ticket: &Ticket<'_>,
    decided: &Decided<A>,
) -> Result<Appended, AppendError> {
    let appended = pending.await.unwrap_or_else(|_| Err(stopped()));
    match appended {
        Ok(_) => ticket.stored(&decided.after).await,
        Err(_) => ticket.not_stored::<A>().await,
    }
    appended
}

impl<E: std::error::Error> From<AppendError> for CommandError<E> {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict => Self::Contended,
            AppendError::Busy => Self::Busy,
            AppendError::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl<E: std::error::Error> From<LoadError> for CommandError<E> {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Sql(error) => Self::Unavailable(error.to_string()),
            LoadError::OtherLog { .. } | LoadError::Unreadable { .. } => Self::Broken(error.to_string()),
        }
    }
}
