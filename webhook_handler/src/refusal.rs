//! Why a request is refused, and what its sender gets for it.

use http::StatusCode;
use providers::SignatureRefusal;

use crate::Sender;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownPath,
    Method,
    NotSigned,
    SignedTwice,
    NotConfigured(Sender),
    Signature(Sender, SignatureRefusal),
    TooLarge {
        limit: usize,
    },
    /// The client ended or broke its body.
    BodyIncomplete,
    BodyTimedOut,
    NoTopic,
    /// The body is not as its sender's documents say. The reason may repeat what it says: for its sender, not for a log.
    Malformed(String),
    TooManyRequests,
    QueueFull,
    Closing,
    MemoryFailed,
    MemoryTimedOut,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotSigned | Self::NotConfigured(_) | Self::Signature(..) => StatusCode::FORBIDDEN,
            Self::SignedTwice | Self::BodyIncomplete | Self::NoTopic | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyRequests | Self::QueueFull | Self::Closing | Self::MemoryFailed | Self::MemoryTimedOut => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// For programs, and for the log.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::UnknownPath => "unknown_path",
            Self::Method => "method",
            Self::NotSigned | Self::Signature(_, SignatureRefusal::Missing) => "not_signed",
            Self::SignedTwice => "signed_twice",
            Self::NotConfigured(_) => "sender_not_configured",
            Self::Signature(_, SignatureRefusal::Malformed) => "signature_malformed",
            Self::Signature(_, SignatureRefusal::Wrong) => "signature_wrong",
            Self::Signature(_, SignatureRefusal::Expired) => "signature_expired",
            Self::TooLarge { .. } => "too_large",
            Self::BodyIncomplete => "body_incomplete",
            Self::BodyTimedOut => "body_timed_out",
            Self::NoTopic => "no_topic",
            Self::Malformed(_) => "malformed",
            Self::TooManyRequests => "too_many_requests",
            Self::QueueFull => "queue_full",
            Self::Closing => "closing",
            Self::MemoryFailed => "memory_failed",
            Self::MemoryTimedOut => "memory_timed_out",
        }
    }

    /// Whether the reason may repeat what the body says.
    pub(crate) fn quotes_body(&self) -> bool {
        matches!(self, Self::Malformed(_))
    }

    /// For people: what is wrong, and what to do about it.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::UnknownPath => "there is nothing at this path".to_owned(),
            Self::Method => "webhooks are sent with POST".to_owned(),
            Self::NotSigned | Self::Signature(_, SignatureRefusal::Missing) => {
                "the webhook carries no signature of Shopify, Square or the gateway".to_owned()
            }
            Self::SignedTwice => "the webhook carries the signatures of more than one sender".to_owned(),
            Self::NotConfigured(sender) => {
                format!("the webhook carries a signature of {sender}, for which this handler has no secret")
            }
            Self::Signature(sender, SignatureRefusal::Malformed) => {
                format!("the headers of the signature are not in the form that {sender} uses")
            }
            Self::Signature(sender, SignatureRefusal::Wrong) => wrong_signature(*sender).to_owned(),
            Self::Signature(_, SignatureRefusal::Expired) => {
                "the webhook was signed more than five minutes from now: check the clocks".to_owned()
            }
            Self::TooLarge { limit } => format!("the body has more than {limit} bytes"),
            Self::BodyIncomplete => "the body ended before it was whole".to_owned(),
            Self::BodyTimedOut => "the body took too long to arrive".to_owned(),
            Self::NoTopic => "the header X-Shopify-Topic is missing: a proxy may leave it out".to_owned(),
            Self::Malformed(reason) => reason.clone(),
            Self::TooManyRequests => "too many webhooks are being received: send it again".to_owned(),
            Self::QueueFull => "too many webhooks wait to be handled: send it again".to_owned(),
            Self::Closing => "the server shuts down: send it again".to_owned(),
            Self::MemoryFailed | Self::MemoryTimedOut => {
                "whether the webhook is new could not be determined: send it again".to_owned()
            }
        }
    }
}

fn wrong_signature(sender: Sender) -> &'static str {
    match sender {
        Sender::Shopify => {
            "no Shopify secret of this handler made this signature of this body: compare it with the secret that Shopify \
             shows (below the list of webhooks, or an app's client secret), and let no proxy change the body"
        }
        Sender::Square => {
            "no signature key of this handler made this signature of its notification URL and this body: compare both with \
             the subscription at Square, the URL to the letter, and let no proxy change the body"
        }
        Sender::Gateway => {
            "no secret of this handler made this signature: compare it with the endpoint's secret at the gateway, and let no \
             proxy change the body"
        }
    }
}
