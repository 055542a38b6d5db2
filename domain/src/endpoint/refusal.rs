//! Why an endpoint refuses a command.

use super::{
    MAX_CONCURRENCY, MAX_DESCRIPTION_CHARS, MAX_ELEMENT_KEY_CHARS, MAX_EVENT_TYPES, MAX_FILTER_CHARS,
    MAX_HEADER_NAME_CHARS, MAX_HEADER_VALUE_CHARS, MAX_HEADER_WORD_CHARS, MAX_HEADERS, MAX_INTEGRATIONS,
    MAX_OVERLAP_HOURS, MAX_RATE_PER_SECOND, MAX_SECRET_CHARS, MAX_SECRETS, MAX_SIGNATURE_KEY_CHARS, MAX_URL_CHARS,
};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointRefusal {
    #[error("there is no such endpoint")]
    NotFound,
    #[error("another endpoint already has this id")]
    AlreadyExists,
    #[error("the endpoint is deleted, for good: create another one")]
    Deleted,
    #[error(
        "the URL must begin with https:// or http:// and have at most {MAX_URL_CHARS} characters, none of them a space"
    )]
    InvalidUrl,
    #[error("the description may have at most {MAX_DESCRIPTION_CHARS} characters")]
    InvalidDescription,
    #[error("an endpoint has 1 to {MAX_EVENT_TYPES} event types: `*` is every one")]
    InvalidEventTypes,
    #[error("there is no event type {pattern:?}: name one (order.paid), a group (order.*) or every one (*)")]
    UnknownEventType { pattern: String },
    #[error("an endpoint names at most {MAX_INTEGRATIONS} integrations: name none for all of them")]
    TooManyIntegrations,
    #[error("the filter may have at most {MAX_FILTER_CHARS} characters")]
    InvalidFilter,
    #[error(
        "an endpoint has at most {MAX_HEADERS} headers of its own: names of 1 to {MAX_HEADER_NAME_CHARS} characters, values of at most {MAX_HEADER_VALUE_CHARS}"
    )]
    InvalidHeaders,
    #[error("the word in the headers' names has 1 to {MAX_HEADER_WORD_CHARS} characters")]
    InvalidHeaderWord,
    #[error(
        "an element key has 1 to {MAX_ELEMENT_KEY_CHARS} characters, none of them invisible or a control character: leave it out for that of the store's platform"
    )]
    InvalidElementKey,
    #[error(
        "a signature key has 1 to {MAX_SIGNATURE_KEY_CHARS} characters: leave it out to send without this signature"
    )]
    InvalidSignatureKey,
    #[error("the rate must be 1 to {MAX_RATE_PER_SECOND} requests a second: leave it out for no limit")]
    InvalidRate,
    #[error("the concurrency must be 1 to {MAX_CONCURRENCY} requests at a time")]
    InvalidConcurrency,
    #[error("a signing secret begins with `whsec_` and has at most {MAX_SECRET_CHARS} characters: copy it whole")]
    InvalidSecret,
    #[error("the old secret can stay valid for at most {MAX_OVERLAP_HOURS} hours, not {hours}")]
    OverlapTooLong { hours: u32 },
    #[error("{MAX_SECRETS} secrets are valid already: rotate without an overlap, or wait until one is void")]
    TooManySecrets,
}
