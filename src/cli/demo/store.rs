//! A store that reports orders by signed webhooks over HTTP, as a real one would.

use anyhow::{Context as _, bail};
use domain::integration::Provider;
use event_log::clock::Clock;
use providers::{Outgoing, Purchase, Sample};
use reqwest::StatusCode;
use serde::Deserialize;

/// The headers of a signature, name and value.
type Signed = Vec<(&'static str, String)>;

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

    /// The headers that sign a body, name and value.
    pub(super) fn sign(&self, body: &[u8]) -> anyhow::Result<Signed> {
        self.signed_with(&self.secret, body)
    }

    fn signed_with(&self, secret: &str, body: &[u8]) -> anyhow::Result<Signed> {
        let outgoing = Outgoing { address: &self.url, body, at: Clock::default().now() };
        let headers = providers::of(self.provider).sign(&outgoing, secret);
        if headers.is_empty() {
            bail!("webhooks of this provider cannot be signed yet");
        }
        Ok(headers)
    }

    /// Reports an order, with an API key beside the signature if there is one. Returns the id of its delivery.
    pub(super) async fn report(
        &self,
        order: &str,
        purchase: Purchase<'_>,
        api_key: Option<&str>,
    ) -> anyhow::Result<String> {
        self.send(order, self.sample(order, purchase), api_key).await
    }

    /// Sends a webhook about an order. Returns the id of its delivery.
    pub(super) async fn send(&self, order: &str, sample: Sample, api_key: Option<&str>) -> anyhow::Result<String> {
        let signed = self.sign(&sample.body)?;
        let mut request = self.request(sample, signed);
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
        let sample = self.sample(order, purchase);
        let forged = self.signed_with("a guess", &sample.body)?;
        let response = self.request(sample, forged).send().await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            bail!("a forged webhook was answered with {} instead of 401", response.status());
        }
        Ok(())
    }

    fn sample(&self, order: &str, purchase: Purchase<'_>) -> Sample {
        providers::of(self.provider).sample(order, &purchase)
    }

    fn request(&self, sample: Sample, signed: Signed) -> reqwest::RequestBuilder {
        let mut request = self.http.post(&self.url).header("content-type", "application/json").body(sample.body);
        if let Some((name, topic)) = sample.topic {
            request = request.header(name, topic);
        }
        signed.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}
