//! How the service and a store reach each other: the address that the store posts to, and access to the store's API.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{IntegrationEvent, IntegrationRefusal, Provider};
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
}

/// Also of a token that is known: the store may take it again, or let it do more, and what waits is to be read.
pub(super) fn save_store_access(
    token: &SecretString,
    store: Option<String>,
) -> Result<IntegrationEvent, IntegrationRefusal> {
    let token = token.expose_secret().trim();
    if !(1..=MAX_TOKEN_CHARS).contains(&token.len()) || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(IntegrationRefusal::InvalidToken);
    }
    let token_preview = crate::private::preview(token);
    Ok(IntegrationEvent::StoreAccessSaved { token: Private::from(token), token_preview, store })
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
