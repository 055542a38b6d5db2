//! Which appends of a batch may be stored: those that were decided on what their streams end with.
//!
//! Appends of one batch may follow one another on a stream, so that many commands on one stream need one commit. An append
//! that is refused takes nobody with it but those that were decided on its own events.

use std::collections::{HashMap, HashSet};

use super::append::{Append, StreamEnd, StreamKey};

/// How the streams of a batch end in the database, where that is not what the first append to each expects.
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
