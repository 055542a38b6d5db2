//! Accounts: their login at Cortex Cloud, keys and credits; and, for administrators, opening them.

use async_graphql::{Context, ID, InputObject, Object};
use domain::account::Role as DomainRole;
use projections::accounts::{AccountRow, ApiKeyRow};

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::{Account, ApiKey};
use crate::api::graphql::error::payload_of;
use crate::api::graphql::viewer::app_and_viewer;
use crate::api::graphql::words::Role;
use crate::app;
use crate::app::accounts::{NewAccount, NewKey};

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
struct SetStockAlertInput {
    /// Admin only: of another account.
    account_id: Option<ID>,
    /// Between 0 and 1,000,000; null for no alert.
    threshold: Option<i32>,
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

pub(super) fn shown(done: Result<Option<AccountRow>, app::Error>) -> Result<AccountPayload, ApiError> {
    payload_of(done, |row| AccountPayload { account: row.map(Account::from), user_errors: vec![] })
}

fn shown_key(done: Result<Option<ApiKeyRow>, app::Error>) -> Result<ApiKeyPayload, ApiError> {
    payload_of(done, |row| ApiKeyPayload { api_key: row.map(ApiKey::from), user_errors: vec![] })
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
        let (app, viewer) = app_and_viewer(context)?;
        let new = NewKey {
            account_id: input.account_id.map(String::from),
            name: input.name,
            role: input.role.map_or(DomainRole::Merchant, DomainRole::from),
            requests_per_minute: input.requests_per_minute,
        };
        payload_of(app.accounts.create_key(viewer, new).await, |(row, key)| CreateApiKeyPayload {
            api_key: row.map(ApiKey::from),
            key: Some(key),
            user_errors: vec![],
        })
    }

    /// A key is deactivated for good and never deleted, so that the history can name it. One of a higher role than the
    /// caller's is not, nor the last administrator's of the account that the service was begun with.
    async fn deactivate_api_key(
        &self,
        context: &Context<'_>,
        input: DeactivateApiKeyInput,
    ) -> Result<ApiKeyPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let account_id = input.account_id.map(String::from);
        shown_key(app.accounts.deactivate_key(viewer, account_id, &input.api_key_id).await)
    }

    /// Admin only: how many requests a key may send in a minute, from all nodes together.
    async fn limit_api_key(&self, context: &Context<'_>, input: LimitApiKeyInput) -> Result<ApiKeyPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let account_id = input.account_id.map(String::from);
        shown_key(app.accounts.limit_key(viewer, account_id, &input.api_key_id, input.requests_per_minute).await)
    }

    /// Says for how many days personal data is kept once a delivery is over. What is kept for longer is erased by itself,
    /// for good, within an hour; what waits for a person is not.
    async fn set_retention(&self, context: &Context<'_>, input: SetRetentionInput) -> Result<AccountPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        shown(app.accounts.set_retention(viewer, input.account_id.map(String::from), input.days).await)
    }

    /// Says how few left of a product are published as `inventory.out_of_stock`. Once, when the stock falls so far; again
    /// after it has been above.
    async fn set_stock_alert(
        &self,
        context: &Context<'_>,
        input: SetStockAlertInput,
    ) -> Result<AccountPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        shown(app.accounts.set_stock_alert(viewer, input.account_id.map(String::from), input.threshold).await)
    }

    /// Admin only. Deliveries that waited for credits go on.
    async fn grant_credits(&self, context: &Context<'_>, input: GrantCreditsInput) -> Result<AccountPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let key = input.idempotency_key.as_deref().map(String::as_str);
        shown(app.accounts.grant_credits(viewer, &input.account_id, input.credits, key).await)
    }

    /// Admin only: opens an account with a first key, which is in the answer this once.
    async fn create_account(
        &self,
        context: &Context<'_>,
        input: CreateAccountInput,
    ) -> Result<CreateAccountPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let CreateAccountInput { name, attempts_per_minute, credits } = input;
        let opened = app.accounts.open(viewer, NewAccount { name, attempts_per_minute, credits }).await;
        payload_of(opened, |(row, api_key)| CreateAccountPayload {
            account: row.map(Account::from),
            api_key: Some(api_key),
            user_errors: vec![],
        })
    }
}
