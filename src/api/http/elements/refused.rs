//! Errors of the instances API: `{requestId, message, providerMessage?}`, with the codes that Cloud Elements has.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use event_log::ids;
use serde_json::json;

use crate::api::graphql::{ApiError, RATE_LIMIT_EXCEEDED, TOO_SLOW};
use crate::app::{self, Error};

/// Why something was not done.
pub(super) enum Refused {
    /// What was sent cannot be used.
    Invalid(String),
    /// A platform said no.
    Provider {
        message: String,
        provider_message: String,
    },
    /// A platform said nothing that helps: it may later.
    ProviderAway {
        provider_message: String,
    },
    Unauthorized(&'static str),
    Forbidden(&'static str),
    NotFound(String),
    NoSuchResource,
    Method,
    NotAcceptable,
    Conflict(String),
    MediaType,
    TooMany(Duration),
    Unavailable,
    Internal,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Refused(refused) => refused.into(),
            ApiError::InvalidArgument { argument, reason } => Self::Invalid(format!("{argument} {reason}")),
            ApiError::TooSlow => Self::ProviderAway { provider_message: TOO_SLOW.to_owned() },
            ApiError::Forbidden | ApiError::ChangesNothing => Self::Forbidden("this key may not do that"),
            ApiError::Unauthenticated | ApiError::KeyDeactivated => Self::Unauthorized("the key is not valid any more"),
            ApiError::LimitReached => Self::TooMany(Duration::from_mins(1)),
            ApiError::Unavailable | ApiError::OtherLog => Self::Unavailable,
            ApiError::NoIntrospection | ApiError::Internal => Self::Internal,
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        ApiError::from(error).into()
    }
}

impl From<app::Refused> for Refused {
    fn from(refused: app::Refused) -> Self {
        let app::Refused { code, message, .. } = refused;
        match code {
            "NOT_FOUND" | "DELETED" => Self::NotFound(message),
            "ALREADY_EXISTS" => Self::Conflict(message),
            "GRANT_REFUSED" => Self::Provider {
                message: "the store gave no token for providerData.code".to_owned(),
                provider_message: message,
            },
            "STORE_UNAVAILABLE" => Self::ProviderAway { provider_message: message },
            _ => Self::Invalid(message),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, message) = match &self {
            Self::Invalid(message) | Self::Provider { message, .. } => (StatusCode::BAD_REQUEST, message.as_str()),
            Self::Unauthorized(message) => (StatusCode::UNAUTHORIZED, *message),
            Self::Forbidden(message) => (StatusCode::FORBIDDEN, *message),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, message.as_str()),
            Self::NoSuchResource => {
                (StatusCode::NOT_FOUND, "there is nothing here: docs/elements-api.md lists what there is")
            }
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "this address does not take this method"),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "answers are application/json"),
            Self::Conflict(message) => (StatusCode::CONFLICT, message.as_str()),
            Self::MediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is read as application/json: say so in Content-Type")
            }
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, RATE_LIMIT_EXCEEDED),
            Self::ProviderAway { .. } => {
                (StatusCode::INTERNAL_SERVER_ERROR, "the store did not answer as it should: try again soon")
            }
            Self::Unavailable => (StatusCode::INTERNAL_SERVER_ERROR, "not at the moment: try again soon"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
        };
        let mut body = json!({ "requestId": ids::fresh().simple().to_string(), "message": message });
        if let Self::Provider { provider_message, .. } | Self::ProviderAway { provider_message } = &self {
            body["providerMessage"] = json!(provider_message);
        }
        let mut response = (status, Json(body)).into_response();
        let wait = if let Self::TooMany(after) = self {
            Some(after.as_secs() + u64::from(after.subsec_nanos() > 0))
        } else {
            matches!(self, Self::Unavailable | Self::ProviderAway { .. }).then_some(5)
        };
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

/// Refuses who takes no JSON.
pub(super) fn refuse_other_formats(headers: &HeaderMap) -> Result<(), Refused> {
    let accepted: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let takes_json = |accepted: &&str| ["*/*", "application/*", "json"].iter().any(|known| accepted.contains(known));
    if accepted.is_empty() || accepted.iter().any(takes_json) { Ok(()) } else { Err(Refused::NotAcceptable) }
}
