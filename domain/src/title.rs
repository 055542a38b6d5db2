//! Product titles, compared as people see them: a store may write one title in many ways.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use unicode_normalization::UnicodeNormalization as _;

/// Whether two titles read the same: HTML entities decoded (`WooCommerce` writes `&ndash;`), whatever the case, with every
/// run of white space as one space, and in one Unicode form (canonical caseless matching, D145 of the Unicode standard).
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    if is_plain(one) && is_plain(other) {
        return is_same_plain(one, other);
    }
    comparable(one) == comparable(other)
}

/// Most titles need no tables and no allocation: an order may have a thousand lines, an integration thousands of mappings.
fn is_plain(title: &str) -> bool {
    title.bytes().all(|byte| byte.is_ascii() && byte != b'&')
}

fn is_same_plain(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split_whitespace(), other.split_whitespace());
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one.eq_ignore_ascii_case(other) => {}
            (Some(_) | None, _) => return false,
        }
    }
}

/// The form in which titles that read the same are equal.
fn comparable(title: &str) -> String {
    let decoded = html_escape::decode_html_entities(title);
    let decomposed: String = decoded.nfd().collect();
    let folded: Cow<'_, str> = CaseMapper::new().fold_string(&decomposed);
    let composed: String = folded.nfc().collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn titles_that_read_the_same_are_the_same() {
        for (one, other) in [
            ("Storm Drive", " storm\tDRIVE \n"),
            ("Storm &ndash; Drive", "Storm \u{2013} Drive"),
            ("Rock &amp; Roll", "rock & roll"),
            ("Rock &#038; Roll", "Rock & Roll"),
            ("Max&#8217;s Tone", "Max\u{2019}s Tone"),
            ("Storm\u{a0}Drive", "Storm  Drive"),
            ("Storm&nbsp;Drive", "Storm Drive"),
            ("Stra\u{df}e", "STRASSE"),
            ("Caf\u{e9}", "CAFE\u{301}"),
            ("\u{3a3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}", "\u{3a3}\u{38a}\u{3a3}\u{3a5}\u{3a6}\u{39f}\u{3a3}"),
            ("\u{212b}ngstr\u{f6}m", "\u{e5}NGSTRO\u{308}M"),
            ("&nbsp;", ""),
        ] {
            assert!(is_same(one, other) && is_same(other, one), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn titles_that_read_differently_are_not() {
        for (one, other) in [
            ("Storm Drive", "StormDrive"),
            ("Storm Drive", "Storm Drive 2"),
            ("Storm - Drive", "Storm \u{2013} Drive"),
            ("Caf\u{e9}", "Cafe"),
            // Decoded once, as a browser does.
            ("&amp;ndash;", "\u{2013}"),
            ("AT&T", "AT"),
            ("Storm", ""),
        ] {
            assert!(!is_same(one, other) && !is_same(other, one), "{one:?} and {other:?}");
        }
    }

    proptest! {
        #[test]
        fn the_short_way_answers_as_the_long_one(one in "[ a-cA-C\t]{0,6}", other in "[ a-cA-C\t]{0,6}") {
            prop_assert_eq!(is_same(&one, &other), comparable(&one) == comparable(&other));
        }

        #[test]
        fn a_title_is_the_same_as_itself_in_any_form(title in "\\PC{0,20}") {
            let decomposed: String = title.nfd().collect();
            prop_assert!(is_same(&title, &title) && is_same(&title, &decomposed));
        }
    }
}
