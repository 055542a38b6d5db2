//! What is asked of the delivery log. Every list is bounded and paged by position.

use domain::{AccountId, IntegrationId};

use super::DeliveryRow;
use super::filter::Filter;
use super::row::COLUMNS;
use super::search::{self, Found};
use event_log::Position;
use storage::{Database, Sql};

/// How far apart the clocks of two nodes may be, in microseconds: ten minutes.
const CLOCKS_DIFFER_BY_US: i64 = 600_000_000;

/// Where a statement reads entries from, in the order in which it reads the tables.
///
/// SQLite keeps the order of cross joins. Postgres finds one itself, and locks what is named in the order of the text:
/// switching to a rebuilt view locks its tables in the order of the schema, so that any other order could end in two
/// that wait for each other.
pub(super) fn from(database: &Database, tables: &[(&str, &str)]) -> String {
    let mut tables = tables.to_vec();
    if let Database::Postgres(_) = database {
        tables.sort_by_key(|(table, _)| super::VIEW.tables().iter().position(|known| known == table));
    }
    tables.iter().map(|(table, alias)| format!("{table} {alias}")).collect::<Vec<_>>().join(" CROSS JOIN ")
}

const LISTED: (&str, &str) = ("delivery_log", "d");
const STATES: (&str, &str) = ("delivery_states", "s");
const TERMS: (&str, &str) = ("delivery_terms", "t");

/// A window of the list, which runs from the newest to the oldest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page {
    /// Only entries older than this position.
    pub after: Option<Position>,
    /// Only entries newer than this position.
    pub before: Option<Position>,
    /// Count from the oldest end of the window.
    pub from_end: bool,
    pub limit: i64,
}

