//! Why an account refuses a command.

use super::{
    MAX_API_KEYS, MAX_ATTEMPTS_PER_MINUTE, MAX_EMAIL_CHARS, MAX_NAME_CHARS, MAX_REQUESTS_PER_MINUTE,
    MAX_RETENTION_DAYS, MAX_STOCK_ALERT,
};
use crate::endpoint::MAX_SECRET_CHARS;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefusal {
    #[error("there is no such account")]
    NotFound,
    #[error("an account with this id already exists")]
    AlreadyExists,
    #[error("the name must have 1 to {MAX_NAME_CHARS} characters")]
    InvalidName,
    #[error("the pace must be 1 to {MAX_ATTEMPTS_PER_MINUTE} attempts a minute")]
    InvalidPace,
    #[error("this is the only administrator's key of the administrator's account: make another one there first")]
    LastAdminKey,
    #[error("there is no such API key in this account")]
    UnknownApiKey,
    #[error("another API key already has this id")]
    ApiKeyIdTaken,
    #[error("an account can have at most {MAX_API_KEYS} active API keys: deactivate one first")]
    TooManyApiKeys,
    #[error("a key may send 1 to {MAX_REQUESTS_PER_MINUTE} requests a minute")]
    InvalidRequestLimit,
    #[error("personal data is kept for 1 to {MAX_RETENTION_DAYS} days, or for good")]
    InvalidRetention,
    #[error("a product is out of stock once 0 to {MAX_STOCK_ALERT} are left")]
    InvalidStockAlert,
    #[error("e-mail and password must both be filled in")]
    InvalidCredentials,
    #[error("a signing secret begins with `whsec_` and has at most {MAX_SECRET_CHARS} characters: copy it whole")]
    InvalidSecret,
    #[error(
        "an e-mail address has an @ with something before and after it, no spaces, and at most {MAX_EMAIL_CHARS} characters"
    )]
    InvalidEmail,
}
