//! The walk along rows in the order of positions, which every verification is: each row's place, each stream's chain, and
//! the root of each range that was signed.
//!
//! By position and not stream by stream: rows lie by position, and ids are random, so a stream's events are a page each. That
//! costs some 60 bytes of memory a stream, for its last hash.

use std::collections::VecDeque;
use std::fmt;

use cqrs_es::Aggregate as _;
use domain::checkpoint::{Checkpoints, STREAM_ID};

use super::chains::{Chains, OutOfRange};
use super::checkpoint::SignedRange;
use super::merkle::{Hash, Tree, leaf_of};
use event_log::row::{GENESIS, StoredEvent, WholeEvent, chain};
use event_log::{Position, Sequence};

/// A row that is not what was written, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Broken {
    pub aggregate_type: String,
    pub aggregate_id: String,
    /// The start where what is missing is known, and not of which stream it was.
    pub sequence: Sequence,
    pub position: Position,
    pub reason: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { aggregate_type, aggregate_id, sequence, position, reason } = self;
        if sequence.is_start() {
            return f.write_str(reason);
        }
        write!(f, "event {sequence} of {aggregate_type} {aggregate_id} (position {position}): {reason}")
    }
}

impl Broken {
    pub(super) fn at(row: &StoredEvent, reason: impl Into<String>) -> Self {
        Self {
            aggregate_type: row.aggregate_type.clone(),
            aggregate_id: row.aggregate_id.clone(),
            sequence: row.sequence,
            position: row.position,
            reason: reason.into(),
        }
    }

    pub(super) fn checkpoint(range: &SignedRange, reason: impl Into<String>) -> Self {
        Self {
            aggregate_type: Checkpoints::TYPE.to_owned(),
            aggregate_id: STREAM_ID.to_owned(),
            sequence: range.number,
            position: range.position,
            reason: reason.into(),
        }
    }
}

/// Which positions are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Every one.
    Gapless,
    /// Those of some streams.
    Rising,
}

pub(super) struct Walk {
    order: Order,
    /// The lowest position that may come.
    next: Position,
    chains: Chains,
    /// Ranges whose roots are still to be compared, in order.
    ranges: VecDeque<SignedRange>,
    tree: Tree,
    /// A checkpoint that is not right: reported when the walk comes to it, for a row before it may be broken too.
    wrong_checkpoint: Option<Broken>,
    /// Streams whose beginning is not among the rows.
    pub(super) cut_streams: u64,
    pub(super) events: u64,
}

impl Walk {
    pub(super) fn new(
        order: Order,
        first: Position,
        ranges: Vec<SignedRange>,
        wrong_checkpoint: Option<Broken>,
    ) -> Self {
        Self {
            order,
            next: first,
            chains: Chains::default(),
            ranges: ranges.into(),
            tree: Tree::default(),
            wrong_checkpoint,
            cut_streams: 0,
            events: 0,
        }
    }

    pub(super) fn streams(&self) -> usize {
        self.chains.len()
    }

    /// Walks on along a row. `stated` stands for the hash before it where the walk does not begin at its stream's first.
    pub(super) fn check(&mut self, row: &WholeEvent, stated: Option<Hash>) -> Result<(), Broken> {
        let WholeEvent { event, body } = row;
        let previous = self.chained(event, stated)?;
        if event.hash != chain(&previous, event, body.as_deref()) {
            return Err(Broken::at(
                event,
                "its hash is not that of what is stored: it was changed, or the event before it in its stream was replaced",
            ));
        }
        self.signed(event)?;
        self.events += 1;
        Ok(())
    }

    /// Whether everything that should have come has come.
    pub(super) fn finish(&mut self, last: Position) -> Result<(), Broken> {
        if let Some(broken) = self.wrong_checkpoint.take() {
            return Err(broken);
        }
        match self.ranges.front() {
            Some(range) if self.order == Order::Gapless => Err(Broken::checkpoint(
                range,
                format!(
                    "it covers the positions to {}, and the events end at {}",
                    range.last,
                    last.min(self.next.previous())
                ),
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Checks that a row lies where it should, and returns the hash that it is chained to.
    fn chained(&mut self, event: &StoredEvent, stated: Option<Hash>) -> Result<Hash, Broken> {
        let broken = |reason: String| Err(Broken::at(event, reason));
        if event.position < self.next {
            return broken(format!("it lies at position {}, after position {}", event.position, self.next.previous()));
        }
        if self.order == Order::Gapless && event.position > self.next {
            return broken(match event.position.events_since(self.next) {
                1 => format!("the event before it, at position {}, is missing", self.next),
                _ => format!(
                    "the events before it, at positions {} to {}, are missing",
                    self.next,
                    event.position.previous()
                ),
            });
        }
        let Ok(hash) = Hash::try_from(event.hash.as_slice()) else {
            return broken("its hash has another length than 32 bytes".to_owned());
        };
        self.next = event.position.next();
        let before = self.chains.advance(&event.aggregate_type, &event.aggregate_id, event.sequence, hash);
        match (before, stated) {
            (Err(OutOfRange), _) => broken("there is no such place in a stream".to_owned()),
            (Ok(Some((last, _))), _) if event.sequence != last.next() => {
                broken(format!("it follows event {last} of its stream, as no event {} is there", last.next()))
            }
            (Ok(Some((_, previous))), _) => Ok(previous),
            (Ok(None), _) if event.sequence == Sequence::FIRST => Ok(GENESIS),
            (Ok(None), Some(previous)) => {
                self.cut_streams += 1;
                Ok(previous)
            }
            (Ok(None), None) => broken("the events before it in its stream are missing".to_owned()),
        }
    }

    /// Takes a row into the range that covers it, and compares the root where the range ends.
    fn signed(&mut self, event: &StoredEvent) -> Result<(), Broken> {
        if let Some(broken) = self.wrong_checkpoint.take_if(|broken| broken.position <= event.position) {
            return Err(broken);
        }
        if self.order == Order::Rising {
            return Ok(());
        }
        let Some(range) = self.ranges.front().filter(|range| range.first <= event.position) else {
            return Ok(());
        };
        self.tree.push(leaf_of(event));
        if event.position < range.last {
            return Ok(());
        }
        let root = std::mem::take(&mut self.tree).root();
        if root != Some(range.root) {
            let (first, last) = (range.first, range.last);
            let reason = format!("the events at positions {first} to {last} are not those that it was signed over");
            return Err(Broken::checkpoint(range, reason));
        }
        self.ranges.pop_front();
        Ok(())
    }
}
