//! Writing a bundle.

use std::collections::{HashMap, HashSet};
use std::io::Write;

use anyhow::{Context as _, bail};
use chrono::SecondsFormat;
use cqrs_es::Aggregate as _;
use domain::checkpoint::{CheckpointEvent, Checkpoints, STREAM_ID};
use sha2::{Digest, Sha256};

use super::line::{End, Event, FORMAT, Header, Key, Line, Proof, VERSION};
use super::stream::StreamName;
use crate::audit::merkle::Hash;
use crate::audit::range::events_between;
use crate::audit::{key, range};
use event_log::row::WholeEvent;
use event_log::{EventLog, Position, Sequence};

/// Events of chosen streams in one bundle: their proofs are held in memory, here and by who verifies.
pub(super) const MAX_PROVEN: usize = 200_000;
/// Rows with their bodies that are read at a time.
const PAGE: usize = 100;
const CHECKPOINTS_PER_PAGE: i64 = 1_000;

/// What is to be exported. Positions that are not given are those of the whole log.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub from: Option<Position>,
    pub to: Option<Position>,
    /// Only these streams, with proofs; all events where none is named.
    pub streams: Vec<StreamName>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub from: Position,
    pub to: Position,
    pub events: u64,
    pub checkpoints: u64,
    /// How many of the events are under a checkpoint's root of this bundle.
    pub proven: u64,
}

/// A checkpoint that says something of the positions that are exported.
struct Covering {
    number: Sequence,
    first: Position,
    last: Position,
    root: String,
}

impl Covering {
    fn events(&self) -> u64 {
        events_between(self.first, self.last)
    }
}

/// Writes a bundle. `written` gets how many of how many positions are done.
pub async fn export(
    log: &EventLog,
    request: &Request,
    out: impl Write,
    written: impl Fn(u64, u64),
) -> anyhow::Result<Exported> {
    let head = log.newest().await?;
    let (from, to) = (request.from.unwrap_or(Position::FIRST), request.to.unwrap_or(head));
    if head.is_start() {
        bail!("the log is empty: there is nothing to export");
    }
    if from < Position::FIRST || from > to {
        bail!("the positions go from {from} to {to}: begin at 1 or later, and end at or after the beginning");
    }
    if to > head {
        bail!("the log ends at position {head}: there is no position {to}");
    }
    let positions = positions_of(log, &request.streams, from, to).await?;
    let mut out = Out { inner: out, hasher: Sha256::new(), lines: 0 };
    let first = log.rows_at(&[Position::FIRST]).await?.pop().context("the event at position 1 is missing")?;
    out.line(&Line::Bundle(Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        log: hex::encode(first.event.hash),
        from,
        to,
        streams: (!request.streams.is_empty()).then(|| request.streams.clone()),
        created_at: log.clock().now().to_rfc3339_opts(SecondsFormat::Micros, true),
    }))?;
    for key in key::all(log).await? {
        out.line(&Line::Key(Key { public_key: hex::encode(key.public().as_bytes()), key_id: key.key_id }))?;
    }
    let covering = write_checkpoints(log, from, to, &mut out).await?;
    let mut exported = Exported { from, to, events: 0, checkpoints: covering.len() as u64, proven: 0 };
    if let Some(positions) = positions {
        exported.events = positions.len() as u64;
        exported.proven = write_streams(log, from, &positions, &covering, &mut out, written).await?;
    } else {
        let whole = covering.iter().filter(|range| range.first >= from && range.last <= to);
        exported.proven = whole.map(Covering::events).sum();
        exported.events = write_all(log, from, to, &mut out, written).await?;
    }
    out.end()?;
    Ok(exported)
}

/// The positions of the chosen streams' events, in order; none where all events are wanted.
async fn positions_of(
    log: &EventLog,
    streams: &[StreamName],
    from: Position,
    to: Position,
) -> anyhow::Result<Option<Vec<Position>>> {
    if streams.is_empty() {
        return Ok(None);
    }
    let mut all = vec![];
    for stream in streams.iter().collect::<HashSet<_>>() {
        let limit = i64::try_from(MAX_PROVEN + 1 - all.len().min(MAX_PROVEN)).unwrap_or(i64::MAX);
        let (aggregate_type, aggregate_id) = (&stream.aggregate_type, &stream.aggregate_id);
        let found = log.positions_of_stream(aggregate_type, aggregate_id, (from, to), limit).await?;
        all.extend(found.with_context(|| format!("there is no stream {stream}"))?);
        if all.len() > MAX_PROVEN {
            bail!("these streams have more than {MAX_PROVEN} events there: export fewer, or all events (no --stream)");
        }
    }
    if all.is_empty() {
        bail!("these streams have no event at the positions {from} to {to}");
    }
    all.sort_unstable();
    Ok(Some(all))
}

