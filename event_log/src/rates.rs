//! How much an account or a key may do in a minute, over all nodes together: the attempts of its deliveries, its requests.
//!
//! A token bucket that fills evenly: after a minute's rest as much may be done at once as the rate allows in a minute, and
//! then each as its turn comes (the generic cell rate algorithm). One row says for each when its bucket is full again, and
//! is moved atomically; a node takes from it in parts, so that the database is hardly queried.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{AccountId, ApiKeyId};
use parking_lot::Mutex;
use sqlx::FromRow;
use storage::Sql;

use crate::EventLog;

/// In which a rate is counted, and in which an empty bucket fills.
const WINDOW_US: i64 = 60_000_000;
/// A node takes one part of so many of a minute's, at least what it needs.
const PARTS: u32 = 20;
/// Rates that are remembered before those that have rested are forgotten.
const MAX_REMEMBERED: usize = 10_000;
/// So many may ask the database at the same moment.
const TURNS: usize = 16;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Delivery attempts of an account.
    Attempts(AccountId),
    /// Requests of an API key.
    Requests(ApiKeyId),
}

impl Rate {
    fn key(self) -> String {
        match self {
            Self::Attempts(id) => format!("attempts/{id}"),
            Self::Requests(id) => format!("requests/{id}"),
        }
    }
}

/// Too much at once, or not known.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    #[error("the rate allows the next at {next_at}")]
    Exceeded { next_at: DateTime<Utc> },
    #[error("it cannot be counted: {0}")]
    Unavailable(#[from] sqlx::Error),
}

/// What this node has taken and not used.
#[derive(Default)]
pub struct Rates {
    shares: Mutex<HashMap<Rate, Share>>,
    turns: [tokio::sync::Mutex<()>; TURNS],
}

/// All in microseconds since 1970, by this node's clock.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    left: u32,
    taken_at: i64,
    /// Until when nothing is to be had, as far as is known.
    empty_until: i64,
    /// Of a node that is alone: when its bucket is full again.
    full_at: i64,
}

/// A bucket that this many drops fill in a minute.
#[derive(Clone, Copy)]
struct Bucket {
    per_minute: u32,
    now: i64,
}

impl Bucket {
    /// In which one drop falls.
    fn drop_us(self) -> i64 {
        WINDOW_US / i64::from(self.per_minute.max(1))
    }

    /// When a bucket that is full at this moment has this much.
    fn has_at(self, full_at: i64, cost: u32) -> i64 {
        full_at + self.drop_us() * i64::from(cost) - WINDOW_US
    }

    /// When the bucket is full again after taking this much.
    fn take(self, full_at: i64, cost: u32) -> Option<i64> {
        // A moment that is further off than a bucket takes to fill was set by a clock that was ahead.
        let is_known = (self.now..=self.now + 2 * WINDOW_US).contains(&full_at);
        let full_at = if is_known { full_at } else { self.now };
        (self.has_at(full_at, cost) <= self.now).then(|| full_at + self.drop_us() * i64::from(cost))
    }
}

