//! One attempt at an endpoint: what is sent, what is kept of the answer, and why it failed.

use std::cell::Cell;
use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::http::Extensions;
use bytes::Bytes;
use domain::delivery::MAX_REASON_CHARS;

use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpInfo};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode};

use super::OutboundRules;
use super::url::CheckedUrl;
use crate::ports::response::{retry_after, why_lost};

/// How much is kept of an answer.
const MAX_KEPT_BYTES: usize = 1_024;
/// How much is read of an answer, so that the connection can be used again. A receiver that sends more may never end.
const MAX_READ_BYTES: usize = 64 * 1_024;

/// Headers that belong to the connection or name the client: a request cannot set them.
const CLIENT_HEADERS: [HeaderName; 11] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::USER_AGENT,
    HeaderName::from_static("keep-alive"),
];

tokio::task_local! {
    /// The address that the attempt of this task has connected to.
    static CONNECTED: Cell<Option<SocketAddr>>;
}

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
    /// What was connected to: the endpoint, or the proxy where there is one. Missing where nothing was connected to, and where
    /// nothing was answered in time on a connection of an earlier attempt.
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

/// Remembers what the attempt of this task has connected to. Outside of one it does nothing: a connection may also be completed for
/// the pool, when another became free first.
pub(super) fn note_connected<C: Connection>(connection: C) -> C {
    let address = remote_address(&connection.connected());
    CONNECTED.try_with(|connected| connected.set(address)).ok();
    connection
}

fn remote_address(connected: &Connected) -> Option<SocketAddr> {
    let mut extensions = Extensions::new();
    connected.get_extras(&mut extensions);
    extensions.get().map(HttpInfo::remote_addr)
}

/// What is known of an attempt so far: more than its outcome where the time runs out half-way.
#[derive(Default)]
struct Progress {
    status: Option<StatusCode>,
    address: Option<SocketAddr>,
    retry_after: Option<Duration>,
    answer: Vec<u8>,
}

pub(super) async fn send(client: &Client, rules: &OutboundRules, request: Request<'_>, timeout: Duration) -> Attempt {
    let began = Instant::now();
    let attempt = async {
        let mut progress = Progress::default();
        let exchanged = tokio::time::timeout(timeout, exchange(client, rules, request, &mut progress)).await;
        let lost = exchanged.unwrap_or_else(|_| Err("timed out".to_owned())).err();
        // A status that refuses says more than how its answer ended.
        let failure = progress.status.and_then(refusal).or(lost);
        Attempt {
            status: progress.status.map(|status| status.as_u16()),
            duration: began.elapsed(),
            address: progress.address.or_else(|| CONNECTED.with(Cell::get)),
            retry_after: progress.retry_after,
            failure: failure.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect()),
            answer: progress.answer,
        }
    };
    CONNECTED.scope(Cell::new(None), attempt).await
}

async fn exchange(
    client: &Client,
    rules: &OutboundRules,
    request: Request<'_>,
    progress: &mut Progress,
) -> Result<(), String> {
    // Again at each attempt: the HTTP client does not resolve an address, and the rules may have changed.
    let url = CheckedUrl::parse(request.url, rules).map_err(|refusal| refusal.to_string())?;
    let sent = client.post(url.into_url()).headers(own_headers(request.headers)).body(request.body).send().await;
    let mut response = sent.map_err(|error| {
        progress.address = failed_at(&error);
        why_lost(&error)
    })?;
    progress.status = Some(response.status());
    progress.address = response.remote_addr();
    progress.retry_after = retry_after(response.headers());
    read(&mut response, &mut progress.answer).await
}

fn own_headers(mut headers: HeaderMap) -> HeaderMap {
    for name in &CLIENT_HEADERS {
        headers.remove(name);
    }
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    headers
}

/// The address of the connection on which a request failed, where it failed on one.
fn failed_at(error: &reqwest::Error) -> Option<SocketAddr> {
    remote_address(error.source()?.downcast_ref::<legacy::Error>()?.connect_info()?)
}

async fn read(response: &mut Response, kept: &mut Vec<u8>) -> Result<(), String> {
    let mut read_bytes = 0;
    while let Some(chunk) = response.chunk().await.map_err(|error| why_lost(&error))? {
        let room = MAX_KEPT_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        read_bytes += chunk.len();
        if read_bytes > MAX_READ_BYTES {
            return Err("answered with more than 64 KiB".to_owned());
        }
    }
    Ok(())
}

/// Why a status is a failed attempt: any but those of success is.
fn refusal(status: StatusCode) -> Option<String> {
    let code = status.as_u16();
    if status.is_success() {
        None
    } else if status.is_redirection() {
        Some(format!("answered {code}: a redirect is not followed, name its target as the endpoint"))
    } else {
        Some(format!("answered {code}"))
    }
}
