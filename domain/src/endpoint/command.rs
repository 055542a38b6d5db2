//! What can be asked of an endpoint.

use chrono::{DateTime, Utc};

use super::{EndpointSettings, EventTypePattern, Profile, RetryPolicy};
use crate::{AccountId, IntegrationId, Private};

#[derive(Clone, Debug, PartialEq)]
pub enum EndpointCommand {
    Create(Box<CreateEndpoint>),
    /// All changes, or none where one is refused.
    Update {
        changes: Vec<EndpointChange>,
    },
    /// A person wants nothing to be sent for a time.
    Pause,
    /// A person wants it to be sent what waits: also where this service has disabled it.
    Resume,
    /// What is sent is signed with the old secret too, for `overlap_hours`; with 0 every other secret is void at once.
    RotateSecret {
        secret: Private<String>,
        now: DateTime<Utc>,
        overlap_hours: u32,
    },
    /// An attempt to send a message to it failed.
    RecordFailure(MessageFailure),
    /// An attempt succeeded, after so many failures of the same message.
    RecordSuccess {
        failures: u32,
    },
    Delete,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateEndpoint {
    pub account_id: AccountId,
    pub settings: EndpointSettings,
    /// Where none was chosen, the account's default, or else a new one.
    pub secret: Private<String>,
    /// Whether what happens waits from the first on.
    pub paused: bool,
}

/// Another value of one setting.
#[derive(Clone, Debug, PartialEq)]
pub enum EndpointChange {
    Url(String),
    Description(String),
    EventTypes(Vec<EventTypePattern>),
    Integrations(Vec<IntegrationId>),
    Filter(Option<String>),
    Headers(Private<Vec<(String, String)>>),
    Profile(Profile),
    /// None for that of its profile.
    Schedule(Option<RetryPolicy>),
    Ordered(bool),
    RatePerSecond(Option<u32>),
    Concurrency(u32),
}

/// A failed attempt, as far as it matters to the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFailure {
    /// Of this message, in a row, this one included.
    pub failures: u32,
    /// When the first of them was.
    pub since: DateTime<Utc>,
    pub status: Option<u16>,
    pub reason: Option<String>,
}
