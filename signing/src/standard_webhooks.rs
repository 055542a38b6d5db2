//! Standard Webhooks: an id, the time of sending and the body are signed together, so that what was captured is of no use
//! minutes later.
//!
//! As its specification says (standard-webhooks/standard-webhooks, `spec/standard-webhooks.md`, version 1.0.0), but for the
//! key: that is the caller's, since not every sender keeps it as the specification says.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use subtle::{Choice, ConstantTimeEq};

use crate::signature::{Code, Encoding, SignatureRefusal, code};

/// The header of the sender's id of the webhook, which is the same when it is sent again.
pub const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// What stands before an HMAC-SHA256. A sender may sign in other ways beside it, which are of no concern.
const VERSION: &str = "v1,";

/// How far the time that was signed may be from ours, either way, as in the specification's own libraries.
const TOLERANCE_S: u64 = 300;

/// Signatures that are looked at, and made. A sender has several while it changes its secret.
pub const MAX_SIGNATURES: usize = 16;

/// Whether the webhook is signed so.
pub fn is_in(headers: &HeaderMap) -> bool {
    headers.contains_key(SIGNATURE)
}

/// Whether one of `keys` signed the webhook within five minutes of `at`, when it was received. An empty key verifies nothing, since
/// anyone can sign with it.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    at: DateTime<Utc>,
    keys: &[impl AsRef<[u8]>],
) -> Result<(), SignatureRefusal> {
    let signatures = only_value(headers, SIGNATURE)?.ok_or(SignatureRefusal::Missing)?;
    let id = only_value(headers, ID)?.ok_or(SignatureRefusal::Malformed)?;
    let timestamp = only_value(headers, TIMESTAMP)?.ok_or(SignatureRefusal::Malformed)?;
    let sent_at_s = seconds(timestamp).ok_or(SignatureRefusal::Malformed)?;
    let claimed = claimed_codes(signatures);
    if claimed.is_empty() {
        return Err(SignatureRefusal::Malformed);
    }
    let mut verified = Choice::from(0);
    // No early end: how long this takes must not show which of the keys was right.
    for key in keys.iter().map(AsRef::as_ref).filter(|key| !key.is_empty()) {
        let expected = code(key, &content(id, timestamp, body));
        for claimed in &claimed {
            verified |= expected.ct_eq(claimed);
        }
    }
    if !bool::from(verified) {
        return Err(SignatureRefusal::Wrong);
    }
    // Last: the time of a webhook without a valid signature says nothing.
    if at.timestamp().abs_diff(sent_at_s) > TOLERANCE_S {
        return Err(SignatureRefusal::Expired);
    }
    Ok(())
}

/// The headers, name and value, of a webhook that is sent at `at`, signed with each of the first [`MAX_SIGNATURES`] keys; the
/// signatures first.
pub fn sign(id: &str, at: DateTime<Utc>, body: &[u8], keys: &[impl AsRef<[u8]>]) -> Vec<(&'static str, String)> {
    let timestamp = at.timestamp().to_string();
    let signature = |key: &[u8]| {
        let code = code(key, &content(id.as_bytes(), timestamp.as_bytes(), body));
        format!("{VERSION}{}", Encoding::Base64.encoded(&code))
    };
    let signatures: Vec<_> = keys.iter().take(MAX_SIGNATURES).map(|key| signature(key.as_ref())).collect();
    vec![(SIGNATURE, signatures.join(" ")), (ID, id.to_owned()), (TIMESTAMP, timestamp)]
}

fn content<'a>(id: &'a [u8], timestamp: &'a [u8], body: &'a [u8]) -> [&'a [u8]; 5] {
    [id, b".", timestamp, b".", body]
}

/// The bytes of a header that may be there once.
fn only_value<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, SignatureRefusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(http::HeaderValue::as_bytes);
    if values.next().is_some() { Err(SignatureRefusal::Malformed) } else { Ok(value) }
}

fn seconds(timestamp: &[u8]) -> Option<i64> {
    std::str::from_utf8(timestamp).ok()?.parse().ok()
}

fn claimed_codes(signatures: &[u8]) -> Vec<Code> {
    let one = |signature: &[u8]| Encoding::Base64.decoded(signature.strip_prefix(VERSION.as_bytes())?);
    signatures.split(|byte| *byte == b' ').take(MAX_SIGNATURES).filter_map(one).collect()
}
