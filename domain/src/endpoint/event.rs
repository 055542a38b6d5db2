//! What happened to an endpoint. These names are the storage format: add, never rename.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use super::{EndpointSettings, EventTypePattern, Profile, RetryPolicy};
use crate::event::{LogEvent, domain_event};
use crate::{AccountId, IntegrationId, Private};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum EndpointEvent {
    EndpointCreated(Box<EndpointCreated>),
    UrlChanged {
        url: String,
    },
    DescriptionChanged {
        description: String,
    },
    EventTypesChanged {
        event_types: Vec<EventTypePattern>,
    },
    /// Empty for every integration of the account, and for what happens in no store.
    IntegrationsChanged {
        integrations: Vec<IntegrationId>,
    },
    FilterChanged {
        filter: Option<String>,
    },
    HeadersChanged {
        headers: Private<Vec<(String, String)>>,
    },
    ProfileChanged {
        profile: Profile,
    },
    /// None for that of its profile.
    ScheduleChanged {
        schedule: Option<RetryPolicy>,
    },
    OrderingChanged {
        ordered: bool,
    },
    RateLimitChanged {
        rate_per_second: Option<u32>,
    },
    ConcurrencyChanged {
        concurrency: u32,
    },
    /// In place of every other.
    SigningSecretSet {
        signing_secret: Private<String>,
        secret_preview: String,
    },
    SigningSecretRotated {
        signing_secret: Private<String>,
        secret_preview: String,
        previous_valid_until: DateTime<Utc>,
    },
    /// A person wants nothing to be sent for a time.
    EndpointPaused {},
    EndpointResumed {},
    /// Nothing is sent until a person resumes it.
    EndpointDisabled {
        cause: DisableCause,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A message has failed so often in a row that half of the failures, or more, are used up that degrade or disable its
    /// endpoint.
    EndpointFailing {
        /// 50, 70 or 90.
        percent: u8,
        failures: u32,
        /// At so many it is degraded or disabled.
        limit: u32,
        since: DateTime<Utc>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A message has failed seven times in a row: until one succeeds, only a probe is sent now and then.
    EndpointDegraded {
        since: DateTime<Utc>,
        failures: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    EndpointRecovered {},
    /// For good. Its secrets and headers are erased: with this event the data key of the stream is deleted.
    EndpointDeleted {},
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointCreated {
    pub account_id: AccountId,
    pub settings: EndpointSettings,
    pub signing_secret: Private<String>,
    pub secret_preview: String,
}

/// Why this service sends nothing to an endpoint any more.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DisableCause {
    /// It responded with 410: it is gone, and wants nothing any more.
    Gone,
    /// The retries of a message are used up, and its profile has it that nothing more is sent then.
    FailurePolicy,
}

impl DisableCause {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

domain_event!(EndpointEvent);

impl LogEvent for EndpointEvent {
    fn erases_data_key(&self) -> bool {
        matches!(self, Self::EndpointDeleted {})
    }
}
