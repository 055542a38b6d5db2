//! The accounts with their balance, and their API keys: what they are called and whether they may be used.

use std::collections::HashMap;

use domain::account::{AccountEvent, CreditMove};
use sqlx::FromRow;

use crate::database::storable;
use crate::database::{Database, Sql};
use crate::feed::{Fact, Recorded};
use crate::schema::Schema;
use crate::table::{self, Existing, Tables, table_row};

pub(crate) const SCHEMA: Schema = Schema {
    version: 1,
    tables: &["accounts", "api_keys"],
    statements: include_str!("../../migrations/views/accounts.sql"),
};

table_row!(AccountRow, "accounts", key id;
    once name, attempts_per_minute, opened_at, listed_at;
    changing credits_granted, credits_reserved, credits_charged, cortex_email);

table_row!(ApiKeyRow, "api_keys", key id;
    once account_id, name, role, hash, preview, created_at, listed_at;
    changing active);

const COLUMNS: &str = "id, name, attempts_per_minute, credits_granted, credits_reserved, credits_charged, \
     cortex_email, opened_at, listed_at";

const KEY_COLUMNS: &str = "id, account_id, name, role, hash, preview, active, created_at, listed_at";

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AccountRow {
    pub id: String,
    pub name: String,
    pub attempts_per_minute: i64,
    pub credits_granted: i64,
    /// Set aside for actions under way.
    pub credits_reserved: i64,
    pub credits_charged: i64,
    /// Whose login at Cortex Cloud is saved, if one is.
    pub cortex_email: Option<String>,
    /// Microseconds since 1970.
    pub opened_at: i64,
    pub listed_at: i64,
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
    /// Microseconds since 1970.
    pub created_at: i64,
    pub listed_at: i64,
}

pub(crate) async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let told: Vec<(&Recorded, &AccountEvent)> = events
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::Account(told) => Some((event, told)),
            Fact::Integration(_) | Fact::Delivery(_) | Fact::Notice(_) | Fact::Foreign => None,
        })
        .collect();
    let mut ids: Vec<&str> = told.iter().map(|(event, _)| event.aggregate_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let known: Vec<AccountRow> = table::read(tables, &ids).await?;
    let known: HashMap<String, AccountRow> = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows = known.clone();
    let mut keys = vec![];
    let mut deactivated = vec![];
    for (event, told) in told {
        match told {
            AccountEvent::Opened { name, attempts_per_minute } => {
                let row = AccountRow {
                    id: event.aggregate_id.clone(),
                    name: storable(name),
                    attempts_per_minute: i64::from(*attempts_per_minute),
                    credits_granted: 0,
                    credits_reserved: 0,
                    credits_charged: 0,
                    cortex_email: None,
                    opened_at: event.recorded_at_us(),
                    listed_at: event.position,
                };
                rows.insert(row.id.clone(), row);
            }
            AccountEvent::ApiKeyCreated(key) => keys.push(ApiKeyRow {
                id: key.key_id.to_string(),
                account_id: event.aggregate_id.clone(),
                name: storable(&key.name),
                role: key.role.as_str().to_owned(),
                hash: key.hash.clone(),
                preview: key.preview.clone(),
                active: 1,
                created_at: event.recorded_at_us(),
                listed_at: event.position,
            }),
            AccountEvent::ApiKeyDeactivated { key_id } => deactivated.push(key_id.to_string()),
            AccountEvent::ApiKeyLimited { .. }
            | AccountEvent::CredentialsSaved { .. }
            | AccountEvent::CredentialsDeleted
            | AccountEvent::AttemptAdmitted { .. }
            | AccountEvent::CreditsGranted { .. }
            | AccountEvent::CreditsReserved(_)
            | AccountEvent::ReservationTakenOver(_)
            | AccountEvent::CreditsCharged(_)
            | AccountEvent::CreditsReleased(_) => {}
        }
        if let Some(row) = rows.get_mut(&event.aggregate_id) {
            row.told(told);
        }
    }
    let mut rows: Vec<AccountRow> = rows.into_values().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    table::write_changed(tables, &rows, &known, |row| &row.id).await?;
    table::write(tables, &keys, Existing::Replace).await?;
    let api_keys = tables.name("api_keys");
    for id in deactivated {
        tables.execute(Sql::new(format!("UPDATE {api_keys} SET active = 0 WHERE id = ")).bind(id)).await?;
    }
    Ok(())
}

impl AccountRow {
    pub fn credits_available(&self) -> i64 {
        self.credits_granted - self.credits_reserved - self.credits_charged
    }

    fn told(&mut self, event: &AccountEvent) {
        let credits = |credits: domain::Credits| i64::try_from(credits.0).unwrap_or(i64::MAX);
        match event {
            AccountEvent::CredentialsSaved { email, .. } => {
                self.cortex_email = Some(email.known().map_or_else(|| "[erased]".to_owned(), |email| storable(email)));
            }
            AccountEvent::CredentialsDeleted => self.cortex_email = None,
            AccountEvent::CreditsGranted { credits: granted, .. } => self.credits_granted += credits(*granted),
            AccountEvent::CreditsReserved(CreditMove { credits: moved, .. }) => {
                self.credits_reserved += credits(*moved);
            }
            AccountEvent::CreditsReleased(CreditMove { credits: moved, .. }) => {
                self.credits_reserved -= credits(*moved);
            }
            AccountEvent::CreditsCharged(CreditMove { credits: moved, .. }) => {
                self.credits_reserved -= credits(*moved);
                self.credits_charged += credits(*moved);
            }
            AccountEvent::Opened { .. }
            | AccountEvent::ApiKeyCreated(_)
            | AccountEvent::ApiKeyDeactivated { .. }
            | AccountEvent::ApiKeyLimited { .. }
            | AccountEvent::AttemptAdmitted { .. }
            | AccountEvent::ReservationTakenOver(_) => {}
        }
    }
}

pub async fn find(database: &Database, id: &str) -> sqlx::Result<Option<AccountRow>> {
    database.fetch_optional(Sql::new(format!("SELECT {COLUMNS} FROM accounts WHERE id = ")).bind(id)).await
}

/// All accounts after a place in the list, the oldest first.
pub async fn page(database: &Database, after: i64, limit: i64) -> sqlx::Result<Vec<AccountRow>> {
    let sql = Sql::new(format!("SELECT {COLUMNS} FROM accounts WHERE listed_at > "))
        .bind(after)
        .push(" ORDER BY listed_at LIMIT ")
        .bind(limit);
    database.fetch_all(sql).await
}

/// The key with this hash (SHA-256, hexadecimal), active or not.
pub async fn key_by_hash(database: &Database, hash: &str) -> sqlx::Result<Option<ApiKeyRow>> {
    database.fetch_optional(Sql::new(format!("SELECT {KEY_COLUMNS} FROM api_keys WHERE hash = ")).bind(hash)).await
}

/// The keys of an account, the oldest first. An account has a bounded number of them.
pub async fn keys(database: &Database, account_id: &str) -> sqlx::Result<Vec<ApiKeyRow>> {
    let sql = Sql::new(format!("SELECT {KEY_COLUMNS} FROM api_keys WHERE account_id = "))
        .bind(account_id)
        .push(" ORDER BY listed_at LIMIT 1000");
    database.fetch_all(sql).await
}
