//! The deliveries that hold what is to be erased or written out: a customer's, an order's, a store's.

use sqlx::FromRow;

use super::DeliveryRow;
use super::query::{by_state, listed};
use super::row::{COLUMNS, order_term};
use crate::customers::{DELIVERIES, StoreCustomer, naming};
use event_log::Position;
use storage::{Database, Sql};

/// Whose data is wanted. What is left out restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Tokens of one customer; a delivery that any of them names matches.
    pub customer: Option<Vec<String>>,
    /// With `customer`: those too that name one of these.
    pub known_as: Vec<StoreCustomer>,
    /// With `customer`: these deliveries too, whomever they name.
    pub deliveries: Vec<String>,
    /// An order, by the store's own id, by the number that people see, or by the id of its delivery.
    pub order: Option<String>,
    pub account_id: Option<String>,
    pub integration_id: Option<String>,
}

/// How much a subject means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct Extent {
    pub deliveries: i64,
    pub accounts: i64,
}

pub async fn extent(database: &Database, subject: &Subject) -> sqlx::Result<Extent> {
    let count = "count(*) AS deliveries, count(DISTINCT d.account_id) AS accounts";
    database.fetch_one(subject.condition(Sql::new(format!("SELECT {count} FROM delivery_log d WHERE true")))).await
}

/// The deliveries of a subject, the oldest first, from after a place in the list.
pub async fn deliveries(
    database: &Database,
    subject: &Subject,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<DeliveryRow>> {
    let sql = subject.condition(listed(database)).push(" AND d.listed_at > ").bind(after);
    database.fetch_all(sql.push(" ORDER BY d.listed_at LIMIT ").bind(limit)).await
}

/// Deliveries of an account that are over, hold something personal, and last changed at a moment or before it
/// (microseconds since 1970): the oldest first, after a moment and the place in the list of one that changed then.
pub async fn kept_since(
    database: &Database,
    account_id: &str,
    until: i64,
    (after, after_listed_at): (i64, Position),
    limit: i64,
) -> sqlx::Result<Vec<DeliveryRow>> {
    let sql = by_state(database, COLUMNS)
        .push(" AND s.account_id = ")
        .bind(account_id)
        .push(" AND s.kept_since <= ")
        .bind(until);
    let sql = sql.push(" AND (s.kept_since, s.listed_at) > (").bind(after).push(", ").bind(after_listed_at);
    let sql = sql.push(") ORDER BY s.kept_since, s.listed_at LIMIT ").bind(limit);
    database.fetch_all(sql).await
}

impl Subject {
    /// Adds to a statement whose conditions have begun. Duplicates are left out: what is done to a delivery is done to them.
    fn condition(&self, sql: Sql) -> Sql {
        let mut sql = sql.push(" AND d.duplicate_of IS NULL");
        if let Some(tokens) = &self.customer {
            sql = naming(sql.push(" AND d.listed_at IN ("), DELIVERIES, tokens, &self.known_as);
            if !self.deliveries.is_empty() {
                // Within the one list, so that it is read from the index of ids and not from the whole table.
                sql = sql.push(" UNION SELECT listed_at FROM delivery_log WHERE id IN (");
                sql = sql.bind_list(self.deliveries.iter().map(String::as_str)).push(")");
            }
            sql = sql.push(")");
        }
        if let Some(order) = &self.order {
            let of_order = "SELECT listed_at FROM delivery_terms WHERE account_id ";
            sql = sql.push(" AND d.listed_at IN (").push(of_order);
            sql = match &self.account_id {
                Some(account_id) => sql.push("= ").bind(account_id.as_str()),
                None => sql.push("IN (SELECT id FROM accounts)"),
            };
            sql = sql.push(" AND term = ").bind(order_term(order));
            sql =
                sql.push(" UNION SELECT listed_at FROM delivery_log WHERE id = ").bind(order.to_lowercase()).push(")");
        }
        if let Some(account_id) = &self.account_id {
            sql = sql.push(" AND d.account_id = ").bind(account_id.as_str());
        }
        if let Some(integration_id) = &self.integration_id {
            sql = sql.push(" AND d.integration_id = ").bind(integration_id.as_str());
        }
        sql
    }
}
