//! Calls that wait at a chosen point until they are released, so that a test can stop the world in mid-flight.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

use super::operation::On;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldPoint {
    /// The call has arrived and nothing is done yet. A caller who hangs up now takes the call along.
    #[default]
    BeforeEffect,
    /// The thing is done and the caller does not know.
    AfterEffect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HoldReport<O> {
    pub operation: O,
    pub at: HoldPoint,
}

pub(super) struct Holds<O>(BTreeSet<(O, HoldPoint)>);

impl<O: Ord> Default for Holds<O> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<O: Copy + Ord + IntoEnumIterator> Holds<O> {
    pub(super) fn add(&mut self, on: On<O>, at: HoldPoint) {
        let covered = O::iter().filter(|operation| on.covers(operation));
        self.0.extend(covered.map(|operation| (operation, at)));
    }

    pub(super) fn release(&mut self, on: On<O>) {
        self.0.retain(|(operation, _)| !on.covers(operation));
    }

    pub(super) fn hold(&self, operation: O, at: HoldPoint) -> bool {
        self.0.contains(&(operation, at))
    }

    pub(super) fn active(&self) -> Vec<HoldReport<O>> {
        self.0.iter().map(|&(operation, at)| HoldReport { operation, at }).collect()
    }
}
