//! The deliveries that hold what somebody asks to have erased or written out: a customer's, an order's, a store's.

use sqlx::FromRow;

use super::DeliveryRow;
use super::query::COLUMNS;
use crate::customers::{DELIVERIES, StoreCustomer, naming};
use crate::database::{Database, Sql};

/// Whose data is meant. What is left out restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Tokens of one customer; a delivery that any of them names is meant.
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
    let sql = Sql::new("SELECT count(*) AS deliveries, count(DISTINCT account_id) AS accounts FROM delivery_log");
    database.fetch_one(subject.condition(sql)).await
}

/// The deliveries of a subject, the oldest first, from after a place in the list.
pub async fn deliveries(
    database: &Database,
    subject: &Subject,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<DeliveryRow>> {
    let sql = subject.condition(Sql::new(format!("SELECT {COLUMNS} FROM delivery_log")));
    let sql = sql.push(" AND listed_at > ").bind(after).push(" ORDER BY listed_at LIMIT ").bind(limit);
    database.fetch_all(sql).await
}

/// Deliveries of an account that are over, hold something personal, and last changed at a moment or before it
/// (microseconds since 1970): the oldest first, after a place among them.
pub async fn kept_since(
    database: &Database,
    account_id: &str,
    until: i64,
    (after, after_listed_at): (i64, i64),
    limit: i64,
) -> sqlx::Result<Vec<DeliveryRow>> {
    let sql = Sql::new(format!("SELECT {COLUMNS}, personal, kept_since FROM delivery_log WHERE account_id = "))
        .bind(account_id)
        .push(" AND kept_since <= ")
        .bind(until)
        .push(" AND (kept_since, listed_at) > (")
        .bind(after)
        .push(", ")
        .bind(after_listed_at)
        .push(") ORDER BY kept_since, listed_at LIMIT ")
        .bind(limit);
    database.fetch_all(sql).await
}

impl Subject {
    /// Duplicates are left out: what is done to a delivery is done to them.
    fn condition(&self, sql: Sql) -> Sql {
        let mut sql = sql.push(" WHERE duplicate_of IS NULL");
        if let Some(tokens) = &self.customer {
            sql = naming(sql.push(" AND id IN ("), DELIVERIES, tokens, &self.known_as);
            if !self.deliveries.is_empty() {
                // Within the one list, so that it is read from the primary key and not from the whole table.
                sql = sql.push(" UNION SELECT id FROM delivery_log WHERE id IN (");
                sql = sql.bind_list(self.deliveries.iter().map(String::as_str)).push(")");
            }
            sql = sql.push(")");
        }
        if let Some(order) = &self.order {
            // Shopify writes a sign before its numbers that people leave out.
            let numbers = [order.clone(), format!("#{order}")];
            sql = sql.push(" AND (order_id = ").bind(order.as_str()).push(" OR order_number IN (").bind_list(numbers);
            sql = sql.push(") OR id = ").bind(order.to_lowercase()).push(")");
        }
        // Read account by account where there is none, as the indexes are.
        sql = match &self.account_id {
            Some(account_id) => sql.push(" AND account_id = ").bind(account_id.as_str()),
            None => sql.push(" AND account_id IN (SELECT id FROM accounts)"),
        };
        if let Some(integration_id) = &self.integration_id {
            sql = sql.push(" AND integration_id = ").bind(integration_id.as_str());
        }
        sql
    }
}
