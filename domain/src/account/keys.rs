//! The API keys of an account: who may ask in its name, and how often.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AccountEvent, AccountRefusal, ApiKeyCreated, NewApiKey, Role, valid_name};
use crate::ApiKeyId;

/// Active keys of an account. So many are remembered too: of the deactivated ones, the oldest are forgotten beyond that.
pub const MAX_API_KEYS: usize = 500;
/// Requests that a key may send in a minute, unless an administrator says otherwise.
pub const DEFAULT_REQUESTS_PER_MINUTE: u32 = 600;
pub const MAX_REQUESTS_PER_MINUTE: u32 = 1_000_000;

/// The keys that may be used, and those that were deactivated last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKeys(BTreeMap<ApiKeyId, ApiKey>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub name: String,
    pub role: Role,
    hash: String,
    active: bool,
    pub requests_per_minute: u32,
}

impl ApiKeys {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key with this id, if it may be used.
    pub fn active(&self, id: ApiKeyId) -> Option<&ApiKey> {
        self.0.get(&id).filter(|key| key.active)
    }

    pub(super) fn create(&self, key: NewApiKey) -> Result<Option<AccountEvent>, AccountRefusal> {
        if let Some(known) = self.0.get(&key.id) {
            return if known.hash == key.hash { Ok(None) } else { Err(AccountRefusal::ApiKeyIdTaken) };
        }
        if self.0.values().filter(|key| key.active).count() >= MAX_API_KEYS {
            return Err(AccountRefusal::TooManyApiKeys);
        }
        create(key).map(Some)
    }

    /// `keeps_admin` where the service would have no administrator without a key of this account.
    pub(super) fn deactivate(
        &self,
        key_id: ApiKeyId,
        keeps_admin: bool,
    ) -> Result<Option<AccountEvent>, AccountRefusal> {
        let key = self.0.get(&key_id).ok_or(AccountRefusal::UnknownApiKey)?;
        let is_admin = |key: &ApiKey| key.active && key.role == Role::Admin;
        let is_last = is_admin(key) && !self.0.iter().any(|(id, other)| *id != key_id && is_admin(other));
        if keeps_admin && is_last {
            return Err(AccountRefusal::LastAdminKey);
        }
        Ok(key.active.then_some(AccountEvent::ApiKeyDeactivated { key_id }))
    }

    pub(super) fn limit(
        &self,
        key_id: ApiKeyId,
        requests_per_minute: u32,
    ) -> Result<Option<AccountEvent>, AccountRefusal> {
        let key = self.0.get(&key_id).ok_or(AccountRefusal::UnknownApiKey)?;
        let requests_per_minute = valid_limit(requests_per_minute)?;
        let news = key.requests_per_minute != requests_per_minute;
        Ok(news.then_some(AccountEvent::ApiKeyLimitChanged { key_id, requests_per_minute }))
    }

    pub(super) fn apply_created(&mut self, key: ApiKeyCreated) {
        let ApiKeyCreated { key_id, name, role, key_hash: hash, key_preview: _, requests_per_minute } = key;
        self.0.insert(key_id, ApiKey { name, role, hash, active: true, requests_per_minute });
        // Ids rise with time, so the first one is the oldest.
        let oldest = |(id, key): (&ApiKeyId, &ApiKey)| (!key.active).then_some(*id);
        if self.0.len() > MAX_API_KEYS
            && let Some(oldest) = self.0.iter().find_map(oldest)
        {
            self.0.remove(&oldest);
        }
    }

    pub(super) fn apply_deactivated(&mut self, key_id: ApiKeyId) {
        if let Some(key) = self.0.get_mut(&key_id) {
            key.active = false;
        }
    }

    pub(super) fn apply_limited(&mut self, key_id: ApiKeyId, requests_per_minute: u32) {
        if let Some(key) = self.0.get_mut(&key_id) {
            key.requests_per_minute = requests_per_minute;
        }
    }
}

pub(super) fn create(key: NewApiKey) -> Result<AccountEvent, AccountRefusal> {
    Ok(AccountEvent::ApiKeyCreated(ApiKeyCreated {
        key_id: key.id,
        name: valid_name(&key.name)?,
        role: key.role,
        key_hash: key.hash,
        key_preview: key.preview,
        requests_per_minute: valid_limit(key.requests_per_minute)?,
    }))
}

fn valid_limit(requests_per_minute: u32) -> Result<u32, AccountRefusal> {
    if (1..=MAX_REQUESTS_PER_MINUTE).contains(&requests_per_minute) {
        Ok(requests_per_minute)
    } else {
        Err(AccountRefusal::InvalidRequestLimit)
    }
}
