//! Connecting a store by OAuth: somebody begins here, authorises at the store, and comes back with what gives access.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store_access::{access_saved, valid_token};
use super::{IntegrationEvent, IntegrationRefusal, Link, StoreAccess};
use crate::Private;
use crate::delivery::MAX_REASON_CHARS;

/// Longest id and longest secret of an app at a platform, in characters.
pub const MAX_APP_CHARS: usize = 500;

/// An attempt to connect a store, which is used up by the first that comes of it. A later one takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionAttempt {
    pub id: Uuid,
    /// What names the store in its platform's API, where that is known before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// What the store is asked to allow, in the platform's words.
    pub scopes: Vec<String>,
    /// The id, at the platform, of the app that asks.
    pub client_id: String,
    /// SHA-256, hexadecimal, of what opens its page: who was given the address may go on with it.
    pub link_hash: String,
    pub expires_at: DateTime<Utc>,
    /// Whether no integration was named. Then this one makes way for one that has the store already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub makes_way: bool,
}

/// What a store granted.
#[derive(Clone, Debug)]
pub struct Grant {
    pub token: SecretString,
    /// What names the store in its platform's API, where the token alone does not.
    pub store: Option<String>,
    pub scopes: Vec<String>,
    pub refresh_token: Option<SecretString>,
    /// When the token ends, where it does.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What came with a token by OAuth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Authorization {
    /// The attempt that it came of.
    pub attempt_id: Uuid,
    pub client_id: String,
    /// What the store allowed.
    pub scopes: Vec<String>,
    /// What it was asked to allow and did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Private<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A merchant's own app at the platform of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreApp {
    pub client_id: String,
    pub client_secret: Private<String>,
}

impl Link {
    /// Whether this attempt is the one that is waited for at `now`.
    pub fn awaits(&self, attempt_id: Uuid, now: DateTime<Utc>) -> Result<&ConnectionAttempt, IntegrationRefusal> {
        let attempt = self.connecting.as_ref().filter(|attempt| attempt.id == attempt_id);
        let attempt = attempt.ok_or(IntegrationRefusal::ConnectionUsed)?;
        if now < attempt.expires_at { Ok(attempt) } else { Err(IntegrationRefusal::ConnectionExpired) }
    }

    /// Refuses another store than the one that the integration has been of: their orders would be taken for one another's.
    pub fn require_store(&self, store: Option<&str>) -> Result<(), IntegrationRefusal> {
        match (self.known_store.as_deref(), store) {
            (Some(known), Some(store)) if known != store => {
                Err(IntegrationRefusal::OtherStore { known: known.to_owned() })
            }
            (Some(_) | None, _) => Ok(()),
        }
    }

    pub(super) fn start_connecting(&self, attempt: ConnectionAttempt) -> Result<IntegrationEvent, IntegrationRefusal> {
        self.require_store(attempt.store.as_deref())?;
        Ok(IntegrationEvent::StoreConnectionStarted(attempt))
    }

    pub(super) fn complete_connecting(
        &self,
        attempt_id: Uuid,
        grant: Grant,
        now: DateTime<Utc>,
    ) -> Result<IntegrationEvent, IntegrationRefusal> {
        let attempt = self.awaits(attempt_id, now)?;
        self.require_store(grant.store.as_deref())?;
        if let (Some(wanted), Some(granted)) = (&attempt.store, &grant.store)
            && wanted != granted
        {
            return Err(IntegrationRefusal::OtherStore { known: wanted.clone() });
        }
        let is_missing = |scope: &&String| !grant.scopes.contains(scope);
        let authorization = Authorization {
            attempt_id,
            client_id: attempt.client_id.clone(),
            missing_scopes: attempt.scopes.iter().filter(is_missing).cloned().collect(),
            scopes: grant.scopes,
            refresh_token: grant.refresh_token.map(private),
            expires_at: grant.expires_at,
        };
        Ok(access_saved(valid_token(grant.token.expose_secret())?, grant.store, Some(authorization)))
    }

    /// Nothing where the attempt is over.
    pub(super) fn fail_connecting(&self, attempt_id: Uuid, reason: &str) -> Option<IntegrationEvent> {
        self.connecting.as_ref().filter(|attempt| attempt.id == attempt_id)?;
        let reason = reason.chars().take(MAX_REASON_CHARS).collect();
        Some(IntegrationEvent::StoreConnectionFailed { attempt_id, reason })
    }

    /// Forgets the token, and ends the attempt that is under way.
    pub(super) fn disconnect(&self) -> Vec<IntegrationEvent> {
        let removed = self.store_access.is_some().then_some(IntegrationEvent::StoreAccessRemoved {});
        let ended = self.connecting.as_ref().map(|attempt| IntegrationEvent::StoreConnectionFailed {
            attempt_id: attempt.id,
            reason: "it was disconnected meanwhile".to_owned(),
        });
        removed.into_iter().chain(ended).collect()
    }

    pub(super) fn save_app(
        &self,
        client_id: &str,
        client_secret: &str,
    ) -> Result<Option<IntegrationEvent>, IntegrationRefusal> {
        let (client_id, client_secret) = (client_id.trim(), client_secret.trim());
        let is_valid =
            |text: &str| (1..=MAX_APP_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_valid(client_id) || !is_valid(client_secret) {
            return Err(IntegrationRefusal::InvalidApp);
        }
        let app = StoreApp { client_id: client_id.to_owned(), client_secret: Private::from(client_secret) };
        Ok((self.app.as_ref() != Some(&app)).then(|| IntegrationEvent::StoreAppSaved {
            secret_preview: crate::private::preview(client_secret),
            client_id: app.client_id,
            client_secret: app.client_secret,
        }))
    }

    /// Another token of the same authorisation. Nothing where the one that is renewed is not the present one any more.
    pub(super) fn renew_access(
        &self,
        old_token: &str,
        grant: Grant,
    ) -> Result<Option<IntegrationEvent>, IntegrationRefusal> {
        if !self.is_token(old_token) {
            return Ok(None);
        }
        let token = valid_token(grant.token.expose_secret())?;
        Ok(Some(IntegrationEvent::StoreAccessRenewed {
            token_preview: crate::private::preview(&token),
            token: Private::Known(token),
            refresh_token: grant.refresh_token.map(private),
            expires_at: grant.expires_at,
        }))
    }

    pub(super) fn apply_renewed(
        &mut self,
        token: Private<String>,
        refresh_token: Option<Private<String>>,
        expires_at: Option<DateTime<Utc>>,
    ) {
        let Some(access) = &mut self.store_access else { return };
        access.token = token;
        access.lost = None;
        if let Some(authorization) = &mut access.authorization {
            // A platform that gives no new one goes on with the old.
            if refresh_token.is_some() {
                authorization.refresh_token = refresh_token;
            }
            authorization.expires_at = expires_at;
        }
    }

    /// What ended an attempt ends it for good.
    pub(super) fn apply_access(&mut self, access: StoreAccess) {
        if let Some(authorization) = &access.authorization
            && self.connecting.as_ref().is_some_and(|attempt| attempt.id == authorization.attempt_id)
        {
            self.connecting = None;
        }
        if access.store.is_some() {
            self.known_store = access.store.clone();
        }
        self.store_access = Some(access);
    }
}

fn private(secret: SecretString) -> Private<String> {
    Private::Known(secret.expose_secret().to_owned())
}
