//! API keys and signing secrets: how they are made, and the only form in which a key is kept.

use commerce::Secret;
use domain::account::{DEFAULT_REQUESTS_PER_MINUTE, NewApiKey, Role};
use domain::{ApiKeyId, private};
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use sha2::{Digest, Sha256};

use event_log::ids;

const KEY_PREFIX: &str = "cb_live_";
const KEY_CHARS: usize = 32;
const SECRET_PREFIX: &str = "whsec_";
const SECRET_CHARS: usize = 40;

/// A new key, as it is shown this once, and what is recorded of it.
pub fn new_key(name: &str, role: Role) -> (String, NewApiKey) {
    let key = format!("{KEY_PREFIX}{}", random(KEY_CHARS));
    let record = NewApiKey {
        id: ApiKeyId(ids::fresh()),
        name: name.to_owned(),
        role,
        hash: hash(&key),
        preview: format!("{KEY_PREFIX}{}", private::preview(&key)),
        requests_per_minute: DEFAULT_REQUESTS_PER_MINUTE,
    };
    (key, record)
}

/// SHA-256, hexadecimal. A key has 190 random bits, so a slow hash would protect nothing more.
pub fn hash(key: &str) -> String {
    hex::encode(Sha256::digest(key.trim().as_bytes()))
}

/// A secret to sign what an endpoint is sent with.
pub fn new_endpoint_secret() -> Secret {
    Secret::new(rand::rng().random())
}

/// A secret to sign webhooks with.
pub fn new_signing_secret() -> String {
    format!("{SECRET_PREFIX}{}", random(SECRET_CHARS))
}

/// What opens the page on which a store is connected.
pub fn new_link_secret() -> String {
    random(KEY_CHARS)
}

/// What a browser keeps while a store is connected in it.
pub fn new_browser_session() -> String {
    random(KEY_CHARS)
}

fn random(characters: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(characters).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recorded_without_being_kept() {
        let (key, record) = new_key("shop", Role::Merchant);
        assert_eq!(key.len(), KEY_PREFIX.len() + KEY_CHARS);
        assert_eq!(record.hash, hash(&key));
        assert!(!format!("{record:?}").contains(&key));
        assert_ne!(new_key("shop", Role::Merchant).0, key);
    }
}
