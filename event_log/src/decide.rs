//! Deciding one command: on the stream as it is in memory or else as it is loaded, and handing over what was decided.

use std::sync::Arc;

use bytes::Bytes;
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use domain::EventSourced;

use super::EventLog;
use super::append::{Append, AppendError, Appended, Pending, StreamAppend};
use super::committed::{CommandError, Committed};
use super::origin::Origin;
use super::queue::{Known, Ticket, Turn};
use super::stream::Loaded;
use super::writer::stopped;
use crate::Position;

/// What is assumed of a stream before a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It is new, most likely: decide on the default and append at its beginning. Costs no read; a stream that exists
    /// answers with a conflict.
    Fresh,
    /// It may exist: where it is not in memory, load it.
    Loaded,
}

/// What a command was decided to, and has yet to be stored.
pub(super) struct Decided<A: Aggregate> {
    pub(super) before: Arc<Loaded<A>>,
    pub(super) after: Arc<Loaded<A>>,
    pub(super) events: Vec<A::Event>,
    /// What it was decided on, as its queue has it.
    pub(super) chain: u64,
    /// None where there is nothing to do.
    pub(super) append: Option<StreamAppend>,
}

impl<A: EventSourced> Decided<A> {
    pub(super) fn committed(self, position: Option<Position>) -> Committed<A> {
        let position = position.filter(|_| !self.events.is_empty());
        let sequence = self.after.sequence;
        let aggregate = Arc::unwrap_or_clone(self.after).aggregate;
        Committed { aggregate, events: self.events, position, sequence }
    }
}

impl EventLog {
    /// Decides a command on the stream as it is known in memory, or else as it is loaded.
    ///
    /// What appends nothing is not checked by an append. So it counts only where it was decided on what is stored, and where
    /// no other node can have added to that.
    pub(super) async fn decide<A: EventSourced>(
        &self,
        turn: &Turn<'_>,
        start: Start,
        id: &str,
        command: &A::Command,
        origin: &Origin,
        body: Option<&Bytes>,
    ) -> Result<Decided<A>, CommandError<A::Error>> {
        let in_memory = match turn.known::<A>() {
            Some(known) => Some(known),
            None if start == Start::Fresh => {
                let (loaded, chain) = (Arc::new(Loaded::fresh()), self.queues.new_chain());
                Some(Known { loaded, is_stored: false, chain })
            }
            None => None,
        };
        if let Some(known) = in_memory {
            let is_stored = known.is_stored;
            let decided = self.decide_on::<A>(known, id, command.clone(), origin, body).await;
            let appends = decided.as_ref().is_ok_and(|decided| decided.append.is_some());
            if appends || (is_stored && self.has_one_writer()) {
                return decided;
            }
        }
        let (loaded, chain) = (Arc::new(self.load::<A>(id).await?), self.queues.new_chain());
        self.decide_on(Known { loaded, is_stored: true, chain }, id, command.clone(), origin, body).await
    }

    async fn decide_on<A: EventSourced>(
        &self,
        known: Known<A>,
        id: &str,
        command: A::Command,
        origin: &Origin,
        body: Option<&Bytes>,
    ) -> Result<Decided<A>, CommandError<A::Error>> {
        let Known { loaded: before, chain, .. } = known;
        let mut after = before.as_ref().clone();
        let sink = EventSink::default();
        after.aggregate.handle(command, &(), &sink).await.map_err(CommandError::Refused)?;
        let events = sink.collect().await;
        if events.is_empty() {
            return Ok(Decided { after: before.clone(), before, events, chain, append: None });
        }
        let append = self.prepare(&mut after, id, &events, origin, body.cloned());
        let append = append.map_err(|error| CommandError::broken::<A>(id, error))?;
        Ok(Decided { before, after: Arc::new(after), events, chain, append: Some(append) })
    }

    /// Hands over what was decided on one stream, and returns once it is stored.
    pub(super) async fn store<A: EventSourced>(
        &self,
        mut turn: Turn<'_>,
        ticket: &Ticket<'_>,
        decided: &Decided<A>,
        append: Append,
    ) -> Result<Appended, AppendError> {
        let pending = self.send(&mut turn, decided, append)?;
        drop(turn);
        settle(pending, ticket, decided).await
    }

    /// Hands over what was decided. The next command on the stream is decided on it at once.
    pub(super) fn send<A: EventSourced>(
        &self,
        turn: &mut Turn<'_>,
        decided: &Decided<A>,
        append: Append,
    ) -> Result<Pending, AppendError> {
        let pending = self.writer.send(append)?;
        turn.decided(decided.after.clone(), decided.chain);
        Ok(pending)
    }
}

/// Waits for the writer's answer; the next command on the stream finds what is stored.
pub(super) async fn settle<A: EventSourced>(
    pending: Pending,
    ticket: &Ticket<'_>,
    decided: &Decided<A>,
) -> Result<Appended, AppendError> {
    let appended = pending.await.unwrap_or_else(|_| Err(stopped()));
    match appended {
        Ok(_) => ticket.stored(&decided.after, decided.chain).await,
        Err(_) => ticket.not_stored::<A>(decided.chain).await,
    }
    appended
}
