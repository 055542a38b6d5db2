//! The queues: which deliveries are to be taken up, and when.

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

/// One of the two queues in which deliveries wait. Each is taken owner by owner, so that the backlog of one costs the others
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// What is to be delivered, account by account.
    Attempts,
    /// Orders that are to be read at their stores first, store by store.
    Reads,
}

impl Queue {
    fn owner(self) -> &'static str {
        match self {
            Self::Attempts => "account_id",
            Self::Reads => "integration_id",
        }
    }

    /// As the index of the queue has it.
    fn condition(self) -> &'static str {
        match self {
            Self::Attempts => "to_read = 0",
            Self::Reads => "to_read = 1",
        }
    }

    /// Selects each owner that has anything in the queue, found by stepping from one to the next in the index, up to a
    /// condition on when the first is due.
    fn owed(self) -> String {
        let (owner, condition) = (self.owner(), self.condition());
        format!(
            "WITH RECURSIVE owed(owner) AS ( \
             SELECT min({owner}) FROM delivery_states WHERE due_at IS NOT NULL AND {condition} \
             UNION ALL \
             SELECT (SELECT min(d.{owner}) FROM delivery_states d \
             WHERE d.due_at IS NOT NULL AND d.{condition} AND d.{owner} > o.owner) \
             FROM owed o WHERE o.owner IS NOT NULL) \
             SELECT owner FROM (SELECT o.owner, (SELECT min(d.due_at) FROM delivery_states d \
             WHERE d.due_at IS NOT NULL AND d.{condition} AND d.{owner} = o.owner) AS due_at FROM owed o) o \
             WHERE due_at <= "
        )
    }
}

/// What of a queue is due at `now`, the longest due first, at most `limit` deliveries of at most `limit` owners, leaving out
/// owners that may not start anything yet, and what became due before `since`. Moments in microseconds since 1970.
pub async fn due(
    database: &Database,
    queue: Queue,
    (since, now): (i64, i64),
    without: &[String],
    limit: i64,
) -> sqlx::Result<Vec<DueDelivery>> {
    #[derive(FromRow)]
    struct Owed {
        owner: String,
    }
    let mut sql = Sql::new(queue.owed()).bind(now);
    if !without.is_empty() {
        sql = sql.push(" AND owner NOT IN (").bind_list(without.iter().map(String::as_str)).push(")");
    }
    let owed: Vec<Owed> = database.fetch_all(sql.push(" ORDER BY due_at LIMIT ").bind(limit)).await?;
    if owed.is_empty() {
        return Ok(vec![]);
    }
    let one_owner = by_state(database, COLUMNS);
    let one_owner = format!("{} AND s.{} AND s.{} = ", one_owner.text(), queue.condition(), queue.owner());
    let mut sql = Sql::default();
    for (index, Owed { owner }) in owed.into_iter().enumerate() {
        let beginning = if index == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" };
        sql = sql
            .push(beginning)
            .push(&one_owner)
            .bind(owner)
            .push(" AND s.due_at BETWEEN ")
            .bind(since)
            .push(" AND ")
            .bind(now)
            .push(" ORDER BY s.due_at LIMIT ")
            .bind(limit)
            .push(") one_owner");
    }
    database.fetch_all(sql.push(" ORDER BY due_at LIMIT ").bind(limit)).await
}

/// What of a queue is due later and was set by a clock that is ahead of `now`, at most `limit` deliveries: the moment may be
/// wrong.
pub async fn set_ahead(database: &Database, queue: Queue, now: i64, limit: i64) -> sqlx::Result<Vec<DueDelivery>> {
    let sql = by_state(database, COLUMNS).push(" AND s.due_at > ").bind(now).push(" AND s.set_at > ").bind(now);
    let sql = sql.push(" AND s.").push(queue.condition()).push(" ORDER BY s.set_at LIMIT ").bind(limit);
    database.fetch_all(sql).await
}

#[derive(FromRow)]
struct Number {
    number: Option<i64>,
}

/// The next moment after `now` at which something of either queue becomes due.
pub async fn next_due_at(database: &Database, now: i64) -> sqlx::Result<Option<i64>> {
    let sql = Sql::new("SELECT min(due_at) AS number FROM delivery_states WHERE due_at > ").bind(now);
    Ok(database.fetch_one::<Number>(sql).await?.number)
}

/// How many deliveries of both queues are due at `now`; counted up to ten thousand.
pub async fn depth(database: &Database, now: i64) -> sqlx::Result<i64> {
    let sql = Sql::new("SELECT count(*) AS number FROM (SELECT 1 AS one FROM delivery_states WHERE due_at <= ")
        .bind(now)
        .push(" LIMIT 10000) due");
    Ok(database.fetch_one::<Number>(sql).await?.number.unwrap_or(0))
}
