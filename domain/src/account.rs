//! An account: a merchant, with API keys, the login at Cortex Cloud, and the pace of its deliveries. Its credits are on a
//! stream of their own ([`crate::ledger`]).

mod command;
mod contact;
mod event;
mod keys;
mod refusal;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr, VariantNames};

pub use command::{AccountCommand, NewApiKey};
pub use contact::MAX_EMAIL_CHARS;
pub use event::{AccountEvent, ApiKeyCreated};
pub use keys::{ApiKey, ApiKeys, DEFAULT_REQUESTS_PER_MINUTE, MAX_API_KEYS, MAX_REQUESTS_PER_MINUTE};
pub use refusal::AccountRefusal;

use crate::Private;
use crate::event::{EventSourced, Owner, aggregate};
use crate::invisible::is_blank;

pub const MAX_NAME_CHARS: usize = 200;
/// What the webhooks document promises ("up to 5 jobs per minute").
pub const DEFAULT_ATTEMPTS_PER_MINUTE: u32 = 5;
pub const MAX_ATTEMPTS_PER_MINUTE: u32 = 60_000;
/// Ten years: longer than any trade has to keep what it knows of its customers.
pub const MAX_RETENTION_DAYS: u32 = 3_650;
/// Far more than any store has of one product.
pub const MAX_STOCK_ALERT: u32 = 1_000_000;

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    EnumIter,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// Reads and changes its own account.
    Merchant,
    /// Reads every account; may retry and cancel deliveries.
    Support,
    /// Also opens accounts, makes keys and grants credits.
    Admin,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The fold of an account's stream. The default is one that was never opened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Account {
    #[default]
    Initial,
    Opened(Box<Merchant>),
}

/// What is known of an account that exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Merchant {
    pub name: String,
    pub credentials: Option<CortexCredentials>,
    /// How many delivery attempts may start in a minute, over all nodes together.
    pub attempts_per_minute: u32,
    /// It was opened with an administrator's key: one such key of it stays. All of them are on its stream, so that two who
    /// deactivate each other at the same moment cannot both succeed.
    administers: bool,
    pub keys: ApiKeys,
    /// For how many days personal data is kept once a delivery is over; `None` for good.
    pub retention_days: Option<u32>,
    /// How few left of a product count as out of stock; `None` for no alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_alert: Option<u32>,
    /// Signs what is sent to endpoints that are created without a secret of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_endpoint_secret: Option<Private<String>>,
    /// The address to which the account is written about its endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Private<String>>,
    /// What becomes of notifications of instances that fail.
    #[serde(default, skip_serializing_if = "FailurePolicy::is_default")]
    pub failure_policy: FailurePolicy,
}

/// What becomes of a notification of an instance that fails: the account's `notification.webhook.failure.policy` (Cloud Elements,
/// `docs/guides/event-management/tips.md`). These names are the storage format.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FailurePolicy {
    /// It is sent again by the schedule of its endpoint.
    #[default]
    Retry,
    /// It is kept for who pulls or replays it.
    Queue,
}

impl FailurePolicy {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// The default is not written.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The merchant's login at Cortex Cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CortexCredentials {
    pub email: Private<String>,
    pub password: Private<String>,
}

impl Account {
    pub fn merchant(&self) -> Option<&Merchant> {
        match self {
            Self::Initial => None,
            Self::Opened(merchant) => Some(merchant),
        }
    }

    /// Decides a command. The same fact again decides to nothing; a different one that cannot be is refused.
    pub fn decide(&self, command: AccountCommand) -> Result<Vec<AccountEvent>, AccountRefusal> {
        match (self, command) {
            (Self::Initial, AccountCommand::Open { name, attempts_per_minute, first_key }) => {
                let name = valid_name(&name)?;
                let attempts_per_minute = valid_pace(attempts_per_minute)?;
                let mut events = vec![AccountEvent::AccountCreated { name, attempts_per_minute }];
                if let Some(key) = first_key {
                    events.push(keys::create(key)?);
                }
                Ok(events)
            }
            (Self::Initial, _) => Err(AccountRefusal::NotFound),
            (Self::Opened(merchant), command) => Ok(merchant.decide(command)?.into_iter().collect()),
        }
    }
}

