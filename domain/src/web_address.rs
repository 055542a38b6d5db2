//! Web addresses as people type them.

/// A web address without white space around it, of at most so many bytes. The case of its scheme does not matter. None for what
/// is none. What it leads to is judged where it is called.
pub(crate) fn web_address(text: &str, max_bytes: usize) -> Option<&str> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://")?;
    let is_web = ["https", "http"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    let is_plain = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    (is_web && !rest.is_empty() && text.len() <= max_bytes && is_plain).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_address_has_a_scheme_of_the_web_in_any_case() {
        for text in ["https://a.example", "HTTPS://A.example/b", " http://a.example ", "Http://a"] {
            assert_eq!(web_address(text, 20), Some(text.trim()), "{text:?}");
        }
        for text in
            ["", "https://", "ftp://a.example", "a.example", "https://a b", "https://a\u{7}", "https://a.example/long"]
        {
            assert_eq!(web_address(text, 20), None, "{text:?}");
        }
    }
}
