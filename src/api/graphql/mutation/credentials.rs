//! The login at Cortex Cloud that deliveries are made with: saved, tried and deleted.

use async_graphql::{Context, ID, InputObject, Object};
use domain::Private;
use domain::account::{Account as Aggregate, AccountCommand, CortexCredentials};
use projections::accounts;
use secrecy::{ExposeSecret as _, SecretString};

use super::accounts::{AccountPayload, change, managed};
use crate::api::graphql::ApiError;
use crate::api::graphql::account::Account;
use crate::api::graphql::error::UserError;
use crate::api::graphql::query::asked;
use crate::ports::cortex::CortexError;
use crate::service::Service;

#[derive(InputObject)]
struct SaveCortexCredentialsInput {
    /// Admin only: for another account.
    account_id: Option<ID>,
    email: String,
    password: SecretString,
    /// Logs in at Cortex Cloud first, and saves nothing where that fails.
    #[graphql(default)]
    check: bool,
}

#[derive(InputObject)]
struct CortexCredentialsInput {
    /// Admin only: those of another account.
    account_id: Option<ID>,
}

#[derive(Default)]
pub(super) struct Credentials;

#[Object]
impl Credentials {
    /// Saves the login that deliveries are made with. Deliveries that waited for it go on. With `check`, what Cortex Cloud
    /// does not accept is refused (`CREDENTIALS_REFUSED`), and so is what cannot be tried (`CORTEX_UNAVAILABLE`).
    async fn save_cortex_credentials(
        &self,
        context: &Context<'_>,
        input: SaveCortexCredentialsInput,
    ) -> Result<AccountPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let email = input.email.trim().to_owned();
        if input.check {
            // Before anything is sent: only who may save a login may try one.
            if let Err(error) = managed(viewer, input.account_id.clone())? {
                return Ok(error.into());
            }
            if let Err(error) = tried(service, &email, input.password.expose_secret()).await {
                return Ok(error.into());
            }
        }
        let password = Private::from(input.password.expose_secret());
        let credentials = CortexCredentials { email: Private::Known(email), password };
        change(context, input.account_id, AccountCommand::SaveCredentials { credentials }).await
    }

    /// Logs in at Cortex Cloud with the login that is saved: returns the account where that works, and otherwise
    /// `NO_CREDENTIALS`, `CREDENTIALS_REFUSED` or `CORTEX_UNAVAILABLE`. Nothing is changed.
    async fn check_cortex_credentials(
        &self,
        context: &Context<'_>,
        input: Option<CortexCredentialsInput>,
    ) -> Result<AccountPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let id = match managed(viewer, input.and_then(|input| input.account_id))? {
            Ok(id) => id,
            Err(error) => return Ok(error.into()),
        };
        let account = service.log.current::<Aggregate>(&id).await?;
        let Some(merchant) = account.aggregate.merchant() else {
            return Ok(UserError::not_found("accountId").into());
        };
        let saved = merchant.credentials.as_ref();
        let known = saved.and_then(|saved| Some((saved.email.known()?, saved.password.known()?)));
        let Some((email, password)) = known else {
            return Ok(UserError::new("NO_CREDENTIALS", "no login at Cortex Cloud is saved", None).into());
        };
        if let Err(error) = tried(service, email, password).await {
            return Ok(error.into());
        }
        let account = accounts::find(&service.views, &id).await?.map(Account::from);
        Ok(AccountPayload::of(account))
    }

    /// Deletes the login. Deliveries wait with `MISSING_CREDENTIALS` until another is saved.
    async fn delete_cortex_credentials(
        &self,
        context: &Context<'_>,
        input: Option<CortexCredentialsInput>,
    ) -> Result<AccountPayload, ApiError> {
        change(context, input.and_then(|input| input.account_id), AccountCommand::DeleteCredentials).await
    }
}

/// Logs in, and throws the session away.
async fn tried(service: &Service, email: &str, password: &str) -> Result<(), UserError> {
    match service.cortex.login(email, password).await {
        Ok(_) => Ok(()),
        Err(CortexError::BadCredentials) => {
            let message = "Cortex Cloud does not accept this e-mail address and password";
            Err(UserError::new("CREDENTIALS_REFUSED", message, Some("password")))
        }
        Err(
            error @ (CortexError::SessionExpired
            | CortexError::RateLimited { .. }
            | CortexError::Temporary(_)
            | CortexError::NotMutual
            | CortexError::NotFound
            | CortexError::Unexpected(_)),
        ) => {
            tracing::warn!(%error, "a login at Cortex Cloud could not be tried");
            Err(UserError::new("CORTEX_UNAVAILABLE", format!("the login cannot be tried now: {error}"), None))
        }
    }
}
