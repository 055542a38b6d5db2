//! The control API under `/sandbox`: the methods of the handle, for those in another process.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::apps::App;
use super::order::NewOrder;
use super::product::NewProduct;
use super::report::StateReport;
use super::store::Store;
use super::webhook::Webhook;
use super::{ControlError, SentWebhook, StoreSandbox};

/// What happens to an order returns the webhook about it.
type Reported = Result<Json<Webhook>, ControlError>;
/// The ids of a store and of an order in it.
type OrderPath = Path<(String, String)>;

pub(super) fn routes() -> Router<StoreSandbox> {
    Router::new()
        .route("/sandbox/stores", post(connect))
        .route("/sandbox/stores/{store}/token", post(set_token))
        .route("/sandbox/stores/{store}/orders", post(place_order))
        .route("/sandbox/stores/{store}/products", post(offer_product))
        .route("/sandbox/stores/{store}/orders/{order}/status", post(set_status))
        .route("/sandbox/stores/{store}/orders/{order}/username", post(set_username))
        .route("/sandbox/stores/{store}/orders/{order}/refund", post(refund))
        .route("/sandbox/stores/{store}/orders/{order}/take-back", post(take_back))
        .route("/sandbox/stores/{store}/orders/{order}/pay", post(pay))
        .route("/sandbox/stores/{store}/orders/{order}/cancel", post(cancel))
        .route("/sandbox/stores/{store}/orders/{order}/archive", post(archive))
        .route("/sandbox/apps", post(register_app))
        .route("/sandbox/stores/{store}/lose", post(lose))
        .route("/sandbox/stores/{store}/scopes", post(scopes))
        .route("/sandbox/stores/{store}/token-seconds", post(token_seconds))
        .route("/sandbox/stores/{store}/uninstall", post(uninstall))
        .route("/sandbox/stores/{store}/drop-webhooks", post(drop_webhooks))
        .route("/sandbox/stores/{store}/stop-webhooks", post(stop_webhooks))
        .route("/sandbox/webhooks", get(webhooks))
        .route("/sandbox/state", get(state))
}

async fn connect(State(sandbox): State<StoreSandbox>, Json(store): Json<Store>) -> Result<StatusCode, ControlError> {
    sandbox.connect(store)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// Null revokes the one there is.
    token: Option<String>,
}

async fn set_token(
    State(sandbox): State<StoreSandbox>,
    Path(store): Path<String>,
    Json(new): Json<NewToken>,
) -> Result<StatusCode, ControlError> {
    match new.token {
        Some(token) => sandbox.replace_token(&store, &token)?,
        None => sandbox.revoke_token(&store)?,
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn place_order(
    State(sandbox): State<StoreSandbox>,
    Path(store): Path<String>,
    Json(order): Json<NewOrder>,
) -> Reported {
    sandbox.place_order(&store, order).map(Json)
}

async fn offer_product(
    State(sandbox): State<StoreSandbox>,
    Path(store): Path<String>,
    Json(product): Json<NewProduct>,
) -> Result<Json<serde_json::Value>, ControlError> {
    let id = sandbox.offer_product(&store, product)?;
    Ok(Json(serde_json::json!({ "id": id })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewStatus {
    status: String,
}

async fn set_status(
    State(sandbox): State<StoreSandbox>,
    Path((store, order)): OrderPath,
    Json(new): Json<NewStatus>,
) -> Reported {
    sandbox.set_status(&store, &order, &new.status).map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUsername {
    username: Option<String>,
}

async fn set_username(
    State(sandbox): State<StoreSandbox>,
    Path((store, order)): OrderPath,
    Json(new): Json<NewUsername>,
) -> Reported {
    sandbox.set_username(&store, &order, new.username.as_deref()).map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRefund {
    line: usize,
    quantity: u32,
}

async fn refund(
    State(sandbox): State<StoreSandbox>,
    Path((store, order)): OrderPath,
    Json(new): Json<NewRefund>,
) -> Reported {
    sandbox.refund(&store, &order, new.line, new.quantity).map(Json)
}

async fn take_back(
    State(sandbox): State<StoreSandbox>,
    Path((store, order)): OrderPath,
    Json(new): Json<NewRefund>,
) -> Reported {
    sandbox.take_back(&store, &order, new.line, new.quantity).map(Json)
}

async fn pay(State(sandbox): State<StoreSandbox>, Path((store, order)): OrderPath) -> Reported {
    sandbox.pay(&store, &order).map(Json)
}

async fn cancel(State(sandbox): State<StoreSandbox>, Path((store, order)): OrderPath) -> Reported {
    sandbox.cancel(&store, &order).map(Json)
}

async fn archive(State(sandbox): State<StoreSandbox>, Path((store, order)): OrderPath) -> Reported {
    sandbox.archive(&store, &order).map(Json)
}

async fn register_app(State(sandbox): State<StoreSandbox>, Json(app): Json<App>) -> Result<StatusCode, ControlError> {
    sandbox.register_app(app)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lost {
    changes: u32,
}

async fn lose(
    State(sandbox): State<StoreSandbox>,
    Path(store): Path<String>,
    Json(lost): Json<Lost>,
) -> Result<StatusCode, ControlError> {
    sandbox.lose_webhooks(&store, lost.changes)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Withheld {
    without: Vec<String>,
}

async fn scopes(
    State(sandbox): State<StoreSandbox>,
    Path(store): Path<String>,
    Json(withheld): Json<Withheld>,
) -> Result<StatusCode, ControlError> {
    sandbox.withhold_scopes(&store, withheld.without)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenSeconds {
    seconds: u32,
}

async fn token_seconds(
    State(sandbox): State<StoreSandbox>,
    Path(store): Path<String>,
    Json(new): Json<TokenSeconds>,
) -> Result<StatusCode, ControlError> {
    sandbox.end_tokens_after(&store, new.seconds)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Uninstalled {
    client_id: String,
}

async fn uninstall(
    State(sandbox): State<StoreSandbox>,
    Path(store): Path<String>,
    Json(uninstalled): Json<Uninstalled>,
) -> Result<StatusCode, ControlError> {
    sandbox.uninstall(&store, &uninstalled.client_id)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dropped {
    /// Left out: those of every topic.
    #[serde(default)]
    topic: Option<String>,
}

async fn drop_webhooks(
    State(sandbox): State<StoreSandbox>,
    Path(store): Path<String>,
    Json(dropped): Json<Option<Dropped>>,
) -> Result<StatusCode, ControlError> {
    let topic = dropped.and_then(|dropped| dropped.topic);
    sandbox.drop_subscriptions(&store, topic.as_deref())?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoppedTopic {
    topic: String,
}

async fn stop_webhooks(
    State(sandbox): State<StoreSandbox>,
    Path(store): Path<String>,
    Json(stopped): Json<StoppedTopic>,
) -> Result<StatusCode, ControlError> {
    sandbox.stop_subscriptions(&store, &stopped.topic)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Waits for those that are under way.
async fn webhooks(State(sandbox): State<StoreSandbox>) -> Result<Json<Vec<SentWebhook>>, ControlError> {
    sandbox.webhooks_settled().await?;
    Ok(Json(sandbox.webhooks()))
}

async fn state(State(sandbox): State<StoreSandbox>) -> Json<StateReport> {
    Json(sandbox.report())
}
