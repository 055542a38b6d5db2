//! Endpoints: what an account's commerce events are sent to.

mod checks;
mod matching;
mod reading;
mod trial;

use std::sync::Arc;

use domain::account::Account;
use domain::endpoint::{
    CreateEndpoint, Endpoint, EndpointChange, EndpointCommand, EndpointRefusal, EndpointSettings, RetryPolicy,
};
use domain::{AccountId, EndpointId, Private};
use event_log::ids;
use projections::endpoints::{self, EndpointRow};
use secrecy::SecretString;

use super::accounts::{named_or_own, require_managed};
use super::api_keys::ApiKeys;
use super::error::{Error, Refused};
use super::identifiers::Identifiers;
use super::keys;
use super::limits::Limits;
use super::links::Links;
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;
use crate::ports::outbound::OutboundClient;

pub use matching::{MAX_MATCHED, Match, Matches, Mismatch};
pub use trial::Trial;

/// What can be done with endpoints.
pub struct Endpoints {
    data: LogAndViews,
    links: Links,
    limits: Limits,
    identifiers: Identifiers,
    /// Test events count as requests of the key that asks for them.
    api_keys: Arc<ApiKeys>,
    outbound: OutboundClient,
}

/// Which receivers an endpoint is written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProfileKind {
    #[default]
    Standard,
    Clione,
    CloudElements,
}

/// What is said of a profile. What does not belong to its kind is refused.
#[derive(Default)]
pub struct NewProfile {
    pub kind: ProfileKind,
    /// Of Clione; None for its own.
    pub header_word: Option<String>,
    /// Of Cloud Elements; None for that of the store's platform.
    pub element_key: Option<String>,
    /// Of Cloud Elements.
    pub signature_key: Option<SecretString>,
}

/// An endpoint to be created. A rate or concurrency that is no number of requests is for the endpoint to refuse.
pub struct NewEndpoint {
    /// None for the caller's own account.
    pub account_id: Option<String>,
    pub url: String,
    pub description: String,
    /// Names of types, with wildcards.
    pub event_types: Vec<String>,
    /// None for every integration, and for what happens in no store.
    pub integration_ids: Vec<String>,
    pub filter: Option<String>,
    pub headers: Vec<(String, SecretString)>,
    pub profile: NewProfile,
    /// None for that of the profile.
    pub schedule: Option<RetryPolicy>,
    /// None for those of an endpoint about which nothing was chosen.
    pub ordered: Option<bool>,
    pub rate_per_second: Option<i32>,
    pub concurrency: Option<i32>,
    /// None for the account's default, or else a new one.
    pub secret: Option<SecretString>,
    /// Whether what happens waits from the first on.
    pub paused: bool,
}

/// What is changed of an endpoint: what is None stays.
#[derive(Default)]
pub struct EndpointChanges {
    pub url: Option<String>,
    pub description: Option<String>,
    pub event_types: Option<Vec<String>>,
    pub integration_ids: Option<Vec<String>>,
    pub filter: Change<String>,
    /// All of them: those that are not named are removed.
    pub headers: Option<Vec<(String, SecretString)>>,
    pub profile: Option<NewProfile>,
    pub schedule: Change<RetryPolicy>,
    pub ordered: Option<bool>,
    pub rate_per_second: Change<i32>,
    pub concurrency: Option<i32>,
}

/// What becomes of a setting that an endpoint need not have.
#[derive(Default)]
pub enum Change<T> {
    #[default]
    Keep,
    Remove,
    Set(T),
}

impl<T> Change<T> {
    /// The value it gets, if it changes.
    fn changed(self) -> impl Iterator<Item = Option<T>> {
        let changed = match self {
            Self::Keep => None,
            Self::Remove => Some(None),
            Self::Set(value) => Some(Some(value)),
        };
        changed.into_iter()
    }
}

/// An endpoint with its secret, which is shown this once.
pub struct CreatedEndpoint {
    pub id: EndpointId,
    pub row: Option<EndpointRow>,
    /// None where it is the account's default secret, which the account has.
    pub secret: Option<String>,
}

impl Endpoints {
    pub fn new(
        data: LogAndViews,
        (links, identifiers): (Links, Identifiers),
        limits: Limits,
        api_keys: Arc<ApiKeys>,
        outbound: OutboundClient,
    ) -> Self {
        Self { data, links, limits, identifiers, api_keys, outbound }
    }

