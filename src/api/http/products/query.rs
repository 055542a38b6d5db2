//! What a list of products is asked with.

use axum::extract::Query;
use axum::http::Uri;
use chrono::{DateTime, Utc};
use event_log::Position;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 250;
/// Who goes further goes on with the cursor, which costs the same however far it is.
const MAX_OFFSET: i64 = 10_000;

/// Which products, and how many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) updated_since: Option<DateTime<Utc>>,
    /// The integration.
    pub(super) store_id: Option<String>,
    pub(super) limit: i64,
    pub(super) offset: i64,
    /// Behind which it goes on.
    pub(super) cursor: Option<Position>,
}

/// A parameter that cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invalid {
    pub(super) field: &'static str,
    pub(super) reason: &'static str,
}

impl Wanted {
    /// Reads the query of an address. What it does not know, it leaves alone.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Invalid> {
        let mut wanted = Self { updated_since: None, store_id: None, limit: DEFAULT_LIMIT, offset: 0, cursor: None };
        let mut has_offset = false;
        for (name, value) in pairs(query)? {
            match name.as_str() {
                "updated_since" => {
                    let read = DateTime::parse_from_rfc3339(&value);
                    let reason = "is no time as in 2026-11-29T16:54:00Z (a `+` in an address is written %2B)";
                    let since = read.map_err(|_| Invalid { field: "updated_since", reason })?;
                    wanted.updated_since = Some(since.to_utc());
                }
                "storeId" => wanted.store_id = Some(value.replace('\0', "")),
                "limit" => wanted.limit = number("limit", "must be between 1 and 250", &value, 1..=MAX_LIMIT)?,
                "offset" => {
                    let reason = "must be between 0 and 10000: go on with cursor instead";
                    wanted.offset = number("offset", reason, &value, 0..=MAX_OFFSET)?;
                    has_offset = true;
                }
                "cursor" => {
                    let reason = "is none that a list ended with (pagination.next_cursor)";
                    let place: Option<Position> = value.parse().ok().filter(|place| *place >= Position::START);
                    wanted.cursor = Some(place.ok_or(Invalid { field: "cursor", reason })?);
                }
                _ => {}
            }
        }
        if has_offset && wanted.cursor.is_some() {
            return Err(Invalid { field: "offset", reason: "cannot be used together with cursor" });
        }
        Ok(wanted)
    }
}

fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Invalid> {
    let unreadable = Invalid { field: "query", reason: "is none that can be read" };
    let uri: Uri = format!("/?{}", query.unwrap_or_default()).parse().map_err(|_| unreadable)?;
    let unreadable = Invalid { field: "query", reason: "is none that can be read" };
    let Query(pairs) = Query::try_from_uri(&uri).map_err(|_| unreadable)?;
    Ok(pairs)
}

fn number(
    field: &'static str,
    reason: &'static str,
    text: &str,
    range: std::ops::RangeInclusive<i64>,
) -> Result<i64, Invalid> {
    text.parse().ok().filter(|number| range.contains(number)).ok_or(Invalid { field, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field_of(query: &str) -> Option<&'static str> {
        Wanted::read(Some(query)).err().map(|invalid| invalid.field)
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let wanted = Wanted::read(None).unwrap();
        assert_eq!((wanted.limit, wanted.offset, wanted.cursor), (50, 0, None));
        assert_eq!(Wanted::read(Some("unknown=1")), Ok(wanted));
    }

    #[test]
    fn a_time_is_read_in_any_zone() {
        let at = |query| Wanted::read(Some(query)).unwrap().updated_since;
        let utc = at("updated_since=2026-11-29T16:00:00Z");
        assert!(utc.is_some());
        assert_eq!(utc, at("updated_since=2026-11-29T17:00:00%2B01:00"));
    }

    #[test]
    fn what_is_out_of_range_or_unreadable_is_refused_by_its_name() {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=251", "limit"),
            ("limit=", "limit"),
            ("limit=ten", "limit"),
            ("offset=-1", "offset"),
            ("offset=10001", "offset"),
            ("updated_since=yesterday", "updated_since"),
            ("updated_since=2026-13-01T00:00:00Z", "updated_since"),
            ("updated_since=2026-11-29T17:00:00+01:00", "updated_since"),
            ("cursor=abc", "cursor"),
            ("cursor=-1", "cursor"),
            ("cursor=3&offset=3", "offset"),
        ] {
            assert_eq!(field_of(query), Some(field), "{query}");
        }
    }
}
