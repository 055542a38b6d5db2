//! Where the APIs of platforms are.

use domain::integration::Provider;
use providers::{ApiRequest, StoreApi};
use reqwest::Url;

use super::calls::{CallFailure, Part, Target};
use super::{AddressError, StoreClient};
use crate::ports::address::api_address;

/// Stands for the store in an address.
const STORE: &str = "{store}";
/// Stands for the version of the API in a path.
const VERSION: &str = "{version}";

/// The addresses of the platforms' APIs, where they are not the platforms' own. `{store}` in them stands for the store.
#[derive(Clone, Debug, Default)]
pub struct ApiAddresses {
    pub shopify: Option<String>,
    pub bigcommerce: Option<String>,
    /// Where BigCommerce's stores are authorised, which is not where its API is.
    pub bigcommerce_login: Option<String>,
    pub square: Option<String>,
    /// The version of Shopify's API, where it is not the one that its shapes were read of.
    pub shopify_version: Option<String>,
}

impl ApiAddresses {
    pub(super) fn checked(&self) -> Result<Self, AddressError> {
        let address = |address: &Option<String>| address.as_deref().map(checked).transpose();
        Ok(Self {
            shopify: address(&self.shopify)?,
            bigcommerce: address(&self.bigcommerce)?,
            bigcommerce_login: address(&self.bigcommerce_login)?,
            square: address(&self.square)?,
            shopify_version: self.shopify_version.clone(),
        })
    }

    fn named(&self, provider: Provider, part: Part) -> Option<&str> {
        let named = match (provider, part) {
            (Provider::Shopify, _) => &self.shopify,
            (Provider::BigCommerce, Part::Api) => &self.bigcommerce,
            (Provider::BigCommerce, Part::Login) => &self.bigcommerce_login,
            (Provider::Square, _) => &self.square,
            (Provider::WooCommerce | Provider::Generic, _) => &None,
        };
        named.as_deref()
    }

    pub(super) fn version<'a>(&'a self, provider: Provider, api: &dyn StoreApi) -> Option<&'a str> {
        let named = self.shopify_version.as_deref().filter(|_| provider == Provider::Shopify);
        named.or_else(|| api.version())
    }
}

/// A URL to be called.
pub(super) struct CalledUrl {
    pub(super) url: Url,
    /// Whether the operator named where it is.
    pub(super) is_named: bool,
}

impl StoreClient {
    pub(super) fn url(&self, target: &Target<'_>, request: &ApiRequest) -> Result<CalledUrl, CallFailure> {
        let named = self.addresses.named(target.provider, target.part);
        let base = base(target, named)?;
        let version = self.addresses.version(target.provider, target.api).unwrap_or_default();
        let url = format!("{base}{}", request.path.replacen(VERSION, version, 1));
        if named.is_some() {
            let url = Url::parse(&url).map_err(|_| CallFailure::lost("the address of its API is no URL"))?;
            return Ok(CalledUrl { url, is_named: true });
        }
        Ok(CalledUrl { url: self.outbound.checked(&url)?.into_url(), is_named: false })
    }

    /// Where the owner of a store is sent to authorise it.
    pub fn login_url(&self, target: &Target<'_>, path: &str) -> Result<String, CallFailure> {
        let named = self.addresses.named(target.provider, Part::Login);
        Ok(format!("{}{path}", base(target, named)?))
    }
}

fn base(target: &Target<'_>, named: Option<&str>) -> Result<String, CallFailure> {
    let own = match (target.part, target.api.oauth()) {
        (Part::Login, Some(oauth)) => oauth.login_address(),
        (Part::Login, None) | (Part::Api, _) => target.api.address(),
    };
    let base = named.unwrap_or(own);
    match (base.contains(STORE), target.store) {
        (false, _) => Ok(base.to_owned()),
        (true, Some(store)) => Ok(base.replacen(STORE, store, 1)),
        (true, None) => Err(CallFailure::lost("which store it is was never said")),
    }
}

/// With the place of the store as it was written, which a URL would escape.
fn checked(address: &str) -> Result<String, AddressError> {
    api_address(&address.replacen(STORE, "store", 1))?;
    Ok(address.trim().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_store_stays_in_an_address() {
        assert_eq!(checked("http://127.0.0.1:4010/shopify/{store}/").unwrap(), "http://127.0.0.1:4010/shopify/{store}");
        assert_eq!(checked("https://{store}").unwrap(), "https://{store}");
        assert!(checked("file:///{store}").is_err());
    }
}
