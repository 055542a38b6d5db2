//! The control API under `/sandbox`: the methods of the handle, for those in another process.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::Sandbox;
use super::control::ControlError;
use super::fault::FaultScript;
use super::hold::HoldPoint;
use super::operation::{On, Operation};
use super::people::FollowsBack;
use super::report::{Calls, StateReport};
use super::tally::Stage;

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/sandbox/users", post(add_user))
        .route("/sandbox/users/{username}/follow-back", post(follow_back_now))
        .route("/sandbox/accounts", post(add_account))
        .route("/sandbox/expire-tokens", post(expire_tokens))
        .route("/sandbox/faults", post(script))
        .route("/sandbox/hold", post(hold))
        .route("/sandbox/release", post(release))
        .route("/sandbox/await", get(wait_for))
        .route("/sandbox/calls", get(calls))
        .route("/sandbox/state", get(state))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewUser {
    username: String,
    follows_back: FollowsBack,
}

async fn add_user(State(sandbox): State<Sandbox>, Json(user): Json<NewUser>) -> Result<StatusCode, ControlError> {
    sandbox.add_user(&user.username, user.follows_back)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn follow_back_now(
    State(sandbox): State<Sandbox>,
    Path(username): Path<String>,
) -> Result<StatusCode, ControlError> {
    sandbox.follow_back_now(&username)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    email: String,
    password: String,
}

async fn add_account(
    State(sandbox): State<Sandbox>,
    Json(account): Json<NewAccount>,
) -> Result<StatusCode, ControlError> {
    sandbox.add_account(&account.email, &account.password)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn expire_tokens(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.expire_tokens();
    StatusCode::NO_CONTENT
}

async fn script(State(sandbox): State<Sandbox>, Json(script): Json<FaultScript>) -> Result<StatusCode, ControlError> {
    sandbox.script(script)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hold {
    operation: On,
    #[serde(default)]
    at: HoldPoint,
}

async fn hold(State(sandbox): State<Sandbox>, Json(hold): Json<Hold>) -> StatusCode {
    sandbox.hold(hold.operation, hold.at);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    operation: On,
}

async fn release(State(sandbox): State<Sandbox>, Json(release): Json<Release>) -> StatusCode {
    sandbox.release(release.operation);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Awaited {
    operation: Operation,
    #[serde(default)]
    stage: Stage,
    count: u64,
}

async fn wait_for(State(sandbox): State<Sandbox>, Query(awaited): Query<Awaited>) -> Result<Response, ControlError> {
    let count = sandbox.wait_for(awaited.operation, awaited.stage, awaited.count).await?;
    Ok(Json(count).into_response())
}

async fn calls(State(sandbox): State<Sandbox>) -> Json<Calls> {
    Json(sandbox.calls())
}

async fn state(State(sandbox): State<Sandbox>) -> Json<StateReport> {
    Json(sandbox.report())
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let (status, code) = match self {
            Self::Full { .. } => (StatusCode::INSUFFICIENT_STORAGE, "full"),
            Self::OutOfBounds(_) => (StatusCode::BAD_REQUEST, "out_of_bounds"),
            Self::UnknownUser => (StatusCode::NOT_FOUND, "user_not_found"),
            Self::NotInTime => (StatusCode::GATEWAY_TIMEOUT, "not_in_time"),
        };
        let body = json!({ "error": { "code": code, "message": self.to_string() } });
        (status, Json(body)).into_response()
    }
}
