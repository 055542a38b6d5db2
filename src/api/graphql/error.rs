//! What a caller gets when something goes wrong: expected outcomes as data, the rest as errors without internals.

use async_graphql::{Error, ErrorExtensions as _, Interface, Object};
use domain::account::AccountRefusal;
use domain::delivery::DeliveryRefusal;
use domain::integration::IntegrationRefusal;
use domain::ledger::LedgerRefusal;

use super::viewer::Unauthorized;
use crate::app::limits::LimitReached;
use event_log::{CommandError, LoadError};

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

/// Of a key that was good when its request came.
impl From<Unauthorized> for ApiError {
    fn from(refused: Unauthorized) -> Self {
        match refused {
            Unauthorized::NoKey | Unauthorized::BadKey => Self::KeyDeactivated,
            Unauthorized::LimitReached { .. } => Self::LimitReached,
            Unauthorized::Unavailable => Self::Unavailable,
        }
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "a view cannot be read");
        Self::Unavailable
    }
}

impl From<std::sync::Arc<sqlx::Error>> for ApiError {
    fn from(error: std::sync::Arc<sqlx::Error>) -> Self {
        tracing::error!(%error, "a view cannot be read");
        Self::Unavailable
    }
}

impl From<std::sync::Arc<LoadError>> for ApiError {
    fn from(error: std::sync::Arc<LoadError>) -> Self {
        Self::from_load_error(&error)
    }
}

impl From<LoadError> for ApiError {
    fn from(error: LoadError) -> Self {
        Self::from_load_error(&error)
    }
}

impl ApiError {
    fn from_load_error(error: &LoadError) -> Self {
        tracing::error!(%error, "the event log cannot be read");
        match error {
            LoadError::Sql(_) | LoadError::OtherLog { .. } => Self::Unavailable,
            LoadError::Unreadable { .. } => Self::Internal,
        }
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
        self.field.map(|field| vec!["input".to_owned(), field.to_owned()])
    }
}

impl UserError {
    pub(super) fn new(code: &'static str, message: impl Into<String>, field: Option<&'static str>) -> Self {
        Self::Refusal(Refusal { code, message: message.into(), field })
    }

    pub(super) fn not_found(field: &'static str) -> Self {
        Self::new("NOT_FOUND", format!("there is nothing of yours with this {field}"), Some(field))
    }
}

/// A command's failure: a refusal is data, anything else an error.
pub(super) fn refused<E>(error: CommandError<E>) -> Result<UserError, ApiError>
where
    E: std::error::Error + Into<UserError>,
{
    match error {
        CommandError::Refused(refusal) => Ok(refusal.into()),
        CommandError::Contended | CommandError::Busy | CommandError::Unavailable(_) => {
            tracing::warn!(%error, "a command was not recorded");
            Err(ApiError::Unavailable)
        }
        CommandError::Broken { .. } => {
            tracing::error!(%error, "a command failed");
            Err(ApiError::Internal)
        }
    }
}

impl From<LimitReached> for UserError {
    fn from(reached: LimitReached) -> Self {
        let code = match reached {
            LimitReached::Integrations(_) => "TOO_MANY_INTEGRATIONS",
            LimitReached::ApiKeys(_) => "TOO_MANY_API_KEYS",
            LimitReached::Mappings(_) => "TOO_MANY_MAPPINGS",
        };
        Self::new(code, reached.to_string(), None)
    }
}

