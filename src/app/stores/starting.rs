//! Beginning to connect a store: with an integration that there is, or with a new one.

use chrono::{DateTime, Utc};
use domain::integration::{ConnectionAttempt, IntegrationCommand, Provider, Purpose};
use domain::{AccountId, IntegrationId};
use event_log::ids;
use projections::integrations::IntegrationRow;
use providers::OAuth;
use secrecy::SecretString;

use super::{MAX_ATTEMPT, Stores, oauth_of};
use crate::app::error::{Error, Refused};
use crate::app::integrations::NewIntegration;
use crate::app::keys;
use crate::app::viewer::Viewer;

/// What is to be connected.
pub struct ConnectStore {
    /// None for the one that is of this store already, or else a new one.
    pub integration_id: Option<String>,
    pub provider: Provider,
    /// Of a new integration, as the rest; None for the caller's own account.
    pub account_id: Option<String>,
    /// None for the store's.
    pub name: Option<String>,
    pub purpose: Option<Purpose>,
    /// What names the store to its platform, as the merchant writes it.
    pub store: Option<String>,
    /// The merchant's own app at the platform. None for the one that is saved, or else the operator's.
    pub app: Option<NewApp>,
}

/// An app at a platform.
pub struct NewApp {
    pub client_id: String,
    pub client_secret: SecretString,
}

/// An attempt that was begun.
pub struct Started {
    pub integration_id: IntegrationId,
    /// To be opened in a browser by who is to authorise the store.
    pub url: String,
    pub expires_at: DateTime<Utc>,
    /// Whether the integration was made for it.
    pub is_new: bool,
}

impl Stores {
    /// Begins to connect a store. The address that is returned is for who may authorise it there, and no one else.
    pub async fn start(&self, viewer: &Viewer, wanted: ConnectStore) -> Result<Started, Error> {
        let (_, oauth) = oauth_of(wanted.provider)?;
        if self.public_url.splitn(4, '/').nth(3).is_some() {
            let message = "stores are connected in a browser, for which this server has to be at an address of its own: \
                           its --public-url has a path";
            return Err(Refused::new("CANNOT_CONNECT", message, None).into());
        }
        let named = store_of(wanted.provider, wanted.store.as_deref(), oauth)?;
        let existing = match &wanted.integration_id {
            Some(id) => Some(self.integrations.managed(viewer, id).await?),
            None => self.existing(viewer, &wanted, named.as_deref()).await?,
        };
        let is_new = existing.is_none();
        let of = match existing {
            Some(of) => of,
            None => self.create(viewer, &wanted, named.as_deref(), oauth).await?,
        };
        let link = self.integrations.link(of.0).await?;
        if link.provider != wanted.provider {
            let message = format!("the integration is of {}", link.provider.name());
            return Err(Refused::new("OTHER_PROVIDER", message, Some("provider")).into());
        }
        let store = named.or_else(|| link.known_store.clone());
        require_store(wanted.provider, store.as_deref(), oauth)?;
        if let Some(NewApp { client_id, client_secret }) = wanted.app {
            let save = IntegrationCommand::SaveStoreApp { client_id, client_secret };
            self.integrations.execute(viewer, of, save).await?;
        }
        let link = self.integrations.link(of.0).await?;
        let app = self.verification.apps.of(&link).ok_or_else(|| no_app(link.provider))?;
        let secret = keys::new_link_secret();
        let attempt = ConnectionAttempt {
            id: ids::fresh(),
            store,
            scopes: oauth.scopes(link.purpose).into_iter().map(str::to_owned).collect(),
            client_id: app.client_id.to_owned(),
            link_hash: keys::hash(&secret),
            expires_at: self.integrations.now() + MAX_ATTEMPT,
            makes_way: wanted.integration_id.is_none(),
        };
        let expires_at = attempt.expires_at;
        self.integrations.execute(viewer, of, IntegrationCommand::StartConnecting { attempt }).await?;
        let url = format!("{}/connect/{}/{secret}", self.public_url, of.0);
        Ok(Started { integration_id: of.0, url, expires_at, is_new })
    }

