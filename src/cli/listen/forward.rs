//! Passing on what was received, as it came.

use std::fmt;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use reqwest::Url;
use reqwest::redirect::Policy;

/// Sooner than the service gives up, so that it learns why.
const TIMEOUT: Duration = Duration::from_secs(12);
/// As much of a response as the service reads.
const MAX_RESPONSE_BYTES: usize = 64 * 1_024;

/// Headers of one connection, which are no part of what is passed on.
const CONNECTION_HEADERS: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Where events are passed on to.
pub(super) struct Forward {
    http: reqwest::Client,
    url: Url,
}

/// What that responded.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Forward {
    pub(super) fn new(url: Url) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).redirect(Policy::none()).no_proxy();
        Ok(Self { http: http.build().context("no HTTP client can be made")?, url })
    }

    /// Sends headers and body as they came.
    ///
    /// # Errors
    /// Why there was no response.
    pub(super) async fn send(&self, headers: &HeaderMap, body: Bytes) -> Result<Response, String> {
        let sent = self.http.post(self.url.clone()).headers(without_connection(headers)).body(body).send().await;
        let mut response = sent.map_err(|error| {
            if error.is_timeout() { "no response in time".to_owned() } else { "no connection".to_owned() }
        })?;
        let (status, headers) = (response.status(), without_connection(response.headers()));
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await.map_err(|_| "the response broke off".to_owned())? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_RESPONSE_BYTES {
                return Err("the response has more than 64 KiB".to_owned());
            }
        }
        Ok(Response { status, headers, body: body.into() })
    }
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

fn without_connection(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in &CONNECTION_HEADERS {
        headers.remove(name);
    }
    headers
}
