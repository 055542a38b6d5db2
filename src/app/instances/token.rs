//! The token by which a program speaks for one instance: it begins with the instance's number, so that it is found without a list.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt as _;

use crate::app::keys;

const NUMBER_BYTES: usize = 4;
/// 184 random bits, and with the number a multiple of three: no padding.
const RANDOM_BYTES: usize = 23;

pub(super) fn new(number: u32) -> String {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend(rand::rng().random::<[u8; RANDOM_BYTES]>());
    STANDARD.encode(bytes)
}

/// The number that a token claims. Nothing of it is believed before the whole was compared.
pub(super) fn number(token: &str) -> Option<u32> {
    let bytes = STANDARD.decode(token).ok().filter(|bytes| bytes.len() == NUMBER_BYTES + RANDOM_BYTES)?;
    Some(u32::from_be_bytes(bytes.first_chunk().copied()?))
}

/// Hashes are compared: how long that takes says nothing of where they differ.
pub(super) fn is_same(known: &str, token: &str) -> bool {
    keys::hash(known) == keys::hash(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_instance_and_no_two_are_alike() {
        let token = new(4_711);
        assert_eq!((number(&token), token.len()), (Some(4_711), 36));
        assert!(is_same(&token, &token) && !is_same(&token, &new(4_711)));
        for wrong in ["", "abc", &token[..32], "5MOr3Sl/E4kww6mTjmjBYV/hAUAzz1g="] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }
}