impl Rates {
    /// Counts what something costs, unless that is too much at `now`.
    pub async fn admit(
        &self,
        log: &EventLog,
        rate: Rate,
        (per_minute, cost): (u32, u32),
        now: DateTime<Utc>,
    ) -> Result<(), NotAdmitted> {
        let bucket = Bucket { per_minute, now: now.timestamp_micros() };
        // A node that is alone counts requests by itself: reading goes on where a disk is full.
        if matches!(rate, Rate::Requests(_)) && log.has_one_writer() {
            return self.take_alone(rate, bucket, cost);
        }
        if let Some(known) = self.take_from_share(rate, bucket, cost) {
            return known;
        }
        // One takes for all that wait: the others find what it took.
        let _turn = self.turn(rate).lock().await;
        if let Some(known) = self.take_from_share(rate, bucket, cost) {
            return known;
        }
        let part = (per_minute / PARTS).max(cost);
        for wanted in [part, cost] {
            match take(log, rate, bucket, wanted).await? {
                Ok(()) => {
                    self.keep(rate, bucket, wanted - cost);
                    return Ok(());
                }
                Err(full_at) if wanted == cost => return Err(self.refused(rate, bucket, full_at, cost)),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Gives back one that was admitted and not used.
    pub fn give_back(&self, rate: Rate, now: DateTime<Utc>) {
        self.keep(rate, Bucket { per_minute: 1, now: now.timestamp_micros() }, 1);
    }

    /// Whose turn it is to ask the database for more.
    fn turn(&self, rate: Rate) -> &tokio::sync::Mutex<()> {
        let (Rate::Attempts(AccountId(id)) | Rate::Requests(ApiKeyId(id))) = rate;
        &self.turns[usize::from(id.as_bytes()[15]) % TURNS]
    }

    /// What is known without asking anybody.
    fn take_from_share(&self, rate: Rate, bucket: Bucket, cost: u32) -> Option<Result<(), NotAdmitted>> {
        let mut shares = self.shares.lock();
        let share = shares.get_mut(&rate)?;
        if share.is_fresh(bucket.now) && share.left >= cost {
            share.left -= cost;
            return Some(Ok(()));
        }
        let is_empty = (bucket.now + 1..=bucket.now + WINDOW_US).contains(&share.empty_until);
        is_empty.then(|| Err(exceeded(share.empty_until)))
    }

    fn take_alone(&self, rate: Rate, bucket: Bucket, cost: u32) -> Result<(), NotAdmitted> {
        let mut shares = self.shares.lock();
        make_room(&mut shares, bucket.now);
        let share = shares.entry(rate).or_default();
        match bucket.take(share.full_at, cost) {
            Some(full_at) => {
                (share.full_at, share.taken_at) = (full_at, bucket.now);
                Ok(())
            }
            None => Err(exceeded(bucket.has_at(share.full_at, cost))),
        }
    }

    /// What was taken and is not used yet. It counts for as long as a bucket takes to fill.
    fn keep(&self, rate: Rate, bucket: Bucket, more: u32) {
        let mut shares = self.shares.lock();
        make_room(&mut shares, bucket.now);
        let share = shares.entry(rate).or_default();
        let left = if share.is_fresh(bucket.now) { share.left } else { 0 };
        *share = Share { left: left.saturating_add(more), taken_at: bucket.now, ..Share::default() };
    }

    fn refused(&self, rate: Rate, bucket: Bucket, full_at: i64, cost: u32) -> NotAdmitted {
        let mut shares = self.shares.lock();
        make_room(&mut shares, bucket.now);
        shares.entry(rate).or_default().empty_until = bucket.has_at(full_at, 1);
        exceeded(bucket.has_at(full_at, cost))
    }
}

impl Share {
    /// Whether its moment is a recent one, by a clock that may have been set.
    fn is_fresh(&self, now: i64) -> bool {
        (now - WINDOW_US..=now + WINDOW_US).contains(&self.taken_at)
    }
}

fn make_room(shares: &mut HashMap<Rate, Share>, now: i64) {
    if shares.len() >= MAX_REMEMBERED {
        shares.retain(|_, share| share.is_fresh(now));
    }
}

fn exceeded(next_at_us: i64) -> NotAdmitted {
    NotAdmitted::Exceeded { next_at: DateTime::from_timestamp_micros(next_at_us).unwrap_or(DateTime::<Utc>::MAX_UTC) }
}

#[derive(FromRow)]
struct Row {
    full_at: i64,
}

/// Takes this much for this node, or returns when the bucket is full.
async fn take(log: &EventLog, rate: Rate, bucket: Bucket, wanted: u32) -> sqlx::Result<Result<(), i64>> {
    let Bucket { now, .. } = bucket;
    let (key, filling) = (rate.key(), bucket.drop_us() * i64::from(wanted));
    // As `Bucket::take` has it.
    let after = |sql: Sql| {
        let known = sql.push("CASE WHEN rates.full_at BETWEEN ").bind(now).push(" AND ").bind(now + 2 * WINDOW_US);
        known.push(" THEN rates.full_at ELSE ").bind(now).push(" END + ").bind(filling)
    };
    let sql = Sql::new("INSERT INTO rates (key, full_at) VALUES (").bind(key.as_str()).push(", ").bind(now + filling);
    let sql = after(sql.push(") ON CONFLICT (key) DO UPDATE SET full_at = ")).push(" WHERE ");
    let sql = after(sql).push(" <= ").bind(now + WINDOW_US).push(" RETURNING full_at");
    let mut transaction = log.database.begin().await?;
    let taken = !transaction.fetch_all::<Row>(sql).await?.is_empty();
    let full_at = Sql::new("SELECT full_at FROM rates WHERE key = ").bind(key);
    let row = if taken { None } else { transaction.fetch_all::<Row>(full_at).await?.pop() };
    transaction.commit().await?;
    Ok(row.map_or(Ok(()), |row| Err(row.full_at)))
}

/// When the next is allowed, where none is at `now`.
pub async fn next_at(
    log: &EventLog,
    rate: Rate,
    per_minute: u32,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    let bucket = Bucket { per_minute, now: now.timestamp_micros() };
    let row = Sql::new("SELECT full_at FROM rates WHERE key = ").bind(rate.key());
    let full_at = log.database.fetch_optional::<Row>(row).await?.map_or(bucket.now, |row| row.full_at);
    let is_empty = bucket.take(full_at, 1).is_none();
    Ok(DateTime::from_timestamp_micros(bucket.has_at(full_at, 1)).filter(|_| is_empty))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn at(us: i64) -> Bucket {
        Bucket { per_minute: 5, now: 1_000 * WINDOW_US + us }
    }

    #[test]
    fn after_rest_a_minutes_worth_goes_at_once_and_then_each_in_its_turn() {
        let (rates, rate) = (Rates::default(), Rate::Requests(ApiKeyId(Uuid::nil())));
        let next = |us| match rates.take_alone(rate, at(us), 1) {
            Ok(()) => 0,
            Err(NotAdmitted::Exceeded { next_at }) => next_at.timestamp_micros() - at(0).now,
            Err(NotAdmitted::Unavailable(error)) => panic!("{error}"),
        };
        assert_eq!([0; 5].map(next), [0; 5]);
        assert_eq!(next(0), 12_000_000, "a fifth of a minute");
        assert_eq!(next(11_999_999), 12_000_000);
        assert_eq!([12_000_000, 12_000_000].map(next), [0, 24_000_000]);
        assert_eq!([500_000_000; 5].map(next), [0; 5], "rested again");
        // The clock was set back by an hour: what it had set counts no more.
        assert_eq!(next(-3_600_000_000), 0);
    }

    #[test]
    fn what_a_node_has_taken_it_may_use_for_as_long_as_a_bucket_takes_to_fill() {
        let (rates, rate) = (Rates::default(), Rate::Attempts(AccountId(Uuid::nil())));
        let take = |us| rates.take_from_share(rate, at(us), 1).map(|taken| taken.is_ok());
        assert_eq!(take(0), None, "it has to ask");
        rates.keep(rate, at(0), 2);
        assert_eq!([take(0), take(1), take(2)], [Some(true), Some(true), None]);
        rates.keep(rate, at(2), 1);
        assert_eq!([take(WINDOW_US + 3), take(3)], [None, Some(true)], "not for longer");
        rates.refused(rate, at(3), at(0).now + WINDOW_US, 1);
        assert_eq!(take(4), Some(false), "nothing is to be had");
        assert_eq!(take(12_000_000), None, "there may be some");
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_sees_more_than_a_burst_and_what_falls_in_it(
            per_minute in prop_oneof![1..10_u32, 50..70_u32, 100..1_000_u32],
            gaps_ms in prop::collection::vec(0..400_i64, 1..800),
        ) {
            let (mut now, mut full_at, mut starts) = (WINDOW_US, 0, vec![]);
            for gap in gaps_ms {
                now += gap * 1_000;
                if let Some(next) = (Bucket { per_minute, now }).take(full_at, 1) {
                    full_at = next;
                    starts.push(now);
                }
            }
            for (index, from) in starts.iter().enumerate() {
                let bucket = Bucket { per_minute, now };
                let last = starts.last().unwrap();
                let most = i64::from(per_minute) + (last - from) / bucket.drop_us() + 1;
                prop_assert!(i64::try_from(starts.len() - index).unwrap() <= most);
            }
        }
    }
}
