//! How far the attempt of a task has come with a connection of its own, for where it fails or its time runs out.

use std::cell::Cell;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

tokio::task_local! {
    static REACHED: Cell<Reached>;
}

/// What an attempt waits for that has no connection yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    Resolving,
    #[default]
    Connecting,
    Tls,
    /// The attempt that opened it may not have it yet.
    Open,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolving => "resolving the host's name",
            Self::Connecting => "connecting",
            Self::Tls => "in TLS",
            Self::Open => "waiting for the response",
        })
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reached {
    pub(super) stage: Stage,
    /// Whether it connected, or began to: without that, its connection was kept from an earlier attempt.
    pub(super) has_begun: bool,
    /// What is being connected to, where the host has one address. Which of several the HTTP client tries, it does not say.
    chosen: Option<IpAddr>,
    port: u16,
    connected: Option<SocketAddr>,
}

impl Reached {
    /// What was connected to, or is being connected to.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.connected.or_else(|| Some(SocketAddr::new(self.chosen?, self.port)))
    }
}

/// Runs an attempt, of which the functions below note how far it has come.
pub(super) async fn scope<T>(attempt: impl Future<Output = T>) -> T {
    REACHED.scope(Cell::default(), attempt).await
}

/// How far the attempt of this task has come.
pub(super) fn reached() -> Reached {
    REACHED.try_with(Cell::get).unwrap_or_default()
}

/// Outside of an attempt it does nothing: a connection may also be completed for the pool, when another became free first.
fn note(note: impl FnOnce(&mut Reached)) {
    let update = |cell: &Cell<Reached>| {
        let mut reached = cell.get();
        note(&mut reached);
        cell.set(reached);
    };
    REACHED.try_with(update).ok();
}

/// What is connected to next: at once where its host is an address.
pub(super) fn note_connecting(host: Option<IpAddr>, port: u16) {
    note(|reached| *reached = Reached { has_begun: true, chosen: host, port, ..Reached::default() });
}

pub(super) fn note_resolving() {
    note(|reached| (reached.stage, reached.chosen) = (Stage::Resolving, None));
}

pub(super) fn note_resolved(addresses: &[IpAddr]) {
    let only = if let [only] = addresses { Some(*only) } else { None };
    note(|reached| (reached.stage, reached.chosen) = (Stage::Connecting, only));
}

pub(super) fn note_connected(address: SocketAddr) {
    note(|reached| reached.connected = Some(address));
}

pub(super) fn note_open() {
    note(|reached| reached.stage = Stage::Open);
}

pub(super) fn note_tls() {
    note(|reached| reached.stage = Stage::Tls);
}
