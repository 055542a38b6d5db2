//! What is read of a response of any server: bounded, and without what may name a person.

use std::error::Error;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// A server that names a longer time is not taken at its word.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Why a body was not read to its end.
pub(super) enum BodyError {
    Lost(reqwest::Error),
    TooLarge,
}

/// The body, of at most so many bytes.
pub(super) async fn bounded_body(response: &mut Response, max_bytes: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Lost)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Seconds only: a date would have to be compared with a clock that may differ from theirs.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// Why there is no response, in a few words. The HTTP client's own message names the URL, which may hold a name or an id; its
/// innermost cause does not.
pub(super) fn why_lost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let what = if error.is_connect() { "could not connect" } else { "connection lost" };
    innermost(error).map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"))
}

fn innermost(error: &dyn Error) -> Option<&dyn Error> {
    let mut cause = error.source()?;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Some(cause)
}
