//! Accounts, their credits and keys, and where the views stand.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use projections::accounts::{AccountRow, ApiKeyRow};

use super::ApiError;
use super::instance::FailurePolicy;
use super::moment::{Moment, moment};
use super::viewer::app_and_viewer;
use super::words::Role;

/// A number of a row. Numbers of credits and counts stay far below what an `Int` holds; beyond, it says so by its limit.
pub(super) fn int(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

pub(super) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A merchant.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Account {
    id: ID,
    name: String,
    /// How many delivery attempts may start in a minute.
    attempts_per_minute: i32,
    credits: Credits,
    /// Whose login at Cortex Cloud is saved, if one is.
    cortex_email: Option<String>,
    /// For how many days personal data is kept once a delivery is over; null for good.
    retention_days: Option<i32>,
    /// How few left of a product are published as `inventory.out_of_stock`; null for no alert.
    stock_alert: Option<i32>,
    created_at: Moment,
}

/// Whole credits of an account.
#[derive(SimpleObject)]
pub(super) struct Credits {
    /// What can be spent now.
    available: i32,
    /// Set aside for actions under way.
    reserved: i32,
    charged: i32,
    granted: i32,
}

/// A key of an account; the key itself was shown once and is kept nowhere.
#[derive(SimpleObject)]
pub(super) struct ApiKey {
    pub(super) id: ID,
    name: String,
    role: Role,
    preview: String,
    active: bool,
    /// How many requests it may send in a minute, from all nodes together.
    requests_per_minute: i32,
    created_at: Moment,
}

#[ComplexObject]
impl Account {
    /// Where the account is written to about its endpoints. Shown to its own keys alone.
    async fn contact_address(&self, context: &Context<'_>) -> Result<Option<String>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.accounts.contact(viewer, &self.id).await?)
    }

    /// The end of the secret of endpoints that are created without one of their own. Null where none is set.
    async fn default_endpoint_secret_preview(&self, context: &Context<'_>) -> Result<Option<String>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.accounts.default_endpoint_secret_preview(viewer, &self.id).await?)
    }

    /// What becomes of notifications of its instances that fail.
    async fn failure_policy(&self, context: &Context<'_>) -> Result<FailurePolicy, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.instances.failure_policy(viewer, &self.id).await?.into())
    }

    /// All keys, deactivated ones too.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn api_keys(&self, context: &Context<'_>) -> Result<Vec<ApiKey>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.accounts.keys(viewer, &self.id).await?.into_iter().map(ApiKey::from).collect())
    }
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self {
            credits: Credits {
                available: int(row.credits_available()),
                reserved: int(row.credits_reserved),
                charged: int(row.credits_charged),
                granted: int(row.credits_granted),
            },
            id: ID(row.id),
            name: row.name,
            attempts_per_minute: int(row.attempts_per_minute),
            cortex_email: row.cortex_email,
            retention_days: row.retention_days.map(int),
            stock_alert: row.stock_alert.map(int),
            created_at: moment(row.created_at),
        }
    }
}

impl From<ApiKeyRow> for ApiKey {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: ID(row.id),
            name: row.name,
            role: row.role.parse().unwrap_or(domain::account::Role::Merchant).into(),
            preview: row.preview,
            active: row.active == 1,
            requests_per_minute: int(row.requests_per_minute),
            created_at: moment(row.created_at),
        }
    }
}
