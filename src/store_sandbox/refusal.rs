//! Everything the APIs return instead of an order, in the shape of each platform.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use strum::IntoStaticStr;

use super::platform::Platform;
use crate::scripted::{Interrupted, dropped_connection};

#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Refusal {
    Unauthorized,
    /// A code to be exchanged that is none, or was exchanged before.
    BadCode,
    NotFound,
    RateLimited,
    Broken,
    Unavailable,
    /// The connection ends without an answer.
    Dropped,
}

impl From<Interrupted> for Refusal {
    /// A read that was held too long, or met the end of the sandbox, finds the platform unavailable.
    fn from(_: Interrupted) -> Self {
        Self::Unavailable
    }
}

impl Refusal {
    pub(super) fn code(self) -> &'static str {
        self.into()
    }

    pub(super) fn response(self, platform: Platform) -> Response {
        let status = match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::BadCode => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Dropped => return dropped_connection(),
        };
        let body = match platform {
            Platform::Shopify => self.as_shopify(),
            Platform::BigCommerce => self.as_bigcommerce(status),
            Platform::Square => self.as_square(),
            Platform::WooCommerce => self.as_woocommerce(status),
        };
        let mut response = (status, Json(body)).into_response();
        if self == Self::RateLimited {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// <https://shopify.dev/docs/api/usage/response-codes>
    fn as_shopify(self) -> Value {
        let message = match self {
            Self::Unauthorized => "[API] Invalid API key or access token (unrecognized login or wrong password)",
            Self::BadCode => {
                return json!({
                    "error": "invalid_request",
                    "error_description": "The authorization code was not found or was already used",
                });
            }
            Self::NotFound => "Not Found",
            Self::RateLimited => {
                "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."
            }
            Self::Broken | Self::Dropped => "Internal Server Error",
            Self::Unavailable => "Service Unavailable",
        };
        json!({ "errors": message })
    }

    /// V2 lists what was wrong with a request; what the gateway before it refuses is one object.
    fn as_bigcommerce(self, status: StatusCode) -> Value {
        if self == Self::NotFound {
            return json!([{ "status": status.as_u16(), "message": "The requested resource was not found." }]);
        }
        json!({
            "status": status.as_u16(),
            "title": status.canonical_reason(),
            "type": "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes",
        })
    }

    /// As `WordPress` has every error: <https://woocommerce.github.io/woocommerce-rest-api-docs/#errors>
    fn as_woocommerce(self, status: StatusCode) -> Value {
        let (code, message) = match self {
            Self::Unauthorized => ("woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
            Self::NotFound => ("woocommerce_rest_shop_order_invalid_id", "Invalid ID."),
            Self::BadCode | Self::RateLimited | Self::Broken | Self::Unavailable | Self::Dropped => {
                ("internal_server_error", "There has been a critical error on this website.")
            }
        };
        json!({ "code": code, "message": message, "data": { "status": status.as_u16() } })
    }

    /// Categories and codes: <https://developer.squareup.com/docs/build-basics/general-considerations/handling-errors>
    fn as_square(self) -> Value {
        let (category, code, detail) = match self {
            Self::Unauthorized => ("AUTHENTICATION_ERROR", "UNAUTHORIZED", "This request could not be authorized."),
            Self::BadCode => ("INVALID_REQUEST_ERROR", "BAD_REQUEST", "The code is not valid."),
            Self::NotFound => ("INVALID_REQUEST_ERROR", "NOT_FOUND", "Order not found."),
            Self::RateLimited => ("RATE_LIMIT_ERROR", "RATE_LIMITED", "Too many requests."),
            Self::Broken | Self::Dropped => ("API_ERROR", "INTERNAL_SERVER_ERROR", "An internal error has occurred."),
            Self::Unavailable => ("API_ERROR", "SERVICE_UNAVAILABLE", "The service is unavailable."),
        };
        json!({ "errors": [{ "category": category, "code": code, "detail": detail }] })
    }
}
