//! How the owner of a store installs an app: <https://developer.bigcommerce.com/docs/integrations/apps/guide/auth>. BigCommerce knows
//! which store it is by who signs in; here a field of the form says it.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{DOCTYPE, html};
use serde::Deserialize;
use serde_json::json;

use crate::store_sandbox::StoreSandbox;
use crate::store_sandbox::operation::Operation;
use crate::store_sandbox::platform::Platform;
use crate::store_sandbox::refusal::Refusal;

/// What an app here always asks for.
const SCOPES: [&str; 3] = ["store_v2_customers_read_only", "store_v2_orders_read_only", "store_v2_products_read_only"];

#[derive(Deserialize)]
pub(super) struct Installed {
    /// The hash of the store.
    store: String,
    #[serde(default)]
    decision: String,
}

#[derive(Deserialize)]
pub(super) struct Exchange {
    client_id: String,
    client_secret: String,
    code: String,
    #[serde(default)]
    context: String,
}

pub(super) async fn ask(State(sandbox): State<StoreSandbox>, Path(client_id): Path<String>) -> Response {
    if sandbox.world().apps.find(Platform::BigCommerce, &client_id).is_none() {
        return (StatusCode::NOT_FOUND, "There is no such app.").into_response();
    }
    let page = html! {
        (DOCTYPE)
        title { "Install app" }
        h1 { "Install app" }
        p { "It asks for: " (SCOPES.join(", ")) }
        form method="post" {
            label { "Store hash " input name="store" required; }
            button name="decision" value="install" { "Confirm" }
        }
    };
    Html(page.into_string()).into_response()
}

pub(super) async fn answer(
    State(sandbox): State<StoreSandbox>,
    Path(client_id): Path<String>,
    Form(installed): Form<Installed>,
) -> Response {
    let sent_back = sandbox.change(|world| {
        let address = world.apps.find(Platform::BigCommerce, &client_id)?.redirect_uris.first()?.clone();
        let store = world.stores.find(&installed.store).ok()?;
        if installed.decision == "decline" {
            return Some(format!("{address}?error=access_denied"));
        }
        let scopes = SCOPES.map(str::to_owned).into_iter().filter(|scope| !store.without_scopes.contains(scope));
        let scopes: BTreeSet<String> = scopes.collect();
        let scope = Vec::from_iter(scopes.clone()).join("+");
        let code = world.apps.give_code(&installed.store, &client_id, scopes);
        Some(format!("{address}?code={code}&scope={scope}&context=stores%2F{}&account_uuid=sandbox", installed.store))
    });
    match sent_back {
        Some(address) => Redirect::to(&address).into_response(),
        None => (StatusCode::NOT_FOUND, "There is no such app or store.").into_response(),
    }
}

pub(super) async fn exchange(State(sandbox): State<StoreSandbox>, Json(asked): Json<Exchange>) -> Response {
    let exchanging = sandbox.clone();
    let exchanged = move || {
        let now = exchanging.clock().now();
        let installed = exchanging.change(|world| {
            let exchanged = world.apps.exchange(&asked.client_id, &asked.client_secret, &asked.code)?;
            let store = asked.context.strip_prefix("stores/").filter(|store| *store == exchanged.store)?;
            world.stores.install((store, &exchanged.client_id), exchanged.scopes, now)
        });
        let answer = installed.map(|installation| {
            let scopes: Vec<String> = installation.scopes.into_iter().collect();
            json!({
                "access_token": installation.token,
                "scope": scopes.join(" "),
                "user": { "id": 1, "username": "sandbox", "email": "owner@example.com" },
                "context": asked.context,
                "account_uuid": "sandbox",
            })
        });
        answer.map(Some).ok_or(Refusal::BadCode)
    };
    sandbox.perform(Operation::BigCommerceToken, async || exchanged()).await
}
