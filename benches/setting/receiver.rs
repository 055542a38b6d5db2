//! A subscriber's server on loopback: it verifies every signature, and hands what is signed to its handler.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use commerce::{Secret, verify};
use event_log::clock::Clock;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// What every endpoint of a run signs with.
pub(crate) const SECRET: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const MAX_BODY_BYTES: usize = 1_024 * 1_024;

/// A notification whose signature is right.
pub(crate) struct Notification<'n> {
    /// Of the URL, so that one server can be many endpoints.
    pub(crate) path: &'n str,
    /// The header `webhook-id`.
    pub(crate) id: &'n str,
    pub(crate) body: &'n [u8],
}

/// How a receiver responds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Status(StatusCode),
    /// The request is taken, and there is never a response.
    Hang,
}

/// What is done with each notification.
pub(crate) trait Handler: Fn(&Notification<'_>) -> Reply + Send + Sync + 'static {}
impl<H: Fn(&Notification<'_>) -> Reply + Send + Sync + 'static> Handler for H {}

pub(crate) struct Receiver {
    /// Without a path.
    pub(crate) url: String,
    refused: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

struct Shared<H> {
    handler: H,
    secret: Secret,
    clock: Clock,
    refused: Arc<AtomicU64>,
}

impl Receiver {
    pub(crate) async fn start(handler: impl Handler) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let refused = Arc::new(AtomicU64::new(0));
        let secret = Secret::parse(SECRET)?;
        let shared = Arc::new(Shared { handler, secret, clock: Clock::default(), refused: refused.clone() });
        let serving = tokio::spawn(serve(listener, shared));
        Ok(Self { url, refused, serving })
    }

    /// How many requests had no valid signature, or were no notification.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared<impl Handler>>) {
    // Connections end with the receiver.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        stream.set_nodelay(true).ok();
        let shared = shared.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| respond(shared.clone(), request));
            // A sender that is killed breaks its connections: nothing to report.
            http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}

async fn respond(
    shared: Arc<Shared<impl Handler>>,
    request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let reply = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            let id = head.headers.get("webhook-id").and_then(|id| id.to_str().ok());
            let signed = verify(&head.headers, &body, std::slice::from_ref(&shared.secret), shared.clock.now());
            match (id, signed) {
                (Some(id), Ok(())) => (shared.handler)(&Notification { path: head.uri.path(), id, body: &body }),
                (None, _) | (_, Err(_)) => {
                    shared.refused.fetch_add(1, Ordering::SeqCst);
                    Reply::Status(StatusCode::UNAUTHORIZED)
                }
            }
        }
        // The sender was killed while it sent.
        Err(_) => Reply::Status(StatusCode::BAD_REQUEST),
    };
    match reply {
        Reply::Status(status) => {
            let mut response = Response::new(Empty::new());
            *response.status_mut() = status;
            Ok(response)
        }
        Reply::Hang => std::future::pending().await,
    }
}
