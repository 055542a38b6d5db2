//! The HTTP server: which endpoint is where, and the bounds on what comes through them.

pub(crate) mod body;
pub(crate) mod connect;
mod elements;
mod graphql_request;
pub(crate) mod operations;
mod page;
mod peer;
mod permits;
mod products;
mod socket;
mod strangers;

use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_graphql::Executor as _;
use async_graphql::http::ALL_WEBSOCKET_PROTOCOLS;
use async_graphql_axum::{GraphQLProtocol, GraphQLResponse};
use axum::body::Body;
use axum::extract::{FromRequestParts as _, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_io_timeout::TimeoutStream;

use body::{Bodies, RequestBody};
use ipnet::IpNet;
use operations::Operations;
use peer::{OfPeer, client_of};
use permits::{Permit, Permits};
use socket::{Sockets, Unknown};
use strangers::Strangers;

use crate::api::graphql::{ANSWER_TIMEOUT, Api, NO_KEY, RATE_LIMIT_EXCEEDED, TOO_SLOW, viewer_of};
use crate::app::viewer::Unauthorized;
use crate::tasks::Tasks;

/// How many may be connected, and for how long they may keep a connection without reading.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub connections: u32,
    /// Of these, connections by which anything but webhooks was asked; the others are left to stores.
    pub connections_of_api: usize,
    /// Connections of one address, unless it is this machine's own or a trusted proxy's.
    pub connections_of_address: usize,
    /// How long a client may take to read what is written to it.
    pub write_timeout: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 8_192,
            connections_of_api: 6_144,
            connections_of_address: 1_024,
            write_timeout: Duration::from_secs(30),
        }
    }
}

/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests under way may take once the service stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// What is behind each endpoint. Cheap to clone.
#[derive(Clone)]
pub struct Endpoints {
    /// Where stores post webhooks.
    pub(crate) webhooks: Router,
    /// Where browsers go to connect stores.
    pub(crate) connect: Router,
    pub(crate) api: Api,
    pub(crate) operations: Arc<Operations>,
    /// Bodies of requests that are in memory.
    pub(crate) bodies: Arc<Bodies>,
    /// Proxies that are believed for whom they ask.
    pub(crate) trusted_proxies: Arc<[IpNet]>,
    pub(crate) tasks: Tasks,
}

/// All addresses.
pub fn router(endpoints: Endpoints) -> Router {
    let Endpoints { webhooks, connect, api, operations, bodies, trusted_proxies, .. } = endpoints;
    let api = ApiEndpoint { api, bodies, trusted_proxies, sockets: Arc::default(), strangers: Arc::default() };
    let graphql = Router::new().route("/graphql", post(answer).get(page_or_socket)).with_state(api.clone());
    let operations = Router::new()
        .route("/health", get(operations::health))
        .route("/ready", get(operations::ready))
        .route("/metrics", get(operations::metrics))
        .with_state(operations);
    Router::new()
        .merge(webhooks)
        .merge(connect)
        .merge(graphql)
        .merge(elements::routes(api.clone()))
        .merge(products::routes(api))
        .merge(page::files())
        .merge(operations)
        .route("/", get(|| async { Redirect::temporary("/graphql") }))
        .fallback(|| async { refusal(StatusCode::NOT_FOUND, "not_found", "there is nothing here") })
        .method_not_allowed_fallback(|| async {
            refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address does not take this method")
        })
}

/// Serves until the service begins to stop; then takes no more connections and lets requests under way finish.
pub async fn serve(endpoints: Endpoints, listener: TcpListener, bounds: Bounds) -> anyhow::Result<()> {
    let (trusted_proxies, mut stopping) = (endpoints.trusted_proxies.clone(), endpoints.tasks.stopping());
    let router = router(endpoints);
    // HTTP/1.1 alone: what guesses the protocol first has no time-out for a client that never says a word. Whatever speaks
    // TLS and HTTP/2 to the world in front of this speaks HTTP/1.1 to it.
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let room = Arc::new(Semaphore::new(bounds.connections as usize));
    let of_api = Arc::new(Semaphore::new(bounds.connections_of_api));
    let of_address = Permits::new(bounds.connections_of_address, usize::MAX);
    loop {
        // Also while there is no room, it is stopped.
        let (permit, accepted) = tokio::select! {
            accepted = accept(&listener, &room) => accepted?,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: the next one may be free in a moment.
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let address = address.ip().to_canonical();
        let is_counted = !address.is_loopback() && !trusted_proxies.iter().any(|proxies| proxies.contains(&address));
        let permit_of_address = of_address.take(address);
        if is_counted && permit_of_address.is_none() {
            // Without a word: to say more would cost more than it is worth.
            tracing::debug!(%address, "so many connections came from this address that this one was closed");
            continue;
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection stays slow");
        }
        // A client that does not read its answer holds its connection no longer than this.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(bounds.write_timeout));
        let stream = Box::pin(stream);
        let handler = OfPeer::new(router.clone(), address, of_api.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), handler).with_upgrades();
        tokio::spawn(see_through(connection, stopping.clone(), (permit, permit_of_address)));
    }
    drop(listener);
    // Every connection has given its permit back once it is through.
    if tokio::time::timeout(DRAIN_TIMEOUT, room.acquire_many(bounds.connections)).await.is_err() {
        tracing::warn!("requests under way took too long to finish");
    }
    Ok(())
}

/// The next connection, once there is room for one.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> anyhow::Result<(OwnedSemaphorePermit, std::io::Result<(TcpStream, SocketAddr)>)> {
    let permit = room.clone().acquire_owned().await.context("the semaphore is never closed")?;
    Ok((permit, listener.accept().await))
}

