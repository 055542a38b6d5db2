//! The endpoints of each account, as people see them: what each is sent and how it fares. No secret is in here, and no value of
//! a header.

mod shown;

use std::collections::HashMap;

use domain::endpoint::{DisableCause, EndpointEvent, EndpointStatus};
use sqlx::FromRow;

use crate::schema::Schema;
use crate::table::{self, Tables, table_row};
use crate::view::View;
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};
use storage::storable;
use storage::{Database, Sql};

pub use shown::{ShownProfile, ShownSettings};

pub const VIEW: View = View {
    name: "endpoints",
    schema: Schema {
        version: 2,
        tables: &["endpoints"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/endpoints.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

table_row!(EndpointRow, "endpoints", key id;
    once account_id, created_at, listed_at;
    changing settings, secret_preview, previous_secrets_until, activity, health, failing_percent, failing_since, reason,
        disable_cause, updated_at, deleted_at);

const COLUMNS: &str = "id, account_id, settings, secret_preview, previous_secrets_until, activity, health, failing_percent, \
     failing_since, reason, disable_cause, created_at, updated_at, deleted_at, listed_at";

const ENABLED: &str = "enabled";
const PAUSED: &str = "paused";
const DISABLED: &str = "disabled";
const HEALTHY: &str = "healthy";
const FAILING: &str = "failing";
const DEGRADED: &str = "degraded";

/// An endpoint. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct EndpointRow {
    pub id: String,
    pub account_id: String,
    /// JSON.
    settings: String,
    pub secret_preview: String,
    /// Until when what is sent was last said to be signed with earlier secrets, too. It may have passed.
    pub previous_secrets_until: Option<i64>,
    activity: String,
    health: String,
    /// How far it has failed towards being degraded or disabled.
    pub failing_percent: Option<i64>,
    /// When the first of these failures was.
    pub failing_since: Option<i64>,
    /// Why the last of these failures failed, in a sentence.
    pub reason: Option<String>,
    disable_cause: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub deleted_at: Option<i64>,
    /// Its place in lists, which never changes.
    pub listed_at: Position,
}

impl EndpointRow {
    pub fn settings(&self) -> ShownSettings {
        serde_json::from_str(&self.settings).unwrap_or_default()
    }

    /// As its aggregate has it.
    pub fn status(&self) -> EndpointStatus {
        if self.deleted_at.is_some() {
            return EndpointStatus::Deleted;
        }
        match (self.activity.as_str(), self.health.as_str()) {
            (PAUSED, _) => EndpointStatus::Paused,
            (DISABLED, _) => EndpointStatus::Disabled,
            (_, DEGRADED) => EndpointStatus::Degraded,
            _ => EndpointStatus::Enabled,
        }
    }

    /// Where this service has disabled it.
    pub fn disable_cause(&self) -> Option<DisableCause> {
        self.disable_cause.as_deref().and_then(DisableCause::parse)
    }

    fn apply(&mut self, recorded: &Recorded, event: &EndpointEvent) {
        self.updated_at = recorded.recorded_at_us();
        match event {
            EndpointEvent::EndpointCreated(_) => {}
            EndpointEvent::UrlChanged { .. }
            | EndpointEvent::DescriptionChanged { .. }
            | EndpointEvent::EventTypesChanged { .. }
            | EndpointEvent::IntegrationsChanged { .. }
            | EndpointEvent::FilterChanged { .. }
            | EndpointEvent::HeadersChanged { .. }
            | EndpointEvent::ProfileChanged { .. }
            | EndpointEvent::ScheduleChanged { .. }
            | EndpointEvent::OrderingChanged { .. }
            | EndpointEvent::RateLimitChanged { .. }
            | EndpointEvent::ConcurrencyChanged { .. } => self.settings = self.settings().changed_by(event).to_json(),
            EndpointEvent::SigningSecretSet { secret_preview, .. } => {
                self.secret_preview = storable(secret_preview);
                self.previous_secrets_until = None;
            }
            EndpointEvent::SigningSecretRotated { secret_preview, previous_valid_until, .. } => {
                self.secret_preview = storable(secret_preview);
                self.previous_secrets_until =
                    self.previous_secrets_until.max(Some(previous_valid_until.timestamp_micros()));
            }
            EndpointEvent::EndpointPaused {} => PAUSED.clone_into(&mut self.activity),
            EndpointEvent::EndpointResumed {} => {
                ENABLED.clone_into(&mut self.activity);
                self.disable_cause = None;
                self.apply_healthy();
            }
            EndpointEvent::EndpointDisabled { cause, reason } => {
                DISABLED.clone_into(&mut self.activity);
                self.disable_cause = Some(cause.as_str().to_owned());
                self.reason = reason.as_deref().map(storable);
            }
            EndpointEvent::EndpointFailing { percent, since, reason, failures: _, limit: _ } => {
                FAILING.clone_into(&mut self.health);
                self.failing_percent = Some(i64::from(*percent));
                self.failing_since = Some(since.timestamp_micros());
                self.reason = reason.as_deref().map(storable);
            }
            EndpointEvent::EndpointDegraded { since, reason, failures: _ } => {
                DEGRADED.clone_into(&mut self.health);
                self.failing_percent = Some(100);
                self.failing_since = Some(since.timestamp_micros());
                self.reason = reason.as_deref().map(storable);
            }
            EndpointEvent::EndpointRecovered {} => self.apply_healthy(),
            EndpointEvent::EndpointDeleted {} => {
                // The names of its headers are erased with their values: a view that is rebuilt finds neither.
                self.settings = self.settings().without_headers().to_json();
                self.deleted_at = Some(self.updated_at);
            }
        }
    }

    fn apply_healthy(&mut self) {
        HEALTHY.clone_into(&mut self.health);
        self.failing_percent = None;
        self.failing_since = None;
        self.reason = None;
    }
}

fn of_endpoint(recorded: &Recorded) -> Option<(&Recorded, &EndpointEvent)> {
    let AnyEvent::Endpoint(event) = &recorded.event else { return None };
    Some((recorded, event))
}

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let events: Vec<(&Recorded, &EndpointEvent)> = events.iter().filter_map(of_endpoint).collect();
    let mut ids: Vec<&str> = events.iter().map(|(recorded, _)| recorded.aggregate_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let known: Vec<EndpointRow> = table::read(tables, &ids).await?;
    let known: HashMap<String, EndpointRow> = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows = known.clone();
    for (recorded, event) in events {
        if let EndpointEvent::EndpointCreated(created) = event {
            let row = EndpointRow {
                id: recorded.aggregate_id.clone(),
                account_id: created.account_id.to_string(),
                settings: ShownSettings::from(&created.settings).to_json(),
                secret_preview: storable(&created.secret_preview),
                previous_secrets_until: None,
                activity: ENABLED.to_owned(),
                health: HEALTHY.to_owned(),
                failing_percent: None,
                failing_since: None,
                reason: None,
                disable_cause: None,
                created_at: recorded.recorded_at_us(),
                updated_at: recorded.recorded_at_us(),
                deleted_at: None,
                listed_at: recorded.position,
            };
            rows.insert(row.id.clone(), row);
        }
        if let Some(row) = rows.get_mut(&recorded.aggregate_id) {
            row.apply(recorded, event);
        }
    }
    let mut rows: Vec<EndpointRow> = rows.into_values().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    table::write_changed(tables, &rows, &known, |row| &row.id).await
}

pub async fn find(database: &Database, id: &str) -> sqlx::Result<Option<EndpointRow>> {
    let sql = Sql::new(format!("SELECT {COLUMNS} FROM endpoints WHERE id = ")).bind(id);
    database.fetch_optional(sql).await
}

/// How many endpoints an account has, deleted ones not counted.
pub async fn owned(database: &Database, account_id: &str) -> sqlx::Result<i64> {
    let sql = Sql::new("SELECT count(*) FROM endpoints WHERE deleted_at IS NULL AND account_id = ").bind(account_id);
    let (count,) = database.fetch_one(sql).await?;
    Ok(count)
}

/// How many there are of each status, deleted ones not counted.
pub async fn counts(database: &Database) -> sqlx::Result<Vec<(EndpointStatus, i64)>> {
    let status =
        "CASE WHEN activity <> 'enabled' THEN activity WHEN health = 'degraded' THEN health ELSE 'enabled' END";
    let sql = format!("SELECT {status} AS status, count(*) FROM endpoints WHERE deleted_at IS NULL GROUP BY 1");
    let counts: Vec<(String, i64)> = database.fetch_all(sql.as_str().into()).await?;
    Ok(counts.into_iter().filter_map(|(status, count)| Some((EndpointStatus::parse(&status)?, count))).collect())
}

/// The endpoints of an account (of all, for those who may see them) after a place in the list, the oldest first. Deleted ones
/// are left out unless they are wanted.
pub async fn page(
    database: &Database,
    account_id: Option<&str>,
    with_deleted: bool,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<EndpointRow>> {
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM endpoints WHERE listed_at > ")).bind(after);
    if let Some(account_id) = account_id {
        sql = sql.push(" AND account_id = ").bind(account_id);
    }
    if !with_deleted {
        sql = sql.push(" AND deleted_at IS NULL");
    }
    database.fetch_all(sql.push(" ORDER BY listed_at LIMIT ").bind(limit)).await
}
