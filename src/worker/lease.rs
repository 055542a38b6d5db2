//! Working under a lease: it is renewed before each call that might outlast it, every step is recorded under it, and it is
//! handed back when the service stops. What a lease is in the events of an aggregate, and the commands about it, each kind of
//! work says for itself.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::clock::Clock;
use event_log::{CommandError, Origin, ids};

use crate::tasks::Tasks;

/// A kind of work whose pieces are aggregates, each of which one worker holds at a time.
pub(crate) trait Leased: Send + Sync + 'static {
    type Id: Copy + Display + Send + Sync;
    /// A piece as of its last recorded step.
    type Piece: Send + Sync;
    /// What says in a command which lease it is recorded under.
    type Held: Clone + Send + Sync;
    type Command: Send;
    type Refusal: std::error::Error + Send + Sync;

    /// Executes a command, and returns the piece after it. None where there is no such piece.
    fn execute(
        &self,
        id: Self::Id,
        command: Self::Command,
        origin: Origin,
    ) -> impl Future<Output = Result<Option<Self::Piece>, CommandError<Self::Refusal>>> + Send;

    /// Until when its worker holds it. None where none does.
    fn held_until(piece: &Self::Piece) -> Option<DateTime<Utc>>;

    /// Whether everything is done, for which no lease is left.
    fn is_done(piece: &Self::Piece) -> bool;

    fn renew(held: Self::Held, until: DateTime<Utc>) -> Self::Command;
}

/// Who holds leases, and for how long at a time.
#[derive(Clone)]
pub(crate) struct Holder {
    /// Unique for every start: a restarted process does not hold what the one before it held.
    pub(crate) name: String,
    timing: Timing,
    clock: Clock,
    tasks: Tasks,
}

/// How long work may go on without a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// How long a lease lasts at a time.
    pub(crate) lease: Duration,
    /// The longest call.
    pub(crate) call: Duration,
}

/// A piece that this worker holds.
pub(crate) struct Lease<W: Leased> {
    pub(crate) work: Arc<W>,
    pub(crate) id: W::Id,
    pub(crate) piece: W::Piece,
    pub(crate) held: W::Held,
    /// What follows from taking it.
    pub(crate) origin: Origin,
    pub(crate) holder: Holder,
}

/// Why work under a lease does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// The service stops: the lease is to be handed back.
    Stopping,
    /// It ended otherwise, and that is recorded.
    Ended,
    /// Another worker holds it.
    LeaseLost,
    /// Nothing can be recorded; the lease runs out, and the work is taken up again.
    LogUnavailable(String),
}

impl<E: std::error::Error> From<CommandError<E>> for Over {
    fn from(error: CommandError<E>) -> Self {
        match error {
            CommandError::Refused(_) => Self::LeaseLost,
            CommandError::Contended
            | CommandError::Busy
            | CommandError::Unavailable(_)
            | CommandError::Broken { .. } => Self::LogUnavailable(error.to_string()),
        }
    }
}

impl Holder {
    pub(crate) fn new(timing: Timing, clock: Clock, tasks: Tasks) -> Self {
        Self { name: ids::fresh().simple().to_string(), timing, clock, tasks }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The end of a lease that is taken or renewed now.
    pub(crate) fn lease_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.timing.lease
    }

    /// Whether a lease outlasts a call that is begun now. Further ahead than it can be, it was set before the clock was set
    /// back, and others cut it short.
    fn outlasts_call(&self, until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let margin = self.timing.call * 2;
        until > now + margin && until <= self.lease_until(now) + margin
    }
}

impl<W: Leased> Lease<W> {
    /// Before a call: no other worker may hold the piece until it is over.
    pub(crate) async fn before_call(&mut self) -> Result<(), Over> {
        if self.holder.tasks.is_stopping() {
            return Err(Over::Stopping);
        }
        let now = self.holder.now();
        if W::held_until(&self.piece).is_some_and(|until| self.holder.outlasts_call(until, now)) {
            return Ok(());
        }
        self.record(W::renew(self.held.clone(), self.holder.lease_until(now))).await
    }

    /// Records a step, and takes note of what others recorded meanwhile.
    pub(crate) async fn record(&mut self, command: W::Command) -> Result<(), Over> {
        if let Some(piece) = self.work.execute(self.id, command, self.origin.clone()).await? {
            self.piece = piece;
        }
        let goes_on = W::held_until(&self.piece).is_some() || W::is_done(&self.piece);
        if goes_on { Ok(()) } else { Err(Over::Ended) }
    }

    /// Records how it ends, or hands it back, and returns the piece after that.
    pub(crate) async fn end(&self, command: W::Command) -> Result<Option<W::Piece>, CommandError<W::Refusal>> {
        self.work.execute(self.id, command, self.origin.clone()).await
    }
}
