//! Credits, and what costs them.

use std::fmt;
use std::ops::{Add, Sub};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Asset;

/// A whole number of credits. There are no fractions, so there is no rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Credits(pub u64);

impl Credits {
    pub const ZERO: Self = Self(0);
    /// What following a customer costs, and sharing a preset or a capture (billing page of the service).
    pub const OF_A_FOLLOW: Self = Self(3);
    pub const OF_A_SHARE: Self = Self(10);
}

impl Add for Credits {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Credits {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a delivery does on Cortex Cloud that is paid for. Everything else is free.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PaidAction {
    Follow,
    Share { asset: Asset },
}

impl PaidAction {
    /// The price, charged on success only.
    pub fn price(&self) -> Credits {
        match self {
            Self::Follow => Credits::OF_A_FOLLOW,
            Self::Share { .. } => Credits::OF_A_SHARE,
        }
    }
}
