//! Verifying a log: every row's place and hash, every checkpoint, and every snapshot.

use cqrs_es::Aggregate as _;
use domain::checkpoint::{Checkpoints, STREAM_ID};
use ed25519_dalek::VerifyingKey;

use super::checkpoint::{CheckpointReader, SignedRange};
use super::key::{self, LogKey};
use super::walk::{Broken, Order, Walk};
use event_log::row::StoredEvent;
use event_log::{ComparedSnapshot, EventLog, Position, Sequence};

/// Checkpoints and snapshots that are read at a time.
const PAGE: i64 = 1_000;

/// What a log was found to be.
#[derive(Debug)]
pub struct Verified {
    /// The first row that is broken, if one is.
    pub broken: Option<Broken>,
    /// Rows that were found whole before that.
    pub events: u64,
    pub streams: usize,
    pub checkpoints: usize,
    /// The newest checkpoint: events after it are held by their chains alone.
    pub latest: Option<SignedRange>,
    pub snapshots: u64,
    pub keys: Vec<LogKey>,
}

/// Walks through the whole log as it is at this moment. `walked` gets how far it is, and how far it goes.
///
/// With `expected`, only checkpoints that were signed with that key are believed.
pub async fn verify(
    log: &EventLog,
    expected: Option<VerifyingKey>,
    walked: impl Fn(u64, u64),
) -> anyhow::Result<Verified> {
    let head = log.newest().await?;
    // After the head: a key that signed something up to there is among them.
    let keys = key::all(log).await?;
    let believed: Vec<VerifyingKey> =
        keys.iter().map(LogKey::public).filter(|key| expected.is_none_or(|expected| expected == *key)).collect();
    let (ranges, wrong_checkpoint) = signed_ranges(log, &believed, head).await?;
    let (checkpoints, latest) = (ranges.len(), ranges.last().cloned());
    let mut walk = Walk::new(Order::Gapless, Position::FIRST, ranges, wrong_checkpoint);
    let mut scan = log.scan(Position::FIRST..=head);
    let mut broken = None;
    while let Some(events) = scan.next().await? {
        let checked;
        (walk, checked) = tokio::task::spawn_blocking(move || {
            let checked = events.iter().try_for_each(|row| walk.check(row, None));
            (walk, checked)
        })
        .await?;
        walked(walk.events, u64::try_from(head.0).unwrap_or(0));
        if let Err(found) = checked {
            broken = Some(found);
            break;
        }
    }
    drop(scan);
    if broken.is_none() {
        broken = walk.finish(head).err();
    }
    if broken.is_none() {
        broken = cut_off(log).await?;
    }
    let mut snapshots = 0;
    if broken.is_none() {
        (snapshots, broken) = snapshots_are_right(log).await?;
    }
    Ok(Verified { broken, events: walk.events, streams: walk.streams(), checkpoints, latest, snapshots, keys })
}

/// The ranges that were signed, up to the first checkpoint that is not right, and that one.
async fn signed_ranges(
    log: &EventLog,
    keys: &[VerifyingKey],
    head: Position,
) -> anyhow::Result<(Vec<SignedRange>, Option<Broken>)> {
    let (mut reader, mut ranges, mut sequence) = (CheckpointReader::new(keys), vec![], Sequence::START);
    loop {
        let page: Vec<StoredEvent> = log.stream_after(Checkpoints::TYPE, STREAM_ID, sequence, PAGE).await?;
        let Some(last) = page.last() else { return Ok((ranges, None)) };
        sequence = last.sequence;
        for row in page.iter().filter(|row| row.position <= head) {
            match reader.read(row) {
                Ok(range) => ranges.push(range),
                Err(broken) => return Ok((ranges, Some(broken))),
            }
        }
    }
}

/// What else shows that events are missing: a follower that was further, and a data key that sealed something. An
/// attacker who cuts a log off has to think of it; an accident does not.
async fn cut_off(log: &EventLog) -> anyhow::Result<Option<Broken>> {
    let furthest = log.furthest_follower().await?;
    let unused = log.unused_data_key().await?;
    // Events may have come since the walk began, and with them all of this.
    let newest = log.newest().await?;
    let reason = if furthest > newest {
        format!("the log was cut off: there were events up to position {furthest} at least, and they end at {newest}")
    } else if let Some(id) = unused {
        format!("the log was cut off: the data key {id} was made for an event that is not there")
    } else {
        return Ok(None);
    };
    let (aggregate_type, aggregate_id) = (Checkpoints::TYPE.to_owned(), STREAM_ID.to_owned());
    Ok(Some(Broken { aggregate_type, aggregate_id, sequence: Sequence::START, position: newest, reason }))
}

/// Compares each snapshot with the event that it was made after. What a snapshot says is not covered by any hash.
async fn snapshots_are_right(log: &EventLog) -> anyhow::Result<(u64, Option<Broken>)> {
    let (mut count, mut after) = (0, (String::new(), String::new()));
    loop {
        let page = log.snapshots_after((&after.0, &after.1), PAGE).await?;
        let Some(last) = page.last() else { return Ok((count, None)) };
        after = (last.aggregate_type.clone(), last.aggregate_id.clone());
        count += page.len() as u64;
        if let Some(ComparedSnapshot { aggregate_type, aggregate_id, sequence, position, .. }) =
            page.into_iter().find(|snapshot| snapshot.is_right == 0)
        {
            let reason = if position.is_start() {
                "a snapshot was made after it, and it is not there: the log was cut off".to_owned()
            } else {
                "the snapshot that was made after it has another hash: delete that row of `snapshots`".to_owned()
            };
            return Ok((count, Some(Broken { aggregate_type, aggregate_id, sequence, position, reason })));
        }
    }
}
