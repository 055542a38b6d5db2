//! The secrets by which a store's webhooks are known as its own: the present one, and earlier ones as long as they overlap.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{IntegrationEvent, IntegrationRefusal, Link};
use crate::Private;
use crate::invisible::is_blank;

/// Secrets that overlap with the current one at a time.
pub const MAX_PREVIOUS_SECRETS: usize = 5;
/// Longest overlap of two signing secrets, in hours: a week.
pub const MAX_OVERLAP_HOURS: u32 = 168;
/// A signing secret shorter than this, in characters, can be guessed. It is taken, for a store may use it already, and
/// warned of; an empty one never is, since anyone can sign with it.
pub const WEAK_SECRET_CHARS: usize = 8;
/// What is tried first, also with a few digits after it.
const TRIED_SECRETS: [&str; 6] = ["password", "secret", "changeme", "12345678", "qwertyui", "webhook"];
pub const MAX_SECRET_CHARS: usize = 500;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PreviousSecret {
    secret: Private<String>,
    valid_until: DateTime<Utc>,
}

impl Link {
    /// Whether there is a secret by which its webhooks are known as the store's.
    pub fn has_signing_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// The secrets that a signature may be made with at `now`: the current one, and previous ones while they overlap. A
    /// store goes on with the secret it has, whatever was tried here since.
    pub fn signing_secrets(&self, now: DateTime<Utc>) -> impl Iterator<Item = &str> {
        let previous = self.previous_secrets.iter().rev().filter(move |previous| now < previous.valid_until);
        self.secret
            .iter()
            .chain(previous.map(|previous| &previous.secret))
            .filter_map(|secret| secret.known().map(String::as_str))
    }

    pub(super) fn is_secret(&self, secret: &str) -> bool {
        self.secret.as_ref().and_then(Private::known).is_some_and(|known| known == secret)
    }

    /// In place of whatever there is. The same secret again ends every overlap.
    pub(super) fn set_secret(&self, secret: &SecretString) -> Result<Option<IntegrationEvent>, IntegrationRefusal> {
        let secret = valid_secret(secret)?;
        let is_known = self.is_secret(&secret) && self.previous_secrets.is_empty();
        Ok((!is_known).then(|| secret_set(secret)))
    }

    pub(super) fn replace_secret(
        &self,
        secret: SecretString,
        now: DateTime<Utc>,
        overlap_hours: u32,
    ) -> Result<Option<IntegrationEvent>, IntegrationRefusal> {
        if overlap_hours > MAX_OVERLAP_HOURS {
            return Err(IntegrationRefusal::OverlapTooLong { hours: overlap_hours });
        }
        let secret = valid_secret(&secret)?;
        if self.secret.is_none() {
            return Ok(Some(secret_set(secret)));
        }
        Ok((!self.is_secret(&secret)).then(|| IntegrationEvent::SigningSecretRotated {
            secret_preview: crate::private::preview(&secret),
            signing_secret: Private::Known(secret),
            previous_valid_until: now + TimeDelta::hours(i64::from(overlap_hours)),
        }))
    }

    pub(super) fn apply_secret_set(&mut self, secret: Private<String>) {
        self.secret = Some(secret);
        self.previous_secrets.clear();
    }

    pub(super) fn apply_secret_rotated(&mut self, secret: Private<String>, previous_valid_until: DateTime<Utc>) {
        let Some(old) = self.secret.replace(secret) else { return };
        if self.previous_secrets.len() >= MAX_PREVIOUS_SECRETS {
            self.previous_secrets.remove(0);
        }
        self.previous_secrets.push(PreviousSecret { secret: old, valid_until: previous_valid_until });
    }
}

fn secret_set(secret: String) -> IntegrationEvent {
    IntegrationEvent::SigningSecretSet {
        secret_preview: crate::private::preview(&secret),
        signing_secret: Private::Known(secret),
    }
}

/// As it is copied: without white space around it, which no store has in its secrets.
pub(super) fn valid_secret(secret: &SecretString) -> Result<String, IntegrationRefusal> {
    let secret = secret.expose_secret().trim();
    if is_blank(secret) || secret.chars().count() > MAX_SECRET_CHARS {
        Err(IntegrationRefusal::InvalidSecret)
    } else {
        Ok(secret.to_owned())
    }
}

/// Whether a signing secret can be guessed: it is short, has few different characters, or is a word that many would try.
pub fn is_weak_secret(secret: &str) -> bool {
    let secret = secret.trim().to_lowercase();
    let different: BTreeSet<char> = secret.chars().collect();
    let is_tried = TRIED_SECRETS.iter().any(|word| secret.starts_with(word) && secret.len() <= word.len() + 4);
    secret.chars().count() < WEAK_SECRET_CHARS || different.len() < 5 || is_tried
}
