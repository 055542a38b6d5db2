//! The endpoints of Cortex Cloud, as `docs/cortex-protocol.md` describes them.

use std::convert::Infallible;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Router, extract::DefaultBodyLimit};
use serde::Deserialize;
use serde_json::json;

use super::Sandbox;
use super::items::{self, ShareKey};
use super::operation::Operation;
use super::refusal::Refusal;
use crate::cortex::ItemKind;

const MAX_BODY_BYTES: usize = 16 * 1024;

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/api/v1/sessions", post(login))
        .route("/api/v1/users/{username}", get(find_user))
        .route("/api/v1/users/{username}/relation", get(relation))
        .route("/api/v1/users/{username}/follow", put(follow).delete(unfollow))
        .route("/api/v1/items/{kind}/{id}", get(find_item))
        .route("/api/v1/items/{kind}/{id}/shares/{username}", get(is_shared).put(share))
        .fallback(async || Refusal::NoSuchEndpoint)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

async fn login(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    #[derive(Deserialize)]
    struct Credentials {
        email: String,
        password: String,
    }
    let lifetime = sandbox.shared.token_lifetime;
    let log_in = |state: &mut super::State, now| {
        let credentials: Credentials = serde_json::from_slice(&body).map_err(|_| Refusal::Malformed)?;
        let (token, expires_at) =
            state.accounts.log_in(&credentials.email, &credentials.password, now, lifetime)?;
        Ok(Json(json!({ "token": token, "expiresAt": expires_at })).into_response())
    };
    sandbox.call(Operation::Login, log_in).await
}

async fn find_user(State(sandbox): State<Sandbox>, token: Token, Path(username): Path<String>) -> Response {
    let find = |state: &mut super::State, now| {
        state.accounts.holder_of(&token.0, now)?;
        state.people.find(&username)?;
        Ok(Json(json!({ "username": username })).into_response())
    };
    sandbox.call(Operation::FindUser, find).await
}

async fn relation(State(sandbox): State<Sandbox>, token: Token, Path(username): Path<String>) -> Response {
    let relate = |state: &mut super::State, now| {
        let email = state.accounts.holder_of(&token.0, now)?;
        let relation = state.people.relation(&email, &username, now)?;
        let body = json!({ "following": relation.following, "followedBack": relation.followed_back });
        Ok(Json(body).into_response())
    };
    sandbox.call(Operation::Relation, relate).await
}

async fn follow(State(sandbox): State<Sandbox>, token: Token, Path(username): Path<String>) -> Response {
    sandbox.change(|state| state.tally.follow_asked(&username));
    let follow = |state: &mut super::State, now| {
        let email = state.accounts.holder_of(&token.0, now)?;
        let newly = state.people.follow(&email, &username, now)?;
        state.tally.follow_done(&username, newly);
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    sandbox.call(Operation::Follow, follow).await
}

async fn unfollow(State(sandbox): State<Sandbox>, token: Token, Path(username): Path<String>) -> Response {
    let unfollow = |state: &mut super::State, now| {
        let email = state.accounts.holder_of(&token.0, now)?;
        state.people.unfollow(&email, &username, now)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    sandbox.call(Operation::Unfollow, unfollow).await
}

async fn find_item(
    State(sandbox): State<Sandbox>,
    token: Token,
    Path((kind, id)): Path<(String, String)>,
) -> Response {
    let find = |state: &mut super::State, now| {
        state.accounts.holder_of(&token.0, now)?;
        let name = items::name(parse_kind(&kind)?, &id)?;
        Ok(Json(json!({ "id": id, "kind": kind, "name": name })).into_response())
    };
    sandbox.call(Operation::FindItem, find).await
}

async fn is_shared(State(sandbox): State<Sandbox>, token: Token, share: SharePath) -> Response {
    let look = |state: &mut super::State, now| {
        state.accounts.holder_of(&token.0, now)?;
        let key = share.key()?;
        items::name(key.kind, &key.id)?;
        state.people.find(&key.username)?;
        Ok(Json(json!({ "shared": state.items.is_shared(&key) })).into_response())
    };
    sandbox.call(Operation::IsShared, look).await
}

async fn share(State(sandbox): State<Sandbox>, token: Token, share: SharePath) -> Response {
    if let Ok(key) = share.key() {
        sandbox.change(|state| state.tally.share_asked(&key));
    }
    let share = |state: &mut super::State, now| {
        let email = state.accounts.holder_of(&token.0, now)?;
        let key = share.key()?;
        items::name(key.kind, &key.id)?;
        if !state.people.relation(&email, &key.username, now)?.is_mutual() {
            return Err(Refusal::NotMutual);
        }
        let newly = state.items.share(&key)?;
        state.tally.share_done(&key, newly);
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    sandbox.call(Operation::Share, share).await
}
