//! What an account has for its endpoints as a whole: whom to write to about them, and a secret for those that are given none.

use async_graphql::{Context, ID, InputObject, Object};
use secrecy::{ExposeSecret as _, SecretString};

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::Account;
use crate::api::graphql::error::payload_of;
use crate::api::graphql::viewer::app_and_viewer;

/// Returned where an address is set that nothing will be sent to.
const NO_MAIL: &str =
    "this service has no mail server, so nothing is sent to this address until its operator names one";

#[derive(InputObject)]
struct SetContactAddressInput {
    /// Admin only: of another account.
    account_id: Option<ID>,
    /// An address alone, like ops@example.com.
    email: SecretString,
}

#[derive(InputObject)]
struct RemoveContactAddressInput {
    /// Admin only: of another account.
    account_id: Option<ID>,
}

#[derive(InputObject)]
struct SetDefaultEndpointSecretInput {
    /// Admin only: of another account.
    account_id: Option<ID>,
    /// `whsec_` and the base64 of 24 to 64 bytes; a new one is made, if left out.
    signing_secret: Option<SecretString>,
}

payload!(ContactAddressPayload { account: Account, warning: String });
payload!(
    /// The secret is in the answer this once.
    DefaultEndpointSecretPayload { account: Account, signing_secret: String }
);

#[derive(Default)]
pub(super) struct Contacts;

#[Object]
impl Contacts {
    /// Sets the e-mail address to which the account is written when an endpoint of it fails. It is sealed, and shown to the
    /// account's own keys alone.
    async fn set_contact_address(
        &self,
        context: &Context<'_>,
        input: SetContactAddressInput,
    ) -> Result<ContactAddressPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let account_id = input.account_id.map(String::from);
        let set = app.accounts.set_contact(viewer, account_id, input.email.expose_secret()).await;
        payload_of(set, |row| ContactAddressPayload {
            account: row.map(Account::from),
            warning: (!app.sends_mail).then(|| NO_MAIL.to_owned()),
            user_errors: vec![],
        })
    }

    /// The account is not written to any more.
    async fn remove_contact_address(
        &self,
        context: &Context<'_>,
        input: Option<RemoveContactAddressInput>,
    ) -> Result<ContactAddressPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let account_id = input.and_then(|input| input.account_id).map(String::from);
        let removed = app.accounts.remove_contact(viewer, account_id).await;
        payload_of(removed, |row| ContactAddressPayload { account: row.map(Account::from), ..Default::default() })
    }

    /// Sets the secret of endpoints that are created from now on without one of their own.
    async fn set_default_endpoint_secret(
        &self,
        context: &Context<'_>,
        input: SetDefaultEndpointSecretInput,
    ) -> Result<DefaultEndpointSecretPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let account_id = input.account_id.map(String::from);
        let secret = input.signing_secret.as_ref();
        let set = app.accounts.set_default_endpoint_secret(viewer, account_id, secret).await;
        payload_of(set, |(row, secret)| DefaultEndpointSecretPayload {
            account: row.map(Account::from),
            signing_secret: Some(secret),
            user_errors: vec![],
        })
    }
}
