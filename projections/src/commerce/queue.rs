//! What is yet to be sent to endpoints, as the dispatcher reads it.

use domain::EndpointId;
use sqlx::FromRow;
use storage::{Database, Sql};

use super::events::{self, CommerceEventRow, ListPosition};
use event_log::Position;

/// A queue that is longer need not be counted to its end.
pub const MAX_COUNTED: i64 = 100_000;

/// A dispatch that is to be sent, with its event.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct QueuedDispatch {
    #[sqlx(flatten)]
    pub event: CommerceEventRow,
    pub dispatch_id: String,
    pub endpoint_id: String,
    pub attempts: i64,
    /// Microseconds since 1970.
    pub due_at: i64,
    pub changed_by: Position,
}

/// How far the changes of the queue were read. Of what one event changed, events come in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct News {
    changed_by: Position,
    ordinal: i64,
    dispatch_id: String,
}

impl News {
    /// After everything that the event at this position and those before it changed.
    pub fn since(position: Position) -> Self {
        Self { changed_by: position, ordinal: i64::MAX, dispatch_id: String::new() }
    }

    pub fn after(dispatch: &QueuedDispatch) -> Self {
        let (changed_by, ordinal) = (dispatch.changed_by, dispatch.event.ordinal);
        Self { changed_by, ordinal, dispatch_id: dispatch.dispatch_id.clone() }
    }
}

#[derive(FromRow)]
struct EndpointRow {
    endpoint_id: String,
}

fn select() -> Sql {
    Sql::new(format!(
        "SELECT {}, d.id AS dispatch_id, d.endpoint_id, d.attempts, d.due_at, d.changed_by FROM dispatches d \
         JOIN commerce_events e ON e.position = d.position AND e.ordinal = d.ordinal WHERE d.due_at IS NOT NULL",
        events::joined_columns()
    ))
}

/// The endpoints to which something is yet to be sent.
pub async fn endpoints(database: &Database) -> sqlx::Result<Vec<EndpointId>> {
    let rows: Vec<EndpointRow> =
        database.fetch_all("SELECT DISTINCT endpoint_id FROM dispatches WHERE due_at IS NOT NULL".into()).await?;
    Ok(rows.into_iter().filter_map(|row| row.endpoint_id.parse().ok()).collect())
}

/// How many dispatches are yet to be sent, counted to [`MAX_COUNTED`].
pub async fn depth(database: &Database) -> sqlx::Result<i64> {
    let some = format!("SELECT 1 FROM dispatches WHERE due_at IS NOT NULL LIMIT {MAX_COUNTED}");
    let (count,) = database.fetch_one(Sql::new(format!("SELECT count(*) FROM ({some}) AS some"))).await?;
    Ok(count)
}

/// What was put into the queue, or changed there, since; but for what was put there for these endpoints.
pub async fn news(
    database: &Database,
    since: &News,
    without: &[String],
    limit: i64,
) -> sqlx::Result<Vec<QueuedDispatch>> {
    let mut sql = select();
    if !without.is_empty() {
        let endpoints = without.iter().map(String::as_str);
        sql = sql.push(" AND NOT (d.attempts = 0 AND d.endpoint_id IN (").bind_list(endpoints).push("))");
    }
    let sql = sql
        .push(" AND (d.changed_by, d.ordinal, d.id) > (")
        .bind(since.changed_by)
        .push(", ")
        .bind(since.ordinal)
        .push(", ")
        .bind(since.dispatch_id.as_str())
        .push(") ORDER BY d.changed_by, d.ordinal, d.id LIMIT ")
        .bind(limit);
    database.fetch_all(sql).await
}

/// What is to be sent to an endpoint, in the order of the events, after one of them.
pub async fn of_endpoint(
    database: &Database,
    endpoint: EndpointId,
    after: Option<ListPosition>,
    limit: i64,
) -> sqlx::Result<Vec<QueuedDispatch>> {
    let mut sql = select().push(" AND d.endpoint_id = ").bind(endpoint.to_string());
    if let Some(ListPosition { position, ordinal }) = after {
        sql = sql.push(" AND (d.position, d.ordinal) > (").bind(position).push(", ").bind(ordinal).push(")");
    }
    database.fetch_all(sql.push(" ORDER BY d.position, d.ordinal LIMIT ").bind(limit)).await
}

/// What is to be sent to the same endpoint about the same object, after this one.
pub async fn behind(database: &Database, first: &QueuedDispatch, limit: i64) -> sqlx::Result<Vec<QueuedDispatch>> {
    let event = &first.event;
    let sql = about_the_same(select(), event, &first.endpoint_id)
        .push(" AND (e.position, e.ordinal) > (")
        .bind(event.position)
        .push(", ")
        .bind(event.ordinal)
        .push(") ORDER BY e.position, e.ordinal LIMIT ")
        .bind(limit);
    database.fetch_all(sql).await
}

/// Restricts dispatches to those of one endpoint that are about the object of an event.
pub(super) fn about_the_same(sql: Sql, event: &CommerceEventRow, endpoint_id: &str) -> Sql {
    sql.push(" AND d.endpoint_id = ")
        .bind(endpoint_id)
        .push(" AND e.account_id = ")
        .bind(event.account_id.as_str())
        .push(" AND e.object_id = ")
        .bind(event.object_id.as_str())
        .push(" AND e.object_kind = ")
        .bind(event.object_kind.as_str())
        .push(" AND coalesce(e.integration_id, '') = ")
        .bind(event.integration_id.as_deref().unwrap_or_default())
}

/// Those of these that are yet to be sent.
pub async fn find(database: &Database, ids: &[String]) -> sqlx::Result<Vec<QueuedDispatch>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let sql = select().push(" AND d.id IN (").bind_list(ids.iter().map(String::as_str)).push(")");
    database.fetch_all(sql.push(" ORDER BY d.position, d.ordinal")).await
}
