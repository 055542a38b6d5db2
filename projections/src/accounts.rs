//! The accounts with their balance, and their API keys: what they are called and whether they may be used.

use std::collections::HashMap;

use domain::Credits;
use domain::account::AccountEvent;
use domain::ledger::LedgerEvent;
use sqlx::FromRow;

use crate::schema::Schema;
use crate::table::{self, Existing, Tables, table_row};
use crate::view::View;
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};
use storage::storable;
use storage::{Database, Sql};

pub const VIEW: View = View {
    name: "accounts",
    schema: Schema {
        version: 5,
        tables: &["accounts", "api_keys"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/accounts.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

table_row!(AccountRow, "accounts", key id;
    once name, attempts_per_minute, created_at, listed_at;
    changing credits_granted, credits_reserved, credits_charged, cortex_email, retention_days, stock_alert);

table_row!(ApiKeyRow, "api_keys", key id;
    once account_id, name, role, hash, preview, created_at, listed_at;
    changing active, requests_per_minute);

const COLUMNS: &str = "id, name, attempts_per_minute, credits_granted, credits_reserved, credits_charged, \
     cortex_email, retention_days, stock_alert, created_at, listed_at";

const KEY_COLUMNS: &str = "id, account_id, name, role, hash, preview, active, requests_per_minute, \
     created_at, listed_at";

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AccountRow {
    pub id: String,
    pub name: String,
    pub attempts_per_minute: i64,
    pub credits_granted: i64,
    /// Set aside for attempts under way.
    pub credits_reserved: i64,
    pub credits_charged: i64,
    /// Whose login at Cortex Cloud is saved, if one is.
    pub cortex_email: Option<String>,
    /// For how many days personal data is kept once a delivery is over; `None` for good.
    pub retention_days: Option<i64>,
    /// How few left of a product count as out of stock; `None` for no alert.
    pub stock_alert: Option<i64>,
    /// Microseconds since 1970.
    pub created_at: i64,
    pub listed_at: Position,
}

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ApiKeyRow {
    pub id: String,
    pub account_id: String,
    pub name: String,
    pub role: String,
    pub hash: String,
    pub preview: String,
    /// 1 or 0.
    pub active: i64,
    pub requests_per_minute: i64,
    /// Microseconds since 1970.
    pub created_at: i64,
    pub listed_at: Position,
}

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let of_accounts = |event: &&Recorded| matches!(event.event, AnyEvent::Account(_) | AnyEvent::Ledger(_));
    let events: Vec<&Recorded> = events.iter().filter(of_accounts).collect();
    let mut ids: Vec<&str> = events.iter().map(|event| event.aggregate_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let known: Vec<AccountRow> = table::read(tables, &ids).await?;
    let known: HashMap<String, AccountRow> = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows = known.clone();
    let mut keys = vec![];
    let mut changed = vec![];
    for event in events {
        match &event.event {
            AnyEvent::Account(AccountEvent::AccountCreated { name, attempts_per_minute }) => {
                let row = AccountRow {
                    id: event.aggregate_id.clone(),
                    name: storable(name),
                    attempts_per_minute: i64::from(*attempts_per_minute),
                    credits_granted: 0,
                    credits_reserved: 0,
                    credits_charged: 0,
                    cortex_email: None,
                    retention_days: None,
                    stock_alert: None,
                    created_at: event.recorded_at_us(),
                    listed_at: event.position,
                };
                rows.insert(row.id.clone(), row);
            }
            AnyEvent::Account(AccountEvent::ApiKeyCreated(key)) => keys.push(ApiKeyRow {
                id: key.key_id.to_string(),
                account_id: event.aggregate_id.clone(),
                name: storable(&key.name),
                role: key.role.as_str().to_owned(),
                hash: key.key_hash.clone(),
                preview: key.key_preview.clone(),
                active: 1,
                requests_per_minute: key.requests_per_minute.into(),
                created_at: event.recorded_at_us(),
                listed_at: event.position,
            }),
            AnyEvent::Account(AccountEvent::ApiKeyDeactivated { key_id }) => changed.push((key_id, "active", 0)),
            AnyEvent::Account(AccountEvent::ApiKeyLimitChanged { key_id, requests_per_minute }) => {
                changed.push((key_id, "requests_per_minute", i64::from(*requests_per_minute)));
            }
            AnyEvent::Account(
                AccountEvent::CortexCredentialsSaved { .. }
                | AccountEvent::CortexCredentialsDeleted {}
                | AccountEvent::StockAlertSet { .. }
                | AccountEvent::DefaultEndpointSecretSet { .. }
                | AccountEvent::ContactSet { .. }
                | AccountEvent::ContactRemoved {}
                | AccountEvent::FailurePolicySet { .. }
                | AccountEvent::RetentionSet { .. },
            )
            | AnyEvent::Ledger(_)
            | AnyEvent::Integration(_)
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
            | AnyEvent::Unknown => {}
        }
        let Some(row) = rows.get_mut(&event.aggregate_id) else { continue };
        match &event.event {
            AnyEvent::Account(event) => row.apply(event),
            AnyEvent::Ledger(event) => row.apply_credits(event),
            AnyEvent::Integration(_)
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
            | AnyEvent::Unknown => {}
        }
    }
    let mut rows: Vec<AccountRow> = rows.into_values().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    table::write_changed(tables, &rows, &known, |row| &row.id).await?;
    table::write(tables, &keys, Existing::Replace).await?;
    let api_keys = tables.name("api_keys");
    for (id, column, value) in changed {
        let sql = Sql::new(format!("UPDATE {api_keys} SET {column} = ")).bind(value);
        tables.execute(sql.push(" WHERE id = ").bind(id.to_string())).await?;
    }
    Ok(())
}

impl AccountRow {
    pub fn credits_available(&self) -> i64 {
        self.credits_granted - self.credits_reserved - self.credits_charged
    }

    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::CortexCredentialsSaved { email, .. } => {
                self.cortex_email = Some(email.known().map_or_else(|| "[erased]".to_owned(), |email| storable(email)));
            }
            AccountEvent::CortexCredentialsDeleted {} => self.cortex_email = None,
            AccountEvent::StockAlertSet { threshold } => self.stock_alert = threshold.map(i64::from),
            AccountEvent::RetentionSet { days } => self.retention_days = days.map(i64::from),
            AccountEvent::AccountCreated { .. }
            | AccountEvent::ApiKeyCreated(_)
            | AccountEvent::ApiKeyDeactivated { .. }
            | AccountEvent::ApiKeyLimitChanged { .. }
            | AccountEvent::DefaultEndpointSecretSet { .. }
            | AccountEvent::ContactSet { .. }
            | AccountEvent::ContactRemoved {}
            | AccountEvent::FailurePolicySet { .. } => {}
        }
    }

    fn apply_credits(&mut self, event: &LedgerEvent) {
        let whole = |credits: Credits| i64::try_from(credits.0).unwrap_or(i64::MAX);
        match event {
            LedgerEvent::CreditsGranted { credits, .. } => self.credits_granted += whole(*credits),
            LedgerEvent::CreditsReserved { credits, .. } => self.credits_reserved += whole(*credits),
            LedgerEvent::ReservationSettled { charged, returned, .. } => {
                self.credits_reserved -= whole(*charged + *returned);
                self.credits_charged += whole(*charged);
            }
        }
    }
}

pub async fn find(database: &Database, id: &str) -> sqlx::Result<Option<AccountRow>> {
    database.fetch_optional(Sql::new(format!("SELECT {COLUMNS} FROM accounts WHERE id = ")).bind(id)).await
}

/// The ids and names of some accounts.
pub async fn names(database: &Database, ids: &[String]) -> sqlx::Result<Vec<(String, String)>> {
    let sql =
        Sql::new("SELECT id, name FROM accounts WHERE id IN (").bind_list(ids.iter().map(String::as_str)).push(")");
    database.fetch_all(sql).await
}

/// All accounts after a place in the list, the oldest first.
pub async fn page(database: &Database, after: Position, limit: i64) -> sqlx::Result<Vec<AccountRow>> {
    let sql = Sql::new(format!("SELECT {COLUMNS} FROM accounts WHERE listed_at > ")).bind(after);
    database.fetch_all(sql.push(" ORDER BY listed_at LIMIT ").bind(limit)).await
}

/// The accounts that do not keep personal data for good, after a place in the list.
pub async fn with_retention(database: &Database, after: Position, limit: i64) -> sqlx::Result<Vec<AccountRow>> {
    let sql = Sql::new(format!("SELECT {COLUMNS} FROM accounts WHERE retention_days IS NOT NULL"));
    let sql = sql.push(" AND listed_at > ").bind(after).push(" ORDER BY listed_at LIMIT ").bind(limit);
    database.fetch_all(sql).await
}

/// The key with this hash (SHA-256, hexadecimal), active or not.
pub async fn key_by_hash(database: &Database, hash: &str) -> sqlx::Result<Option<ApiKeyRow>> {
    database.fetch_optional(Sql::new(format!("SELECT {KEY_COLUMNS} FROM api_keys WHERE hash = ")).bind(hash)).await
}

/// The keys of an account, the oldest first. Of deactivated ones, those that were made last, up to a bound.
pub async fn keys(database: &Database, account_id: &str) -> sqlx::Result<Vec<ApiKeyRow>> {
    let sql = Sql::new(format!("SELECT {KEY_COLUMNS} FROM api_keys WHERE account_id = ")).bind(account_id);
    let mut keys: Vec<ApiKeyRow> =
        database.fetch_all(sql.push(" ORDER BY active DESC, listed_at DESC LIMIT 1000")).await?;
    keys.sort_unstable_by_key(|key| key.listed_at);
    Ok(keys)
}