    pub async fn create(&self, viewer: &Viewer, new: NewEndpoint) -> Result<CreatedEndpoint, Error> {
        self.create_as(viewer, EndpointId(ids::fresh()), new).await
    }

    /// The same with this id, so that it can be said before which it will be.
    pub(super) async fn create_as(
        &self,
        viewer: &Viewer,
        id: EndpointId,
        new: NewEndpoint,
    ) -> Result<CreatedEndpoint, Error> {
        let account_id = require_managed(viewer, &named_or_own(viewer, new.account_id.clone()))?;
        let account = self.data.log.current::<Account>(account_id).await?;
        let merchant = account.aggregate.merchant().ok_or_else(|| Refused::not_found("accountId"))?;
        self.limits.allow_endpoint(&self.data.views, account_id).await??;
        let default = merchant.default_endpoint_secret.as_ref().and_then(Private::known);
        let (secret, shown) = match (new.secret.as_ref().map(checks::secret).transpose()?, default) {
            (Some(given), _) => (given.expose().to_owned(), Some(given.expose().to_owned())),
            (None, Some(default)) => (default.clone(), None),
            (None, None) => {
                let made = keys::new_endpoint_secret();
                (made.expose().to_owned(), Some(made.expose().to_owned()))
            }
        };
        let paused = new.paused;
        let settings = self.settings(account_id, new).await?;
        let create = CreateEndpoint { account_id, settings, secret: Private::Known(secret), paused };
        let row = self.execute(viewer, (id, account_id), EndpointCommand::Create(Box::new(create))).await?;
        Ok(CreatedEndpoint { id, row, secret: shown })
    }

    /// Refuses an address that may not be called.
    pub(super) async fn check_url(&self, url: &str) -> Result<(), Error> {
        checks::url(&self.outbound, url).await?;
        Ok(())
    }

    /// Whether the account may have one more.
    pub(super) async fn allow_one_more(&self, account_id: AccountId) -> Result<(), Error> {
        Ok(self.limits.allow_endpoint(&self.data.views, account_id).await??)
    }

    /// Changes all that is named, or nothing where one of it is refused.
    pub async fn update(
        &self,
        viewer: &Viewer,
        id: &str,
        changes: EndpointChanges,
    ) -> Result<Option<EndpointRow>, Error> {
        let of = self.managed(viewer, id).await?;
        let changes = self.checked(of.1, changes).await?;
        self.execute(viewer, of, EndpointCommand::Update { changes }).await
    }

    /// Nothing is sent to it until it is resumed; its events wait.
    pub async fn pause(&self, viewer: &Viewer, id: &str) -> Result<Option<EndpointRow>, Error> {
        let of = self.managed(viewer, id).await?;
        self.execute(viewer, of, EndpointCommand::Pause).await
    }

    /// What waits is sent, also where this service disabled it.
    pub async fn resume(&self, viewer: &Viewer, id: &str) -> Result<Option<EndpointRow>, Error> {
        let of = self.managed(viewer, id).await?;
        self.execute(viewer, of, EndpointCommand::Resume).await
    }

    /// Sets this secret or a new one, which is returned this once; what is sent is signed with the old one, too, for
    /// `overlap_hours`.
    pub async fn rotate_secret(
        &self,
        viewer: &Viewer,
        id: &str,
        secret: Option<&SecretString>,
        overlap_hours: i32,
    ) -> Result<(Option<EndpointRow>, String), Error> {
        let of = self.managed(viewer, id).await?;
        let secret = secret.map(checks::secret).transpose()?.unwrap_or_else(keys::new_endpoint_secret);
        let rotate = EndpointCommand::RotateSecret {
            secret: secret.expose().into(),
            now: self.data.now(),
            overlap_hours: checks::overlap(overlap_hours)?,
        };
        Ok((self.execute(viewer, of, rotate).await?, secret.expose().to_owned()))
    }

    /// Deletes it for good, with its secrets and headers.
    pub async fn delete(&self, viewer: &Viewer, id: &str) -> Result<Option<EndpointRow>, Error> {
        let of = self.managed(viewer, id).await?;
        self.execute(viewer, of, EndpointCommand::Delete).await
    }

