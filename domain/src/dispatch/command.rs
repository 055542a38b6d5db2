//! What can be asked of a dispatch.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Message, RedriveCause, ResponseBody, SkipCause};
use crate::endpoint::RetryPolicy;
use crate::schedule::Jitter;

#[derive(Clone, Debug, PartialEq)]
pub enum DispatchCommand {
    /// What came of an attempt, and with it when to try again.
    RecordAttempt(Box<NewAttempt>),
    /// A dead letter, or what waits for its next attempt, is sent at `retry_at`, with the whole schedule before it; where its
    /// endpoint has recovered, only what waits for longer, and its schedule goes on where it was.
    Redrive { cause: RedriveCause, retry_at: DateTime<Utc> },
    /// It is not sent any more.
    Skip { cause: SkipCause },
}

/// An attempt that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAttempt {
    pub message: Message,
    /// From 1 on, without a gap. A number that is recorded already adds nothing.
    pub attempt: u32,
    /// It was made before its time, to learn whether a degraded endpoint responds again. Of one that did not wait for its time
    /// it is no probe, whatever this says.
    pub probe: bool,
    /// Of the endpoint's profile.
    pub policy: RetryPolicy,
    pub now: DateTime<Utc>,
    pub jitter: Jitter,
    /// After how long the receiver wants to be called again.
    pub retry_after: Option<TimeDelta>,
    /// None where there was no response.
    pub status: Option<u16>,
    pub duration_ms: u32,
    /// What was connected to, where anything was.
    pub address: Option<String>,
    /// Why it failed: nothing of the URL, and nothing of the response. None where it succeeded.
    pub reason: Option<String>,
    pub response: Option<ResponseBody>,
}

impl NewAttempt {
    /// Any response but one of 200 to 299 is a failure, and so is one that broke off.
    pub(super) fn is_success(&self) -> bool {
        self.reason.is_none() && self.status.is_some_and(|status| (200..300).contains(&status))
    }
}
