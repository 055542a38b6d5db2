//! The webhooks of a store: <https://docs.bigcommerce.com/developer/api-reference/rest/admin/management/webhooks>

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Page, Token};
use crate::store_sandbox::apps::{AppSubscription, Installation, MAX_SUBSCRIPTIONS};
use crate::store_sandbox::operation::Operation;
use crate::store_sandbox::refusal::Refusal;
use crate::store_sandbox::{StoreSandbox, World};

#[derive(Deserialize)]
pub(super) struct NewHook {
    scope: String,
    destination: String,
    #[serde(default)]
    is_active: bool,
}

#[derive(Deserialize)]
pub(super) struct ChangedHook {
    is_active: bool,
}

/// In place of an app's id: what the store's own token made.
const API_ACCOUNT: &str = "";

/// Only those are seen that the token made.
fn installation<'w>(
    world: &'w mut World,
    (hash, token): (&str, &str),
    sandbox: &StoreSandbox,
) -> Result<&'w mut Installation, Refusal> {
    let now = sandbox.clock().now();
    world.stores.bigcommerce(hash, token, now)?;
    let store = world.stores.find_mut(hash).map_err(|_| Refusal::NotFound)?;
    if store.token.as_deref() == Some(token) {
        return Ok(store.installations.entry(API_ACCOUNT.to_owned()).or_insert_with(Installation::of_api_account));
    }
    let found = store.installations.values_mut().find(|installation| installation.is_token(token, now));
    found.ok_or(Refusal::Unauthorized)
}

fn hook_json(hash: &str, number: u64, hook: &AppSubscription) -> Value {
    json!({
        "id": number,
        "client_id": "sandbox",
        "store_hash": hash,
        "scope": hook.topic,
        "destination": hook.address,
        "headers": null,
        "is_active": hook.is_enabled,
        "created_at": 1_700_000_000,
        "updated_at": 1_700_000_000,
    })
}

pub(super) async fn list(
    State(sandbox): State<StoreSandbox>,
    token: Token,
    Path(hash): Path<String>,
    Query(page): Query<Page>,
) -> Response {
    let listing = sandbox.clone();
    let listed = move || {
        let hooks = listing.change(|world| {
            installation(world, (&hash, &token.0), &listing).map(|installation| installation.subscriptions.clone())
        })?;
        let hooks: Vec<Value> = hooks.iter().map(|(number, hook)| hook_json(&hash, *number, hook)).collect();
        let (total, limit) = (hooks.len(), page.limit());
        let shown: Vec<&Value> = page.of(&hooks).map(|(_, hook)| hook).collect();
        let pagination = json!({
            "total": total, "count": shown.len(), "per_page": limit, "current_page": page.number(),
            "total_pages": total.div_ceil(limit),
        });
        Ok(Some(json!({ "data": shown, "meta": { "pagination": pagination } })))
    };
    sandbox.perform(Operation::BigCommerceHooks, async || listed()).await
}

pub(super) async fn make(
    State(sandbox): State<StoreSandbox>,
    token: Token,
    Path(hash): Path<String>,
    Json(new): Json<NewHook>,
) -> Response {
    let making = sandbox.clone();
    let made = move || {
        making.change(|world| {
            let number = world.apps.next_number();
            let installation = installation(world, (&hash, &token.0), &making)?;
            if installation.subscriptions.len() >= MAX_SUBSCRIPTIONS {
                return Err(Refusal::RateLimited);
            }
            let hook = AppSubscription::new(new.scope, new.destination, new.is_active);
            installation.subscriptions.insert(number, hook.clone());
            Ok(Some(json!({ "data": hook_json(&hash, number, &hook), "meta": {} })))
        })
    };
    sandbox.perform(Operation::BigCommerceHooks, async || made()).await
}

pub(super) async fn change(
    State(sandbox): State<StoreSandbox>,
    token: Token,
    Path((hash, number)): Path<(String, u64)>,
    Json(changed): Json<ChangedHook>,
) -> Response {
    let changing = sandbox.clone();
    let done = move || {
        changing.change(|world| {
            let installation = installation(world, (&hash, &token.0), &changing)?;
            let hook = installation.subscriptions.get_mut(&number).ok_or(Refusal::NotFound)?;
            hook.is_enabled = changed.is_active;
            Ok(Some(json!({ "data": hook_json(&hash, number, hook), "meta": {} })))
        })
    };
    sandbox.perform(Operation::BigCommerceHooks, async || done()).await
}

pub(super) async fn delete(
    State(sandbox): State<StoreSandbox>,
    token: Token,
    Path((hash, number)): Path<(String, u64)>,
) -> Response {
    let deleting = sandbox.clone();
    let done = move || {
        deleting.change(|world| {
            let installation = installation(world, (&hash, &token.0), &deleting)?;
            let hook = installation.subscriptions.remove(&number).ok_or(Refusal::NotFound)?;
            Ok(Some(json!({ "data": hook_json(&hash, number, &hook), "meta": {} })))
        })
    };
    sandbox.perform(Operation::BigCommerceHooks, async || done()).await
}
