//! What the sandbox reports about itself. It shows no token and no secret.

use std::collections::BTreeMap;

use serde::Serialize;

use super::operation::Operation;
use super::order::Order;
use super::platform::Platform;
use super::store::ConnectedStore;
use super::{CallCount, FaultScript, HoldReport, SentWebhook, StoreSandbox};

/// Orders of each store are cut after this many; the count beside them is not.
const MAX_LISTED: usize = 1_000;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateReport {
    pub stores: Vec<StoreReport>,
    pub reads: BTreeMap<Operation, CallCount>,
    pub faults: Vec<FaultScript>,
    pub holds: Vec<HoldReport>,
    /// The last that were sent, the oldest first.
    pub webhooks: Vec<SentWebhook>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreReport {
    pub platform: Platform,
    pub id: String,
    /// Whether it can be read.
    pub has_token: bool,
    /// Where it sends its webhooks.
    pub webhooks_to: Option<String>,
    pub order_count: usize,
    pub orders: Vec<OrderReport>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderReport {
    pub id: String,
    pub status: &'static str,
    pub version: u64,
    pub lines: usize,
    pub units: u32,
    pub units_refunded: u32,
    pub archived: bool,
}

impl StateReport {
    pub(super) fn of(sandbox: &StoreSandbox) -> Self {
        let (reads, faults, holds) = (sandbox.call_counts(), sandbox.pending_faults(), sandbox.active_holds());
        let world = sandbox.world();
        let stores = world.stores.all().map(StoreReport::of).collect();
        Self { stores, reads, faults, holds, webhooks: world.webhooks.sent() }
    }
}

impl StoreReport {
    fn of(store: &ConnectedStore) -> Self {
        Self {
            platform: store.platform,
            id: store.id.clone(),
            has_token: store.token.is_some(),
            webhooks_to: store.webhooks.as_ref().map(|subscription| subscription.url.clone()),
            order_count: store.orders.len(),
            orders: store.orders.values().take(MAX_LISTED).map(OrderReport::of).collect(),
        }
    }
}

impl OrderReport {
    fn of(order: &Order) -> Self {
        Self {
            id: order.id.clone(),
            status: order.status,
            version: order.version,
            lines: order.placed.lines.len(),
            units: order.units(),
            units_refunded: order.units_refunded(),
            archived: order.is_archived,
        }
    }
}
