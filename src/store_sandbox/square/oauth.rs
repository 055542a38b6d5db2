//! How a seller lets an application in: <https://developer.squareup.com/reference/square/oauth-api>. Square knows which seller it is by
//! who signs in; here a field of the form says it.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use maud::{DOCTYPE, html};
use serde::Deserialize;
use serde_json::json;

use super::timestamp;
use crate::scripted::BearerToken;
use crate::store_sandbox::operation::Operation;
use crate::store_sandbox::platform::Platform;
use crate::store_sandbox::refusal::Refusal;
use crate::store_sandbox::{StoreSandbox, World};

/// How long Square's tokens are good for.
const TOKEN_DAYS: i64 = 30;

#[derive(Deserialize)]
pub(super) struct Asked {
    client_id: String,
    scope: String,
    redirect_uri: String,
    #[serde(default)]
    state: String,
}

#[derive(Deserialize)]
pub(super) struct Answered {
    /// The seller.
    store: String,
    #[serde(default)]
    decision: String,
}

#[derive(Deserialize)]
pub(super) struct Exchange {
    client_id: String,
    client_secret: String,
    grant_type: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    refresh_token: String,
}

pub(super) async fn ask(Query(asked): Query<Asked>) -> Response {
    let page = html! {
        (DOCTYPE)
        title { "Allow access" }
        h1 { "Allow access" }
        p { "It asks for: " (asked.scope) }
        form method="post" {
            label { "Seller " input name="store" required; }
            button name="decision" value="install" { "Allow" }
            " "
            button name="decision" value="decline" { "Deny" }
        }
    };
    Html(page.into_string()).into_response()
}

pub(super) async fn answer(
    State(sandbox): State<StoreSandbox>,
    Query(asked): Query<Asked>,
    Form(answered): Form<Answered>,
) -> Response {
    let sent_back = sandbox.change(|world| {
        let app = world.apps.find(Platform::Square, &asked.client_id)?;
        if !app.redirect_uris.contains(&asked.redirect_uri) || world.stores.find(&answered.store).is_err() {
            return None;
        }
        let (address, state) = (&asked.redirect_uri, &asked.state);
        if answered.decision == "decline" {
            return Some(format!("{address}?error=access_denied&error_description=user_denied&state={state}"));
        }
        let scopes: BTreeSet<String> = asked.scope.split(' ').map(str::to_owned).collect();
        let code = world.apps.give_code(&answered.store, &asked.client_id, scopes);
        Some(format!("{address}?code={code}&response_type=code&state={state}"))
    });
    match sent_back {
        Some(address) => Redirect::to(&address).into_response(),
        None => (StatusCode::BAD_REQUEST, "There is no such application or seller.").into_response(),
    }
}

/// Of which seller a token is, or that it counts no more.
pub(super) async fn status(State(sandbox): State<StoreSandbox>, token: BearerToken) -> Response {
    let now = sandbox.clock().now();
    let find = move |world: &World| Ok(Some(json!({ "merchant_id": world.stores.square(&token.0, now)?.id })));
    sandbox.read(Operation::SquareTokenStatus, find).await
}

/// For a code, once; or for what came with a token before.
pub(super) async fn exchange(State(sandbox): State<StoreSandbox>, Json(asked): Json<Exchange>) -> Response {
    let exchanging = sandbox.clone();
    let exchanged = move || {
        let now = exchanging.clock().now();
        let installed = exchanging.change(|world| {
            if asked.grant_type == "refresh_token" {
                world.apps.secret(&asked.client_id).filter(|secret| *secret == asked.client_secret)?;
                let has_it = |refresh: &(String, _)| refresh.0 == asked.refresh_token;
                let (store, scopes) = world.stores.all().find_map(|store| {
                    let installation = store.installations.get(&asked.client_id)?;
                    installation.refresh.as_ref().filter(|refresh| has_it(refresh))?;
                    Some((store.id.clone(), installation.scopes.clone()))
                })?;
                return Some((world.stores.install((&store, &asked.client_id), scopes, now)?, store));
            }
            let exchanged = world.apps.exchange(&asked.client_id, &asked.client_secret, &asked.code)?;
            let store = exchanged.store;
            if let Ok(found) = world.stores.find_mut(&store) {
                found.token_seconds.get_or_insert(u32::try_from(TOKEN_DAYS * 86_400).unwrap_or(u32::MAX));
            }
            Some((world.stores.install((&store, &exchanged.client_id), exchanged.scopes, now)?, store))
        });
        let answer = installed.map(|(installation, store)| {
            let (refresh_token, ends_at) =
                installation.refresh.unwrap_or_else(|| (String::new(), now + TimeDelta::days(TOKEN_DAYS)));
            json!({
                "access_token": installation.token,
                "token_type": "bearer",
                "expires_at": timestamp(ends_at),
                "merchant_id": store,
                "refresh_token": refresh_token,
                "short_lived": false,
            })
        });
        answer.map(Some).ok_or(Refusal::BadCode)
    };
    sandbox.perform(Operation::SquareToken, async || exchanged()).await
}
