//! What was done with API keys, by whom and to what. Why is in the log alone: it may name a customer, and is erased there.

use sqlx::FromRow;

use crate::schema::Schema;
use crate::table::{self, Existing, Tables, table_row};
use crate::view::View;
use event_log::Position;
use event_log::recorded::Recorded;
use storage::{Database, Sql, storable};

pub const VIEW: View = View {
    name: "operator_actions",
    schema: Schema {
        version: 3,
        tables: &["operator_actions"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/operator_actions.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

table_row!(OperatorActionRow, "operator_actions", key position;
    once recorded_at, key_id, key_name, account_id, aggregate_type, aggregate_id, event_type;
    changing);

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct OperatorActionRow {
    /// Of the event.
    pub position: Position,
    /// Microseconds since 1970.
    pub recorded_at: i64,
    pub key_id: String,
    pub key_name: String,
    /// Whose data it was about, where it was one account's.
    pub account_id: Option<String>,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub event_type: String,
}

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let rows: Vec<OperatorActionRow> = events.iter().filter_map(action).collect();
    table::write(tables, &rows, Existing::Keep).await
}

fn action(event: &Recorded) -> Option<OperatorActionRow> {
    let operator = event.operator.as_ref()?;
    Some(OperatorActionRow {
        position: event.position,
        recorded_at: event.recorded_at_us(),
        key_id: operator.key_id.clone(),
        key_name: storable(&operator.key_name),
        account_id: event.account_id.map(|id| id.to_string()),
        aggregate_type: event.event.aggregate_type()?.to_owned(),
        aggregate_id: event.aggregate_id.clone(),
        event_type: event.event.event_type()?,
    })
}

/// What is wanted; empty parts mean everything. Times are microseconds since 1970.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub account_id: Option<String>,
    pub key_id: Option<String>,
    pub event_type: Option<String>,
    /// The stream that was changed.
    pub aggregate_id: Option<String>,
    pub from: Option<i64>,
    pub to: Option<i64>,
}

/// Actions before a position, the newest first.
pub async fn page(
    database: &Database,
    filter: &Filter,
    before: Option<Position>,
    limit: i64,
) -> sqlx::Result<Vec<OperatorActionRow>> {
    let mut sql = Sql::new(
        "SELECT position, recorded_at, key_id, key_name, account_id, aggregate_type, aggregate_id, event_type \
         FROM operator_actions WHERE true",
    );
    for (column, wanted) in [
        ("account_id", &filter.account_id),
        ("key_id", &filter.key_id),
        ("event_type", &filter.event_type),
        ("aggregate_id", &filter.aggregate_id),
    ] {
        if let Some(wanted) = wanted {
            sql = sql.push(&format!(" AND {column} = ")).bind(wanted.as_str());
        }
    }
    for (condition, bound) in [(" AND recorded_at >= ", filter.from), (" AND recorded_at < ", filter.to)] {
        if let Some(bound) = bound {
            sql = sql.push(condition).bind(bound);
        }
    }
    if let Some(before) = before {
        sql = sql.push(" AND position < ").bind(before);
    }
    database.fetch_all(sql.push(" ORDER BY position DESC LIMIT ").bind(limit)).await
}
