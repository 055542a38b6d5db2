//! The settings of an endpoint as they are shown: without what gives access.

use domain::IntegrationId;
use domain::Private;
use domain::endpoint::{DEFAULT_CONCURRENCY, EndpointEvent, EndpointSettings, EventTypePattern, Profile, RetryPolicy};
use serde::{Deserialize, Serialize};

use crate::json::storable_json;

/// What an endpoint is sent, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownSettings {
    pub url: String,
    pub description: String,
    pub event_types: Vec<EventTypePattern>,
    /// Empty for every integration of the account, and for what happens in no store.
    pub integrations: Vec<IntegrationId>,
    pub filter: Option<String>,
    /// The names of its own headers; their values may give access.
    pub header_names: Vec<String>,
    pub profile: ShownProfile,
    /// None for that of its profile.
    #[serde(default)]
    pub schedule: Option<RetryPolicy>,
    pub ordered: bool,
    pub rate_per_second: Option<u32>,
    pub concurrency: u32,
}

/// Which receivers it is written for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShownProfile {
    #[default]
    Standard,
    Clione {
        header_word: String,
    },
    CloudElements {
        element_key: Option<String>,
        /// Whether it has a key for the signature of this profile.
        has_signature_key: bool,
    },
}

/// Of a row that a newer version wrote in another form.
impl Default for ShownSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            description: String::new(),
            event_types: vec![],
            integrations: vec![],
            filter: None,
            header_names: vec![],
            profile: ShownProfile::Standard,
            schedule: None,
            ordered: true,
            rate_per_second: None,
            concurrency: DEFAULT_CONCURRENCY,
        }
    }
}

impl From<&EndpointSettings> for ShownSettings {
    fn from(settings: &EndpointSettings) -> Self {
        let EndpointSettings {
            url,
            description,
            event_types,
            integrations,
            filter,
            headers,
            profile,
            schedule,
            ordered,
            rate_per_second,
            concurrency,
        } = settings;
        Self {
            url: url.clone(),
            description: description.clone(),
            event_types: event_types.clone(),
            integrations: integrations.clone(),
            filter: filter.clone(),
            header_names: names(headers),
            profile: profile.into(),
            schedule: *schedule,
            ordered: *ordered,
            rate_per_second: *rate_per_second,
            concurrency: *concurrency,
        }
    }
}

impl From<&Profile> for ShownProfile {
    fn from(profile: &Profile) -> Self {
        match profile {
            Profile::Standard => Self::Standard,
            Profile::Clione { header_word } => Self::Clione { header_word: header_word.clone() },
            Profile::CloudElements { element_key, signature_key } => {
                Self::CloudElements { element_key: element_key.clone(), has_signature_key: signature_key.is_some() }
            }
        }
    }
}

impl ShownSettings {
    /// When what fails is sent again.
    pub fn retry_policy(&self) -> RetryPolicy {
        self.schedule.unwrap_or(match self.profile {
            ShownProfile::Standard | ShownProfile::Clione { .. } => RetryPolicy::Standard,
            ShownProfile::CloudElements { .. } => RetryPolicy::CloudElements,
        })
    }

    pub(super) fn to_json(&self) -> String {
        storable_json(self)
    }

    pub(super) fn changed_by(mut self, event: &EndpointEvent) -> Self {
        match event {
            EndpointEvent::UrlChanged { url } => self.url.clone_from(url),
            EndpointEvent::DescriptionChanged { description } => self.description.clone_from(description),
            EndpointEvent::EventTypesChanged { event_types } => self.event_types.clone_from(event_types),
            EndpointEvent::IntegrationsChanged { integrations } => self.integrations.clone_from(integrations),
            EndpointEvent::FilterChanged { filter } => self.filter.clone_from(filter),
            EndpointEvent::HeadersChanged { headers } => self.header_names = names(headers),
            EndpointEvent::ProfileChanged { profile } => self.profile = profile.into(),
            EndpointEvent::ScheduleChanged { schedule } => self.schedule = *schedule,
            EndpointEvent::OrderingChanged { ordered } => self.ordered = *ordered,
            EndpointEvent::RateLimitChanged { rate_per_second } => self.rate_per_second = *rate_per_second,
            EndpointEvent::ConcurrencyChanged { concurrency } => self.concurrency = *concurrency,
            EndpointEvent::EndpointCreated(_)
            | EndpointEvent::SigningSecretSet { .. }
            | EndpointEvent::SigningSecretRotated { .. }
            | EndpointEvent::EndpointPaused {}
            | EndpointEvent::EndpointResumed {}
            | EndpointEvent::EndpointDisabled { .. }
            | EndpointEvent::EndpointFailing { .. }
            | EndpointEvent::EndpointDegraded { .. }
            | EndpointEvent::EndpointRecovered {}
            | EndpointEvent::EndpointDeleted {} => {}
        }
        self
    }

    pub(super) fn without_headers(self) -> Self {
        Self { header_names: vec![], ..self }
    }
}

fn names(headers: &Private<Vec<(String, String)>>) -> Vec<String> {
    headers.known().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}
