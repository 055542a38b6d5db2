//! What was done by the keys that requests name themselves with: the same key again does nothing again, however late the
//! first of them takes effect.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::refusal::Refusal;

/// The header that a request names itself with.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Keys that are remembered; the oldest are forgotten.
const MAX_KEYS: usize = 100_000;
const MAX_KEY_BYTES: usize = 200;

/// What a request calls itself, if it does.
#[derive(Clone, Debug)]
pub(super) struct RequestKey(Option<String>);

impl<S: Sync> FromRequestParts<S> for RequestKey {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get(IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok());
        Ok(Self(header.map(str::to_owned).filter(|key| !key.is_empty() && key.len() <= MAX_KEY_BYTES)))
    }
}

#[derive(Default)]
pub(super) struct Requests {
    done: HashMap<String, String>,
    oldest_first: VecDeque<String>,
}

impl Requests {
    /// Whether a request was done before; from now on it was. One that says something else under the same key is refused.
    pub(super) fn is_done(&mut self, key: &RequestKey, what: impl FnOnce() -> String) -> Result<bool, Refusal> {
        let Some(key) = &key.0 else { return Ok(false) };
        let what = what();
        if let Some(done) = self.done.get(key) {
            return if *done == what { Ok(true) } else { Err(Refusal::KeyReused) };
        }
        if self.oldest_first.len() >= MAX_KEYS
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.done.remove(&oldest);
        }
        self.oldest_first.push_back(key.clone());
        self.done.insert(key.clone(), what);
        Ok(false)
    }
}
