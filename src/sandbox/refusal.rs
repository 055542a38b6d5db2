//! Everything the sandbox answers instead of what it was asked for, each with its status and code.

use std::io;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Malformed,
    BadCredentials,
    SessionExpired,
    UserNotFound,
    ItemNotFound,
    NoSuchEndpoint,
    NotMutual,
    RateLimited,
    /// A scripted internal error.
    Broken,
    /// The connection ends without an answer.
    Dropped,
    HeldTooLong,
    /// Another request had the same idempotency key.
    KeyReused,
    Full,
    Stopping,
}

impl Refusal {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::BadCredentials => "bad_credentials",
            Self::SessionExpired => "session_expired",
            Self::UserNotFound => "user_not_found",
            Self::ItemNotFound => "item_not_found",
            Self::NoSuchEndpoint => "no_such_endpoint",
            Self::NotMutual => "not_mutual",
            Self::RateLimited => "rate_limited",
            Self::Broken => "internal_error",
            Self::Dropped => "connection_dropped",
            Self::HeldTooLong => "held_too_long",
            Self::KeyReused => "idempotency_key_reused",
            Self::Full => "sandbox_full",
            Self::Stopping => "sandbox_stopping",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::BadCredentials | Self::SessionExpired => StatusCode::UNAUTHORIZED,
            Self::UserNotFound | Self::ItemNotFound | Self::NoSuchEndpoint => StatusCode::NOT_FOUND,
            Self::NotMutual => StatusCode::CONFLICT,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Broken | Self::Dropped => StatusCode::INTERNAL_SERVER_ERROR,
            Self::HeldTooLong | Self::Full | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if self == Self::Dropped {
            return dropped_connection();
        }
        let body = Json(json!({ "error": { "code": self.code() } }));
        let mut response = (self.status(), body).into_response();
        if self == Self::RateLimited {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A body that fails before its first byte makes the server close the connection with nothing sent.
fn dropped_connection() -> Response {
    let failure = io::Error::new(io::ErrorKind::ConnectionAborted, "scripted");
    Body::from_stream(stream::once(std::future::ready(Err::<Bytes, _>(failure)))).into_response()
}
