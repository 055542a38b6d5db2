//! What an account has for its endpoints as a whole: a secret for those that have none of their own, and whom to write to
//! about them.

use super::{AccountEvent, AccountRefusal, Merchant};
use crate::Private;
use crate::endpoint::valid_secret;
use crate::private::preview;

/// Of an e-mail address (RFC 5321, section 4.5.3.1.3, without the brackets).
pub const MAX_EMAIL_CHARS: usize = 254;

impl Merchant {
    pub(super) fn set_default_endpoint_secret(
        &self,
        secret: &Private<String>,
    ) -> Result<Option<AccountEvent>, AccountRefusal> {
        let secret = valid_secret(secret).ok_or(AccountRefusal::InvalidSecret)?;
        let secret_preview = preview(&secret);
        let secret = Private::Known(secret);
        let is_known = self.default_endpoint_secret.as_ref() == Some(&secret);
        Ok((!is_known).then_some(AccountEvent::DefaultEndpointSecretSet { secret, secret_preview }))
    }

    pub(super) fn set_contact(&self, email: &Private<String>) -> Result<Option<AccountEvent>, AccountRefusal> {
        let email = email.known().and_then(|email| valid_email(email)).ok_or(AccountRefusal::InvalidEmail)?;
        let email = Private::Known(email);
        let is_known = self.contact.as_ref() == Some(&email);
        Ok((!is_known).then_some(AccountEvent::ContactSet { email }))
    }
}

/// Whether mail reaches it, only mail can tell.
fn valid_email(email: &str) -> Option<String> {
    let email = email.trim();
    let (name, host) = email.rsplit_once('@')?;
    let is_valid = !name.is_empty()
        && !host.is_empty()
        && email.chars().count() <= MAX_EMAIL_CHARS
        && !email.contains(|c: char| c.is_whitespace() || c.is_control());
    is_valid.then(|| email.to_owned())
}
