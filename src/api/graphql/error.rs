//! What a caller gets when something goes wrong: expected outcomes as data, the rest as errors without internals.

use async_graphql::{Error, ErrorExtensions as _, Interface, Object};

use crate::app::viewer::Unauthorized;
use crate::app::{self, Refused};
use event_log::LoadError;

/// Returned to a request without a key.
pub const NO_KEY: &str = "send an API key as `Authorization: Bearer …` or `x-api-key: …`";
/// Returned to support that wants to change settings.
const CHANGES_NOTHING: &str = "a key of the role support looks at every account and changes the settings of none: use the \
                               merchant's key, or an administrator's";
const NO_INTROSPECTION: &str = "the schema is shown where the service was started with --graphql-introspection, and then to \
                                API keys alone; schema.graphql in the source has all of it";
/// Returned where an answer takes longer than it may.
pub const TOO_SLOW: &str = "the request took longer than 30 seconds: ask for less at a time";
const OTHER_LOG: &str = "what is shown was made from another event log, or from this one before it lost its end: it is \
                         being rebuilt, and nothing is shown until then; GET /ready names it";
/// Returned to a key that is over its limit.
pub const RATE_LIMIT_EXCEEDED: &str = "this key has sent as many requests as it may in a minute";

/// An error of the API. Deliberately not `Display`: whatever is shown passes through the conversion below, so that the
/// text of a database error never reaches a caller.
#[derive(Debug)]
pub enum ApiError {
    Unauthenticated,
    /// The key was good when its socket was opened, and is not any more.
    KeyDeactivated,
    /// The key's requests of this minute are used up.
    LimitReached,
    /// A rule said no to a question.
    Refused(Refused),
    Forbidden,
    /// Support wants what changes an account's settings.
    ChangesNothing,
    /// The schema is asked for where it is not shown.
    NoIntrospection,
    InvalidArgument {
        argument: &'static str,
        reason: &'static str,
    },
    Unavailable,
    /// It took longer than an answer may take.
    TooSlow,
    /// The views are of another event log, and are being rebuilt.
    OtherLog,
    /// Was logged where it happened.
    Internal,
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let (code, message) = match error {
            ApiError::Unauthenticated => ("UNAUTHENTICATED", NO_KEY.to_owned()),
            ApiError::KeyDeactivated => ("UNAUTHENTICATED", "this API key is not valid any more".to_owned()),
            ApiError::LimitReached => ("RATE_LIMIT_EXCEEDED", RATE_LIMIT_EXCEEDED.to_owned()),
            ApiError::Refused(Refused { code, message, .. }) => (code, message),
            ApiError::Forbidden => ("FORBIDDEN", "this key may not do that".to_owned()),
            ApiError::ChangesNothing => ("FORBIDDEN", CHANGES_NOTHING.to_owned()),
            ApiError::NoIntrospection => ("INTROSPECTION_OFF", NO_INTROSPECTION.to_owned()),
            ApiError::InvalidArgument { argument, reason } => ("INVALID_ARGUMENT", format!("{argument} {reason}")),
            ApiError::Unavailable => ("UNAVAILABLE", "not at the moment; try again soon".to_owned()),
            ApiError::TooSlow => ("TIMEOUT", TOO_SLOW.to_owned()),
            ApiError::OtherLog => ("UNAVAILABLE", OTHER_LOG.to_owned()),
            ApiError::Internal => ("INTERNAL", "internal error".to_owned()),
        };
        Self::new(message).extend_with(|_, extensions| extensions.set("code", code))
    }
}

impl From<Unauthorized> for ApiError {
    fn from(refused: Unauthorized) -> Self {
        app::Error::from(refused).into()
    }
}

impl From<app::Error> for ApiError {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::Refused(refused) => Self::Refused(refused),
            app::Error::Forbidden => Self::Forbidden,
            app::Error::ChangesNothing => Self::ChangesNothing,
            app::Error::InvalidArgument { argument, reason } => Self::InvalidArgument { argument, reason },
            app::Error::KeyDeactivated => Self::KeyDeactivated,
            app::Error::LimitReached => Self::LimitReached,
            app::Error::Unavailable => Self::Unavailable,
            app::Error::Internal => Self::Internal,
        }
    }
}

impl From<app::Error> for Error {
    fn from(error: app::Error) -> Self {
        ApiError::from(error).into()
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        app::Error::from(error).into()
    }
}

impl From<std::sync::Arc<sqlx::Error>> for ApiError {
    fn from(error: std::sync::Arc<sqlx::Error>) -> Self {
        app::Error::from(error).into()
    }
}

impl From<std::sync::Arc<LoadError>> for ApiError {
    fn from(error: std::sync::Arc<LoadError>) -> Self {
        app::Error::from(error.as_ref()).into()
    }
}

impl From<LoadError> for ApiError {
    fn from(error: LoadError) -> Self {
        app::Error::from(error).into()
    }
}

/// An outcome that the caller could foresee: what was refused, and which part of the input it was for.
#[derive(Interface)]
#[expect(clippy::duplicated_attributes, reason = "each field of the interface has a name and a type")]
#[graphql(
    field(name = "code", ty = "String"),
    field(name = "message", ty = "String"),
    field(name = "field", ty = "Option<Vec<String>>")
)]
pub(super) enum UserError {
    Refusal(Refusal),
}

pub(super) struct Refusal {
    code: &'static str,
    message: String,
    field: Option<&'static str>,
}

/// A rule said no.
#[Object]
impl Refusal {
    async fn code(&self) -> String {
        self.code.to_owned()
    }

    async fn message(&self) -> String {
        self.message.clone()
    }

    async fn field(&self) -> Option<Vec<String>> {
        self.field.map(|field| std::iter::once("input").chain(field.split('.')).map(str::to_owned).collect())
    }
}

impl UserError {
    pub(super) fn new(code: &'static str, message: impl Into<String>, field: Option<&'static str>) -> Self {
        Self::Refusal(Refusal { code, message: message.into(), field })
    }
}

impl From<Refused> for UserError {
    fn from(Refused { code, message, field }: Refused) -> Self {
        Self::Refusal(Refusal { code, message, field })
    }
}

/// What a use case came to, as a payload: a refusal is data, anything else an error.
pub(super) fn payload_of<T, P: From<UserError>>(
    done: Result<T, app::Error>,
    payload: impl FnOnce(T) -> P,
) -> Result<P, ApiError> {
    match done {
        Ok(done) => Ok(payload(done)),
        Err(app::Error::Refused(refused)) => Ok(UserError::from(refused).into()),
        Err(error) => Err(error.into()),
    }
}
