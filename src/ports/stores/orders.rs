//! Reading an order at its store, in as many requests as it takes.

use std::time::Instant;

use chrono::TimeDelta;
use domain::delivery::{FetchFailure, MAX_REASON_CHARS, StoreCall};
use domain::integration::{Provider, StoreAccess};
use providers::{ApiRequest, OrderApi, OrderReference, OrderStep, StoreOrder, StoreReport};

use super::calls::{CallFailure, Target};
use super::{MAX_BYTES, StoreClient, TIMEOUT};

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
    status: Option<u16>,
}

impl Calls {
    fn ended(&self, reason: Option<String>) -> StoreCall {
        StoreCall {
            status: self.status,
            duration_ms: u32::try_from(self.began.elapsed().as_millis()).unwrap_or(u32::MAX),
            reason: reason.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect()),
        }
    }

    fn unavailable(&self, reason: impl Into<String>) -> FetchFailure {
        FetchFailure::Unavailable { call: self.ended(Some(reason.into())), retry_after: None }
    }

    fn failed(&mut self, failure: CallFailure) -> FetchFailure {
        self.status = failure.status();
        match failure {
            CallFailure::Unavailable { reason, retry_after, .. } => {
                let retry_after = retry_after.and_then(|after| TimeDelta::from_std(after).ok());
                FetchFailure::Unavailable { call: self.ended(Some(reason)), retry_after }
            }
            CallFailure::NotFound { .. } => self.unavailable("the store has no such order"),
            CallFailure::Unauthorized { .. } | CallFailure::Forbidden { .. } => {
                let reason = "the store does not take the access token".to_owned();
                FetchFailure::AccessMissing { call: Some(self.ended(Some(reason))) }
            }
        }
    }
}

impl StoreClient {
    /// Reads an order at its store.
    pub async fn order(
        &self,
        provider: Provider,
        access: Option<&StoreAccess>,
        order_id: &str,
    ) -> Result<StoredOrder, FetchFailure> {
        let calls = &mut Calls { began: Instant::now(), status: None };
        let Some(api) = providers::of(provider).order_api() else {
            return Err(calls.unavailable("orders of this platform are not read at the store"));
        };
        let target = access.and_then(|access| Target::api(provider, access)).filter(|target| target.token.is_some());
        let Some(target) = target else { return Err(FetchFailure::AccessMissing { call: None }) };
        let order = OrderReference { store: target.store, order_id };
        match tokio::time::timeout(TIMEOUT, self.read(api, &target, order, calls)).await {
            Ok(read) => read,
            Err(_) => Err(calls.unavailable("timed out")),
        }
    }

    async fn read(
        &self,
        api: &dyn OrderApi,
        target: &Target<'_>,
        order: OrderReference<'_>,
        calls: &mut Calls,
    ) -> Result<StoredOrder, FetchFailure> {
        let mut bodies: Vec<Vec<u8>> = vec![];
        loop {
            let read: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
            let step = api.next(&order, &read).map_err(|malformed| calls.unavailable(malformed.to_string()))?;
            let path = match step {
                OrderStep::Request { path } => path,
                OrderStep::Order(found) => {
                    let report = api.report(&order, &read).unwrap_or_default();
                    let call = calls.ended(None);
                    return Ok(StoredOrder { order: *found, report, body: joined(bodies), call });
                }
            };
            calls.status = None;
            let left = MAX_BYTES.saturating_sub(bodies.iter().map(Vec::len).sum());
            let body = self.call_within(target, &ApiRequest::get(path), left).await;
            let (status, body) = body.map_err(|failure| calls.failed(failure))?;
            calls.status = Some(status);
            bodies.push(body);
        }
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
