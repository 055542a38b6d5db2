//! The questions that are asked of the delivery log. Every list is bounded and paged by key.

use sqlx::FromRow;

use super::{DeliveryRow, search};
use crate::database::{Database, Sql};

pub(super) const COLUMNS: &str = "id, duplicate_of, account_id, integration_id, order_id, order_number, username, username_key, \
     status, resolution_code, detail, items, unmapped, wanted, shared, attempts, next_attempt_at, credits_charged, received_at, updated_at, \
     completed_at, listed_at, position";

/// How far apart the clocks of two nodes may be, in microseconds: ten minutes.
const CLOCKS_DIFFER_BY_US: i64 = 600_000_000;

/// What is wanted; empty parts mean everything. Times are microseconds since 1970.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `None` for those who may see every account.
    pub account_id: Option<String>,
    pub integration_id: Option<String>,
    pub statuses: Vec<String>,
    pub resolution_codes: Vec<String>,
    /// The store's id or number of an order, with or without its `#`; exact.
    pub order: Option<String>,
    /// Order id or order number; exact or the beginning of one.
    pub search: Option<String>,
    /// Whether usernames are searched too.
    pub search_names: bool,
    pub received_from: Option<i64>,
    pub received_to: Option<i64>,
    /// Only deliveries with something bought that no mapping was found for.
    pub unmapped: bool,
}

/// A window of the list, which runs from the newest to the oldest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page {
    /// Only rows older than this place.
    pub after: Option<i64>,
    /// Only rows newer than this place.
    pub before: Option<i64>,
    /// Count from the oldest end of the window.
    pub from_end: bool,
    pub limit: i64,
}

