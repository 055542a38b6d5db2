//! The endpoints of Cortex Cloud, as `docs/cortex-protocol.md` describes them.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::items::{self, ShareKey};
use super::operation::Operation;
use super::refusal::Refusal;
use super::requests::RequestKey;
use super::{Sandbox, World};
use crate::ports::cortex::ItemKind;
use crate::scripted::BearerToken;

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/api/v1/sessions", post(login))
        .route("/api/v1/users/{username}", get(find_user))
        .route("/api/v1/users/{username}/relation", get(relation))
        .route("/api/v1/users/{username}/follow", put(follow).delete(unfollow))
        .route("/api/v1/items/{kind}/{id}", get(find_item))
        .route("/api/v1/items/{kind}/{id}/shares/{username}", get(is_shared).put(share))
        .fallback(async || Refusal::NoSuchEndpoint)
}

async fn login(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    #[derive(Deserialize)]
    struct Credentials {
        email: String,
        password: String,
    }
    let log_in = move |world: &mut World, now| {
        let Credentials { email, password } = serde_json::from_slice(&body).map_err(|_| Refusal::Malformed)?;
        let (token, expires_at) = world.accounts.log_in(&email, &password, now, world.token_lifetime)?;
        Ok(Json(json!({ "token": token, "expiresAt": expires_at })).into_response())
    };
    sandbox.call(Operation::Login, log_in).await
}

async fn find_user(State(sandbox): State<Sandbox>, token: BearerToken, Path(username): Path<String>) -> Response {
    let find = move |world: &mut World, now| {
        holder(world, &token, now)?;
        world.people.find(&username)?;
        Ok(Json(json!({ "username": username })).into_response())
    };
    sandbox.call(Operation::FindUser, find).await
}

async fn relation(State(sandbox): State<Sandbox>, token: BearerToken, Path(username): Path<String>) -> Response {
    let relate = move |world: &mut World, now| {
        let merchant = holder(world, &token, now)?;
        let relation = world.people.relation(&merchant, &username, now)?;
        let body = json!({ "following": relation.following, "followedBack": relation.followed_back });
        Ok(Json(body).into_response())
    };
    sandbox.call(Operation::Relation, relate).await
}

async fn follow(
    State(sandbox): State<Sandbox>,
    token: BearerToken,
    key: RequestKey,
    Path(username): Path<String>,
) -> Response {
    sandbox.change(|world| world.tally.follow_asked(&username));
    let follow = move |world: &mut World, now| {
        let merchant = holder(world, &token, now)?;
        if !world.requests.is_done(&key, || format!("follow {merchant} {username}"))? {
            let newly = world.people.follow(&merchant, &username, now)?;
            world.tally.follow_done(&username, newly);
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    sandbox.call(Operation::Follow, follow).await
}

async fn unfollow(State(sandbox): State<Sandbox>, token: BearerToken, Path(username): Path<String>) -> Response {
    let unfollow = move |world: &mut World, now| {
        let merchant = holder(world, &token, now)?;
        world.people.unfollow(&merchant, &username, now)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    sandbox.call(Operation::Unfollow, unfollow).await
}

async fn find_item(
    State(sandbox): State<Sandbox>,
    token: BearerToken,
    Path((kind, id)): Path<(Kind, String)>,
) -> Response {
    let kind = ItemKind::from(kind);
    let find = move |world: &mut World, now| {
        holder(world, &token, now)?;
        let name = items::name(kind, &id)?;
        Ok(Json(json!({ "kind": kind.as_str(), "id": id, "name": name })).into_response())
    };
    sandbox.call(Operation::FindItem, find).await
}

async fn is_shared(State(sandbox): State<Sandbox>, token: BearerToken, Path(share): Path<SharePath>) -> Response {
    let share = ShareKey::from(share);
    let find = move |world: &mut World, now| {
        holder(world, &token, now)?;
        items::name(share.kind, &share.id)?;
        world.people.find(&share.username)?;
        Ok(Json(json!({ "shared": world.items.is_shared(&share) })).into_response())
    };
    sandbox.call(Operation::IsShared, find).await
}

async fn share(
    State(sandbox): State<Sandbox>,
    token: BearerToken,
    key: RequestKey,
    Path(share): Path<SharePath>,
) -> Response {
    let share = ShareKey::from(share);
    sandbox.change(|world| world.tally.share_asked(&share));
    let give = move |world: &mut World, now| {
        let merchant = holder(world, &token, now)?;
        items::name(share.kind, &share.id)?;
        if !world.people.relation(&merchant, &share.username, now)?.is_mutual() {
            return Err(Refusal::NotMutual);
        }
        if !world.requests.is_done(&key, || format!("share {share:?}"))? {
            let newly = world.items.share(&share)?;
            world.tally.share_done(&share, newly);
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    sandbox.call(Operation::Share, give).await
}

/// The account whose token it is.
fn holder(world: &World, token: &BearerToken, now: DateTime<Utc>) -> Result<String, Refusal> {
    world.accounts.holder_of(&token.0, now)
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Preset,
    Capture,
}

impl From<Kind> for ItemKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Preset => Self::Preset,
            Kind::Capture => Self::Capture,
        }
    }
}

#[derive(Deserialize)]
struct SharePath {
    kind: Kind,
    id: String,
    username: String,
}

impl From<SharePath> for ShareKey {
    fn from(SharePath { kind, id, username }: SharePath) -> Self {
        Self { kind: kind.into(), id, username }
    }
}
