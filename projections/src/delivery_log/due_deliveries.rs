//! The queue: which deliveries are to be taken up, and when.

use domain::{AccountId, DeliveryId, IntegrationId};
use sqlx::FromRow;

use super::query::by_state;
use event_log::Position;
use storage::{Database, Sql};

const COLUMNS: &str = "d.id AS delivery_id, s.account_id, s.integration_id, s.status, s.resolution_code, s.due_at, \
     s.set_at, s.caused_by";

/// A delivery that is due at a moment (microseconds since 1970), or at none.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct DueDelivery {
    #[sqlx(try_from = "String")]
    pub delivery_id: DeliveryId,
    #[sqlx(try_from = "String")]
    pub account_id: AccountId,
    #[sqlx(try_from = "String")]
    pub integration_id: IntegrationId,
    pub status: String,
    pub resolution_code: Option<String>,
    pub due_at: Option<i64>,
    /// When that was recorded.
    pub set_at: Option<i64>,
    /// The position of the event that put it where it is: what an attempt follows from.
    pub caused_by: Position,
}

/// Each account that has anything in the queue, found by stepping from one to the next in the index: one account's backlog
/// costs the others nothing.
const OWED: &str = "WITH RECURSIVE owed(account_id) AS ( \
     SELECT min(account_id) FROM delivery_states WHERE due_at IS NOT NULL \
     UNION ALL \
     SELECT (SELECT min(d.account_id) FROM delivery_states d WHERE d.due_at IS NOT NULL AND d.account_id > o.account_id) \
     FROM owed o WHERE o.account_id IS NOT NULL) \
     SELECT account_id FROM (SELECT o.account_id, (SELECT min(d.due_at) FROM delivery_states d \
     WHERE d.due_at IS NOT NULL AND d.account_id = o.account_id) AS due_at FROM owed o) o WHERE due_at <= ";

/// What is due at `now`, the longest due first, at most `limit` deliveries of at most `limit` accounts, leaving out
/// accounts that may not start anything yet, and what became due before `since`. Moments in microseconds since 1970.
pub async fn due(
    database: &Database,
    since: i64,
    now: i64,
    without: &[AccountId],
    limit: i64,
) -> sqlx::Result<Vec<DueDelivery>> {
    #[derive(FromRow)]
    struct Owed {
        account_id: String,
    }
    let mut sql = Sql::new(OWED).bind(now);
    if !without.is_empty() {
        sql = sql.push(" AND account_id NOT IN (").bind_list(without.iter().map(AccountId::to_string)).push(")");
    }
    let owed: Vec<Owed> = database.fetch_all(sql.push(" ORDER BY due_at LIMIT ").bind(limit)).await?;
    if owed.is_empty() {
        return Ok(vec![]);
    }
    let one_account = by_state(database, COLUMNS);
    let mut sql = Sql::default();
    for (index, Owed { account_id }) in owed.into_iter().enumerate() {
        let beginning = if index == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" };
        sql = sql
            .push(beginning)
            .push(one_account.text())
            .push(" AND s.account_id = ")
            .bind(account_id)
            .push(" AND s.due_at BETWEEN ")
            .bind(since)
            .push(" AND ")
            .bind(now)
            .push(" ORDER BY s.due_at LIMIT ")
            .bind(limit)
            .push(") one_account");
    }
    database.fetch_all(sql.push(" ORDER BY due_at LIMIT ").bind(limit)).await
}

/// What is due later and was set by a clock that is ahead of `now`, at most `limit` deliveries: the moment may be wrong.
pub async fn set_ahead(database: &Database, now: i64, limit: i64) -> sqlx::Result<Vec<DueDelivery>> {
    let sql = by_state(database, COLUMNS).push(" AND s.due_at > ").bind(now).push(" AND s.set_at > ").bind(now);
    let sql = sql.push(" ORDER BY s.set_at LIMIT ").bind(limit);
    database.fetch_all(sql).await
}

#[derive(FromRow)]
struct Number {
    number: Option<i64>,
}

/// The next moment after `now` at which something becomes due.
pub async fn next_due_at(database: &Database, now: i64) -> sqlx::Result<Option<i64>> {
    let sql = Sql::new("SELECT min(due_at) AS number FROM delivery_states WHERE due_at > ").bind(now);
    Ok(database.fetch_one::<Number>(sql).await?.number)
}

/// How many deliveries are due at `now`; counted up to ten thousand.
pub async fn depth(database: &Database, now: i64) -> sqlx::Result<i64> {
    let sql = Sql::new("SELECT count(*) AS number FROM (SELECT 1 AS one FROM delivery_states WHERE due_at <= ")
        .bind(now)
        .push(" LIMIT 10000) due");
    Ok(database.fetch_one::<Number>(sql).await?.number.unwrap_or(0))
}
