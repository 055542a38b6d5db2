//! Why a use case did not do what was asked: a rule that said no, with what to do about it; or something that is not
//! the caller's fault, without its internals.

use std::sync::Arc;

use domain::account::AccountRefusal;
use domain::delivery::DeliveryRefusal;
use domain::dispatch::DispatchRefusal;
use domain::endpoint::EndpointRefusal;
use domain::instance::InstanceRefusal;
use domain::integration::IntegrationRefusal;
use domain::ledger::LedgerRefusal;
use domain::operator_action::OperatorActionRefusal;
use domain::publication::PublicationRefusal;
use event_log::{CommandError, LoadError};

use super::limits::LimitReached;

/// What went wrong. Deliberately not `Display`: each way in says it in its own words, and the text of a database error
/// reaches none of them.
#[derive(Debug)]
pub enum Error {
    /// An outcome that the caller could foresee.
    Refused(Refused),
    Forbidden,
    /// Support wants what changes an account's settings.
    ChangesNothing,
    InvalidArgument {
        argument: &'static str,
        reason: &'static str,
    },
    /// The key was good when its request came, and is not any more.
    KeyDeactivated,
    /// The key's requests of this minute are used up.
    LimitReached,
    /// Not at the moment.
    Unavailable,
    /// Was logged where it happened.
    Internal,
}

/// What was refused, and which part of the input it was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// For programs, in capitals.
    pub code: &'static str,
    /// For people: what to do about it.
    pub message: String,
    /// Its name, with dots where it is in another: `profile.headerWord`.
    pub field: Option<&'static str>,
}

impl Refused {
    pub fn new(code: &'static str, message: impl Into<String>, field: Option<&'static str>) -> Self {
        Self { code, message: message.into(), field }
    }

    /// The same of what is not there and of what is another's.
    pub fn not_found(field: &'static str) -> Self {
        Self::new("NOT_FOUND", format!("there is nothing of yours with this {field}"), Some(field))
    }

    /// Of what is sent or published: the field `type` of its input.
    pub fn unknown_event_type(name: &str) -> Self {
        let message = format!(
            "there is no type {name:.100}: `cloud-bridge event-types` lists them, as the query eventTypes of the API does"
        );
        Self::new("UNKNOWN_EVENT_TYPE", message, Some("type"))
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::from(Arc::new(error))
    }
}

/// Of a row that several wanted.
impl From<Arc<sqlx::Error>> for Error {
    fn from(error: Arc<sqlx::Error>) -> Self {
        tracing::error!(%error, "a view cannot be read");
        Self::Unavailable
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        Self::from(&error)
    }
}

impl From<&LoadError> for Error {
    fn from(error: &LoadError) -> Self {
        tracing::error!(%error, "the event log cannot be read");
        match error {
            LoadError::Sql(_) | LoadError::OtherLog { .. } => Self::Unavailable,
            LoadError::Unreadable { .. } => Self::Internal,
        }
    }
}

impl From<PublicationRefusal> for Refused {
    fn from(refusal: PublicationRefusal) -> Self {
        let (code, field) = match refusal {
            PublicationRefusal::KeyInUse => ("IDEMPOTENCY_KEY_IN_USE", Some("idempotencyKey")),
            PublicationRefusal::NotPublished => ("NOT_FOUND", None),
        };
        Self::new(code, refusal.to_string(), field)
    }
}

impl<E> From<CommandError<E>> for Error
where
    E: std::error::Error + Into<Refused>,
{
    fn from(error: CommandError<E>) -> Self {
        match error {
            CommandError::Refused(refusal) => Self::Refused(refusal.into()),
            CommandError::Contended | CommandError::Busy | CommandError::Unavailable(_) => {
                tracing::warn!(%error, "a command was not recorded");
                Self::Unavailable
            }
            CommandError::Broken { .. } => {
                tracing::error!(%error, "a command failed");
                Self::Internal
            }
        }
    }
}

