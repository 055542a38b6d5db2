//! Why a webhook is not let in, and the answer that its sender acts on.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use providers::{Malformed, SignatureRefusal};

use super::volume::DayIsFull;
use crate::api::http;
use crate::api::http::body::BodyRefusal;
use event_log::refusals::RefusalReason;
use event_log::{CommandError, LoadError};

#[derive(Debug, PartialEq, Eq)]
pub enum IngestRefusal {
    UnknownProvider,
    UnknownIntegration,
    InactiveIntegration,
    Signature(SignatureRefusal),
    /// No secret is known by which the webhook could be known as the store's.
    NoSecret,
    Malformed(Malformed),
    TooLarge,
    /// The sender went away.
    Interrupted,
    TooSlow,
    /// The account has stored what it may store in a day.
    DayIsFull(DayIsFull),
    /// It was not stored: the sender should come again.
    Busy,
    Unavailable(String),
}

impl IngestRefusal {
    /// In metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownProvider => "unknown_provider",
            Self::UnknownIntegration => "unknown_integration",
            Self::InactiveIntegration => "inactive_integration",
            Self::Signature(SignatureRefusal::Missing) => "missing_signature",
            Self::Signature(SignatureRefusal::Malformed) => "malformed_signature",
            Self::Signature(SignatureRefusal::Wrong) => "wrong_signature",
            Self::Signature(SignatureRefusal::Expired) => "expired_signature",
            Self::NoSecret => "secret_missing",
            Self::Malformed(_) => "malformed_body",
            Self::TooLarge => "too_large",
            Self::Interrupted => "interrupted",
            Self::TooSlow => "too_slow",
            Self::DayIsFull(_) => "daily_limit",
            Self::Busy => "busy",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// What is wrong on our side, where that is why.
    pub(crate) fn own_fault(&self) -> Option<&str> {
        match self {
            Self::Busy => Some("the event log is busy"),
            Self::Unavailable(reason) => Some(reason),
            Self::UnknownProvider
            | Self::UnknownIntegration
            | Self::InactiveIntegration
            | Self::Signature(_)
            | Self::NoSecret
            | Self::Malformed(_)
            | Self::TooLarge
            | Self::Interrupted
            | Self::TooSlow
            | Self::DayIsFull(_) => None,
        }
    }

    /// Whether it concerns one store of a platform and says nothing of the others.
    pub(super) fn is_of_one_store(&self) -> bool {
        matches!(self, Self::Signature(_) | Self::InactiveIntegration)
    }

    /// What the merchant sees of it: what concerns their integration, and not what is on our side.
    pub(super) fn receipt(&self) -> Option<RefusalReason> {
        match self {
            Self::InactiveIntegration => Some(RefusalReason::InactiveIntegration),
            Self::Signature(SignatureRefusal::Missing) => Some(RefusalReason::MissingSignature),
            Self::Signature(SignatureRefusal::Malformed) => Some(RefusalReason::MalformedSignature),
            Self::Signature(SignatureRefusal::Wrong) => Some(RefusalReason::WrongSignature),
            Self::Signature(SignatureRefusal::Expired) => Some(RefusalReason::ExpiredSignature),
            Self::NoSecret => Some(RefusalReason::SecretMissing),
            Self::Malformed(_) => Some(RefusalReason::MalformedBody),
            Self::TooLarge => Some(RefusalReason::TooLarge),
            Self::TooSlow => Some(RefusalReason::TooSlow),
            Self::DayIsFull(_) => Some(RefusalReason::DailyLimit),
            Self::UnknownProvider
            | Self::UnknownIntegration
            | Self::Interrupted
            | Self::Busy
            | Self::Unavailable(_) => None,
        }
    }

    /// What its sender is answered. A stranger does not learn which integrations there are.
    fn public_code(&self) -> &'static str {
        if *self == Self::InactiveIntegration { Self::UnknownIntegration.code() } else { self.code() }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownProvider | Self::UnknownIntegration | Self::InactiveIntegration => StatusCode::NOT_FOUND,
            Self::Signature(_) => StatusCode::UNAUTHORIZED,
            Self::NoSecret => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Interrupted | Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::DayIsFull(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The sentence that the sender gets. Quotes nothing of the body.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::UnknownProvider => format!("webhooks are taken for {}", provider_names()),
            Self::UnknownIntegration | Self::InactiveIntegration => "there is no such integration".to_owned(),
            Self::Signature(refusal) => refusal.to_string(),
            Self::NoSecret => "no signing secret is known for this integration".to_owned(),
            Self::Malformed(malformed) => malformed.to_string(),
            Self::TooLarge => "a body may have at most 2 MiB".to_owned(),
            Self::Interrupted => "the body did not arrive whole".to_owned(),
            Self::TooSlow => "the body did not arrive in 10 seconds".to_owned(),
            Self::DayIsFull(_) => {
                "more was sent today than is stored in a day; send it again tomorrow (UTC)".to_owned()
            }
            Self::Busy | Self::Unavailable(_) => "the webhook was not stored; send it again".to_owned(),
        }
    }
}

/// The stored names of the platforms, as an enumeration in a sentence.
fn provider_names() -> String {
    let names: Vec<&str> = providers::all().map(|platform| platform.provider().as_str()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

impl IntoResponse for IngestRefusal {
    fn into_response(self) -> Response {
        let mut response = http::refusal(self.status(), self.public_code(), &self.message());
        let retry_after = match &self {
            Self::DayIsFull(full) => Some(full.retry_after.as_secs()),
            Self::Busy | Self::Unavailable(_) => Some(5),
            Self::UnknownProvider
            | Self::UnknownIntegration
            | Self::InactiveIntegration
            | Self::Signature(_)
            | Self::NoSecret
            | Self::Malformed(_)
            | Self::TooLarge
            | Self::Interrupted
            | Self::TooSlow => None,
        };
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<SignatureRefusal> for IngestRefusal {
    fn from(refusal: SignatureRefusal) -> Self {
        Self::Signature(refusal)
    }
}

impl From<BodyRefusal> for IngestRefusal {
    fn from(refusal: BodyRefusal) -> Self {
        match refusal {
            BodyRefusal::TooLarge => Self::TooLarge,
            BodyRefusal::NoRoom => Self::Busy,
            BodyRefusal::Interrupted => Self::Interrupted,
            BodyRefusal::TooSlow => Self::TooSlow,
        }
    }
}

impl From<LoadError> for IngestRefusal {
    fn from(error: LoadError) -> Self {
        Self::Unavailable(format!("an integration cannot be read: {error}"))
    }
}

impl<E: std::error::Error> From<CommandError<E>> for IngestRefusal {
    fn from(error: CommandError<E>) -> Self {
        match error {
            CommandError::Busy | CommandError::Contended => Self::Busy,
            // Recording a webhook is never refused by a rule, so all of these mean that something is wrong with the log.
            CommandError::Unavailable(_) | CommandError::Refused(_) | CommandError::Broken { .. } => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}
