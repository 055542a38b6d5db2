//! A Cortex Cloud to practise on: a real server of the same protocol, with scripted people and failures on demand.
//!
//! It keeps everything in memory, and every list in it is bounded. What it returns and how it is controlled is written
//! down in `docs/cortex-protocol.md`.

mod accounts;
mod call;
mod control;
mod control_api;
mod fault;
mod hold;
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

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use chrono::TimeDelta;
use parking_lot::{Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub use accounts::{DEFAULT_EMAIL, DEFAULT_PASSWORD};
pub use control::ControlError;
use event_log::clock::Clock;
pub use fault::{Fault, FaultScript};
pub use hold::HoldPoint;
pub use operation::{On, Operation};
pub use people::FollowsBack;
pub use report::{Calls, FollowReport, HoldReport, RelationReport, ShareReport, StateReport, UserReport};
pub use tally::{CallCount, FollowCount, ShareCount, Stage};

const MAX_BODY_BYTES: usize = 16 * 1024;

/// A connection that will not end is left behind after this long.
const MAX_STOPPING: Duration = Duration::from_secs(5);

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

/// A running sandbox. Clones are handles on the same one; it runs until [`Sandbox::stop`], or as long as the runtime does.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

struct Shared {
    base_url: String,
    clock: Clock,
    token_lifetime: TimeDelta,
    world: Mutex<World>,
    /// Notified of every change of `world`, so that waiting is never polling.
    changed: Notify,
}

/// Everything there is on this Cortex Cloud, and how it is scripted.
#[derive(Default)]
struct World {
    accounts: accounts::Accounts,
    people: people::People,
    items: items::Items,
    requests: requests::Requests,
    faults: fault::Faults,
    holds: hold::Holds,
    tally: tally::Tally,
    phase: Phase,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Serving,
    Stopping,
    Stopped,
}

/// Serves the protocol and the control API on `listener` until it is stopped.
pub fn start(listener: TcpListener, options: SandboxOptions) -> std::io::Result<Sandbox> {
    let shared = Shared {
        base_url: format!("http://{}", listener.local_addr()?),
        clock: options.clock,
        token_lifetime: options.token_lifetime,
        world: Mutex::default(),
        changed: Notify::new(),
    };
    let sandbox = Sandbox { shared: Arc::new(shared) };
    let router = protocol::routes()
        .merge(control_api::routes())
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(sandbox.clone());
    let server = sandbox.clone();
    tokio::spawn(async move {
        let stopping = server.clone();
        let stopped = async move { stopping.until(|world| world.phase != Phase::Serving).await };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "the sandbox ended");
        }
        server.change(|world| world.phase = Phase::Stopped);
    });
    Ok(sandbox)
}

impl Sandbox {
    /// What a [`crate::ports::cortex::CortexClient`] is given to talk to this sandbox.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Takes no more connections, ends the calls that are held or delayed, and returns when all are answered.
    pub async fn stop(&self) {
        self.change(|world| world.phase = Phase::Stopping);
        let stopped = self.until(|world| world.phase == Phase::Stopped);
        if tokio::time::timeout(MAX_STOPPING, stopped).await.is_err() {
            tracing::warn!("the sandbox stopped with connections still open");
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock()
    }

    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let outcome = change(&mut self.world());
        self.shared.changed.notify_waiters();
        outcome
    }

    async fn until(&self, met: impl Fn(&World) -> bool) {
        loop {
            // Registered before looking, or a change between the two would be missed.
            let changed = self.shared.changed.notified();
            if met(&self.world()) {
                return;
            }
            changed.await;
        }
    }
}
