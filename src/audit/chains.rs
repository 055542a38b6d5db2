//! The last event of every stream while the log is walked through, in some 60 bytes a stream: ten million streams fit
//! into 600 MB. The log is walked by position and not stream by stream, because rows lie in that order: reading by stream
//! would fetch a page from somewhere for nearly every event.

use sha2::{Digest, Sha256};

use super::merkle::Hash;
use event_log::Sequence;

/// Entries that are allocated at a time, so that growing never copies what is there.
const CHUNK: usize = 65_536;
const EMPTY: u32 = u32::MAX;

/// A stream, by the beginning of a hash of its type and id.
type StreamKey = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    stream: StreamKey,
    sequence: u32,
    hash: Hash,
}

/// A sequence, or a number of streams, that is over 4,294,967,294: no log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutOfRange;

/// Streams and their last events: a table with open addressing, which only grows.
#[derive(Debug, Default)]
pub(super) struct Chains {
    /// Numbers of entries, by the stream.
    slots: Vec<u32>,
    entries: Vec<Vec<Entry>>,
    len: usize,
}

impl Chains {
    /// Notes the last event of a stream and returns the one before it.
    pub(super) fn advance(
        &mut self,
        aggregate_type: &str,
        aggregate_id: &str,
        sequence: Sequence,
        hash: Hash,
    ) -> Result<Option<(Sequence, Hash)>, OutOfRange> {
        let sequence = u32::try_from(sequence.0).map_err(|_| OutOfRange)?;
        if self.len >= self.slots.len() / 4 * 3 {
            self.grow();
        }
        let entry = Entry { stream: stream_key(aggregate_type, aggregate_id), sequence, hash };
        let slot = self.slot_of(&entry.stream);
        if self.slots[slot] == EMPTY {
            self.slots[slot] = u32::try_from(self.len).ok().filter(|number| *number != EMPTY).ok_or(OutOfRange)?;
            self.push(entry);
            return Ok(None);
        }
        let known = self.entry_mut(self.slots[slot]);
        let before = (Sequence(known.sequence.into()), known.hash);
        *known = entry;
        Ok(Some(before))
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn push(&mut self, entry: Entry) {
        if self.len.is_multiple_of(CHUNK) {
            self.entries.push(Vec::with_capacity(CHUNK));
        }
        if let Some(chunk) = self.entries.last_mut() {
            chunk.push(entry);
            self.len += 1;
        }
    }

    fn entry_mut(&mut self, number: u32) -> &mut Entry {
        let number = number as usize;
        &mut self.entries[number / CHUNK][number % CHUNK]
    }

    /// The slot that a stream has, or would have. There is always an empty one.
    fn slot_of(&self, stream: &StreamKey) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = start(stream) & mask;
        while self.slots[slot] != EMPTY {
            let number = self.slots[slot] as usize;
            if self.entries[number / CHUNK][number % CHUNK].stream == *stream {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        self.slots = vec![EMPTY; (self.slots.len() * 2).max(1_024)];
        let mask = self.slots.len() - 1;
        for (number, entry) in (0..).zip(self.entries.iter().flatten()) {
            let mut slot = start(&entry.stream) & mask;
            while self.slots[slot] != EMPTY {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = number;
        }
    }
}

fn stream_key(aggregate_type: &str, aggregate_id: &str) -> StreamKey {
    let mut hasher = Sha256::new();
    hasher.update((aggregate_type.len() as u64).to_be_bytes());
    hasher.update(aggregate_type.as_bytes());
    hasher.update(aggregate_id.as_bytes());
    let digest = hasher.finalize();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

fn start(stream: &StreamKey) -> usize {
    usize::from_be_bytes(*stream.first_chunk().expect("a key is longer than a word"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_keeps_its_own_last_event() {
        let mut chains = Chains::default();
        let hash = |number: i64| -> Hash { Sha256::digest(number.to_be_bytes()).into() };
        for number in 0..200_000_i64 {
            assert_eq!(chains.advance("delivery", &number.to_string(), Sequence(1), hash(number)), Ok(None));
        }
        assert_eq!(chains.len(), 200_000);
        for number in (0..200_000_i64).rev() {
            let before = chains.advance("delivery", &number.to_string(), Sequence(2), [0; 32]);
            assert_eq!(before, Ok(Some((Sequence(1), hash(number)))));
        }
        assert_eq!(chains.advance("account", "1", Sequence(1), [1; 32]), Ok(None), "the type is part of a stream");
        assert_eq!(chains.advance("account", "1", Sequence::MAX, [1; 32]), Err(OutOfRange));
        assert_eq!(chains.len(), 200_001);
    }
}
