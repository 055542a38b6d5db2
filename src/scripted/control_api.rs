//! The part of the control API under `/sandbox` that every sandbox has: faults, holds, and waiting for calls.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::fault::Script;
use super::hold::HoldPoint;
use super::operation::On;
use super::tally::{CallCount, Stage};
use super::{ControlError, Protocol, Server};

pub(super) fn routes<P: Protocol>() -> Router<Server<P>> {
    Router::new()
        .route("/sandbox/faults", post(script::<P>))
        .route("/sandbox/hold", post(hold::<P>))
        .route("/sandbox/release", post(release::<P>))
        .route("/sandbox/await", get(wait_for::<P>))
}

async fn script<P: Protocol>(
    State(server): State<Server<P>>,
    Json(script): Json<Script<P>>,
) -> Result<StatusCode, ControlError> {
    server.script(script)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hold<O> {
    operation: On<O>,
    #[serde(default)]
    at: HoldPoint,
}

async fn hold<P: Protocol>(State(server): State<Server<P>>, Json(hold): Json<Hold<P::Operation>>) -> StatusCode {
    server.hold(hold.operation, hold.at);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release<O> {
    operation: On<O>,
}

async fn release<P: Protocol>(
    State(server): State<Server<P>>,
    Json(release): Json<Release<P::Operation>>,
) -> StatusCode {
    server.release(release.operation);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Awaited<O> {
    operation: O,
    #[serde(default)]
    stage: Stage,
    count: u64,
}

async fn wait_for<P: Protocol>(
    State(server): State<Server<P>>,
    Query(awaited): Query<Awaited<P::Operation>>,
) -> Result<Json<CallCount>, ControlError> {
    Ok(Json(server.wait_for(awaited.operation, awaited.stage, awaited.count).await?))
}