    /// Everything that can be refused is, before there is a new integration.
    async fn create(
        &self,
        viewer: &Viewer,
        wanted: &ConnectStore,
        store: Option<&str>,
        oauth: &dyn OAuth,
    ) -> Result<(IntegrationId, AccountId), Error> {
        require_store(wanted.provider, store, oauth)?;
        if wanted.app.is_none() && !self.verification.apps.has(wanted.provider) {
            return Err(no_app(wanted.provider).into());
        }
        let usual_name = store.unwrap_or(wanted.provider.name());
        let new = NewIntegration {
            account_id: wanted.account_id.clone(),
            provider: wanted.provider,
            name: wanted.name.clone().unwrap_or_else(|| usual_name.to_owned()),
            purpose: wanted.purpose.unwrap_or_default(),
            order_statuses: None,
            signing_secret: None,
            notification_url: None,
            currency: None,
        };
        let created = self.integrations.create(viewer, new).await?;
        self.integrations.managed(viewer, &created.id.to_string()).await
    }

    /// The integration of the account that is or was to be connected with this store: a second one would deliver its orders twice.
    async fn existing(
        &self,
        viewer: &Viewer,
        wanted: &ConnectStore,
        store: Option<&str>,
    ) -> Result<Option<(IntegrationId, AccountId)>, Error> {
        let account_id = wanted.account_id.clone().unwrap_or_else(|| viewer.account_id.to_string());
        viewer.require_seeing(&account_id)?;
        let rows = self.of_account(&account_id, wanted.provider).await?;
        let found: Vec<&str> = rows.iter().filter(|row| is_of_store(row, store)).map(|row| row.id.as_str()).collect();
        match found.as_slice() {
            [] => Ok(None),
            [id] => Ok(Some(self.integrations.managed(viewer, id).await?)),
            [_, _, ..] => {
                let message = format!(
                    "{} integrations are of this store: say which is to be connected (--integration)",
                    found.len()
                );
                Err(Refused::new("SEVERAL_INTEGRATIONS", message, Some("integrationId")).into())
            }
        }
    }
}

/// Whether it is this store's; where the platform says which store it is only afterwards, whether it was begun for one and never
/// came to it.
fn is_of_store(row: &IntegrationRow, store: Option<&str>) -> bool {
    let connection = row.connection();
    let attempted = connection.attempt.as_ref().and_then(|attempt| attempt.store.clone());
    let known = connection.known_store.or(row.store.clone());
    match store {
        Some(store) => known.or(attempted).is_some_and(|known| known == store),
        None => known.is_none() && (connection.attempt.is_some() || connection.failure.is_some()),
    }
}

fn store_of(provider: Provider, entered: Option<&str>, oauth: &dyn OAuth) -> Result<Option<String>, Refused> {
    let Some(entered) = entered.map(str::trim).filter(|entered| !entered.is_empty()) else { return Ok(None) };
    if !oauth.needs_store() {
        let message = "the platform asks which store it is: leave it out";
        return Err(Refused::new("INVALID_STORE", message, Some("store")));
    }
    let api = crate::ports::stores::api_of(provider);
    let named = api.map_or(Ok(None), |api| api.store(Some(entered)));
    named.map_err(|message| Refused::new("INVALID_STORE", message, Some("store")))
}

fn require_store(provider: Provider, store: Option<&str>, oauth: &dyn OAuth) -> Result<(), Refused> {
    if store.is_some() || !oauth.needs_store() {
        return Ok(());
    }
    let advice = crate::ports::stores::api_of(provider).and_then(|api| api.store(None).err());
    Err(Refused::new("INVALID_STORE", advice.unwrap_or("name the store"), Some("store")))
}

fn no_app(provider: Provider) -> Refused {
    let name = provider.name();
    let message = format!(
        "this server has no {name} app to connect stores with: its operator gives it one (docs/connecting-stores.md), or \
         bring one of your own (`stores connect --client-id`)"
    );
    Refused::new("NO_STORE_APP", message, Some("app"))
}
