//! How the store of an instance is authorised: by an app that the program brings, whose owner comes back to the program. It hands
//! over the code, which becomes a token here.

use domain::IntegrationId;
use domain::integration::{ConnectionAttempt, Grant, IntegrationCommand};
use event_log::ids;
use providers::{App, Authorize, Callback, StoreApi};
use secrecy::ExposeSecret as _;

use super::{Instances, NewGrant, PROVIDER};
use crate::app::error::{Error, Refused};
use crate::app::keys;
use crate::app::stores::{MAX_ATTEMPT, NotGranted};
use crate::app::viewer::Viewer;
use crate::ports::stores::api_of;

/// What a store is asked to allow where nothing is named: reading what topics report, and nothing more.
pub const DEFAULT_SCOPE: &str = "read_orders,read_products,read_customers";
/// Longest code, address or scope that goes into a request, in characters.
const MAX_CHARS: usize = 2_000;

/// What is to be in the address to which the owner of a store is sent.
pub struct OauthUrl<'a> {
    pub client_id: &'a str,
    pub callback_url: &'a str,
    pub store: &'a str,
    pub scope: &'a str,
    pub state: &'a str,
}

/// Why a code became no token.
pub enum GrantRefused {
    /// Something that was entered is wrong.
    Refused(Refused),
    /// The platform does not take the code, or the app.
    Platform(String),
    /// The platform could not be reached, or said nothing that means something.
    Unavailable(String),
}

impl From<GrantRefused> for Error {
    fn from(refused: GrantRefused) -> Self {
        match refused {
            GrantRefused::Refused(refused) => refused.into(),
            GrantRefused::Unavailable(reason) => Refused::new("STORE_UNAVAILABLE", reason, Some("code")).into(),
            GrantRefused::Platform(reason) => Refused::new("GRANT_REFUSED", reason, Some("code")).into(),
        }
    }
}

impl Instances {
    /// The address to which the owner of a store is sent. Nothing is stored.
    pub fn oauth_url(&self, wanted: &OauthUrl<'_>) -> Result<String, Error> {
        let texts = [wanted.client_id, wanted.callback_url, wanted.scope, wanted.state];
        if texts.iter().any(|text| text.chars().count() > MAX_CHARS) {
            return Err(Refused::new("TOO_LONG", "a parameter is too long", None).into());
        }
        if !["https://", "http://"].iter().any(|scheme| wanted.callback_url.starts_with(scheme)) {
            let message = "callbackUrl is an address that begins with https:// or http://";
            return Err(Refused::new("INVALID_URL", message, Some("callbackUrl")).into());
        }
        let store = shop(wanted.store)?;
        let scopes = scopes(wanted.scope);
        let authorize = Authorize {
            client_id: wanted.client_id,
            scopes: &scopes,
            redirect_uri: wanted.callback_url,
            state: wanted.state,
        };
        self.stores.login_url(PROVIDER, Some(&store), &authorize)
    }

    /// Has the platform take the code, which is good for one time.
    pub(super) async fn exchange(&self, new: &NewGrant) -> Result<Grant, GrantRefused> {
        let store = shop(&new.store).map_err(GrantRefused::Refused)?;
        if new.code.is_empty() || new.code.len() > MAX_CHARS {
            let message = "providerData.code is the code that came back from the store";
            return Err(GrantRefused::Refused(Refused::new("INVALID_CODE", message, Some("code"))));
        }
        let app = App { client_id: &new.client_id, client_secret: new.client_secret.expose_secret() };
        let callback = Callback { code: new.code.clone(), store: Some(store), context: vec![] };
        let granted = self.stores.granted(PROVIDER, (&callback, &app), &new.callback_url, &scopes(&new.scope)).await;
        granted.map_err(
            |NotGranted { reason, is_of_code }| {
                if is_of_code { GrantRefused::Platform(reason) } else { GrantRefused::Unavailable(reason) }
            },
        )
    }

    /// Saves what was granted with the integration, and the app by which it was.
    pub(super) async fn connect(
        &self,
        viewer: &Viewer,
        of: (IntegrationId, domain::AccountId),
        (new, grant): (&NewGrant, Grant),
    ) -> Result<(), Error> {
        let save = IntegrationCommand::SaveStoreApp {
            client_id: new.client_id.clone(),
            client_secret: new.client_secret.clone(),
        };
        self.integrations.execute(viewer, of, save).await?;
        let now = self.data.now();
        let attempt = ConnectionAttempt {
            id: ids::fresh(),
            store: grant.store.clone(),
            scopes: scopes(&new.scope),
            client_id: new.client_id.trim().to_owned(),
            // No page is opened for it.
            link_hash: keys::hash(&keys::new_link_secret()),
            expires_at: now + MAX_ATTEMPT,
            makes_way: false,
        };
        let attempt_id = attempt.id;
        self.integrations.execute(viewer, of, IntegrationCommand::StartConnecting { attempt }).await?;
        let complete = IntegrationCommand::CompleteConnecting { attempt_id, grant, now };
        self.integrations.execute(viewer, of, complete).await?;
        Ok(())
    }
}

/// The permanent domain of a shop, by whatever names it.
pub(super) fn shop(entered: &str) -> Result<String, Refused> {
    let named = api_of(PROVIDER).map_or(Ok(None), |api: &dyn StoreApi| api.store(Some(entered)));
    let named = named.map_err(|message| Refused::new("INVALID_STORE", message, Some("store")))?;
    named.ok_or_else(|| Refused::new("INVALID_STORE", "name the shop", Some("store")))
}

fn scopes(scope: &str) -> Vec<String> {
    scope.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}
