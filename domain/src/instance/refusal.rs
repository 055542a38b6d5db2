//! Why an instance refuses a command.

use super::{MAX_NAME_CHARS, MAX_SUBSCRIPTIONS, MAX_TAG_CHARS, MAX_TAGS};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstanceRefusal {
    #[error("there is no such instance")]
    NotFound,
    #[error("another instance has this id")]
    AlreadyExists,
    #[error("the instance is deleted, for good: create another one")]
    Deleted,
    #[error("this is no id of an instance or of a subscription, or another has it")]
    InvalidNumber,
    #[error("the name of an instance has 1 to {MAX_NAME_CHARS} characters")]
    InvalidName,
    #[error("an instance has at most {MAX_TAGS} tags, each of 1 to {MAX_TAG_CHARS} characters")]
    InvalidTags,
    #[error("oauth.callback.url or oauth.scope is too long")]
    TooLong,
    #[error(
        "an instance has at most {MAX_SUBSCRIPTIONS} subscriptions beside the one of its configuration: delete one"
    )]
    TooManySubscriptions,
}
