//! The webhooks of a shop: <https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks>

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Keys, Wanted};
use crate::store_sandbox::apps::{AppSubscription, Installation, MAX_SUBSCRIPTIONS};
use crate::store_sandbox::operation::Operation;
use crate::store_sandbox::refusal::Refusal;
use crate::store_sandbox::{StoreSandbox, World};

/// In place of an app's id: what the shop's own keys made.
const KEYS: &str = "";
const ACTIVE: &str = "active";

#[derive(Deserialize)]
pub(super) struct NewHook {
    topic: String,
    delivery_url: String,
    secret: String,
    #[serde(default)]
    status: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ChangedHook {
    status: String,
}

fn installation<'w>(
    world: &'w mut World,
    (shop, keys): (&str, &str),
    sandbox: &StoreSandbox,
) -> Result<&'w mut Installation, Refusal> {
    world.stores.woocommerce(shop, keys, sandbox.clock().now())?;
    let store = world.stores.find_mut(shop).map_err(|_| Refusal::NotFound)?;
    Ok(store.installations.entry(KEYS.to_owned()).or_insert_with(Installation::of_api_account))
}

fn hook_json(number: u64, hook: &AppSubscription) -> Value {
    json!({
        "id": number,
        "name": format!("Webhook {number}"),
        "status": if hook.is_enabled { ACTIVE } else { "disabled" },
        "topic": hook.topic,
        "resource": hook.topic.split('.').next(),
        "event": hook.topic.split('.').nth(1),
        "hooks": [],
        "delivery_url": hook.address,
        "date_created": "2026-01-01T00:00:00",
    })
}

pub(super) async fn list(
    State(sandbox): State<StoreSandbox>,
    keys: Keys,
    Path(shop): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let listing = sandbox.clone();
    let listed = move || {
        let hooks = listing.change(|world| {
            installation(world, (&shop, &keys.0), &listing).map(|installation| installation.subscriptions.clone())
        })?;
        let hooks: Vec<Value> = hooks.iter().map(|(number, hook)| hook_json(*number, hook)).collect();
        Ok(Some(wanted.page().of(&hooks).cloned().collect()))
    };
    sandbox.perform(Operation::WooCommerceWebhooks, async || listed()).await
}

pub(super) async fn make(
    State(sandbox): State<StoreSandbox>,
    keys: Keys,
    Path(shop): Path<String>,
    Json(new): Json<NewHook>,
) -> Response {
    let making = sandbox.clone();
    let made = move || {
        making.change(|world| {
            let number = world.apps.next_number();
            let installation = installation(world, (&shop, &keys.0), &making)?;
            if installation.subscriptions.len() >= MAX_SUBSCRIPTIONS {
                return Err(Refusal::RateLimited);
            }
            let is_enabled = new.status.is_none_or(|status| status == ACTIVE);
            let hook = AppSubscription {
                secret: Some(new.secret),
                ..AppSubscription::new(new.topic, new.delivery_url, is_enabled)
            };
            installation.subscriptions.insert(number, hook.clone());
            Ok(Some(hook_json(number, &hook)))
        })
    };
    sandbox.perform(Operation::WooCommerceWebhooks, async || made()).await
}

pub(super) async fn change(
    State(sandbox): State<StoreSandbox>,
    keys: Keys,
    Path((shop, number)): Path<(String, u64)>,
    Json(changed): Json<ChangedHook>,
) -> Response {
    let changing = sandbox.clone();
    let done = move || {
        changing.change(|world| {
            let installation = installation(world, (&shop, &keys.0), &changing)?;
            let hook = installation.subscriptions.get_mut(&number).ok_or(Refusal::NotFound)?;
            hook.is_enabled = changed.status == ACTIVE;
            hook.failures = 0;
            Ok(Some(hook_json(number, hook)))
        })
    };
    sandbox.perform(Operation::WooCommerceWebhooks, async || done()).await
}

pub(super) async fn delete(
    State(sandbox): State<StoreSandbox>,
    keys: Keys,
    Path((shop, number)): Path<(String, u64)>,
) -> Response {
    let deleting = sandbox.clone();
    let done = move || {
        deleting.change(|world| {
            let installation = installation(world, (&shop, &keys.0), &deleting)?;
            let hook = installation.subscriptions.remove(&number).ok_or(Refusal::NotFound)?;
            Ok(Some(hook_json(number, &hook)))
        })
    };
    sandbox.perform(Operation::WooCommerceWebhooks, async || done()).await
}
