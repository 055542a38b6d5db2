//! One attempt at an endpoint: what is sent, what is kept of the answer, and why it failed.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::delivery::MAX_REASON_CHARS;
use event_log::clock::Clock;
use hyper_util::client::legacy;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode};

use super::stage::{self, Reached, Stage};
use super::url::{CheckedUrl, EndpointHost};
use super::{CONNECT_TIMEOUT, OutboundClient, OutboundRules};
use crate::ports::response::{retry_after, why_lost};

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
    /// That of the URL.
    port: Option<u16>,
    address: Option<SocketAddr>,
    retry_after: Option<Duration>,
    answer: Vec<u8>,
}

impl Progress {
    /// Keeps what is known of an attempt that got no response, and says why.
    fn lost(&mut self, error: &reqwest::Error) -> String {
        let reached = stage::reached();
        self.address = failed_at(error).or_else(|| self.attempted(reached));
        if error.is_timeout() { format!("timed out {}", reached.stage) } else { why_lost(error) }
    }

    /// The same where the time of the attempt ran out.
    fn timed_out(&mut self, after: Duration) -> String {
        if self.status.is_some() {
            return "timed out reading the response".to_owned();
        }
        let mut reached = stage::reached();
        // Connecting ends before: another connection became free meanwhile, and which is not known.
        if reached.connected.is_none() && after > CONNECT_TIMEOUT {
            reached = Reached::default();
        }
        self.address = self.attempted(reached);
        format!("timed out {}", reached.stage)
    }

    fn attempted(&self, reached: Reached) -> Option<SocketAddr> {
        let chosen = || match reached.stage {
            Stage::Connecting | Stage::Tls => Some(SocketAddr::new(reached.chosen?, self.port?)),
            Stage::Resolving | Stage::Response => None,
        };
        reached.connected.or_else(chosen)
    }
}

pub(super) async fn send(client: &OutboundClient, request: Request<'_>) -> Attempt {
    let OutboundClient { http, rules, resolver: _, timeout, clock } = client;
    let began = Instant::now();
    let attempt = async {
        let mut progress = Progress::default();
        let exchange = exchange((http, clock), rules, request, &mut progress);
        let exchanged = tokio::time::timeout(*timeout, exchange).await;
        let lost = exchanged.unwrap_or_else(|_| Err(progress.timed_out(began.elapsed()))).err();
        // A status that refuses says more than how its answer ended.
        let failure = progress.status.and_then(refusal).or(lost);
        Attempt {
            status: progress.status.map(|status| status.as_u16()),
            duration: began.elapsed(),
            address: progress.address,
            retry_after: progress.retry_after,
            failure: failure.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect()),
            answer: progress.answer,
        }
    };
    stage::scope(attempt).await
}

async fn exchange(
    (client, clock): (&Client, &Clock),
    rules: &OutboundRules,
    request: Request<'_>,
    progress: &mut Progress,
) -> Result<(), String> {
    // Again at each attempt: the HTTP client does not resolve an address, and the rules may have changed.
    let url = CheckedUrl::parse(request.url, rules).map_err(|refusal| refusal.to_string())?;
    if let (EndpointHost::Address(address), None) = (url.host(), &rules.proxy) {
        stage::note_address(address);
    }
    let url = url.into_url();
    progress.port = url.port_or_known_default();
    let sent = client.post(url).headers(own_headers(request.headers)).body(request.body).send().await;
    let mut response = sent.map_err(|error| progress.lost(&error))?;
    progress.status = Some(response.status());
    progress.address = response.remote_addr();
    progress.retry_after = retry_after(response.headers(), clock.now());
    read(&mut response, &mut progress.answer).await
}

fn own_headers(mut headers: HeaderMap) -> HeaderMap {
    for name in &CONNECTION_HEADERS {
        headers.remove(name);
    }
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    headers
}

/// The address of the connection on which a request failed, where it failed on one.
fn failed_at(error: &reqwest::Error) -> Option<SocketAddr> {
    stage::remote_address(error.source()?.downcast_ref::<legacy::Error>()?.connect_info()?)
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
    } else if matches!(code, 301 | 302 | 303 | 307 | 308) {
        Some(format!("answered {code}: a redirect is not followed, name its target as the endpoint"))
    } else {
        Some(format!("answered {code}"))
    }
}
