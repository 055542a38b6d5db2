//! The fold: what each event makes of an endpoint.

use super::{Activity, Endpoint, EndpointEvent, Health, Subscription};

impl Endpoint {
    pub(super) fn fold(&mut self, event: EndpointEvent) {
        match (&mut *self, event) {
            (Self::Initial, EndpointEvent::EndpointCreated(created)) => {
                *self = Self::Created(Box::new(Subscription {
                    account_id: created.account_id,
                    settings: created.settings,
                    secret: created.signing_secret,
                    previous_secrets: vec![],
                    activity: Activity::Enabled,
                    health: Health::Healthy,
                }));
            }
            (Self::Created(subscription), EndpointEvent::EndpointDeleted {}) => {
                *self = Self::Deleted { account_id: subscription.account_id };
            }
            (Self::Created(subscription), event) => subscription.apply(event),
            // Every other event comes between the two; a stream that says otherwise means nothing.
            (Self::Initial | Self::Deleted { .. }, _) => {}
        }
    }
}

impl Subscription {
    fn apply(&mut self, event: EndpointEvent) {
        let settings = &mut self.settings;
        match event {
            EndpointEvent::EndpointCreated(_) | EndpointEvent::EndpointDeleted {} => {}
            EndpointEvent::UrlChanged { url } => settings.url = url,
            EndpointEvent::DescriptionChanged { description } => settings.description = description,
            EndpointEvent::EventTypesChanged { event_types } => settings.event_types = event_types,
            EndpointEvent::IntegrationsChanged { integrations } => settings.integrations = integrations,
            EndpointEvent::FilterChanged { filter } => settings.filter = filter,
            EndpointEvent::HeadersChanged { headers } => settings.headers = headers,
            EndpointEvent::ProfileChanged { profile } => settings.profile = profile,
            EndpointEvent::ScheduleChanged { schedule } => settings.schedule = schedule,
            EndpointEvent::OrderingChanged { ordered } => settings.ordered = ordered,
            EndpointEvent::RateLimitChanged { rate_per_second } => settings.rate_per_second = rate_per_second,
            EndpointEvent::ConcurrencyChanged { concurrency } => settings.concurrency = concurrency,
            EndpointEvent::SigningSecretSet { signing_secret, .. } => self.apply_secret_set(signing_secret),
            EndpointEvent::SigningSecretRotated { signing_secret, previous_valid_until, .. } => {
                self.apply_secret_rotated(signing_secret, previous_valid_until);
            }
            EndpointEvent::EndpointPaused {} => self.activity = Activity::Paused,
            EndpointEvent::EndpointResumed {} => {
                self.activity = Activity::Enabled;
                self.health = Health::Healthy;
            }
            EndpointEvent::EndpointDisabled { cause, .. } => self.activity = Activity::Disabled(cause),
            EndpointEvent::EndpointFailing { percent, .. } => self.health = Health::Failing { percent },
            EndpointEvent::EndpointDegraded { since, .. } => self.health = Health::Degraded { since },
            EndpointEvent::EndpointRecovered {} => self.health = Health::Healthy,
        }
    }
}
