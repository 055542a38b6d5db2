//! One attempt at an endpoint: what is sent, what is kept of the answer, and why it failed.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::delivery::MAX_REASON_CHARS;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::Extensions;
use hyper::{Method, StatusCode};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use tokio::time::error::Elapsed;

use super::certificate;
use super::connection::Peer;
use super::stage::{self, Stage};
use super::url::{CheckedUrl, UrlRefusal};
use super::{HttpClient, OutboundClient, USER_AGENT};
use crate::ports::response::{causes, innermost, retry_after};

/// How much is kept of an answer.
const MAX_KEPT_BYTES: usize = 1_024;
/// How much is read of an answer, so that the connection can be used again. A receiver that sends more may never end.
const MAX_READ_BYTES: usize = 64 * 1_024;

/// Headers that belong to the connection: a request cannot set them.
const CONNECTION_HEADERS: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// What is sent.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub url: &'a str,
    /// Without a content type, it is JSON. Headers of the connection are left out.
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub status: Option<u16>,
    pub duration: Duration,
    /// What was connected to, or being connected to: the endpoint, or the proxy where there is one. Missing where that was not
    /// chosen yet, where it was one of several addresses, and where nothing was answered in time on a connection of an earlier
    /// attempt.
    pub address: Option<SocketAddr>,
    /// After how long the receiver wants to be called again.
    pub retry_after: Option<Duration>,
    /// Why the attempt failed, in at most [`MAX_REASON_CHARS`] characters: nothing of the URL and nothing of the answer.
    pub failure: Option<String>,
    /// The first kilobyte of the answer.
    pub answer: Vec<u8>,
}

impl Attempt {
    /// One for which nothing was sent.
    pub(crate) fn not_made(reason: String) -> Self {
        Self {
            status: None,
            duration: Duration::ZERO,
            address: None,
            retry_after: None,
            failure: Some(reason.chars().take(MAX_REASON_CHARS).collect()),
            answer: vec![],
        }
    }

    pub fn succeeded(&self) -> bool {
        self.failure.is_none()
    }
}

/// What is known of an attempt so far: more than its outcome where the time runs out half-way.
#[derive(Default)]
struct Progress {
    status: Option<StatusCode>,
    /// What the latest request is sent on, once that is known.
    connection: Option<CaptureConnection>,
    retry_after: Option<Duration>,
    answer: Vec<u8>,
}

impl Progress {
    /// Of the connection that the latest request is sent on.
    fn peer(&self) -> Option<Peer> {
        let connection = self.connection.as_ref()?.connection_metadata();
        let mut extensions = Extensions::new();
        connection.as_ref()?.get_extras(&mut extensions);
        extensions.remove()
    }

    /// Connected to, or being connected to.
    fn address(&self) -> Option<SocketAddr> {
        self.peer().map(|peer| peer.address).or_else(|| stage::reached().address())
    }

    /// What is waited for.
    fn stage(&self) -> String {
        match (self.status, self.peer()) {
            (Some(_), _) => "reading the response".to_owned(),
            (None, Some(_)) => "waiting for the response".to_owned(),
            (None, None) => stage::reached().stage.to_string(),
        }
    }

    /// Why there is no whole response, in a few words. An error's own message may name the URL; its innermost cause does not.
    fn lost(&self, error: &(dyn Error + 'static)) -> String {
        if is_timeout(error) {
            return format!("timed out {}", self.stage());
        }
        if let Some(refusal) = certificate::refusal(error) {
            return format!("TLS failed: {refusal}");
        }
        let what = match (self.peer(), stage::reached().stage) {
            _ if is_not_http(error) => "the response cannot be read",
            // What is closed at once has no connection by which it is known.
            (Some(_), _) | (None, Stage::Open) => "connection lost",
            (None, Stage::Tls) => "TLS failed",
            (None, Stage::Resolving | Stage::Connecting) => "could not connect",
        };
        innermost(error).map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"))
    }
}

pub(super) async fn send(client: &OutboundClient, request: Request<'_>) -> Attempt {
    let began = Instant::now();
    let attempt = async {
        let mut progress = Progress::default();
        let exchanged = tokio::time::timeout(client.timeout, exchange(client, request, &mut progress)).await;
        let lost = exchanged.unwrap_or_else(|_| Err(format!("timed out {}", progress.stage()))).err();
        // A status that refuses says more than how its answer ended.
        let failure = progress.status.and_then(|status| refusal(status, client.proxy.is_some())).or(lost);
        Attempt {
            status: progress.status.map(|status| status.as_u16()),
            duration: began.elapsed(),
            address: progress.address(),
            retry_after: progress.retry_after,
            failure: failure.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect()),
            answer: progress.answer,
        }
    };
    stage::scope(attempt).await
}

