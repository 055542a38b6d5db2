//! Webhooks that say nothing new: recorded as long as they are few. Stores repeat themselves, and an attacker who captured a
//! signed webhook may send it as often as they like: that must fill no disk.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Webhooks of one order, or repetitions of another webhook, that say nothing new and are recorded in an hour.
pub const RECORDED_AN_HOUR: u32 = 20;

/// How many came in the latest hour in which any did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    /// Hours since 1970.
    hour: i64,
    recorded: u32,
}

impl Repeats {
    /// Whether one more is only counted, and not recorded.
    pub(crate) fn is_enough(&self, at: DateTime<Utc>) -> bool {
        self.hour == hour_of(at) && self.recorded >= RECORDED_AN_HOUR
    }

    pub(crate) fn apply_recorded(&mut self, at: DateTime<Utc>) {
        let hour = hour_of(at);
        if self.hour != hour {
            *self = Self { hour, recorded: 0 };
        }
        self.recorded = self.recorded.saturating_add(1);
    }
}

fn hour_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(3_600)
}
