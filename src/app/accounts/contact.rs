//! What an account has for its endpoints as a whole: a secret for those that are given none, and whom to write to about them.

use commerce::Secret;
use domain::Private;
use domain::account::{Account, AccountCommand};
use projections::accounts::AccountRow;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Accounts, named_or_own};
use crate::app::error::{Error, Refused};
use crate::app::keys;
use crate::app::viewer::Viewer;
use crate::ports::mail;

impl Accounts {
    /// Says whom to write to about the account's endpoints.
    pub async fn set_contact(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
        email: &str,
    ) -> Result<Option<AccountRow>, Error> {
        let email = email.trim();
        let account_id = named_or_own(viewer, account_id);
        if viewer.manages(&account_id) && !mail::is_address(email) {
            let message = "this is no e-mail address: write it like ops@example.com, without a name";
            return Err(Refused::new("INVALID_EMAIL", message, Some("email")).into());
        }
        self.change(viewer, &account_id, AccountCommand::SetContact { email: email.into() }).await
    }

    /// The account is not written to about its endpoints any more.
    pub async fn remove_contact(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
    ) -> Result<Option<AccountRow>, Error> {
        self.change(viewer, &named_or_own(viewer, account_id), AccountCommand::RemoveContact).await
    }

    /// Sets this secret, or a new one, which is returned this once: endpoints that are created from now on without one of their own
    /// have it.
    pub async fn set_default_endpoint_secret(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
        secret: Option<&SecretString>,
    ) -> Result<(Option<AccountRow>, String), Error> {
        let given = secret.map(|secret| {
            Secret::parse(secret.expose_secret())
                .map_err(|invalid| Refused::new("INVALID_SECRET", invalid.to_string(), Some("signingSecret")))
        });
        let secret = given.transpose()?.unwrap_or_else(keys::new_endpoint_secret);
        let set = AccountCommand::SetDefaultEndpointSecret { secret: secret.expose().into() };
        let row = self.change(viewer, &named_or_own(viewer, account_id), set).await?;
        Ok((row, secret.expose().to_owned()))
    }

    /// The contact address, for the account's own keys alone.
    pub async fn contact(&self, viewer: &Viewer, account_id: &str) -> Result<Option<String>, Error> {
        if !viewer.reads_personal_data(account_id) {
            return Ok(None);
        }
        let account = self.data.log.current::<Account>(account_id).await?;
        let contact = account.aggregate.merchant().and_then(|merchant| merchant.contact.as_ref());
        Ok(contact.and_then(Private::known).cloned())
    }

    /// The end of the secret that endpoints without one of their own are created with.
    pub async fn default_endpoint_secret_preview(
        &self,
        viewer: &Viewer,
        account_id: &str,
    ) -> Result<Option<String>, Error> {
        viewer.require_seeing(account_id)?;
        let account = self.data.log.current::<Account>(account_id).await?;
        let secret = account.aggregate.merchant().and_then(|merchant| merchant.default_endpoint_secret.as_ref());
        Ok(secret.and_then(Private::known).map(|secret| domain::private::preview(secret)))
    }
}
