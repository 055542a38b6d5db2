//! The HTTP server: which door is where, and the bounds on what comes through them.

pub(crate) mod body;
mod graphql_request;
mod operations;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_graphql::http::{ALL_WEBSOCKET_PROTOCOLS, GraphiQLSource};
use async_graphql::{Data, Executor as _};
use async_graphql_axum::{GraphQLProtocol, GraphQLResponse, GraphQLWebSocket};
use axum::body::Body;
use axum::extract::{FromRequestParts as _, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::FutureExt as _;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use body::RequestBody;

use crate::graphql::{Api, RATE_LIMIT_EXCEEDED, Unauthorized, api, viewer_of};
use crate::ingest;
use crate::service::Service;

const MAX_CONNECTIONS: u32 = 8_192;
/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a GraphQL request may take, its body included.
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);
/// Sockets that watch. They outlive their requests, and must not take the places of webhooks.
const MAX_SOCKETS: usize = 1_024;
const MAX_MESSAGE_BYTES: usize = 256 * 1_024;
/// How long requests under way may take once the service stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// All doors.
pub fn router(service: Arc<Service>) -> Router {
    let webhooks = Router::new()
        .route("/api/webhooks/{provider}/{integration_id}", post(ingest::receive))
        .with_state(service.clone());
    let graphql = Router::new().route("/graphql", post(answer).get(graphiql_or_socket)).with_state(GraphQlDoor {
        api: api(service.clone()),
        service: service.clone(),
        sockets: Arc::new(Semaphore::new(MAX_SOCKETS)),
    });
    let operations = Router::new()
        .route("/health", get(operations::health))
        .route("/ready", get(operations::ready))
        .route("/metrics", get(operations::metrics))
        .with_state(service);
    Router::new()
        .merge(webhooks)
        .merge(graphql)
        .merge(operations)
        .route("/", get(|| async { Redirect::temporary("/graphql") }))
        .fallback(|| async { refusal(StatusCode::NOT_FOUND, "not_found", "there is nothing here") })
        .method_not_allowed_fallback(|| async {
            refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address does not take this method")
        })
}

/// Serves until the service begins to stop; then takes no more connections and lets requests under way finish.
pub async fn serve(service: Arc<Service>, listener: TcpListener) -> anyhow::Result<()> {
    let router = router(service.clone());
    // HTTP/1.1 alone: what guesses the protocol first has no time-out for a client that never says a word. Whatever speaks
    // TLS and HTTP/2 to the world in front of this speaks HTTP/1.1 to it.
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let mut stopping = service.stopping();
    loop {
        let place = room.clone().acquire_owned().await.context("the semaphore is never closed")?;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: the next one may be free in a moment.
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection stays slow");
        }
        let handler = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), handler).with_upgrades();
        tokio::spawn(see_through(connection, stopping.clone(), place));
    }
    drop(listener);
    // Every connection has given its place back once it is through.
    if tokio::time::timeout(DRAIN_TIMEOUT, room.acquire_many(MAX_CONNECTIONS)).await.is_err() {
        tracing::warn!("requests under way took too long to finish");
    }
    Ok(())
}

type Connection = http1::UpgradeableConnection<TokioIo<TcpStream>, TowerToHyperService<Router>>;

/// Serves a connection to its end; when the service stops, to the end of the request under way.
async fn see_through(connection: Connection, mut stopping: watch::Receiver<bool>, place: OwnedSemaphorePermit) {
    let mut connection = pin!(connection);
    let mut stopped = pin!(async move { stopping.wait_for(|stopping| *stopping).await.is_ok() });
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.as_mut() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
    drop(place);
}

/// The one shape of an error that is no GraphQL.
pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}

#[derive(Clone)]
struct GraphQlDoor {
    api: Api,
    service: Arc<Service>,
    sockets: Arc<Semaphore>,
}

