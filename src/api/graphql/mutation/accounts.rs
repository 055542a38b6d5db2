//! Accounts: their login at Cortex Cloud, keys and credits; and, for administrators, opening them.

use async_graphql::{Context, ID, InputObject, Object};
use domain::account::{Account as Aggregate, AccountCommand, DEFAULT_ATTEMPTS_PER_MINUTE, Role as DomainRole};
use domain::ledger::{Ledger, LedgerCommand};
use domain::{AccountId, ApiKeyId, Credits};
use event_log::ids;
use projections::accounts;

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::{Account, ApiKey};
use crate::api::graphql::error::{UserError, refused};
use crate::api::graphql::query::asked;
use crate::api::graphql::viewer::Viewer;
use crate::api::graphql::words::Role;
use crate::app::keys;
use crate::service::Service;
use event_log::Committed;

#[derive(InputObject)]
struct CreateApiKeyInput {
    /// Admin only: for another account.
    account_id: Option<ID>,
    name: String,
    /// Merchant unless an admin says otherwise.
    role: Option<Role>,
    /// Admin only: how many requests it may send in a minute. 600 unless said otherwise.
    requests_per_minute: Option<i32>,
}

#[derive(InputObject)]
struct DeactivateApiKeyInput {
    /// Admin only: of another account.
    account_id: Option<ID>,
    api_key_id: ID,
}

#[derive(InputObject)]
struct LimitApiKeyInput {
    /// Of another account than the caller's.
    account_id: Option<ID>,
    api_key_id: ID,
    requests_per_minute: i32,
}

#[derive(InputObject)]
struct SetRetentionInput {
    /// Admin only: of another account.
    account_id: Option<ID>,
    /// Between 1 and 3650; null to keep personal data for good.
    days: Option<i32>,
}

#[derive(InputObject)]
struct GrantCreditsInput {
    account_id: ID,
    credits: i32,
    /// The same key again grants nothing again.
    idempotency_key: Option<ID>,
}

#[derive(InputObject)]
struct CreateAccountInput {
    name: String,
    attempts_per_minute: Option<i32>,
    /// Granted at once.
    credits: Option<i32>,
}

payload!(AccountPayload { account: Account });
payload!(ApiKeyPayload { api_key: ApiKey });
payload!(
    /// The key is in the answer this once.
    CreateApiKeyPayload { api_key: ApiKey, key: String }
);
payload!(
    /// The first key is in the answer this once.
    CreateAccountPayload { account: Account, api_key: String }
);

impl AccountPayload {
    pub(super) fn of(account: Option<Account>) -> Self {
        Self { account, user_errors: vec![] }
    }
}

#[derive(Default)]
pub(super) struct Accounts;

