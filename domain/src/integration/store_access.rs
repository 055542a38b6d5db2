//! How the service and a store reach each other: the address that the store posts to, and access to the store's API.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use super::{Authorization, IntegrationEvent, IntegrationRefusal, Link, Provider};
use crate::Private;
use crate::web_address::web_address;

pub const MAX_NOTIFICATION_URL_CHARS: usize = 2_000;
/// Longest access token of a store's API, in characters.
pub const MAX_TOKEN_CHARS: usize = 2_000;

/// Access to the API of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreAccess {
    pub token: Private<String>,
    /// What names the store in its platform's API, where the token alone does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// What came with the token by OAuth. None where somebody copied the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Why the store takes the token no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<AccessLost>,
}

impl StoreAccess {
    /// Whether the token has ended at `now`: it is to be renewed, and says nothing of the authorisation.
    pub fn has_ended(&self, now: DateTime<Utc>) -> bool {
        self.authorization.as_ref().and_then(|granted| granted.expires_at).is_some_and(|ends_at| ends_at <= now)
    }

    /// The token, as long as the store is known to take it.
    pub fn usable_token(&self) -> Option<&str> {
        self.token.known().filter(|_| self.lost.is_none()).map(String::as_str)
    }
}

/// Why a store takes a token no more. These names are the storage format.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AccessLost {
    /// The app was removed from the store, which said so.
    Uninstalled,
    /// The authorisation was taken back, which the platform said.
    Revoked,
    /// The store answered a call that it does not know the token, and did not say why.
    Refused,
    /// It ended, and could not be renewed.
    Expired,
}

impl AccessLost {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// Also of a token that is known: the store may take it again, or let it do more, and what waits is to be read.
pub(super) fn save_store_access(
    token: &SecretString,
    store: Option<String>,
) -> Result<IntegrationEvent, IntegrationRefusal> {
    Ok(access_saved(valid_token(token.expose_secret())?, store, None))
}

pub(super) fn access_saved(
    token: String,
    store: Option<String>,
    authorization: Option<Authorization>,
) -> IntegrationEvent {
    let token_preview = crate::private::preview(&token);
    IntegrationEvent::StoreAccessSaved { token: Private::Known(token), token_preview, store, authorization }
}

pub(super) fn valid_token(token: &str) -> Result<String, IntegrationRefusal> {
    let token = token.trim();
    if !(1..=MAX_TOKEN_CHARS).contains(&token.len()) || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(IntegrationRefusal::InvalidToken);
    }
    Ok(token.to_owned())
}

impl Link {
    /// Whether this is the token by which the store is called now.
    pub(super) fn is_token(&self, token: &str) -> bool {
        let present = self.store_access.as_ref().and_then(|access| access.token.known());
        present.is_some_and(|present| present == token)
    }

    /// Nothing where that is known, or the token was replaced meanwhile. None for a token that the platform names no more.
    pub(super) fn lose_access(&self, token: Option<&str>, reason: AccessLost) -> Option<IntegrationEvent> {
        let access = self.store_access.as_ref().filter(|access| access.lost.is_none())?;
        if let Some(token) = token
            && access.token.known().is_none_or(|present| present != token)
        {
            return None;
        }
        Some(IntegrationEvent::StoreAccessLost { reason })
    }
}

/// Refuses an address of its own for a store that does not sign it: it would have no effect.
pub fn require_signed_address(provider: Provider) -> Result<(), IntegrationRefusal> {
    if provider.signs_address() { Ok(()) } else { Err(IntegrationRefusal::AddressNotSigned { provider }) }
}

/// As the store has it, to the letter: it signs exactly this.
pub(super) fn valid_notification_url(url: &str) -> Result<String, IntegrationRefusal> {
    let valid = web_address(url, MAX_NOTIFICATION_URL_CHARS).ok_or(IntegrationRefusal::InvalidNotificationUrl)?;
    Ok(valid.to_owned())
}
