//! Which receivers an endpoint is written for, as it is stored. What each sends is in the crate `commerce`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EndpointRefusal, RetryPolicy};
use crate::Private;
use crate::invisible::{is_blank, is_invisible};

pub const MAX_HEADER_WORD_CHARS: usize = 40;
pub const MAX_ELEMENT_KEY_CHARS: usize = 100;
pub const MAX_SIGNATURE_KEY_CHARS: usize = 500;

/// How notifications are written and signed, and what follows when they fail. These names are the storage format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Profile {
    /// Standard Webhooks, and nothing else.
    #[default]
    Standard,
    /// Those of Clione's webhooks document.
    Clione {
        /// The word in the names of its headers: `Clione` in `X-Clione-Signature`.
        header_word: String,
    },
    /// Those of Cloud Elements.
    CloudElements {
        /// None for that of the store's platform.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        element_key: Option<String>,
        /// None to send without the signature that it makes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature_key: Option<Private<String>>,
    },
}

impl Profile {
    pub fn retry_policy(&self) -> RetryPolicy {
        match self {
            Self::Standard | Self::Clione { .. } => RetryPolicy::Standard,
            Self::CloudElements { .. } => RetryPolicy::CloudElements,
        }
    }

    pub(super) fn check(&self) -> Result<(), EndpointRefusal> {
        match self {
            Self::Standard => Ok(()),
            Self::Clione { header_word } => {
                let is_valid = is_bounded(header_word, MAX_HEADER_WORD_CHARS);
                if is_valid { Ok(()) } else { Err(EndpointRefusal::InvalidHeaderWord) }
            }
            Self::CloudElements { element_key, signature_key } => {
                // It is in every body, where a program compares it and a person reads it.
                let is_readable =
                    |key: &String| !key.chars().any(|c| c.is_control() || is_invisible(c)) && !is_blank(key);
                let is_element = |key: &String| is_bounded(key, MAX_ELEMENT_KEY_CHARS) && is_readable(key);
                if !element_key.as_ref().is_none_or(is_element) {
                    return Err(EndpointRefusal::InvalidElementKey);
                }
                let is_key =
                    |key: &Private<String>| key.known().is_some_and(|key| is_bounded(key, MAX_SIGNATURE_KEY_CHARS));
                let is_valid = signature_key.as_ref().is_none_or(is_key);
                if is_valid { Ok(()) } else { Err(EndpointRefusal::InvalidSignatureKey) }
            }
        }
    }
}

fn is_bounded(text: &str, max_chars: usize) -> bool {
    (1..=max_chars).contains(&text.chars().count())
}
