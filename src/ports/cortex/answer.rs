//! Reads an answer of Cortex Cloud: bounded, and believed only where it keeps to the protocol.

use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::CortexError;
use crate::ports::response::{BodyError, bounded_body, retry_after_seconds, why_lost};

const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How a call ended: the HTTP status, if there was a response, and what it means.
pub(super) struct Answered<T> {
    pub(super) status: Option<StatusCode>,
    pub(super) result: Result<T, CortexError>,
}

impl<T> Answered<T> {
    pub(super) fn failed(error: CortexError) -> Self {
        Self { status: None, result: Err(error) }
    }
}

/// Sends a query; the response must be a 200 with JSON.
pub(super) async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Answered<T> {
    let Answered { status, result } = send(request, StatusCode::OK).await;
    let parsed = result.and_then(|body| {
        serde_json::from_slice(&body).map_err(|_| nonsense("answered 200 with a body of another shape"))
    });
    Answered { status, result: parsed }
}

/// Sends a command; the response must be a 204. A 200, which any portal or proxy would give, does not mean that it was done.
pub(super) async fn done(request: RequestBuilder) -> Answered<()> {
    let Answered { status, result } = send(request, StatusCode::NO_CONTENT).await;
    Answered { status, result: result.map(drop) }
}

async fn send(request: RequestBuilder, success: StatusCode) -> Answered<Vec<u8>> {
    match request.send().await {
        Ok(response) => Answered { status: Some(response.status()), result: receive(response, success).await },
        Err(error) => Answered::failed(lost(&error)),
    }
}

async fn receive(mut response: Response, success: StatusCode) -> Result<Vec<u8>, CortexError> {
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(CortexError::RateLimited { retry_after: retry_after_seconds(response.headers()) });
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return Err(CortexError::Temporary(format!("answered {}", status.as_u16())));
    }
    let body = read_body(&mut response).await?;
    if status == success { Ok(body) } else { Err(refusal(status, &body)) }
}

async fn read_body(response: &mut Response) -> Result<Vec<u8>, CortexError> {
    bounded_body(response, MAX_ANSWER_BYTES).await.map_err(|error| match error {
        BodyError::Lost(error) => lost(&error),
        BodyError::TooLarge => nonsense("answered with more than 64 KiB"),
    })
}

/// A refusal counts only with the protocol's own code: the bare 404 of a wrong address must not read as "no such user",
/// nor the 401 of a proxy as "wrong password", since a merchant would be asked to mend what is not broken. What has no code
/// at all is not Cortex Cloud's word: a proxy's error page, a redirect. It passes, and every step looks before it acts.
fn refusal(status: StatusCode, body: &[u8]) -> CortexError {
    #[derive(Deserialize)]
    struct Refusal {
        error: Code,
    }
    #[derive(Deserialize)]
    struct Code {
        code: String,
    }
    let code = serde_json::from_slice::<Refusal>(body).map(|refusal| refusal.error.code).unwrap_or_default();
    match (status.as_u16(), code.as_str()) {
        (401, "bad_credentials") => CortexError::BadCredentials,
        (401, "session_expired") => CortexError::SessionExpired,
        (404, "user_not_found" | "item_not_found") => CortexError::NotFound,
        (409, "not_mutual") => CortexError::NotMutual,
        (status, "") => CortexError::Temporary(format!("answered {status}, which is not of the protocol")),
        (status, code) => {
            // As far as it is a word: what else it may be belongs into no log.
            let word: String = code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
            CortexError::Unexpected(format!("answered {status} {word}"))
        }
    }
}

fn lost(error: &reqwest::Error) -> CortexError {
    if error.is_builder() {
        return unexpected("the request could not be built");
    }
    CortexError::Temporary(why_lost(error))
}

fn unexpected(what: &str) -> CortexError {
    CortexError::Unexpected(what.into())
}

/// Not what the protocol has, and so perhaps not from who speaks it.
fn nonsense(what: &str) -> CortexError {
    CortexError::Temporary(what.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http;

    use super::*;

    async fn read(status: u16, header: (&str, &str), body: &str) -> Result<Vec<u8>, CortexError> {
        let response = http::Response::builder().status(status).header(header.0, header.1).body(body.to_owned());
        receive(response.unwrap().into(), StatusCode::OK).await
    }

    async fn refused(status: u16, body: &str) -> CortexError {
        read(status, ("x-nothing", ""), body).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_refusal_is_what_its_code_says() {
        for (status, code, error) in [
            (401, "bad_credentials", CortexError::BadCredentials),
            (401, "session_expired", CortexError::SessionExpired),
            (404, "user_not_found", CortexError::NotFound),
            (404, "item_not_found", CortexError::NotFound),
            (409, "not_mutual", CortexError::NotMutual),
            (400, "malformed", CortexError::Unexpected("answered 400 malformed".into())),
        ] {
            let body = format!(r#"{{"error":{{"code":"{code}"}}}}"#);
            assert_eq!(refused(status, &body).await, error, "{code}");
        }
    }

    #[tokio::test]
    async fn a_status_without_a_code_is_not_the_other_sides_word_and_passes() {
        for status in [204, 302, 400, 401, 403, 404, 409, 410, 418] {
            let expected = CortexError::Temporary(format!("answered {status}, which is not of the protocol"));
            assert_eq!(refused(status, "<h1>Not Found: secret</h1>").await, expected);
        }
    }

    #[tokio::test]
    async fn trouble_on_their_side_is_temporary_whatever_the_body() {
        for status in [408, 500, 502, 503, 504] {
            let body = r#"{"error":{"code":"not_mutual"}}"#;
            assert_eq!(refused(status, body).await, CortexError::Temporary(format!("answered {status}")));
        }
    }

    #[tokio::test]
    async fn a_rate_limit_says_how_long_when_it_does() {
        for (header, seconds) in [
            (("retry-after", "7"), Some(7)),
            (("retry-after", "18446744073709551615"), Some(86_400)),
            (("retry-after", "18446744073709551616"), Some(86_400)),
            // The protocol has seconds alone.
            (("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), None),
            (("retry-after", "-1"), None),
            (("x-nothing", ""), None),
        ] {
            let retry_after = seconds.map(Duration::from_secs);
            assert_eq!(read(429, header, "").await, Err(CortexError::RateLimited { retry_after }), "{header:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_is_bounded() {
        let most = "x".repeat(MAX_ANSWER_BYTES);
        assert_eq!(read(200, ("x-nothing", ""), &most).await.unwrap().len(), MAX_ANSWER_BYTES);
        let more = "x".repeat(MAX_ANSWER_BYTES + 1);
        let error = read(200, ("x-nothing", ""), &more).await.unwrap_err();
        assert_eq!(error, CortexError::Temporary("answered with more than 64 KiB".into()));
    }
}
