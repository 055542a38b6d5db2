//! A signature in one header: which header, which encoding, compared in constant time.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// An HMAC-SHA256.
pub type Code = [u8; 32];

const HEX_PREFIX: &str = "sha256=";
/// How long 32 bytes are in base64, padding included.
const BASE64_LENGTH: usize = 44;

/// Why a webhook is not taken for one that its store signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    #[error("the webhook carries no signature")]
    Missing,
    /// Not the encoding that this provider uses, or the header is repeated.
    #[error("the signature is not in the form that this provider uses")]
    Malformed,
    #[error("the signature was not made with the integration's signing secret over this body")]
    Wrong,
    /// Signed with the right secret, at another time than now: a webhook that was captured, or a clock that is wrong.
    #[error("the time that the webhook was signed at is more than five minutes off")]
    Expired,
}

/// An HMAC-SHA256 in a header.
pub struct Scheme {
    /// The names that the header may have; a signature is made under the first. Where several are present all must verify: a
    /// signature is never there to be ignored.
    pub headers: &'static [&'static str],
    pub encoding: Encoding,
}

/// How the bytes of an HMAC are written.
#[derive(Clone, Copy)]
pub enum Encoding {
    Base64,
    /// Hexadecimal.
    Hex,
    /// Hexadecimal, after `sha256=`.
    PrefixedHex,
}

impl Scheme {
    /// Whether the webhook has such a header at all.
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        self.headers.iter().any(|name| headers.contains_key(*name))
    }

    /// Whether one of `keys` signed `content`, the parts of which follow each other. An empty key verifies nothing, since
    /// anyone can sign with it.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        content: &[&[u8]],
        keys: &[impl AsRef<str>],
    ) -> Result<(), SignatureRefusal> {
        let claimed = self.claimed_codes(headers)?;
        let mut verified = vec![Choice::from(0); claimed.len()];
        // No early end: how long this takes must not show which of the keys was right.
        for key in keys.iter().map(AsRef::as_ref).filter(|key| !key.is_empty()) {
            let expected = code(key.as_bytes(), content);
            for (verified, claimed) in verified.iter_mut().zip(&claimed) {
                *verified |= expected.ct_eq(claimed);
            }
        }
        let all = verified.into_iter().fold(Choice::from(1), |all, one| all & one);
        if all.into() { Ok(()) } else { Err(SignatureRefusal::Wrong) }
    }

    /// The header, name and value, of a signature over `content`.
    pub fn sign(&self, content: &[&[u8]], key: &str) -> (&'static str, String) {
        (self.headers[0], self.encoding.encoded(&code(key.as_bytes(), content)))
    }

    fn claimed_codes(&self, headers: &HeaderMap) -> Result<Vec<Code>, SignatureRefusal> {
        let mut claimed = vec![];
        for name in self.headers {
            let mut values = headers.get_all(*name).iter();
            let Some(value) = values.next() else { continue };
            if values.next().is_some() {
                return Err(SignatureRefusal::Malformed);
            }
            claimed.push(self.encoding.decoded(value.as_bytes()).ok_or(SignatureRefusal::Malformed)?);
        }
        if claimed.is_empty() { Err(SignatureRefusal::Missing) } else { Ok(claimed) }
    }
}

impl Encoding {
    pub fn decoded(self, value: &[u8]) -> Option<Code> {
        match self {
            Self::Base64 => {
                // The length goes first: a header may be as long as the server allows, and decoding it is not free.
                if value.len() != BASE64_LENGTH {
                    return None;
                }
                BASE64_STANDARD.decode(value).ok()?.try_into().ok()
            }
            Self::Hex => {
                let mut code = Code::default();
                hex::decode_to_slice(value, &mut code).ok()?;
                Some(code)
            }
            Self::PrefixedHex => Self::Hex.decoded(value.strip_prefix(HEX_PREFIX.as_bytes())?),
        }
    }

    pub fn encoded(self, code: &Code) -> String {
        match self {
            Self::Base64 => BASE64_STANDARD.encode(code),
            Self::Hex => hex::encode(code),
            Self::PrefixedHex => format!("{HEX_PREFIX}{}", hex::encode(code)),
        }
    }
}

/// Whether `key` signed `content`, compared in constant time. An empty key signs nothing, since anyone has it.
pub fn is_signed(claimed: &str, encoding: Encoding, content: &[&[u8]], key: &[u8]) -> bool {
    let claimed = encoding.decoded(claimed.as_bytes());
    !key.is_empty() && claimed.is_some_and(|claimed| code(key, content).ct_eq(&claimed).into())
}

/// The HMAC of `content`, the parts of which follow each other.
pub fn code(key: &[u8], content: &[&[u8]]) -> Code {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in content {
        hmac.update(part);
    }
    hmac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const SECRET: &str = "shpss_0123456789";

    #[test]
    fn the_parts_that_are_signed_follow_each_other() {
        let scheme = Scheme { headers: &["X-Signature"], encoding: Encoding::Base64 };
        let parts: [&[u8]; 2] = [b"https://bridge.example.com/hook", b"{}"];
        let (name, value) = scheme.sign(&parts, SECRET);
        assert_eq!(scheme.sign(&[&parts.concat()], SECRET).1, value);
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_str(&value).unwrap())]);
        assert_eq!(scheme.verify(&headers, &parts, &[SECRET]), Ok(()));
        let elsewhere: [&[u8]; 2] = [b"http://bridge.example.com/hook", b"{}"];
        assert_eq!(scheme.verify(&headers, &elsewhere, &[SECRET]), Err(SignatureRefusal::Wrong));
    }
}
