//! What a customer is known by: tokens, and the ids that stores gave to whom an e-mail address belongs.

use event_log::blind_index::TokenKind;
use sqlx::FromRow;

use storage::{Database, Sql};

/// A customer as one store knows them: two stores may give the same id to two people.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StoreCustomer {
    pub integration_id: String,
    pub token: String,
}

/// Where tokens lie.
#[derive(Clone, Copy)]
pub(crate) struct TokenTable {
    table: &'static str,
    /// The table of what they name, which says whose that is.
    owners: &'static str,
}

pub(crate) const DELIVERIES: TokenTable = TokenTable { table: "delivery_customers", owners: "delivery_log" };
pub(crate) const NOTICES: TokenTable = TokenTable { table: "notice_customers", owners: "kept_notices" };

/// Who stores say has one of these e-mail addresses (tokens): where an order or another webhook names the address and a
/// single customer id beside it. One that names several people does not say whose the address is.
pub async fn with_emails(database: &Database, emails: &[String], limit: i64) -> sqlx::Result<Vec<StoreCustomer>> {
    if emails.is_empty() {
        return Ok(vec![]);
    }
    let sql = ids_beside(Sql::new("SELECT DISTINCT integration_id, token FROM ("), DELIVERIES, emails);
    let sql = ids_beside(sql.push(" UNION "), NOTICES, emails);
    database.fetch_all(sql.push(") found LIMIT ").bind(limit)).await
}

fn ids_beside(sql: Sql, of: TokenTable, emails: &[String]) -> Sql {
    let TokenTable { table, owners } = of;
    let is_of = |token: &str, kind: TokenKind| format!("substr({token}, 1, 2) = '{}'", kind.prefix());
    let (id, other_id) = (is_of("beside.token", TokenKind::CustomerId), is_of("other.token", TokenKind::CustomerId));
    let other_email = is_of("other.token", TokenKind::Email);
    sql.push(&format!(
        "SELECT owner.integration_id, beside.token FROM {owners} owner \
         JOIN {table} named ON named.listed_at = owner.listed_at \
         JOIN {table} beside ON beside.listed_at = named.listed_at AND {id} \
         WHERE NOT EXISTS (SELECT 1 FROM {table} other WHERE other.listed_at = named.listed_at \
         AND (({other_id} AND other.token <> beside.token) OR ({other_email} AND other.token <> named.token))) \
         AND named.token IN ("
    ))
    .bind_list(emails.iter().map(String::as_str))
    .push(")")
}

/// Queries where what names a customer is listed.
pub(crate) fn naming(sql: Sql, of: TokenTable, tokens: &[String], known_as: &[StoreCustomer]) -> Sql {
    let TokenTable { table, owners } = of;
    let mut sql = sql.push(&format!("SELECT listed_at FROM {table} WHERE token IN ("));
    sql = if tokens.is_empty() { sql.push("NULL") } else { sql.bind_list(tokens.iter().map(String::as_str)) };
    sql = sql.push(")");
    let of_store = format!(
        " UNION SELECT named.listed_at FROM {table} named JOIN {owners} owner ON owner.listed_at = named.listed_at \
         WHERE named.token = "
    );
    for customer in known_as {
        sql = sql.push(&of_store).bind(customer.token.as_str()).push(" AND owner.integration_id = ");
        sql = sql.bind(customer.integration_id.as_str());
    }
    sql
}
