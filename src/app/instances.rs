//! Instances: connected stores as programs know them that were written for Cloud Elements. Each is an integration that publishes,
//! and endpoints that what happens there is sent to.

mod changing;
mod creating;
mod deliveries;
mod events;
mod granting;
mod subscriptions;
mod token;
mod topics;

use std::sync::Arc;

use domain::account::Account;
use domain::endpoint::{Endpoint, Profile};
use domain::instance::{Details, Instance, InstanceCommand, Subscription};
use domain::integration::Provider;
use domain::{AccountId, EndpointId, InstanceId, Private};
use event_log::{Committed, Position};
use projections::instances::{self, InstanceRow};
use secrecy::SecretString;

use super::dispatches::Dispatches;
use super::endpoints::Endpoints;
use super::error::{Error, Refused};
use super::integrations::Integrations;
use super::links::CurrentLink;
use super::log_and_views::LogAndViews;
use super::stores::Stores;
use super::viewer::Viewer;

pub use deliveries::{Delivery, DeliveryStatus, Further, Wanted};
pub use events::{Counts, EventPage, EventStatus, InstanceEvent, Notified, Period};
pub use granting::{DEFAULT_SCOPE, GrantRefused, OauthUrl};
pub use subscriptions::FoundSubscription;

/// The platform of every instance: of those that Cloud Elements has, its documents describe the events of this one.
pub const PROVIDER: Provider = Provider::Shopify;

/// What can be done with instances.
pub struct Instances {
    data: LogAndViews,
    integrations: Integrations,
    endpoints: Arc<Endpoints>,
    dispatches: Arc<Dispatches>,
    stores: Stores,
}

/// An instance as it is.
pub struct FoundInstance {
    pub id: InstanceId,
    pub details: Details,
    /// None where making it was broken off before there was one.
    pub link: Option<CurrentLink>,
    /// The endpoint that its configuration names.
    pub endpoint: Option<domain::endpoint::Subscription>,
}

/// An instance to be created.
pub struct NewInstance {
    /// None for the caller's own account.
    pub account_id: Option<String>,
    pub name: String,
    pub tags: Vec<String>,
    pub grant: NewGrant,
    pub settings: Settings,
}

/// What a store is authorised with: the code that came back from it, and the app that it came back to.
pub struct NewGrant {
    pub code: String,
    pub client_id: String,
    pub client_secret: SecretString,
    /// As it is in the address of its admin.
    pub store: String,
    pub callback_url: String,
    /// In the words of the platform, with commas between them.
    pub scope: String,
}

/// What is chosen of an instance's events: what is None stays as it is, or as it is at first.
#[derive(Default)]
pub struct Settings {
    pub events_enabled: Option<bool>,
    /// Where what happens is sent. An empty one is none.
    pub notification_url: Option<String>,
    /// An empty one is none.
    pub signature_key: Option<SecretString>,
    /// What the store is asked to report, with commas between.
    pub topics: Option<String>,
    /// How often the store is asked what it changed, in minutes; 0 for webhooks.
    pub poll_every: Option<u32>,
}

impl Settings {
    /// Whether what is sent, or where to, is to be different.
    fn are_of_events(&self) -> bool {
        self.events_enabled.is_some() || self.notification_url.is_some() || self.topics.is_some()
    }
}

/// What is changed of an instance: what is None stays.
#[derive(Default)]
pub struct InstanceChanges {
    pub name: Option<String>,
    pub tags: Option<Vec<String>>,
    pub settings: Settings,
    pub grant: Option<Regrant>,
}

/// An instance is authorised again. What is None is as before.
pub struct Regrant {
    pub code: String,
    pub client_id: Option<String>,
    pub client_secret: Option<SecretString>,
    pub store: Option<String>,
    pub callback_url: Option<String>,
    pub scope: Option<String>,
}

impl FoundInstance {
    /// Whether its store can be called.
    pub fn is_valid(&self) -> bool {
        let access = self.link.as_ref().and_then(|link| link.store_access.as_ref());
        access.is_some_and(|access| access.usable_token().is_some())
    }

    /// What its store is asked to report.
    pub fn topics(&self) -> &[String] {
        self.link.as_ref().and_then(|link| link.topics.as_deref()).unwrap_or_default()
    }

    /// Whether notifications have the signature of a key.
    pub fn has_signature_key(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| match &endpoint.settings.profile {
            Profile::CloudElements { signature_key, .. } => signature_key.is_some(),
            Profile::Standard | Profile::Clione { .. } => false,
        })
    }

    /// By which a program speaks for it, for those who may change it.
    pub fn token(&self, viewer: &Viewer) -> Option<&str> {
        let token = self.details.token.known().map(String::as_str);
        token.filter(|_| viewer.manages(&self.details.account_id.to_string()))
    }
}

impl Instances {
    pub fn new(
        data: LogAndViews,
        (integrations, stores): (Integrations, Stores),
        (endpoints, dispatches): (Arc<Endpoints>, Arc<Dispatches>),
    ) -> Self {
        Self { data, integrations, endpoints, dispatches, stores }
    }