impl From<DispatchRefusal> for Refused {
    fn from(refusal: DispatchRefusal) -> Self {
        let code = match refusal {
            DispatchRefusal::NotAttempted => "NOT_ATTEMPTED",
            DispatchRefusal::AlreadyDelivered => "ALREADY_DELIVERED",
            DispatchRefusal::Skipped => "SKIPPED",
            DispatchRefusal::DeadLetter => "DEAD_LETTER",
            DispatchRefusal::StillRetrying => "STILL_RETRYING",
            DispatchRefusal::OtherMessage | DispatchRefusal::AttemptMissing { .. } => "CONFLICT",
        };
        Self::new(code, refusal.to_string(), Some("dispatchId"))
    }
}

impl From<OperatorActionRefusal> for Refused {
    fn from(refusal: OperatorActionRefusal) -> Self {
        match refusal {}
    }
}

impl From<LimitReached> for Error {
    fn from(reached: LimitReached) -> Self {
        Self::Refused(reached.into())
    }
}

impl From<LimitReached> for Refused {
    fn from(reached: LimitReached) -> Self {
        let code = match reached {
            LimitReached::Integrations(_) => "TOO_MANY_INTEGRATIONS",
            LimitReached::ApiKeys(_) => "TOO_MANY_API_KEYS",
            LimitReached::Mappings(_) => "TOO_MANY_MAPPINGS",
            LimitReached::Endpoints(_) => "TOO_MANY_ENDPOINTS",
        };
        Self::new(code, reached.to_string(), None)
    }
}

impl From<IntegrationRefusal> for Refused {
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
            IntegrationRefusal::InvalidNotificationUrl => ("INVALID_URL", Some("notificationUrl")),
            IntegrationRefusal::AddressNotSigned { .. } => ("ADDRESS_NOT_SIGNED", Some("notificationUrl")),
            IntegrationRefusal::InvalidCurrency => ("INVALID_CURRENCY", Some("currency")),
            IntegrationRefusal::InvalidTopics => ("INVALID_TOPICS", Some("topics")),
            IntegrationRefusal::InvalidPollInterval => ("INVALID_POLL_INTERVAL", Some("pollEveryMinutes")),
            IntegrationRefusal::InvalidToken => ("INVALID_TOKEN", Some("token")),
            IntegrationRefusal::InvalidApp => ("INVALID_APP", Some("clientSecret")),
            IntegrationRefusal::ConnectionUsed => ("CONNECTION_USED", None),
            IntegrationRefusal::ConnectionExpired => ("CONNECTION_EXPIRED", None),
            IntegrationRefusal::OtherStore { .. } => ("OTHER_STORE", Some("store")),
            IntegrationRefusal::InvalidExternalRef => ("INVALID_EXTERNAL_REF", Some("externalRef")),
            IntegrationRefusal::InvalidResourceId => ("INVALID_RESOURCE_ID", Some("resourceId")),
            IntegrationRefusal::TooManyMappings => ("TOO_MANY_MAPPINGS", None),
        };
        Self::new(code, refusal.to_string(), field)
    }
}

impl From<InstanceRefusal> for Refused {
    fn from(refusal: InstanceRefusal) -> Self {
        let (code, field) = match refusal {
            InstanceRefusal::NotFound => ("NOT_FOUND", Some("instanceId")),
            InstanceRefusal::AlreadyExists | InstanceRefusal::InvalidNumber => ("ALREADY_EXISTS", None),
            InstanceRefusal::Deleted => ("DELETED", Some("instanceId")),
            InstanceRefusal::InvalidName => ("INVALID_NAME", Some("name")),
            InstanceRefusal::InvalidTags => ("INVALID_TAGS", Some("tags")),
            InstanceRefusal::TooLong => ("TOO_LONG", Some("configuration")),
            InstanceRefusal::TooManySubscriptions => ("TOO_MANY_SUBSCRIPTIONS", None),
        };
        Self::new(code, refusal.to_string(), field)
    }
}