type Connection = http1::UpgradeableConnection<TokioIo<Pin<Box<TimeoutStream<TcpStream>>>>, OfPeer>;
/// A connection's permit among all, and among those of its address where these are counted.
type Held = (OwnedSemaphorePermit, Option<Permit<IpAddr>>);

/// Serves a connection to its end; when the service stops, to the end of the request under way.
async fn see_through(connection: Connection, mut stopping: watch::Receiver<bool>, permit: Held) {
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
    drop(permit);
}

const TOO_MANY_WITHOUT_KEY: &str = "too many requests without a valid API key came from this address in a minute";

/// The one shape of an error that is no GraphQL.
pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}

#[derive(Clone)]
struct ApiEndpoint {
    api: Api,
    bodies: Arc<Bodies>,
    trusted_proxies: Arc<[IpNet]>,
    sockets: Arc<Sockets>,
    strangers: Arc<Strangers>,
}

impl ApiEndpoint {
    /// Counts who has no valid key: beyond so many in a minute they are only asked to wait.
    fn admit_stranger(&self, error: &Unauthorized, client: Option<IpAddr>) -> Result<(), Duration> {
        let is_stranger = match error {
            Unauthorized::NoKey | Unauthorized::BadKey => true,
            Unauthorized::LimitReached { .. } | Unauthorized::Unavailable => false,
        };
        let Some(client) = client.filter(|_| is_stranger) else { return Ok(()) };
        self.strangers.admit(client, self.api.now())
    }

    /// The answer of GraphQL to who has no valid key.
    fn unauthorized(&self, error: &Unauthorized, client: Option<IpAddr>) -> Response {
        match self.admit_stranger(error, client) {
            Ok(()) => unauthorized(error),
            Err(retry_after) => wait(retry_after, TOO_MANY_WITHOUT_KEY),
        }
    }
}

async fn answer(State(endpoint): State<ApiEndpoint>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let client = client_of(&parts.extensions, &parts.headers, &endpoint.trusted_proxies);
    let mut body = RequestBody::new(body, &parts.headers, &endpoint.bodies);
    let answered = tokio::time::timeout(ANSWER_TIMEOUT, executed(&endpoint, &parts.headers, client, &mut body)).await;
    answered.unwrap_or_else(|_| refusal(StatusCode::REQUEST_TIMEOUT, "timeout", TOO_SLOW))
}

async fn executed(
    endpoint: &ApiEndpoint,
    headers: &HeaderMap,
    client: Option<IpAddr>,
    body: &mut RequestBody<'_>,
) -> Response {
    let viewer =
        match viewer_of(endpoint.api.keys(), headers).await.and_then(|viewer| viewer.ok_or(Unauthorized::NoKey)) {
            Ok(viewer) => viewer,
            Err(error) => {
                body.discard().await;
                return endpoint.unauthorized(&error, client);
            }
        };
    let mut request = match graphql_request::read(headers, body, ANSWER_TIMEOUT).await {
        Ok(request) => request,
        Err(refusal) => {
            body.discard().await;
            return refusal.into_response();
        }
    };
    request = request.data(viewer);
    GraphQLResponse::from(endpoint.api.execute(request).await).into_response()
}

/// Too many requests in this minute.
fn wait(retry_after: Duration, message: &str) -> Response {
    let mut response = refusal(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED", message);
    // Rounded up: a second too early would be refused again.
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

fn unauthorized(error: &Unauthorized) -> Response {
    if let Unauthorized::LimitReached { retry_after } = error {
        return wait(*retry_after, RATE_LIMIT_EXCEEDED);
    }
    let (status, code, message) = unauthorized_words(error);
    let body = json!({ "data": null, "errors": [{ "message": message, "extensions": { "code": code } }] });
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// Of who is over the limit, [`wait`] says more.
fn unauthorized_words(error: &Unauthorized) -> (StatusCode, &'static str, &'static str) {
    match error {
        Unauthorized::NoKey => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", NO_KEY),
        Unauthorized::BadKey => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "this API key is not valid"),
        Unauthorized::Unavailable | Unauthorized::LimitReached { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "try again in a moment")
        }
    }
}

/// A browser gets a page to ask with; a client that asks for a socket gets subscriptions (`graphql-transport-ws`).
async fn page_or_socket(State(endpoint): State<ApiEndpoint>, request: Request<Body>) -> Response {
    if !request.headers().contains_key(header::UPGRADE) {
        return page::page();
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
    let client = client_of(&parts.extensions, &parts.headers, &endpoint.trusted_proxies);
    let from_headers = match viewer_of(endpoint.api.keys(), &parts.headers).await {
        Ok(viewer) => viewer,
        Err(error) => return endpoint.unauthorized(&error, client),
    };
    // Browsers send a key in the first message only: who has sent too many bad ones is asked to wait before that.
    if from_headers.is_none()
        && let Some(client) = client
        && let Err(retry_after) = endpoint.strangers.check(client, endpoint.api.now())
    {
        return wait(retry_after, TOO_MANY_WITHOUT_KEY);
    }
    let Some(permit) = endpoint.sockets.unknown.take(client) else {
        let message = "too many sockets are open whose clients have not said who they are; try again later";
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "busy", message);
    };
    upgrade
        .max_message_size(socket::MAX_MESSAGE_BYTES)
        .max_frame_size(socket::MAX_MESSAGE_BYTES)
        .protocols(ALL_WEBSOCKET_PROTOCOLS)
        .on_upgrade(move |upgraded| {
            let ApiEndpoint { api, sockets, strangers, .. } = endpoint;
            let unknown = Unknown { strangers, client, _permit: permit };
            socket::serve(upgraded, api, protocol, (sockets, unknown), from_headers)
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