/// One page, the newest entry first.
pub async fn page(database: &Database, filter: &Filter, page: Page) -> sqlx::Result<Vec<DeliveryRow>> {
    let Some(window) = Window::of(database, filter, page).await? else {
        return Ok(vec![]);
    };
    let found = search::find(database, filter).await?;
    let order = if page.from_end { "ASC" } else { "DESC" };
    // One list for each wanted code or status: each is read in order from its own index, and no further than the page.
    let (column, values) = match (&filter.resolution_codes[..], &filter.statuses[..]) {
        ([], []) => ("", &[][..]),
        ([], statuses) => ("status", statuses),
        (codes, _) => ("resolution_code", codes),
    };
    let lists = if values.is_empty() { vec![None] } else { values.iter().map(Some).collect() };
    let rows = from(database, &[LISTED, STATES]);
    let (before, after) = match database {
        Database::Sqlite(_) => (String::new(), format!(" found CROSS JOIN {rows}")),
        Database::Postgres(_) => (format!("{rows} CROSS JOIN "), " found".to_owned()),
    };
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM {before}(SELECT DISTINCT listed_at FROM ("));
    for (index, value) in lists.into_iter().enumerate() {
        let list = List::of(filter, &found, value.is_some());
        sql = sql.push(if index == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
        sql = list.select(database, sql, filter, &found);
        if let Some(value) = value {
            sql = sql.push(&format!(" AND s.{column} = ")).bind(value.as_str());
        }
        sql = window.restrict(list.restrict(sql, filter), list.first);
        sql =
            sql.push(&format!(" ORDER BY {}.listed_at {order} LIMIT ", list.first)).bind(page.limit).push(") one_list");
    }
    sql = sql.push(&format!(") lists ORDER BY listed_at {order} LIMIT ")).bind(page.limit).push(")");
    sql = sql.push(&after).push(" WHERE d.listed_at = found.listed_at AND s.listed_at = found.listed_at");
    sql = sql.push(&format!(" ORDER BY found.listed_at {order}"));
    let mut rows: Vec<DeliveryRow> = database.fetch_all(sql).await?;
    if page.from_end {
        rows.reverse();
    }
    Ok(rows)
}

/// From which tables a list is read: first the one whose index gives it in order, then those that conditions need.
struct List {
    /// `d`, `s` or `t`: what never changes, where it stands, or what it is found by.
    first: &'static str,
    needs_listed: bool,
    needs_state: bool,
}

impl List {
    fn of(filter: &Filter, found: &Found, by_value: bool) -> Self {
        let is_of_time = filter.received_from.is_some() || filter.received_to.is_some();
        let is_state = by_value || filter.unmapped || filter.unread || !filter.statuses.is_empty();
        match found {
            Found::ByTerms(_) => {
                Self { first: "t", needs_listed: is_of_time || filter.integration_id.is_some(), needs_state: is_state }
            }
            Found::Among(_) => Self {
                first: if is_state { "s" } else { "d" },
                needs_listed: true,
                needs_state: is_state || filter.search_names,
            },
            Found::All => Self {
                first: if is_state { "s" } else { "d" },
                needs_listed: is_of_time || !is_state,
                needs_state: is_state,
            },
        }
    }

    /// Up to and including a condition to go on from.
    fn select(&self, database: &Database, mut sql: Sql, filter: &Filter, found: &Found) -> Sql {
        let needed = [(self.first == "t", TERMS), (self.needs_listed, LISTED), (self.needs_state, STATES)];
        let mut tables: Vec<_> =
            needed.into_iter().filter_map(|(is_needed, table)| is_needed.then_some(table)).collect();
        tables.sort_by_key(|(_, alias)| *alias != self.first);
        let distinct = if self.first == "t" { "DISTINCT " } else { "" };
        sql = sql.push(&format!("SELECT {distinct}{}.listed_at FROM {}", self.first, from(database, &tables)));
        sql = sql.push(" WHERE true");
        for alias in [self.needs_listed.then_some("d"), self.needs_state.then_some("s")].into_iter().flatten() {
            if alias != self.first {
                sql = sql.push(&format!(" AND {alias}.listed_at = {}.listed_at", self.first));
            }
        }
        found.restrict(sql, filter)
    }

    fn restrict(&self, mut sql: Sql, filter: &Filter) -> Sql {
        if let Some(account_id) = &filter.account_id {
            sql = sql.push(&format!(" AND {}.account_id = ", self.first)).bind(account_id.as_str());
        }
        if let Some(integration_id) = &filter.integration_id {
            let table = if self.first == "t" { "d" } else { self.first };
            sql = sql.push(&format!(" AND {table}.integration_id = ")).bind(integration_id.as_str());
        }
        if !filter.resolution_codes.is_empty() && !filter.statuses.is_empty() {
            sql = sql.push(" AND s.status IN (").bind_list(filter.statuses.iter().map(String::as_str)).push(")");
        }
        if filter.unmapped {
            sql = sql.push(" AND s.unmapped = 1");
        }
        if filter.unread {
            sql = sql.push(" AND s.unread_code IS NOT NULL");
        }
        // With a sign, so that the list is read in its order from the window, and not all of the time and then sorted.
        if let Some(from) = filter.received_from {
            sql = sql.push(" AND +d.received_at >= ").bind(from);
        }
        if let Some(to) = filter.received_to {
            sql = sql.push(" AND +d.received_at < ").bind(to);
        }
        sql
    }
}

/// The part of the list that can hold what is wanted.
struct Window {
    above: Option<Position>,
    below: Option<Position>,
}

impl Window {
    /// Nothing where no entry was received in the wanted time.
    ///
    /// The list is in the order of the log, and so, but for how far the clocks of nodes differ, in the order of time: the
    /// first entry of the time says where in the list to begin.
    async fn of(database: &Database, filter: &Filter, page: Page) -> sqlx::Result<Option<Self>> {
        let mut window = Self { above: page.before, below: page.after };
        if let Some(from) = filter.received_from {
            let Some(first) = edge(database, ">= ", from - CLOCKS_DIFFER_BY_US, "ASC").await? else {
                return Ok(None);
            };
            window.above = window.above.max(Some(first.previous()));
        }
        if let Some(to) = filter.received_to {
            let Some(last) = edge(database, "< ", to + CLOCKS_DIFFER_BY_US, "DESC").await? else {
                return Ok(None);
            };
            window.below = Some(window.below.map_or(last.next(), |below| below.min(last.next())));
        }
        Ok(Some(window))
    }

    fn restrict(&self, mut sql: Sql, table: &str) -> Sql {
        if let Some(below) = self.below {
            sql = sql.push(&format!(" AND {table}.listed_at < ")).bind(below);
        }
        if let Some(above) = self.above {
            sql = sql.push(&format!(" AND {table}.listed_at > ")).bind(above);
        }
        sql
    }
}

/// The position of the first or last entry that was received on one side of a moment, of whichever account.
async fn edge(database: &Database, side: &str, moment: i64, order: &str) -> sqlx::Result<Option<Position>> {
    let sql = Sql::new(format!("SELECT listed_at FROM delivery_log WHERE received_at {side}")).bind(moment);
    let sql = sql.push(&format!(" ORDER BY received_at {order}, listed_at {order} LIMIT 1"));
    Ok(database.fetch_optional::<(Position,)>(sql).await?.map(|(listed_at,)| listed_at))
}

/// A statement that reads entries as they are listed, up to and including a condition to go on from.
pub(super) fn listed(database: &Database) -> Sql {
    Sql::new(format!("SELECT {COLUMNS} FROM {} WHERE s.listed_at = d.listed_at", from(database, &[LISTED, STATES])))
}

/// The same, found by where they stand.
pub(super) fn by_state(database: &Database, columns: &str) -> Sql {
    Sql::new(format!("SELECT {columns} FROM {} WHERE d.listed_at = s.listed_at", from(database, &[STATES, LISTED])))
}

/// An entry by its id: a delivery's, or a duplicate's own.
pub async fn find(database: &Database, id: &str) -> sqlx::Result<Option<DeliveryRow>> {
    database.fetch_optional(listed(database).push(" AND d.id = ").bind(id)).await
}

pub async fn find_many(database: &Database, ids: &[String]) -> sqlx::Result<Vec<DeliveryRow>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    database
        .fetch_all(listed(database).push(" AND d.id IN (").bind_list(ids.iter().map(String::as_str)).push(")"))
        .await
}

/// Deliveries that wait for a person to fix one cause, or whose orders do, the oldest first, from after a place in the list.
pub async fn waiting_for(
    database: &Database,
    code: domain::ResolutionCode,
    account_id: AccountId,
    integration_id: Option<IntegrationId>,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<DeliveryRow>> {
    let mut sql = by_state(database, COLUMNS).push(" AND s.account_id = ").bind(account_id.to_string());
    // Also where the delivery itself waits for something else, or for nothing.
    sql = if code.is_of_store() {
        sql.push(" AND s.unread_code = ").bind(code.as_str())
    } else {
        sql.push(" AND s.resolution_code = ").bind(code.as_str()).push(" AND s.status = 'action_required'")
    };
    sql = sql.push(" AND s.listed_at > ").bind(after);
    if let Some(integration_id) = integration_id {
        sql = sql.push(" AND s.integration_id = ").bind(integration_id.to_string());
    }
    database.fetch_all(sql.push(" ORDER BY s.listed_at LIMIT ").bind(limit)).await
}

/// Deliveries of an integration that are completed, the oldest first, from after a place in the list.
pub async fn completed_of(
    database: &Database,
    integration_id: &str,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<DeliveryRow>> {
    let sql =
        listed(database).push(" AND d.integration_id = ").bind(integration_id).push(" AND d.listed_at > ").bind(after);
    let sql = sql.push(" AND s.status = 'completed' ORDER BY d.listed_at LIMIT ").bind(limit);
    database.fetch_all(sql).await
}
