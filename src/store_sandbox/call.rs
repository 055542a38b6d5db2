//! The way of every read: it arrives, is held, meets its fault, finds what there is, is held again and is answered.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use futures_util::stream;
use serde_json::Value;

use super::fault::Fault;
use super::operation::Operation;
use super::platform::Platform;
use super::refusal::Refusal;
use super::{HoldPoint, StoreSandbox, World, bigcommerce, square, woocommerce};

/// How long a read is left without an answer when nothing ends it earlier.
const MAX_SILENCE: Duration = Duration::from_mins(1);
const HUGE_BYTES: usize = 100_000_000;
const CHUNK_BYTES: usize = 50_000;

impl StoreSandbox {
    /// `find` reads, under the lock, what there is; none is an empty page.
    pub(super) async fn read(
        &self,
        operation: Operation,
        find: impl FnOnce(&World) -> Result<Option<Value>, Refusal> + Send,
    ) -> Response {
        self.perform(operation, || std::future::ready(find(&self.world()))).await
    }

    /// The same of what may change something. It is not done where its fault comes first.
    pub(super) async fn perform<F>(&self, operation: Operation, effect: impl FnOnce() -> F + Send) -> Response
    where
        F: Future<Output = Result<Option<Value>, Refusal>> + Send,
    {
        let fault = self.arrive(operation);
        let answer = self.carry_out(operation, fault, effect).await;
        self.count_answered(operation);
        let outcome = answer.as_ref().map_or_else(|refusal| refusal.code(), |_| "ok");
        tracing::debug!(operation = operation.as_str(), outcome, ?fault, "store sandbox read");
        answer.unwrap_or_else(|refusal| refusal.response(operation.platform()))
    }

    async fn carry_out<F>(
        &self,
        operation: Operation,
        fault: Option<Fault>,
        effect: impl FnOnce() -> F + Send,
    ) -> Result<Response, Refusal>
    where
        F: Future<Output = Result<Option<Value>, Refusal>> + Send,
    {
        self.hold_point(operation, HoldPoint::BeforeEffect).await?;
        let answer = match fault {
            None => effect().await.map(|value| whole(value.as_ref())),
            Some(Fault::DelayMs(delay_ms)) => {
                self.idle(Duration::from_millis(delay_ms)).await?;
                effect().await.map(|value| whole(value.as_ref()))
            }
            Some(Fault::Timeout) => {
                self.idle(MAX_SILENCE).await?;
                Err(Refusal::Broken)
            }
            Some(Fault::OtherOrder) => {
                effect().await.map(|value| whole(value.map(|value| renamed(operation, value)).as_ref()))
            }
            Some(Fault::SamePage) => {
                let number = self.call_count(operation).arrived;
                effect().await.map(|value| whole(value.map(|value| with_next_page(value, number)).as_ref()))
            }
            Some(Fault::TruncatedJson) => effect().await.map(|value| first_half(&value.unwrap_or_default())),
            Some(Fault::Html) => Ok(Html("<!DOCTYPE html><title>We'll be right back</title>").into_response()),
            Some(Fault::HugeBody) => Ok(huge()),
            Some(Fault::Error500) => Err(Refusal::Broken),
            Some(Fault::RateLimit) => Err(Refusal::RateLimited),
            Some(Fault::Unavailable503) => Err(Refusal::Unavailable),
            Some(Fault::Unauthorized) => Err(Refusal::Unauthorized),
            Some(Fault::NotFound) => Err(Refusal::NotFound),
            Some(Fault::DropConnection) => Err(Refusal::Dropped),
        };
        self.hold_point(operation, HoldPoint::AfterEffect).await?;
        answer
    }
}

fn whole(value: Option<&Value>) -> Response {
    value.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |value| json(value.to_string()))
}

fn first_half(value: &Value) -> Response {
    let mut text = value.to_string();
    text.truncate(text.floor_char_boundary(text.len() / 2));
    json(text)
}

fn renamed(operation: Operation, mut value: Value) -> Value {
    match operation.platform() {
        Platform::Shopify => {
            let id = &mut value["data"]["order"]["legacyResourceId"];
            if let Some(number) = id.as_str().and_then(|id| id.parse::<u64>().ok()) {
                *id = (number + 1).to_string().into();
            }
        }
        Platform::BigCommerce => bigcommerce::rename(&mut value),
        Platform::Square => square::rename(&mut value),
        Platform::WooCommerce => woocommerce::rename(&mut value),
    }
    value
}

/// Only Shopify says in its lists what follows. Each time it is another cursor, which leads to the same page.
fn with_next_page(mut value: Value, number: u64) -> Value {
    let orders = &mut value["data"]["orders"];
    if orders.is_object() {
        orders["pageInfo"] = serde_json::json!({ "hasNextPage": true, "endCursor": format!("page-{number}") });
    }
    value
}

/// Made while it is sent: none of it is kept.
fn huge() -> Response {
    let padding = Bytes::from("1,".repeat(CHUNK_BYTES / 2));
    let chunks =
        std::iter::once(Bytes::from_static(b"[")).chain(std::iter::repeat_n(padding, HUGE_BYTES / CHUNK_BYTES));
    json(Body::from_stream(stream::iter(chunks.map(Ok::<_, std::convert::Infallible>))))
}

fn json(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}
