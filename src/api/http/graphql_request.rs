//! A GraphQL request as it comes over HTTP, and what is wrong with one that cannot be executed.

use std::time::Duration;

use async_graphql::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::body::{BodyRefusal, RequestBody};
use super::refusal;

const MAX_QUERY_BYTES: usize = 256 * 1_024;

/// Why there is nothing to execute.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RequestRefusal {
    NotJson,
    Body(BodyRefusal),
    /// Where the JSON ends to be JSON.
    Malformed {
        line: usize,
        column: usize,
    },
    Batch,
    OtherShape,
    NoQuery,
}

/// Reads the request that a body says.
pub(super) async fn read(
    headers: &HeaderMap,
    body: &mut RequestBody<'_>,
    within: Duration,
) -> Result<Request, RequestRefusal> {
    if !says_json(headers) {
        return Err(RequestRefusal::NotJson);
    }
    let bytes = body.read(MAX_QUERY_BYTES, within).await.map_err(RequestRefusal::Body)?;
    parsed(&bytes)
}

/// Without a content type it is JSON. A form is refused: a browser sends one from any page without asking.
fn says_json(headers: &HeaderMap) -> bool {
    let Some(said) = headers.get(header::CONTENT_TYPE) else { return true };
    let said = said.to_str().unwrap_or_default();
    let kind = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn parsed(bytes: &[u8]) -> Result<Request, RequestRefusal> {
    // Serde would read a list as the fields of a request, one after the other.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(RequestRefusal::Batch);
    }
    let request: Request = serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            RequestRefusal::OtherShape
        } else {
            RequestRefusal::Malformed { line: error.line(), column: error.column() }
        }
    })?;
    if request.query.trim().is_empty() { Err(RequestRefusal::NoQuery) } else { Ok(request) }
}

impl RequestRefusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(BodyRefusal::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyRefusal::NoRoom) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Body(BodyRefusal::Interrupted | BodyRefusal::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Self::Malformed { .. } | Self::Batch | Self::OtherShape | Self::NoQuery => StatusCode::BAD_REQUEST,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotJson => "unsupported_media_type",
            Self::Body(BodyRefusal::TooLarge) => "too_large",
            Self::Body(BodyRefusal::NoRoom) => "busy",
            Self::Body(BodyRefusal::Interrupted) => "interrupted",
            Self::Body(BodyRefusal::TooSlow) => "too_slow",
            Self::Malformed { .. } => "malformed_body",
            Self::Batch => "batch_not_supported",
            Self::OtherShape => "malformed_request",
            Self::NoQuery => "missing_query",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::NotJson => "send the request as JSON, with content-type: application/json".to_owned(),
            Self::Body(BodyRefusal::TooLarge) => "a request may have at most 256 KiB".to_owned(),
            Self::Body(BodyRefusal::NoRoom) => "too much is being sent at the moment: try again soon".to_owned(),
            Self::Body(BodyRefusal::Interrupted) => "the body did not arrive whole".to_owned(),
            Self::Body(BodyRefusal::TooSlow) => "the body did not arrive in time".to_owned(),
            Self::Malformed { line, column } => format!("the body is not valid JSON, at line {line}, column {column}"),
            Self::Batch => "send one request at a time: lists of requests are not taken".to_owned(),
            Self::OtherShape => "the body must be an object with the text query and, if need be, the text \
                                 operationName and the object variables"
                .to_owned(),
            Self::NoQuery => "the body has no query: send { \"query\": \"…\" }".to_owned(),
        }
    }
}

impl IntoResponse for RequestRefusal {
    fn into_response(self) -> Response {
        refusal(self.status(), self.code(), &self.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_request_is_said_in_a_sentence() {
        for (body, code) in [
            ("", "malformed_body"),
            ("{", "malformed_body"),
            ("query { account { id } }", "malformed_body"),
            ("[]", "batch_not_supported"),
            ("[{\"query\":\"{ account { id } }\"}]", "batch_not_supported"),
            ("5", "malformed_request"),
            ("{\"query\":5}", "malformed_request"),
            ("{\"query\":\"{ account { id } }\",\"variables\":[1]}", "malformed_request"),
            ("{}", "missing_query"),
            ("{\"query\":\" \"}", "missing_query"),
        ] {
            let refused = parsed(body.as_bytes()).err().unwrap_or_else(|| panic!("{body} is taken"));
            assert_eq!(refused.code(), code, "{body}");
        }
        assert!(parsed(b"{\"query\":\"{ account { id } }\",\"variables\":null,\"operationName\":null}").is_ok());
    }

    #[test]
    fn only_json_is_taken() {
        for (content_type, taken) in [
            (None, true),
            (Some("application/json"), true),
            (Some("Application/JSON; charset=utf-8"), true),
            (Some("application/graphql-response+json"), true),
            (Some("application/x-www-form-urlencoded"), false),
            (Some("multipart/form-data; boundary=x"), false),
            (Some("text/plain"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(content_type) = content_type {
                headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
            }
            assert_eq!(says_json(&headers), taken, "{content_type:?}");
        }
    }
}