    async fn settings(&self, account_id: AccountId, new: NewEndpoint) -> Result<EndpointSettings, Error> {
        let event_types = checks::event_types(&new.event_types)?;
        let filter = checks::filter(new.filter)?;
        let headers = checks::headers(new.headers)?;
        let profile = checks::profile(new.profile)?;
        let integrations = self.integrations_of(account_id, &new.integration_ids).await?;
        let usual = EndpointSettings::new(new.url, event_types);
        let mut settings = EndpointSettings {
            description: new.description,
            integrations,
            filter,
            headers,
            profile,
            schedule: new.schedule,
            ordered: new.ordered.unwrap_or(usual.ordered),
            rate_per_second: new.rate_per_second.map(checks::number),
            concurrency: new.concurrency.map_or(usual.concurrency, checks::number),
            ..usual
        };
        // Last, since it may resolve a name.
        settings.url = checks::url(&self.outbound, &settings.url).await?;
        Ok(settings)
    }

    async fn checked(&self, account_id: AccountId, changes: EndpointChanges) -> Result<Vec<EndpointChange>, Error> {
        let mut checked = vec![];
        checked.extend(changes.description.map(EndpointChange::Description));
        if let Some(names) = changes.event_types {
            checked.push(EndpointChange::EventTypes(checks::event_types(&names)?));
        }
        for filter in changes.filter.changed() {
            checked.push(EndpointChange::Filter(checks::filter(filter)?));
        }
        if let Some(headers) = changes.headers {
            checked.push(EndpointChange::Headers(checks::headers(headers)?));
        }
        if let Some(profile) = changes.profile {
            checked.push(EndpointChange::Profile(checks::profile(profile)?));
        }
        checked.extend(changes.schedule.changed().map(EndpointChange::Schedule));
        checked.extend(changes.ordered.map(EndpointChange::Ordered));
        let rate = changes.rate_per_second.changed().map(|rate| rate.map(checks::number));
        checked.extend(rate.map(EndpointChange::RatePerSecond));
        checked.extend(changes.concurrency.map(checks::number).map(EndpointChange::Concurrency));
        if let Some(ids) = changes.integration_ids {
            checked.push(EndpointChange::Integrations(self.integrations_of(account_id, &ids).await?));
        }
        if let Some(url) = changes.url {
            checked.push(EndpointChange::Url(checks::url(&self.outbound, &url).await?));
        }
        Ok(checked)
    }

    async fn integrations_of(
        &self,
        account_id: AccountId,
        ids: &[String],
    ) -> Result<Vec<domain::IntegrationId>, Error> {
        if ids.len() > domain::endpoint::MAX_INTEGRATIONS {
            return Err(Refused::from(EndpointRefusal::TooManyIntegrations).into());
        }
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let not_found = || {
                let message = format!("the account has no integration {id:.100}");
                Refused::new("NOT_FOUND", message, Some("integrationIds"))
            };
            let id = id.parse().map_err(|_| not_found())?;
            let link = self.links.find(id).await?.ok_or_else(not_found)?;
            if link.account_id != account_id {
                return Err(not_found().into());
            }
            found.push(id);
        }
        Ok(found)
    }

    /// The endpoint and whose it is, where the caller may change it.
    async fn managed(&self, viewer: &Viewer, id: &str) -> Result<(EndpointId, AccountId), Error> {
        let not_found = || Refused::not_found("endpointId");
        let id: EndpointId = id.parse().map_err(|_| not_found())?;
        let owner = self.data.log.load::<Endpoint>(id).await?.aggregate.account_id().ok_or_else(not_found)?;
        viewer.require_managing(&owner.to_string())?;
        if viewer.manages(&owner.to_string()) { Ok((id, owner)) } else { Err(not_found().into()) }
    }

    async fn execute(
        &self,
        viewer: &Viewer,
        (id, owner): (EndpointId, AccountId),
        command: EndpointCommand,
    ) -> Result<Option<EndpointRow>, Error> {
        let actor = viewer.actor(Some(&owner.to_string()));
        let committed = self.data.log.execute::<Endpoint>(id, command, &actor).await?;
        self.data.wait_for_views(committed.position).await;
        Ok(endpoints::find(&self.data.views, &id.to_string()).await?)
    }
}
