//! Who signs webhooks: known by the headers, believed by the signature.

use std::fmt;

use chrono::{DateTime, Utc};
use commerce::{Currency, Secret};
use domain::integration::Provider;
use http::{HeaderMap, Uri};
use providers::{Received, SignatureRefusal};
use signing::standard_webhooks;

use crate::builder::BuildError;
use crate::refusal::Refusal;

/// Secrets of one sender. Two are needed while one is changed.
pub(crate) const MAX_SECRETS: usize = 16;

/// Of samples of a gateway (`cloud-bridge endpoints test`), and of nothing else.
const TEST_HEADER: &str = "webhook-test";

/// Who signed a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sender {
    /// A shop on Shopify. The signature is over the body alone: headers such as the topic are not signed.
    Shopify,
    /// A seller on Square. The signature is over the address of the webhook and the body.
    Square,
    /// A commerce gateway. The signature is that of Standard Webhooks, over an id, a time and the body.
    Gateway,
}

impl Sender {
    const ALL: [Self; 3] = [Self::Shopify, Self::Square, Self::Gateway];

    /// Its name as people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shopify => "Shopify",
            Self::Square => "Square",
            Self::Gateway => "the gateway",
        }
    }

    /// Whether a webhook that this sender signed is a sample, by which somebody tries the endpoint. The header is not signed: who adds
    /// it to a webhook on its way could as well have dropped that.
    pub(crate) fn marks_as_sample(self, headers: &HeaderMap) -> bool {
        match self {
            Self::Gateway => headers.get(TEST_HEADER).is_some_and(|value| value == "true"),
            Self::Shopify | Self::Square => false,
        }
    }

    fn has_signed(self, headers: &HeaderMap) -> bool {
        match self {
            Self::Shopify => providers::of(Provider::Shopify).is_signed(headers),
            Self::Square => providers::of(Provider::Square).is_signed(headers),
            Self::Gateway => standard_webhooks::is_in(headers),
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A webhook subscription of Square.
pub(crate) struct Subscription {
    pub(crate) key: String,
    /// As it was entered at Square, to the letter.
    pub(crate) address: String,
}

/// The senders as they were configured.
#[derive(Default)]
pub(crate) struct Unchecked {
    pub(crate) shopify: Vec<String>,
    pub(crate) shopify_currency: Option<String>,
    pub(crate) square: Vec<Subscription>,
    pub(crate) gateway: Vec<String>,
}

/// The secrets of the senders that a handler takes webhooks of.
#[derive(Default)]
pub(crate) struct Senders {
    pub(crate) shopify: Vec<String>,
    /// In which Shopify's prices are.
    pub(crate) shopify_currency: Option<Currency>,
    pub(crate) square: Vec<Subscription>,
    pub(crate) gateway: Vec<Secret>,
}

impl Unchecked {
    /// None of the secrets is empty, and each is what its sender could sign with.
    pub(crate) fn check(self) -> Result<Senders, BuildError> {
        let shopify = self.shopify.iter().map(|secret| filled(Sender::Shopify, secret));
        let currency = |code: String| Currency::parse(&code).ok_or(BuildError::InvalidCurrency);
        let gateway = self
            .gateway
            .iter()
            .map(|secret| Secret::parse(&filled(Sender::Gateway, secret)?).map_err(BuildError::InvalidGatewaySecret));
        let senders = Senders {
            shopify: shopify.collect::<Result<_, _>>()?,
            shopify_currency: self.shopify_currency.map(currency).transpose()?,
            square: self.square.into_iter().map(Subscription::check).collect::<Result<_, _>>()?,
            gateway: gateway.collect::<Result<_, _>>()?,
        };
        if senders.configured().next().is_none() {
            return Err(BuildError::NoSender);
        }
        let too_many = senders.configured().find(|sender| senders.secrets_of(*sender) > MAX_SECRETS);
        match too_many {
            Some(sender) => Err(BuildError::TooManySecrets(sender)),
            None => Ok(senders),
        }
    }
}

impl Subscription {
    fn check(self) -> Result<Self, BuildError> {
        let (key, address) = (filled(Sender::Square, &self.key)?, self.address.trim().to_owned());
        let uri: Option<Uri> = address.parse().ok();
        let is_address = uri.is_some_and(|uri| uri.scheme().is_some() && uri.authority().is_some());
        if is_address { Ok(Self { key, address }) } else { Err(BuildError::InvalidAddress) }
    }
}

/// A secret without what was copied around it.
fn filled(sender: Sender, secret: &str) -> Result<String, BuildError> {
    let secret = secret.trim();
    if secret.is_empty() { Err(BuildError::EmptySecret(sender)) } else { Ok(secret.to_owned()) }
}

impl Senders {
    pub(crate) fn configured(&self) -> impl Iterator<Item = Sender> + '_ {
        Sender::ALL.into_iter().filter(|sender| self.secrets_of(*sender) > 0)
    }

    pub(crate) fn secrets_of(&self, sender: Sender) -> usize {
        match sender {
            Sender::Shopify => self.shopify.len(),
            Sender::Square => self.square.len(),
            Sender::Gateway => self.gateway.len(),
        }
    }

    /// Who claims to have signed. Two at once are refused: no platform sends the signature of another, and to choose one
    /// would be to ignore the other.
    pub(crate) fn sender(&self, headers: &HeaderMap) -> Result<Sender, Refusal> {
        let mut signed = Sender::ALL.into_iter().filter(|sender| sender.has_signed(headers));
        let sender = signed.next().ok_or(Refusal::NotSigned)?;
        if signed.next().is_some() {
            return Err(Refusal::SignedTwice);
        }
        if self.secrets_of(sender) == 0 { Err(Refusal::NotConfigured(sender)) } else { Ok(sender) }
    }

    /// Whether this sender signed the body with one of its secrets.
    pub(crate) fn verify(
        &self,
        sender: Sender,
        headers: &HeaderMap,
        body: &[u8],
        at: DateTime<Utc>,
    ) -> Result<(), SignatureRefusal> {
        match sender {
            Sender::Shopify => {
                let secrets: Vec<_> = self.shopify.iter().map(String::as_str).collect();
                providers::of(Provider::Shopify).verify(&Received { address: "", headers, body, at }, &secrets)
            }
            Sender::Square => {
                let square = providers::of(Provider::Square);
                let verified = |of: &Subscription| {
                    square.verify(&Received { address: &of.address, headers, body, at }, &[&of.key])
                };
                // All of them: how long this takes must not show which subscription it was.
                let all: Vec<_> = self.square.iter().map(verified).collect();
                all.into_iter().reduce(Result::or).unwrap_or(Err(SignatureRefusal::Wrong))
            }
            Sender::Gateway => commerce::verify(headers, body, &self.gateway, at),
        }
    }
}
