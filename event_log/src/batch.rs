//! Which appends of a batch may be stored: those that were decided on what their streams end with.
//!
//! Appends of one batch may follow one another on a stream, so that many commands on one stream need one commit. An append
//! that is refused takes only those with it that were decided on its own events.

use std::collections::{HashMap, HashSet};

use super::append::{Append, StreamEnd, StreamKey};

/// How streams of a batch end in the database: at least those that do not end as the first append to each expects.
pub(super) type OtherEnds<'a> = HashMap<StreamKey<'a>, StreamEnd>;

/// What the first append of the batch to each stream expects the stream to end with.
pub(super) fn expected_ends<'a>(appends: &[&'a Append]) -> Vec<(StreamKey<'a>, StreamEnd)> {
    let mut seen = HashSet::with_capacity(appends.len());
    let streams = appends.iter().flat_map(|append| &append.streams);
    streams.filter(|stream| seen.insert(stream.key())).map(|stream| (stream.key(), stream.expects())).collect()
}

/// For each append whether it is stored. In order, so that each sees what those before it added.
pub(super) fn accepted<'a>(appends: &[&'a Append], others: &OtherEnds<'a>) -> Vec<bool> {
    let mut ends = others.clone();
    let mut accepted = Vec::with_capacity(appends.len());
    for append in appends {
        let follows = append.streams.iter().all(|stream| {
            // A stream that is not listed ends as the first append to it expects.
            *ends.entry(stream.key()).or_insert_with(|| stream.expects()) == stream.expects()
        });
        if follows {
            ends.extend(append.streams.iter().map(|stream| (stream.key(), stream.end())));
        }
        accepted.push(follows);
    }
    accepted
}

/// The position of the last event of each append that is stored after the head of the log.
pub(super) fn positions(appends: &[&Append], accepted: &[bool], head: i64) -> Vec<Option<i64>> {
    let mut last = head;
    let appends = appends.iter().zip(accepted);
    let position = |(append, accepted): (&&Append, &bool)| {
        accepted.then(|| {
            last += i64::try_from(append.events().count()).unwrap_or(i64::MAX);
            last
        })
    };
    appends.map(position).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::append::{NewEvent, StreamAppend};
    use crate::row::{GENESIS, StoredEvent};
    use crate::{Micros, Position, Sequence};

    /// The hash of an event in these tests: that of the event of this number.
    fn hash(number: u8) -> [u8; 32] {
        if number == 0 { GENESIS } else { [number; 32] }
    }

    /// An event of a stream after so many, that was decided on the event of a number and is the one of another.
    fn event(stream: &str, sequence: i64, decided_on: u8, number: u8) -> StreamAppend {
        let stored = StoredEvent {
            position: Position::START,
            aggregate_type: "ledger".to_owned(),
            aggregate_id: stream.to_owned(),
            sequence: Sequence(sequence),
            event_type: "credits_granted".to_owned(),
            event_version: "1".to_owned(),
            payload: "{}".to_owned(),
            metadata: "{}".to_owned(),
            account_id: None,
            integration_id: None,
            caused_by: None,
            correlation_id: Uuid::nil(),
            data_key_id: None,
            recorded_at: Micros(0),
            hash: hash(number).to_vec(),
        };
        StreamAppend {
            previous: hash(decided_on),
            events: vec![NewEvent { stored, body: None }],
            new_data_key: None,
            erased_data_key: None,
            snapshot: None,
        }
    }

    fn append(streams: Vec<StreamAppend>) -> Append {
        Append { streams, is_webhook: false }
    }

    /// Which of these are stored where a stream "a" ends with the event of this number.
    fn stored(appends: &[Append], a_ends: (i64, u8)) -> Vec<bool> {
        let appends: Vec<&Append> = appends.iter().collect();
        let (sequence, number) = a_ends;
        let end = StreamEnd { sequence, hash: hash(number) };
        let others =
            expected_ends(&appends).into_iter().filter(|(key, expected)| key.aggregate_id == "a" && *expected != end);
        accepted(&appends, &others.map(|(key, _)| (key, end)).collect())
    }

    #[test]
    fn appends_of_one_batch_follow_one_another() {
        let batch =
            [append(vec![event("a", 1, 0, 1)]), append(vec![event("a", 2, 1, 2)]), append(vec![event("b", 1, 0, 9)])];
        assert_eq!(stored(&batch, (0, 0)), [true, true, true]);
        let refs: Vec<&Append> = batch.iter().collect();
        assert_eq!(positions(&refs, &[true, false, true], 7), [Some(8), None, Some(9)]);
    }

    #[test]
    fn what_was_decided_on_a_refused_append_is_refused_and_nothing_else() {
        let batch = [
            append(vec![event("a", 2, 1, 2)]),
            append(vec![event("a", 3, 2, 3)]),
            append(vec![event("b", 1, 0, 9)]),
            append(vec![event("a", 3, 7, 8)]),
        ];
        // Another node's event came second: only what was decided on that is stored.
        assert_eq!(stored(&batch, (2, 7)), [false, false, true, true]);
        // The place is free, and the event before it is another one than it was decided on.
        assert_eq!(stored(&batch, (1, 5)), [false, false, true, false]);
    }

    #[test]
    fn two_that_were_decided_on_the_same_event_are_not_both_stored() {
        let batch = [append(vec![event("a", 2, 1, 2)]), append(vec![event("a", 2, 1, 3)])];
        assert_eq!(stored(&batch, (1, 1)), [true, false]);
    }

    #[test]
    fn an_append_to_several_streams_is_stored_whole_or_not_at_all() {
        let batch = [
            append(vec![event("b", 1, 0, 9), event("a", 1, 0, 1)]),
            append(vec![event("b", 1, 0, 4)]),
            append(vec![event("c", 1, 0, 5), event("b", 2, 9, 6)]),
        ];
        assert_eq!(stored(&batch, (0, 0)), [true, false, true]);
        assert_eq!(stored(&batch, (3, 3)), [false, true, false]);
    }
}
