//! The instances API of Cloud Elements: `/elements/api-v2`, in its words and shapes, for programs that were written for its
//! Shopify events.
//!
//! <https://docs.cloud-elements.com/home/shopify-events>, and the repository `cloud-elements/devportal`

mod access;
mod configuration;
mod events;
mod instances;
mod notifications;
mod oauth;
mod refused;
mod request;
mod route;
mod settings;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Method, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::Value;

use super::ApiEndpoint;
use super::body::RequestBody;
use super::peer::client_of;
use crate::app::App;
use access::Caller;
use refused::Refused;
use request::Asked;
use route::Route;

/// Where the API begins.
const BASE: &str = "/elements/api-v2";
/// Says of which instance an answer is, where its token was sent.
const INSTANCE_ID: &str = "elements-element-instance-id";
/// Where a list goes on.
const NEXT_PAGE: &str = "elements-next-page-token";

pub(super) fn routes(endpoint: ApiEndpoint) -> Router {
    Router::new().route(&format!("{BASE}/{{*path}}"), any(answer)).with_state(endpoint)
}

/// What is answered.
struct Reply {
    body: Value,
    /// Where a list goes on.
    next_page: Option<String>,
}

impl From<Value> for Reply {
    fn from(body: Value) -> Self {
        Self { body, next_page: None }
    }
}

async fn answer(State(endpoint): State<ApiEndpoint>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let client = client_of(&parts.extensions, &parts.headers, &endpoint.trusted_proxies);
    let mut body = RequestBody::new(body, &parts.headers, &endpoint.bodies);
    let path = parts.uri.path().strip_prefix(BASE).unwrap_or_default();
    let answered = async {
        let route = Route::read(path).ok_or(Refused::NoSuchResource)?;
        if !route.takes(&parts.method) {
            return Err(Refused::Method);
        }
        refused::refuse_other_formats(&parts.headers)?;
        let caller = match route {
            Route::OauthUrl { .. } => None,
            Route::Instances { .. }
            | Route::Instance(_)
            | Route::Enabled(_)
            | Route::Configuration(_)
            | Route::ConfigurationValue(..)
            | Route::Events(_)
            | Route::Event(..)
            | Route::Analytics(_)
            | Route::Dispositions
            | Route::Subscriptions
            | Route::Subscription(_)
            | Route::Deliveries
            | Route::Settings(_) => Some(access::caller(&endpoint, &parts.headers, client).await?),
        };
        let asked = Asked::read(&parts, &mut body).await?;
        let changes = parts.method != Method::GET;
        let replied = endpoint.api.ask(move |app| async move {
            let replying = Box::pin(reply(app, caller, route, asked));
            if changes {
                // Who does not wait for the answer any more changes nothing about what is done.
                tokio::spawn(replying).await.map_err(|_| Refused::Internal)?
            } else {
                replying.await
            }
        });
        replied.await?
    };
    match answered.await {
        Ok((reply, instance)) => response(reply, instance),
        Err(refused) => {
            body.discard().await;
            refused.into_response()
        }
    }
}

fn response(reply: Reply, instance: Option<u32>) -> Response {
    let mut response = Json(reply.body).into_response();
    if let Some(instance) = instance {
        response.headers_mut().insert(INSTANCE_ID, HeaderValue::from(instance));
    }
    if let Some(next) = reply.next_page.and_then(|next| HeaderValue::try_from(next).ok()) {
        response.headers_mut().insert(NEXT_PAGE, next);
    }
    response
}

/// With the number of the instance whose token was sent.
async fn reply(
    app: Arc<App>,
    caller: Option<Caller>,
    route: Route,
    asked: Asked,
) -> Result<(Reply, Option<u32>), Refused> {
    let Some(caller) = caller else { return Ok((oauth::url(&app, &route, &asked)?.into(), None)) };
    let caller = caller.found(&app).await?;
    let instance = caller.instance;
    let reply = match route {
        Route::OauthUrl { .. } => return Err(Refused::NoSuchResource),
        Route::Instances { element } => Box::pin(instances::all(&app, &caller, element.as_deref(), &asked)).await?,
        Route::Instance(which) => instances::one(&app, &caller, &which, &asked).await?,
        Route::Enabled(which) => instances::enabled(&app, &caller, &which, &asked).await?,
        Route::Configuration(which) => configuration::list(&app, &caller, &which).await?.into(),
        Route::ConfigurationValue(which, key) => {
            configuration::value(&app, &caller, (&which, &key), &asked).await?.into()
        }
        Route::Events(which) => events::list(&app, &caller, which.as_ref(), &asked).await?,
        Route::Event(which, id) => events::one(&app, &caller, which.as_ref(), &id).await?.into(),
        Route::Analytics(of) => events::analytics(&app, &caller, of, &asked).await?.into(),
        Route::Dispositions => events::dispositions(&app, &caller, &asked).await?,
        Route::Subscriptions => notifications::subscriptions(&app, &caller, &asked).await?.into(),
        Route::Subscription(id) => notifications::subscription(&app, &caller, &id, &asked).await?.into(),
        Route::Deliveries => notifications::deliveries(&app, &caller, &asked).await?,
        Route::Settings(account) => settings::settings(&app, &caller, account.as_deref(), &asked).await?.into(),
    };
    Ok((reply, instance))
}
