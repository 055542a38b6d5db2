//! Pages of lists: how large one may be, and where it begins.

use std::fmt;
use std::str::FromStr;

use async_graphql::connection::{Connection, CursorType, Edge, EmptyFields};
use async_graphql::{ObjectType, OutputType};

use super::ApiError;

pub(super) const DEFAULT_PAGE: usize = 25;
pub(super) const MAX_PAGE: usize = 100;

/// How much a list costs: for the sum that a query may not exceed.
pub(super) fn cost(first: Option<i32>, last: Option<i32>) -> usize {
    let asked = first.or(last).and_then(|asked| usize::try_from(asked).ok());
    asked.unwrap_or(DEFAULT_PAGE).min(MAX_PAGE)
}

/// A place in a list, as it is written in a page.
pub(super) struct Cursor<C>(C);

impl<C: FromStr<Err: fmt::Display> + fmt::Display> CursorType for Cursor<C> {
    type Error = C::Err;

    fn decode_cursor(text: &str) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }

    fn encode_cursor(&self) -> String {
        self.0.to_string()
    }
}

/// The part of a list that is wanted.
pub(super) struct Wanted<C> {
    pub(super) after: Option<C>,
    pub(super) before: Option<C>,
    pub(super) from_end: bool,
    pub(super) size: usize,
}

impl<C> Wanted<C> {
    /// One more than is shown, to know whether there are more.
    pub(super) fn limit(&self) -> i64 {
        i64::try_from(self.size + 1).unwrap_or(i64::MAX)
    }
}

/// The connection with further fields beside its edges.
pub(super) fn with_fields<C, T: OutputType, F: ObjectType>(
    connection: Connection<Cursor<C>, T>,
    fields: F,
) -> Connection<Cursor<C>, T, F>
where
    Cursor<C>: CursorType + Send + Sync,
{
    let (has_previous, has_next) = (connection.has_previous_page, connection.has_next_page);
    let mut with = Connection::with_additional_fields(has_previous, has_next, fields);
    with.edges = connection.edges;
    with
}

/// Reads the paging arguments, then turns what was found into a connection. `find` is asked for one row too many.
pub(super) async fn page<C, T, F, Fut>(
    (after, before): (Option<String>, Option<String>),
    (first, last): (Option<i32>, Option<i32>),
    find: F,
) -> async_graphql::Result<Connection<Cursor<C>, T>>
where
    C: FromStr<Err: fmt::Display> + fmt::Display + Send + Sync,
    T: OutputType,
    F: FnOnce(Wanted<C>) -> Fut,
    Fut: Future<Output = Result<Vec<(C, T)>, ApiError>>,
{
    for (argument, size) in [("first", first), ("last", last)] {
        if size.is_some_and(|size| size < 1 || usize::try_from(size).is_ok_and(|size| size > MAX_PAGE)) {
            return Err(ApiError::InvalidArgument { argument, reason: "must be between 1 and 100" }.into());
        }
    }
    if first.is_some() && last.is_some() {
        return Err(ApiError::InvalidArgument { argument: "last", reason: "cannot be used together with first" }.into());
    }
    let cursor = |text: Option<String>, argument| {
        let read = text.map(|text| text.parse::<C>()).transpose();
        read.map_err(|_| ApiError::InvalidArgument { argument, reason: "is not a cursor of this list" })
    };
    let (after, before) = (cursor(after, "after")?, cursor(before, "before")?);
    let (began, ended) = (after.is_some(), before.is_some());
    let size = cost(first, last);
    let from_end = last.is_some();
    let mut rows = find(Wanted { after, before, from_end, size }).await?;
    let more = rows.len() > size;
    if more && from_end {
        rows.remove(0);
    } else {
        rows.truncate(size);
    }
    let (has_previous, has_next) = if from_end { (more, ended) } else { (began, more) };
    let mut connection: Connection<Cursor<C>, T, EmptyFields, EmptyFields> = Connection::new(has_previous, has_next);
    connection.edges.extend(rows.into_iter().map(|(cursor, node)| Edge::new(Cursor(cursor), node)));
    Ok(connection)
}
