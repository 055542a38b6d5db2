//! Why an integration refuses a command.

use super::{
    MAX_APP_CHARS, MAX_MAPPINGS, MAX_NAME_CHARS, MAX_NOTIFICATION_URL_CHARS, MAX_ORDER_STATUSES, MAX_OVERLAP_HOURS,
    MAX_SECRET_CHARS, MAX_TOKEN_CHARS, MAX_TOPICS, POLL_MINUTES, Provider,
};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntegrationRefusal {
    #[error("there is no such integration")]
    NotCreated,
    #[error("an integration with this id already exists")]
    AlreadyCreated,
    #[error("the name must have 1 to {MAX_NAME_CHARS} characters")]
    InvalidName,
    #[error("a signing secret must have 1 to {MAX_SECRET_CHARS} characters, not all of them spaces")]
    InvalidSecret,
    #[error(
        "{} signs with a secret of its own, and takes none: set the one that it shows (`integrations set-secret`)",
        provider.name()
    )]
    SecretOfStore { provider: Provider },
    #[error(
        "the notification URL must begin with https:// or http:// and have at most {MAX_NOTIFICATION_URL_CHARS} characters, none of them a space"
    )]
    InvalidNotificationUrl,
    #[error(
        "{} does not sign the address that it posts to, so a notification URL has no effect: leave it out (it is for Square)",
        provider.name()
    )]
    AddressNotSigned { provider: Provider },
    #[error("a currency is the three letters of its ISO 4217 code, such as EUR")]
    InvalidCurrency,
    #[error(
        "a store is asked every {} to {} minutes what it changed",
        POLL_MINUTES.start(),
        POLL_MINUTES.end()
    )]
    InvalidPollInterval,
    #[error("a store is asked to report at most {MAX_TOPICS} topics, which have names without spaces")]
    InvalidTopics,
    #[error("an access token must have 1 to {MAX_TOKEN_CHARS} characters: ASCII letters, digits and marks, no spaces")]
    InvalidToken,
    #[error("the id and the secret of an app have 1 to {MAX_APP_CHARS} characters each, without spaces")]
    InvalidApp,
    #[error("this attempt to connect the store was used already, or another was begun since: begin again")]
    ConnectionUsed,
    #[error("this attempt to connect the store took too long: begin again")]
    ConnectionExpired,
    #[error(
        "the integration is of the store {known}, and its orders would be mixed with another's: create an integration for each store"
    )]
    OtherStore { known: String },
    #[error("the old secret can stay valid for at most {MAX_OVERLAP_HOURS} hours, not {hours}")]
    OverlapTooLong { hours: u32 },
    #[error("at most {MAX_ORDER_STATUSES} order statuses, none of them empty")]
    InvalidOrderStatuses,
    #[error("orders of the status {status} are never delivered: they are not bought or not paid")]
    NeverDelivered { status: String },
    #[error("the product reference is empty or too long")]
    InvalidExternalRef,
    #[error("the asset id is empty or too long, or an address that leads to no preset and no capture")]
    InvalidResourceId,
    #[error("an integration can have at most {MAX_MAPPINGS} item mappings")]
    TooManyMappings,
}
