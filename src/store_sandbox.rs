//! Shopify, BigCommerce and Square to practise on: a real server of what of their APIs is called, with stores in which things happen on
//! demand.
//!
//! It keeps everything in memory, and every list in it is bounded. What it imitates, what it does not, and how it is controlled is
//! written down in `docs/store-sandboxes.md`.

mod apps;
mod bigcommerce;
mod call;
mod control;
mod control_api;
mod fault;
mod money;
mod operation;
mod order;
mod platform;
mod product;
mod refusal;
mod report;
mod sending;
mod shopify;
mod square;
mod store;
#[cfg(test)]
mod tests;
mod webhook;
mod woocommerce;

use std::io;

use event_log::clock::Clock;
use tokio::net::TcpListener;

pub use apps::App;
pub use fault::Fault;
pub use operation::Operation;
pub use order::{NewLine, NewOrder, UsernameIn};
pub use platform::Platform;
pub use product::{NewProduct, NewVariant};
pub use report::{OrderReport, StateReport, StoreReport};
pub use sending::{Attempt, SendingState, SentWebhook};
pub use store::{Store, Subscription};
pub use webhook::Webhook;

use crate::scripted::{self, Protocol, Server};
pub use crate::scripted::{CallCount, ControlError, HoldPoint, Stage};

/// The stores of all platforms behind one address.
pub type StoreSandbox = Server<StoreApis>;
pub type FaultScript = scripted::FaultScript<Operation, Fault>;
pub type On = scripted::On<Operation>;
pub type HoldReport = scripted::HoldReport<Operation>;

pub struct StoreApis;

impl Protocol for StoreApis {
    type Operation = Operation;
    type Fault = Fault;
    type World = World;

    /// An order of a thousand lines fits.
    const MAX_BODY_BYTES: usize = 1024 * 1024;

    fn delay_ms(fault: Fault) -> Option<u64> {
        fault.delay_ms()
    }
}

/// Everything there is in this sandbox.
pub struct World {
    stores: store::Stores,
    apps: apps::Apps,
    webhooks: sending::Webhooks,
}

/// Serves the APIs and the control API on `listener` until it is stopped. `clock` dates orders, changes and signatures.
pub fn start(listener: TcpListener, clock: Clock) -> io::Result<StoreSandbox> {
    let world =
        World { stores: store::Stores::default(), apps: apps::Apps::default(), webhooks: sending::Webhooks::new()? };
    let endpoints = shopify::routes()
        .merge(bigcommerce::routes())
        .merge(square::routes())
        .merge(woocommerce::routes())
        .merge(control_api::routes());
    Server::start(listener, clock, world, endpoints)
}
