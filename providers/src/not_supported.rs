//! Platforms that have a name already, and whose webhooks are not taken yet: nothing verifies.

use domain::integration::Provider;
use domain::notice::NoticeKind;
use serde::de::IgnoredAny;

use crate::platform::{Outgoing, Platform, Received};
use crate::sample::{Purchase, Sample};
use crate::{Malformed, Parsed, SignatureRefusal, body};

pub(crate) const BIGCOMMERCE: NotSupported = NotSupported(Provider::BigCommerce);
pub(crate) const SQUARE: NotSupported = NotSupported(Provider::Square);

/// A platform of which nothing but the name is known.
pub(crate) struct NotSupported(Provider);

impl Platform for NotSupported {
    fn provider(&self) -> Provider {
        self.0
    }

    fn is_supported(&self) -> bool {
        false
    }

    fn recorded_headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn topic(&self, _received: &Received<'_>) -> Option<String> {
        None
    }

    fn webhook_id(&self, _received: &Received<'_>) -> Option<String> {
        None
    }

    fn verify(&self, _received: &Received<'_>, _secrets: &[&str]) -> Result<(), SignatureRefusal> {
        Err(SignatureRefusal::Missing)
    }

    fn sign(&self, _outgoing: &Outgoing<'_>, _secret: &str) -> Vec<(&'static str, String)> {
        vec![]
    }

    fn read(&self, _topic: Option<&str>, json: &str) -> Result<Parsed, Malformed> {
        body::read::<IgnoredAny>(json).map(|_| Parsed::Notice(NoticeKind::NotAnOrder))
    }

    fn refuses_malformed(&self) -> bool {
        true
    }

    fn sample(&self, _order: &str, _purchase: &Purchase<'_>) -> Sample {
        Sample { topic: None, body: b"{}".to_vec() }
    }
}
