//! A dispatch: what is done to send one event to one endpoint, from the first attempt until it is delivered or given up.
//!
//! Its stream begins with the first attempt. That it is to be done at all follows from the events before, in the order of the
//! log: a message that is delivered at once is one event.

mod command;
mod consequence;
mod event;
mod fold;
mod refusal;
mod response;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr, VariantNames};

pub use command::{DispatchCommand, NewAttempt};
pub use event::{AttemptOutcome, Attempted, DispatchEvent, Message, ObjectKey, RedriveCause, SkipCause};
pub use refusal::DispatchRefusal;
pub use response::{MAX_RESPONSE_BYTES, ResponseBody};

use crate::Private;
use crate::delivery::MAX_REASON_CHARS;
use crate::endpoint::{Failures, no_sooner};
use crate::event::{EventSourced, Owner, aggregate};

/// The fold of a dispatch's stream. The default is one that was not attempted yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Dispatch {
    #[default]
    Initial,
    Attempted(Box<Progress>),
}

/// How far a dispatch has come, as far as a decision reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub message: Message,
    pub phase: Phase,
    /// So far; the next one has this number plus one.
    pub attempts: u32,
    /// In a row, since the beginning of the schedule.
    failures: u32,
    /// When the first of these was.
    first_failed_at: Option<DateTime<Utc>>,
    /// Of the latest attempt, where it failed.
    failure: Option<Failure>,
    /// When its schedule has it, where it is sent before that because its endpoint responds again.
    scheduled_at: Option<DateTime<Utc>>,
    /// Its receiver asked for nothing sooner.
    not_before: Option<DateTime<Utc>>,
}

/// Why the latest attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Failure {
    status: Option<u16>,
    reason: Option<String>,
}

/// Where a dispatch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    Retrying { retry_at: DateTime<Utc> },
    Delivered,
    DeadLetter,
    Skipped(SkipCause),
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
pub enum DispatchStatus {
    /// It was not sent yet.
    Queued,
    Delivered,
    Retrying,
    DeadLetter,
    Skipped,
}

impl DispatchStatus {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Dispatch {
    pub fn progress(&self) -> Option<&Progress> {
        match self {
            Self::Initial => None,
            Self::Attempted(progress) => Some(progress),
        }
    }

    pub fn status(&self) -> DispatchStatus {
        match self.progress().map(|progress| progress.phase) {
            None => DispatchStatus::Queued,
            Some(Phase::Retrying { .. }) => DispatchStatus::Retrying,
            Some(Phase::Delivered) => DispatchStatus::Delivered,
            Some(Phase::DeadLetter) => DispatchStatus::DeadLetter,
            Some(Phase::Skipped(_)) => DispatchStatus::Skipped,
        }
    }

    /// Failed attempts in a row, since the first or since it was redriven.
    pub fn failures(&self) -> u32 {
        self.progress().map_or(0, |progress| progress.failures)
    }

    /// When it is attempted again, where it is.
    pub fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        match self.progress()?.phase {
            Phase::Retrying { retry_at } => Some(retry_at),
            Phase::Delivered | Phase::DeadLetter | Phase::Skipped(_) => None,
        }
    }