impl Merchant {
    fn decide(&self, command: AccountCommand) -> Result<Option<AccountEvent>, AccountRefusal> {
        match command {
            AccountCommand::Open { name, attempts_per_minute, first_key: _ } => {
                let same = name.trim() == self.name && attempts_per_minute == self.attempts_per_minute;
                if same { Ok(None) } else { Err(AccountRefusal::AlreadyExists) }
            }
            AccountCommand::CreateApiKey(key) => self.keys.create(key),
            AccountCommand::DeactivateApiKey { key_id } => self.keys.deactivate(key_id, self.administers),
            AccountCommand::LimitApiKey { key_id, requests_per_minute } => self.keys.limit(key_id, requests_per_minute),
            AccountCommand::SaveCredentials { credentials } => {
                let filled = |field: &Private<String>| {
                    field.known().is_some_and(|text| !text.trim().is_empty() && text.len() <= 1_000)
                };
                if !filled(&credentials.email) || !filled(&credentials.password) {
                    return Err(AccountRefusal::InvalidCredentials);
                }
                let CortexCredentials { email, password } = credentials;
                let known = self.credentials.as_ref().is_some_and(|old| old.email == email && old.password == password);
                Ok((!known).then_some(AccountEvent::CortexCredentialsSaved { email, password }))
            }
            AccountCommand::DeleteCredentials => {
                Ok(self.credentials.is_some().then_some(AccountEvent::CortexCredentialsDeleted {}))
            }
            AccountCommand::SetStockAlert { threshold } => {
                if threshold.is_some_and(|threshold| threshold > MAX_STOCK_ALERT) {
                    return Err(AccountRefusal::InvalidStockAlert);
                }
                Ok((threshold != self.stock_alert).then_some(AccountEvent::StockAlertSet { threshold }))
            }
            AccountCommand::SetRetention { days } => {
                if days.is_some_and(|days| !(1..=MAX_RETENTION_DAYS).contains(&days)) {
                    return Err(AccountRefusal::InvalidRetention);
                }
                Ok((days != self.retention_days).then_some(AccountEvent::RetentionSet { days }))
            }
            AccountCommand::SetDefaultEndpointSecret { secret } => self.set_default_endpoint_secret(&secret),
            AccountCommand::SetContact { email } => self.set_contact(&email),
            AccountCommand::SetFailurePolicy { policy } => {
                Ok((policy != self.failure_policy).then_some(AccountEvent::FailurePolicySet { policy }))
            }
            AccountCommand::RemoveContact => Ok(self.contact.is_some().then_some(AccountEvent::ContactRemoved {})),
        }
    }
}

fn valid_name(name: &str) -> Result<String, AccountRefusal> {
    let name = name.trim();
    let length = name.chars().count();
    if is_blank(name) || length > MAX_NAME_CHARS { Err(AccountRefusal::InvalidName) } else { Ok(name.to_owned()) }
}

fn valid_pace(attempts_per_minute: u32) -> Result<u32, AccountRefusal> {
    let is_valid = (1..=MAX_ATTEMPTS_PER_MINUTE).contains(&attempts_per_minute);
    if is_valid { Ok(attempts_per_minute) } else { Err(AccountRefusal::InvalidPace) }
}

aggregate!(Account, "account", AccountCommand, AccountEvent, AccountRefusal);

impl Account {
    fn fold(&mut self, event: AccountEvent) {
        match (&mut *self, event) {
            (_, AccountEvent::AccountCreated { name, attempts_per_minute }) => {
                *self = Self::Opened(Box::new(Merchant {
                    name,
                    credentials: None,
                    attempts_per_minute,
                    keys: ApiKeys::default(),
                    administers: false,
                    retention_days: None,
                    stock_alert: None,
                    default_endpoint_secret: None,
                    contact: None,
                    failure_policy: FailurePolicy::default(),
                }));
            }
            (Self::Opened(merchant), event) => merchant.apply(event),
            // Every other event comes after opening; a stream that says otherwise means nothing.
            (Self::Initial, _) => {}
        }
    }
}

impl Merchant {
    fn apply(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::AccountCreated { .. } => {}
            AccountEvent::ApiKeyCreated(key) => {
                self.administers |= self.keys.is_empty() && key.role == Role::Admin;
                self.keys.apply_created(key);
            }
            AccountEvent::ApiKeyDeactivated { key_id } => self.keys.apply_deactivated(key_id),
            AccountEvent::ApiKeyLimitChanged { key_id, requests_per_minute } => {
                self.keys.apply_limited(key_id, requests_per_minute);
            }
            AccountEvent::CortexCredentialsSaved { email, password } => {
                self.credentials = Some(CortexCredentials { email, password });
            }
            AccountEvent::CortexCredentialsDeleted {} => self.credentials = None,
            AccountEvent::StockAlertSet { threshold } => self.stock_alert = threshold,
            AccountEvent::RetentionSet { days } => self.retention_days = days,
            AccountEvent::DefaultEndpointSecretSet { secret, secret_preview: _ } => {
                self.default_endpoint_secret = Some(secret);
            }
            AccountEvent::ContactSet { email } => self.contact = Some(email),
            AccountEvent::ContactRemoved {} => self.contact = None,
            AccountEvent::FailurePolicySet { policy } => self.failure_policy = policy,
        }
    }
}

impl EventSourced for Account {
    const SNAPSHOT_VERSION: i64 = 1;

    /// Its own.
    fn owner(&self, id: &str) -> Owner {
        Owner { account_id: id.parse().ok(), integration_id: None }
    }
}