impl From<IntegrationRefusal> for UserError {
    fn from(refusal: IntegrationRefusal) -> Self {
        let (code, field) = match refusal {
            IntegrationRefusal::NotCreated => ("NOT_FOUND", Some("integrationId")),
            IntegrationRefusal::AlreadyCreated => ("ALREADY_EXISTS", None),
            IntegrationRefusal::InvalidName => ("INVALID_NAME", Some("name")),
            IntegrationRefusal::InvalidSecret => ("INVALID_SECRET", Some("signingSecret")),
            IntegrationRefusal::SecretOfStore { .. } => ("SECRET_OF_STORE", Some("integrationId")),
            IntegrationRefusal::OverlapTooLong { .. } => ("OVERLAP_TOO_LONG", Some("overlapHours")),
            IntegrationRefusal::InvalidOrderStatuses => ("INVALID_ORDER_STATUSES", Some("orderStatuses")),
            IntegrationRefusal::NeverDelivered { .. } => ("NEVER_DELIVERED", Some("orderStatuses")),
            IntegrationRefusal::InvalidExternalRef => ("INVALID_EXTERNAL_REF", Some("externalRef")),
            IntegrationRefusal::InvalidResourceId => ("INVALID_RESOURCE_ID", Some("resourceId")),
            IntegrationRefusal::TooManyMappings => ("TOO_MANY_MAPPINGS", None),
        };
        Self::new(code, refusal.to_string(), field)
    }
}

impl From<AccountRefusal> for UserError {
    fn from(refusal: AccountRefusal) -> Self {
        let (code, field) = match refusal {
            AccountRefusal::NotOpened => ("NOT_FOUND", Some("accountId")),
            AccountRefusal::AlreadyOpened | AccountRefusal::ApiKeyIdTaken => ("ALREADY_EXISTS", None),
            AccountRefusal::InvalidName => ("INVALID_NAME", Some("name")),
            AccountRefusal::InvalidPace => ("INVALID_PACE", Some("attemptsPerMinute")),
            AccountRefusal::LastAdminKey => ("LAST_ADMIN_KEY", Some("apiKeyId")),
            AccountRefusal::UnknownApiKey => ("NOT_FOUND", Some("apiKeyId")),
            AccountRefusal::InvalidRequestLimit => ("INVALID_LIMIT", Some("requestsPerMinute")),
            AccountRefusal::TooManyApiKeys => ("TOO_MANY_API_KEYS", None),
            AccountRefusal::InvalidRetention => ("INVALID_RETENTION", Some("days")),
            AccountRefusal::InvalidCredentials => ("INVALID_CREDENTIALS", Some("password")),
        };
        Self::new(code, refusal.to_string(), field)
    }
}

impl From<LedgerRefusal> for UserError {
    fn from(refusal: LedgerRefusal) -> Self {
        let (code, field) = match refusal {
            LedgerRefusal::InvalidGrant => ("INVALID_GRANT", Some("credits")),
        };
        Self::new(code, refusal.to_string(), field)
    }
}

impl From<DeliveryRefusal> for UserError {
    fn from(refusal: DeliveryRefusal) -> Self {
        let (code, field) = match refusal {
            DeliveryRefusal::UnknownDelivery => ("NOT_FOUND", Some("deliveryId")),
            DeliveryRefusal::Running => ("RUNNING", Some("deliveryId")),
            DeliveryRefusal::WaitsForNoMoment => ("NOT_WAITING", Some("deliveryId")),
            DeliveryRefusal::MomentOutOfReach => ("MOMENT_OUT_OF_REACH", Some("at")),
            DeliveryRefusal::NotDue => ("NOT_DUE", Some("deliveryId")),
            DeliveryRefusal::LeaseLost => ("LEASE_LOST", None),
            DeliveryRefusal::AlreadyCompleted => ("ALREADY_COMPLETED", Some("deliveryId")),
            DeliveryRefusal::NotPlanned => ("NOT_PLANNED", None),
            DeliveryRefusal::ItemsOutstanding => ("ITEMS_OUTSTANDING", None),
            DeliveryRefusal::NeverDelivered { .. } => ("NEVER_DELIVERED", Some("deliveryId")),
            DeliveryRefusal::NothingBought => ("NOTHING_BOUGHT", Some("deliveryId")),
            DeliveryRefusal::UsernameNeeded => ("USERNAME_NEEDED", Some("targetUsername")),
            DeliveryRefusal::InvalidUsername => ("INVALID_USERNAME", Some("targetUsername")),
        };
        Self::new(code, refusal.to_string(), field)
    }
}
