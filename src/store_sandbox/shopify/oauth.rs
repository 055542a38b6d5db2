//! How the owner of a shop lets an app in:
//! <https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant>

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, html};
use serde::Deserialize;
use serde_json::json;
use signing::{Encoding, code};

use super::shop_id;
use crate::store_sandbox::apps::Installation;
use crate::store_sandbox::operation::Operation;
use crate::store_sandbox::platform::Platform;
use crate::store_sandbox::refusal::Refusal;
use crate::store_sandbox::{StoreSandbox, World};

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Asked {
    client_id: String,
    scope: String,
    redirect_uri: String,
    #[serde(default)]
    state: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Answered {
    /// `decline`, or anything else for consent.
    #[serde(default)]
    decision: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Exchange {
    client_id: String,
    client_secret: String,
    #[serde(default)]
    code: String,
    /// In place of a code, where a token ends.
    #[serde(default)]
    refresh_token: String,
}

impl Asked {
    /// Why Shopify would not show its page.
    fn mistake(&self, world: &World, shop: &str) -> Option<&'static str> {
        let app = world.apps.find(Platform::Shopify, &self.client_id);
        match app {
            _ if world.stores.shop(shop).is_none() => Some("This shop is not here."),
            None => Some("Oauth error invalid_request: Could not find Shopify API application with api_key."),
            Some(app) if !app.redirect_uris.contains(&self.redirect_uri) => {
                Some("Oauth error invalid_request: The redirect_uri is not whitelisted.")
            }
            Some(_) => None,
        }
    }
}

/// The page on which the owner decides: a form for people, and for tests the address to post to.
pub(super) async fn ask(
    State(sandbox): State<StoreSandbox>,
    Path(shop): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let mistake = asked.mistake(&sandbox.world(), shop_id(&shop).unwrap_or_default());
    if let Some(mistake) = mistake {
        return (StatusCode::BAD_REQUEST, mistake).into_response();
    }
    let page = html! {
        (DOCTYPE)
        title { "Install app" }
        h1 { "Install app in " (shop) }
        p { "It asks for: " (asked.scope.replace(',', ", ")) }
        form method="post" {
            button name="decision" value="install" { "Install" }
            " "
            button name="decision" value="decline" { "Cancel" }
        }
    };
    Html(page.into_string()).into_response()
}

pub(super) async fn answer(
    State(sandbox): State<StoreSandbox>,
    Path(shop): Path<String>,
    Query(asked): Query<Asked>,
    Form(answered): Form<Answered>,
) -> Response {
    let now = sandbox.clock().now().timestamp();
    let sent_back = sandbox.change(|world| {
        let id = shop_id(&shop).unwrap_or_default();
        if let Some(mistake) = asked.mistake(world, id) {
            return Err(mistake);
        }
        if answered.decision == "decline" {
            return Ok(query(&[("error", "access_denied"), ("state", &asked.state)]));
        }
        let without = world.stores.shop(id).map(|shop| shop.without_scopes.clone()).unwrap_or_default();
        let scopes: BTreeSet<String> =
            asked.scope.split(',').map(str::to_owned).filter(|scope| !without.contains(scope)).collect();
        let code = world.apps.give_code(id, &asked.client_id, scopes);
        let secret = world.apps.secret(&asked.client_id).unwrap_or_default().to_owned();
        Ok(signed(
            &[("code", &code), ("shop", &shop), ("state", &asked.state), ("timestamp", &now.to_string())],
            &secret,
        ))
    });
    match sent_back {
        Ok(query) => {
            let joint = if asked.redirect_uri.contains('?') { '&' } else { '?' };
            Redirect::to(&format!("{}{joint}{query}", asked.redirect_uri)).into_response()
        }
        Err(mistake) => (StatusCode::BAD_REQUEST, mistake).into_response(),
    }
}

/// The query by which Shopify sends a browser back: signed over everything else of it, sorted by name.
fn signed(pairs: &[(&str, &str)], secret: &str) -> String {
    let query = query(pairs);
    format!("{query}&hmac={}", Encoding::Hex.encoded(&code(secret.as_bytes(), &[query.as_bytes()])))
}

fn query(pairs: &[(&str, &str)]) -> String {
    let encoded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    // As Shopify and browsers leave them.
    let plain =
        |text: &str| encoded(text).replace("%2D", "-").replace("%2E", ".").replace("%5F", "_").replace("%7E", "~");
    pairs.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect::<Vec<_>>().join("&")
}

/// A code is good once.
pub(super) async fn exchange(
    State(sandbox): State<StoreSandbox>,
    Path(shop): Path<String>,
    Json(asked): Json<Exchange>,
) -> Response {
    let exchanging = sandbox.clone();
    let exchanged = move || {
        let now = exchanging.clock().now();
        let installed = exchanging.change(|world| {
            let Exchange { client_id, client_secret, code, refresh_token } = &asked;
            if !refresh_token.is_empty() {
                return refreshed(world, &asked, shop_id(&shop)?, now);
            }
            let exchanged = world.apps.exchange(client_id, client_secret, code)?;
            let store = Some(&*exchanged.store).filter(|store| shop_id(&shop) == Some(store))?;
            world.stores.install((store, &exchanged.client_id), exchanged.scopes, now)
        });
        installed.ok_or(Refusal::BadCode).map(|installation| {
            let scopes: Vec<String> = installation.scopes.into_iter().collect();
            let mut answer = json!({ "access_token": installation.token, "scope": scopes.join(",") });
            if let Some((refresh_token, ends_at)) = installation.refresh {
                answer["expires_in"] = json!((ends_at - now).num_seconds());
                answer["refresh_token"] = json!(refresh_token);
            }
            Some(answer)
        })
    };
    sandbox.perform(Operation::ShopifyToken, async || exchanged()).await
}

/// Another token for one that ends; what it was asked for with is good no more.
fn refreshed(world: &mut World, asked: &Exchange, shop: &str, now: DateTime<Utc>) -> Option<Installation> {
    world.apps.secret(&asked.client_id).filter(|secret| *secret == asked.client_secret)?;
    let found = world.stores.shop_mut(shop)?;
    let ends_at = found.tokens_end_at(now);
    let before = found.installations.get_mut(&asked.client_id)?;
    before.refresh.as_ref().filter(|(refresh_token, _)| *refresh_token == asked.refresh_token)?;
    let subscriptions = std::mem::take(&mut before.subscriptions);
    *before = Installation { subscriptions, ..Installation::new(before.scopes.clone(), ends_at) };
    Some(before.clone())
}
