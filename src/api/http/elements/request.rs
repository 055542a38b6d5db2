//! A request as it is read: its query, and its body where it has one.

use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{Method, header};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::refused::Refused;
use crate::api::http::body::{BodyRefusal, RequestBody};

/// Largest body that is read, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1_024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Names in a query.
const MAX_NAMES: usize = 50;
const USUAL_PAGE: i64 = 50;
const MAX_PAGE: i64 = 200;

pub(super) struct Asked {
    pub(super) method: Method,
    query: Vec<(String, String)>,
    /// Null where there is none.
    pub(super) body: Value,
}

impl Asked {
    pub(super) async fn read(parts: &Parts, body: &mut RequestBody<'_>) -> Result<Self, Refused> {
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let query: Vec<(String, String)> =
            query.take(MAX_NAMES).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let read = match parts.method {
            Method::GET | Method::DELETE => None,
            _ => Some(body.read(MAX_BODY_BYTES, BODY_TIMEOUT).await.map_err(not_read)?),
        };
        let body = match read.filter(|read| !read.iter().all(u8::is_ascii_whitespace)) {
            None => Value::Null,
            Some(_) if !is_json(parts) => return Err(Refused::MediaType),
            Some(read) => serde_json::from_slice(&read)
                .map_err(|error| Refused::Invalid(format!("the body is no JSON: {error}")))?,
        };
        Ok(Self { method: parts.method.clone(), query, body })
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Of a name that may be there several times, with brackets or without.
    pub(super) fn query_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let is_named = move |known: &str| known == name || known.strip_suffix("[]") == Some(name);
        self.query.iter().filter(move |(known, _)| is_named(known)).map(|(_, value)| value.as_str())
    }

    pub(super) fn page_size(&self) -> Result<i64, Refused> {
        let Some(size) = self.query("pageSize") else { return Ok(USUAL_PAGE) };
        let size = size.parse().ok().filter(|size| (1..=MAX_PAGE).contains(size));
        size.ok_or_else(|| Refused::Invalid(format!("pageSize is a number from 1 to {MAX_PAGE}")))
    }

    /// Where a list goes on, as the response before it said.
    pub(super) fn next_page<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Refused> {
        let Some(token) = self.query("nextPage") else { return Ok(None) };
        let parsed = parse(token);
        parsed.map(Some).ok_or_else(|| Refused::Invalid("nextPage is not one of this list".to_owned()))
    }

    pub(super) fn moment(&self, name: &str) -> Result<Option<DateTime<Utc>>, Refused> {
        let Some(text) = self.query(name) else { return Ok(None) };
        // In a query a plus may have become a space.
        let parsed = text.replace(' ', "+").parse().ok();
        parsed.map(Some).ok_or_else(|| Refused::Invalid(format!("{name} is a time such as 2026-03-14T12:00:00Z")))
    }
}

fn is_json(parts: &Parts) -> bool {
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    })
}

fn not_read(refusal: BodyRefusal) -> Refused {
    match refusal {
        BodyRefusal::TooLarge => Refused::Invalid("the body is larger than 256 kB".to_owned()),
        BodyRefusal::Interrupted | BodyRefusal::TooSlow => Refused::Invalid("the body did not arrive".to_owned()),
        BodyRefusal::NoRoom => Refused::Unavailable,
    }
}