impl From<AccountRefusal> for Refused {
    fn from(refusal: AccountRefusal) -> Self {
        let (code, field) = match refusal {
            AccountRefusal::NotFound => ("NOT_FOUND", Some("accountId")),
            AccountRefusal::AlreadyExists | AccountRefusal::ApiKeyIdTaken => ("ALREADY_EXISTS", None),
            AccountRefusal::InvalidName => ("INVALID_NAME", Some("name")),
            AccountRefusal::InvalidPace => ("INVALID_PACE", Some("attemptsPerMinute")),
            AccountRefusal::LastAdminKey => ("LAST_ADMIN_KEY", Some("apiKeyId")),
            AccountRefusal::UnknownApiKey => ("NOT_FOUND", Some("apiKeyId")),
            AccountRefusal::InvalidRequestLimit => ("INVALID_LIMIT", Some("requestsPerMinute")),
            AccountRefusal::TooManyApiKeys => ("TOO_MANY_API_KEYS", None),
            AccountRefusal::InvalidRetention => ("INVALID_RETENTION", Some("days")),
            AccountRefusal::InvalidStockAlert => ("INVALID_STOCK_ALERT", Some("threshold")),
            AccountRefusal::InvalidSecret => ("INVALID_SECRET", Some("signingSecret")),
            AccountRefusal::InvalidEmail => ("INVALID_EMAIL", Some("email")),
            AccountRefusal::InvalidCredentials => ("INVALID_CREDENTIALS", Some("password")),
        };
        Self::new(code, refusal.to_string(), field)
    }
}

impl From<EndpointRefusal> for Refused {
    fn from(refusal: EndpointRefusal) -> Self {
        let (code, field) = match refusal {
            EndpointRefusal::NotFound => ("NOT_FOUND", Some("endpointId")),
            EndpointRefusal::AlreadyExists => ("ALREADY_EXISTS", None),
            EndpointRefusal::Deleted => ("DELETED", Some("endpointId")),
            EndpointRefusal::InvalidUrl => ("INVALID_URL", Some("url")),
            EndpointRefusal::InvalidDescription => ("INVALID_DESCRIPTION", Some("description")),
            EndpointRefusal::InvalidEventTypes => ("INVALID_EVENT_TYPES", Some("eventTypes")),
            EndpointRefusal::UnknownEventType { .. } => ("UNKNOWN_EVENT_TYPE", Some("eventTypes")),
            EndpointRefusal::TooManyIntegrations => ("TOO_MANY_INTEGRATIONS", Some("integrationIds")),
            EndpointRefusal::InvalidFilter => ("INVALID_FILTER", Some("filter")),
            EndpointRefusal::InvalidHeaders => ("INVALID_HEADERS", Some("headers")),
            EndpointRefusal::InvalidHeaderWord => ("INVALID_HEADER_WORD", Some("profile.headerWord")),
            EndpointRefusal::InvalidElementKey => ("INVALID_ELEMENT_KEY", Some("profile.elementKey")),
            EndpointRefusal::InvalidSignatureKey => ("INVALID_SIGNATURE_KEY", Some("profile.signatureKey")),
            EndpointRefusal::InvalidRate => ("INVALID_RATE", Some("ratePerSecond")),
            EndpointRefusal::InvalidConcurrency => ("INVALID_CONCURRENCY", Some("concurrency")),
            EndpointRefusal::InvalidSecret => ("INVALID_SECRET", Some("signingSecret")),
            EndpointRefusal::OverlapTooLong { .. } => ("OVERLAP_TOO_LONG", Some("overlapHours")),
            EndpointRefusal::TooManySecrets => ("TOO_MANY_SECRETS", Some("endpointId")),
        };
        Self::new(code, refusal.to_string(), field)
    }
}

impl From<LedgerRefusal> for Refused {
    fn from(refusal: LedgerRefusal) -> Self {
        let (code, field) = match refusal {
            LedgerRefusal::InvalidGrant => ("INVALID_GRANT", Some("credits")),
        };
        Self::new(code, refusal.to_string(), field)
    }
}

impl From<DeliveryRefusal> for Refused {
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
