//! Connecting stores: integrations, their secrets and their item mappings.

mod mappings;
mod reading;
mod store_access;
mod suggestions;
mod unread_orders;

use chrono::{DateTime, Utc};
use domain::commerce::Currency;
use domain::integration::{
    CreateIntegration, Integration, IntegrationCommand, IntegrationRefusal, Provider, Purpose, WEAK_SECRET_CHARS,
    is_weak_secret, require_signed_address,
};
use domain::{AccountId, IntegrationId};
use event_log::{Committed, ids};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::{Error, Refused};
use super::identifiers::Identifiers;
use super::keys;
use super::limits::Limits;
use super::links::{CurrentLink, Links, webhook_url};
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;
use crate::ports::stores::api_of;

pub use mappings::{AddedMappings, NewMapping};
pub use suggestions::{Suggestion, Suggestions};
pub use unread_orders::{UnreadOrder, why_unread};

/// What can be done with integrations. Cheap to clone.
#[derive(Clone)]
pub struct Integrations {
    pub(super) data: LogAndViews,
    links: Links,
    limits: Limits,
    identifiers: Identifiers,
    /// Under which stores reach the service, without a slash at its end.
    public_url: String,
}

/// An integration to be created.
pub struct NewIntegration {
    /// None for the caller's own account.
    pub account_id: Option<String>,
    pub provider: Provider,
    pub name: String,
    pub purpose: Purpose,
    /// None for those that are usual with the provider.
    pub order_statuses: Option<Vec<String>>,
    /// Where the store chose the secret. Otherwise one is made, unless the store signs with one of its own.
    pub signing_secret: Option<SecretString>,
    /// The address that the store has for its webhooks, where it is not the integration's own.
    pub notification_url: Option<String>,
    /// What the store's prices are in.
    pub currency: Option<String>,
}

/// An integration with its secret, which is shown this once.
pub struct Created {
    pub id: IntegrationId,
    /// None where the store signs with one of its own, which is handed over later.
    pub secret: Option<String>,
    /// That the secret can be guessed.
    pub warning: Option<String>,
}

/// What is changed of an integration: what is None stays.
#[derive(Default)]
pub struct IntegrationChanges {
    pub name: Option<String>,
    pub order_statuses: Option<Vec<String>>,
    pub active: Option<bool>,
    pub purpose: Option<Purpose>,
    pub notification_url: Option<String>,
    pub currency: Option<String>,
    /// In minutes, in place of webhooks; 0 for webhooks.
    pub poll_every: Option<u32>,
}

impl Integrations {
    /// Stores reach the service under `public_url`, which has no slash at its end.
    pub fn new(data: LogAndViews, links: Links, limits: Limits, identifiers: Identifiers, public_url: String) -> Self {
        Self { data, links, limits, identifiers, public_url }
    }

    pub async fn create(&self, viewer: &Viewer, new: NewIntegration) -> Result<Created, Error> {
        let account_id = match &new.account_id {
            None => viewer.account_id,
            Some(id) => match id.parse::<AccountId>() {
                Ok(id) if viewer.sees(&id.to_string()) && self.account_exists(id).await? => id,
                _ => return Err(Refused::not_found("accountId").into()),
            },
        };
        viewer.require_managing(&account_id.to_string())?;
        if let Some(secret) = &new.signing_secret {
            refuse_unusable(secret.expose_secret())?;
        }
        self.limits.allow_integration(&self.data.views, account_id).await??;
        if new.currency.as_deref().is_some_and(|currency| Currency::parse(currency).is_none()) {
            return Err(Refused::from(IntegrationRefusal::InvalidCurrency).into());
        }
        if new.notification_url.is_some() {
            require_signed_address(new.provider).map_err(Refused::from)?;
        }
        let given = new.signing_secret.map(|secret| secret.expose_secret().trim().to_owned());
        let secret = given.or_else(|| (!new.provider.chooses_secret()).then(keys::new_signing_secret));
        let id = IntegrationId(ids::fresh());
        let own_url = || self.own_address(new.provider, id);
        let create = IntegrationCommand::Create(CreateIntegration {
            account_id,
            provider: new.provider,
            name: new.name,
            purpose: new.purpose,
            signing_secret: secret.as_deref().map(Into::into),
            notification_url: new.notification_url.unwrap_or_else(own_url),
            order_statuses: new.order_statuses,
        });
        self.execute(viewer, (id, account_id), create).await?;
        if let Some(currency) = new.currency {
            let currency = IntegrationCommand::ChangeCurrency { currency };
            self.execute(viewer, (id, account_id), currency).await?;
        }
        Ok(Created { id, warning: secret.as_deref().and_then(warning_of), secret })
    }

