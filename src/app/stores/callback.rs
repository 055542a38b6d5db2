//! What a browser brings back from the store: verified, exchanged for a token, and saved.

use std::error::Error as _;

use domain::integration::{Grant, IntegrationCommand, IntegrationRefusal, Provider};
use event_log::{Actor, CommandError};
use providers::{App, Callback, CallbackRefusal, Query};

use super::state::State;
use super::{Stores, oauth_of};
use crate::app::error::Error;
use crate::ports::stores::{CallFailure, Target};

/// Why a store's code was good for nothing.
pub(in crate::app) struct NotGranted {
    pub(in crate::app) reason: String,
    /// It was the code that was not taken.
    pub(in crate::app) is_of_code: bool,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    pub account: String,
    pub integration: String,
    pub provider: Provider,
    pub store: Option<String>,
    /// What was asked for and not allowed.
    pub missing_scopes: Vec<String>,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// It was not begun here, or in another browser.
    #[error("this browser has not begun to connect a store here: open the link again, and finish in the same browser")]
    NotBegun,
    #[error(transparent)]
    Callback(#[from] CallbackRefusal),
    #[error(transparent)]
    Refused(#[from] IntegrationRefusal),
    #[error("the app by which the store was to be connected is gone from the settings: begin again")]
    NoApp,
    #[error("the store could not be called to finish: {0}. Begin again")]
    Store(String),
    #[error("this server cannot save it at the moment: begin again in a while")]
    Unavailable,
}

impl From<Error> for CallbackError {
    fn from(error: Error) -> Self {
        tracing::error!(?error, "what came back from a store could not be saved");
        Self::Unavailable
    }
}

impl Stores {
    /// `kept` is what the browser kept: its session, and the state that was sent with it.
    pub async fn callback(
        &self,
        provider: Provider,
        query: &str,
        kept: Option<(&str, &str)>,
    ) -> Result<Connected, CallbackError> {
        let came = self.came_back(provider, query, kept).await;
        let outcome = match &came {
            Ok(_) => "connected",
            Err(CallbackError::Callback(CallbackRefusal::Declined(_))) => "declined",
            Err(CallbackError::NotBegun | CallbackError::Callback(_)) => "forged",
            Err(CallbackError::Refused(_) | CallbackError::NoApp) => "refused",
            Err(CallbackError::Store(_) | CallbackError::Unavailable) => "failed",
        };
        self.metrics.store_connected(provider.as_str(), outcome);
        came
    }

    async fn came_back(
        &self,
        provider: Provider,
        query: &str,
        kept: Option<(&str, &str)>,
    ) -> Result<Connected, CallbackError> {
        let query = Query::read(query)?;
        let (session, kept_state) = kept.ok_or(CallbackError::NotBegun)?;
        let (state, signature) = State::claimed(kept_state).ok_or(CallbackError::NotBegun)?;
        // Who loads the page again, while the code is exchanged, does not use it up.
        let _turn = self.callbacks.of(state.integration_id).await;
        let link = self.integrations.found(state.integration_id).await?;
        let link = link.filter(|link| link.provider == provider).ok_or(CallbackError::NotBegun)?;
        let (_, oauth) = oauth_of(link.provider).map_err(|_| CallbackError::NotBegun)?;
        let has_come_back = query.get("state").map_or(!oauth.returns_state(), |returned| returned == kept_state);
        if !has_come_back || !state.is_signed(signature, &self.key, &link, session) {
            return Err(CallbackError::NotBegun);
        }
        let now = self.integrations.now();
        let attempt = link.awaits(state.attempt_id, now)?.clone();
        let app = self.verification.apps.with_id(&link, &attempt.client_id).ok_or(CallbackError::NoApp)?;
        let callback = match oauth.callback(&query, &app, now) {
            Ok(callback) => callback,
            Err(refusal) => {
                // What is forged ends nothing: who began may still come back.
                if let CallbackRefusal::Declined(reason) = &refusal {
                    self.fail(state, &format!("the store was not authorised: {reason}")).await?;
                }
                return Err(refusal.into());
            }
        };
        if callback.store.is_some() && attempt.store.is_some() && callback.store != attempt.store {
            let known = attempt.store.unwrap_or_default();
            let refusal = IntegrationRefusal::OtherStore { known };
            self.fail(state, &format!("another store was authorised: {refusal}")).await?;
            return Err(refusal.into());
        }
        let redirect_uri = self.redirect_uri(link.provider.as_str());
        let granted = self.granted(link.provider, (&callback, &app), &redirect_uri, &attempt.scopes).await;
        let grant = match granted {
            Ok(grant) => grant,
            Err(NotGranted { reason, is_of_code }) => {
                // Where nothing signs what comes back, anyone can make this browser bring a code that is none: that ends nothing.
                if !is_of_code || oauth.returns_state() {
                    self.fail(state, &reason).await?;
                }
                return Err(CallbackError::Store(reason));
            }
        };
        let before = self.connected_before(state.integration_id, &link, (&attempt, &grant)).await?;
        let saved = match before {
            None => self.complete(state, grant).await,
            Some((other, of_other)) => {
                self.hand_over((other, &of_other), oauth, &attempt, &grant).await.map_err(not_saved)?;
                let connected = self.complete(State { integration_id: other, ..state }, grant).await;
                let reason = format!("the integration {other} has this store already, and was connected with it again");
                if connected.is_ok() {
                    self.fail(state, &reason).await?;
                }
                connected
            }
        };
        if let Err(error @ (CallbackError::Refused(_) | CallbackError::Unavailable)) = &saved {
            // The code is used up: who waits is to begin again. Where nothing can be recorded, the attempt ends by itself.
            let recorded = self.fail(state, &format!("it could not be saved: {error}")).await;
            recorded
                .unwrap_or_else(|error| tracing::warn!(%error, "that connecting a store failed cannot be recorded"));
        }
        saved
    }

    /// The token for which the store takes a code.
    pub(in crate::app) async fn granted(
        &self,
        provider: Provider,
        (callback, app): (&Callback, &App<'_>),
        redirect_uri: &str,
        wanted: &[String],
    ) -> Result<Grant, NotGranted> {
        let other = |reason: String| NotGranted { reason, is_of_code: false };
        let target = Target::login(provider, callback.store.as_deref());
        let target = target.ok_or_else(|| other("it has no API".to_owned()))?;
        let (_, oauth) = oauth_of(provider).map_err(|refused| other(refused.message))?;
        let exchange = oauth.exchange(callback, app, redirect_uri);
        let body = self.client.call(&target, &exchange).await.map_err(|failure| match failure {
            CallFailure::Unauthorized { .. }
            | CallFailure::Forbidden { .. }
            | CallFailure::NotFound { .. }
            | CallFailure::Unavailable { status: Some(400), .. } => NotGranted {
                reason: "it does not take the code, which was used or is too old, or the secret of the app".to_owned(),
                is_of_code: true,
            },
            CallFailure::Unavailable { reason, .. } => other(reason),
        })?;
        let granted = oauth.grant(&body, Some(callback), wanted, self.integrations.now());
        granted.map_err(|malformed| other(format!("its answer is none: {malformed}")))
    }

    async fn complete(&self, state: State, grant: Grant) -> Result<Connected, CallbackError> {
        let now = self.integrations.now();
        let complete = IntegrationCommand::CompleteConnecting { attempt_id: state.attempt_id, grant, now };
        let data = &self.integrations.data;
        let done = data.log.execute::<domain::integration::Integration>(state.integration_id, complete, &Actor::System);
        let committed = done.await.map_err(not_saved)?;
        data.wait_for_views(committed.position).await;
        let link = committed.aggregate.link().ok_or(CallbackError::Unavailable)?;
        let access = link.store_access.as_ref();
        let granted = access.and_then(|access| access.authorization.as_ref());
        tracing::info!(integration = %state.integration_id, "a store was connected");
        Ok(Connected {
            account: self.account_name(link).await?,
            integration: link.name.clone(),
            provider: link.provider,
            store: access.and_then(|access| access.store.clone()),
            missing_scopes: granted.map(|granted| granted.missing_scopes.clone()).unwrap_or_default(),
        })
    }

    async fn fail(&self, state: State, reason: &str) -> Result<(), CallbackError> {
        let fail = IntegrationCommand::FailConnecting { attempt_id: state.attempt_id, reason: reason.to_owned() };
        let data = &self.integrations.data;
        let done = data.log.execute::<domain::integration::Integration>(state.integration_id, fail, &Actor::System);
        let committed = done.await.map_err(|error| CallbackError::from(Error::from(error)))?;
        data.wait_for_views(committed.position).await;
        Ok(())
    }
}

fn not_saved(error: CommandError<IntegrationRefusal>) -> CallbackError {
    match error {
        CommandError::Refused(refusal) => refusal.into(),
        error @ (CommandError::Contended
        | CommandError::Busy
        | CommandError::Unavailable(_)
        | CommandError::Broken { .. }) => {
            tracing::error!(%error, source = error.source(), "a store's authorisation could not be saved");
            CallbackError::Unavailable
        }
    }
}
