//! The apps by which `cloud-bridge serve` connects stores, and where their platforms are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use chrono::{Months, NaiveDate};
use clap::Args;
use event_log::clock::Clock;

use super::webhooks::secret_in;
use crate::app::stores::{PlatformApp, PlatformApps};

/// Shopify serves a version of its API for at least so many months.
const SERVED_MONTHS: u32 = 12;
/// So many months before its end a version is warned of.
const WARNED_MONTHS: u32 = 3;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connecting stores")]
pub(super) struct AppArgs {
    /// Client id of a Shopify app, by which shops are connected; with --shopify-api-secret-file (docs/connecting-stores.md)
    #[arg(long, env = "CLOUD_BRIDGE_SHOPIFY_CLIENT_ID", value_name = "ID", requires = "shopify_api_secret_file")]
    shopify_client_id: Option<String>,
    /// Client id of a BigCommerce app, by which stores are connected; with --bc-webhook-secret-file
    #[arg(long, env = "CLOUD_BRIDGE_BIGCOMMERCE_CLIENT_ID", value_name = "ID", requires = "bc_webhook_secret_file")]
    bigcommerce_client_id: Option<String>,
    /// Id of a Square application, by which sellers are connected; with --square-application-secret-file
    #[arg(
        long,
        env = "CLOUD_BRIDGE_SQUARE_APPLICATION_ID",
        value_name = "ID",
        requires = "square_application_secret_file"
    )]
    square_application_id: Option<String>,
    /// File with the OAuth secret of the Square application
    #[arg(
        long,
        env = "CLOUD_BRIDGE_SQUARE_APPLICATION_SECRET_FILE",
        value_name = "FILE",
        requires = "square_application_id"
    )]
    square_application_secret_file: Option<PathBuf>,
    /// The API of Shopify, or what speaks it; `{store}` stands for the shop's domain [default: `https://{store}`]
    #[arg(long, env = "CLOUD_BRIDGE_SHOPIFY_API_URL", value_name = "URL")]
    pub(super) shopify_api_url: Option<String>,
    /// The version of Shopify's Admin API [default: the one that this version was written for]
    #[arg(long, env = "CLOUD_BRIDGE_SHOPIFY_API_VERSION", value_name = "YYYY-MM", value_parser = version)]
    pub(super) shopify_api_version: Option<String>,
    /// Where BigCommerce lets apps be authorised, or what does it in its place [default: BigCommerce's own]
    #[arg(long, env = "CLOUD_BRIDGE_BIGCOMMERCE_LOGIN_URL", value_name = "URL")]
    pub(super) bigcommerce_login_url: Option<String>,
}

impl AppArgs {
    pub(super) fn read(&self, shopify: Option<&Path>, bigcommerce: Option<&Path>) -> anyhow::Result<PlatformApps> {
        let square = self.square_application_secret_file.as_deref();
        if let Some(version) = &self.shopify_api_version {
            warn_of_end(version, Clock::default().now().date_naive());
        }
        Ok(PlatformApps {
            shopify: app("Shopify", self.shopify_client_id.as_deref(), shopify)?,
            bigcommerce: app("BigCommerce", self.bigcommerce_client_id.as_deref(), bigcommerce)?,
            square: app("Square", self.square_application_id.as_deref(), square)?,
        })
    }
}

fn app(name: &str, client_id: Option<&str>, secret: Option<&Path>) -> anyhow::Result<Option<PlatformApp>> {
    let Some(client_id) = client_id.map(str::trim).filter(|id| !id.is_empty()) else { return Ok(None) };
    if !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("the client id of the {name} app has characters that no id has");
    }
    let secret = secret_in(secret)?.with_context(|| format!("the {name} app has an id and no secret"))?;
    Ok(Some(PlatformApp { client_id: client_id.to_owned(), client_secret: secret }))
}

fn version(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text == "unstable" || released(text).is_some() { Ok(text.to_owned()) } else { Err("write it like 2026-07") }
}

/// The day on which a version came out.
fn released(version: &str) -> Option<NaiveDate> {
    let (year, month) = version.split_once('-')?;
    let is_quarter = ["01", "04", "07", "10"].contains(&month) && year.len() == 4;
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1).filter(|_| is_quarter)
}

fn warn_of_end(version: &str, today: NaiveDate) {
    let Some(ends) = end_of(version) else { return };
    if today >= ends {
        tracing::warn!(version, %ends, "this version of Shopify's API may not be served any more: name a later one");
    } else if today >= ends - Months::new(WARNED_MONTHS) {
        tracing::warn!(version, %ends, "this version of Shopify's API is served only until then: name a later one");
    }
}

fn end_of(version: &str) -> Option<NaiveDate> {
    released(version)?.checked_add_months(Months::new(SERVED_MONTHS))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_version_is_one_of_the_four_of_a_year() {
        for text in ["2026-07", " 2025-10 ", "unstable"] {
            assert_eq!(version(text).as_deref(), Ok(text.trim()));
        }
        for text in ["", "2026", "2026-7", "2026-05", "26-07", "latest", "2026-07-01", "2026-07/../x"] {
            assert!(version(text).is_err(), "{text}");
        }
        assert_eq!(end_of("2026-07"), NaiveDate::from_ymd_opt(2027, 7, 1));
        assert_eq!(end_of("unstable"), None);
    }

    #[test]
    fn an_app_is_an_id_and_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "shpss_0123\n").unwrap();
        let read = app("Shopify", Some(" id "), Some(&path)).unwrap().unwrap();
        assert_eq!((&*read.client_id, read.client_secret.expose_secret()), ("id", "shpss_0123"));
        assert!(app("Shopify", None, Some(&path)).unwrap().is_none());
        assert!(app("Shopify", Some("id"), None).is_err());
        assert!(app("Shopify", Some("i d"), Some(&path)).is_err());
    }
}
