//! The port to the APIs of stores: reads an order that a thin webhook names. What is requested and what the responses mean, each
//! platform says for itself, in the crate `providers`.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::delivery::{FetchFailure, MAX_REASON_CHARS, StoreCall};
use domain::integration::{Provider, StoreAccess};
use event_log::clock::Clock;
use providers::{OrderApi, OrderReference, OrderStep, StoreOrder, StoreReport};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

pub use super::address::AddressError;
use super::address::api_address;
use super::response::{BodyError, bounded_body, retry_after, why_lost};

/// Most that is read of an order, in bytes, of all its responses together.
const MAX_ORDER_BYTES: usize = 2 * 1_024 * 1_024;
/// How long reading an order may take, all its requests together.
const ORDER_TIMEOUT: Duration = Duration::from_secs(10);
const USER_AGENT: &str = concat!("cloud-bridge/", env!("CARGO_PKG_VERSION"));

/// The addresses of the platforms' APIs, where they are not the platforms' own.
#[derive(Clone, Debug, Default)]
pub struct ApiAddresses {
    pub bigcommerce: Option<String>,
    pub square: Option<String>,
}

/// A connection pool to the APIs of stores. It never repeats a call by itself: when to try again is the worker's decision.
#[derive(Clone, Debug)]
pub struct StoreClient {
    http: Client,
    addresses: ApiAddresses,
    /// Dates of responses are compared with it.
    clock: Clock,
}

/// An order as its store has it.
#[derive(Debug)]
pub struct StoredOrder {
    pub order: StoreOrder,
    /// The same in the words of commerce events.
    pub report: Option<StoreReport>,
    /// What the store responded with: a body, or a list of several.
    pub body: Vec<u8>,
    pub call: StoreCall,
}

/// How the requests so far went.
struct Calls {
    began: Instant,
    status: Option<StatusCode>,
}

impl Calls {
    fn ended(&self, reason: Option<String>) -> StoreCall {
        StoreCall {
            status: self.status.map(|status| status.as_u16()),
            duration_ms: u32::try_from(self.began.elapsed().as_millis()).unwrap_or(u32::MAX),
            reason: reason.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect()),
        }
    }

    fn unavailable(&self, reason: impl Into<String>, retry_after: Option<Duration>) -> FetchFailure {
        let retry_after = retry_after.and_then(|after| TimeDelta::from_std(after).ok());
        FetchFailure::Unavailable { call: self.ended(Some(reason.into())), retry_after }
    }
}

impl StoreClient {
    pub fn new(addresses: &ApiAddresses, clock: Clock) -> Result<Self, AddressError> {
        let http = Client::builder()
            .user_agent(USER_AGENT)
            .timeout(ORDER_TIMEOUT)
            // A redirect would carry a token to an address that was not configured.
            .redirect(Policy::none())
            // Proxy settings would be read from the environment, and configuration is read in one place.
            .no_proxy()
            .build()
            .expect("the settings are constants and the roots of trust are compiled in");
        let address = |address: &Option<String>| address.as_deref().map(api_address).transpose();
        let addresses =
            ApiAddresses { bigcommerce: address(&addresses.bigcommerce)?, square: address(&addresses.square)? };
        Ok(Self { http, addresses, clock })
    }

    /// Reads an order at its store.
    pub async fn order(
        &self,
        provider: Provider,
        access: Option<&StoreAccess>,
        order_id: &str,
    ) -> Result<StoredOrder, FetchFailure> {
        let calls = &mut Calls { began: Instant::now(), status: None };
        let Some(api) = providers::of(provider).order_api() else {
            return Err(calls.unavailable("orders of this platform are not read at the store", None));
        };
        let known = access.and_then(|access| Some((access.token.known()?, access.store.as_deref())));
        let Some((token, store)) = known else { return Err(FetchFailure::AccessMissing { call: None }) };
        let order = OrderReference { store, order_id };
        match tokio::time::timeout(ORDER_TIMEOUT, self.read(api, provider, token, order, calls)).await {
            Ok(read) => read,
            Err(_) => Err(calls.unavailable("timed out", None)),
        }
    }

    async fn read(
        &self,
        api: &dyn OrderApi,
        provider: Provider,
        token: &str,
        order: OrderReference<'_>,
        calls: &mut Calls,
    ) -> Result<StoredOrder, FetchFailure> {
        let mut bodies: Vec<Vec<u8>> = vec![];
        loop {
            let read: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
            let step = api.next(&order, &read).map_err(|malformed| calls.unavailable(malformed.to_string(), None))?;
            let path = match step {
                OrderStep::Request { path } => path,
                OrderStep::Order(found) => {
                    let report = api.report(&order, &read).unwrap_or_default();
                    let call = calls.ended(None);
                    return Ok(StoredOrder { order: *found, report, body: joined(bodies), call });
                }
            };
            let mut request = self.http.get(format!("{}{path}", self.address(api, provider)));
            for (name, value) in api.headers(token) {
                request = request.header(name, value);
            }
            calls.status = None;
            let response = request.send().await.map_err(|error| calls.unavailable(why_lost(&error), None))?;
            calls.status = Some(response.status());
            let left = MAX_ORDER_BYTES.saturating_sub(bodies.iter().map(Vec::len).sum());
            bodies.push(self.receive(response, left, calls).await?);
        }
    }

    fn address<'a>(&'a self, api: &dyn OrderApi, provider: Provider) -> &'a str {
        let named = match provider {
            Provider::BigCommerce => self.addresses.bigcommerce.as_deref(),
            Provider::Square => self.addresses.square.as_deref(),
            Provider::Shopify | Provider::WooCommerce | Provider::Generic => None,
        };
        named.unwrap_or_else(|| api.address())
    }

    async fn receive(&self, mut response: Response, max_bytes: usize, calls: &Calls) -> Result<Vec<u8>, FetchFailure> {
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let reason = "the store does not take the access token".to_owned();
            return Err(FetchFailure::AccessMissing { call: Some(calls.ended(Some(reason))) });
        }
        if !matches!(status, StatusCode::OK | StatusCode::NO_CONTENT) {
            let reason = match status {
                StatusCode::NOT_FOUND => "the store has no such order".to_owned(),
                StatusCode::TOO_MANY_REQUESTS => "the store asks for fewer requests".to_owned(),
                other => format!("answered {}", other.as_u16()),
            };
            return Err(calls.unavailable(reason, retry_after(response.headers(), self.clock.now())));
        }
        bounded_body(&mut response, max_bytes).await.map_err(|error| match error {
            BodyError::Lost(error) => calls.unavailable(why_lost(&error), None),
            BodyError::TooLarge => calls.unavailable("answered with more than 2 MiB", None),
        })
    }
}

/// The body, or a list of several.
fn joined(mut bodies: Vec<Vec<u8>>) -> Vec<u8> {
    if bodies.len() == 1 {
        return bodies.remove(0);
    }
    for empty in bodies.iter_mut().filter(|body| body.trim_ascii().is_empty()) {
        *empty = b"[]".to_vec();
    }
    [b"[".to_vec(), bodies.join(&b","[..]), b"]".to_vec()].concat()
}