    /// Renames, switches on or off, or changes which order statuses are delivered or which address the store has: each is an event of its own, and the first
    /// that is refused ends it.
    pub async fn update(&self, viewer: &Viewer, id: &str, changes: IntegrationChanges) -> Result<IntegrationId, Error> {
        let of = self.managed(viewer, id).await?;
        let switched = |active| if active { IntegrationCommand::Activate } else { IntegrationCommand::Deactivate };
        let IntegrationChanges { name, order_statuses, active, purpose, notification_url, currency, poll_every } =
            changes;
        let purpose = purpose.map(|purpose| IntegrationCommand::ChangePurpose { purpose });
        let name = name.map(|name| IntegrationCommand::Rename { name });
        let statuses = order_statuses.map(|order_statuses| IntegrationCommand::ChangeOrderStatuses { order_statuses });
        let url =
            notification_url.map(|notification_url| IntegrationCommand::ChangeNotificationUrl { notification_url });
        let currency = currency.map(|currency| IntegrationCommand::ChangeCurrency { currency });
        if poll_every.is_some_and(|minutes| minutes > 0) {
            let provider = self.link(of.0).await?.provider;
            if api_of(provider).is_none_or(|api| api.order_lists().is_none()) {
                let message = format!("a store of {} cannot be asked what it changed", provider.name());
                return Err(Refused::new("CANNOT_POLL", message, Some("pollEveryMinutes")).into());
            }
        }
        let polling = poll_every
            .map(|minutes| IntegrationCommand::ChangePolling { every_minutes: (minutes > 0).then_some(minutes) });
        for command in [name, statuses, purpose, url, currency, polling, active.map(switched)].into_iter().flatten() {
            self.execute(viewer, of, command).await?;
        }
        Ok(of.0)
    }

    /// Sets the secret that a store chose; the old one stays valid for `overlap_hours`. Returns a warning where the secret can
    /// be guessed: a store may use it already.
    pub async fn set_secret(
        &self,
        viewer: &Viewer,
        id: &str,
        secret: &SecretString,
        overlap_hours: i32,
    ) -> Result<(IntegrationId, Option<String>), Error> {
        let secret = secret.expose_secret().trim();
        refuse_unusable(secret)?;
        let (overlap_hours, now) = (overlap(overlap_hours)?, self.data.now());
        let of = self.managed(viewer, id).await?;
        let set = IntegrationCommand::SetSigningSecret { secret: secret.into(), now, overlap_hours };
        self.execute(viewer, of, set).await?;
        Ok((of.0, warning_of(secret)))
    }

    /// Makes a new secret, which is returned this once; the old one stays valid for `overlap_hours`.
    pub async fn rotate_secret(
        &self,
        viewer: &Viewer,
        id: &str,
        overlap_hours: i32,
    ) -> Result<(IntegrationId, String), Error> {
        let (overlap_hours, now) = (overlap(overlap_hours)?, self.data.now());
        let of = self.managed(viewer, id).await?;
        let secret = keys::new_signing_secret();
        let rotate = IntegrationCommand::RotateSigningSecret { secret: secret.as_str().into(), now, overlap_hours };
        self.execute(viewer, of, rotate).await?;
        Ok((of.0, secret))
    }

    async fn account_exists(&self, id: AccountId) -> Result<bool, Error> {
        let account = self.data.log.current::<domain::account::Account>(id).await?;
        Ok(account.aggregate.merchant().is_some())
    }

    /// The integration and whose it is, where the caller may change it.
    pub(super) async fn managed(&self, viewer: &Viewer, id: &str) -> Result<(IntegrationId, AccountId), Error> {
        let not_found = || Refused::not_found("integrationId");
        let id: IntegrationId = id.parse().map_err(|_| not_found())?;
        let owner = self.links.find(id).await?.ok_or_else(not_found)?.account_id;
        viewer.require_managing(&owner.to_string())?;
        if viewer.manages(&owner.to_string()) { Ok((id, owner)) } else { Err(not_found().into()) }
    }

    /// The integration as the log says at this moment, if there is one.
    pub(super) async fn found(&self, id: IntegrationId) -> Result<Option<CurrentLink>, Error> {
        Ok(self.links.latest(id).await?)
    }

    /// The same of one that there is.
    pub(super) async fn link(&self, id: IntegrationId) -> Result<CurrentLink, Error> {
        self.found(id).await?.ok_or_else(|| Refused::not_found("integrationId").into())
    }

    /// Whether the account may have one more.
    pub(super) async fn allow_one_more(&self, account_id: AccountId) -> Result<(), Error> {
        Ok(self.limits.allow_integration(&self.data.views, account_id).await??)
    }

    /// Where the webhooks of an integration are posted, unless it has another address.
    pub(super) fn own_address(&self, provider: Provider, id: IntegrationId) -> String {
        webhook_url(&self.public_url, provider.as_str(), &id)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.data.now()
    }

    pub(super) async fn execute(
        &self,
        viewer: &Viewer,
        (id, owner): (IntegrationId, AccountId),
        command: IntegrationCommand,
    ) -> Result<Committed<Integration>, Error> {
        let actor = viewer.actor(Some(&owner.to_string()));
        let committed = self.data.log.execute::<Integration>(id, command, &actor).await?;
        self.data.wait_for_views(committed.position).await;
        Ok(committed)
    }
}

fn overlap(hours: i32) -> Result<u32, Refused> {
    let negative = |_| Refused::new("OVERLAP_TOO_SHORT", "an overlap cannot be negative", Some("overlapHours"));
    u32::try_from(hours).map_err(negative)
}

/// No store shows a secret with a control character in it, so one is a mistake in copying, and no signature would ever fit.
fn refuse_unusable(secret: &str) -> Result<(), Refused> {
    if secret.trim().chars().any(char::is_control) {
        let message = "a signing secret has no control characters: copy it once more";
        return Err(Refused::new("INVALID_SECRET", message, Some("signingSecret")));
    }
    Ok(())
}

fn warning_of(secret: &str) -> Option<String> {
    is_weak_secret(secret).then(|| {
        format!(
            "a signing secret of fewer than {WEAK_SECRET_CHARS} characters, of few different ones or of a common word can \
             be guessed, and who guesses it can send orders: choose a longer one in the store, and set that"
        )
    })
}