async fn exchange(client: &OutboundClient, request: Request<'_>, progress: &mut Progress) -> Result<(), String> {
    let OutboundClient { rules, proxy, .. } = client;
    // Again at each attempt: the HTTP client does not resolve an address, and the rules may have changed.
    let url = CheckedUrl::parse(request.url, rules).map_err(|refusal| refusal.to_string())?;
    let url = url.into_url();
    let mut headers = own_headers(request.headers);
    let authorization = proxy.as_ref().and_then(|proxy| proxy.authorization.clone());
    if let Some(authorization) = authorization.filter(|_| url.scheme() == "http") {
        headers.insert(header::PROXY_AUTHORIZATION, authorization);
    }
    let mut message = hyper::Request::new(Full::new(request.body));
    *message.method_mut() = Method::POST;
    *message.uri_mut() = url.as_str().parse().map_err(|_| UrlRefusal::NotAUrl.to_string())?;
    *message.headers_mut() = headers;
    let mut responded = respond(&client.http, message.clone(), progress).await;
    if responded.as_ref().is_err_and(|error| was_closed_before(error, progress)) {
        responded = respond(&client.unpooled, message, progress).await;
    }
    let mut response = responded.map_err(|error| progress.lost(&error))?;
    progress.status = Some(response.status());
    progress.retry_after = retry_after(response.headers(), client.clock.now());
    read(response.body_mut(), progress).await
}

async fn respond(
    client: &HttpClient,
    mut message: hyper::Request<Full<Bytes>>,
    progress: &mut Progress,
) -> Result<hyper::Response<Incoming>, legacy::Error> {
    progress.connection = Some(capture_connection(&mut message));
    client.request(message).await
}

/// Whether a request was sent on a connection of an earlier attempt that the receiver had closed, which it need not say, so that
/// it did not get it. Where it did nevertheless, it gets it twice, as it may by any retry.
fn was_closed_before(error: &legacy::Error, progress: &Progress) -> bool {
    let is_kept = !error.is_connect() && !stage::reached().has_begun;
    let has_answered = progress.peer().is_some_and(|peer| peer.has_answered());
    let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
    let was_closed = cause.is_some_and(hyper::Error::is_incomplete_message) || has_kind(error, CLOSED);
    is_kept && was_closed && !has_answered
}

fn own_headers(mut headers: HeaderMap) -> HeaderMap {
    for name in &CONNECTION_HEADERS {
        headers.remove(name);
    }
    for (name, value) in
        [(header::ACCEPT, "*/*"), (header::CONTENT_TYPE, "application/json"), (header::USER_AGENT, USER_AGENT)]
    {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers
}

async fn read(body: &mut Incoming, progress: &mut Progress) -> Result<(), String> {
    let mut read_bytes = 0;
    while let Some(frame) = body.frame().await.transpose().map_err(|error| progress.lost(&error))? {
        // Trailers say nothing.
        let Ok(chunk) = frame.into_data() else { continue };
        let room = MAX_KEPT_BYTES.saturating_sub(progress.answer.len());
        progress.answer.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        read_bytes += chunk.len();
        if read_bytes > MAX_READ_BYTES {
            return Err("answered with more than 64 KiB".to_owned());
        }
    }
    Ok(())
}

/// What is read of a connection that its receiver has closed.
const CLOSED: &[ErrorKind] = &[
    ErrorKind::BrokenPipe,
    ErrorKind::ConnectionAborted,
    ErrorKind::ConnectionReset,
    ErrorKind::NotConnected,
    ErrorKind::UnexpectedEof,
];

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    has_kind(error, &[ErrorKind::TimedOut]) || causes(error).any(<dyn Error>::is::<Elapsed>)
}

/// Whether something came that cannot be read as an answer.
fn is_not_http(error: &(dyn Error + 'static)) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref()).any(hyper::Error::is_parse)
}

fn has_kind(error: &(dyn Error + 'static), kinds: &[ErrorKind]) -> bool {
    let is_one = |error: &io::Error| kinds.contains(&error.kind());
    causes(error).any(|cause| cause.downcast_ref().is_some_and(is_one))
}

/// Why a status is a failed attempt: any but those of success is.
fn refusal(status: StatusCode, is_proxied: bool) -> Option<String> {
    let code = status.as_u16();
    if status.is_success() {
        None
    } else if is_proxied && status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        Some("the operator's proxy wants other credentials".to_owned())
    } else if matches!(code, 301 | 302 | 303 | 307 | 308) {
        Some(format!("answered {code}: a redirect is not followed, name its target as the endpoint"))
    } else {
        Some(format!("answered {code}"))
    }
}
