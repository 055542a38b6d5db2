//! The pace of an account: how many delivery attempts may start in a minute, over all nodes together.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::AccountRefusal;
use crate::DeliveryId;

/// What the webhooks document promises ("up to 5 jobs per minute").
pub const DEFAULT_ATTEMPTS_PER_MINUTE: u32 = 5;
pub const MAX_ATTEMPTS_PER_MINUTE: u32 = 60_000;
/// A slower pace may start a minute's attempts at once; a faster one spaces them evenly, and so remembers only the last.
const MAX_BURST: u32 = 60;

/// What was admitted further ahead of now than this was admitted by a clock that was ahead, and does not count.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(1);

/// A sliding window: at most `limit` attempts in any `window`, which keeps within the pace in any minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    attempts_per_minute: u32,
    admitted: VecDeque<Admitted>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Admitted {
    delivery_id: DeliveryId,
    attempt: u32,
    at: DateTime<Utc>,
}

pub(super) fn valid(attempts_per_minute: u32) -> Result<u32, AccountRefusal> {
    if (1..=MAX_ATTEMPTS_PER_MINUTE).contains(&attempts_per_minute) {
        Ok(attempts_per_minute)
    } else {
        Err(AccountRefusal::InvalidPace)
    }
}

impl Pace {
    pub(super) fn new(attempts_per_minute: u32) -> Self {
        Self { attempts_per_minute, admitted: VecDeque::new() }
    }

    pub fn attempts_per_minute(&self) -> u32 {
        self.attempts_per_minute
    }

    fn limit(&self) -> usize {
        if self.attempts_per_minute <= MAX_BURST { self.attempts_per_minute.max(1) as usize } else { 1 }
    }

    fn window(&self) -> TimeDelta {
        if self.attempts_per_minute <= MAX_BURST {
            TimeDelta::minutes(1)
        } else {
            TimeDelta::microseconds(60_000_000_u32.div_ceil(self.attempts_per_minute).into())
        }
    }

    /// Whether an attempt may start at `now`: true to record it, false when this very attempt was already admitted.
    pub(super) fn admit(
        &self,
        delivery_id: DeliveryId,
        attempt: u32,
        now: DateTime<Utc>,
    ) -> Result<bool, AccountRefusal> {
        if self.admitted.iter().any(|known| known.delivery_id == delivery_id && known.attempt == attempt) {
            return Ok(false);
        }
        match self.next_at(now) {
            Some(next_at) if now < next_at => Err(AccountRefusal::PaceExceeded { next_at }),
            _ => Ok(true),
        }
    }

    /// The moment from which another attempt may start, if the window is full.
    pub fn next_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let latest = now.checked_add_signed(CLOCK_SKEW).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let mut counted: Vec<DateTime<Utc>> =
            self.admitted.iter().map(|admitted| admitted.at).filter(|at| *at <= latest).collect();
        // A clock that was set back admits what comes later at an earlier moment.
        counted.sort_unstable();
        let at = counted[counted.len().checked_sub(self.limit())?];
        // A window that ends after the last moment there is never ends.
        Some(at.checked_add_signed(self.window()).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    pub(super) fn admitted(&mut self, delivery_id: DeliveryId, attempt: u32, at: DateTime<Utc>) {
        self.admitted.push_back(Admitted { delivery_id, attempt, at });
        while self.admitted.len() > self.limit() {
            self.admitted.pop_front();
        }
    }
}
