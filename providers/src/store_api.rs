//! How the API of a platform is called: where it is, who calls, and what a response says before its body is read. What can be
//! done there is in the traits of `order_api.rs`, `oauth.rs` and `subscription_api.rs`; a platform has those that it can.

use std::time::Duration;

use http::{HeaderMap, Method};

use crate::catalogue_api::CatalogueApi;
use crate::oauth::OAuth;
use crate::order_api::OrderApi;
use crate::order_list_api::OrderListApi;
use crate::subscription_api::SubscriptionApi;

/// The API of a platform. Does no I/O: says what to request, and what the responses mean.
pub trait StoreApi: Sync {
    /// The address of the API, without a slash at its end, where the operator names no other. In it `{store}` stands for what
    /// [`StoreApi::store`] made of the merchant's word for the store.
    fn address(&self) -> &'static str;

    /// The version whose shapes are read here, where an operator may name a later one. In paths `{version}` stands for it.
    fn version(&self) -> Option<&'static str> {
        None
    }

    /// The headers of each request, name and value, with the store's access token.
    fn headers(&self, token: &str) -> Vec<(&'static str, String)>;

    /// What of what a merchant entered names the store in the API; None where the token alone does. Or the sentence that says
    /// what to enter.
    fn store(&self, entered: Option<&str>) -> Result<Option<String>, &'static str>;

    /// How a merchant hands a token over.
    fn access(&self) -> &'static StoreAccess;

    /// What a response says before its body is read.
    fn standing(&self, response: &ApiResponse<'_>) -> Standing {
        Standing::of_status(response.status)
    }

    /// How long the store is to be left alone after a response, so that the next request is let in.
    fn pause(&self, _response: &ApiResponse<'_>) -> Duration {
        Duration::ZERO
    }

    /// How an order is read there.
    fn orders(&self) -> Option<&'static dyn OrderApi> {
        None
    }

    /// How the orders that it changed are listed there.
    fn order_lists(&self) -> Option<&'static dyn OrderListApi> {
        None
    }

    /// How what it sells is read there.
    fn catalogue(&self) -> Option<&'static dyn CatalogueApi> {
        None
    }

    /// How a store is connected without copying anything.
    fn oauth(&self) -> Option<&'static dyn OAuth> {
        None
    }

    /// How the store is asked for its webhooks.
    fn subscriptions(&self) -> Option<&'static dyn SubscriptionApi> {
        None
    }

    /// How it is asked whether the token still counts, where listing its webhooks does not show it.
    fn token_status(&self) -> Option<ApiRequest> {
        None
    }
}

/// One request. Its body is JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    pub method: Method,
    /// With its query; it begins with a slash and follows the API's address.
    pub path: String,
    pub body: Option<String>,
}

impl ApiRequest {
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, path: path.into(), body: None }
    }

    pub(crate) fn put(path: impl Into<String>, body: &serde_json::Value) -> Self {
        Self { method: Method::PUT, path: path.into(), body: Some(body.to_string()) }
    }

    pub(crate) fn post(path: impl Into<String>, body: &serde_json::Value) -> Self {
        Self { method: Method::POST, path: path.into(), body: Some(body.to_string()) }
    }
}

/// A response as it came.
#[derive(Clone, Copy, Debug)]
pub struct ApiResponse<'a> {
    pub status: u16,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// What a response says before its body is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Fine,
    /// The token is not known any more.
    Unauthorized,
    /// The token does not let this be done.
    Forbidden,
    NotFound,
    /// Too many requests came.
    TooMany,
    /// Anything else, in a few words.
    Failed(String),
}

impl Standing {
    pub fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Fine,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            429 => Self::TooMany,
            other => Self::Failed(format!("answered {other}")),
        }
    }
}

/// How a merchant gives access to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreAccess {
    /// Asks for the token at the terminal.
    pub prompt: &'static str,
    /// Says where the store shows it and what it must be allowed.
    pub instructions: &'static str,
    /// Whether the merchant also says which store it is.
    pub needs_store: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Platform, all};

    #[test]
    fn requests_go_over_tls_and_carry_the_token_and_ask_for_json() {
        for api in all().filter_map(Platform::store_api) {
            let address = api.address();
            assert!(address.starts_with("https://") && !address.ends_with('/') || address == "{store}", "{address}");
            let headers = api.headers("the token");
            // As it is, or in base64.
            let has_token = |value: &str| value.ends_with("the token") || value.ends_with("dGhlIHRva2Vu");
            assert!(headers.iter().any(|(_, value)| has_token(value)), "{headers:?}");
            assert!(headers.contains(&("accept", "application/json".to_owned())), "{headers:?}");
            assert!(headers.iter().all(|(name, _)| *name == name.to_ascii_lowercase()), "{headers:?}");
            assert!(!api.access().prompt.is_empty() && !api.access().instructions.is_empty());
            assert_eq!(api.store(None).is_err(), api.access().needs_store);
            let oauth = api.oauth().map_or("https://a.example", OAuth::login_address);
            assert!(oauth.starts_with("https://") && !oauth.ends_with('/'), "{oauth}");
        }
    }
}
