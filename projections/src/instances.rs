//! The instances of each account, as programs list them. No token is in here.

use std::collections::HashMap;

use cqrs_es::Aggregate as _;
use domain::Private;
use domain::instance::{Details, Instance, InstanceEvent};
use sqlx::FromRow;

use crate::json::storable_json;
use crate::schema::Schema;
use crate::table::{self, Tables, table_row};
use crate::view::View;
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};
use storage::{Database, Sql};

pub const VIEW: View = View {
    name: "instances",
    schema: Schema {
        version: 1,
        tables: &["instances"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/instances.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

table_row!(InstanceRow, "instances", key id;
    once account_id, number, integration_id, created_at, listed_at;
    changing state, deleted_at);

const COLUMNS: &str = "id, account_id, number, integration_id, state, created_at, deleted_at, listed_at";

/// An instance. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct InstanceRow {
    pub id: String,
    pub account_id: String,
    /// Its id, as programs see it.
    pub number: i64,
    pub integration_id: String,
    /// JSON: what the aggregate says of it.
    state: String,
    pub created_at: i64,
    pub deleted_at: Option<i64>,
    /// Its place in lists, which never changes.
    pub listed_at: Position,
}

impl InstanceRow {
    /// What the aggregate says of it, without its token. None of one that is deleted.
    pub fn details(&self) -> Option<Details> {
        match self.instance() {
            Instance::Created(details) => Some(*details),
            Instance::Initial | Instance::Deleted { .. } => None,
        }
    }

    fn instance(&self) -> Instance {
        serde_json::from_str(&self.state).unwrap_or_default()
    }

    fn first(recorded: &Recorded) -> Option<Self> {
        let AnyEvent::Instance(InstanceEvent::InstanceCreated(created)) = &recorded.event else { return None };
        Some(Self {
            id: recorded.aggregate_id.clone(),
            account_id: created.account_id.to_string(),
            number: created.number.into(),
            integration_id: created.integration_id.to_string(),
            state: storable_json(&Instance::default()),
            created_at: recorded.recorded_at_us(),
            deleted_at: None,
            listed_at: recorded.position,
        })
    }

    fn apply(&mut self, recorded: &Recorded, event: &InstanceEvent) {
        let mut instance = self.instance();
        instance.apply(event.clone());
        match &mut instance {
            Instance::Initial => {}
            Instance::Created(details) => details.token = Private::Erased,
            Instance::Deleted { .. } => self.deleted_at = Some(recorded.recorded_at_us()),
        }
        self.state = storable_json(&instance);
    }
}

fn of_instance(recorded: &Recorded) -> Option<(&Recorded, &InstanceEvent)> {
    let AnyEvent::Instance(event) = &recorded.event else { return None };
    Some((recorded, event))
}

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let events: Vec<(&Recorded, &InstanceEvent)> = events.iter().filter_map(of_instance).collect();
    let mut ids: Vec<&str> = events.iter().map(|(recorded, _)| recorded.aggregate_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let known: Vec<InstanceRow> = table::read(tables, &ids).await?;
    let known: HashMap<String, InstanceRow> = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows = known.clone();
    for (recorded, event) in events {
        if let Some(row) = InstanceRow::first(recorded) {
            rows.insert(row.id.clone(), row);
        }
        if let Some(row) = rows.get_mut(&recorded.aggregate_id) {
            row.apply(recorded, event);
        }
    }
    let mut rows: Vec<InstanceRow> = rows.into_values().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    table::write_changed(tables, &rows, &known, |row| &row.id).await
}

fn select() -> Sql {
    Sql::new(format!("SELECT {COLUMNS} FROM instances WHERE "))
}

/// The instances of an account (of all, for those who may see them) after a place in the list, the oldest first, without those that
/// are deleted.
pub async fn page(
    database: &Database,
    account_id: Option<&str>,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<InstanceRow>> {
    let mut sql = select().push("deleted_at IS NULL AND listed_at > ").bind(after);
    if let Some(account_id) = account_id {
        sql = sql.push(" AND account_id = ").bind(account_id);
    }
    database.fetch_all(sql.push(" ORDER BY listed_at LIMIT ").bind(limit)).await
}

/// One instance, deleted or not.
pub async fn find(database: &Database, id: &str) -> sqlx::Result<Option<InstanceRow>> {
    database.fetch_optional(select().push("id = ").bind(id)).await
}