/// One page, the newest row first.
pub async fn page(database: &Database, filter: &Filter, page: Page) -> sqlx::Result<Vec<DeliveryRow>> {
    let Some(window) = Window::of(database, filter, page).await? else {
        return Ok(vec![]);
    };
    let order = if page.from_end {
        " ORDER BY listed_at ASC, id ASC LIMIT "
    } else {
        " ORDER BY listed_at DESC, id DESC LIMIT "
    };
    let text = match filter.text() {
        Some(text) => Some((text, search::is_selective(database, filter, text).await?)),
        None => None,
    };
    // One list for each wanted code or status: each is read in order from its own index, and no further than the page.
    let (column, values) = match (&filter.resolution_codes[..], &filter.statuses[..]) {
        ([], []) => ("", &[][..]),
        ([], statuses) => ("status", statuses),
        (codes, _) => ("resolution_code", codes),
    };
    let lists = if values.is_empty() { vec![None] } else { values.iter().map(Some).collect() };
    let mut sql = Sql::default();
    for (index, value) in lists.into_iter().enumerate() {
        sql = sql.push(if index == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
        sql = sql.push(&format!("SELECT {COLUMNS} FROM "));
        sql = match (&filter.order, text) {
            (Some(order), None) => search::of_order(sql, filter, order),
            (Some(order), Some((text, _))) => {
                search::among_all(search::of_order(sql, filter, order).push(" AND "), filter, text)
            }
            (None, Some((text, true))) => search::found(sql, filter, text),
            (None, Some((text, false))) => search::among_all(sql.push("delivery_log WHERE "), filter, text),
            (None, None) => sql.push("delivery_log WHERE true"),
        };
        if let Some(value) = value {
            sql = sql.push(&format!(" AND {column} = ")).bind(value.as_str());
        }
        sql = window.restrict(restrict(sql, filter)).push(order).bind(page.limit).push(") one_list");
    }
    let mut rows: Vec<DeliveryRow> = database.fetch_all(sql.push(order).bind(page.limit)).await?;
    if page.from_end {
        rows.reverse();
    }
    Ok(rows)
}

impl Filter {
    fn text(&self) -> Option<&str> {
        self.search.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }
}

fn restrict(mut sql: Sql, filter: &Filter) -> Sql {
    if let Some(account_id) = &filter.account_id {
        sql = sql.push(" AND account_id = ").bind(account_id.as_str());
    }
    if let Some(integration_id) = &filter.integration_id {
        sql = sql.push(" AND integration_id = ").bind(integration_id.as_str());
    }
    if !filter.resolution_codes.is_empty() && !filter.statuses.is_empty() {
        sql = sql.push(" AND status IN (").bind_list(filter.statuses.iter().map(String::as_str)).push(")");
    }
    if filter.unmapped {
        sql = sql.push(" AND unmapped = 1");
    }
    if let Some(from) = filter.received_from {
        sql = sql.push(" AND received_at >= ").bind(from);
    }
    if let Some(to) = filter.received_to {
        sql = sql.push(" AND received_at < ").bind(to);
    }
    sql
}

/// The part of the list that can hold what is wanted.
struct Window {
    above: Option<i64>,
    below: Option<i64>,
}

#[derive(FromRow)]
struct Place {
    listed_at: Option<i64>,
}

impl Window {
    /// Nothing where no row was received in the wanted time.
    ///
    /// The list is in the order of the log, and so, but for how far the clocks of nodes differ, in the order of time: the
    /// first row of the time says where in the list to begin, instead of every row of the time being sorted.
    async fn of(database: &Database, filter: &Filter, page: Page) -> sqlx::Result<Option<Self>> {
        let mut window = Self { above: page.before, below: page.after };
        if let Some(from) = filter.received_from {
            let Some(first) = edge(database, filter, ">= ", from - CLOCKS_DIFFER_BY_US, "min", "ASC").await? else {
                return Ok(None);
            };
            window.above = window.above.max(Some(first - 1));
        }
        if let Some(to) = filter.received_to {
            let Some(last) = edge(database, filter, "< ", to + CLOCKS_DIFFER_BY_US, "max", "DESC").await? else {
                return Ok(None);
            };
            window.below = Some(window.below.map_or(last + 1, |below| below.min(last + 1)));
        }
        Ok(Some(window))
    }

    fn restrict(&self, mut sql: Sql) -> Sql {
        if let Some(below) = self.below {
            sql = sql.push(" AND listed_at < ").bind(below);
        }
        if let Some(above) = self.above {
            sql = sql.push(" AND listed_at > ").bind(above);
        }
        sql
    }
}

/// The place in the list of the first or last row that was received on one side of a moment.
async fn edge(
    database: &Database,
    filter: &Filter,
    side: &str,
    moment: i64,
    outermost: &str,
    order: &str,
) -> sqlx::Result<Option<i64>> {
    let mut sql = Sql::new(format!("SELECT {outermost}(listed_at) AS listed_at FROM (SELECT (SELECT d.listed_at "))
        .push("FROM delivery_log d WHERE d.account_id = owner.id AND d.received_at ")
        .push(side)
        .bind(moment)
        .push(&format!(" ORDER BY d.received_at {order} LIMIT 1) AS listed_at FROM "));
    sql = match &filter.account_id {
        Some(account_id) => sql.push("(SELECT ").bind(account_id.as_str()).push(" AS id)"),
        None => sql.push("accounts"),
    };
    Ok(database.fetch_one::<Place>(sql.push(" owner) edges")).await?.listed_at)
}

/// A row by its id: a delivery's, or a duplicate's own.
pub async fn find(database: &Database, id: &str) -> sqlx::Result<Option<DeliveryRow>> {
    database.fetch_optional(Sql::new(format!("SELECT {COLUMNS} FROM delivery_log WHERE id = ")).bind(id)).await
}

pub async fn find_many(database: &Database, ids: &[String]) -> sqlx::Result<Vec<DeliveryRow>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let sql = Sql::new(format!("SELECT {COLUMNS} FROM delivery_log WHERE id IN ("))
        .bind_list(ids.iter().map(String::as_str))
        .push(")");
    database.fetch_all(sql).await
}

/// Deliveries that wait for a person to fix one cause, the oldest first, from after a place in the list.
pub async fn waiting_for(
    database: &Database,
    code: domain::ResolutionCode,
    account_id: &str,
    integration_id: Option<&str>,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<DeliveryRow>> {
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM delivery_log WHERE account_id = "))
        .bind(account_id)
        .push(" AND resolution_code = ")
        .bind(code.as_str())
        .push(" AND status = 'action_required' AND listed_at > ")
        .bind(after);
    if let Some(integration_id) = integration_id {
        sql = sql.push(" AND integration_id = ").bind(integration_id);
    }
    database.fetch_all(sql.push(" ORDER BY listed_at LIMIT ").bind(limit)).await
}

/// Deliveries of an integration that are completed, the oldest first, from after a place in the list.
pub async fn completed_of(
    database: &Database,
    integration_id: &str,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<DeliveryRow>> {
    let sql = Sql::new(format!("SELECT {COLUMNS}, personal FROM delivery_log WHERE integration_id = "))
        .bind(integration_id)
        .push(" AND status = 'completed' AND listed_at > ")
        .bind(after)
        .push(" ORDER BY listed_at LIMIT ")
        .bind(limit);
    database.fetch_all(sql).await
}
