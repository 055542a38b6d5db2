//! How far the attempt of a task has come with a connection of its own, for where it fails or its time runs out.

use std::cell::Cell;
use std::fmt;
use std::net::IpAddr;

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
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolving => "resolving the host's name",
            Self::Connecting => "connecting",
            Self::Tls => "in TLS",
        })
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reached {
    pub(super) stage: Stage,
    /// Whether it connected, or began to: without that, its connection was kept from an earlier attempt.
    pub(super) has_begun: bool,
    /// What is being connected to, where the host has one address. Which of several the HTTP client tries, it does not say.
    pub(super) chosen: Option<IpAddr>,
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

/// The host of the URL is an address.
pub(super) fn note_address(address: IpAddr) {
    note(|reached| reached.chosen = Some(address));
}

pub(super) fn note_connecting() {
    note(|reached| (reached.stage, reached.has_begun) = (Stage::Connecting, true));
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
