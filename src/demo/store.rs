//! A store that reports orders by signed webhooks over HTTP, as a real one would.

use anyhow::{Context as _, bail};
use domain::integration::Provider;
use reqwest::StatusCode;
use serde::Deserialize;

use super::orders::{self, Purchase};
use crate::ingest::signature;

pub(super) struct Store {
    pub(super) name: String,
    pub(super) provider: Provider,
    pub(super) integration_id: String,
    pub(super) url: String,
    pub(super) secret: String,
    http: reqwest::Client,
}

/// What Cloud Bridge responds to a store.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    delivery_id: Option<String>,
}

impl Store {
    pub(super) fn new(
        name: String,
        provider: Provider,
        integration_id: String,
        url: String,
        secret: String,
    ) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build().context("no HTTP client can be made")?;
        Ok(Self { name, provider, integration_id, url, secret, http })
    }

    pub(super) fn sign(&self, body: &[u8]) -> anyhow::Result<(&'static str, String)> {
        signature::sign(self.provider, &self.secret, body).context("webhooks of this provider cannot be signed yet")
    }

    /// Reports an order, with an API key beside the signature if there is one. Returns the id of its delivery.
    pub(super) async fn report(
        &self,
        order: &str,
        purchase: Purchase<'_>,
        api_key: Option<&str>,
    ) -> anyhow::Result<String> {
        let body = orders::body(self.provider, order, purchase);
        let (header, signature) = self.sign(&body)?;
        let mut request = self.request(body, purchase).header(header, signature);
        if let Some(key) = api_key {
            request = request.header("x-api-key", key);
        }
        let response = request.send().await.with_context(|| format!("the webhook of order {order} cannot be sent"))?;
        let status = response.status();
        if status != StatusCode::ACCEPTED {
            bail!("the webhook of order {order} was answered with {status}");
        }
        let receipt: Receipt = response.json().await.context("the answer to a webhook is not understood")?;
        receipt.delivery_id.with_context(|| format!("order {order} was not taken for an order"))
    }

    /// A third party reports an order in this store's name. Fails unless that is refused.
    pub(super) async fn forge(&self, order: &str, purchase: Purchase<'_>) -> anyhow::Result<()> {
        let body = orders::body(self.provider, order, purchase);
        let (header, signature) = signature::sign(self.provider, "a guess", &body)
            .context("webhooks of this provider cannot be signed yet")?;
        let response = self.request(body, purchase).header(header, signature).send().await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            bail!("a forged webhook was answered with {} instead of 401", response.status());
        }
        Ok(())
    }

    fn request(&self, body: Vec<u8>, purchase: Purchase<'_>) -> reqwest::RequestBuilder {
        let mut request = self.http.post(&self.url).header("content-type", "application/json").body(body);
        if let Some((name, topic)) = orders::topic(self.provider, purchase) {
            request = request.header(name, topic);
        }
        request
    }
}
