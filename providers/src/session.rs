//! The shopping conversation that led to an order, where the order names it.
//!
//! A commerce gateway finds and makes carts by the id of its session (`X-Session-ID`), and how an order carries it back is
//! documented nowhere (facts of the gateway, 2.4). It is read where a store lets a shop attach a text to a cart or an order, so
//! that it is in the signed body; a header of the webhook is never read.

/// The names that are read, the one that wins first, without what separates their words: the most specific first, since
/// plugins use the plainest name for sessions of their own.
const ATTRIBUTES: [&str; 3] = ["commercesessionid", "xsessionid", "sessionid"];

/// Longest id that is kept. The gateway's own has about 30 characters, or is what its caller chose.
const MAX_CHARS: usize = 200;

/// Which of the attributes a name is of; the smallest counts first.
pub(crate) fn rank(name: &str) -> Option<usize> {
    let letters = crate::attributes::letters(name)?;
    ATTRIBUTES.iter().position(|name| *name == letters)
}

/// The id that a text is: short, and of visible ASCII. A shopper can write anything there, and a text that is cut would be
/// the id of another conversation.
pub(crate) fn id(text: &str) -> Option<String> {
    let text = text.trim();
    let is_id = (1..=MAX_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_id.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_however_it_is_spelt_and_the_most_specific_first() {
        for name in ["session_id", "sessionid", "_session_id", "Session ID", "sessionId", "SESSION-ID"] {
            assert_eq!(rank(name), Some(2), "{name}");
        }
        assert_eq!((rank("commerce_session_id"), rank("X-Session-ID")), (Some(0), Some(1)));
        for name in ["wc_session_id", "session", "session_id_2", "ndsp_username", "", &"_".repeat(200)] {
            assert_eq!(rank(name), None, "{name}");
        }
    }

    #[test]
    fn an_id_is_whole_and_of_visible_ascii_or_none() {
        assert_eq!(id(" sess_m8x2k1_a9 ").as_deref(), Some("sess_m8x2k1_a9"));
        assert_eq!(id(&"a".repeat(200)).map(|id| id.len()), Some(200));
        for text in ["", " ", "a b", "a\u{0}b", "a\tb", "\u{200b}a", "s\u{e9}ance", &"a".repeat(201)] {
            assert_eq!(id(text), None, "{text:?}");
        }
    }
}
