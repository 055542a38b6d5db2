//! Whether a webhook is the store's: by the integration's own secret, or, where it has none, by the one that the operator has
//! for its platform.

use domain::integration::{Link, Provider};
use providers::{Platform, Received};
use secrecy::{ExposeSecret, SecretString};
use strum::{Display, EnumString, VariantNames};

use super::IngestRefusal;
use crate::app::stores::PlatformApps;

/// What the service is run for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, EnumString, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Environment {
    /// Nothing unsigned enters the log.
    #[default]
    Production,
    /// What no secret is known for is taken as it comes, marked and warned of.
    Development,
}

/// The secrets with which a platform signs for every store of an app.
#[derive(Clone, Debug, Default)]
pub struct PlatformSecrets {
    pub shopify: Option<SecretString>,
    pub bigcommerce: Option<SecretString>,
}

impl PlatformSecrets {
    fn of(&self, provider: Provider) -> Option<&str> {
        let secret = match provider {
            Provider::Shopify => &self.shopify,
            Provider::BigCommerce => &self.bigcommerce,
            Provider::WooCommerce | Provider::Square | Provider::Generic => &None,
        };
        secret.as_ref().map(ExposeSecret::expose_secret)
    }
}

/// How webhooks are known as their stores'.
#[derive(Clone, Debug, Default)]
pub struct Verification {
    pub environment: Environment,
    pub secrets: PlatformSecrets,
    /// The operator's apps, by which stores are connected.
    pub apps: PlatformApps,
    /// Whether a bad signature is answered 401 also where the platform stops sending to everybody on it.
    pub always_401: bool,
}

/// What is known of who sent a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Store,
    /// It cannot be known: there is no secret.
    Unknown,
}

impl Verification {
    /// Over the raw bytes, before anything of them is believed.
    pub(super) fn sender(
        &self,
        platform: &dyn Platform,
        received: &Received<'_>,
        link: &Link,
    ) -> Result<Sender, IngestRefusal> {
        let secrets: Vec<&str> = link.signing_secrets(received.at).chain(self.others(link)).collect();
        if !secrets.is_empty() || link.has_signing_secret() {
            platform.verify(received, &secrets)?;
            return Ok(Sender::Store);
        }
        match self.environment {
            Environment::Production => Err(IngestRefusal::NoSecret),
            Environment::Development => Ok(Sender::Unknown),
        }
    }

    /// Whether a secret is known with which the store of an integration, or an app there, signs.
    pub(crate) fn knows_secret(&self, link: &Link) -> bool {
        link.has_signing_secret() || self.others(link).next().is_some()
    }

    /// What may sign beside the integration's own: what an app registers is signed with its secret, also where the merchant made
    /// other webhooks by hand. Who knows the operator's secret signs for no store that another app connected.
    fn others<'a>(&'a self, link: &'a Link) -> impl Iterator<Item = &'a str> {
        let of_app = self.apps.signing_secret(link);
        let shared = self.secrets.of(link.provider).filter(|_| of_app.is_none() && !link.has_signing_secret());
        of_app.into_iter().chain(shared)
    }

    /// Whether a refusal is hidden from the platform behind a 200: too many others would have it stop sending to every store
    /// of this domain (facts of `BigCommerce`: below nine of ten in two minutes).
    pub(super) fn hides(&self, provider: Option<Provider>, refusal: &IngestRefusal) -> bool {
        !self.always_401
            && refusal.is_of_one_store()
            && provider.is_some_and(|provider| providers::of(provider).accepts_refused())
    }
}
