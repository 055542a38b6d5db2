//! The way of every call: it arrives, is held, meets its fault, has its effect, is held again and is answered.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use super::fault::Fault;
use super::operation::Operation;
use super::refusal::Refusal;
use super::{HoldPoint, Sandbox, World};

/// How long a call is left without an answer when nothing ends it earlier.
const MAX_SILENCE: Duration = Duration::from_mins(1);

impl Sandbox {
    /// `effect` decides and does the thing, under the lock; nothing else of the protocol changes the world.
    pub(super) async fn call(
        &self,
        operation: Operation,
        effect: impl FnOnce(&mut World, DateTime<Utc>) -> Result<Response, Refusal> + Send + 'static,
    ) -> Response {
        let fault = self.arrive(operation);
        let answer = self.carry_out(operation, fault, effect).await;
        self.count_answered(operation);
        let outcome = answer.as_ref().map_or_else(|refusal| refusal.code(), |_| "ok");
        tracing::debug!(operation = operation.as_str(), outcome, "sandbox call");
        answer.unwrap_or_else(Refusal::into_response)
    }

    async fn carry_out(
        &self,
        operation: Operation,
        fault: Option<Fault>,
        effect: impl FnOnce(&mut World, DateTime<Utc>) -> Result<Response, Refusal> + Send + 'static,
    ) -> Result<Response, Refusal> {
        self.hold_point(operation, HoldPoint::BeforeEffect).await?;
        let now = || self.clock().now();
        let answer = match fault {
            None => self.change(|world| effect(world, now())),
            Some(Fault::Nonsense) => Ok((axum::http::StatusCode::IM_A_TEAPOT, "short and stout").into_response()),
            Some(Fault::UnknownRefusal) => {
                let refusal =
                    serde_json::json!({ "error": { "code": "unheard_of", "message": "for no known reason" } });
                Ok((axum::http::StatusCode::BAD_REQUEST, axum::Json(refusal)).into_response())
            }
            Some(Fault::Error500) => Err(Refusal::Broken),
            Some(Fault::RateLimit) => Err(Refusal::RateLimited),
            Some(Fault::DropConnection) => Err(Refusal::Dropped),
            Some(Fault::Timeout) => self.idle(MAX_SILENCE).await.map_err(Refusal::from).and(Err(Refusal::Broken)),
            Some(Fault::DelayMs(delay_ms)) => {
                self.idle(Duration::from_millis(delay_ms)).await?;
                self.change(|world| effect(world, now()))
            }
            Some(Fault::LateMs(late_ms)) => {
                let sandbox = self.clone();
                tokio::spawn(async move {
                    if sandbox.idle(Duration::from_millis(late_ms)).await.is_ok() {
                        let now = sandbox.clock().now();
                        let outcome = sandbox.change(|world| effect(world, now).map(drop));
                        sandbox.count_late(operation);
                        tracing::debug!(operation = operation.as_str(), ?outcome, "a late effect");
                    }
                });
                Err(Refusal::Broken)
            }
            Some(Fault::AfterEffect500) => self.change(|world| effect(world, now())).and(Err(Refusal::Broken)),
        };
        self.hold_point(operation, HoldPoint::AfterEffect).await?;
        answer
    }
}
