//! What a handler remembers, so that nothing fires twice and nothing old fires late.

#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroUsize;

use lru::LruCache;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::{BoxError, BoxFuture};

/// What a [`Memory`] knows a thing by: the SHA-256 of what it stands for. `Display` writes them as 64
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The parts stay apart: `["ab", "c"]` is another key than `["a", "bc"]`.
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Its bytes, for a memory that stores them as they are.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A question to a [`Memory`] that changes what it remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What is claimed.
    pub key: Key,
    /// When it is granted.
    pub rule: Rule,
}

/// When a claim is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The first time. Remember the key, with any number.
    Once,
    /// Where the key is not known, or the number that is remembered for it is not greater than this one: remember this one.
    /// The number is a time in microseconds since 1970, by the store's clock.
    NotBefore(i64),
}

/// What a handler remembers: webhooks, completed orders, and how new its knowledge of a product or of stock is.
///
/// [`InMemory`] is the default, and enough for one process. Several processes behind one address share one: in Redis, say,
/// which the documentation of the [crate](crate#several-processes) shows.
///
/// An implementation
/// - decides the claims of one call at once: of two calls with the same key at the same instant, `Once` is granted in one;
/// - remembers all of a call or, where it fails, nothing: the webhook is then refused with 503, and its sender repeats it;
/// - remembers for as long as senders repeat themselves, which is up to three days (Square).
pub trait Memory: Send + Sync + 'static {
    /// Which of the claims are granted, in their order.
    fn claim(&self, claims: Vec<Claim>) -> BoxFuture<'_, Result<Vec<bool>, BoxError>>;
}

/// Remembers in this process, as many keys as fit: what was not claimed for the longest time is forgotten first. A key takes
/// about 100 bytes.
pub struct InMemory {
    remembered: Mutex<LruCache<Key, i64>>,
}

impl InMemory {
    /// Keys that the default remembers: two for each webhook, so that a webhook is known again after 50,000 others.
    pub const DEFAULT_CAPACITY: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

    /// A memory for so many keys.
    pub fn new(capacity: NonZeroUsize) -> Self {
        // Not `LruCache::new`, which takes the room for all of them at once.
        let mut remembered = LruCache::unbounded();
        remembered.resize(capacity);
        Self { remembered: Mutex::new(remembered) }
    }

    /// Keys that are remembered now.
    pub fn len(&self) -> usize {
        self.remembered.lock().len()
    }

    /// Whether nothing is remembered yet.
    pub fn is_empty(&self) -> bool {
        self.remembered.lock().is_empty()
    }

    fn decide(&self, claims: &[Claim]) -> Vec<bool> {
        let mut remembered = self.remembered.lock();
        let mut grant = |claim: &Claim| {
            let known = remembered.get(&claim.key).copied();
            let number = match (claim.rule, known) {
                (Rule::Once, None) => 0,
                (Rule::NotBefore(number), _) if known.is_none_or(|known| known <= number) => number,
                (Rule::Once | Rule::NotBefore(_), _) => return false,
            };
            remembered.put(claim.key, number);
            true
        };
        claims.iter().map(&mut grant).collect()
    }
}

impl Default for InMemory {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAPACITY)
    }
}

impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory").field("remembered", &self.len()).finish_non_exhaustive()
    }
}

impl Memory for InMemory {
    fn claim(&self, claims: Vec<Claim>) -> BoxFuture<'_, Result<Vec<bool>, BoxError>> {
        Box::pin(async move { Ok(self.decide(&claims)) })
    }
}
