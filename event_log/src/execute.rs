//! Executing a command: decide it, append what was decided, and decide again where another node came first.

use std::fmt::Display;

use bytes::Bytes;
use cqrs_es::Aggregate;
use domain::EventSourced;

use super::EventLog;
use super::append::{Append, AppendError, Appended};
use super::committed::{CommandError, Committed};
use super::decide::{Decided, Start, settle};
use super::origin::Origin;
use super::queue::Ticket;
use crate::{Position, Sequence};

/// How often a command is decided again because another node appended first. Beyond this it is contention.
const MAX_DECISIONS: usize = 1_000;

impl EventLog {
    /// Executes a command on a stream that may exist.
    pub async fn execute<A: EventSourced>(
        &self,
        id: impl Display,
        command: A::Command,
        origin: impl Into<Origin>,
    ) -> Result<Committed<A>, CommandError<A::Error>> {
        self.decide_until_stored((Start::Loaded, false), &id.to_string(), command, origin.into(), None).await
    }

    /// Executes a command on a stream that is most likely new. Costs no read where it is.
    pub async fn execute_new<A: EventSourced>(
        &self,
        id: impl Display,
        command: A::Command,
        origin: impl Into<Origin>,
    ) -> Result<Committed<A>, CommandError<A::Error>> {
        self.decide_until_stored((Start::Fresh, false), &id.to_string(), command, origin.into(), None).await
    }

    /// Executes a webhook's command on a stream that is most likely new, with a body to keep beside the event. Costs no read
    /// where it is new.
    pub async fn execute_fresh<A: EventSourced>(
        &self,
        id: impl Display,
        command: A::Command,
        origin: impl Into<Origin>,
        body: Option<Bytes>,
    ) -> Result<Committed<A>, CommandError<A::Error>> {
        self.decide_until_stored((Start::Fresh, true), &id.to_string(), command, origin.into(), body).await
    }

