//! A connected store as the service watches it: whether it still reports what happens. Its stream has the id of the integration.
//!
//! It is beside the integration's own stream, which holds what people decided: here is what is done again and again.

mod command;
mod event;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use command::{Step, StoreCommand, StoreRefusal};
pub use event::{CheckCause, StoreEvent, SubscriptionsChecked};

use crate::delivery::MAX_REASON_CHARS;
use crate::event::{EventSourced, Owner, aggregate};
use crate::{AccountId, IntegrationId};

/// How long after a check of its webhooks a store is checked again.
pub const CHECK_EVERY: TimeDelta = TimeDelta::hours(24);
/// Before each further try, where a store could not be checked.
const RETRY_DELAYS: [TimeDelta; 5] =
    [TimeDelta::minutes(1), TimeDelta::minutes(5), TimeDelta::minutes(30), TimeDelta::hours(2), TimeDelta::hours(6)];
/// A store that asks for longer is tried again after so long.
const LONGEST_RETRY: TimeDelta = TimeDelta::hours(24);
/// Webhooks that are remembered as made here.
const MAX_REMEMBERED: usize = 200;

/// The fold of a store's stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Store {
    account_id: Option<AccountId>,
    /// The webhooks that were made here, by their ids at the store, with their topics.
    #[serde(default)]
    made: BTreeMap<String, Vec<String>>,
    /// Since the check before: of which topics the store took none, and why.
    #[serde(default)]
    refused: Vec<RefusedTopics>,
    #[serde(default)]
    checked: Option<Checked>,
    /// Failures to check it in a row.
    #[serde(default)]
    failures: u32,
    #[serde(default)]
    failure: Option<String>,
    /// When its webhooks are to be checked again.
    #[serde(default)]
    check_at: Option<DateTime<Utc>>,
}

/// The latest check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    pub at: DateTime<Utc>,
    pub cause: CheckCause,
    /// Topics of which webhooks were there.
    pub present: u32,
    pub missing: Vec<String>,
    pub disabled: Vec<String>,
    /// Of these the store took none.
    pub refused: Vec<RefusedTopics>,
}

/// Topics of which a store took no webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedTopics {
    pub topics: Vec<String>,
    pub reason: String,
}

impl Store {
    /// Whether a webhook was made here: others at the store are left as they are.
    pub fn has_made(&self, subscription_id: &str) -> bool {
        self.made.contains_key(subscription_id)
    }

    pub fn checked(&self) -> Option<&Checked> {
        self.checked.as_ref()
    }

    /// Why it could not be checked the last time.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// When its webhooks are to be checked again. None where they never were.
    pub fn check_at(&self) -> Option<DateTime<Utc>> {
        self.check_at
    }

    pub fn decide(&self, command: StoreCommand) -> Result<Vec<StoreEvent>, StoreRefusal> {
        let StoreCommand { account_id, step } = command;
        let event = match step {
            Step::Made { subscription_id, topics, address } => {
                StoreEvent::SubscriptionMade { subscription_id, topics, address }
            }
            Step::Enabled { subscription_id, topics } => StoreEvent::SubscriptionEnabled { subscription_id, topics },
            Step::Removed { subscription_id, topics } => StoreEvent::SubscriptionRemoved { subscription_id, topics },
            Step::Refused { topics, reason } => {
                StoreEvent::SubscriptionRefused { topics, reason: reason.chars().take(MAX_REASON_CHARS).collect() }
            }
            Step::Checked(checked) => StoreEvent::SubscriptionsChecked(checked),
            Step::NotChecked { cause, reason, now, retry_after, integration_sequence } => {
                StoreEvent::SubscriptionsNotChecked {
                    integration_sequence,
                    cause,
                    reason: reason.chars().take(MAX_REASON_CHARS).collect(),
                    retry_at: self.retry_at(cause, now, retry_after),
                }
            }
        };
        let begins = self.account_id.is_none().then_some(StoreEvent::StoreWatched { account_id });
        Ok(begins.into_iter().chain([event]).collect())
    }

    /// Who asks for a check while the store is away does not put off the next one.
    fn retry_at(&self, cause: CheckCause, now: DateTime<Utc>, retry_after: Option<TimeDelta>) -> DateTime<Utc> {
        let last = RETRY_DELAYS.len() - 1;
        let delay = RETRY_DELAYS[usize::try_from(self.failures).unwrap_or(last).min(last)];
        let of_store = now + retry_after.unwrap_or_default().min(LONGEST_RETRY);
        let planned = self.check_at.filter(|at| cause == CheckCause::Requested && *at > now);
        planned.map_or(now + delay, |at| at.min(now + delay)).max(of_store)
    }

    fn fold(&mut self, event: StoreEvent) {
        match event {
            StoreEvent::StoreWatched { account_id } => self.account_id = Some(account_id),
            StoreEvent::SubscriptionMade { subscription_id, topics, address: _ } => {
                if self.made.len() < MAX_REMEMBERED {
                    self.made.insert(subscription_id, topics);
                }
            }
            StoreEvent::SubscriptionEnabled { .. } => {}
            StoreEvent::SubscriptionRemoved { subscription_id, topics: _ } => {
                self.made.remove(&subscription_id);
            }
            StoreEvent::SubscriptionRefused { topics, reason } => {
                if self.refused.len() < MAX_REMEMBERED {
                    self.refused.push(RefusedTopics { topics, reason });
                }
            }
            StoreEvent::SubscriptionsChecked(checked) => {
                let SubscriptionsChecked { cause, present, missing, disabled, at, integration_sequence: _ } = checked;
                let refused = std::mem::take(&mut self.refused);
                self.checked = Some(Checked { at, cause, present, missing, disabled, refused });
                (self.failures, self.failure) = (0, None);
                self.check_at = at.checked_add_signed(CHECK_EVERY);
            }
            StoreEvent::SubscriptionsNotChecked { cause, reason, retry_at, integration_sequence: _ } => {
                self.refused.clear();
                if cause != CheckCause::Requested {
                    self.failures = self.failures.saturating_add(1);
                }
                self.failure = Some(reason);
                self.check_at = Some(retry_at);
            }
        }
    }
}

aggregate!(Store, "store", StoreCommand, StoreEvent, StoreRefusal);

impl EventSourced for Store {
    const SNAPSHOT_VERSION: i64 = 1;

    fn owner(&self, id: &str) -> Owner {
        Owner { account_id: self.account_id, integration_id: id.parse::<IntegrationId>().ok() }
    }
}
