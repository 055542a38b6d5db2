//! Checking a bundle: offline, with nothing but the file and, best, the public key from somewhere else.

use std::collections::{BTreeMap, HashSet};
use std::io::BufRead;

use cqrs_es::Aggregate as _;
use domain::checkpoint::{Checkpoints, STREAM_ID};
use ed25519_dalek::VerifyingKey;

use super::export::MAX_PROVEN;
use super::line::{Event, Header, Line, Proof};
use super::read::Lines;
use super::stream::StreamName;
use crate::audit::Broken;
use crate::audit::checkpoint::{CheckpointReader, SignedRange, bytes_of, key_id, public_key};
use crate::audit::merkle::{self, Hash, leaf_of, root_of};
use crate::audit::range::events_between;
use crate::audit::walk::{Order, Walk};
use event_log::row::WholeEvent;
use event_log::{Position, Sequence};

const MAX_KEYS: usize = 10_000;
const MAX_CHECKPOINTS: usize = 1_000_000;

/// Why a bundle proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the bundle cannot be read: {0}")]
    Unreadable(String),
    #[error("this is not a bundle of Cloud Bridge")]
    NotABundle,
    #[error("the bundle is of format version {0}, and this program reads version 1")]
    OtherVersion(String),
    #[error("the bundle is cut off after line {lines}: its last line is missing")]
    CutOff { lines: u64 },
    #[error("the bundle was altered after it was written: its last line does not fit those before it")]
    Altered,
    #[error("line {line} of the bundle: {reason}")]
    BadLine { line: u64, reason: String },
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("{0}")]
    Missing(String),
}

/// What a bundle is, once it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The hash of the log's first event, as the bundle says.
    pub log: String,
    pub from: Position,
    pub to: Position,
    pub streams: Option<Vec<StreamName>>,
    pub events: u64,
    pub stream_count: usize,
    /// Streams whose first events are not there: they are chained to a hash that the bundle states.
    pub cut_streams: u64,
    pub checkpoints: usize,
    /// Events that are under the root of a checkpoint.
    pub proven: u64,
    /// The keys that signed, in hexadecimal.
    pub keys: Vec<String>,
}

/// Checks a bundle. With `expected`, only checkpoints that were signed with that key are believed; otherwise those keys
/// that come with it are. `checked` gets how many events were.
pub fn verify_bundle(
    bundle: impl BufRead,
    expected: Option<VerifyingKey>,
    checked: impl Fn(u64),
) -> Result<Bundle, Problem> {
    let mut lines = Lines::new(bundle);
    let header = lines.header()?;
    if header.from < Position::FIRST || header.to < header.from || header.log.len() != 64 {
        return Err(lines.bad("it names positions or a log that cannot be"));
    }
    let (mut keys, mut line) = read_keys(&mut lines)?;
    if let Some(expected) = expected {
        keys.retain(|key| *key == expected);
    }
    let ranges;
    (ranges, line) = read_checkpoints(&mut lines, line, &keys)?;
    let mut events = Events::new(&header, ranges);
    loop {
        match line {
            Line::Event(event) => events.take(event, &lines)?,
            Line::Proof(proof) => events.prove(&proof, &lines)?,
            Line::End(_) => break,
            Line::Bundle(_) | Line::Key(_) | Line::Checkpoint(_) => return Err(lines.bad("it does not belong here")),
        }
        checked(events.walk.events);
        line = lines.next()?;
    }
    let (walk, proven) = events.finish(&header)?;
    Ok(Bundle {
        log: header.log,
        from: header.from,
        to: header.to,
        streams: header.streams,
        events: walk.events,
        stream_count: walk.streams(),
        cut_streams: walk.cut_streams,
        checkpoints: proven.checkpoints,
        proven: proven.events,
        keys: keys.iter().map(|key| hex::encode(key.as_bytes())).collect(),
    })
}

fn read_keys<R: BufRead>(lines: &mut Lines<R>) -> Result<(Vec<VerifyingKey>, Line), Problem> {
    let mut keys = vec![];
    loop {
        match lines.next()? {
            Line::Key(named) if keys.len() < MAX_KEYS => {
                let key = public_key(&named.public_key).ok_or_else(|| lines.bad("its public key is none"))?;
                if key_id(key.as_bytes()) != named.key_id {
                    return Err(lines.bad("its key id is not that of the key"));
                }
                keys.push(key);
            }
            Line::Key(_) => return Err(lines.bad("there are too many keys")),
            line @ (Line::Bundle(_) | Line::Checkpoint(_) | Line::Event(_) | Line::Proof(_) | Line::End(_)) => {
                return Ok((keys, line));
            }
        }
    }
}

fn read_checkpoints<R: BufRead>(
    lines: &mut Lines<R>,
    mut line: Line,
    keys: &[VerifyingKey],
) -> Result<(Vec<SignedRange>, Line), Problem> {
    let mut reader = CheckpointReader::new(keys);
    let mut walk = Walk::new(Order::Rising, Position::FIRST, vec![], None);
    let mut ranges = vec![];
    while let Line::Checkpoint(event) = line {
        if ranges.len() == MAX_CHECKPOINTS {
            return Err(lines.bad("there are too many checkpoints"));
        }
        let (row, stated) = row_of(event, lines)?;
        let event = &row.event;
        if event.aggregate_type != Checkpoints::TYPE || event.aggregate_id != STREAM_ID {
            return Err(lines.bad("it is on another stream than that of the checkpoints"));
        }
        walk.check(&row, stated)?;
        ranges.push(reader.read(event)?);
        line = lines.next()?;
    }
    Ok((ranges, line))
}

