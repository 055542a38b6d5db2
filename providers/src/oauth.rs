//! Connecting a store by OAuth: where its owner authorises an app, what comes back with the browser, and how that becomes a
//! token. Does no I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::integration::{Grant, Purpose};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Malformed;
use crate::store_api::ApiRequest;

/// What a browser's `encodeURIComponent` leaves as it is, so that a space is `%20` and never `+`.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
/// Longest query of a callback that is read, in bytes.
pub const MAX_CALLBACK_BYTES: usize = 8 * 1_024;
/// Longest reason of a refusal that is taken over from a store, in characters.
const MAX_REASON_CHARS: usize = 200;

/// How a platform lets an app be authorised.
pub trait OAuth: Sync {
    /// What an integration of this purpose needs to be allowed, in the platform's words.
    fn scopes(&self, purpose: Purpose) -> Vec<&'static str>;

    /// Whether the owner of the store is sent to an address of the store's own, which has to be known before.
    fn needs_store(&self) -> bool {
        true
    }

    /// The address of the pages on which a store is authorised, as [`StoreApi::address`](crate::StoreApi::address).
    fn login_address(&self) -> &'static str;

    /// Where the owner of the store is sent: a path and query after that address.
    fn authorize_path(&self, wanted: &Authorize<'_>) -> String;

    /// Whether a `state` comes back with the browser. Where it does not, the browser itself has to be known.
    fn returns_state(&self) -> bool {
        true
    }

    /// What came back. Whatever of it is signed is verified with the app's secret before anything of it is believed.
    fn callback(&self, query: &Query, app: &App<'_>, now: DateTime<Utc>) -> Result<Callback, CallbackRefusal>;

    /// Asks for the token: after the login address.
    fn exchange(&self, callback: &Callback, app: &App<'_>, redirect_uri: &str) -> ApiRequest;

    /// Asks for another token in place of one that ends. None where tokens do not end.
    fn refresh(&self, _refresh_token: &str, _app: &App<'_>) -> Option<ApiRequest> {
        None
    }

    /// The response to either. `wanted` is what was asked for: a platform that does not say what was allowed allows it whole.
    fn grant(
        &self,
        body: &[u8],
        callback: Option<&Callback>,
        wanted: &[String],
        now: DateTime<Utc>,
    ) -> Result<Grant, Malformed>;
}

/// An app at a platform.
#[derive(Clone, Copy)]
pub struct App<'a> {
    pub client_id: &'a str,
    pub client_secret: &'a str,
}

impl App<'_> {
    /// Asks for a token in place of a code (RFC 6749, section 4.1.3).
    pub(crate) fn exchange(&self, code: &str, redirect_uri: &str) -> Value {
        json!({
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "code": code,
            "grant_type": "authorization_code",
            "redirect_uri": redirect_uri,
        })
    }

    /// Asks for another token of the same authorisation (RFC 6749, section 6).
    pub(crate) fn refresh(&self, refresh_token: &str) -> Value {
        json!({
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
        })
    }
}

/// What a platform responded with to who asked for a token.
pub(crate) fn token_response<T: DeserializeOwned>(body: &[u8]) -> Result<T, Malformed> {
    serde_json::from_slice(body).map_err(|_| Malformed::invalid("access_token", "is not there as a text"))
}

/// What the owner of a store is asked.
#[derive(Clone, Copy, Debug)]
pub struct Authorize<'a> {
    pub client_id: &'a str,
    pub scopes: &'a [String],
    pub redirect_uri: &'a str,
    pub state: &'a str,
}

/// What came back with the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// Good for one token.
    pub code: String,
    /// The store, where the platform names it.
    pub store: Option<String>,
    /// What is sent with the code, beside it.
    pub context: Vec<(&'static str, String)>,
}

/// Why what came back is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackRefusal {
    #[error("the address that the browser came back with is not one of this platform: {0}")]
    Malformed(&'static str),
    #[error("the address that the browser came back with is not signed with the app's secret")]
    WrongSignature,
    #[error("the address that the browser came back with is too old, or a clock is wrong: begin again")]
    TooOld,
    #[error("the store was not authorised: {0}")]
    Declined(String),
}

/// The query of an address, of which each name is there once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// A name that is there twice could be read one way here and another way where it was signed.
    pub fn read(query: &str) -> Result<Self, CallbackRefusal> {
        if query.len() > MAX_CALLBACK_BYTES {
            return Err(CallbackRefusal::Malformed("it is too long"));
        }
        let mut read = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if read.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(CallbackRefusal::Malformed("a name is there twice"));
            }
        }
        Ok(Self(read))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn require(&self, name: &'static str, missing: &'static str) -> Result<&str, CallbackRefusal> {
        self.get(name).ok_or(CallbackRefusal::Malformed(missing))
    }

    /// All but these, sorted by name, as they are signed.
    pub(crate) fn signed_without(&self, without: &[&str]) -> String {
        let signed = self.0.iter().filter(|(name, _)| !without.contains(&name.as_str()));
        joined(signed.map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// That the owner of the store said no, as RFC 6749 has it said.
    pub(crate) fn refuse_declined(&self) -> Result<(), CallbackRefusal> {
        let Some(error) = self.get("error") else { return Ok(()) };
        let reason = self.get("error_description").unwrap_or(error);
        let reason = reason.chars().filter(|character| !character.is_control()).take(MAX_REASON_CHARS).collect();
        Err(CallbackRefusal::Declined(reason))
    }
}

/// A query, with everything but letters, digits and a few marks percent-encoded.
pub(crate) fn joined<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, COMPONENT).to_string();
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

/// Refuses what was signed at another time than about now.
pub(crate) fn require_recent(timestamp: &str, now: DateTime<Utc>, tolerance: Duration) -> Result<(), CallbackRefusal> {
    let seconds: i64 = timestamp.parse().map_err(|_| CallbackRefusal::Malformed("its timestamp is no number"))?;
    let at = DateTime::from_timestamp(seconds, 0).ok_or(CallbackRefusal::TooOld)?;
    let tolerance = TimeDelta::from_std(tolerance).unwrap_or(TimeDelta::MAX);
    if (now - at).abs() <= tolerance { Ok(()) } else { Err(CallbackRefusal::TooOld) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_signed_as_browsers_encode_it() {
        let query = Query::read("b=2&a=x+y%26z&hmac=00&c=%C3%A4*~").unwrap();
        assert_eq!(query.signed_without(&["hmac"]), "a=x%20y%26z&b=2&c=%C3%A4*~");
        assert_eq!(query.get("a"), Some("x y&z"));
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        assert!(Query::read("code=1&code=2").is_err());
        assert!(Query::read(&"a=1&".repeat(10_000)).is_err());
    }

    #[test]
    fn a_refusal_is_said_in_the_words_of_the_platform_but_not_at_any_length() {
        let query = Query::read(&format!("error=access_denied&error_description=No%0A{}", "x".repeat(5_000))).unwrap();
        let Err(CallbackRefusal::Declined(reason)) = query.refuse_declined() else { panic!("it was declined") };
        assert!(reason.starts_with("Nox") && reason.len() == MAX_REASON_CHARS);
        assert_eq!(Query::read("code=1").unwrap().refuse_declined(), Ok(()));
    }

    #[test]
    fn what_was_signed_long_ago_or_far_ahead_is_refused() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let recent = |at: &str| require_recent(at, now, Duration::from_secs(90));
        assert!(["910", "1000", "1090"].into_iter().all(|at| recent(at).is_ok()));
        for at in ["909", "1091", "-1", "9223372036854775807", "soon", ""] {
            assert!(recent(at).is_err(), "{at}");
        }
    }
}
