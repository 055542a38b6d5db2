//! The keys that a WooCommerce store may make of a secret.

use std::borrow::Cow;

/// The usual key first. WooCommerce signs with the secret after decoding its HTML entities (`WC_Webhook::generate_signature`);
/// stores older than its pull request 22722 of 2019 sign with the secret as it is.
pub(super) fn keys(secret: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let (decoded, as_it_is) = (decoded(secret), Cow::Borrowed(secret));
    let differs = decoded != as_it_is;
    std::iter::once(decoded).chain(differs.then_some(as_it_is))
}

/// What `wp_specialchars_decode(…, ENT_QUOTES)` of `WordPress` makes of a text: five characters in their usual spellings,
/// once. A full HTML decoder would also decode `&copy;`, and so sign with a key that no store has.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        decoded.push_str(&rest[..start]);
        let after = &rest[start + 1..];
        let entity = after.split_once(';').and_then(|(name, after)| Some((special_char(name)?, after)));
        let (character, after) = entity.unwrap_or(('&', after));
        decoded.push(character);
        rest = after;
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

fn special_char(entity: &str) -> Option<char> {
    let Some(number) = entity.strip_prefix('#') else {
        return match entity {
            "amp" => Some('&'),
            "gt" => Some('>'),
            "lt" => Some('<'),
            "quot" => Some('"'),
            _ => None,
        };
    };
    // The angle brackets are known in decimal only.
    match number.strip_prefix(['x', 'X']) {
        Some(hex) => match hex.trim_start_matches('0') {
            "22" => Some('"'),
            "26" => Some('&'),
            "27" => Some('\''),
            _ => None,
        },
        None => match number.trim_start_matches('0') {
            "34" => Some('"'),
            "38" => Some('&'),
            "39" => Some('\''),
            "60" => Some('<'),
            "62" => Some('>'),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_decoded_as_wordpress_does() {
        for (text, expected) in [
            ("plain", "plain"),
            ("&#39;&#0039;&#x27;&#X0027;", "''''"),
            ("&#34;&#x22;&#60;&#062;&#38;&#x026;", "\"\"<>&&"),
            ("&amp;lt;", "&lt;"),
            ("&&amp;&", "&&&"),
            ("&copy;&LT;&apos;&#x3c;&#65;&#;&;", "&copy;&LT;&apos;&#x3c;&#65;&#;&;"),
            ("é&lt", "é&lt"),
        ] {
            assert_eq!(decoded(text), expected);
        }
    }
}
