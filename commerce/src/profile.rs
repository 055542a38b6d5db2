//! How an event is written and signed for a subscriber.
//!
//! Whatever its profile, an endpoint gets the headers of Standard Webhooks; a profile adds those that its receivers know, or
//! writes another body.

mod clione;
pub mod cloud_elements;
mod custom_header;
mod raw;
#[cfg(test)]
mod tests;

use std::fmt;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use signing::standard_webhooks;
use uuid::Uuid;

pub use clione::{HeaderWord, InvalidHeaderWord};
pub use cloud_elements::{InvalidSignatureKey, SignatureKey};
pub use custom_header::{CustomHeaders, InvalidHeader};
pub use raw::Raw;
pub use signing::SignatureRefusal;

use crate::{Event, Secret, Secrets};

/// Which receivers an endpoint is written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Standard Webhooks, and nothing else.
    Standard,
    /// Those of Clione's webhooks document, by the word in the names of its headers.
    Clione { word: HeaderWord },
    /// Those of Cloud Elements, whose signature has a key of its own.
    CloudElements {
        /// The `elementKey` of its events; None for the platform of the store.
        element: Option<String>,
        key: Option<SignatureKey>,
    },
}

/// What an endpoint is sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub profile: Profile,
    pub secrets: Secrets,
    pub headers: CustomHeaders,
}

/// An attempt to send a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The id of the message: the same at every attempt, so that the receiver knows a repeated one.
    pub id: Uuid,
    /// When this attempt is made, which is signed with it.
    pub at: DateTime<Utc>,
}

/// What one notification of an endpoint says.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    endpoint: &'a Endpoint,
    event: &'a Event,
    raw: Option<&'a Raw>,
}

/// What is sent to an endpoint's address by POST.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Endpoint {
    /// The message about one event. `raw` is the body of the store's webhook that the event was made of, if it was.
    pub fn message<'a>(&'a self, event: &'a Event, raw: Option<&'a Raw>) -> Message<'a> {
        Message { endpoint: self, event, raw }
    }
}

impl Message<'_> {
    /// What is sent at this attempt.
    pub fn request(&self, attempt: Attempt) -> Request {
        let Endpoint { profile, secrets, headers: custom } = self.endpoint;
        let body = match profile {
            Profile::Standard | Profile::Clione { .. } => self.event.body(),
            Profile::CloudElements { .. } => cloud_elements::body(self, attempt.id),
        };
        let mut headers = vec![("Content-Type", "application/json".to_owned())];
        headers.extend(standard_webhooks::sign(&attempt.id.to_string(), attempt.at, &body, &secrets.keys()));
        let mut headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        match profile {
            Profile::Standard => {}
            Profile::Clione { word } => {
                headers.extend(clione::headers(word, self.event, attempt, &body, &secrets.current));
            }
            Profile::CloudElements { key, .. } => {
                headers.extend(cloud_elements::headers(attempt.id, &body, key.as_ref()));
            }
        }
        headers.extend(custom.iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
        Request { headers, body }
    }
}

/// Values of headers give access, and the body may be about a person.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Request").field("headers", &names).field("body_bytes", &self.body.len()).finish()
    }
}

/// Whether one of `secrets` signed a notification within five minutes of `now`, as every receiver of Standard Webhooks does.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[Secret],
    now: DateTime<Utc>,
) -> Result<(), SignatureRefusal> {
    let keys: Vec<_> = secrets.iter().map(Secret::key).collect();
    standard_webhooks::verify(headers, body, now, &keys)
}
