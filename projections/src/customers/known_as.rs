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
    /// The column of what they name.
    key: &'static str,
    /// The table that says whose that is, and by which column.
    owners: &'static str,
    owners_key: &'static str,
}

pub(crate) const DELIVERIES: TokenTable =
    TokenTable { table: "delivery_customers", key: "listed_at", owners: "delivery_log", owners_key: "listed_at" };
pub(crate) const NOTICES: TokenTable =
    TokenTable { table: "notice_customers", key: "notice_id", owners: "kept_notices", owners_key: "id" };

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
    let TokenTable { table, key, owners, owners_key } = of;
    let is_of = |token: &str, kind: TokenKind| format!("substr({token}, 1, 2) = '{}'", kind.prefix());
    let (id, other_id) = (is_of("beside.token", TokenKind::CustomerId), is_of("other.token", TokenKind::CustomerId));
    let other_email = is_of("other.token", TokenKind::Email);
    sql.push(&format!(
        "SELECT owner.integration_id, beside.token FROM {owners} owner \
         JOIN {table} named ON named.{key} = owner.{owners_key} JOIN {table} beside ON beside.{key} = named.{key} AND {id} \
         WHERE NOT EXISTS (SELECT 1 FROM {table} other WHERE other.{key} = named.{key} \
         AND (({other_id} AND other.token <> beside.token) OR ({other_email} AND other.token <> named.token))) \
         AND named.token IN ("
    ))
    .bind_list(emails.iter().map(String::as_str))
    .push(")")
}

/// Queries the keys of what names a customer.
pub(crate) fn naming(sql: Sql, of: TokenTable, tokens: &[String], known_as: &[StoreCustomer]) -> Sql {
    let TokenTable { table, key, owners, owners_key } = of;
    let mut sql = sql.push(&format!("SELECT {key} FROM {table} WHERE token IN ("));
    sql = if tokens.is_empty() { sql.push("NULL") } else { sql.bind_list(tokens.iter().map(String::as_str)) };
    sql = sql.push(")");
    let of_store = format!(
        " UNION SELECT named.{key} FROM {table} named JOIN {owners} owner ON owner.{owners_key} = named.{key} WHERE named.token = "
    );
    for customer in known_as {
        sql = sql.push(&of_store).bind(customer.token.as_str()).push(" AND owner.integration_id = ");
        sql = sql.bind(customer.integration_id.as_str());
    }
    sql
}
