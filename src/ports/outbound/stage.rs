//! How far the attempt of a task has come, for where it fails or its time runs out.

use std::cell::RefCell;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::http::Extensions;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpInfo};

tokio::task_local! {
    static REACHED: RefCell<Reached>;
}

/// What an attempt waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    Resolving,
    Connecting,
    Tls,
    /// Also on a connection of an earlier attempt, which is used without a step before.
    #[default]
    Response,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolving => "resolving the host's name",
            Self::Connecting => "connecting",
            Self::Tls => "in TLS",
            Self::Response => "waiting for the response",
        })
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reached {
    pub(super) stage: Stage,
    /// What was connected to.
    pub(super) connected: Option<SocketAddr>,
    /// What is being connected to, where the host has one address. Which of several the HTTP client tries, it does not say.
    pub(super) chosen: Option<IpAddr>,
}

/// Runs an attempt, of which the functions below note how far it has come.
pub(super) async fn scope<T>(attempt: impl Future<Output = T>) -> T {
    REACHED.scope(RefCell::default(), attempt).await
}

/// How far the attempt of this task has come.
pub(super) fn reached() -> Reached {
    REACHED.try_with(|reached| *reached.borrow()).unwrap_or_default()
}

/// Outside of an attempt it does nothing: a connection may also be completed for the pool, when another became free first.
fn note(note: impl FnOnce(&mut Reached)) {
    REACHED.try_with(|reached| note(&mut reached.borrow_mut())).ok();
}

/// The host of the URL is an address.
pub(super) fn note_address(address: IpAddr) {
    note(|reached| reached.chosen = Some(address));
}

pub(super) fn note_connecting<R>(request: R) -> R {
    note(|reached| reached.stage = Stage::Connecting);
    request
}

pub(super) fn note_resolving() {
    note(|reached| (reached.stage, reached.chosen) = (Stage::Resolving, None));
}

pub(super) fn note_resolved(addresses: &[IpAddr]) {
    let only = if let [only] = addresses { Some(*only) } else { None };
    note(|reached| (reached.stage, reached.chosen) = (Stage::Connecting, only));
}

pub(super) fn note_tls() {
    note(|reached| reached.stage = Stage::Tls);
}

pub(super) fn note_connected<C: Connection>(connection: C) -> C {
    let address = remote_address(&connection.connected());
    note(|reached| (reached.stage, reached.connected) = (Stage::Response, address));
    connection
}

pub(super) fn remote_address(connected: &Connected) -> Option<SocketAddr> {
    let mut extensions = Extensions::new();
    connected.get_extras(&mut extensions);
    extensions.get().map(HttpInfo::remote_addr)
}
