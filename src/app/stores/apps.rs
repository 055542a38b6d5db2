//! The apps by which stores are connected: the operator's, one for each platform, and those of merchants.

use domain::integration::{Link, Provider};
use providers::App;
use secrecy::{ExposeSecret as _, SecretString};

/// An app of the operator's at a platform.
#[derive(Clone, Debug)]
pub struct PlatformApp {
    pub client_id: String,
    /// With it Shopify and BigCommerce sign the webhooks of the app, too.
    pub client_secret: SecretString,
}

/// The operator's apps.
#[derive(Clone, Debug, Default)]
pub struct PlatformApps {
    pub shopify: Option<PlatformApp>,
    pub bigcommerce: Option<PlatformApp>,
    pub square: Option<PlatformApp>,
}

impl PlatformApps {
    fn of_provider(&self, provider: Provider) -> Option<App<'_>> {
        let app = match provider {
            Provider::Shopify => self.shopify.as_ref(),
            Provider::BigCommerce => self.bigcommerce.as_ref(),
            Provider::Square => self.square.as_ref(),
            Provider::WooCommerce | Provider::Generic => None,
        };
        app.map(|app| App { client_id: &app.client_id, client_secret: app.client_secret.expose_secret() })
    }

    pub(super) fn has(&self, provider: Provider) -> bool {
        self.of_provider(provider).is_some()
    }

    /// The app by which a store is connected: the merchant's own, where there is one.
    pub(super) fn of<'a>(&'a self, link: &'a Link) -> Option<App<'a>> {
        own(link).or_else(|| self.of_provider(link.provider))
    }

    /// What the app signs webhooks with by which a store was connected, where the platform signs with the secret of an app.
    pub fn signing_secret<'a>(&'a self, link: &'a Link) -> Option<&'a str> {
        let signs = match link.provider {
            Provider::Shopify | Provider::BigCommerce => true,
            Provider::Square | Provider::WooCommerce | Provider::Generic => false,
        };
        let granted = link.store_access.as_ref()?.authorization.as_ref().filter(|_| signs)?;
        self.with_id(link, &granted.client_id).map(|app| app.client_secret)
    }

    /// The one of them that has this id.
    pub(super) fn with_id<'a>(&'a self, link: &'a Link, client_id: &str) -> Option<App<'a>> {
        let both = [own(link), self.of_provider(link.provider)];
        both.into_iter().flatten().find(|app| app.client_id == client_id)
    }
}

fn own(link: &Link) -> Option<App<'_>> {
    let app = link.app.as_ref()?;
    let client_secret = app.client_secret.known().map(String::as_str)?;
    Some(App { client_id: &app.client_id, client_secret })
}
