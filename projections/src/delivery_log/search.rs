//! Finding deliveries by an order, or by the beginning of an order id, an order number or a username.

use sqlx::FromRow;

use super::query::Filter;
use crate::database::{Database, Sql};

/// Beyond so many matches of one kind, a page is read faster from the list than from the matches.
const MAX_SELECTIVE: i64 = 1_000;

#[derive(FromRow)]
struct Matches {
    matches: i64,
}

/// A column that is searched, and where in it the matches lie: from one text on and before another.
struct Range {
    column: &'static str,
    begin: String,
    end: String,
}

impl Range {
    /// Everything that begins with a text lies between it and it followed by the last character there is.
    fn beginning_with(column: &'static str, begin: String) -> Self {
        let end = format!("{begin}\u{10FFFF}");
        Self { column, begin, end }
    }
}

fn ranges(filter: &Filter, text: &str) -> Vec<Range> {
    // People say a number as the store prints it, with or without its mark.
    let bare = text.trim_start_matches('#');
    let [id, number] = ["order_id", "order_number"].map(|column| Range::beginning_with(column, bare.to_owned()));
    let marked = Range::beginning_with("order_number", format!("#{bare}"));
    let name = || Range::beginning_with("username_key", text.trim_start_matches('@').to_lowercase());
    [id, number, marked].into_iter().chain(filter.search_names.then(name)).collect()
}

/// Whether few deliveries match, so that they are best found by their text; many are best met on the way down the list.
pub(super) async fn is_selective(database: &Database, filter: &Filter, text: &str) -> sqlx::Result<bool> {
    for range in ranges(filter, text) {
        let matches = matching(Sql::new("SELECT count(*) AS matches FROM ("), filter, range);
        let matches = database.fetch_one::<Matches>(matches.push(" LIMIT ").bind(MAX_SELECTIVE + 1).push(") found"));
        if matches.await?.matches > MAX_SELECTIVE {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads the matches from the index of each column and then their rows, up to and including a `WHERE` to go on from.
pub(super) fn found(mut sql: Sql, filter: &Filter, text: &str) -> Sql {
    sql = sql.push("(");
    for (index, range) in ranges(filter, text).into_iter().enumerate() {
        sql = if index == 0 { sql } else { sql.push(" UNION ") };
        sql = matching(sql, filter, range);
    }
    sql.push(JOINED)
}

/// Reads the deliveries of one order by the store's id or number of it, up to and including a `WHERE` to go on from.
/// People say a number as the store prints it, with or without its mark.
pub(super) fn of_order(mut sql: Sql, filter: &Filter, order: &str) -> Sql {
    let bare = order.trim_start_matches('#');
    let marked = format!("#{bare}");
    sql = sql.push("(");
    for (index, column) in ["order_id", "order_number"].into_iter().enumerate() {
        sql = if index == 0 { sql } else { sql.push(" UNION ") };
        sql = owned(sql, filter).push(&format!(" AND {column} IN (")).bind_list([bare, marked.as_str()]).push(")");
    }
    sql.push(JOINED)
}

/// Said as a cross join, because SQLite then reads the matches first, where it would otherwise walk the list.
const JOINED: &str = ") found CROSS JOIN delivery_log WHERE id = found.found_id";

fn matching(sql: Sql, filter: &Filter, Range { column, begin, end }: Range) -> Sql {
    let sql = owned(sql, filter);
    sql.push(&format!(" AND {column} >= ")).bind(begin).push(&format!(" AND {column} < ")).bind(end)
}

fn owned(sql: Sql, filter: &Filter) -> Sql {
    let sql = sql.push("SELECT id AS found_id FROM delivery_log WHERE account_id ");
    match &filter.account_id {
        Some(account_id) => sql.push("= ").bind(account_id.as_str()),
        // One look into the index for each account, which needs no second index without the account.
        None => sql.push("IN (SELECT id FROM accounts)"),
    }
}

/// The condition on a row itself, told so that no index is used for it.
pub(super) fn among_all(mut sql: Sql, filter: &Filter, text: &str) -> Sql {
    for (index, Range { column, begin, end }) in ranges(filter, text).into_iter().enumerate() {
        sql = sql.push(if index == 0 { "((" } else { " OR (" });
        sql = sql.push(&format!("{column} || '' >= ")).bind(begin);
        sql = sql.push(&format!(" AND {column} || '' < ")).bind(end).push(")");
    }
    sql.push(")")
}
