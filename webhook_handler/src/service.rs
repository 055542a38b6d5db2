//! The handler as a service of tower, and its responses.

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use serde::Serialize;
use tower_service::Service;

use crate::BoxFuture;
use crate::handler::{Receipt, WebhookHandler};
use crate::refusal::Refusal;

/// Seconds after which a sender that chooses by itself may try again.
const RETRY_AFTER_S: &str = "5";

#[derive(Serialize)]
struct Received {
    status: Receipt,
}

#[derive(Serialize)]
struct Refused<'a> {
    status: &'static str,
    code: &'static str,
    reason: &'a str,
}

impl<B> Service<Request<B>> for WebhookHandler
where
    B: Body<Data: Send> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    /// Always ready: what there is no room for is refused with 503.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let handler = self.clone();
        Box::pin(async move {
            Ok(match handler.receive(request).await {
                Ok(status) => respond(StatusCode::OK, &Received { status }),
                Err(refusal) => refuse(&refusal),
            })
        })
    }
}

fn refuse(refusal: &Refusal) -> Response<Full<Bytes>> {
    let (status, code, reason) = (refusal.status(), refusal.code(), refusal.reason());
    let logged = (!refusal.quotes_body()).then_some(&reason);
    if status.is_server_error() {
        tracing::error!(code, reason = logged, "webhook refused");
    } else {
        tracing::warn!(code, reason = logged, "webhook refused");
    }
    let mut response = respond(status, &Refused { status: "refused", code, reason: &reason });
    if *refusal == Refusal::Method {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    response
}

fn respond(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(body).expect("it is texts");
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
