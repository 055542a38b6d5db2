//! The login at Cortex Cloud that deliveries are made with: saved, tried and deleted.

use async_graphql::{Context, ID, InputObject, Object};
use secrecy::SecretString;

use super::accounts::{AccountPayload, shown};
use crate::api::graphql::ApiError;
use crate::api::graphql::viewer::app_and_viewer;

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
        let (app, viewer) = app_and_viewer(context)?;
        let SaveCortexCredentialsInput { account_id, email, password, check } = input;
        let account_id = account_id.map(String::from);
        shown(app.accounts.save_credentials(viewer, account_id, (&email, &password), check).await)
    }

    /// Logs in at Cortex Cloud with the login that is saved: returns the account where that works, and otherwise
    /// `NO_CREDENTIALS`, `CREDENTIALS_REFUSED` or `CORTEX_UNAVAILABLE`. Nothing is changed.
    async fn check_cortex_credentials(
        &self,
        context: &Context<'_>,
        input: Option<CortexCredentialsInput>,
    ) -> Result<AccountPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        shown(app.accounts.check_credentials(viewer, named(input)).await)
    }

    /// Deletes the login. Deliveries wait with `MISSING_CREDENTIALS` until another is saved.
    async fn delete_cortex_credentials(
        &self,
        context: &Context<'_>,
        input: Option<CortexCredentialsInput>,
    ) -> Result<AccountPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        shown(app.accounts.delete_credentials(viewer, named(input)).await)
    }
}

fn named(input: Option<CortexCredentialsInput>) -> Option<String> {
    input.and_then(|input| input.account_id).map(String::from)
}
