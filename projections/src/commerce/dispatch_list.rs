//! Dispatches as people list them.

use domain::commerce::CommerceEventType;
use domain::dispatch::DispatchStatus;
use sqlx::FromRow;
use storage::{Database, Sql};

use super::events::{self, CommerceEventRow};
use super::queue;
use event_log::Position;

/// A dispatch with its event.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct DispatchEntry {
    #[sqlx(flatten)]
    pub event: CommerceEventRow,
    pub dispatch_id: String,
    pub endpoint_id: String,
    pub status: String,
    pub attempts: i64,
    /// Microseconds since 1970, as every time. None where it is not sent any more.
    pub due_at: Option<i64>,
    pub changed_by: Position,
    pub attempted_at: Option<i64>,
    pub response_status: Option<i64>,
    pub reason: Option<String>,
    pub skip_cause: Option<String>,
}

impl DispatchEntry {
    pub fn status(&self) -> DispatchStatus {
        DispatchStatus::parse(&self.status).unwrap_or(DispatchStatus::Queued)
    }

    pub fn place(&self) -> Place {
        Place { position: self.event.position, ordinal: self.event.ordinal, dispatch_id: self.dispatch_id.clone() }
    }
}

/// Where in the list a dispatch stands: by its event, and by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub position: Position,
    pub ordinal: i64,
    pub dispatch_id: String,
}

/// Which dispatches are wanted; what is left out restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// None for those who may see every account.
    pub account_id: Option<String>,
    pub endpoint_id: Option<String>,
    pub statuses: Vec<DispatchStatus>,
    pub types: Vec<CommerceEventType>,
    /// Of the event that is sent.
    pub event_id: Option<String>,
    /// What that is about, in the words of the store.
    pub object_id: Option<String>,
}

fn select() -> Sql {
    Sql::new(format!(
        "SELECT {}, d.id AS dispatch_id, d.endpoint_id, d.status, d.attempts, d.due_at, d.changed_by, d.attempted_at, \
         d.response_status, d.reason, d.skip_cause FROM dispatches d \
         JOIN commerce_events e ON e.position = d.position AND e.ordinal = d.ordinal WHERE true",
        events::joined_columns()
    ))
}

/// Dispatches before a place, those of the newest events first.
pub async fn page(
    database: &Database,
    filter: &Filter,
    before: Option<&Place>,
    limit: i64,
) -> sqlx::Result<Vec<DispatchEntry>> {
    let mut sql = select();
    if let Some(account_id) = &filter.account_id {
        sql = sql.push(" AND d.account_id = ").bind(account_id.as_str());
    }
    if let Some(endpoint_id) = &filter.endpoint_id {
        sql = sql.push(" AND d.endpoint_id = ").bind(endpoint_id.as_str());
    }
    if !filter.statuses.is_empty() {
        sql = sql.push(" AND d.status IN (").bind_list(filter.statuses.iter().map(|of| of.as_str())).push(")");
    }
    if !filter.types.is_empty() {
        sql = sql.push(" AND e.event_type IN (").bind_list(filter.types.iter().map(|of| of.as_str())).push(")");
    }
    if let Some(event_id) = &filter.event_id {
        sql = sql.push(" AND e.id = ").bind(event_id.as_str());
    }
    if let Some(object_id) = &filter.object_id {
        sql = sql.push(" AND e.object_id = ").bind(object_id.as_str());
    }
    if let Some(Place { position, ordinal, dispatch_id }) = before {
        sql = sql
            .push(" AND (d.position, d.ordinal, d.id) < (")
            .bind(*position)
            .push(", ")
            .bind(*ordinal)
            .push(", ")
            .bind(dispatch_id.as_str())
            .push(")");
    }
    database.fetch_all(sql.push(" ORDER BY d.position DESC, d.ordinal DESC, d.id DESC LIMIT ").bind(limit)).await
}

/// Those of these events, whichever endpoint they are for, in the order of the events.
pub async fn of_events(database: &Database, events: &[&CommerceEventRow]) -> sqlx::Result<Vec<DispatchEntry>> {
    if events.is_empty() {
        return Ok(vec![]);
    }
    let sql = select().push(" AND e.id IN (").bind_list(events.iter().map(|event| event.id.as_str()));
    database.fetch_all(sql.push(") ORDER BY d.position, d.ordinal, d.id")).await
}

/// The dispatch with this id.
pub async fn find(database: &Database, id: &str) -> sqlx::Result<Option<DispatchEntry>> {
    database.fetch_optional(select().push(" AND d.id = ").bind(id)).await
}

/// The first that is yet to be sent to the same endpoint about the same object before this one.
pub async fn first_before(database: &Database, entry: &DispatchEntry) -> sqlx::Result<Option<DispatchEntry>> {
    let event = &entry.event;
    let sql = queue::about_the_same(select().push(" AND d.due_at IS NOT NULL"), event, &entry.endpoint_id)
        .push(" AND (e.position, e.ordinal) < (")
        .bind(event.position)
        .push(", ")
        .bind(event.ordinal)
        .push(") ORDER BY e.position, e.ordinal LIMIT 1");
    database.fetch_optional(sql).await
}

#[derive(FromRow)]
struct DispatchId {
    id: String,
}

/// Those of these ids after which a later event about the same object is sent, or was, to the same endpoint.
pub async fn superseded(database: &Database, ids: &[String]) -> sqlx::Result<Vec<String>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let sql = "SELECT d.id FROM dispatches d JOIN commerce_events e ON e.position = d.position AND e.ordinal = d.ordinal \
         WHERE EXISTS (SELECT 1 FROM commerce_events f JOIN dispatches g ON g.position = f.position AND g.ordinal = f.ordinal \
         WHERE f.account_id = e.account_id AND f.object_id = e.object_id AND f.object_kind = e.object_kind \
         AND coalesce(f.integration_id, '') = coalesce(e.integration_id, '') \
         AND (f.position, f.ordinal) > (e.position, e.ordinal) AND g.endpoint_id = d.endpoint_id AND g.status <> ";
    let sql = Sql::new(sql).bind(DispatchStatus::Skipped.as_str()).push(") AND d.id IN (");
    let rows: Vec<DispatchId> = database.fetch_all(sql.bind_list(ids.iter().map(String::as_str)).push(")")).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Those of these ids that there are.
pub async fn find_many(database: &Database, ids: &[String]) -> sqlx::Result<Vec<DispatchEntry>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    database.fetch_all(select().push(" AND d.id IN (").bind_list(ids.iter().map(String::as_str)).push(")")).await
}
