//! The merchants who may log in, and the tokens they were given.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::ControlError;
use super::refusal::Refusal;

/// The account that is always there.
pub const DEFAULT_EMAIL: &str = "merchant@example.com";
pub const DEFAULT_PASSWORD: &str = "sandbox-password";

const MAX_ACCOUNTS: usize = 10_000;
const MAX_SESSIONS: usize = 10_000;
const MAX_CREDENTIAL_BYTES: usize = 256;

// Neither this nor `Grant` is `Debug`: they hold passwords and tokens.
pub(super) struct Accounts {
    passwords: BTreeMap<String, String>,
    /// By token.
    grants: HashMap<String, Grant>,
}

struct Grant {
    email: String,
    expires_at: DateTime<Utc>,
}

impl Default for Accounts {
    fn default() -> Self {
        let passwords = BTreeMap::from([(DEFAULT_EMAIL.to_owned(), DEFAULT_PASSWORD.to_owned())]);
        Self { passwords, grants: HashMap::new() }
    }
}

impl Accounts {
    /// A known e-mail address gets the new password.
    pub(super) fn add(&mut self, email: &str, password: &str) -> Result<(), ControlError> {
        let allowed = 1..=MAX_CREDENTIAL_BYTES;
        if !allowed.contains(&email.len()) || !allowed.contains(&password.len()) {
            return Err(ControlError::OutOfBounds("an e-mail address and a password have 1 to 256 bytes each"));
        }
        if self.passwords.len() >= MAX_ACCOUNTS && !self.passwords.contains_key(email) {
            return Err(ControlError::Full { limit: MAX_ACCOUNTS });
        }
        self.passwords.insert(email.to_owned(), password.to_owned());
        Ok(())
    }

    pub(super) fn log_in(
        &mut self,
        email: &str,
        password: &str,
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Result<(String, DateTime<Utc>), Refusal> {
        if self.passwords.get(email).is_none_or(|known| known != password) {
            return Err(Refusal::BadCredentials);
        }
        self.make_room(now);
        let token = hex::encode(rand::random::<[u8; 32]>());
        let expires_at = now + lifetime;
        self.grants.insert(token.clone(), Grant { email: email.to_owned(), expires_at });
        Ok((token, expires_at))
    }

    /// The e-mail address of the account that `token` was given to.
    pub(super) fn holder_of(&self, token: &str, now: DateTime<Utc>) -> Result<String, Refusal> {
        match self.grants.get(token) {
            Some(grant) if now < grant.expires_at => Ok(grant.email.clone()),
            Some(_) | None => Err(Refusal::SessionExpired),
        }
    }

    pub(super) fn expire_all(&mut self) {
        self.grants.clear();
    }

    pub(super) fn count(&self) -> usize {
        self.passwords.len()
    }

    pub(super) fn live_sessions(&self, now: DateTime<Utc>) -> usize {
        self.grants.values().filter(|grant| now < grant.expires_at).count()
    }

    fn make_room(&mut self, now: DateTime<Utc>) {
        if self.grants.len() < MAX_SESSIONS {
            return;
        }
        self.grants.retain(|_, grant| now < grant.expires_at);
        if self.grants.len() >= MAX_SESSIONS {
            let oldest = self.grants.iter().min_by_key(|(_, grant)| grant.expires_at).map(|(token, _)| token.clone());
            oldest.map(|token| self.grants.remove(&token));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_session_makes_room_for_a_new_one() {
        let mut accounts = Accounts::default();
        let mut log_in = |second: i64| {
            let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
            accounts.log_in(DEFAULT_EMAIL, DEFAULT_PASSWORD, now, TimeDelta::days(1)).unwrap().0
        };
        let first = log_in(0);
        let second = log_in(1);
        for later in 2..=10_000 {
            log_in(later);
        }
        assert_eq!(accounts.grants.len(), MAX_SESSIONS);
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(3);
        assert_eq!(accounts.holder_of(&first, now), Err(Refusal::SessionExpired));
        assert_eq!(accounts.holder_of(&second, now), Ok(DEFAULT_EMAIL.into()));
    }
}
