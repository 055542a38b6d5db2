//! Accounts: opening them, their keys, credits and settings, and their login at Cortex Cloud.

mod contact;
mod credentials;
mod reading;

use domain::account::{Account, AccountCommand, DEFAULT_ATTEMPTS_PER_MINUTE, Role};
use domain::ledger::{Ledger, LedgerCommand};
use domain::{AccountId, ApiKeyId, Credits};
use event_log::Position;
use event_log::ids;
use projections::accounts::{self, AccountRow, ApiKeyRow};

use super::error::{Error, Refused};
use super::keys;
use super::limits::Limits;
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;
use crate::ports::cortex::CortexClient;

/// What can be done with accounts.
pub struct Accounts {
    data: LogAndViews,
    limits: Limits,
    /// To try logins with; deliveries are the worker's.
    cortex: CortexClient,
}

/// A key to be made. A pace that is no number of requests is for the account to refuse.
pub struct NewKey {
    /// None for the caller's own account.
    pub account_id: Option<String>,
    pub name: String,
    pub role: Role,
    /// Of an administrator alone.
    pub requests_per_minute: Option<i32>,
}

/// An account to be opened. A pace that is no number of attempts is for the account to refuse.
pub struct NewAccount {
    pub name: String,
    pub attempts_per_minute: Option<i32>,
    /// Granted at once.
    pub credits: Option<i32>,
}

impl Accounts {
    pub fn new(data: LogAndViews, limits: Limits, cortex: CortexClient) -> Self {
        Self { data, limits, cortex }
    }

    /// Makes a key, and returns it this once.
    pub async fn create_key(&self, viewer: &Viewer, new: NewKey) -> Result<(Option<ApiKeyRow>, String), Error> {
        if new.role > viewer.role {
            return Err(Error::Forbidden);
        }
        let (key, mut record) = keys::new_key(&new.name, new.role);
        if let Some(limit) = new.requests_per_minute {
            viewer.require(Role::Admin)?;
            record.requests_per_minute = u32::try_from(limit).unwrap_or(0);
        }
        let account_id = named_or_own(viewer, new.account_id);
        if viewer.manages(&account_id) {
            self.limits.allow_api_key(&self.data.views, &account_id).await??;
        }
        let key_id = record.id;
        self.change(viewer, &account_id, AccountCommand::CreateApiKey(record)).await?;
        Ok((self.key(&account_id, key_id).await?, key))
    }

    /// Deactivates a key for good. One of a higher role than the caller's is not.
    pub async fn deactivate_key(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
        key_id: &str,
    ) -> Result<Option<ApiKeyRow>, Error> {
        let account_id = named_or_own(viewer, account_id);
        if let (true, Ok(key_id)) = (viewer.manages(&account_id), key_id.parse())
            && self.role_of(&account_id, key_id).await?.is_some_and(|role| role > viewer.role)
        {
            return Err(Error::Forbidden);
        }
        self.change_key(viewer, &account_id, key_id, |key_id| AccountCommand::DeactivateApiKey { key_id }).await
    }

    /// Says how many requests a key may send in a minute, from all nodes together.
    pub async fn limit_key(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
        key_id: &str,
        requests_per_minute: i32,
    ) -> Result<Option<ApiKeyRow>, Error> {
        viewer.require(Role::Admin)?;
        let requests_per_minute = u32::try_from(requests_per_minute).unwrap_or(0);
        let limit = |key_id| AccountCommand::LimitApiKey { key_id, requests_per_minute };
        self.change_key(viewer, &named_or_own(viewer, account_id), key_id, limit).await
    }

    /// Says for how many days personal data is kept once a delivery is over; None for good.
    pub async fn set_retention(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
        days: Option<i32>,
    ) -> Result<Option<AccountRow>, Error> {
        let days = days.map(|days| u32::try_from(days).unwrap_or(0));
        self.change(viewer, &named_or_own(viewer, account_id), AccountCommand::SetRetention { days }).await
    }

    /// Says how few left of a product count as out of stock; None for no alert.
    pub async fn set_stock_alert(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
        threshold: Option<i32>,
    ) -> Result<Option<AccountRow>, Error> {
        // Below zero is no threshold that is allowed, nor is what stands for it here.
        let threshold = threshold.map(|threshold| u32::try_from(threshold).unwrap_or(u32::MAX));
        self.change(viewer, &named_or_own(viewer, account_id), AccountCommand::SetStockAlert { threshold }).await
    }

