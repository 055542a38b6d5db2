//! The integrations of each account, as merchants see them. No secret is in here.

mod connection;

use std::collections::HashMap;

use domain::delivery::DeliveryEvent;
use domain::integration::IntegrationEvent;
use domain::notice::NoticeEvent;
use domain::{ItemMapping, ReportSource};
use sqlx::FromRow;

pub use connection::{App, Attempt, Connection, Failure, Granted, Lost};

use crate::json::storable_json;
use crate::schema::Schema;
use crate::table::{self, Tables, table_row};
use crate::view::View;
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};
use storage::storable;
use storage::{Database, Sql};

pub const VIEW: View = View {
    name: "integrations",
    schema: Schema {
        version: 5,
        tables: &["integrations"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/integrations.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

table_row!(IntegrationRow, "integrations", key id;
    once account_id, provider, created_at, listed_at;
    changing name, purpose, active, secret_preview, notification_url, currency, poll_every_minutes, token_preview, store, connection, order_statuses,
        mappings, last_webhook_at);

const COLUMNS: &str = "id, account_id, provider, name, purpose, active, secret_preview, notification_url, currency, poll_every_minutes, token_preview, store, \
     connection, order_statuses, mappings, created_at, last_webhook_at, listed_at";

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct IntegrationRow {
    pub id: String,
    pub account_id: String,
    pub provider: String,
    pub name: String,
    pub purpose: String,
    /// 1 or 0.
    pub active: i64,
    /// None where the store's own secret was not handed over yet.
    pub secret_preview: Option<String>,
    /// The address that the store was given for its webhooks. None in what is older: the one that the service has.
    pub notification_url: Option<String>,
    /// What the store's prices are in, where it was said.
    pub currency: Option<String>,
    /// How often the store is asked what it changed, in place of webhooks.
    pub poll_every_minutes: Option<i64>,
    /// Of the access token for the store's API, where one is saved.
    pub token_preview: Option<String>,
    /// What names the store in its platform's API, where the token alone does not.
    pub store: Option<String>,
    /// JSON: how it is connected.
    pub connection: String,
    /// JSON: a list of texts.
    pub order_statuses: String,
    /// JSON: a list of mappings.
    pub mappings: String,
    /// Microseconds since 1970.
    pub created_at: i64,
    pub last_webhook_at: Option<i64>,
    pub listed_at: Position,
}

impl IntegrationRow {
    pub fn order_statuses(&self) -> Vec<String> {
        serde_json::from_str(&self.order_statuses).unwrap_or_default()
    }

    pub fn connection(&self) -> Connection {
        serde_json::from_str(&self.connection).unwrap_or_default()
    }

    fn change_connection(&mut self, change: impl FnOnce(&mut Connection)) {
        let mut connection = self.connection();
        change(&mut connection);
        self.connection = storable_json(&connection);
    }

    pub fn mappings(&self) -> Vec<ItemMapping> {
        serde_json::from_str(&self.mappings).unwrap_or_default()
    }
}

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let mut ids: Vec<String> = events.iter().filter_map(integration_of).collect();
    ids.sort_unstable();
    ids.dedup();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let known: Vec<IntegrationRow> = table::read(tables, &ids).await?;
    let known: HashMap<String, IntegrationRow> = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows = known.clone();
    for event in events {
        if let AnyEvent::Integration(IntegrationEvent::IntegrationCreated(created)) = &event.event {
            let row = IntegrationRow {
                id: event.aggregate_id.clone(),
                account_id: created.account_id.to_string(),
                provider: created.provider.as_str().to_owned(),
                name: storable(&created.name),
                purpose: created.purpose.as_str().to_owned(),
                active: 1,
                secret_preview: created.secret_preview.as_deref().map(storable),
                notification_url: created.notification_url.as_deref().map(storable),
                currency: None,
                poll_every_minutes: None,
                token_preview: None,
                store: None,
                connection: "{}".to_owned(),
                order_statuses: storable_json(&created.order_statuses),
                mappings: "[]".to_owned(),
                created_at: event.recorded_at_us(),
                last_webhook_at: None,
                listed_at: event.position,
            };
            rows.insert(row.id.clone(), row);
        }
        if let Some(row) = integration_of(event).and_then(|id| rows.get_mut(&id)) {
            row.apply(event);
        }
    }
    let mut rows: Vec<IntegrationRow> = rows.into_values().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    table::write_changed(tables, &rows, &known, |row| &row.id).await
}

fn integration_of(event: &Recorded) -> Option<String> {
    match &event.event {
        AnyEvent::Integration(_) => Some(event.aggregate_id.clone()),
        AnyEvent::Delivery(DeliveryEvent::WebhookReceived { .. } | DeliveryEvent::WebhookRepeated(_))
        | AnyEvent::Notice(NoticeEvent::WebhookReceived(_) | NoticeEvent::WebhookRepeated(_)) => {
            event.integration_id.map(|id| id.to_string())
        }
        AnyEvent::Delivery(_)
        | AnyEvent::Notice(NoticeEvent::OrderRead(_) | NoticeEvent::PersonalDataErased {})
        | AnyEvent::Account(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Resource(_)
        | AnyEvent::Publication(_)
        | AnyEvent::Endpoint(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::Store(_)
        | AnyEvent::Instance(_)
        | AnyEvent::Unknown => None,
    }
}

/// Whether the store sent it by itself.
fn is_sent(event: &AnyEvent) -> bool {
    match event {
        AnyEvent::Delivery(DeliveryEvent::WebhookReceived { webhook, .. }) => webhook.source == ReportSource::Webhook,
        AnyEvent::Notice(NoticeEvent::WebhookReceived(notice)) => notice.source == ReportSource::Webhook,
        AnyEvent::Delivery(DeliveryEvent::WebhookRepeated(repeated)) => repeated.source == ReportSource::Webhook,
        AnyEvent::Notice(NoticeEvent::WebhookRepeated(repeated)) => repeated.source == ReportSource::Webhook,
        AnyEvent::Account(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Delivery(_)
        | AnyEvent::Notice(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Resource(_)
        | AnyEvent::Publication(_)
        | AnyEvent::Endpoint(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::Store(_)
        | AnyEvent::Instance(_)
        | AnyEvent::Unknown => false,
    }
}

impl IntegrationRow {
    fn apply(&mut self, event: &Recorded) {
        let (at, position) = (event.recorded_at_us(), event.position);
        let AnyEvent::Integration(event) = &event.event else {
            if is_sent(&event.event) {
                self.last_webhook_at = Some(at);
            }
            return;
        };
        match event {
            IntegrationEvent::IntegrationCreated(_) => {}
            IntegrationEvent::IntegrationRenamed { name } => self.name = storable(name),
            IntegrationEvent::PurposeChanged { purpose } => purpose.as_str().clone_into(&mut self.purpose),
            IntegrationEvent::IntegrationActivated {} => self.active = 1,
            IntegrationEvent::IntegrationDeactivated {} => self.active = 0,
            IntegrationEvent::OrderStatusesChanged { order_statuses } => {
                self.order_statuses = storable_json(order_statuses);
            }
            IntegrationEvent::SigningSecretSet { secret_preview, .. }
            | IntegrationEvent::SigningSecretRotated { secret_preview, .. } => {
                self.secret_preview = Some(storable(secret_preview));
            }
            IntegrationEvent::NotificationUrlChanged { notification_url } => {
                self.notification_url = Some(storable(notification_url));
            }
            IntegrationEvent::PollingChanged { every_minutes } => {
                self.poll_every_minutes = every_minutes.map(i64::from);
            }
            IntegrationEvent::TopicsChosen { topics } => {
                self.change_connection(|connection| {
                    connection.topics.clone_from(topics);
                    connection.topics_since = position;
                });
            }
            IntegrationEvent::CurrencyChanged { currency } => self.currency = Some(currency.to_string()),
            IntegrationEvent::StoreAccessSaved { token: _, token_preview, store, authorization } => {
                self.token_preview = Some(storable(token_preview));
                self.store = store.as_deref().map(storable);
                self.change_connection(|connection| connection.saved(authorization.as_ref(), store.as_ref(), at));
            }
            IntegrationEvent::StoreAccessRenewed { token_preview, expires_at, .. } => {
                self.token_preview = Some(storable(token_preview));
                let ends_at = expires_at.map(|ends| ends.timestamp_micros());
                self.change_connection(|connection| connection.renewed(ends_at));
            }
            IntegrationEvent::StoreAccessLost { reason } => {
                self.change_connection(|connection| connection.lost = Some(Lost { reason: *reason, at }));
            }
            IntegrationEvent::StoreAccessRemoved {} => {
                self.token_preview = None;
                self.store = None;
                self.change_connection(Connection::removed);
            }
            IntegrationEvent::StoreConnectionStarted(attempt) => {
                self.change_connection(|connection| connection.started(attempt));
            }
            IntegrationEvent::StoreConnectionFailed { attempt_id, reason } => {
                self.change_connection(|connection| connection.failed(*attempt_id, reason, at));
            }
            IntegrationEvent::StoreAppSaved { client_id, secret_preview, .. } => {
                let app = App { client_id: client_id.clone(), secret_preview: secret_preview.clone() };
                self.change_connection(|connection| connection.app = Some(app));
            }
            IntegrationEvent::StoreAppRemoved {} => self.change_connection(|connection| connection.app = None),
            IntegrationEvent::ItemMappingAdded { mapping } => {
                let mut mappings = self.mappings();
                mappings.push(mapping.clone());
                self.mappings = storable_json(&mappings);
            }
            IntegrationEvent::ItemMappingRemoved { mapping_id } => {
                let mut mappings = self.mappings();
                mappings.retain(|mapping| mapping.id != *mapping_id);
                self.mappings = storable_json(&mappings);
            }
        }
    }
}

pub async fn find_many(database: &Database, ids: &[String]) -> sqlx::Result<Vec<IntegrationRow>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let sql = Sql::new(format!("SELECT {COLUMNS} FROM integrations WHERE id IN ("))
        .bind_list(ids.iter().map(String::as_str))
        .push(")");
    database.fetch_all(sql).await
}

/// What an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned {
    pub integrations: usize,
    /// Item mappings of all of them together.
    pub mappings: usize,
}

pub async fn owned(database: &Database, account_id: &str) -> sqlx::Result<Owned> {
    #[derive(FromRow)]
    struct Counted {
        integrations: i64,
        mappings: i64,
    }
    let length = match database {
        Database::Sqlite(_) => "json_array_length(mappings)",
        Database::Postgres(_) => "json_array_length(CAST(mappings AS json))",
    };
    let columns = format!("count(*) AS integrations, CAST(coalesce(sum({length}), 0) AS bigint) AS mappings");
    let of_deleted = "active = 0 AND id IN (SELECT integration_id FROM instances WHERE deleted_at IS NOT NULL)";
    let sql = Sql::new(format!("SELECT {columns} FROM integrations WHERE NOT ({of_deleted}) AND account_id = "));
    let sql = sql.bind(account_id);
    let Counted { integrations, mappings } = database.fetch_one(sql).await?;
    let number = |counted: i64| usize::try_from(counted).unwrap_or(0);
    Ok(Owned { integrations: number(integrations), mappings: number(mappings) })
}

/// The integrations of an account (of all, for those who may see them) after a place in the list, the oldest first.
pub async fn page(
    database: &Database,
    account_id: Option<&str>,
    provider: Option<&str>,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<IntegrationRow>> {
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM integrations WHERE listed_at > ")).bind(after);
    if let Some(account_id) = account_id {
        sql = sql.push(" AND account_id = ").bind(account_id);
    }
    if let Some(provider) = provider {
        sql = sql.push(" AND provider = ").bind(provider);
    }
    database.fetch_all(sql.push(" ORDER BY listed_at LIMIT ").bind(limit)).await
}
