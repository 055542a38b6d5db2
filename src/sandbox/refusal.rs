//! Everything the sandbox returns instead of what was requested, each with its status and code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use strum::IntoStaticStr;

use crate::scripted::{Interrupted, dropped_connection};

#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
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
    #[strum(serialize = "internal_error")]
    Broken,
    /// The connection ends without an answer.
    #[strum(serialize = "connection_dropped")]
    Dropped,
    HeldTooLong,
    /// Another request had the same idempotency key.
    #[strum(serialize = "idempotency_key_reused")]
    KeyReused,
    #[strum(serialize = "sandbox_full")]
    Full,
    #[strum(serialize = "sandbox_stopping")]
    Stopping,
}

impl Refusal {
    pub(super) fn code(self) -> &'static str {
        self.into()
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

impl From<Interrupted> for Refusal {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::HeldTooLong => Self::HeldTooLong,
            Interrupted::Stopping => Self::Stopping,
        }
    }
}
