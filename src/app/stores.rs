//! Connecting stores by OAuth: a person begins here, goes to the store in a browser, and comes back with what gives access.

mod apps;
mod callback;
mod checking;
mod doctor;
mod gaps;
mod pages;
mod renewing;
mod requests;
mod same_store;
mod starting;
mod state;
mod turns;
mod visit;
mod watching;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use domain::IntegrationId;
use domain::account::Account;
use domain::integration::{IntegrationCommand, Link, Provider, Purpose};
use event_log::Origin;
use event_log::vault::SecretKey;
use providers::{Authorize, OAuth, StoreApi};
use secrecy::SecretString;

use super::error::{Error, Refused};
use super::integrations::Integrations;
use super::viewer::Viewer;
use crate::ingest::verification::Verification;
use crate::metrics::Metrics;
use crate::ports::stores::{StoreClient, Target, api_of};
use turns::Turns;

pub use apps::{PlatformApp, PlatformApps};
pub(super) use callback::NotGranted;
pub use callback::{CallbackError, Connected};
pub use doctor::{Finding, FindingLevel};
pub use gaps::{Compared, GapReport, MAX_DAYS};
pub use pages::{Opened, PageError, SentOn};
pub(crate) use renewing::Renewal;
pub use starting::{ConnectStore, NewApp, Started};
pub(crate) use visit::Visit;
pub use watching::Watching;

/// How long a person may take to authorise a store.
pub const MAX_ATTEMPT: TimeDelta = TimeDelta::minutes(15);
/// The name of the key that links are signed with.
pub(crate) const KEY_NAME: &str = "store connections";

/// A store of which the token is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnected {
    pub id: IntegrationId,
    /// False where the store could not be reached, and may go on sending its webhooks.
    pub withdrawn: bool,
}

/// What can be done to connect stores.
#[derive(Clone)]
pub struct Stores {
    integrations: Integrations,
    client: StoreClient,
    verification: Verification,
    metrics: Arc<Metrics>,
    key: Arc<SecretKey>,
    callbacks: Turns,
    /// Under which browsers reach the service, without a slash at its end.
    public_url: String,
}

impl Stores {
    pub fn new(
        integrations: Integrations,
        (client, verification, metrics): (StoreClient, Verification, Arc<Metrics>),
        key: SecretKey,
        public_url: String,
    ) -> Self {
        Self {
            integrations,
            client,
            verification,
            metrics,
            key: Arc::new(key),
            callbacks: Turns::default(),
            public_url,
        }
    }

    /// Forgets the token of a store, which is asked to send us nothing more. Its integration stays.
    pub async fn disconnect(&self, viewer: &Viewer, id: &str) -> Result<Disconnected, Error> {
        let of = self.integrations.managed(viewer, id).await?;
        let link = self.integrations.link(of.0).await?;
        let origin = Origin::from(viewer.actor(Some(&of.1.to_string())));
        let withdrawn = self.withdraw(Visit { id: of.0, link: &link, worker: None, origin }).await?;
        self.integrations.execute(viewer, of, IntegrationCommand::RemoveStoreAccess).await?;
        Ok(Disconnected { id: of.0, withdrawn })
    }

    /// Saves the merchant's own app at the platform, by which the store is connected in place of the operator's.
    pub async fn save_app(
        &self,
        viewer: &Viewer,
        id: &str,
        client_id: String,
        client_secret: SecretString,
    ) -> Result<IntegrationId, Error> {
        let of = self.integrations.managed(viewer, id).await?;
        oauth_of(self.integrations.link(of.0).await?.provider)?;
        let save = IntegrationCommand::SaveStoreApp { client_id, client_secret };
        self.integrations.execute(viewer, of, save).await?;
        Ok(of.0)
    }

    pub async fn remove_app(&self, viewer: &Viewer, id: &str) -> Result<IntegrationId, Error> {
        let of = self.integrations.managed(viewer, id).await?;
        self.integrations.execute(viewer, of, IntegrationCommand::RemoveStoreApp).await?;
        Ok(of.0)
    }

    /// The address of the page on which a store is authorised.
    pub(super) fn login_url(
        &self,
        provider: Provider,
        store: Option<&str>,
        wanted: &Authorize<'_>,
    ) -> Result<String, Error> {
        let (_, oauth) = oauth_of(provider)?;
        let target = Target::login(provider, store).ok_or(Error::Internal)?;
        self.client.login_url(&target, &oauth.authorize_path(wanted)).map_err(|failure| {
            tracing::error!(%failure, "a store cannot be sent to");
            Error::Internal
        })
    }

    /// Whether browsers reach the service over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Where platforms send browsers back to. It has to be among the allowed addresses of the app, to the letter.
    pub(crate) fn redirect_uri(&self, provider: &str) -> String {
        format!("{}/oauth/{provider}/callback", self.public_url)
    }
}

/// What an integration of this purpose and these topics needs and the store has not allowed: it may need more than when it was asked.
pub fn missing_scopes(
    provider: Provider,
    (purpose, topics): (Purpose, Option<&[String]>),
    granted: &[String],
) -> Vec<String> {
    let Some((api, oauth)) = api_of(provider).and_then(|api| Some((api, api.oauth()?))) else { return vec![] };
    let is_missing = |scope: &&str| !granted.iter().any(|granted| granted == scope);
    let needed = match (topics, api.subscriptions()) {
        (Some(topics), Some(webhooks)) => {
            let scopes: BTreeSet<&str> = topics.iter().filter_map(|topic| webhooks.scope(topic)).collect();
            scopes.into_iter().collect()
        }
        (Some(_), None) | (None, _) => oauth.scopes(purpose),
    };
    needed.into_iter().filter(is_missing).map(str::to_owned).collect()
}

pub(super) fn oauth_of(provider: Provider) -> Result<(&'static dyn StoreApi, &'static dyn OAuth), Refused> {
    let found = api_of(provider).and_then(|api| Some((api, api.oauth()?)));
    found.ok_or_else(|| {
        let name = provider.name();
        let message = format!(
            "a store of {name} is not connected so: give it the webhook address, and save an access token where one is \
             needed (`integrations set-access`)"
        );
        Refused::new("CANNOT_CONNECT", message, Some("provider"))
    })
}

impl Stores {
    /// Who is asked for what, for the page that says so.
    async fn account_name(&self, link: &Link) -> Result<String, Error> {
        let account = self.integrations.data.log.current::<Account>(link.account_id).await?;
        Ok(account.aggregate.merchant().map(|merchant| merchant.name.clone()).unwrap_or_default())
    }
}
