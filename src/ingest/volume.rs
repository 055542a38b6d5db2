//! How many bytes of webhooks are stored of each account in a day, over all nodes: a sender who has a signing secret, or one
//! signed webhook, must not fill the disk of all accounts.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::AccountId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use event_log::EventLog;
use event_log::recurring::Recurring;

const DAY_S: i64 = 24 * 60 * 60;
/// What an event takes beside the body.
const EVENT_BYTES: u64 = 1_024;
/// From so many percent of what it may have, an account is warned of.
const WARN_PERCENT: u64 = 80;
/// How often what was counted is written, and what other nodes counted is learnt.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Accounts that are remembered. Those of past days are forgotten first.
const MAX_REMEMBERED: usize = 10_000;

/// Counts in memory; written a second later at most, so that a restart forgets no more than that.
pub struct Volumes {
    /// What an account may store in a day.
    limit: u64,
    days: Mutex<HashMap<AccountId, Day>>,
    some: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct Day {
    /// Since 1970.
    number: i64,
    /// As it is written, of all nodes.
    written: u64,
    /// What this node has counted since.
    unwritten: u64,
    is_warned: bool,
}

/// The account has stored what it may store in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayIsFull {
    /// How long until the next day begins.
    pub retry_after: Duration,
}

impl Volumes {
    /// Counts for accounts that may store so many bytes in a day.
    pub fn new(limit: u64) -> Self {
        Self { limit, days: Mutex::default(), some: Notify::new() }
    }

    /// Whether another webhook of an account may be stored.
    pub(crate) fn admit(&self, account: AccountId, now: DateTime<Utc>) -> Result<(), DayIsFull> {
        if self.stored(account, now) < self.limit {
            return Ok(());
        }
        let left = DAY_S - now.timestamp().rem_euclid(DAY_S);
        Err(DayIsFull { retry_after: Duration::from_secs(left.unsigned_abs()) })
    }

    /// How much of an account was stored today, as far as this node knows.
    pub(crate) fn stored(&self, account: AccountId, now: DateTime<Utc>) -> u64 {
        let days = self.days.lock();
        let today = days.get(&account).filter(|day| day.number == number_of(now));
        today.map_or(0, |day| day.written + day.unwritten)
    }

    /// Counts a webhook that was stored, with its body or without one.
    pub(crate) fn count(&self, account: AccountId, body: usize, now: DateTime<Utc>) {
        let number = number_of(now);
        let mut days = self.days.lock();
        if days.len() >= MAX_REMEMBERED && !days.contains_key(&account) {
            days.retain(|_, day| day.number == number);
        }
        let day = days.entry(account).or_default();
        if day.number != number {
            *day = Day { number, ..Day::default() };
        }
        day.unwritten += u64::try_from(body).unwrap_or(u64::MAX).saturating_add(EVENT_BYTES);
        day.warn(account, self.limit);
        drop(days);
        self.some.notify_one();
    }

    /// Writes what was counted, until it is dropped.
    pub(crate) async fn keep_writing(&self, log: &EventLog) {
        let failures = Recurring::new("what accounts have stored today cannot be counted");
        loop {
            self.some.notified().await;
            tokio::time::sleep(WRITE_EVERY).await;
            match self.write(log).await {
                Ok(()) => failures.worked(),
                Err(error) => {
                    failures.failed(error);
                    self.some.notify_one();
                }
            }
        }
    }

    pub(crate) async fn write(&self, log: &EventLog) -> sqlx::Result<()> {
        let unwritten: Vec<(AccountId, Day)> = {
            let days = self.days.lock();
            days.iter().filter(|(_, day)| day.unwritten > 0).map(|(id, day)| (*id, *day)).collect()
        };
        for (account, counted) in unwritten {
            let written = log.add_daily_bytes(account, counted.number, counted.unwritten).await?;
            let mut days = self.days.lock();
            if let Some(day) = days.get_mut(&account).filter(|day| day.number == counted.number) {
                day.written = written;
                day.unwritten -= counted.unwritten;
                day.warn(account, self.limit);
            }
        }
        Ok(())
    }
}

impl Day {
    fn warn(&mut self, account: AccountId, limit: u64) {
        let stored = self.written + self.unwritten;
        if !self.is_warned && stored >= limit / 100 * WARN_PERCENT {
            self.is_warned = true;
            tracing::warn!(%account, stored, limit, "an account has nearly stored what it may store in a day");
        }
    }
}

fn number_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(DAY_S)
}
