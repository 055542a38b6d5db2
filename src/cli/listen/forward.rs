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

/// Reads the address for clap.
///
/// # Errors
/// Where it is not one that a request can be sent to.
pub(super) fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err("it begins with http:// or https://".to_owned())
    }
}

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
            let why = match error {
                _ if error.is_timeout() => "no response in time",
                _ if error.is_connect() => "no connection",
                _ => "no response that can be read",
            };
            why.to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_passed_on_over_http_alone() {
        for passed in ["http://127.0.0.1:3000/webhooks", "https://receiver.example/"] {
            assert_eq!(url(passed).unwrap().as_str(), passed);
        }
        for refused in ["ftp://127.0.0.1/", "file:///etc/passwd", "localhost:3000", "/webhooks", ""] {
            assert!(url(refused).is_err(), "{refused}");
        }
    }
}
