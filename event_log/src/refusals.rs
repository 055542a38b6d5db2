//! Webhooks that were not let in, counted beside the log: nothing unsigned enters it, and no stranger can fill the disk.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use domain::{AccountId, IntegrationId};
use parking_lot::Mutex;
use sqlx::FromRow;
use storage::Sql;
use strum::{EnumIter, EnumString, IntoStaticStr};
use tokio::sync::Notify;

use super::EventLog;
use crate::Micros;

/// Distinct counters held between two writes. Beyond it, refusals are only in the metrics.
const MAX_HELD: usize = 10_000;
/// How often held counters are written at most.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// Longest sentence that is kept, in characters.
const MAX_MESSAGE_CHARS: usize = 300;
/// How long a refusal is remembered.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Why a webhook was not let in, in the words of the table and the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum RefusalReason {
    MissingSignature,
    MalformedSignature,
    WrongSignature,
    /// Signed too long before it came, or after.
    ExpiredSignature,
    /// No secret is known by which it could be known as the store's.
    SecretMissing,
    MalformedBody,
    InactiveIntegration,
    TooLarge,
    /// The body did not arrive in time.
    TooSlow,
    /// The account has stored what it may store in a day.
    DailyLimit,
    /// Not refused at all: WooCommerce's unsigned ping, which is answered and remembered like the others.
    Ping,
    /// Not refused either: it is of another store than the integration is connected with, and is none of its business.
    OtherStore,
    /// Not refused either: it said nothing new, like many before it in the hour, and was only counted.
    Repeated,
}

impl RefusalReason {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What the merchant does about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::MissingSignature => {
                "The webhook came without a signature. Stores sign every webhook by themselves; a sender of your own \
                 sends the signature in the header X-Webhook-Signature. Where the store did not send it, there is \
                 nothing to do."
            }
            Self::MalformedSignature => {
                "The header of the signature has no HMAC-SHA256 in base64 or hexadecimal. Look at how the sender makes it: \
                 `cloud-bridge sign` shows a right one."
            }
            Self::WrongSignature => {
                "The store signs with another secret than the integration has. Hand over the store's secret with \
                 `cloud-bridge integrations set-secret`. Into WooCommerce, or a sender of your own, you can also enter the \
                 one that `cloud-bridge integrations rotate-secret` makes."
            }
            Self::ExpiredSignature => {
                "The signature is right, and was made more than five minutes before the webhook came, or after. Stores sign \
                 again whenever they send again: look at the clock of this server. Where the clock is right, someone has \
                 sent again what they captured, and there is nothing to do."
            }
            Self::SecretMissing => {
                "The store signs with a secret of its own, which is not known here. Hand it over with `cloud-bridge \
                 integrations set-secret INTEGRATION_ID`, and have the store send again what came meanwhile."
            }
            Self::MalformedBody => {
                "The signature is right, but the body cannot be read as an order of this kind of store. Compare the kind \
                 of the integration (`cloud-bridge integrations list`) with the store, and have the store send JSON."
            }
            Self::InactiveIntegration => {
                "The integration is deactivated: its webhooks are refused until `cloud-bridge integrations activate INTEGRATION_ID`. Have \
                 the store send again what came meanwhile."
            }
            Self::TooLarge => "The webhook is larger than 2 MiB. Have the store send one order in each webhook.",
            Self::TooSlow => {
                "The body did not arrive in time. Most stores send it again by themselves; where it happens often, look at \
                 the network between the store and this server."
            }
            Self::DailyLimit => {
                "The account has stored as much today as it may store in a day (UTC). Have the store send again what came \
                 since; the operator of this service can allow more. Look at what sends so much."
            }
            Self::Repeated => {
                "The store has sent the same again and again: after twenty times in an hour it is only counted. Look at \
                 what sends it, if that goes on; nothing is delivered twice."
            }
            Self::OtherStore => {
                "The webhook is of another store than the integration is connected with, and was left alone: apps and Square's \
                 applications post the webhooks of all their stores to each address. There is nothing to do, unless the store's \
                 own webhooks are missing: then another store was connected than you meant."
            }
            Self::Ping => "WooCommerce tried the address when the webhook was saved. There is nothing to do.",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Counter {
    account_id: AccountId,
    integration_id: IntegrationId,
    reason: RefusalReason,
    hour: DateTime<Utc>,
}

#[derive(Clone, Debug)]
struct Count {
    refused: i64,
    last_at: DateTime<Utc>,
    /// The sentence that the sender of the latest one got. Quotes nothing of the body.
    message: Option<String>,
}

impl Count {
    fn add(&mut self, more: Self) {
        self.refused += more.refused;
        if more.last_at >= self.last_at {
            (self.last_at, self.message) = (more.last_at, more.message);
        }
    }
}

/// Counts in memory and writes the counts a few times a second, so that a flood costs no writes.
#[derive(Default)]
pub struct Refusals {
    held: Mutex<HashMap<Counter, Count>>,
    some: Notify,
    /// One write at a time, so that after a write everything before it is in the table.
    writing: tokio::sync::Mutex<()>,
}

/// One hour's refusals of one kind, as people see them.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct RefusedHour {
    pub account_id: String,
    pub integration_id: String,
    pub reason: String,
    pub hour: Micros,
    pub refused: i64,
    pub last_at: Micros,
    /// The sentence that the sender of the latest one got.
    pub message: Option<String>,
}

