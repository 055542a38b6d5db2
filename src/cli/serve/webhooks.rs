//! How `cloud-bridge serve` knows webhooks as their stores', and where it reads what webhooks only name.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser};
use secrecy::SecretString;
use strum::VariantNames as _;

use super::apps::AppArgs;
use crate::app::stores::PlatformApps;
use crate::ingest::verification::{Environment, PlatformSecrets, Verification};
use crate::ports::stores::ApiAddresses;

/// No platform's secret is longer, in bytes.
const MAX_SECRET_BYTES: u64 = 4_096;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Stores")]
pub(super) struct WebhookArgs {
    /// In `development` webhooks of integrations for which no signing secret is known are taken unsigned,
    /// with a warning
    #[arg(long, env = "CLOUD_BRIDGE_ENVIRONMENT", value_name = "NAME", default_value_t = Environment::Production, value_parser = environments())]
    environment: Environment,
    /// File with the secret of a Shopify app (`SHOPIFY_API_SECRET`): verifies for Shopify integrations without one of their own
    #[arg(long, env = "CLOUD_BRIDGE_SHOPIFY_API_SECRET_FILE", value_name = "FILE")]
    shopify_api_secret_file: Option<PathBuf>,
    /// File with the client secret of a BigCommerce app (`BC_WEBHOOK_SECRET`): verifies for BigCommerce integrations without one
    /// of their own
    #[arg(long, env = "CLOUD_BRIDGE_BC_WEBHOOK_SECRET_FILE", value_name = "FILE")]
    bc_webhook_secret_file: Option<PathBuf>,
    /// Answer 401 to BigCommerce too where a signature is wrong
    ///
    /// The default is 200 with `{"status":"refused"}`: BigCommerce stops sending to every store of this address while more
    /// than one in ten of its webhooks fail, so one wrong secret would cost all of them. The merchant sees it either way.
    #[arg(long, env = "CLOUD_BRIDGE_BIGCOMMERCE_401", value_parser = FalseyValueParser::new())]
    bigcommerce_401: bool,
    /// The API of BigCommerce, or what speaks it, like the sandbox of docs/store-sandboxes.md [default: BigCommerce's own]
    #[arg(long, env = "CLOUD_BRIDGE_BIGCOMMERCE_API_URL", value_name = "URL")]
    bigcommerce_api_url: Option<String>,
    /// The API of Square, or what speaks it, like the sandbox of docs/store-sandboxes.md [default: Square's own]
    #[arg(long, env = "CLOUD_BRIDGE_SQUARE_API_URL", value_name = "URL")]
    square_api_url: Option<String>,
    #[command(flatten)]
    apps: AppArgs,
}

/// Those that there are, so that a refusal names them.
fn environments() -> impl TypedValueParser<Value = Environment> {
    PossibleValuesParser::new(Environment::VARIANTS).try_map(|name| name.parse::<Environment>())
}

impl WebhookArgs {
    pub(super) fn verification(&self) -> anyhow::Result<Verification> {
        let secrets = PlatformSecrets {
            shopify: secret_in(self.shopify_api_secret_file.as_deref())?,
            bigcommerce: secret_in(self.bc_webhook_secret_file.as_deref())?,
        };
        if self.environment == Environment::Development {
            tracing::warn!(
                "--environment development: webhooks of integrations without a signing secret are taken unsigned, whoever \
                 sends them"
            );
        }
        Ok(Verification {
            environment: self.environment,
            secrets,
            apps: self.apps()?,
            always_401: self.bigcommerce_401,
        })
    }

    /// The apps by which stores are connected. The secret of Shopify's and of BigCommerce's is the one that verifies webhooks.
    fn apps(&self) -> anyhow::Result<PlatformApps> {
        self.apps.read(self.shopify_api_secret_file.as_deref(), self.bc_webhook_secret_file.as_deref())
    }

    pub(super) fn apis(&self) -> ApiAddresses {
        let given =
            |url: &Option<String>| url.as_deref().map(str::trim).filter(|url| !url.is_empty()).map(str::to_owned);
        ApiAddresses {
            shopify: given(&self.apps.shopify_api_url),
            bigcommerce: given(&self.bigcommerce_api_url),
            bigcommerce_login: given(&self.apps.bigcommerce_login_url),
            square: given(&self.square_api_url),
            shopify_version: self.apps.shopify_api_version.clone(),
        }
    }
}

/// The secret in a file, without the line's end. An empty one verifies nothing, so it is a mistake.
pub(super) fn secret_in(path: Option<&Path>) -> anyhow::Result<Option<SecretString>> {
    let Some(path) = path else { return Ok(None) };
    let read = || -> anyhow::Result<SecretString> {
        if std::fs::metadata(path)?.len() > MAX_SECRET_BYTES {
            bail!("it is larger than {MAX_SECRET_BYTES} bytes, which no secret is");
        }
        let text = std::fs::read_to_string(path)?;
        let secret = text.trim();
        if secret.is_empty() {
            bail!("it is empty: put the secret into it, or leave the option out");
        }
        Ok(secret.into())
    };
    read().map(Some).with_context(|| format!("the secret cannot be read from {}", path.display()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_is_read_without_its_line_end_and_an_empty_file_is_a_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "shpss_0123\n").unwrap();
        assert_eq!(secret_in(Some(&path)).unwrap().unwrap().expose_secret(), "shpss_0123");
        for useless in [String::new(), " \n".to_owned(), "x".repeat(5_000)] {
            std::fs::write(&path, useless).unwrap();
            let error = format!("{:#}", secret_in(Some(&path)).unwrap_err());
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
        assert!(secret_in(None).unwrap().is_none());
        assert!(secret_in(Some(&folder.path().join("missing"))).is_err());
    }
}
