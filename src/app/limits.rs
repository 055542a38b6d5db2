//! What one account may have at most, so that none takes the room of the others. The operator's options.

use domain::AccountId;
use projections::{accounts, endpoints, integrations};

use storage::Database;

/// Per account.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub integrations: usize,
    /// That may be used.
    pub api_keys: usize,
    /// Of all integrations together.
    pub mappings: usize,
    /// Deleted ones not counted.
    pub endpoints: usize,
    /// What is stored of webhooks in a day (UTC), in bytes.
    pub daily_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { integrations: 100, api_keys: 100, mappings: 20_000, endpoints: 50, daily_bytes: 1_024 * 1_024 * 1_024 }
    }
}

/// An account has as many as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LimitReached {
    #[error("the account has {0} integrations, as many as it may have here: the operator can allow more")]
    Integrations(usize),
    #[error(
        "the account has {0} active API keys, as many as it may have here: deactivate one, or the operator can allow more"
    )]
    ApiKeys(usize),
    #[error(
        "the account has {0} item mappings, as many as it may have here: remove some, or the operator can allow more"
    )]
    Mappings(usize),
    #[error("the account has {0} endpoints, as many as it may have here: delete one, or the operator can allow more")]
    Endpoints(usize),
}

/// Counts in the views: of what is made at the very same moment, one may be too many.
impl Limits {
    pub(crate) async fn allow_integration(
        &self,
        views: &Database,
        account_id: AccountId,
    ) -> sqlx::Result<Result<(), LimitReached>> {
        let owned = integrations::owned(views, &account_id.to_string()).await?;
        let is_free = owned.integrations < self.integrations;
        Ok(if is_free { Ok(()) } else { Err(LimitReached::Integrations(owned.integrations)) })
    }

    pub(crate) async fn allow_endpoint(
        &self,
        views: &Database,
        account_id: AccountId,
    ) -> sqlx::Result<Result<(), LimitReached>> {
        let owned = usize::try_from(endpoints::owned(views, &account_id.to_string()).await?).unwrap_or(usize::MAX);
        Ok(if owned < self.endpoints { Ok(()) } else { Err(LimitReached::Endpoints(owned)) })
    }

    pub(crate) async fn allow_api_key(
        &self,
        views: &Database,
        account_id: &str,
    ) -> sqlx::Result<Result<(), LimitReached>> {
        let keys = accounts::keys(views, account_id).await?.iter().filter(|key| key.active == 1).count();
        Ok(if keys < self.api_keys { Ok(()) } else { Err(LimitReached::ApiKeys(keys)) })
    }

    /// How many mappings the account may still add.
    pub(crate) async fn room_for_mappings(
        &self,
        views: &Database,
        account_id: AccountId,
    ) -> sqlx::Result<Result<usize, LimitReached>> {
        let owned = integrations::owned(views, &account_id.to_string()).await?;
        match self.mappings.saturating_sub(owned.mappings) {
            0 => Ok(Err(LimitReached::Mappings(owned.mappings))),
            room => Ok(Ok(room)),
        }
    }
}
