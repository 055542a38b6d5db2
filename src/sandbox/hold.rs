//! Calls that wait at a chosen point until they are released, so that a test can stop the world in mid-flight.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator as _;

use super::Sandbox;
use super::operation::{On, Operation};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldPoint {
    /// The call has arrived and nothing is done yet. A caller who hangs up now takes the call along.
    #[default]
    BeforeEffect,
    /// The thing is done and the caller does not know.
    AfterEffect,
}

#[derive(Default)]
pub(super) struct Holds(BTreeSet<(Operation, HoldPoint)>);

impl Holds {
    pub(super) fn add(&mut self, on: On, at: HoldPoint) {
        let covered = Operation::iter().filter(|operation| on.covers(*operation));
        self.0.extend(covered.map(|operation| (operation, at)));
    }

    pub(super) fn release(&mut self, on: On) {
        self.0.retain(|(operation, _)| !on.covers(*operation));
    }

    pub(super) fn hold(&self, operation: Operation, at: HoldPoint) -> bool {
        self.0.contains(&(operation, at))
    }

    pub(super) fn active(&self) -> impl Iterator<Item = (Operation, HoldPoint)> {
        self.0.iter().copied()
    }
}

/// Counts a call as held for as long as it lives, which also ends when the caller hangs up.
pub(super) struct Held<'a> {
    sandbox: &'a Sandbox,
    operation: Operation,
}

impl<'a> Held<'a> {
    pub(super) fn new(sandbox: &'a Sandbox, operation: Operation) -> Self {
        sandbox.change(|world| world.tally.held(operation));
        Self { sandbox, operation }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.sandbox.change(|world| world.tally.no_longer_held(self.operation));
    }
}
