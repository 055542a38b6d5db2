//! What a browser is shown and sent on to, before it goes to the store.

use domain::IntegrationId;
use domain::integration::{ConnectionAttempt, Provider};
use providers::Authorize;

use super::state::State;
use super::{Stores, oauth_of};
use crate::app::error::Error;
use crate::app::keys;
use crate::app::links::CurrentLink;

/// What who opened the address is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub account: String,
    pub integration: String,
    pub provider: Provider,
    pub store: Option<String>,
    pub scopes: Vec<String>,
}

/// Where the browser goes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentOn {
    pub url: String,
    /// What is to come back with it.
    pub state: String,
    /// Whether the platform shows the way back inside a page of its own.
    pub in_frame: bool,
}

/// Why an address leads nowhere.
#[derive(Debug)]
pub enum PageError {
    /// It was mistyped, used, replaced by another, or is too old.
    Over,
    /// Its app is gone from the settings since.
    NoApp,
    Failed(Error),
}

impl<E: Into<Error>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Stores {
    /// What the address asks for.
    pub async fn opened(&self, integration_id: &str, secret: &str) -> Result<Opened, PageError> {
        let (_, link, attempt) = self.attempt_of(integration_id, secret).await?;
        Ok(Opened {
            account: self.account_name(&link).await?,
            integration: link.name.clone(),
            provider: link.provider,
            store: attempt.store,
            scopes: attempt.scopes,
        })
    }

    /// Where the browser goes next. `session` is what this browser alone keeps.
    pub async fn authorize(&self, integration_id: &str, secret: &str, session: &str) -> Result<SentOn, PageError> {
        let (integration_id, link, attempt) = self.attempt_of(integration_id, secret).await?;
        let (_, oauth) = oauth_of(link.provider).map_err(Error::from)?;
        let app = self.verification.apps.with_id(&link, &attempt.client_id).ok_or(PageError::NoApp)?;
        let state = State { integration_id, attempt_id: attempt.id }.signed(&self.key, &link, session);
        let wanted = Authorize {
            client_id: app.client_id,
            scopes: &attempt.scopes,
            redirect_uri: &self.redirect_uri(link.provider.as_str()),
            state: &state,
        };
        let url = self.login_url(link.provider, attempt.store.as_deref(), &wanted)?;
        Ok(SentOn { url, state, in_frame: !oauth.returns_state() })
    }

    async fn attempt_of(
        &self,
        integration_id: &str,
        secret: &str,
    ) -> Result<(IntegrationId, CurrentLink, ConnectionAttempt), PageError> {
        let id: IntegrationId = integration_id.parse().map_err(|_| PageError::Over)?;
        let link = self.integrations.found(id).await?.ok_or(PageError::Over)?;
        let now = self.integrations.now();
        let is_open = |attempt: &&ConnectionAttempt| {
            // Hashes are compared: how long that takes says nothing of what was typed.
            attempt.link_hash == keys::hash(secret) && now < attempt.expires_at
        };
        let attempt = link.connecting.as_ref().filter(is_open).cloned().ok_or(PageError::Over)?;
        Ok((id, link, attempt))
    }
}
