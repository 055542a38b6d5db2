//! The environment, read in one place.

use std::env::VarError;

use crate::{Builder, WebhookHandler};

const SECRET: &str = "WEBHOOK_SECRET";
const URL: &str = "WEBHOOK_URL";
/// How a secret of the gateway begins.
const GATEWAY_PREFIX: &str = "whsec_";

/// Why the environment makes no handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvError {
    /// There is no secret.
    #[error("{SECRET} is not set: set it to the secret that signs the webhooks, as the platform shows it")]
    Missing,
    /// Anyone can sign with an empty secret, and an empty URL is none.
    #[error("{0} is empty: give it a value, or do not set it")]
    Empty(&'static str),
    /// It is not UTF-8.
    #[error("{0} is not valid UTF-8: copy it again, as the platform shows it")]
    NotText(&'static str),
}

/// What the environment says of the sender.
pub(crate) fn builder(variable: impl Fn(&str) -> Result<String, VarError>) -> Result<Builder, EnvError> {
    let filled = |name: &'static str| match variable(name) {
        Ok(value) if value.trim().is_empty() => Err(EnvError::Empty(name)),
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(EnvError::NotText(name)),
    };
    let (secret, url) = (filled(SECRET)?.ok_or(EnvError::Missing)?, filled(URL)?);
    let builder = WebhookHandler::builder();
    Ok(match url {
        _ if secret.trim().starts_with(GATEWAY_PREFIX) => builder.gateway_secret(secret),
        Some(url) => builder.square(secret, url),
        None => builder.shopify_secret(secret),
    })
}

#[expect(clippy::disallowed_methods, reason = "this is the edge at which the environment is read")]
pub(crate) fn variable(name: &str) -> Result<String, VarError> {
    std::env::var(name)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::Sender;

    const GATEWAY: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    const ADDRESS: &str = "https://shop.example.com/api/webhooks";

    fn of(secret: Result<&str, VarError>, url: Option<&str>) -> Result<Builder, EnvError> {
        builder(|name| match name {
            SECRET => secret.clone().map(str::to_owned),
            URL => url.map(str::to_owned).ok_or(VarError::NotPresent),
            other => panic!("{other} must not be read"),
        })
    }

    #[tokio::test]
    async fn the_secret_says_whose_it_is() {
        for (secret, url, sender) in [
            ("shpss_1", None, Sender::Shopify),
            ("a-signature-key", Some(ADDRESS), Sender::Square),
            (GATEWAY, None, Sender::Gateway),
            (GATEWAY, Some(ADDRESS), Sender::Gateway),
        ] {
            let builder = of(Ok(secret), url).unwrap().on_order_complete(|_| async {});
            let shown = format!("{:?}", builder.build().unwrap());
            assert!(shown.contains(&format!("senders: [{sender:?}]")), "{shown}");
        }
    }

    #[test]
    fn a_variable_that_is_missing_or_says_nothing_is_named_with_what_to_do() {
        let not_unicode = Err(VarError::NotUnicode(OsString::new()));
        for (secret, url, error) in [
            (Err(VarError::NotPresent), None, EnvError::Missing),
            (Err(VarError::NotPresent), Some(ADDRESS), EnvError::Missing),
            (Ok(" "), None, EnvError::Empty(SECRET)),
            (Ok("shpss_1"), Some(""), EnvError::Empty(URL)),
            (not_unicode, None, EnvError::NotText(SECRET)),
        ] {
            assert_eq!(of(secret, url).unwrap_err(), error);
        }
        assert_eq!(
            EnvError::Missing.to_string(),
            "WEBHOOK_SECRET is not set: set it to the secret that signs the webhooks, as the platform shows it"
        );
    }
}