    /// The instance with this number, if the caller sees it.
    pub async fn find(&self, viewer: &Viewer, number: u32) -> Result<Option<FoundInstance>, Error> {
        let found = self.load(InstanceId::of(number)).await?;
        Ok(found.filter(|found| viewer.sees(&found.details.account_id.to_string())))
    }

    /// As it is listed.
    pub async fn row(&self, viewer: &Viewer, number: u32) -> Result<Option<InstanceRow>, Error> {
        let found = instances::find(&self.data.views, &InstanceId::of(number).to_string()).await?;
        Ok(found.filter(|row| viewer.sees(&row.account_id)))
    }

    /// The instance whose token this is, where it is one of the caller's own account. None also where it was deleted.
    pub async fn of_token(&self, viewer: &Viewer, token: &str) -> Result<Option<FoundInstance>, Error> {
        let Some(number) = token::number(token) else { return Ok(None) };
        let found = self.load(InstanceId::of(number)).await?;
        Ok(found.filter(|found| {
            let is_own = found.details.account_id == viewer.account_id;
            is_own && found.details.token.known().is_some_and(|known| token::is_same(known, token))
        }))
    }

    /// Instances after a place in the list: of the account that is named, or of all that the caller sees.
    pub async fn page(
        &self,
        viewer: &Viewer,
        account_id: Option<String>,
        (after, limit): (Position, i64),
    ) -> Result<Vec<InstanceRow>, Error> {
        let scope = viewer.scope_within(account_id)?;
        Ok(instances::page(&self.data.views, scope.as_deref(), after, limit).await?)
    }

    async fn load(&self, id: InstanceId) -> Result<Option<FoundInstance>, Error> {
        let instance = self.data.log.load::<Instance>(id).await?;
        let Some(details) = instance.aggregate.details().cloned() else { return Ok(None) };
        let link = self.integrations.found(details.integration_id).await?;
        let endpoint = match details.configured() {
            Some(configured) => self.endpoint(configured.endpoint_id).await?,
            None => None,
        };
        Ok(Some(FoundInstance { id, details, link, endpoint }))
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<domain::endpoint::Subscription>, Error> {
        Ok(self.data.log.load::<Endpoint>(id).await?.aggregate.subscription().cloned())
    }

    /// The instance, where the caller may change it.
    async fn managed(&self, viewer: &Viewer, number: u32) -> Result<FoundInstance, Error> {
        let not_found = || Refused::not_found("instanceId");
        let found = self.find(viewer, number).await?.ok_or_else(not_found)?;
        let owner = found.details.account_id.to_string();
        viewer.require_managing(&owner)?;
        if viewer.manages(&owner) { Ok(found) } else { Err(not_found().into()) }
    }

    async fn execute(
        &self,
        viewer: &Viewer,
        (id, owner): (InstanceId, AccountId),
        command: InstanceCommand,
    ) -> Result<Committed<Instance>, Error> {
        let actor = viewer.actor(Some(&owner.to_string()));
        let committed = self.data.log.execute::<Instance>(id, command, &actor).await?;
        self.data.wait_for_views(committed.position).await;
        Ok(committed)
    }

    /// As it is now, after a change.
    async fn changed(&self, id: InstanceId) -> Result<FoundInstance, Error> {
        self.load(id).await?.ok_or_else(|| Refused::not_found("instanceId").into())
    }

    /// Nothing is sent to the endpoints of an instance that is disabled, or of which the events are: what happens waits.
    async fn set_sending(&self, viewer: &Viewer, details: &Details) -> Result<(), Error> {
        for Subscription { endpoint_id, .. } in &details.subscriptions {
            let Some(endpoint) = self.endpoint(*endpoint_id).await? else { continue };
            let id = endpoint_id.to_string();
            match (details.sends(), endpoint.activity) {
                (true, domain::endpoint::Activity::Paused) => drop(self.endpoints.resume(viewer, &id).await?),
                (false, _) => drop(self.endpoints.pause(viewer, &id).await?),
                // What this service disabled stays so until what it keeps is replayed.
                (true, domain::endpoint::Activity::Enabled | domain::endpoint::Activity::Disabled(_)) => {}
            }
        }
        Ok(())
    }

    /// What becomes of notifications of an account's instances that fail.
    pub async fn failure_policy(
        &self,
        viewer: &Viewer,
        account_id: &str,
    ) -> Result<domain::account::FailurePolicy, Error> {
        viewer.require_seeing(account_id)?;
        let account = self.data.log.load::<Account>(account_id).await?;
        let merchant = account.aggregate.merchant().ok_or_else(|| Refused::not_found("accountId"))?;
        Ok(merchant.failure_policy)
    }
}

fn known(key: Option<&Private<String>>) -> Option<SecretString> {
    key.and_then(Private::known).map(|key| key.as_str().into())
}