/// Writes every checkpoint that covers any of the positions.
async fn write_checkpoints(
    log: &EventLog,
    from: Position,
    to: Position,
    out: &mut Out<impl Write>,
) -> anyhow::Result<Vec<Covering>> {
    let (mut covering, mut sequence, mut previous) = (vec![], Sequence::START, None::<Vec<u8>>);
    loop {
        let page = log.stream_after(Checkpoints::TYPE, STREAM_ID, sequence, CHECKPOINTS_PER_PAGE).await?;
        let Some(last) = page.last() else { return Ok(covering) };
        sequence = last.sequence;
        for row in page {
            let (number, hash) = (row.sequence, row.hash.clone());
            let CheckpointEvent::CheckpointSigned(checkpoint) = row
                .read()
                .with_context(|| format!("checkpoint {number} cannot be read: see `cloud-bridge audit verify`"))?;
            let (first, last) = (Position(checkpoint.first_position), Position(checkpoint.last_position));
            if first > to {
                return Ok(covering);
            }
            if last >= from {
                let stated = previous.take_if(|_| covering.is_empty()).and_then(|hash| Hash::try_from(hash).ok());
                out.line(&Line::Checkpoint(Event::of(WholeEvent { event: row, body: None }, stated)))?;
                covering.push(Covering { number, first, last, root: checkpoint.root });
            }
            previous = Some(hash);
        }
    }
}

async fn write_all(
    log: &EventLog,
    from: Position,
    to: Position,
    out: &mut Out<impl Write>,
    written: impl Fn(u64, u64),
) -> anyhow::Result<u64> {
    let total = events_between(from, to);
    let mut scan = log.scan(from..=to);
    let mut events = 0;
    while let Some(batch) = scan.next().await? {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { continue };
        let mut previous = hashes_before(log, first.event.position, last.event.position, from).await?;
        events += batch.len() as u64;
        for whole in batch {
            let stated = previous.remove(&whole.event.position);
            out.line(&Line::Event(Event::of(whole, stated)))?;
        }
        written(events, total);
    }
    Ok(events)
}

/// The hashes that come before events in their streams, where they lie before the range.
async fn hashes_before(
    log: &EventLog,
    first: Position,
    last: Position,
    from: Position,
) -> anyhow::Result<HashMap<Position, Hash>> {
    if from == Position::FIRST {
        return Ok(HashMap::new());
    }
    let found = log.hashes_before(first, last, from).await?;
    Ok(found.into_iter().filter_map(|(position, hash)| Some((position, Hash::try_from(hash).ok()?))).collect())
}

/// Writes the events at these positions, and after those of each checkpoint their proofs. Returns how many are proven.
async fn write_streams(
    log: &EventLog,
    from: Position,
    positions: &[Position],
    covering: &[Covering],
    out: &mut Out<impl Write>,
    written: impl Fn(u64, u64),
) -> anyhow::Result<u64> {
    let (mut rest, mut proven) = (positions, 0);
    for range in covering {
        let (under, after) = rest.split_at(rest.partition_point(|position| *position <= range.last));
        rest = after;
        if under.is_empty() {
            continue;
        }
        write_rows(log, from, under, out).await?;
        let tree = range::tree(log, range.first, range.last, &under.iter().copied().collect()).await?;
        let (root, proofs) = tree.into_proofs().context("a checkpoint covers nothing")?;
        if hex::encode(root) != range.root {
            bail!(
                "the events under checkpoint {} are not those it was signed over: see `cloud-bridge audit verify`",
                range.number
            );
        }
        for (position, proof) in under.iter().zip(proofs) {
            let path = proof.path.iter().map(hex::encode).collect();
            out.line(&Line::Proof(Proof { position: *position, checkpoint: range.number, path }))?;
        }
        proven += under.len() as u64;
        written(proven, positions.len() as u64);
    }
    write_rows(log, from, rest, out).await?;
    written(positions.len() as u64, positions.len() as u64);
    Ok(proven)
}

async fn write_rows(
    log: &EventLog,
    from: Position,
    positions: &[Position],
    out: &mut Out<impl Write>,
) -> anyhow::Result<()> {
    for page in positions.chunks(PAGE) {
        for whole in log.rows_at(page).await? {
            let position = whole.event.position;
            let stated = hashes_before(log, position, position, from).await?.remove(&position);
            out.line(&Line::Event(Event::of(whole, stated)))?;
        }
    }
    Ok(())
}

/// Lines, and the hash over all of them.
struct Out<W> {
    inner: W,
    hasher: Sha256,
    lines: u64,
}

impl<W: Write> Out<W> {
    fn line(&mut self, line: &Line) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.hasher.update(&text);
        self.lines += 1;
        self.inner.write_all(&text).context("the bundle cannot be written")
    }

    fn end(mut self) -> anyhow::Result<()> {
        let end = End { lines: self.lines, sha256: hex::encode(std::mem::take(&mut self.hasher).finalize()) };
        self.line(&Line::End(end))?;
        self.inner.flush().context("the bundle cannot be written")
    }
}