async fn answer(State(door): State<GraphQlDoor>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let mut body = RequestBody::new(body, &parts.headers);
    let answered = tokio::time::timeout(QUERY_TIMEOUT, executed(&door, &parts.headers, &mut body)).await;
    answered.unwrap_or_else(|_| {
        let message = "the request took longer than 30 seconds: ask for less at a time";
        refusal(StatusCode::REQUEST_TIMEOUT, "timeout", message)
    })
}

async fn executed(door: &GraphQlDoor, headers: &HeaderMap, body: &mut RequestBody<'_>) -> Response {
    let viewer = match viewer_of(&door.service, headers).await {
        Ok(viewer) => viewer,
        Err(error) => {
            body.discard().await;
            return unauthorized(&error);
        }
    };
    let mut request = match graphql_request::read(headers, body, QUERY_TIMEOUT).await {
        Ok(request) => request,
        Err(refusal) => {
            body.discard().await;
            return refusal.into_response();
        }
    };
    if let Some(viewer) = viewer {
        request = request.data(viewer);
    }
    GraphQLResponse::from(door.api.execute(request).await).into_response()
}

fn unauthorized(error: &Unauthorized) -> Response {
    if let Unauthorized::LimitReached { retry_after } = error {
        let mut response = refusal(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED", RATE_LIMIT_EXCEEDED);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
        return response;
    }
    let (status, code, message) = match error {
        Unauthorized::BadKey => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "this API key is not valid"),
        Unauthorized::Unavailable | Unauthorized::LimitReached { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "try again in a moment")
        }
    };
    let body = json!({ "data": null, "errors": [{ "message": message, "extensions": { "code": code } }] });
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// A browser gets GraphiQL; a client that asks for a socket gets subscriptions (`graphql-transport-ws`).
async fn graphiql_or_socket(State(door): State<GraphQlDoor>, request: Request<Body>) -> Response {
    if !request.headers().contains_key(header::UPGRADE) {
        return Html(GraphiQLSource::build().endpoint("/graphql").subscription_endpoint("/graphql").finish())
            .into_response();
    }
    let (mut parts, _) = request.into_parts();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return refusal(rejection.status(), "not_a_socket", &rejection.body_text()),
    };
    let protocol = match GraphQLProtocol::from_request_parts(&mut parts, &()).await {
        Ok(protocol) => protocol,
        Err(status) => {
            let message = "name the subprotocol graphql-transport-ws in sec-websocket-protocol";
            return refusal(status, "unknown_subprotocol", message);
        }
    };
    let from_headers = match viewer_of(&door.service, &parts.headers).await {
        Ok(viewer) => viewer,
        Err(error) => return unauthorized(&error),
    };
    let Ok(place) = door.sockets.clone().try_acquire_owned() else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many sockets are open; try again later");
    };
    upgrade.max_message_size(MAX_MESSAGE_BYTES).protocols(ALL_WEBSOCKET_PROTOCOLS).on_upgrade(move |socket| {
        let service = door.service.clone();
        GraphQLWebSocket::new(socket, door.api, protocol)
            .on_connection_init(move |payload| async move {
                let refused = || async_graphql::Error::new("send a valid API key when the connection begins");
                let viewer = match from_headers {
                    Some(viewer) => Some(viewer),
                    None => viewer_of(&service, &headers_of(&payload)).await.map_err(|_| refused())?,
                };
                let mut data = Data::default();
                data.insert(viewer.ok_or_else(refused)?);
                Ok(data)
            })
            .serve()
            .inspect(move |()| drop(place))
    })
}

/// Browsers cannot set headers on a socket, so they say in its first message what would be in them.
fn headers_of(payload: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(said) = payload.as_object() else {
        return headers;
    };
    for (name, value) in said {
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        match (name.to_ascii_lowercase().as_str(), value) {
            ("authorization", Some(value)) => headers.insert("authorization", value),
            ("x-api-key", Some(value)) => headers.insert("x-api-key", value),
            ("x-reason", Some(value)) => headers.insert("x-reason", value),
            _ => None,
        };
    }
    headers
}
