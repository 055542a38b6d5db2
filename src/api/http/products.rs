//! The catalogue for programs that copy it: `GET /api/v1/{platform}/products`, and one product of it.

mod query;
mod shown;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use domain::IntegrationId;
use domain::integration::Provider;
use projections::commerce::products::{Filter, ProductRow, Start};
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

use super::peer::client_of;
use super::{ApiEndpoint, TOO_MANY_WITHOUT_KEY, refusal, unauthorized_words, wait};
use crate::api::graphql::{ApiError, RATE_LIMIT_EXCEEDED, TOO_SLOW, viewer_of};
use crate::app::viewer::Unauthorized;
use crate::app::{App, Viewer};
use query::{Cursor, Invalid, Wanted, store_of_one};

/// Whose catalogue it is, where a program that serves several says so.
const TENANT: &str = "x-tenant-id";

pub(super) fn routes(endpoint: ApiEndpoint) -> Router {
    Router::new()
        .route("/api/v1/{platform}/products", get(list))
        .route("/api/v1/{platform}/products/{id}", get(one))
        .with_state(endpoint)
}

/// Why there is no answer.
enum Refused {
    Invalid(Invalid),
    NoSuchPlatform,
    NoSuchProduct,
    /// Several stores have a product with this id.
    InSeveralStores,
    Failed(ApiError),
}

async fn list(State(endpoint): State<ApiEndpoint>, Path(platform): Path<String>, parts: Parts) -> Response {
    answered(&endpoint, &parts, |app, viewer| {
        let wanted = Wanted::read(parts.uri.query());
        async move {
            let provider = provider(&platform)?;
            page(&app, &viewer, provider, wanted?).await
        }
    })
    .await
}

async fn one(
    State(endpoint): State<ApiEndpoint>,
    Path((platform, id)): Path<(String, String)>,
    parts: Parts,
) -> Response {
    answered(&endpoint, &parts, |app, viewer| {
        let store = store_of_one(parts.uri.query());
        async move {
            let provider = provider(&platform)?;
            product(&app, &viewer, (provider, store?), &id).await
        }
    })
    .await
}

fn provider(platform: &str) -> Result<Provider, Refused> {
    Provider::parse(platform).ok_or(Refused::NoSuchPlatform)
}

/// Products in the order in which they were first reported, which no change moves.
async fn page(app: &App, viewer: &Viewer, provider: Provider, wanted: Wanted) -> Result<Value, Refused> {
    // Before the list is read: what that misses is after this.
    let now_complete_to = app.products.complete_to().await?;
    if wanted.changed_since.is_some_and(|since| since > now_complete_to) {
        let reason = "is ahead of the catalogue, which was made again from an earlier state: copy all of it once more";
        return Err(Invalid::new("changed_since", reason).into());
    }
    if wanted.cursor.is_some_and(|cursor| cursor.complete_to > now_complete_to) {
        let reason = "is of a list that was ahead of the catalogue, which was made again from an earlier state: begin the list once more";
        return Err(Invalid::new("cursor", reason).into());
    }
    let complete_to = wanted.cursor.map_or(now_complete_to, |cursor| cursor.complete_to);
    let filter = Filter {
        account_id: Some(viewer.account_id.to_string()),
        integration_id: wanted.store_id.map(|id| id.to_string()),
        provider: Some(provider),
        product_id: None,
        updated_since: wanted.updated_since.map(|since| since.timestamp_micros()),
        changed_since: wanted.changed_since,
        with_deleted: wanted.is_of_changes(),
    };
    require_store(app, viewer, wanted.store_id, provider).await?;
    let start = wanted.cursor.map_or(Start::Offset(wanted.offset), |cursor| Start::After(cursor.behind));
    let total = app.products.count(viewer, filter.clone()).await?;
    let mut rows = app.products.page(viewer, filter, (start, wanted.limit + 1)).await?;
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    // Also of the last page: what comes later is behind it. Of an empty one, where it began.
    let next = rows.last().map(|row| Cursor { behind: row.listed_at, complete_to }).or(wanted.cursor);
    Ok(json!({
        "products": rows.iter().map(shown::product).collect::<Vec<_>>(),
        "total": total,
        "complete_to": complete_to.to_string(),
        "pagination": {
            "limit": wanted.limit,
            "offset": wanted.cursor.is_none().then_some(wanted.offset),
            "count": rows.len(),
            "has_more": has_more,
            "next_cursor": next.map(|cursor| cursor.to_string()),
        },
    }))
}