impl Refusals {
    pub fn count(
        &self,
        account_id: AccountId,
        integration_id: IntegrationId,
        reason: RefusalReason,
        message: Option<String>,
        at: DateTime<Utc>,
    ) {
        let hour = at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at);
        let message = message.map(|message| message.chars().take(MAX_MESSAGE_CHARS).collect());
        self.add(Counter { account_id, integration_id, reason, hour }, Count { refused: 1, last_at: at, message });
    }

    fn add(&self, counter: Counter, more: Count) {
        let mut held = self.held.lock();
        if held.len() >= MAX_HELD && !held.contains_key(&counter) {
            return;
        }
        held.entry(counter).and_modify(|count| count.add(more.clone())).or_insert(more);
        drop(held);
        self.some.notify_one();
    }

    /// Writes what is held, a few times a second, until it is dropped.
    pub async fn keep_writing(&self, log: &EventLog) {
        loop {
            self.some.notified().await;
            if let Err(error) = self.write(log).await {
                tracing::warn!(%error, "refused webhooks could not be counted");
            }
            tokio::time::sleep(FLUSH_EVERY).await;
        }
    }

    pub async fn write(&self, log: &EventLog) -> sqlx::Result<()> {
        let _writing = self.writing.lock().await;
        let held = std::mem::take(&mut *self.held.lock());
        if held.is_empty() {
            return Ok(());
        }
        let written = Self::write_counts(log, &held).await;
        if written.is_err() {
            // Counted again with what comes next.
            for (counter, count) in held {
                self.add(counter, count);
            }
        }
        written
    }

    async fn write_counts(log: &EventLog, held: &HashMap<Counter, Count>) -> sqlx::Result<()> {
        let mut transaction = log.database.begin().await?;
        for (counter, count) in held {
            let sql =
                Sql::new("INSERT INTO refusals (account_id, integration_id, reason, hour, refused, last_at, message) VALUES (")
                    .bind_list([
                        counter.account_id.to_string(),
                        counter.integration_id.to_string(),
                        counter.reason.as_str().into(),
                    ])
                    .push(", ")
                    .bind_list([counter.hour.timestamp_micros(), count.refused, count.last_at.timestamp_micros()])
                    .push(", ")
                    .bind(count.message.clone())
                    .push(
                        // Another node's later one stays.
                        ") ON CONFLICT (account_id, integration_id, reason, hour) DO UPDATE SET \
                 refused = refusals.refused + excluded.refused, \
                 message = CASE WHEN excluded.last_at >= refusals.last_at THEN excluded.message ELSE refusals.message END, \
                 last_at = CASE WHEN excluded.last_at >= refusals.last_at THEN excluded.last_at ELSE refusals.last_at END",
                    );
            transaction.execute(sql).await?;
        }
        let oldest = (log.clock().now() - KEPT).timestamp_micros();
        transaction.execute(Sql::new("DELETE FROM refusals WHERE hour < ").bind(oldest)).await?;
        transaction.commit().await
    }
}

/// The newest refusals before a moment, the newest first: of an account, or of all.
pub async fn recent(
    log: &EventLog,
    account_id: Option<&str>,
    integration_id: Option<&str>,
    before: Micros,
    limit: i64,
) -> sqlx::Result<Vec<RefusedHour>> {
    let columns = "account_id, integration_id, reason, hour, refused, last_at, message";
    let mut sql = Sql::new(format!("SELECT {columns} FROM refusals WHERE last_at < ")).bind(before);
    if let Some(account_id) = account_id {
        sql = sql.push(" AND account_id = ").bind(account_id);
    }
    if let Some(integration_id) = integration_id {
        sql = sql.push(" AND integration_id = ").bind(integration_id);
    }
    log.database.fetch_all(sql.push(" ORDER BY last_at DESC, integration_id, reason LIMIT ").bind(limit)).await
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn every_reason_is_read_again_and_says_what_to_do() {
        for reason in RefusalReason::iter() {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert!(reason.advice().ends_with('.'), "{reason:?}");
        }
    }
}
