//! The login at Cortex Cloud that deliveries are made with: saved, tried and deleted.

use domain::Private;
use domain::account::{Account, AccountCommand, CortexCredentials};
use projections::accounts::{self, AccountRow};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Accounts, named_or_own, require_managed};
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;
use crate::ports::cortex::CortexError;

impl Accounts {
    /// Saves a login. With `check`, only where Cortex Cloud accepts it.
    pub async fn save_credentials(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
        (email, password): (&str, &SecretString),
        check: bool,
    ) -> Result<Option<AccountRow>, Error> {
        let account_id = named_or_own(viewer, account_id);
        let email = email.trim();
        if check {
            // Before anything is sent: only who may save a login may try one.
            require_managed(viewer, &account_id)?;
            self.try_login(email, password.expose_secret()).await?;
        }
        let password = Private::from(password.expose_secret());
        let credentials = CortexCredentials { email: Private::Known(email.to_owned()), password };
        self.change(viewer, &account_id, AccountCommand::SaveCredentials { credentials }).await
    }

    /// Logs in with the login that is saved, and changes nothing.
    pub async fn check_credentials(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
    ) -> Result<Option<AccountRow>, Error> {
        let account_id = named_or_own(viewer, account_id);
        require_managed(viewer, &account_id)?;
        let account = self.data.log.current::<Account>(&account_id).await?;
        let Some(merchant) = account.aggregate.merchant() else {
            return Err(Refused::not_found("accountId").into());
        };
        let saved = merchant.credentials.as_ref();
        let Some((email, password)) = saved.and_then(|saved| Some((saved.email.known()?, saved.password.known()?)))
        else {
            return Err(Refused::new("NO_CREDENTIALS", "no login at Cortex Cloud is saved", None).into());
        };
        self.try_login(email, password).await?;
        Ok(accounts::find(&self.data.views, &account_id).await?)
    }

    /// Deletes the login. Deliveries wait until another is saved.
    pub async fn delete_credentials(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
    ) -> Result<Option<AccountRow>, Error> {
        self.change(viewer, &named_or_own(viewer, account_id), AccountCommand::DeleteCredentials).await
    }

    /// Logs in, and throws the session away.
    async fn try_login(&self, email: &str, password: &str) -> Result<(), Refused> {
        match self.cortex.login(email, password).await {
            Ok(_) => Ok(()),
            Err(CortexError::BadCredentials) => {
                let message = "Cortex Cloud does not accept this e-mail address and password";
                Err(Refused::new("CREDENTIALS_REFUSED", message, Some("password")))
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
                Err(Refused::new("CORTEX_UNAVAILABLE", format!("the login cannot be tried now: {error}"), None))
            }
        }
    }
}
