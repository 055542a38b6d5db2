//! The secrets that notifications are signed with.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

const PREFIX: &str = "whsec_";
/// How many bytes a secret has (Standard Webhooks, "Signature scheme").
const MIN_BYTES: usize = 24;
const MAX_BYTES: usize = 64;

/// A secret that an endpoint's notifications are signed with: `whsec_` and the base64 of 24 to 64 bytes, as Standard Webhooks
/// has it. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    key: Vec<u8>,
}

/// Why a text is no secret, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    #[error("a signing secret begins with `whsec_`: copy it whole, or let one be made")]
    NoPrefix,
    #[error("after `whsec_` a signing secret is base64, with its padding: copy it whole, or let one be made")]
    NotBase64,
    #[error("a signing secret has {MIN_BYTES} to {MAX_BYTES} bytes, and this one {bytes}: let one be made")]
    Length { bytes: usize },
}

impl Secret {
    /// A new secret of random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self { text: format!("{PREFIX}{}", BASE64_STANDARD.encode(random)), key: random.to_vec() }
    }

    /// Reads a secret as it is shown; white space around it was copied with it.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let text = text.trim();
        let base64 = text.strip_prefix(PREFIX).ok_or(InvalidSecret::NoPrefix)?;
        let key = BASE64_STANDARD.decode(base64).map_err(|_| InvalidSecret::NotBase64)?;
        if !(MIN_BYTES..=MAX_BYTES).contains(&key.len()) {
            return Err(InvalidSecret::Length { bytes: key.len() });
        }
        Ok(Self { text: text.to_owned(), key })
    }

    /// As the subscriber is shown it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The bytes that Standard Webhooks signs with.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The secrets of an endpoint: what is sent is signed with each, so that its owner changes theirs without missing anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    pub current: Secret,
    /// Those that are still valid, the newest first. All secrets beyond the first
    /// [`MAX_SIGNATURES`](signing::standard_webhooks::MAX_SIGNATURES) sign nothing.
    pub previous: Vec<Secret>,
}

impl Secrets {
    pub(crate) fn keys(&self) -> Vec<&[u8]> {
        [&self.current].into_iter().chain(&self.previous).map(Secret::key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_is_read_as_the_same() {
        let secret = Secret::new([7; 32]);
        assert_eq!(secret.expose(), "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
        assert_eq!(Secret::parse(" whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"), Ok(secret));
    }

    #[test]
    fn a_secret_has_its_prefix_its_encoding_and_its_length() {
        let of = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![1; bytes]));
        for (text, expected) in [
            (of(24), None),
            (of(64), None),
            (of(23), Some(InvalidSecret::Length { bytes: 23 })),
            (of(65), Some(InvalidSecret::Length { bytes: 65 })),
            ("whsec_".to_owned(), Some(InvalidSecret::Length { bytes: 0 })),
            (of(32).replace("whsec_", ""), Some(InvalidSecret::NoPrefix)),
            (of(32).replace("whsec_", "WHSEC_"), Some(InvalidSecret::NoPrefix)),
            (of(32).replace('=', ""), Some(InvalidSecret::NotBase64)),
            (of(32).replace("AQEB", "-_-_"), Some(InvalidSecret::NotBase64)),
        ] {
            assert_eq!(Secret::parse(&text).err(), expected, "{text}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        let secrets = Secrets { current: Secret::new([7; 32]), previous: vec![Secret::new([8; 32])] };
        assert_eq!(format!("{secrets:?}"), "Secrets { current: [secret], previous: [[secret]] }");
    }
}
