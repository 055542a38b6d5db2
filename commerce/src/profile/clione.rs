//! The headers of Clione's webhooks document ("Outbound Webhooks", "Signature").
//!
//! The document leaves two things open. What is signed: here the time is signed with the body, since a receiver is to refuse
//! what is older than five minutes, and could not trust a time that anyone can change. And the key: here it is the secret's
//! text as the subscriber is shown it, `whsec_` and all, in UTF-8, as one uses a secret in a few lines of any language.

use signing::{Encoding, code};

use crate::{Attempt, Event, Secret};

const MAX_WORD_LENGTH: usize = 40;

/// The word in the names of the headers: `X-Clione-Signature` by default. What is resold under another name has another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderWord(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the word in the headers' names is one to {MAX_WORD_LENGTH} letters, digits and hyphens, such as Clione")]
pub struct InvalidHeaderWord;

impl HeaderWord {
    /// Fewer characters than a header's name may have (RFC 9110, section 5.6.2), since many a receiver takes no others.
    pub fn parse(text: &str) -> Result<Self, InvalidHeaderWord> {
        let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_bounded = (1..=MAX_WORD_LENGTH).contains(&text.len());
        if is_word && is_bounded { Ok(Self(text.to_owned())) } else { Err(InvalidHeaderWord) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn header(&self, name: &str) -> String {
        format!("X-{}-{name}", self.0)
    }
}

impl Default for HeaderWord {
    fn default() -> Self {
        Self("Clione".to_owned())
    }
}

/// There is one signature, with the current secret: a receiver that has the previous one verifies by Standard Webhooks until
/// it has changed.
pub(super) fn headers(
    word: &HeaderWord,
    event: &Event,
    attempt: Attempt,
    body: &[u8],
    secret: &Secret,
) -> [(String, String); 3] {
    let timestamp_ms = attempt.at.timestamp_millis().to_string();
    let signature = code(secret.expose().as_bytes(), &[timestamp_ms.as_bytes(), b".", body]);
    [
        (word.header("Signature"), Encoding::Hex.encoded(&signature)),
        (word.header("Event"), event.event_type().as_str().to_owned()),
        (word.header("Timestamp"), timestamp_ms),
    ]
}
