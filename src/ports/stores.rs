//! The port to the APIs of stores. What is requested and what the responses mean, each platform says for itself, in the crate
//! `providers`; here it is sent, within bounds of time and size, and no faster than the store lets it.

mod addresses;
mod calls;
mod orders;
mod pauses;

use std::sync::Arc;
use std::time::Duration;

use domain::integration::Provider;
use event_log::clock::Clock;
use providers::{ApiRequest, ApiResponse, Standing, StoreApi};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Proxy, Response};

pub use super::address::AddressError;
use super::outbound::{OutboundClient, UrlRefusal};
use super::response::{BodyError, bounded_body, retry_after, why_lost};
pub use addresses::ApiAddresses;
pub use calls::{CallFailure, Target};
pub use orders::StoredOrder;
use pauses::Pauses;

/// Most that is read of a response, in bytes; of an order, of all its responses together.
const MAX_BYTES: usize = 2 * 1_024 * 1_024;
/// How long a call may take; reading an order, all its requests together.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a store rests that had too many requests and does not say for how long.
const USUAL_PAUSE: Duration = Duration::from_secs(1);
const USER_AGENT: &str = concat!("cloud-bridge/", env!("CARGO_PKG_VERSION"));

/// A connection pool to the APIs of stores. It never repeats a call by itself: when to try again is decided by who calls.
#[derive(Clone)]
pub struct StoreClient {
    /// Calls the addresses that the operator named, wherever they are.
    named: Client,
    /// Calls all others, which follow from what merchants enter: by the rules for subscribers' endpoints.
    public: Client,
    outbound: OutboundClient,
    addresses: ApiAddresses,
    pauses: Arc<Pauses>,
    /// Dates of responses are compared with it.
    clock: Clock,
}

impl StoreClient {
    pub fn new(addresses: &ApiAddresses, outbound: OutboundClient, clock: Clock) -> Result<Self, AddressError> {
        let built = |builder: ClientBuilder| {
            let builder = builder
                .user_agent(USER_AGENT)
                .timeout(TIMEOUT)
                // A redirect would carry a token to an address that was not configured.
                .redirect(Policy::none());
            builder.build().expect("the settings are constants and the roots of trust are compiled in")
        };
        // Proxy settings would be read from the environment, and configuration is read in one place.
        let named = built(Client::builder().no_proxy());
        let public = match outbound.proxy() {
            Some(proxy) => {
                let proxy = Proxy::all(proxy.clone()).expect("it is a URL that the HTTP client of endpoints has taken");
                built(Client::builder().proxy(proxy))
            }
            None => built(Client::builder().no_proxy().dns_resolver(Arc::new(outbound.resolver()))),
        };
        let (addresses, pauses) = (addresses.checked()?, Arc::default());
        Ok(Self { named, public, outbound, addresses, pauses, clock })
    }

    /// Sends one request and returns its body, whatever it is.
    pub async fn call(&self, target: &Target<'_>, request: &ApiRequest) -> Result<Vec<u8>, CallFailure> {
        self.call_within(target, request, MAX_BYTES).await.map(|(_, body)| body)
    }

    async fn call_within(
        &self,
        target: &Target<'_>,
        request: &ApiRequest,
        max_bytes: usize,
    ) -> Result<(u16, Vec<u8>), CallFailure> {
        self.pauses.wait(target).await?;
        let api = target.api;
        let url = self.url(target, request)?;
        let client = if url.is_named { &self.named } else { &self.public };
        let mut message = client.request(request.method.clone(), url.url);
        for (name, value) in target.token.map(|token| api.headers(token)).unwrap_or_default() {
            message = message.header(name, value);
        }
        if let Some(body) = &request.body {
            message = message.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.clone());
        }
        let response = message.send().await.map_err(|error| CallFailure::lost(why_lost(&error)))?;
        self.receive(target, response, max_bytes).await
    }

    async fn receive(
        &self,
        target: &Target<'_>,
        mut response: Response,
        max_bytes: usize,
    ) -> Result<(u16, Vec<u8>), CallFailure> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let asked_for = retry_after(&headers, self.clock.now());
        let body = bounded_body(&mut response, max_bytes).await;
        let read = ApiResponse { status, headers: &headers, body: body.as_deref().unwrap_or_default() };
        let standing = target.api.standing(&read);
        let mut pause = asked_for.unwrap_or_default().max(target.api.pause(&read));
        if standing == Standing::TooMany {
            pause = pause.max(USUAL_PAUSE);
        }
        self.pauses.set(target, pause);
        self.note_version(target, &headers);
        let asks = asked_for.or((pause > Duration::ZERO).then_some(pause));
        match standing {
            Standing::Fine => {
                let body = body.map_err(|error| CallFailure::unread(status, error))?;
                Ok((status, body))
            }
            Standing::Unauthorized => Err(CallFailure::Unauthorized { status }),
            Standing::Forbidden => Err(CallFailure::Forbidden { status }),
            Standing::NotFound => Err(CallFailure::NotFound { status }),
            Standing::TooMany => {
                let reason = "the store asks for fewer requests".to_owned();
                Err(CallFailure::Unavailable { status: Some(status), reason, retry_after: asks })
            }
            Standing::Failed(reason) => {
                Err(CallFailure::Unavailable { status: Some(status), reason, retry_after: asked_for })
            }
        }
    }

    /// A platform that serves another version than was asked for has ended that one.
    fn note_version(&self, target: &Target<'_>, headers: &reqwest::header::HeaderMap) {
        let Some(wanted) = self.addresses.version(target.provider, target.api) else { return };
        let served = headers.get("x-shopify-api-version").and_then(|version| version.to_str().ok());
        if let Some(served) = served.filter(|served| *served != wanted) {
            tracing::warn!(
                wanted,
                served,
                "the store does not serve this version of its API any more: see --shopify-api-version"
            );
        }
    }
}

impl CallFailure {
    fn unread(status: u16, error: BodyError) -> Self {
        let reason = match error {
            BodyError::Lost(error) => why_lost(&error),
            BodyError::TooLarge => "answered with more than 2 MiB".to_owned(),
        };
        Self::Unavailable { status: Some(status), reason, retry_after: None }
    }
}

/// What a platform's API is called for.
pub fn api_of(provider: Provider) -> Option<&'static dyn StoreApi> {
    providers::of(provider).store_api()
}

impl From<UrlRefusal> for CallFailure {
    fn from(refusal: UrlRefusal) -> Self {
        Self::Unavailable { status: None, reason: refusal.to_string(), retry_after: None }
    }
}
