//! Connected stores, as the service watches them: whether they still post their webhooks to us.

use std::collections::HashMap;

use cqrs_es::Aggregate as _;
use domain::integration::IntegrationEvent;
use domain::store::{Store, StoreEvent};
use sqlx::FromRow;

use crate::json::storable_json;
use crate::schema::Schema;
use crate::table::{self, Tables, table_row};
use crate::view::View;
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};
use storage::{Database, Sql};

pub const VIEW: View = View {
    name: "stores",
    schema: Schema {
        version: 1,
        tables: &["stores"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/stores.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

table_row!(StoreRow, "stores", key id; once account_id, listed_at; changing check_at, changed_at, state);

const COLUMNS: &str = "id, account_id, listed_at, check_at, changed_at, state";

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StoreRow {
    /// Of the integration.
    pub id: String,
    pub account_id: String,
    pub listed_at: Position,
    /// When its webhooks are to be checked again, in microseconds since 1970. None while it cannot be called.
    pub check_at: Option<i64>,
    /// The sequence of the latest event of its integration for which they are to be checked: a check that did not know it does not
    /// count for it.
    pub changed_at: i64,
    /// JSON: what the aggregate says of it.
    pub state: String,
}

impl StoreRow {
    /// What the aggregate says of it.
    pub fn store(&self) -> Store {
        serde_json::from_str(&self.state).unwrap_or_default()
    }
}

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let mut ids: Vec<&str> =
        events.iter().filter(|event| is_of_store(event)).map(|event| event.aggregate_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let known: Vec<StoreRow> = table::read(tables, &ids).await?;
    let known: HashMap<String, StoreRow> = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows = known.clone();
    for recorded in events.iter().filter(|event| is_of_store(event)) {
        let begins = matches!(recorded.event, AnyEvent::Store(_)) || is_saved(&recorded.event);
        if begins && !rows.contains_key(&recorded.aggregate_id) {
            rows.extend(StoreRow::first(recorded).map(|row| (row.id.clone(), row)));
        }
        if let Some(row) = rows.get_mut(&recorded.aggregate_id) {
            row.apply(recorded);
        }
    }
    let mut rows: Vec<StoreRow> = rows.into_values().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    table::write_changed(tables, &rows, &known, |row| &row.id).await
}

/// An event by which something of a row changes.
fn is_of_store(recorded: &Recorded) -> bool {
    match &recorded.event {
        AnyEvent::Store(_) => true,
        AnyEvent::Integration(event) => due(event).is_some(),
        AnyEvent::Account(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Delivery(_)
        | AnyEvent::Notice(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Resource(_)
        | AnyEvent::Publication(_)
        | AnyEvent::Endpoint(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::Unknown => false,
    }
}

fn is_saved(event: &AnyEvent) -> bool {
    matches!(event, AnyEvent::Integration(IntegrationEvent::StoreAccessSaved { .. }))
}

/// What an event of its integration means for a store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Becomes {
    /// It is to be checked at once.
    Due,
    /// It cannot be called.
    Resting,
}

fn due(event: &IntegrationEvent) -> Option<Becomes> {
    match event {
        IntegrationEvent::StoreAccessSaved { .. }
        | IntegrationEvent::PurposeChanged { .. }
        | IntegrationEvent::NotificationUrlChanged { .. }
        | IntegrationEvent::IntegrationActivated {} => Some(Becomes::Due),
        IntegrationEvent::StoreAccessLost { .. }
        | IntegrationEvent::StoreAccessRemoved {}
        | IntegrationEvent::IntegrationDeactivated {} => Some(Becomes::Resting),
        IntegrationEvent::IntegrationCreated(_)
        | IntegrationEvent::IntegrationRenamed { .. }
        | IntegrationEvent::OrderStatusesChanged { .. }
        | IntegrationEvent::SigningSecretSet { .. }
        | IntegrationEvent::SigningSecretRotated { .. }
        | IntegrationEvent::CurrencyChanged { .. }
        | IntegrationEvent::StoreAccessRenewed { .. }
        | IntegrationEvent::StoreConnectionStarted(_)
        | IntegrationEvent::StoreConnectionFailed { .. }
        | IntegrationEvent::StoreAppSaved { .. }
        | IntegrationEvent::StoreAppRemoved {}
        | IntegrationEvent::ItemMappingAdded { .. }
        | IntegrationEvent::ItemMappingRemoved { .. } => None,
    }
}

/// The latest event of the integration that a check knew.
pub fn known_sequence(event: &StoreEvent) -> Option<u64> {
    match event {
        StoreEvent::SubscriptionsChecked(checked) => Some(checked.integration_sequence),
        StoreEvent::SubscriptionsNotChecked { integration_sequence, .. } => Some(*integration_sequence),
        StoreEvent::StoreWatched { .. }
        | StoreEvent::SubscriptionMade { .. }
        | StoreEvent::SubscriptionEnabled { .. }
        | StoreEvent::SubscriptionRemoved { .. }
        | StoreEvent::SubscriptionRefused { .. } => None,
    }
}

impl StoreRow {
    fn first(recorded: &Recorded) -> Option<Self> {
        Some(Self {
            id: recorded.aggregate_id.clone(),
            account_id: recorded.account_id?.to_string(),
            listed_at: recorded.position,
            check_at: None,
            changed_at: 0,
            state: storable_json(&Store::default()),
        })
    }

    fn apply(&mut self, recorded: &Recorded) {
        if let AnyEvent::Integration(event) = &recorded.event {
            match due(event) {
                Some(Becomes::Due) => {
                    self.check_at = Some(recorded.recorded_at_us());
                    self.changed_at = recorded.sequence.0;
                }
                Some(Becomes::Resting) => self.check_at = None,
                None => {}
            }
        }
        if let AnyEvent::Store(event) = &recorded.event {
            let mut store = self.store();
            store.apply(event.clone());
            if known_sequence(event)
                .is_some_and(|known| i64::try_from(known).is_ok_and(|known| known >= self.changed_at))
            {
                self.check_at = store.check_at().map(|at| at.timestamp_micros());
            }
            self.state = storable_json(&store);
        }
    }
}

fn select() -> Sql {
    Sql::new(format!("SELECT {COLUMNS} FROM stores WHERE "))
}

pub async fn find_many(database: &Database, ids: &[String]) -> sqlx::Result<Vec<StoreRow>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    database.fetch_all(select().push("id IN (").bind_list(ids.iter().map(String::as_str)).push(")")).await
}

/// All stores after a place in the list, the first watched first.
pub async fn page(database: &Database, after: Position, limit: i64) -> sqlx::Result<Vec<StoreRow>> {
    let sql = select().push("listed_at > ").bind(after).push(" ORDER BY listed_at LIMIT ").bind(limit);
    database.fetch_all(sql).await
}