    /// Up to when its receiver asked not to be sent it.
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        self.progress()?.not_before
    }

    /// The number of the next attempt.
    pub fn next_attempt(&self) -> u32 {
        self.progress().map_or(0, |progress| progress.attempts).saturating_add(1)
    }

    /// Decides a command. The same fact again decides to nothing; a different one that cannot be is refused.
    pub fn decide(&self, command: DispatchCommand) -> Result<Vec<DispatchEvent>, DispatchRefusal> {
        let event = match (self, command) {
            (_, DispatchCommand::RecordAttempt(attempt)) => self.record_attempt(*attempt)?,
            (Self::Initial, _) => return Err(DispatchRefusal::NotAttempted),
            (Self::Attempted(progress), DispatchCommand::Redrive { cause, retry_at }) => {
                progress.redrive(cause, retry_at)?
            }
            (Self::Attempted(progress), DispatchCommand::Skip { cause }) => progress.skip(cause)?,
        };
        Ok(event.into_iter().collect())
    }

    /// Of two nodes that made the same attempt, the second one records nothing.
    fn record_attempt(&self, new: NewAttempt) -> Result<Option<DispatchEvent>, DispatchRefusal> {
        let next = self.next_attempt();
        if let Some(progress) = self.progress() {
            if !progress.message.is_same_as(&new.message) {
                return Err(DispatchRefusal::OtherMessage);
            }
            if new.attempt < next {
                return Ok(None);
            }
            progress.is_to_be_attempted()?;
        }
        if new.attempt != next {
            return Err(DispatchRefusal::AttemptMissing { expected: next });
        }
        let waits_until = self.next_attempt_at().filter(|_| new.probe).or_else(|| self.scheduled_after(new.now));
        let not_before = no_sooner(new.now, new.retry_after).filter(|_| !new.is_success());
        let outcome = match waits_until {
            Some(at) if !new.is_success() => {
                AttemptOutcome::Failed { retry_at: not_before.map_or(at, |not_before| at.max(not_before)) }
            }
            _ => self.outcome_of(&new),
        };
        let NewAttempt { message, attempt, now, status, duration_ms, address, reason, response, .. } = new;
        Ok(Some(DispatchEvent::Attempted(Box::new(Attempted {
            message,
            attempt,
            probe: waits_until.is_some(),
            attempted_at: now,
            outcome,
            not_before,
            status,
            duration_ms,
            address,
            reason: reason.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect()),
            response: response.map(Private::Known),
        }))))
    }

    /// When the schedule has the next attempt, where that is later.
    fn scheduled_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.progress()?.scheduled_at.filter(|at| *at > now)
    }

    fn outcome_of(&self, new: &NewAttempt) -> AttemptOutcome {
        if new.is_success() {
            return AttemptOutcome::Delivered;
        }
        let first_failed_at = self.progress().and_then(|progress| progress.first_failed_at);
        let failures =
            Failures { count: self.failures().saturating_add(1), first_at: first_failed_at.unwrap_or(new.now) };
        match new.policy.next_attempt(failures, new.now, new.jitter, new.retry_after) {
            Some(retry_at) => AttemptOutcome::Failed { retry_at },
            None => AttemptOutcome::DeadLettered,
        }
    }
}

impl Progress {
    fn is_to_be_attempted(&self) -> Result<(), DispatchRefusal> {
        match self.phase {
            Phase::Retrying { .. } => Ok(()),
            Phase::Delivered => Err(DispatchRefusal::AlreadyDelivered),
            Phase::DeadLetter => Err(DispatchRefusal::DeadLetter),
            Phase::Skipped(_) => Err(DispatchRefusal::Skipped),
        }
    }

    fn redrive(&self, cause: RedriveCause, retry_at: DateTime<Utc>) -> Result<Option<DispatchEvent>, DispatchRefusal> {
        let retry_at = match (cause, self.not_before) {
            (RedriveCause::Recovered, Some(not_before)) => retry_at.max(not_before),
            (RedriveCause::Recovered | RedriveCause::Operator | RedriveCause::Resumed, _) => retry_at,
        };
        let is_news = match (self.phase, cause) {
            (Phase::Retrying { retry_at: due_at }, RedriveCause::Recovered) => retry_at < due_at,
            (Phase::DeadLetter, RedriveCause::Recovered) => return Err(DispatchRefusal::DeadLetter),
            // Otherwise it is at the beginning of the schedule already.
            (Phase::Retrying { .. }, RedriveCause::Operator | RedriveCause::Resumed) => self.failures > 0,
            (Phase::DeadLetter, RedriveCause::Operator | RedriveCause::Resumed) => true,
            (Phase::Delivered, _) => return Err(DispatchRefusal::AlreadyDelivered),
            (Phase::Skipped(_), _) => return Err(DispatchRefusal::Skipped),
        };
        Ok(is_news.then_some(DispatchEvent::Redriven { cause, retry_at }))
    }

    fn skip(&self, cause: SkipCause) -> Result<Option<DispatchEvent>, DispatchRefusal> {
        match (self.phase, cause) {
            (Phase::Skipped(_), _) => Ok(None),
            (Phase::Delivered, _) => Err(DispatchRefusal::AlreadyDelivered),
            (Phase::Retrying { .. }, SkipCause::Superseded) => Err(DispatchRefusal::StillRetrying),
            (Phase::DeadLetter, _) | (Phase::Retrying { .. }, SkipCause::EndpointDeleted | SkipCause::Erased) => {
                Ok(Some(DispatchEvent::Skipped { cause }))
            }
        }
    }
}

aggregate!(Dispatch, "dispatch", DispatchCommand, DispatchEvent, DispatchRefusal);

impl EventSourced for Dispatch {
    const SNAPSHOT_VERSION: i64 = 2;

    fn owner(&self, _: &str) -> Owner {
        let Some(Progress { message, .. }) = self.progress() else { return Owner::default() };
        Owner { account_id: Some(message.account_id), integration_id: message.integration_id }
    }
}
