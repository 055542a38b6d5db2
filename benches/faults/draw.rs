//! Chance from a seed, so that a run can be had again.

use std::time::Duration;

/// A linear congruential generator: enough to draw moments from.
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut draw = Self(seed ^ 0x9E37_79B9_7F4A_7C15);
        draw.below(2);
        draw
    }

    /// A number from 0 on, and less than `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }

    pub(crate) fn between(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.below(most_ms.saturating_sub(least_ms).max(1)))
    }
}
