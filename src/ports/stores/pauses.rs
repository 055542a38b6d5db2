//! Stores that are to be left alone for a while: they say so, or the next request would not be let in.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use domain::integration::Provider;
use lru::LruCache;
use parking_lot::Mutex;

use super::calls::{CallFailure, Target};

/// Stores that are remembered at a time.
const MAX_STORES: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");
/// A shorter pause is waited for; a longer one is said, so that nothing is held up by it.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Which store: by its own name, or where the token alone says it, by that.
type Key = (Provider, String);

pub(super) struct Pauses(Mutex<LruCache<Key, Instant>>);

impl Default for Pauses {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_STORES)))
    }
}

impl Pauses {
    /// Waits for the end of a short pause, and fails for a long one.
    pub(super) async fn wait(&self, target: &Target<'_>) -> Result<(), CallFailure> {
        let until = self.0.lock().get(&key(target)).copied();
        let left = until.map(|until| until.saturating_duration_since(Instant::now())).unwrap_or_default();
        if left > MAX_WAIT {
            let reason = "the store asks for fewer requests".to_owned();
            return Err(CallFailure::Unavailable { status: None, reason, retry_after: Some(left) });
        }
        tokio::time::sleep(left).await;
        Ok(())
    }

    pub(super) fn set(&self, target: &Target<'_>, pause: Duration) {
        let mut pauses = self.0.lock();
        if pause > Duration::ZERO {
            pauses.put(key(target), Instant::now() + pause);
        } else {
            pauses.pop(&key(target));
        }
    }
}

fn key(target: &Target<'_>) -> Key {
    (target.provider, target.store.or(target.token).unwrap_or_default().to_owned())
}