    async fn decide_until_stored<A: EventSourced>(
        &self,
        (mut start, is_webhook): (Start, bool),
        id: &str,
        command: A::Command,
        origin: Origin,
        body: Option<Bytes>,
    ) -> Result<Committed<A>, CommandError<A::Error>> {
        let ticket = self.queues.ticket::<A>(&self.recent, id);
        for _ in 0..MAX_DECISIONS {
            let turn = ticket.turn().await;
            let mut decided = self.decide::<A>(&turn, start, id, &command, &origin, body.as_ref()).await?;
            let Some(append) = decided.append.take() else { return Ok(decided.committed(None)) };
            let append = Append { streams: vec![append], is_webhook };
            match self.store(turn, &ticket, &decided, append).await {
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
        id: impl Display,
        command: A::Command,
        origin: impl Into<Origin>,
        follow: impl Fn(&A, &A) -> Option<(String, B::Command)>,
    ) -> Result<(Committed<A>, Option<Committed<B>>), CommandError<A::Error>> {
        let first = First { id: &id.to_string(), command, origin: origin.into(), body: None };
        let follow =
            |decided: &Decided<A>| follow(&decided.before.aggregate, &decided.after.aggregate).into_iter().collect();
        let (committed, mut others) = self.decide_all_until_stored(Start::Loaded, first, follow).await?;
        Ok((committed, others.pop()))
    }

    /// Executes a webhook's command, with a body to keep beside the event, and what follows from it on other streams: all are
    /// stored, or none is.
    ///
    /// `follow` says what follows from the events, of which the first has this sequence on its stream; no stream twice. It is stored
    /// in that order.
    /// Otherwise as [`Self::execute_with`]. Streams that are most likely `fresh` cost no read.
    pub async fn execute_with_body_and<A: EventSourced, B: EventSourced>(
        &self,
        id: impl Display,
        command: A::Command,
        origin: impl Into<Origin>,
        (body, is_fresh): (Bytes, bool),
        follow: impl Fn(&[A::Event], Sequence) -> Vec<(String, B::Command)>,
    ) -> Result<Committed<A>, CommandError<A::Error>> {
        let start = if is_fresh { Start::Fresh } else { Start::Loaded };
        let first = First { id: &id.to_string(), command, origin: origin.into(), body: Some(body) };
        let follow = |decided: &Decided<A>| follow(&decided.events, decided.before.sequence.next());
        let (committed, _) = self.decide_all_until_stored::<A, B>(start, first, follow).await?;
        Ok(committed)
    }

    async fn decide_all_until_stored<A: EventSourced, B: EventSourced>(
        &self,
        mut start: Start,
        first: First<'_, A>,
        follow: impl Fn(&Decided<A>) -> Vec<(String, B::Command)>,
    ) -> Result<(Committed<A>, Vec<Committed<B>>), CommandError<A::Error>> {
        let First { id, command, origin, body } = first;
        let (is_webhook, ticket) = (start == Start::Fresh, self.queues.ticket::<A>(&self.recent, id));
        for _ in 0..MAX_DECISIONS {
            let mut turn = ticket.turn().await;
            let mut decided = self.decide::<A>(&turn, start, id, &command, &origin, body.as_ref()).await?;
            let Some(append) = decided.append.take() else { return Ok((decided.committed(None), vec![])) };
            let follows = follow(&decided);
            let others: Vec<Ticket<'_>> =
                follows.iter().map(|(id, _)| self.queues.ticket::<B>(&self.recent, id)).collect();
            // Each stream is sealed with its own key but for the first, of which the caller may have said otherwise.
            let others_origin = Origin { sealed_with: None, ..origin.clone() };
            // Every append waits for them in one order, so that no two wait for each other.
            let mut by_id: Vec<usize> = (0..follows.len()).collect();
            by_id.sort_by_key(|&index| &follows[index].0);
            let mut turns: Vec<_> = follows.iter().map(|_| None).collect();
            for index in by_id {
                turns[index] = Some(others[index].turn().await);
            }
            let mut turns: Vec<_> = turns.into_iter().flatten().collect();
            let (mut also, mut streams) = (vec![], vec![append]);
            for (other_turn, (other_id, command)) in turns.iter().zip(&follows) {
                let mut decided = self
                    .decide::<B>(other_turn, start, other_id, command, &others_origin, None)
                    .await
                    .map_err(|error| CommandError::broken::<B>(other_id, error))?;
                streams.extend(decided.append.take());
                also.push(decided);
            }
            let pending = self.send::<A>(&mut turn, &decided, Append { streams, is_webhook })?;
            for (turn, decided) in turns.iter_mut().zip(&also).filter(|(_, decided)| !decided.events.is_empty()) {
                turn.decided(decided.after.clone(), decided.chain);
            }
            drop((turn, turns));
            match settle(pending, &ticket, &decided).await {
                Ok(Appended { position }) => return Ok(self.all_committed(position, decided, &others, also).await),
                Err(error) => {
                    for (other, decided) in others.iter().zip(&also) {
                        other.not_stored::<B>(decided.chain).await;
                    }
                    if error != AppendError::Conflict {
                        return Err(error.into());
                    }
                    start = Start::Loaded;
                }
            }
        }
        Err(CommandError::Contended)
    }

    /// What was stored together, the last event at this position.
    async fn all_committed<A: EventSourced, B: EventSourced>(
        &self,
        position: Position,
        first: Decided<A>,
        others: &[Ticket<'_>],
        also: Vec<Decided<B>>,
    ) -> (Committed<A>, Vec<Committed<B>>) {
        let (mut end, mut committed) = (position, vec![]);
        for (other, decided) in others.iter().zip(also).rev() {
            let added = i64::try_from(decided.events.len()).unwrap_or(0);
            if added > 0 {
                other.stored(&decided.after, decided.chain).await;
            }
            committed.insert(0, decided.committed(Some(end)));
            end = end.minus(added);
        }
        (first.committed(Some(end)), committed)
    }
}

/// The command from which another one may follow.
struct First<'c, A: Aggregate> {
    id: &'c str,
    command: A::Command,
    origin: Origin,
    body: Option<Bytes>,
}

impl<E: std::error::Error> CommandError<E> {
    pub(super) fn broken<A: Aggregate>(id: &str, reason: impl Display) -> Self {
        Self::Broken { stream: format!("{}/{id}", A::TYPE), reason: reason.to_string() }
    }
}