#[Object]
impl Accounts {
    /// Makes a key. It is in the answer this once.
    async fn create_api_key(
        &self,
        context: &Context<'_>,
        input: CreateApiKeyInput,
    ) -> Result<CreateApiKeyPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let role = input.role.map_or(DomainRole::Merchant, DomainRole::from);
        if role > viewer.role {
            return Err(ApiError::Forbidden);
        }
        let (key, mut record) = keys::new_key(&input.name, role);
        if let Some(limit) = input.requests_per_minute {
            viewer.require(DomainRole::Admin)?;
            record.requests_per_minute = u32::try_from(limit).unwrap_or(0);
        }
        let account_id = input.account_id.as_ref().map_or_else(|| viewer.account_id.to_string(), |id| id.0.clone());
        if viewer.manages(&account_id)
            && let Err(reached) = service.limits.allow_api_key(service, &account_id).await?
        {
            return Ok(UserError::from(reached).into());
        }
        let key_id = record.id.to_string();
        match executed(context, input.account_id, AccountCommand::CreateApiKey(record)).await? {
            Ok((id, _)) => {
                let row = accounts::keys(&service.views, &id).await?.into_iter().find(|row| row.id == key_id);
                Ok(CreateApiKeyPayload { api_key: row.map(ApiKey::from), key: Some(key), user_errors: vec![] })
            }
            Err(error) => Ok(error.into()),
        }
    }

    /// A key is deactivated for good and never deleted, so that the history can name it. One of a higher role than the
    /// caller's is not, nor the last administrator's of the account that the service was begun with.
    async fn deactivate_api_key(
        &self,
        context: &Context<'_>,
        input: DeactivateApiKeyInput,
    ) -> Result<ApiKeyPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let account_id = input.account_id.as_ref().map_or_else(|| viewer.account_id.to_string(), |id| id.0.clone());
        if let (true, Ok(key_id)) = (viewer.manages(&account_id), input.api_key_id.parse())
            && role_of(service, &account_id, key_id).await?.is_some_and(|role| role > viewer.role)
        {
            return Err(ApiError::Forbidden);
        }
        let deactivate = |key_id| AccountCommand::DeactivateApiKey { key_id };
        change_key(context, input.account_id, &input.api_key_id, deactivate).await
    }

    /// Admin only: how many requests a key may send in a minute, from all nodes together.
    async fn limit_api_key(&self, context: &Context<'_>, input: LimitApiKeyInput) -> Result<ApiKeyPayload, ApiError> {
        asked(context)?.1.require(DomainRole::Admin)?;
        let requests_per_minute = u32::try_from(input.requests_per_minute).unwrap_or(0);
        let limit = |key_id| AccountCommand::LimitApiKey { key_id, requests_per_minute };
        change_key(context, input.account_id, &input.api_key_id, limit).await
    }

    /// Says for how many days personal data is kept once a delivery is over. What is kept for longer is erased by itself,
    /// for good, within an hour; what waits for a person is not.
    async fn set_retention(&self, context: &Context<'_>, input: SetRetentionInput) -> Result<AccountPayload, ApiError> {
        let days = input.days.map(|days| u32::try_from(days).unwrap_or(0));
        change(context, input.account_id, AccountCommand::SetRetention { days }).await
    }

    /// Admin only. Deliveries that waited for credits go on.
    async fn grant_credits(&self, context: &Context<'_>, input: GrantCreditsInput) -> Result<AccountPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        viewer.require(DomainRole::Admin)?;
        let Ok(credits) = u64::try_from(input.credits) else {
            return Ok(UserError::new("INVALID_GRANT", "credits cannot be taken away", Some("credits")).into());
        };
        let grant_id = match input.idempotency_key {
            Some(key) => uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, key.as_bytes()),
            None => ids::fresh(),
        };
        let id = match managed(viewer, Some(input.account_id))? {
            Ok(id) => id,
            Err(error) => return Ok(error.into()),
        };
        if service.log.current::<Aggregate>(&id).await?.aggregate.merchant().is_none() {
            return Ok(UserError::not_found("accountId").into());
        }
        let grant = LedgerCommand::Grant { grant_id, credits: Credits(credits) };
        match service.log.execute::<Ledger>(&id, grant, &viewer.actor(Some(&id))).await {
            Ok(committed) => service.wait_for_views(committed.position).await,
            Err(error) => return Ok(refused(error)?.into()),
        }
        Ok(AccountPayload::of(accounts::find(&service.views, &id).await?.map(Account::from)))
    }

    /// Admin only: opens an account with a first key, which is in the answer this once.
    async fn create_account(
        &self,
        context: &Context<'_>,
        input: CreateAccountInput,
    ) -> Result<CreateAccountPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        viewer.require(DomainRole::Admin)?;
        let pace = input.attempts_per_minute.map_or(Ok(DEFAULT_ATTEMPTS_PER_MINUTE), u32::try_from).unwrap_or(0);
        let id = AccountId(ids::fresh()).to_string();
        let (api_key, record) = keys::new_key(&first_key_of(&input.name), DomainRole::Merchant);
        let first_key = Some(record);
        let (open, actor) =
            (AccountCommand::Open { name: input.name, attempts_per_minute: pace, first_key }, viewer.actor(Some(&id)));
        let mut position = match service.log.execute::<Aggregate>(&id, open, &actor).await {
            Ok(committed) => committed.position,
            Err(error) => return Ok(refused(error)?.into()),
        };
        if let Some(credits) = input.credits.filter(|credits| *credits != 0) {
            let credits = Credits(u64::try_from(credits).unwrap_or(0));
            let grant = LedgerCommand::Grant { grant_id: ids::fresh(), credits };
            match service.log.execute::<Ledger>(&id, grant, &actor).await {
                Ok(committed) => position = committed.position,
                Err(error) => return Ok(refused(error)?.into()),
            }
        }
        service.wait_for_views(position).await;
        let account = accounts::find(&service.views, &id).await?.map(Account::from);
        Ok(CreateAccountPayload { account, api_key: Some(api_key), user_errors: vec![] })
    }
}

