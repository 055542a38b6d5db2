//! What an endpoint's owner chooses: where, what, and how fast it is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EndpointChange, EndpointEvent, EndpointRefusal, EventTypePattern, Profile, RetryPolicy};
use crate::commerce::CommerceEventType;
use crate::web_address::web_address;
use crate::{IntegrationId, Private};

pub const MAX_URL_CHARS: usize = 2_000;
pub const MAX_DESCRIPTION_CHARS: usize = 500;
pub const MAX_EVENT_TYPES: usize = 50;
pub const MAX_INTEGRATIONS: usize = 500;
pub const MAX_FILTER_CHARS: usize = 500;
pub const MAX_HEADERS: usize = 20;
pub const MAX_HEADER_NAME_CHARS: usize = 100;
pub const MAX_HEADER_VALUE_CHARS: usize = 1_000;
pub const MAX_RATE_PER_SECOND: u32 = 1_000;
pub const MAX_CONCURRENCY: u32 = 100;
pub const DEFAULT_CONCURRENCY: u32 = 10;

/// Which events an endpoint gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interest {
    pub event_types: Vec<EventTypePattern>,
    /// Empty for every integration of the account, and for what happens in no store.
    pub integrations: Vec<IntegrationId>,
    /// What else an event must match.
    pub filter: Option<String>,
}

impl Interest {
    /// Whether an event of this type is of interest, were the filter to let it pass. `integration` is the store that it happened
    /// in: an endpoint of certain stores gets nothing of what happened in none.
    pub fn includes(&self, event_type: CommerceEventType, integration: Option<IntegrationId>) -> bool {
        let is_of_integrations = self.integrations.is_empty()
            || integration.is_some_and(|integration| self.integrations.contains(&integration));
        is_of_integrations && self.event_types.iter().any(|pattern| pattern.matches(event_type))
    }
}

/// The settings of an endpoint. These names are the storage format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointSettings {
    pub url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    pub event_types: Vec<EventTypePattern>,
    /// Empty for every integration of the account, and for what happens in no store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub integrations: Vec<IntegrationId>,
    /// The condition that an event must meet to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Names and values. They may give access to the receiver.
    pub headers: Private<Vec<(String, String)>>,
    pub profile: Profile,
    /// None for that of its profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<RetryPolicy>,
    /// Whether events about one object are sent one after the other.
    pub ordered: bool,
    /// Requests in a second, at most; None for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<u32>,
    /// Requests at a time, at most.
    pub concurrency: u32,
}

impl EndpointSettings {
    /// Its address as others than its owner may see it: what follows a question mark may be a secret of the receiver's.
    pub fn url_without_query(&self) -> &str {
        self.url.split(['?', '#']).next().unwrap_or_default()
    }

    /// Of an endpoint about which nothing else was chosen.
    pub fn new(url: String, event_types: Vec<EventTypePattern>) -> Self {
        Self {
            url,
            description: String::new(),
            event_types,
            integrations: vec![],
            filter: None,
            headers: Private::Known(vec![]),
            profile: Profile::Standard,
            schedule: None,
            ordered: true,
            rate_per_second: None,
            concurrency: DEFAULT_CONCURRENCY,
        }
    }

    /// When what fails is sent again.
    pub fn retry_policy(&self) -> RetryPolicy {
        self.schedule.unwrap_or(self.profile.retry_policy())
    }

    /// Which events it gets. It makes no difference whether the endpoint is paused: its events wait.
    pub fn interest(&self) -> Interest {
        Interest {
            event_types: self.event_types.clone(),
            integrations: self.integrations.clone(),
            filter: self.filter.clone(),
        }
    }

