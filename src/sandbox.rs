//! A Cortex Cloud to practise on: a real server of the same protocol, with scripted people and failures on demand.
//!
//! It keeps everything in memory, and every list in it is bounded. What it returns and how it is controlled is written
//! down in `docs/cortex-protocol.md`.

mod accounts;
mod call;
mod control;
mod control_api;
mod fault;
mod items;
mod operation;
mod people;
mod protocol;
mod refusal;
mod report;
mod requests;
mod tally;
#[cfg(test)]
mod tests;

use std::io;

use chrono::TimeDelta;
use event_log::clock::Clock;
use tokio::net::TcpListener;

pub use accounts::{DEFAULT_EMAIL, DEFAULT_PASSWORD};
pub use fault::Fault;
pub use operation::Operation;
pub use people::FollowsBack;
pub use report::{Calls, FollowReport, RelationReport, ShareReport, StateReport, UserReport};
pub use tally::{FollowCount, ShareCount};

use crate::scripted::{self, Protocol, Server};
pub use crate::scripted::{CallCount, ControlError, HoldPoint, Stage};

pub struct SandboxOptions {
    /// Decides when tokens expire and people follow back. Scripted delays pass in real time all the same.
    pub clock: Clock,
    pub token_lifetime: TimeDelta,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self { clock: Clock::default(), token_lifetime: TimeDelta::minutes(15) }
    }
}

/// A running sandbox. A [`crate::ports::cortex::CortexClient`] is given its address to talk to it.
pub type Sandbox = Server<CortexCloud>;
pub type FaultScript = scripted::FaultScript<Operation, Fault>;
pub type On = scripted::On<Operation>;
pub type HoldReport = scripted::HoldReport<Operation>;

pub struct CortexCloud;

impl Protocol for CortexCloud {
    type Operation = Operation;
    type Fault = Fault;
    type World = World;

    const MAX_BODY_BYTES: usize = 16 * 1024;

    fn delay_ms(fault: Fault) -> Option<u64> {
        fault.delay_ms()
    }
}

/// Everything there is on this Cortex Cloud.
#[derive(Default)]
pub struct World {
    token_lifetime: TimeDelta,
    accounts: accounts::Accounts,
    people: people::People,
    items: items::Items,
    requests: requests::Requests,
    tally: tally::Tally,
}

/// Serves the protocol and the control API on `listener` until it is stopped.
pub fn start(listener: TcpListener, options: SandboxOptions) -> io::Result<Sandbox> {
    let world = World { token_lifetime: options.token_lifetime, ..World::default() };
    Server::start(listener, options.clock, world, protocol::routes().merge(control_api::routes()))
}