/// What an account's first key is called, so that the history says whose it is.
fn first_key_of(account: &str) -> String {
    let account: String = account.trim().chars().take(80).collect();
    format!("First key of {account}")
}

/// The role of an active key of an account.
async fn role_of(service: &Service, account_id: &str, key_id: ApiKeyId) -> Result<Option<DomainRole>, ApiError> {
    let account = service.log.current::<Aggregate>(account_id).await?;
    Ok(account.aggregate.merchant().and_then(|merchant| merchant.keys.active(key_id)).map(|key| key.role))
}

async fn change_key(
    context: &Context<'_>,
    account_id: Option<ID>,
    key_id: &ID,
    command: impl FnOnce(ApiKeyId) -> AccountCommand,
) -> Result<ApiKeyPayload, ApiError> {
    let (service, _) = asked(context)?;
    let Ok(id) = key_id.parse() else {
        return Ok(UserError::not_found("apiKeyId").into());
    };
    match executed(context, account_id, command(id)).await? {
        Ok((account_id, _)) => {
            let rows = accounts::keys(&service.views, &account_id).await?;
            let row = rows.into_iter().find(|row| row.id == key_id.as_str());
            Ok(ApiKeyPayload { api_key: row.map(ApiKey::from), user_errors: vec![] })
        }
        Err(error) => Ok(error.into()),
    }
}

pub(super) async fn change(
    context: &Context<'_>,
    account_id: Option<ID>,
    command: AccountCommand,
) -> Result<AccountPayload, ApiError> {
    let (service, _) = asked(context)?;
    match executed(context, account_id, command).await? {
        Ok((id, _)) => {
            let account = accounts::find(&service.views, &id).await?.map(Account::from);
            Ok(AccountPayload { account, user_errors: vec![] })
        }
        Err(error) => Ok(error.into()),
    }
}

/// The caller's account, or the one that an administrator names, where the caller may change it.
pub(super) fn managed(viewer: &Viewer, account_id: Option<ID>) -> Result<Result<String, UserError>, ApiError> {
    let id = account_id.map_or_else(|| viewer.account_id.to_string(), |id| id.0);
    viewer.require_managing(&id)?;
    if !viewer.manages(&id) || id.parse::<AccountId>().is_err() {
        return Ok(Err(UserError::not_found("accountId")));
    }
    Ok(Ok(id))
}

/// Executes a command on the caller's account, or on the one that an administrator names.
async fn executed(
    context: &Context<'_>,
    account_id: Option<ID>,
    command: AccountCommand,
) -> Result<Result<(String, Committed<Aggregate>), UserError>, ApiError> {
    let (service, viewer) = asked(context)?;
    let id = match managed(viewer, account_id)? {
        Ok(id) => id,
        Err(error) => return Ok(Err(error)),
    };
    match service.log.execute::<Aggregate>(&id, command, &viewer.actor(Some(&id))).await {
        Ok(committed) => {
            service.wait_for_views(committed.position).await;
            Ok(Ok((id, committed)))
        }
        Err(error) => Ok(Err(refused(error)?)),
    }
}
