//! The `state` that goes to the store with a browser and comes back with it. It is good for one attempt of one integration of one
//! account, and only in the browser that began: it is signed together with what that browser alone keeps.
//!
//! It is signed with a key of our own, never with the secret of an app: whatever that signs would pass for a webhook.

use domain::integration::Link;
use domain::{AccountId, IntegrationId};
use event_log::vault::SecretKey;
use secrecy::ExposeSecret as _;
use signing::{Encoding, code, is_signed};
use uuid::Uuid;

/// What a `state` says, once it was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) integration_id: IntegrationId,
    pub(super) attempt_id: Uuid,
}

impl State {
    pub(super) fn signed(self, key: &SecretKey, link: &Link, session: &str) -> String {
        let content = self.content(link.account_id, session);
        let signature = Encoding::Hex.encoded(&code(key.expose_secret(), &[content.as_bytes()]));
        format!("{}.{}.{signature}", self.integration_id.0.simple(), self.attempt_id.simple())
    }

    /// What it claims to be about. Nothing of it is believed before [`State::is_signed`].
    pub(super) fn claimed(text: &str) -> Option<(Self, &str)> {
        let mut parts = text.split('.');
        let (integration, attempt, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let state = Self { integration_id: integration.parse().ok()?, attempt_id: attempt.parse().ok()? };
        Some((state, signature))
    }

    pub(super) fn is_signed(self, signature: &str, key: &SecretKey, link: &Link, session: &str) -> bool {
        let content = self.content(link.account_id, session);
        is_signed(signature, Encoding::Hex, &[content.as_bytes()], key.expose_secret())
    }

    fn content(self, account_id: AccountId, session: &str) -> String {
        format!("state/{account_id}/{}/{}/{session}", self.integration_id, self.attempt_id)
    }
}
