//! The secrets that an endpoint's notifications are signed with: the current one, and earlier ones as long as they overlap.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{EndpointEvent, EndpointRefusal, Subscription};
use crate::Private;

/// Secrets that are valid at a time.
pub const MAX_SECRETS: usize = 10;
/// Longest overlap of two secrets, in hours: a week.
pub const MAX_OVERLAP_HOURS: u32 = 168;
pub const MAX_SECRET_CHARS: usize = 200;
/// Of Standard Webhooks, "Signature scheme".
const PREFIX: &str = "whsec_";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PreviousSecret {
    pub(super) secret: Private<String>,
    pub(super) valid_until: DateTime<Utc>,
}

impl Subscription {
    /// The secrets to sign with at `now`, the current one first, then the newest.
    pub fn signing_secrets(&self, now: DateTime<Utc>) -> impl Iterator<Item = &str> {
        let previous = self.valid_previous(now).map(|previous| &previous.secret);
        [&self.secret].into_iter().chain(previous).filter_map(|secret| secret.known().map(String::as_str))
    }

    fn valid_previous(&self, now: DateTime<Utc>) -> impl Iterator<Item = &PreviousSecret> {
        self.previous_secrets.iter().rev().filter(move |previous| now < previous.valid_until)
    }

    pub(super) fn is_secret(&self, secret: &str) -> bool {
        self.secret.known().is_some_and(|known| known == secret)
    }

    pub(super) fn rotate_secret(
        &self,
        secret: &Private<String>,
        now: DateTime<Utc>,
        overlap_hours: u32,
    ) -> Result<Option<EndpointEvent>, EndpointRefusal> {
        if overlap_hours > MAX_OVERLAP_HOURS {
            return Err(EndpointRefusal::OverlapTooLong { hours: overlap_hours });
        }
        let secret = valid_secret(secret).ok_or(EndpointRefusal::InvalidSecret)?;
        let is_current = self.is_secret(&secret);
        let secret_preview = crate::private::preview(&secret);
        let signing_secret = Private::Known(secret);
        if overlap_hours == 0 {
            let is_only = is_current && self.previous_secrets.is_empty();
            return Ok((!is_only).then_some(EndpointEvent::SigningSecretSet { signing_secret, secret_preview }));
        }
        if is_current {
            return Ok(None);
        }
        let others = self.valid_previous(now).filter(|previous| previous.secret != signing_secret).count();
        // The one that is current now is valid beside the new one, too.
        if others + 2 > MAX_SECRETS {
            return Err(EndpointRefusal::TooManySecrets);
        }
        let previous_valid_until = now + TimeDelta::hours(i64::from(overlap_hours));
        Ok(Some(EndpointEvent::SigningSecretRotated { signing_secret, secret_preview, previous_valid_until }))
    }

    pub(super) fn apply_secret_set(&mut self, secret: Private<String>) {
        self.secret = secret;
        self.previous_secrets.clear();
    }

    pub(super) fn apply_secret_rotated(&mut self, secret: Private<String>, previous_valid_until: DateTime<Utc>) {
        self.previous_secrets.retain(|previous| previous.secret != secret);
        let previous = std::mem::replace(&mut self.secret, secret);
        self.previous_secrets.push(PreviousSecret { secret: previous, valid_until: previous_valid_until });
        // Of too many, the one that is void first, or is already: so many are never valid.
        let first_void = self.previous_secrets.iter().enumerate().min_by_key(|(_, previous)| previous.valid_until);
        if self.previous_secrets.len() >= MAX_SECRETS
            && let Some((index, _)) = first_void
        {
            self.previous_secrets.remove(index);
        }
    }
}

/// As it is copied: without white space around it. Whether its bytes are right is checked before.
pub(crate) fn valid_secret(secret: &Private<String>) -> Option<String> {
    let secret = secret.known()?.trim();
    let is_valid = secret.len() > PREFIX.len()
        && secret.starts_with(PREFIX)
        && secret.len() <= MAX_SECRET_CHARS
        && secret.bytes().all(|byte| byte.is_ascii_graphic());
    is_valid.then(|| secret.to_owned())
}
