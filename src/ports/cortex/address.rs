//! How hostile text becomes one path segment and nothing more.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::CortexError;
use crate::ports::address::{AddressError, api_address};

/// No username or item id is longer.
const MAX_SEGMENT_BYTES: usize = 256;

/// All but the unreserved characters of RFC 3986. Not `Url::path_segments_mut`, which silently drops tabs and line breaks
/// and so turns one name into another.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An address without a slash at its end.
#[derive(Clone, Debug)]
pub(super) struct BaseUrl(String);

impl BaseUrl {
    pub(super) fn parse(base_url: &str) -> Result<Self, AddressError> {
        api_address(base_url).map(Self)
    }

    /// A segment that no path can carry names nothing that exists.
    pub(super) fn endpoint(&self, segments: &[&str]) -> Result<String, CortexError> {
        let mut url = format!("{}/api/v1", self.0);
        for segment in segments {
            // Dots would climb out of the path: URL parsers resolve them even when they are percent-encoded.
            if matches!(*segment, "" | "." | "..") || segment.len() > MAX_SEGMENT_BYTES {
                return Err(CortexError::NotFound);
            }
            url.push('/');
            url.extend(utf8_percent_encode(segment, RESERVED));
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::*;

    fn endpoint(username: &str) -> Result<String, CortexError> {
        BaseUrl::parse("http://cortex.test").unwrap().endpoint(&["users", username])
    }

    #[test]
    fn a_name_becomes_one_segment() {
        for (username, path) in [
            ("cortex_user-42.~", "cortex_user-42.~"),
            ("a/b", "a%2Fb"),
            ("../../sessions", "..%2F..%2Fsessions"),
            ("a\\b", "a%5Cb"),
            ("a?b#c", "a%3Fb%23c"),
            ("%2e%2e", "%252e%252e"),
            ("a\tb\r\nc", "a%09b%0D%0Ac"),
            (" a+b ", "%20a%2Bb%20"),
            ("gitarrenhörer", "gitarrenh%C3%B6rer"),
        ] {
            let url = endpoint(username).unwrap();
            assert_eq!(url, format!("http://cortex.test/api/v1/users/{path}"));
            assert_eq!(Url::parse(&url).unwrap().as_str(), url, "parsing changes nothing");
        }
    }

    #[test]
    fn what_no_path_can_carry_does_not_exist() {
        for username in ["", ".", "..", &"x".repeat(MAX_SEGMENT_BYTES + 1)] {
            assert_eq!(endpoint(username), Err(CortexError::NotFound), "{username:?}");
        }
    }

    #[test]
    fn a_path_in_the_address_is_kept() {
        let base = BaseUrl::parse("https://gateway.test/cortex/").unwrap();
        assert_eq!(base.endpoint(&["sessions"]).unwrap(), "https://gateway.test/cortex/api/v1/sessions");
    }
}
