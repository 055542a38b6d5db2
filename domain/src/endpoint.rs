//! An endpoint: an address of an account's own to which commerce events are sent, with what is sent to it and how.
//!
//! Whether its URL is safe to call, its filter parses and its headers may be set is checked before a command is made: the
//! domain bounds them and keeps them as they are.

mod command;
mod event;
mod event_type_pattern;
mod fold;
mod health;
mod profile;
mod refusal;
mod retry_policy;
mod secrets;
mod settings;
#[cfg(test)]
mod tests;

use std::iter;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr, VariantNames};

pub use command::{CreateEndpoint, EndpointChange, EndpointCommand, MessageFailure};
pub use event::{DisableCause, EndpointCreated, EndpointEvent};
pub use event_type_pattern::EventTypePattern;
pub use health::Health;
pub(crate) use health::{FIRST_WARNING_FAILURES, GONE};
pub use profile::{MAX_ELEMENT_KEY_CHARS, MAX_HEADER_WORD_CHARS, MAX_SIGNATURE_KEY_CHARS, Profile};
pub use refusal::EndpointRefusal;
pub(crate) use retry_policy::{Failures, no_sooner};
pub use retry_policy::{LONGEST_DELAY, MAX_RETRY_AFTER, RetryPolicy};
use secrets::PreviousSecret;
pub(crate) use secrets::valid_secret;
pub use secrets::{MAX_OVERLAP_HOURS, MAX_SECRET_CHARS, MAX_SECRETS};
pub use settings::{
    DEFAULT_CONCURRENCY, EndpointSettings, Interest, MAX_CONCURRENCY, MAX_DESCRIPTION_CHARS, MAX_EVENT_TYPES,
    MAX_FILTER_CHARS, MAX_HEADER_NAME_CHARS, MAX_HEADER_VALUE_CHARS, MAX_HEADERS, MAX_INTEGRATIONS,
    MAX_RATE_PER_SECOND, MAX_URL_CHARS,
};

use crate::event::{EventSourced, Owner, aggregate};
use crate::{AccountId, Private};

/// How often a degraded endpoint is sent something, to see whether it works again.
pub const PROBE_INTERVAL: TimeDelta = TimeDelta::minutes(5);

/// The fold of an endpoint's stream. The default is one that was never created.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Endpoint {
    #[default]
    Initial,
    Created(Box<Subscription>),
    /// For good.
    Deleted {
        account_id: AccountId,
    },
}

/// What is known of an endpoint that exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    pub account_id: AccountId,
    pub settings: EndpointSettings,
    secret: Private<String>,
    /// Of secrets that were rotated, [`MAX_SECRETS`] together with the current one at most.
    previous_secrets: Vec<PreviousSecret>,
    pub activity: Activity,
    pub health: Health,
}

/// Whether anything is sent to an endpoint. Where nothing is, its events wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    Enabled,
    /// By a person.
    Paused,
    /// By this service, until a person resumes it.
    Disabled(DisableCause),
}

/// The status that people see.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
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
pub enum EndpointStatus {
    Enabled,
    /// It is sent a probe every [`PROBE_INTERVAL`], and everything again when one succeeds.
    Degraded,
    Paused,
    Disabled,
    Deleted,
}

impl EndpointStatus {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Endpoint {
    pub fn subscription(&self) -> Option<&Subscription> {
        match self {
            Self::Initial | Self::Deleted { .. } => None,
            Self::Created(subscription) => Some(subscription),
        }
    }

    /// Whose it is, or was.
    pub fn account_id(&self) -> Option<AccountId> {
        match self {
            Self::Initial => None,
            Self::Created(subscription) => Some(subscription.account_id),
            Self::Deleted { account_id } => Some(*account_id),
        }
    }

    pub fn status(&self) -> Option<EndpointStatus> {
        match self {
            Self::Initial => None,
            Self::Created(subscription) => Some(subscription.status()),
            Self::Deleted { .. } => Some(EndpointStatus::Deleted),
        }
    }

