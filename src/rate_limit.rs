//! How many requests an API key may send in a minute, from all nodes together.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::ApiKeyId;
use projections::database::{Argument, Database, Sql};
use sqlx::FromRow;

use crate::event_log::EventLog;

const MINUTE_S: i64 = 60;
/// A node takes a key's requests in parts of so many of its limit, so that hardly any request asks the database.
const PARTS: u32 = 20;
/// Keys that are remembered before those of past minutes are forgotten.
const MAX_REMEMBERED: usize = 10_000;

/// What this node may still let through.
#[derive(Default)]
pub struct RateLimits {
    windows: Mutex<HashMap<ApiKeyId, Window>>,
}

#[derive(Clone, Copy)]
struct Window {
    /// Since 1970.
    minute: i64,
    left: u32,
    /// All nodes together have used up the minute.
    exhausted: bool,
}

/// A request too many, or no way to tell.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    #[error("the key's requests of this minute are used up; the next minute begins in {retry_after:?}")]
    LimitReached { retry_after: Duration },
    #[error("the requests of a key cannot be counted: {0}")]
    Unavailable(#[from] sqlx::Error),
}

impl RateLimits {
    /// Counts what a request of a key costs, in requests, unless that is too many in this minute.
    pub async fn admit(
        &self,
        log: &EventLog,
        key_id: ApiKeyId,
        (per_minute, cost): (u32, u32),
        now: DateTime<Utc>,
    ) -> Result<(), NotAdmitted> {
        let minute = now.timestamp().div_euclid(MINUTE_S);
        if !self.needs_more(key_id, minute, cost) {
            return self.count(key_id, minute, cost, now);
        }
        // A node alone needs to ask nobody.
        let wanted = if log.has_one_writer() { per_minute } else { (per_minute / PARTS).max(cost) };
        let taken = match log.database() {
            Database::Postgres(_) => take(log.database(), key_id, minute, wanted, per_minute).await?,
            Database::Sqlite(_) => wanted,
        };
        let exhausted = log.has_one_writer() || taken < wanted;
        self.add(key_id, Window { minute, left: taken, exhausted }, log.has_one_writer());
        self.count(key_id, minute, cost, now)
    }

    fn needs_more(&self, key_id: ApiKeyId, minute: i64, cost: u32) -> bool {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.get(&key_id).is_none_or(|window| window.minute != minute || (window.left < cost && !window.exhausted))
    }

    /// Keeps what was taken. Two requests may have found nothing left at the same moment: each took a part from the
    /// database, but a node that is alone has one minute to give.
    fn add(&self, key_id: ApiKeyId, more: Window, alone: bool) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MAX_REMEMBERED {
            windows.retain(|_, window| window.minute == more.minute);
        }
        match windows.get_mut(&key_id).filter(|window| window.minute == more.minute) {
            Some(_) if alone => {}
            Some(window) => {
                window.left += more.left;
                window.exhausted |= more.exhausted;
            }
            None => {
                windows.insert(key_id, more);
            }
        }
    }

    fn count(&self, key_id: ApiKeyId, minute: i64, cost: u32, now: DateTime<Utc>) -> Result<(), NotAdmitted> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.get_mut(&key_id).filter(|window| window.minute == minute && window.left >= cost);
        let Some(window) = window else {
            let seconds = MINUTE_S - now.timestamp().rem_euclid(MINUTE_S);
            return Err(NotAdmitted::LimitReached { retry_after: Duration::from_secs(seconds.unsigned_abs()) });
        };
        window.left -= cost;
        Ok(())
    }
}

/// Takes a part of a key's minute for this node; answers how much of it there still was.
async fn take(database: &Database, key_id: ApiKeyId, minute: i64, wanted: u32, per_minute: u32) -> sqlx::Result<u32> {
    #[derive(FromRow)]
    struct Used {
        used: i64,
    }
    let sql = Sql::new("INSERT INTO request_windows AS w (key_id, minute, used) VALUES (")
        .bind_list([Argument::from(key_id.to_string()), minute.into(), i64::from(wanted).into()])
        .push(
            // The clocks of two nodes may be in two minutes that follow each other. A minute further ahead was counted by a
            // clock that was wrong.
            ") ON CONFLICT (key_id) DO UPDATE SET \
             minute = CASE WHEN w.minute > excluded.minute + 1 THEN excluded.minute \
                           ELSE greatest(w.minute, excluded.minute) END, \
             used = CASE WHEN w.minute BETWEEN excluded.minute AND excluded.minute + 1 THEN w.used + excluded.used \
                         ELSE excluded.used END \
             RETURNING used",
        );
    let Used { used } = database.fetch_one(sql).await?;
    let too_many = (used - i64::from(per_minute)).clamp(0, i64::from(wanted));
    Ok(wanted - u32::try_from(too_many).unwrap_or(wanted))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_part_lasts_for_as_many_requests_and_a_minute_begins_anew() {
        let (limits, key) = (RateLimits::default(), ApiKeyId(Uuid::nil()));
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        limits.add(key, Window { minute: 1, left: 2, exhausted: true }, false);
        assert!(limits.count(key, 1, 1, at(60)).is_ok() && limits.count(key, 1, 1, at(60)).is_ok());
        let Err(NotAdmitted::LimitReached { retry_after }) = limits.count(key, 1, 1, at(75)) else {
            panic!("the third is one too many");
        };
        assert_eq!(retry_after, Duration::from_secs(45));
        assert!(!limits.needs_more(key, 1, 1), "nobody has more of this minute");
        assert!(limits.needs_more(key, 2, 1));
        limits.add(key, Window { minute: 2, left: 1, exhausted: false }, false);
        assert!(limits.count(key, 2, 1, at(120)).is_ok());
        assert!(limits.needs_more(key, 2, 1), "there may be more of it");
    }
}
