//! The running server: its state under one lock, what waits for a change of it, and the points that every call passes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use event_log::clock::Clock;
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::fault::{Faults, Script};
use super::hold::{HoldPoint, HoldReport, Holds};
use super::operation::On;
use super::tally::{CallCount, Stage, Tally};
use super::{ControlError, Protocol, control_api};

/// How long a call is held when nothing ends it earlier.
const MAX_HOLD: Duration = Duration::from_mins(5);
const MAX_AWAIT: Duration = Duration::from_secs(30);
/// A connection that will not end is left behind after this long.
const MAX_STOPPING: Duration = Duration::from_secs(5);

/// A running sandbox. Clones are handles on the same one; it runs until [`Server::stop`], or as long as the runtime does.
pub struct Server<P: Protocol> {
    shared: Arc<Shared<P>>,
}

struct Shared<P: Protocol> {
    base_url: String,
    clock: Clock,
    state: Mutex<State<P>>,
    /// Notified of every change of `state`, so that waiting is never polling.
    changed: Notify,
}

pub(crate) struct State<P: Protocol> {
    pub(crate) world: P::World,
    pub(crate) tally: Tally<P::Operation>,
    faults: Faults<P>,
    holds: Holds<P::Operation>,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    Stopping,
    Stopped,
}

/// Why a call does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    HeldTooLong,
    Stopping,
}

impl<P: Protocol> Clone for Server<P> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<P: Protocol> Server<P> {
    /// Serves `endpoints` and the control API on `listener` until it is stopped. `clock` decides what depends on time; what is
    /// scripted to wait waits in real time all the same.
    pub(crate) fn start(
        listener: TcpListener,
        clock: Clock,
        world: P::World,
        endpoints: Router<Self>,
    ) -> io::Result<Self> {
        let state = State {
            world,
            tally: Tally::default(),
            faults: Faults::default(),
            holds: Holds::default(),
            phase: Phase::Serving,
        };
        let base_url = format!("http://{}", listener.local_addr()?);
        let shared = Shared { base_url, clock, state: Mutex::new(state), changed: Notify::new() };
        let server = Self { shared: Arc::new(shared) };
        let router = endpoints
            .merge(control_api::routes())
            .layer(DefaultBodyLimit::max(P::MAX_BODY_BYTES))
            .with_state(server.clone());
        let serving = server.clone();
        tokio::spawn(async move {
            let stopping = serving.clone();
            let stopped = async move { stopping.until(|state| state.phase != Phase::Serving).await };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the sandbox ended");
            }
            serving.change_state(|state| state.phase = Phase::Stopped);
        });
        Ok(server)
    }

    /// Where it listens.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Takes no more connections, ends the calls that are held or delayed, and returns when all are answered.
    pub async fn stop(&self) {
        self.change_state(|state| state.phase = Phase::Stopping);
        let stopped = self.until(|state| state.phase == Phase::Stopped);
        if tokio::time::timeout(MAX_STOPPING, stopped).await.is_err() {
            tracing::warn!("the sandbox stopped with connections still open");
        }
    }

    /// Puts one more entry at the end of the list of faults.
    pub fn script(&self, script: Script<P>) -> Result<(), ControlError> {
        self.change_state(|state| state.faults.add(script))
    }

    /// Lets calls wait at this point, those that arrive from now on, until they are released (or 5 minutes have passed).
    pub fn hold(&self, on: impl Into<On<P::Operation>>, at: HoldPoint) {
        self.change_state(|state| state.holds.add(on.into(), at));
    }

    pub fn release(&self, on: impl Into<On<P::Operation>>) {
        self.change_state(|state| state.holds.release(on.into()));
    }

    /// Waits until so many calls have come to `stage`, at most 30 seconds.
    pub async fn wait_for(&self, operation: P::Operation, stage: Stage, count: u64) -> Result<CallCount, ControlError> {
        self.wait_until(|state| state.tally.of(operation).at(stage) >= count).await?;
        Ok(self.call_count(operation))
    }

    pub fn call_count(&self, operation: P::Operation) -> CallCount {
        self.state().tally.of(operation)
    }

    pub(crate) fn call_counts(&self) -> BTreeMap<P::Operation, CallCount> {
        self.state().tally.all()
    }

    pub(crate) fn pending_faults(&self) -> Vec<Script<P>> {
        self.state().faults.pending()
    }

    pub(crate) fn active_holds(&self) -> Vec<HoldReport<P::Operation>> {
        self.state().holds.active()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(crate) fn world(&self) -> MappedMutexGuard<'_, P::World> {
        MutexGuard::map(self.state(), |state| &mut state.world)
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut P::World) -> T) -> T {
        self.change_state(|state| change(&mut state.world))
    }

    pub(crate) async fn until(&self, met: impl Fn(&State<P>) -> bool) {
        loop {
            // Registered before looking, or a change between the two would be missed.
            let changed = self.shared.changed.notified();
            if met(&self.state()) {
                return;
            }
            changed.await;
        }
    }

    /// At most 30 seconds.
    pub(crate) async fn wait_until(&self, met: impl Fn(&State<P>) -> bool) -> Result<(), ControlError> {
        tokio::time::timeout(MAX_AWAIT, self.until(met)).await.map_err(|_| ControlError::NotInTime)
    }

    /// Counts a call that has arrived, and returns the fault that it meets.
    pub(crate) fn arrive(&self, operation: P::Operation) -> Option<P::Fault> {
        self.change_state(|state| {
            state.tally.change(operation).arrived += 1;
            state.faults.next(operation)
        })
    }

    pub(crate) fn count_answered(&self, operation: P::Operation) {
        self.change_state(|state| state.tally.change(operation).answered += 1);
    }

    pub(crate) fn count_late(&self, operation: P::Operation) {
        self.change_state(|state| state.tally.change(operation).late += 1);
    }

    pub(crate) async fn hold_point(&self, operation: P::Operation, at: HoldPoint) -> Result<(), Interrupted> {
        let is_held = |state: &State<P>| state.phase == Phase::Serving && state.holds.hold(operation, at);
        if is_held(&self.state()) {
            let _held = Held::new(self, operation);
            let released = self.until(|state| !is_held(state));
            tokio::time::timeout(MAX_HOLD, released).await.map_err(|_| Interrupted::HeldTooLong)?;
        }
        if self.state().phase == Phase::Serving { Ok(()) } else { Err(Interrupted::Stopping) }
    }

    /// Lets time pass, cut short when the sandbox stops.
    pub(crate) async fn idle(&self, duration: Duration) -> Result<(), Interrupted> {
        let stopping = self.until(|state| state.phase != Phase::Serving);
        match tokio::time::timeout(duration, stopping).await {
            Ok(()) => Err(Interrupted::Stopping),
            Err(_elapsed) => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<P>> {
        self.shared.state.lock()
    }

    fn change_state<T>(&self, change: impl FnOnce(&mut State<P>) -> T) -> T {
        let outcome = change(&mut self.state());
        self.shared.changed.notify_waiters();
        outcome
    }
}

/// Counts a call as held for as long as it lives, which also ends when the caller hangs up.
struct Held<'a, P: Protocol> {
    server: &'a Server<P>,
    operation: P::Operation,
}

impl<'a, P: Protocol> Held<'a, P> {
    fn new(server: &'a Server<P>, operation: P::Operation) -> Self {
        server.change_state(|state| state.tally.change(operation).held += 1);
        Self { server, operation }
    }
}

impl<P: Protocol> Drop for Held<'_, P> {
    fn drop(&mut self) {
        self.server.change_state(|state| state.tally.change(self.operation).held -= 1);
    }
}
