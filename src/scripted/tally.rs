//! What was called and how far each call came, counted so that a test can wait for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

/// The calls to one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallCount {
    pub arrived: u64,
    /// Held at this moment.
    pub held: u64,
    /// Fewer than arrived: the others are under way, or their callers hung up.
    pub answered: u64,
    /// Those whose effect came after their answer.
    pub late: u64,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    #[default]
    Arrived,
    Held,
    Answered,
    Late,
}

impl CallCount {
    pub fn at(self, stage: Stage) -> u64 {
        match stage {
            Stage::Arrived => self.arrived,
            Stage::Held => self.held,
            Stage::Answered => self.answered,
            Stage::Late => self.late,
        }
    }
}

pub(crate) struct Tally<O>(BTreeMap<O, CallCount>);

impl<O> Default for Tally<O> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<O: Copy + Ord + IntoEnumIterator> Tally<O> {
    pub(super) fn change(&mut self, operation: O) -> &mut CallCount {
        self.0.entry(operation).or_default()
    }

    pub(crate) fn of(&self, operation: O) -> CallCount {
        self.0.get(&operation).copied().unwrap_or_default()
    }

    pub(super) fn all(&self) -> BTreeMap<O, CallCount> {
        O::iter().map(|operation| (operation, self.of(operation))).collect()
    }
}
