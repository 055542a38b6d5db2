//! What is read of a response of any server: bounded, and without what may name a person.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
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

/// After how long the server wants to be called again: in seconds, or at a date (RFC 9110, section 10.2.3), which is compared
/// with `now`. One that has passed asks for no wait.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    retry_after_seconds(headers).or_else(|| {
        let date = httpdate::parse_http_date(headers.get(RETRY_AFTER)?.to_str().ok()?.trim()).ok()?;
        Some(date.duration_since(SystemTime::from(now)).unwrap_or_default().min(MAX_RETRY_AFTER))
    })
}

/// The same of a server whose protocol has seconds alone.
pub(super) fn retry_after_seconds(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is too large is a long time.
    is_number.then(|| text.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs).min(MAX_RETRY_AFTER))
}

/// Why there is no response, in a few words. The HTTP client's own message names the URL, which may hold a name or an id; its
/// innermost cause does not.
pub(super) fn why_lost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let what = match error.is_connect() {
        true if is_of_tls(error) => "TLS failed",
        true => "could not connect",
        false => "connection lost",
    };
    innermost(error).map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"))
}

/// Whether connecting failed after TCP: what resolves names and connects wraps its errors, TLS does not.
fn is_of_tls(error: &reqwest::Error) -> bool {
    let cause = error.source().and_then(Error::source);
    matches!(cause, Some(cause) if cause.is::<io::Error>())
}

/// An error's causes, itself not among them, the innermost last.
pub(super) fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&'e (dyn Error + 'static)| Error::source(*cause))
}

pub(super) fn innermost<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    causes(error).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sunday, 6 November 1994, 08:49:37, the moment of the examples of RFC 9110.
    fn example() -> DateTime<Utc> {
        DateTime::from_timestamp(784_111_777, 0).unwrap()
    }

    fn read(value: &str, now: DateTime<Utc>) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        retry_after(&headers, now).map(|after| after.as_secs())
    }

    #[test]
    fn a_server_may_name_a_date_in_each_of_the_three_formats() {
        for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            for (ahead_seconds, waits) in [(0, 0), (-90, 90), (-172_800, 86_400), (3_600, 0)] {
                let now = example() + chrono::TimeDelta::seconds(ahead_seconds);
                assert_eq!(read(date, now), Some(waits), "{date} {ahead_seconds}");
            }
        }
    }

    #[test]
    fn a_number_of_seconds_is_at_most_a_day_however_large() {
        for (value, waits) in [
            ("0", 0),
            (" 120 ", 120),
            ("86401", 86_400),
            ("18446744073709551615", 86_400),
            ("18446744073709551616", 86_400),
            ("99999999999999999999999999", 86_400),
        ] {
            assert_eq!(read(value, example()), Some(waits), "{value}");
        }
    }

    #[test]
    fn what_is_neither_a_number_nor_a_date_names_no_time() {
        for value in ["", "-1", "+5", "1.5", "soon", "5 s", "Sun, 99 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"] {
            assert_eq!(read(value, example()), None, "{value}");
        }
    }
}
