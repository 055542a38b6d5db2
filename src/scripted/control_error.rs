//! Why a sandbox does not do what its controller wants.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    #[error("the sandbox keeps at most {limit} of these")]
    Full { limit: usize },
    #[error("{0}")]
    OutOfBounds(&'static str),
    #[error("there is no such {0}")]
    Unknown(&'static str),
    #[error("it did not happen within 30 seconds")]
    NotInTime,
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let (status, code) = match self {
            Self::Full { .. } => (StatusCode::INSUFFICIENT_STORAGE, "full".to_owned()),
            Self::OutOfBounds(_) => (StatusCode::BAD_REQUEST, "out_of_bounds".to_owned()),
            Self::Unknown(what) => (StatusCode::NOT_FOUND, format!("{what}_not_found")),
            Self::NotInTime => (StatusCode::GATEWAY_TIMEOUT, "not_in_time".to_owned()),
        };
        let body = json!({ "error": { "code": code, "message": self.to_string() } });
        (status, Json(body)).into_response()
    }
}
