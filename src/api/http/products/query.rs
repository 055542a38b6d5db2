//! What a list of products is asked with.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use axum::extract::Query;
use axum::http::Uri;
use chrono::{DateTime, Utc};
use domain::IntegrationId;
use event_log::Position;

use crate::moments::absolute;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 250;
/// Who goes further goes on with the cursor, which costs the same however far it is.
const MAX_OFFSET: i64 = 10_000;

/// Which products, and how many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) updated_since: Option<DateTime<Utc>>,
    /// What changed after this position.
    pub(super) changed_since: Option<Position>,
    pub(super) store_id: Option<IntegrationId>,
    pub(super) limit: i64,
    pub(super) offset: i64,
    /// Behind which it goes on.
    pub(super) cursor: Option<Cursor>,
}

/// Where a list goes on: behind a product, and up to where the catalogue was complete when the list began. What changes while
/// a list is read is among the changes since then, whichever of its pages a program takes that from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) behind: Position,
    pub(super) complete_to: Position,
}

/// A parameter that cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invalid {
    pub(super) field: Cow<'static, str>,
    pub(super) reason: &'static str,
}

impl Invalid {
    pub(super) fn new(field: &'static str, reason: &'static str) -> Self {
        Self { field: field.into(), reason }
    }
}

impl Wanted {
    /// Reads the query of a list. A parameter that it does not know is refused: a typing error would copy everything.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Invalid> {
        let mut wanted = Self {
            updated_since: None,
            changed_since: None,
            store_id: None,
            limit: DEFAULT_LIMIT,
            offset: 0,
            cursor: None,
        };
        let mut has_offset = false;
        for (name, value) in pairs(query)? {
            match name.as_str() {
                "updated_since" => {
                    let reason =
                        "is no time as in 2026-11-29T16:54:00Z or 2026-11-29 (a `+` in an address is written %2B)";
                    let since = absolute(&value).ok_or(Invalid::new("updated_since", reason))?;
                    wanted.updated_since = Some(since);
                }
                "changed_since" => {
                    let reason = "is none that a list came with (complete_to)";
                    wanted.changed_since = Some(position(&value).ok_or(Invalid::new("changed_since", reason))?);
                }
                "storeId" => wanted.store_id = Some(store_id(&value)?),
                "limit" => wanted.limit = number("limit", "must be between 1 and 250", &value, 1..=MAX_LIMIT)?,
                "offset" => {
                    let reason = "must be between 0 and 10000: go on with cursor instead";
                    wanted.offset = number("offset", reason, &value, 0..=MAX_OFFSET)?;
                    has_offset = true;
                }
                "cursor" => {
                    let reason = "is none that a list ended with (pagination.next_cursor)";
                    wanted.cursor = Some(value.parse().map_err(|()| Invalid::new("cursor", reason))?);
                }
                _ => return Err(unknown(name, LIST)),
            }
        }
        if has_offset && wanted.cursor.is_some() {
            return Err(Invalid::new("offset", "cannot be used together with cursor"));
        }
        if wanted.updated_since.is_some() && wanted.changed_since.is_some() {
            return Err(Invalid::new("updated_since", "cannot be used together with changed_since"));
        }
        Ok(wanted)
    }

    /// Whether it is about what changed: a copy has to learn what is gone, and a list that is shown does not.
    pub(super) fn is_of_changes(&self) -> bool {
        self.updated_since.is_some() || self.changed_since.is_some()
    }
}

const LIST: &str =
    "is no parameter of this list: they are limit, offset, cursor, updated_since, changed_since and storeId";
const ONE: &str = "is no parameter of a product: it is storeId";

/// Reads the query of one product: of which store it is.
pub(super) fn store_of_one(query: Option<&str>) -> Result<Option<IntegrationId>, Invalid> {
    let mut store = None;
    for (name, value) in pairs(query)? {
        if name != "storeId" {
            return Err(unknown(name, ONE));
        }
        store = Some(store_id(&value)?);
    }
    Ok(store)
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (behind, complete_to) = text.split_once('.').ok_or(())?;
        Ok(Self { behind: position(behind).ok_or(())?, complete_to: position(complete_to).ok_or(())? })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.behind, self.complete_to)
    }
}

fn position(text: &str) -> Option<Position> {
    text.parse().ok().filter(|position| *position >= Position::START)
}

fn store_id(text: &str) -> Result<IntegrationId, Invalid> {
    text.parse().map_err(|_| Invalid::new("storeId", "is no id of an integration"))
}

fn unknown(name: String, reason: &'static str) -> Invalid {
    Invalid { field: name.into(), reason }
}

/// The parameters, each of which is given once.
fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Invalid> {
    let unreadable = || Invalid::new("query", "is none that can be read");
    let uri: Uri = format!("/?{}", query.unwrap_or_default()).parse().map_err(|_| unreadable())?;
    let Query(pairs): Query<Vec<(String, String)>> = Query::try_from_uri(&uri).map_err(|_| unreadable())?;
    let mut names = BTreeSet::new();
    match pairs.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, _)) => Err(Invalid { field: name.clone().into(), reason: "is given more than once" }),
        None => Ok(pairs),
    }
}

fn number(
    field: &'static str,
    reason: &'static str,
    text: &str,
    range: std::ops::RangeInclusive<i64>,
) -> Result<i64, Invalid> {
    text.parse().ok().filter(|number| range.contains(number)).ok_or(Invalid::new(field, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field_of(query: &str) -> Option<String> {
        Wanted::read(Some(query)).err().map(|invalid| invalid.field.into_owned())
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let wanted = Wanted::read(None).unwrap();
        assert_eq!((wanted.limit, wanted.offset, wanted.cursor), (50, 0, None));
        assert_eq!(Wanted::read(Some("")), Ok(wanted));
    }

    #[test]
    fn a_time_is_read_in_any_zone() {
        let at = |query| Wanted::read(Some(query)).unwrap().updated_since;
        let utc = at("updated_since=2026-11-29T16:00:00Z");
        assert!(utc.is_some());
        assert_eq!(utc, at("updated_since=2026-11-29T17:00:00%2B01:00"));
        assert_eq!(at("updated_since=2026-11-29"), at("updated_since=2026-11-29T00:00:00Z"));
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
            ("cursor=-1.4", "cursor"),
            ("cursor=3", "cursor"),
            ("cursor=3.4&offset=3", "offset"),
            ("changed_since=-1", "changed_since"),
            ("changed_since=yesterday", "changed_since"),
            ("changed_since=1&updated_since=2026-11-29", "updated_since"),
            ("storeId=", "storeId"),
            ("storeId=zzz", "storeId"),
            ("limit=1&limit=2", "limit"),
            ("updatedSince=2026-11-29", "updatedSince"),
            ("LIMIT=3", "LIMIT"),
        ] {
            assert_eq!(field_of(query).as_deref(), Some(field), "{query}");
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor = Cursor { behind: Position(12), complete_to: Position(3_000) };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn of_one_product_only_its_store_is_said() {
        let id = "01A0D0A8-0000-7000-8000-000000000000";
        let of = |query: &str| store_of_one(Some(query)).map_err(|invalid| invalid.field.into_owned());
        assert_eq!(of(&format!("storeId={id}")), Ok(Some(id.to_lowercase().parse().unwrap())));
        assert_eq!(of(""), Ok(None));
        assert_eq!(of("storeId="), Err("storeId".to_owned()));
        assert_eq!(of("limit=1"), Err("limit".to_owned()));
    }
}
