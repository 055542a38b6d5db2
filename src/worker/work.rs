//! A kind of work that is taken up once it is due: what the worker needs to know of it. What it does under its lease is
//! `lease.rs`.

use std::hash::Hash;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use event_log::Position;

use event_log::rates::Rate;

/// How many moments that a clock which is ahead has set are put right at a time.
pub(super) const AHEAD_AT_A_TIME: i64 = 500;
/// Clocks of several nodes may be so far apart.
pub(super) const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(5);

/// Work that may be taken up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due<Id, Owner> {
    pub(crate) id: Id,
    /// Whose work it is: the backlog of one does not hold up the others.
    pub(crate) owner: Owner,
    /// The moment from which it is due, in microseconds since 1970.
    pub(crate) due_at: i64,
    /// The position of the event that made it due.
    pub(crate) caused_by: Position,
}

/// What came of work that was taken up, as far as the worker needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Worked,
    /// It was worked on, and nothing else of its owner is begun until then.
    Rests {
        until: DateTime<Utc>,
    },
    /// Another worker has it, or it is not due after all.
    NotDue,
}

/// A piece of this kind of work.
pub(crate) type DueOf<W> = Due<<W as Work>::Id, <W as Work>::Owner>;

/// What one piece uses up of a pace: an attempt that is made, and how many a minute may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) rate: Rate,
    pub(crate) per_minute: u32,
}

pub(crate) trait Work: Sized + Send + Sync + 'static {
    type Id: Copy + Eq + Hash + Send + 'static;
    type Owner: Copy + Eq + Hash + Send + Sync + 'static;
    /// Work that is due, with what it is decided on.
    type Ready: Send + 'static;

    /// Whether one piece of an owner comes to its end before the next is begun.
    const ONE_AT_A_TIME: bool;

    /// Whether the view of what is due can be gone by.
    fn is_readable(&self) -> bool;

    /// How far that view has come.
    fn position(&self) -> Position;

    /// What is due at `now`, the longest due first, but for these owners and for what became due before `since`
    /// (microseconds since 1970).
    fn due(
        &self,
        since: i64,
        now: DateTime<Utc>,
        without: &[Self::Owner],
        limit: usize,
    ) -> impl Future<Output = sqlx::Result<Vec<DueOf<Self>>>> + Send;

    /// The next moment at which something becomes due.
    fn next_due_at(&self, now: DateTime<Utc>) -> impl Future<Output = sqlx::Result<Option<DateTime<Utc>>>> + Send;

    /// Sets right what a clock that was ahead has set too far off, and returns what is due although it is put off.
    fn pull_back(&self, now: DateTime<Utc>) -> impl Future<Output = sqlx::Result<Vec<DueOf<Self>>>> + Send;

    /// Reads what a piece is decided on. None where it is not due.
    fn prepare(self: &Arc<Self>, due: &DueOf<Self>) -> impl Future<Output = Option<Self::Ready>> + Send;

    /// What of its owner's pace it uses up. None where nothing is tried, or there is none to keep.
    fn pace(&self, due: &DueOf<Self>, ready: &Self::Ready) -> Option<Pace>;

    /// Takes it, works on it, and records how it ends.
    fn run(due: DueOf<Self>, ready: Self::Ready) -> impl Future<Output = Taken> + Send;
}