    /// Decides a command. The same fact again decides to nothing; a different one that cannot be is refused.
    pub fn decide(&self, command: EndpointCommand) -> Result<Vec<EndpointEvent>, EndpointRefusal> {
        match (self, command) {
            (Self::Initial, EndpointCommand::Create(create)) => {
                let paused = create.paused.then_some(EndpointEvent::EndpointPaused {});
                Ok(iter::once(create_first(*create)?).chain(paused).collect())
            }
            (Self::Initial, _) => Err(EndpointRefusal::NotFound),
            (Self::Created(subscription), command) => subscription.decide(command),
            // An attempt may have been under way when it was deleted.
            (
                Self::Deleted { .. },
                EndpointCommand::Delete | EndpointCommand::RecordFailure(_) | EndpointCommand::RecordSuccess { .. },
            ) => Ok(vec![]),
            (Self::Deleted { .. }, _) => Err(EndpointRefusal::Deleted),
        }
    }
}

fn create_first(create: CreateEndpoint) -> Result<EndpointEvent, EndpointRefusal> {
    let secret = valid_secret(&create.secret).ok_or(EndpointRefusal::InvalidSecret)?;
    Ok(EndpointEvent::EndpointCreated(Box::new(EndpointCreated {
        account_id: create.account_id,
        settings: create.settings.validated()?,
        secret_preview: crate::private::preview(&secret),
        signing_secret: Private::Known(secret),
    })))
}

impl Subscription {
    pub fn status(&self) -> EndpointStatus {
        match (self.activity, &self.health) {
            (Activity::Enabled, Health::Healthy | Health::Failing { .. }) => EndpointStatus::Enabled,
            (Activity::Enabled, Health::Degraded { .. }) => EndpointStatus::Degraded,
            (Activity::Paused, _) => EndpointStatus::Paused,
            (Activity::Disabled(_), _) => EndpointStatus::Disabled,
        }
    }

    fn decide(&self, command: EndpointCommand) -> Result<Vec<EndpointEvent>, EndpointRefusal> {
        let event = match command {
            EndpointCommand::Create(create) => return self.create_again(*create),
            EndpointCommand::Update { changes } => return self.settings.update(changes),
            EndpointCommand::Pause => match self.activity {
                Activity::Enabled => Some(EndpointEvent::EndpointPaused {}),
                // Nothing is sent already, until a person resumes it.
                Activity::Paused | Activity::Disabled(_) => None,
            },
            EndpointCommand::Resume => match self.activity {
                // Also where it is enabled: whose receiver was mended need not wait for the next attempt.
                Activity::Enabled | Activity::Paused | Activity::Disabled(_) => Some(EndpointEvent::EndpointResumed {}),
            },
            EndpointCommand::RotateSecret { secret, now, overlap_hours } => {
                self.rotate_secret(&secret, now, overlap_hours)?
            }
            EndpointCommand::RecordFailure(failure) => self.record_failure(failure),
            EndpointCommand::RecordSuccess { failures } => self.record_success(failures),
            EndpointCommand::Delete => Some(EndpointEvent::EndpointDeleted {}),
        };
        Ok(event.into_iter().collect())
    }

    fn create_again(&self, create: CreateEndpoint) -> Result<Vec<EndpointEvent>, EndpointRefusal> {
        let is_same = self.account_id == create.account_id
            && valid_secret(&create.secret).is_some_and(|secret| self.is_secret(&secret))
            && create.settings.validated()? == self.settings;
        if is_same { Ok(vec![]) } else { Err(EndpointRefusal::AlreadyExists) }
    }
}

aggregate!(Endpoint, "endpoint", EndpointCommand, EndpointEvent, EndpointRefusal);

impl EventSourced for Endpoint {
    const SNAPSHOT_VERSION: i64 = 1;

    fn owner(&self, _: &str) -> Owner {
        Owner { account_id: self.account_id(), integration_id: None }
    }
}
