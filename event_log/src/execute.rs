//! Executing a command: decide it, append what was decided, and decide again where another node came first.

use std::fmt::Display;

use bytes::Bytes;
use cqrs_es::Aggregate;
use domain::EventSourced;

use super::EventLog;
use super::append::{Append, AppendError, Appended};
use super::committed::{CommandError, Committed};
use super::decide::{Start, settle};
use super::origin::Origin;

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
        self.decide_until_stored(Start::Loaded, &id.to_string(), command, origin.into(), None).await
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
        self.decide_until_stored(Start::Fresh, &id.to_string(), command, origin.into(), body).await
    }

    /// Executes a command on a stream that exists, with a body to keep beside the first event that keeps one.
    pub async fn execute_with_body<A: EventSourced>(
        &self,
        id: impl Display,
        command: A::Command,
        origin: impl Into<Origin>,
        body: Bytes,
    ) -> Result<Committed<A>, CommandError<A::Error>> {
        self.decide_until_stored(Start::Loaded, &id.to_string(), command, origin.into(), Some(body)).await
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
        let (id, origin) = (&id.to_string(), origin.into());
        let ticket = self.queues.ticket::<A>(&self.recent, id);
        for _ in 0..MAX_DECISIONS {
            let mut turn = ticket.turn().await;
            let mut decided = self.decide::<A>(&turn, Start::Loaded, id, &command, &origin, None).await?;
            let Some(append) = decided.append.take() else { return Ok((decided.committed(None), None)) };
            let Some((other_id, follows)) = follow(&decided.before.aggregate, &decided.after.aggregate) else {
                let append = Append { streams: vec![append], is_webhook: false };
                match self.store(turn, &ticket, &decided, append).await {
                    Ok(appended) => return Ok((decided.committed(Some(appended.position)), None)),
                    Err(AppendError::Conflict) => continue,
                    Err(error) => return Err(error.into()),
                }
            };
            let other = self.queues.ticket::<B>(&self.recent, &other_id);
            let mut other_turn = other.turn().await;
            let mut also = self
                .decide::<B>(&other_turn, Start::Loaded, &other_id, &follows, &origin, None)
                .await
                .map_err(|error| CommandError::broken::<B>(&other_id, error))?;
            let adds = also.append.take();
            let is_added = adds.is_some();
            let streams = [Some(append), adds].into_iter().flatten().collect();
            let pending = self.send::<A>(&mut turn, &decided, Append { streams, is_webhook: false })?;
            if is_added {
                other_turn.decided(also.after.clone(), also.chain);
            }
            drop((turn, other_turn));
            match settle(pending, &ticket, &decided).await {
                Ok(Appended { position }) => {
                    if is_added {
                        other.stored(&also.after, also.chain).await;
                    }
                    let added = i64::try_from(also.events.len()).unwrap_or(0);
                    return Ok((decided.committed(Some(position.minus(added))), Some(also.committed(Some(position)))));
                }
                Err(error) => {
                    other.not_stored::<B>(also.chain).await;
                    if error != AppendError::Conflict {
                        return Err(error.into());
                    }
                }
            }
        }
        Err(CommandError::Contended)
    }
}

impl<E: std::error::Error> CommandError<E> {
    pub(super) fn broken<A: Aggregate>(id: &str, reason: impl Display) -> Self {
        Self::Broken { stream: format!("{}/{id}", A::TYPE), reason: reason.to_string() }
    }
}