    /// Grants credits; with the same `idempotency_key` again, nothing again.
    pub async fn grant_credits(
        &self,
        viewer: &Viewer,
        account_id: &str,
        credits: i32,
        idempotency_key: Option<&str>,
    ) -> Result<Option<AccountRow>, Error> {
        viewer.require(Role::Admin)?;
        let Ok(credits) = u64::try_from(credits) else {
            return Err(Refused::new("INVALID_GRANT", "credits cannot be taken away", Some("credits")).into());
        };
        require_managed(viewer, account_id)?;
        if self.data.log.current::<Account>(account_id).await?.aggregate.merchant().is_none() {
            return Err(Refused::not_found("accountId").into());
        }
        let grant_id = match idempotency_key {
            Some(key) => uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, key.as_bytes()),
            None => ids::fresh(),
        };
        let position =
            self.grant(viewer, account_id, LedgerCommand::Grant { grant_id, credits: Credits(credits) }).await?;
        self.data.wait_for_views(position).await;
        Ok(accounts::find(&self.data.views, account_id).await?)
    }

    /// Opens an account with a first key, which is returned this once.
    pub async fn open(&self, viewer: &Viewer, new: NewAccount) -> Result<(Option<AccountRow>, String), Error> {
        viewer.require(Role::Admin)?;
        let pace = new.attempts_per_minute.map_or(Ok(DEFAULT_ATTEMPTS_PER_MINUTE), u32::try_from).unwrap_or(0);
        let id = AccountId(ids::fresh()).to_string();
        let (api_key, record) = keys::new_key(&first_key_of(&new.name), Role::Merchant);
        let open = AccountCommand::Open { name: new.name, attempts_per_minute: pace, first_key: Some(record) };
        let opened = self.data.log.execute::<Account>(&id, open, &viewer.actor(Some(&id))).await?;
        let mut position = opened.position;
        if let Some(credits) = new.credits.filter(|credits| *credits != 0) {
            let credits = Credits(u64::try_from(credits).unwrap_or(0));
            let grant = LedgerCommand::Grant { grant_id: ids::fresh(), credits };
            position = self.grant(viewer, &id, grant).await?;
        }
        self.data.wait_for_views(position).await;
        Ok((accounts::find(&self.data.views, &id).await?, api_key))
    }

    async fn grant(&self, viewer: &Viewer, id: &str, grant: LedgerCommand) -> Result<Option<Position>, Error> {
        Ok(self.data.log.execute::<Ledger>(id, grant, &viewer.actor(Some(id))).await?.position)
    }

    /// The role of an active key of an account.
    async fn role_of(&self, account_id: &str, key_id: ApiKeyId) -> Result<Option<Role>, Error> {
        let account = self.data.log.current::<Account>(account_id).await?;
        Ok(account.aggregate.merchant().and_then(|merchant| merchant.keys.active(key_id)).map(|key| key.role))
    }

    async fn change_key(
        &self,
        viewer: &Viewer,
        account_id: &str,
        key_id: &str,
        command: impl FnOnce(ApiKeyId) -> AccountCommand,
    ) -> Result<Option<ApiKeyRow>, Error> {
        let key_id: ApiKeyId = key_id.parse().map_err(|_| Refused::not_found("apiKeyId"))?;
        self.change(viewer, account_id, command(key_id)).await?;
        self.key(account_id, key_id).await
    }

    async fn key(&self, account_id: &str, id: ApiKeyId) -> Result<Option<ApiKeyRow>, Error> {
        let id = id.to_string();
        Ok(accounts::keys(&self.data.views, account_id).await?.into_iter().find(|row| row.id == id))
    }

    /// Executes a command on an account that the caller may change, and returns the account as it is shown then.
    async fn change(
        &self,
        viewer: &Viewer,
        account_id: &str,
        command: AccountCommand,
    ) -> Result<Option<AccountRow>, Error> {
        require_managed(viewer, account_id)?;
        let actor = viewer.actor(Some(account_id));
        let committed = self.data.log.execute::<Account>(account_id, command, &actor).await?;
        self.data.wait_for_views(committed.position).await;
        Ok(accounts::find(&self.data.views, account_id).await?)
    }
}

/// The account that is named, or the caller's own.
pub(super) fn named_or_own(viewer: &Viewer, account_id: Option<String>) -> String {
    account_id.unwrap_or_else(|| viewer.account_id.to_string())
}

/// Refuses an account that the caller may not change.
pub(super) fn require_managed(viewer: &Viewer, account_id: &str) -> Result<AccountId, Error> {
    viewer.require_managing(account_id)?;
    let parsed = account_id.parse().ok().filter(|_| viewer.manages(account_id));
    parsed.ok_or_else(|| Refused::not_found("accountId").into())
}

/// What an account's first key is called, so that the history says whose it is.
fn first_key_of(account: &str) -> String {
    let account: String = account.trim().chars().take(80).collect();
    format!("First key of {account}")
}
