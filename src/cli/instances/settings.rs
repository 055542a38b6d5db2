//! What is chosen of the events of an instance, as options.

use std::path::PathBuf;

use clap::Args;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use crate::cli::input;

#[derive(Args, Debug)]
pub(super) struct SettingArgs {
    /// Tags, separated by commas; an empty one for none
    #[arg(long, env = "CLOUD_BRIDGE_TAGS", value_name = "TAGS")]
    tags: Option<String>,
    /// Whether what happens in the store is sent
    #[arg(long, env = "CLOUD_BRIDGE_EVENTS", value_name = "BOOLEAN")]
    events: Option<bool>,
    /// Where it is sent; an empty one for nowhere
    #[arg(long, env = "CLOUD_BRIDGE_NOTIFICATION_URL", value_name = "URL")]
    notification_url: Option<String>,
    /// The key of `Elements-Webhook-Signature`, in this file
    #[arg(long, env = "CLOUD_BRIDGE_SIGNATURE_KEY_FILE", value_name = "FILE")]
    signature_key_file: Option<PathBuf>,
    /// What Shopify is asked to report, separated by commas: orders/create, orders/updated
    #[arg(long, env = "CLOUD_BRIDGE_TOPICS", value_name = "TOPICS")]
    topics: Option<String>,
    /// Ask the store every so many minutes what it changed, in place of webhooks: 5 to 1440; `off` for webhooks
    #[arg(long, env = "CLOUD_BRIDGE_POLL_EVERY", value_name = "MINUTES", value_parser = poll_every)]
    poll_every: Option<u32>,
}

fn poll_every(text: &str) -> Result<u32, String> {
    if text == "off" {
        return Ok(0);
    }
    let minutes = text.parse().ok().filter(|minutes| domain::integration::POLL_MINUTES.contains(minutes));
    minutes.ok_or_else(|| "a number of minutes from 5 to 1440, or off".to_owned())
}

impl SettingArgs {
    /// As the API takes them; what is not named is left out.
    pub(super) fn input(&self) -> anyhow::Result<Map<String, Value>> {
        let list = |text: &String| -> Vec<String> {
            text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
        };
        let key = self.signature_key_file.as_deref().map(input::file).transpose()?;
        let named = [
            ("tags", self.tags.as_ref().map(list).map(|tags| json!(tags))),
            ("eventsEnabled", self.events.map(|events| json!(events))),
            ("notificationUrl", self.notification_url.as_ref().map(|url| json!(url))),
            ("signatureKey", key.map(|key| json!(key.expose_secret()))),
            ("topics", self.topics.as_ref().map(list).map(|topics| json!(topics))),
            ("pollEveryMinutes", self.poll_every.map(|minutes| json!(minutes))),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(named.collect())
    }
}

/// A code that came back from the store, and the app that it came back to.
#[derive(Args, Debug)]
pub(super) struct GrantArgs {
    /// The shop's name, as it is in the address of its admin
    #[arg(long, env = "CLOUD_BRIDGE_SHOP", value_name = "NAME", requires = "code")]
    shop: Option<String>,
    /// The code with which Shopify sent the shop's owner back; it is good for one time
    #[arg(long, env = "CLOUD_BRIDGE_CODE", value_name = "CODE", requires_all = ["shop", "client_id", "callback_url"])]
    code: Option<String>,
    /// The client id of your app at Shopify; its secret is asked for, or read from standard input
    #[arg(long, env = "CLOUD_BRIDGE_CLIENT_ID", value_name = "ID", requires = "code")]
    client_id: Option<String>,
    /// Where Shopify sent the shop's owner back to
    #[arg(long, env = "CLOUD_BRIDGE_CALLBACK_URL", value_name = "URL", requires = "code")]
    callback_url: Option<String>,
    /// What the shop was asked to allow, separated by commas [default: `read_orders,read_products,read_customers`]
    #[arg(long, env = "CLOUD_BRIDGE_SCOPE", value_name = "SCOPE", requires = "code")]
    scope: Option<String>,
}

impl GrantArgs {
    /// As the API takes it. Null where there is none.
    pub(super) fn input(&self) -> anyhow::Result<Option<Value>> {
        if self.code.is_none() {
            return Ok(None);
        }
        let secret = input::secret("The client secret of your app")?;
        Ok(Some(json!({
            "code": self.code,
            "clientId": self.client_id,
            "clientSecret": secret.expose_secret(),
            "store": self.shop,
            "callbackUrl": self.callback_url,
            "scope": self.scope,
        })))
    }
}