/// A row, and what the bundle states of the hash before it.
fn row_of<R: BufRead>(event: Event, lines: &Lines<R>) -> Result<(WholeEvent, Option<Hash>), Problem> {
    let malformed = || lines.bad("its hash or body is not written as it should be");
    let stated = match &event.previous {
        Some(previous) => Some(bytes_of::<32>(previous).ok_or_else(malformed)?),
        None => None,
    };
    Ok((event.into_whole().ok_or_else(malformed)?, stated))
}

#[derive(Default)]
struct Proven {
    events: u64,
    checkpoints: usize,
}

/// The events as they come.
struct Events {
    walk: Walk,
    ranges: Vec<SignedRange>,
    positions: (Position, Position),
    /// The hash of the log's first event, as the first line says.
    log: String,
    /// The streams that are named, where not everything is there.
    streams: Option<HashSet<StreamName>>,
    /// Leaves whose proofs have not come, by position.
    unproven: BTreeMap<Position, Hash>,
    proven: Proven,
}

impl Events {
    fn new(header: &Header, ranges: Vec<SignedRange>) -> Self {
        let (from, to) = (header.from, header.to);
        let streams: Option<HashSet<StreamName>> =
            header.streams.as_ref().map(|streams| streams.iter().cloned().collect());
        let mut proven = Proven { events: 0, checkpoints: ranges.len() };
        let walk = if streams.is_some() {
            Walk::new(Order::Rising, from, vec![], None)
        } else {
            let whole: Vec<SignedRange> =
                ranges.iter().filter(|range| range.first >= from && range.last <= to).cloned().collect();
            proven.events = whole.iter().map(SignedRange::events).sum();
            Walk::new(Order::Gapless, from, whole, None)
        };
        let (log, unproven) = (header.log.clone(), BTreeMap::new());
        Self { walk, ranges, positions: (from, to), log, streams, unproven, proven }
    }

    fn take<R: BufRead>(&mut self, event: Event, lines: &Lines<R>) -> Result<(), Problem> {
        let (row, stated) = row_of(event, lines)?;
        let event = &row.event;
        let (from, to) = self.positions;
        if event.position < from || event.position > to {
            return Err(lines.bad(format!("its position {} is not between {from} and {to}", event.position)));
        }
        if event.position == Position::FIRST && hex::encode(&event.hash) != self.log {
            return Err(lines.bad("it is the first event of another log than the first line names"));
        }
        let name =
            StreamName { aggregate_type: event.aggregate_type.clone(), aggregate_id: event.aggregate_id.clone() };
        if let Some(streams) = &self.streams {
            if !streams.contains(&name) {
                return Err(lines.bad(format!("the first line does not name its stream {name}")));
            }
            if self.unproven.len() >= MAX_PROVEN {
                return Err(lines.bad("there are too many events without proofs"));
            }
            self.unproven.insert(event.position, leaf_of(event));
        }
        if event.aggregate_type == Checkpoints::TYPE
            && event.aggregate_id == STREAM_ID
            && let Some(range) = self.range(event.sequence)
            && range.hash != event.hash
        {
            return Err(Broken::at(event, "it is not the checkpoint that the bundle begins with").into());
        }
        Ok(self.walk.check(&row, stated)?)
    }

    /// The checkpoint of a number. They follow each other without a gap.
    fn range(&self, number: Sequence) -> Option<&SignedRange> {
        let index = usize::try_from(number.events_since(self.ranges.first()?.number)).ok()?;
        self.ranges.get(index)
    }

    fn prove<R: BufRead>(&mut self, proof: &Proof, lines: &Lines<R>) -> Result<(), Problem> {
        let Some(leaf) = self.unproven.remove(&proof.position) else {
            return Err(lines.bad(format!("no event at position {} waits for a proof", proof.position)));
        };
        let range = self.range(proof.checkpoint).filter(|range| (range.first..=range.last).contains(&proof.position));
        let Some(range) = range else {
            return Err(lines.bad(format!("checkpoint {} does not cover it", proof.checkpoint)));
        };
        let path: Option<Vec<Hash>> = proof.path.iter().map(|hash| bytes_of(hash)).collect();
        let index = u64::try_from(proof.position.events_since(range.first)).unwrap_or(u64::MAX);
        let root = path.and_then(|path| root_of(leaf, &merkle::Proof { index, path }, range.events()));
        if root != Some(range.root) {
            return Err(lines.bad(format!(
                "the event at position {} is not one that checkpoint {} was signed over",
                proof.position, range.number
            )));
        }
        self.proven.events += 1;
        Ok(())
    }

    fn finish(mut self, header: &Header) -> Result<(Walk, Proven), Problem> {
        self.walk.finish(header.to)?;
        if self.streams.is_none() {
            let there = events_between(header.from, header.to);
            if self.walk.events != there {
                return Err(Problem::Missing(format!(
                    "the bundle has {} events where its first line promises {there}",
                    self.walk.events
                )));
            }
        }
        let covered = self.ranges.last().map_or(Position::START, |range| range.last);
        if let Some((position, _)) = self.unproven.range(..=covered).next() {
            return Err(Problem::Missing(format!("the event at position {position} comes without its proof")));
        }
        Ok((self.walk, self.proven))
    }
}