    /// As they are stored: without white space around texts, and nothing twice.
    pub(super) fn validated(self) -> Result<Self, EndpointRefusal> {
        self.profile.check()?;
        if self.rate_per_second.is_some_and(|rate| !(1..=MAX_RATE_PER_SECOND).contains(&rate)) {
            return Err(EndpointRefusal::InvalidRate);
        }
        if !(1..=MAX_CONCURRENCY).contains(&self.concurrency) {
            return Err(EndpointRefusal::InvalidConcurrency);
        }
        if !self.headers.known().is_some_and(|headers| are_bounded(headers)) {
            return Err(EndpointRefusal::InvalidHeaders);
        }
        if !(1..=MAX_EVENT_TYPES).contains(&self.event_types.len()) {
            return Err(EndpointRefusal::InvalidEventTypes);
        }
        if self.integrations.len() > MAX_INTEGRATIONS {
            return Err(EndpointRefusal::TooManyIntegrations);
        }
        let (event_types, integrations) = (once_each(self.event_types), once_each(self.integrations));
        let url = web_address(&self.url, MAX_URL_CHARS).ok_or(EndpointRefusal::InvalidUrl)?.to_owned();
        let description =
            bounded(&self.description, MAX_DESCRIPTION_CHARS).ok_or(EndpointRefusal::InvalidDescription)?;
        let filter = self.filter.map(|filter| bounded(&filter, MAX_FILTER_CHARS).ok_or(EndpointRefusal::InvalidFilter));
        let filter = filter.transpose()?.filter(|filter| !filter.is_empty());
        Ok(Self { url, description, event_types, integrations, filter, ..self })
    }

    /// An event for each setting that gets another value.
    pub(super) fn update(&self, changes: Vec<EndpointChange>) -> Result<Vec<EndpointEvent>, EndpointRefusal> {
        let mut new = self.clone();
        for change in changes {
            new.change(change);
        }
        Ok(self.changes_to(new.validated()?))
    }

    fn change(&mut self, change: EndpointChange) {
        match change {
            EndpointChange::Url(url) => self.url = url,
            EndpointChange::Description(description) => self.description = description,
            EndpointChange::EventTypes(event_types) => self.event_types = event_types,
            EndpointChange::Integrations(integrations) => self.integrations = integrations,
            EndpointChange::Filter(filter) => self.filter = filter,
            EndpointChange::Headers(headers) => self.headers = headers,
            EndpointChange::Profile(profile) => self.profile = profile,
            EndpointChange::Schedule(schedule) => self.schedule = schedule,
            EndpointChange::Ordered(ordered) => self.ordered = ordered,
            EndpointChange::RatePerSecond(rate_per_second) => self.rate_per_second = rate_per_second,
            EndpointChange::Concurrency(concurrency) => self.concurrency = concurrency,
        }
    }

    fn changes_to(&self, new: Self) -> Vec<EndpointEvent> {
        let Self {
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
        } = new;
        let events = [
            (url != self.url).then_some(EndpointEvent::UrlChanged { url }),
            (description != self.description).then_some(EndpointEvent::DescriptionChanged { description }),
            (event_types != self.event_types).then_some(EndpointEvent::EventTypesChanged { event_types }),
            (integrations != self.integrations).then_some(EndpointEvent::IntegrationsChanged { integrations }),
            (filter != self.filter).then_some(EndpointEvent::FilterChanged { filter }),
            (headers != self.headers).then_some(EndpointEvent::HeadersChanged { headers }),
            (profile != self.profile).then_some(EndpointEvent::ProfileChanged { profile }),
            (schedule != self.schedule).then_some(EndpointEvent::ScheduleChanged { schedule }),
            (ordered != self.ordered).then_some(EndpointEvent::OrderingChanged { ordered }),
            (rate_per_second != self.rate_per_second).then_some(EndpointEvent::RateLimitChanged { rate_per_second }),
            (concurrency != self.concurrency).then_some(EndpointEvent::ConcurrencyChanged { concurrency }),
        ];
        events.into_iter().flatten().collect()
    }
}

/// In their order.
fn once_each<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut each = Vec::with_capacity(all.len());
    for one in all {
        if !each.contains(&one) {
            each.push(one);
        }
    }
    each
}

fn are_bounded(headers: &[(String, String)]) -> bool {
    let is_bounded = |(name, value): &(String, String)| {
        (1..=MAX_HEADER_NAME_CHARS).contains(&name.chars().count()) && value.chars().count() <= MAX_HEADER_VALUE_CHARS
    };
    headers.len() <= MAX_HEADERS && headers.iter().all(is_bounded)
}

fn bounded(text: &str, max_chars: usize) -> Option<String> {
    let text = text.trim();
    (text.chars().count() <= max_chars).then(|| text.to_owned())
}
