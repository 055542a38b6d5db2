//! Rows of SQLite as one value each. sqlx copies every value of a row from one thread to another, which for the eleven of
//! an event takes longer than hashing it.

use crate::event_log::row::{StoredEvent, WholeEvent};

/// A line of numbers, then the bytes that they tell of. SQLite puts bytes together as they are, whatever they are; a row
/// without a body says -1 for its length.
pub(super) const ROWS: &str = "\
    SELECT CAST(format('%lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld', position, sequence, recorded_at, \
            octet_length(aggregate_type), octet_length(aggregate_id), octet_length(event_type), \
            octet_length(event_version), octet_length(payload), octet_length(metadata), octet_length(hash), \
            coalesce(octet_length(body), -1)) || char(10) || aggregate_type || aggregate_id || event_type || \
            event_version || payload || metadata || hash || coalesce(body, '') AS blob) \
    FROM events WHERE position BETWEEN $1 AND $2 ORDER BY position";

/// A row that holds something other than what is written into the log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} holds a value of a kind that no event has: it was changed")]
pub(super) struct Unreadable(String);

/// Takes apart what [`ROWS`] put together.
pub(super) fn unpacked(row: &[u8]) -> Result<WholeEvent, Unreadable> {
    let parts = Parts::of(row).ok_or_else(|| Unreadable("a row".to_owned()))?;
    let Parts { position, sequence, recorded_at, texts, hash, body } = parts;
    let [aggregate_type, aggregate_id, event_type, event_version, payload, metadata] = texts;
    let text = |bytes: &[u8]| {
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| {
            let (kind, id) = (String::from_utf8_lossy(aggregate_type), String::from_utf8_lossy(aggregate_id));
            Unreadable(format!("event {sequence} of {kind} {id} (position {position})"))
        })
    };
    Ok(WholeEvent {
        event: StoredEvent {
            position,
            aggregate_type: text(aggregate_type)?,
            aggregate_id: text(aggregate_id)?,
            sequence,
            event_type: text(event_type)?,
            event_version: text(event_version)?,
            payload: text(payload)?,
            metadata: text(metadata)?,
            recorded_at,
            hash: hash.to_vec(),
        },
        body: body.map(<[u8]>::to_vec),
    })
}

struct Parts<'r> {
    position: i64,
    sequence: i64,
    recorded_at: i64,
    texts: [&'r [u8]; 6],
    hash: &'r [u8],
    body: Option<&'r [u8]>,
}

impl<'r> Parts<'r> {
    fn of(row: &'r [u8]) -> Option<Self> {
        let line = row.iter().position(|byte| *byte == b'\n')?;
        let (line, mut rest) = (str::from_utf8(&row[..line]).ok()?, &row[line + 1..]);
        let mut numbers = [0; 11];
        let mut given = line.split(' ');
        for number in &mut numbers {
            *number = given.next()?.parse::<i64>().ok()?;
        }
        let [position, sequence, recorded_at, lengths @ .., body] = numbers;
        let mut next = |length: i64| {
            let (value, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            rest = after;
            Some(value)
        };
        let mut fields: [&[u8]; 7] = [&[]; 7];
        for (field, length) in fields.iter_mut().zip(lengths) {
            *field = next(length)?;
        }
        let body = if body == -1 { None } else { Some(next(body)?) };
        let [texts @ .., hash] = fields;
        (given.next().is_none() && rest.is_empty()).then_some(Self {
            position,
            sequence,
            recorded_at,
            texts,
            hash,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_event_is_made_of_is_no_event() {
        let good = b"7 1 9 1 1 1 1 1 1 1 2\nabcdefghi";
        let event = unpacked(good).unwrap();
        assert_eq!((event.event.position, event.event.payload.as_str()), (7, "e"));
        assert_eq!((event.event.hash.as_slice(), event.body.as_deref()), (&b"g"[..], Some(&b"hi"[..])));
        assert_eq!(unpacked(b"7 1 9 1 1 1 1 1 1 1 -1\nabcdefg").unwrap().body, None);
        for bad in [
            &b""[..],
            b"7 1 9 1 1 1 1 1 1 1 2",
            b"7 1 9 1 1 1 1 1 1 1 2\nabcdefgh",
            b"7 1 9 1 1 1 1 1 1 1 2\nabcdefghij",
            b"7 1 9 1 1 1 1 1 1 1\nabcdefghi",
            b"7 1 9 1 1 1 1 1 1 1 2 0\nabcdefghi",
            b"7 1 9 -1 1 1 1 1 1 1 2\nabcdefgh",
            b"7 1 9 -5 1 1 1 1 1 1 2\nabcdefghi",
            b"7 1 9 1 1 1 1 1 1 9223372036854775807 2\nabcdefghi",
        ] {
            assert!(unpacked(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        let named = unpacked(b"7 1 9 1 1 1 1 1 1 1 2\nabcd\xfffghi").unwrap_err().to_string();
        assert!(named.contains("event 1 of a b (position 7)"), "{named}");
    }
}
