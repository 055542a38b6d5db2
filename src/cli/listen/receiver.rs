//! The receiver: it verifies what comes, passes it on, and responds.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response as HttpResponse};
use chrono::{DateTime, Utc};
use commerce::Secret;
use event_log::clock::Clock;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::forward::{Forward, Response};

/// Longer than any notification.
const MAX_BODY_BYTES: usize = 4 * 1_024 * 1_024;

/// What came.
pub(super) enum Got {
    Event {
        /// When it came, which at a retry is later than when it happened.
        at: DateTime<Utc>,
        body: Value,
        forwarded: Option<Result<Response, String>>,
    },
    /// It was not signed with the secret of the endpoint.
    Refused { reason: String },
}

pub(super) struct Receiver {
    secret: Secret,
    forward: Option<Forward>,
    got: mpsc::Sender<Got>,
    clock: Clock,
}

impl Receiver {
    pub(super) fn new(secret: Secret, forward: Option<Forward>, got: mpsc::Sender<Got>, clock: Clock) -> Self {
        Self { secret, forward, got, clock }
    }

    /// Serves until it is dropped.
    pub(super) async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        let router = Router::new().fallback(receive).layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
        axum::serve(listener, router.with_state(Arc::new(self))).await
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> HttpResponse {
    let secrets = std::slice::from_ref(&receiver.secret);
    let at = receiver.clock.now();
    if let Err(refusal) = commerce::verify(&headers, &body, secrets, at) {
        let reason = refusal.to_string();
        receiver.got.send(Got::Refused { reason: reason.clone() }).await.ok();
        return (StatusCode::UNAUTHORIZED, reason).into_response();
    }
    let Ok(event) = serde_json::from_slice(&body) else {
        return (StatusCode::BAD_REQUEST, "the body is not JSON").into_response();
    };
    let forwarded = match &receiver.forward {
        Some(forward) => Some(forward.send(&headers, body).await),
        None => None,
    };
    let response = match &forwarded {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Ok(Response { status, headers, body })) => (*status, headers.clone(), body.clone()).into_response(),
        // The service sends it again, as it would where the receiver itself could not be reached.
        Some(Err(reason)) => (StatusCode::BAD_GATEWAY, reason.clone()).into_response(),
    };
    receiver.got.send(Got::Event { at, body: event, forwarded }).await.ok();
    response
}
