//! Rows of SQLite as one value each. sqlx copies every value of a row from one thread to another, which for the sixteen of
//! an event takes longer than hashing it.

use uuid::Uuid;

use crate::row::{StoredEvent, WholeEvent};
use crate::{Micros, Position, Sequence};

/// Begins a statement that reads events, up to a condition on them; with their bodies or without.
///
/// A line of numbers, then the bytes whose lengths they are. SQLite puts bytes together as they are, whatever they are;
/// where a value is null, its length is -1 (no event has the position -1).
pub(super) fn select(with_bodies: bool) -> String {
    let body = if with_bodies { "body" } else { "NULL" };
    format!(
        "SELECT CAST(format('%lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld', position, \
            sequence, recorded_at, coalesce(caused_by, -1), octet_length(aggregate_type), octet_length(aggregate_id), \
            octet_length(event_type), octet_length(event_version), octet_length(payload), octet_length(metadata), \
            octet_length(correlation_id), octet_length(hash), coalesce(octet_length(account_id), -1), \
            coalesce(octet_length(integration_id), -1), coalesce(octet_length(data_key_id), -1), \
            coalesce(octet_length({body}), -1)) || char(10) || aggregate_type || aggregate_id || event_type || \
            event_version || payload || metadata || correlation_id || hash || coalesce(account_id, '') || \
            coalesce(integration_id, '') || coalesce(data_key_id, '') || coalesce({body}, '') AS blob) AS packed \
         FROM events"
    )
}

/// A row that holds something other than what is written into the log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} holds a value of a kind that no event has: it was changed")]
pub(super) struct Unreadable(String);

/// Takes apart what [`select`] put together.
pub(super) fn unpacked(row: &[u8]) -> Result<WholeEvent, Unreadable> {
    let parts = Parts::of(row).ok_or_else(|| Unreadable("a row".to_owned()))?;
    let Parts { position, sequence, recorded_at, caused_by, values, nullable } = parts;
    let [aggregate_type, aggregate_id, event_type, event_version, payload, metadata, correlation_id, hash] = values;
    let [account_id, integration_id, data_key_id, body] = nullable;
    let unreadable = || {
        let (kind, id) = (String::from_utf8_lossy(aggregate_type), String::from_utf8_lossy(aggregate_id));
        Unreadable(format!("event {sequence} of {kind} {id} (position {position})"))
    };
    let text = |bytes: &[u8]| str::from_utf8(bytes).map(str::to_owned).map_err(|_| unreadable());
    let id = |bytes: &[u8]| Uuid::from_slice(bytes).map_err(|_| unreadable());
    Ok(WholeEvent {
        event: StoredEvent {
            position: Position(position),
            aggregate_type: text(aggregate_type)?,
            aggregate_id: text(aggregate_id)?,
            sequence: Sequence(sequence),
            event_type: text(event_type)?,
            event_version: text(event_version)?,
            payload: text(payload)?,
            metadata: text(metadata)?,
            account_id: account_id.map(id).transpose()?,
            integration_id: integration_id.map(id).transpose()?,
            caused_by: caused_by.map(Position),
            correlation_id: id(correlation_id)?,
            data_key_id: data_key_id.map(id).transpose()?,
            recorded_at: Micros(recorded_at),
            hash: hash.to_vec(),
        },
        body: body.map(<[u8]>::to_vec),
    })
}

struct Parts<'r> {
    position: i64,
    sequence: i64,
    recorded_at: i64,
    caused_by: Option<i64>,
    values: [&'r [u8]; 8],
    nullable: [Option<&'r [u8]>; 4],
}

impl<'r> Parts<'r> {
    fn of(row: &'r [u8]) -> Option<Self> {
        let line = row.iter().position(|byte| *byte == b'\n')?;
        let (line, mut rest) = (str::from_utf8(&row[..line]).ok()?, &row[line + 1..]);
        let mut numbers = [0; 16];
        let mut given = line.split(' ');
        for number in &mut numbers {
            *number = given.next()?.parse::<i64>().ok()?;
        }
        let [position, sequence, recorded_at, caused_by, lengths @ ..] = numbers;
        let mut next = |length: i64| {
            let (value, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            rest = after;
            Some(value)
        };
        let (mut values, mut nullable): ([&[u8]; 8], [Option<&[u8]>; 4]) = ([&[]; 8], [None; 4]);
        for (value, length) in values.iter_mut().zip(lengths) {
            *value = next(length)?;
        }
        for (value, length) in nullable.iter_mut().zip(&lengths[8..]) {
            *value = if *length == -1 { None } else { Some(next(*length)?) };
        }
        let caused_by = (caused_by != -1).then_some(caused_by);
        (given.next().is_none() && rest.is_empty()).then_some(Self {
            position,
            sequence,
            recorded_at,
            caused_by,
            values,
            nullable,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_event_is_made_of_is_no_event() {
        let row = |line: &str, rest: &[u8]| [line.as_bytes(), b"\n", rest].concat();
        let id = [7; 16];
        let rest = |payload: &str, hash: &str| [b"abcd", payload.as_bytes(), b"f", &id, hash.as_bytes()].concat();
        let good = row("7 1 9 -1 1 1 1 1 1 1 16 1 -1 -1 -1 2", &[rest("e", "g"), b"hi".to_vec()].concat());
        let event = unpacked(&good).unwrap();
        assert_eq!((event.event.position, event.event.payload.as_str()), (Position(7), "e"));
        assert_eq!((event.event.hash.as_slice(), event.body.as_deref()), (&b"g"[..], Some(&b"hi"[..])));
        assert_eq!((event.event.caused_by, event.event.account_id), (None, None));
        let owned = row("7 1 9 3 1 1 1 1 1 1 16 1 16 -1 -1 -1", &[rest("e", "g"), id.to_vec()].concat());
        let event = unpacked(&owned).unwrap();
        assert_eq!((event.event.caused_by, event.body), (Some(Position(3)), None));
        assert_eq!(event.event.account_id, Some(Uuid::from_bytes(id)));
        for (line, rest) in [
            ("7 1 9 -1 1 1 1 1 1 1 16 1 -1 -1 -1 2", [rest("e", "g"), b"h".to_vec()].concat()),
            ("7 1 9 -1 1 1 1 1 1 1 16 1 -1 -1 -1 2", [rest("e", "g"), b"hij".to_vec()].concat()),
            ("7 1 9 -1 1 1 1 1 1 1 16 1 -1 -1 -1", rest("e", "g")),
            ("7 1 9 -1 1 1 1 1 1 1 16 1 -1 -1 -1 -1 0", rest("e", "g")),
            ("7 1 9 -1 1 1 1 1 1 -1 16 1 -1 -1 -1 -1", rest("e", "g")),
            ("7 1 9 -1 1 1 1 1 1 1 9223372036854775807 1 -1 -1 -1 -1", rest("e", "g")),
            ("7 1 9 -1 1 1 1 1 1 1 16 1 1 -1 -1 -1", rest("e", "gh")),
            ("", vec![]),
        ] {
            let row = row(line, &rest);
            assert!(unpacked(&row).is_err(), "{}", String::from_utf8_lossy(&row));
        }
        assert!(unpacked(b"").is_err());
        let named = row("7 1 9 -1 1 1 1 1 1 1 16 1 -1 -1 -1 -1", &[b"abcd\xfff", &id[..], b"g"].concat());
        let named = unpacked(&named).unwrap_err().to_string();
        assert!(named.contains("event 1 of a b (position 7)"), "{named}");
    }
}
