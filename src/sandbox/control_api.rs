//! The control API under `/sandbox`: the methods of the handle, for those in another process.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::people::FollowsBack;
use super::report::{Calls, StateReport};
use super::{ControlError, Sandbox};

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/sandbox/users", post(add_user))
        .route("/sandbox/users/{username}/follow-back", post(follow_back_now))
        .route("/sandbox/accounts", post(add_account))
        .route("/sandbox/expire-tokens", post(expire_tokens))
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

async fn calls(State(sandbox): State<Sandbox>) -> Json<Calls> {
    Json(sandbox.calls())
}

async fn state(State(sandbox): State<Sandbox>) -> Json<StateReport> {
    Json(sandbox.report())
}