/// One product, deleted or not.
async fn product(
    app: &App,
    viewer: &Viewer,
    (provider, store): (Provider, Option<IntegrationId>),
    id: &str,
) -> Result<Value, Refused> {
    let filter = Filter {
        account_id: Some(viewer.account_id.to_string()),
        integration_id: store.map(|id| id.to_string()),
        provider: Some(provider),
        product_id: Some(id.replace('\0', "")),
        updated_since: None,
        changed_since: None,
        with_deleted: true,
    };
    require_store(app, viewer, store, provider).await?;
    let rows: Vec<ProductRow> = app.products.page(viewer, filter, (Start::Offset(0), 2)).await?;
    match rows.as_slice() {
        [] => Err(Refused::NoSuchProduct),
        [row] => Ok(shown::product(row)),
        [..] => Err(Refused::InSeveralStores),
    }
}

/// An empty list would hide a typing error.
async fn require_store(
    app: &App,
    viewer: &Viewer,
    store: Option<IntegrationId>,
    provider: Provider,
) -> Result<(), Refused> {
    let Some(store) = store else { return Ok(()) };
    match app.products.platform_of_store(viewer, store).await? {
        Some(of_store) if of_store == provider => Ok(()),
        Some(_) => Err(Invalid::new("storeId", "names an integration of another platform than the path").into()),
        None => Err(Invalid::new("storeId", "names no integration of this account").into()),
    }
}

/// The answer to who asks with a key of the account that they name.
async fn answered<F>(endpoint: &ApiEndpoint, parts: &Parts, question: impl FnOnce(Arc<App>, Viewer) -> F) -> Response
where
    F: Future<Output = Result<Value, Refused>> + Send + 'static,
{
    let headers = &parts.headers;
    let client = client_of(&parts.extensions, headers, &endpoint.trusted_proxies);
    let found = viewer_of(endpoint.api.keys(), headers).await.and_then(|viewer| viewer.ok_or(Unauthorized::NoKey));
    let viewer = match found {
        Ok(viewer) => viewer,
        Err(error) => return unauthorized(endpoint, &error, client),
    };
    let named = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
    if headers.get_all(TENANT).iter().map(named).any(|tenant| !viewer.owns(&tenant)) {
        let message = "the account in x-tenant-id is not the account of this key";
        return refusal(StatusCode::FORBIDDEN, "FORBIDDEN", message);
    }
    let question = endpoint.api.ask(|app| question(app, viewer));
    match question.await {
        Ok(Ok(found)) => Json(found).into_response(),
        Ok(Err(refused)) => refused.into_response(),
        Err(error) => Refused::Failed(error).into_response(),
    }
}

fn unauthorized(endpoint: &ApiEndpoint, error: &Unauthorized, client: Option<IpAddr>) -> Response {
    if let Err(retry_after) = endpoint.admit_stranger(error, client) {
        return wait(retry_after, TOO_MANY_WITHOUT_KEY);
    }
    if let Unauthorized::LimitReached { retry_after } = error {
        return wait(*retry_after, RATE_LIMIT_EXCEEDED);
    }
    let (status, code, message) = unauthorized_words(error);
    refusal(status, code, message)
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<crate::app::Error> for Refused {
    fn from(error: crate::app::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid(Invalid { field, reason }) => {
                let error =
                    json!({ "code": "INVALID_ARGUMENT", "message": format!("{field} {reason}"), "field": field });
                (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
            }
            Self::NoSuchPlatform => {
                let platforms: Vec<&str> = Provider::iter().map(Provider::as_str).collect();
                let message = format!("there is no such platform: it is one of {}", platforms.join(", "));
                refusal(StatusCode::NOT_FOUND, "NOT_FOUND", &message)
            }
            Self::NoSuchProduct => {
                refusal(StatusCode::NOT_FOUND, "NOT_FOUND", "no store of this account reported a product with this id")
            }
            Self::InSeveralStores => {
                let message = "storeId is missing: several stores of this account have a product with this id";
                let error = json!({ "code": "INVALID_ARGUMENT", "message": message, "field": "storeId" });
                (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
            }
            Self::Failed(error) => failed(error),
        }
    }
}

fn failed(error: ApiError) -> Response {
    match error {
        ApiError::TooSlow => refusal(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", TOO_SLOW),
        ApiError::Forbidden | ApiError::ChangesNothing => {
            refusal(StatusCode::FORBIDDEN, "FORBIDDEN", "this key may not do that")
        }
        ApiError::Unavailable | ApiError::OtherLog => {
            refusal(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "not at the moment; try again soon")
        }
        ApiError::Unauthenticated
        | ApiError::KeyDeactivated
        | ApiError::LimitReached
        | ApiError::Refused(_)
        | ApiError::NoIntrospection
        | ApiError::InvalidArgument { .. }
        | ApiError::Internal => refusal(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "internal error"),
    }
}
