//! The questions that are asked of the delivery log. Every list is bounded and paged by key.

use super::DeliveryRow;
use crate::database::{Database, Sql};

const COLUMNS: &str = "id, duplicate_of, account_id, integration_id, order_id, order_number, username, username_key, \
     status, resolution_code, items, shared, attempts, next_attempt_at, credits_charged, received_at, updated_at, \
     completed_at, listed_at, position";

/// What is wanted; empty parts mean everything. Times are microseconds since 1970.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `None` for those who may see every account.
    pub account_id: Option<String>,
    pub integration_id: Option<String>,
    pub statuses: Vec<String>,
    pub resolution_codes: Vec<String>,
    /// Order id, order number or username; exact or the beginning of one.
    pub search: Option<String>,
    pub received_from: Option<i64>,
    pub received_to: Option<i64>,
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
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM delivery_log WHERE true"));
    sql = restrict(sql, filter);
    if let Some(after) = page.after {
        sql = sql.push(" AND listed_at < ").bind(after);
    }
    if let Some(before) = page.before {
        sql = sql.push(" AND listed_at > ").bind(before);
    }
    let order = if page.from_end {
        " ORDER BY listed_at ASC, id ASC LIMIT "
    } else {
        " ORDER BY listed_at DESC, id DESC LIMIT "
    };
    let mut rows: Vec<DeliveryRow> = database.fetch_all(sql.push(order).bind(page.limit)).await?;
    if page.from_end {
        rows.reverse();
    }
    Ok(rows)
}

fn restrict(mut sql: Sql, filter: &Filter) -> Sql {
    if let Some(account_id) = &filter.account_id {
        sql = sql.push(" AND account_id = ").bind(account_id.as_str());
    }
    if let Some(integration_id) = &filter.integration_id {
        sql = sql.push(" AND integration_id = ").bind(integration_id.as_str());
    }
    if !filter.statuses.is_empty() {
        sql = sql.push(" AND status IN (").bind_list(filter.statuses.iter().map(String::as_str)).push(")");
    }
    if !filter.resolution_codes.is_empty() {
        let codes = filter.resolution_codes.iter().map(String::as_str);
        sql = sql.push(" AND resolution_code IN (").bind_list(codes).push(")");
    }
    if let Some(from) = filter.received_from {
        sql = sql.push(" AND received_at >= ").bind(from);
    }
    if let Some(to) = filter.received_to {
        sql = sql.push(" AND received_at < ").bind(to);
    }
    match filter.search.as_deref().map(str::trim) {
        Some(search) if !search.is_empty() => found(sql, filter, search),
        _ => sql,
    }
}

/// Looks each column up in its own index: one condition over all three could use none of them.
fn found(mut sql: Sql, filter: &Filter, search: &str) -> Sql {
    let name = search.trim_start_matches('@').to_lowercase();
    let columns = [("order_id", search), ("order_number", search), ("username_key", name.as_str())];
    sql = sql.push(" AND id IN (");
    for (index, (column, beginning)) in columns.into_iter().enumerate() {
        if index > 0 {
            sql = sql.push(" UNION ALL ");
        }
        sql = sql.push("SELECT id FROM delivery_log WHERE ");
        if let Some(account_id) = &filter.account_id {
            sql = sql.push("account_id = ").bind(account_id.as_str()).push(" AND ");
        }
        // Everything that begins with the text lies between it and it followed by the last character there is.
        sql = sql.push(&format!("{column} >= ")).bind(beginning);
        sql = sql.push(&format!(" AND {column} < ")).bind(format!("{beginning}\u{10FFFF}"));
    }
    sql.push(")")
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
