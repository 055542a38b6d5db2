//! Headers that an endpoint's owner adds to its notifications, such as one that their gateway lets pass.

use std::fmt;

use http::{HeaderName, HeaderValue};

const MAX_HEADERS: usize = 20;
const MAX_NAME_LENGTH: usize = 100;
const MAX_VALUE_LENGTH: usize = 1000;

/// What a request says of itself and of its connection: the sender's alone (RFC 9110, section 7.6.1, and what follows from
/// the address and the body).
const RESERVED: [&str; 8] =
    ["connection", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];
const RESERVED_PREFIXES: [&str; 4] = ["content-", "elements-webhook-", "proxy-", "webhook-"];
/// What follows `X-` and a word in the headers of a signature, whatever the word: it is an option, and may change.
const SIGNATURE_SUFFIXES: [&str; 3] = ["-event", "-signature", "-timestamp"];

/// Headers that may be added to any notification. `Debug` shows their names, since a value may give access.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CustomHeaders(Vec<(String, String)>);

/// Why a header cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    #[error("an endpoint has at most {MAX_HEADERS} headers of its own")]
    TooMany,
    #[error(
        "the name of a header is one to {MAX_NAME_LENGTH} letters, digits and hyphens or the like, such as X-Team: {name:?}"
    )]
    Name { name: String },
    #[error("{name} cannot be set: the request itself or its signature has it")]
    Reserved { name: String },
    #[error("{name} is there twice")]
    Repeated { name: String },
    #[error(
        "the value of {name} is not 1 to {MAX_VALUE_LENGTH} characters of ASCII in one line, without spaces around it"
    )]
    Value { name: String },
}

impl CustomHeaders {
    pub fn new(headers: Vec<(String, String)>) -> Result<Self, InvalidHeader> {
        if headers.len() > MAX_HEADERS {
            return Err(InvalidHeader::TooMany);
        }
        for (index, (name, value)) in headers.iter().enumerate() {
            check_name(name)?;
            check_value(name, value)?;
            if headers[..index].iter().any(|(other, _)| is_same(other, name)) {
                return Err(InvalidHeader::Repeated { name: name.clone() });
            }
        }
        Ok(Self(headers))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.replace('_', "-").eq_ignore_ascii_case(&other.replace('_', "-"))
}

fn check_name(name: &str) -> Result<(), InvalidHeader> {
    if name.len() > MAX_NAME_LENGTH || HeaderName::from_bytes(name.as_bytes()).is_err() {
        let name = name.chars().take(MAX_NAME_LENGTH).collect();
        return Err(InvalidHeader::Name { name });
    }
    // Receivers behind CGI, WSGI or PHP cannot tell an underscore from a hyphen.
    let lower = name.to_ascii_lowercase().replace('_', "-");
    let is_of_signature = lower.starts_with("x-") && SIGNATURE_SUFFIXES.iter().any(|suffix| lower.ends_with(suffix));
    let has_reserved_prefix = RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    if is_of_signature || has_reserved_prefix || RESERVED.contains(&lower.as_str()) {
        return Err(InvalidHeader::Reserved { name: name.to_owned() });
    }
    Ok(())
}

/// A line break would begin another header.
fn check_value(name: &str, value: &str) -> Result<(), InvalidHeader> {
    let is_bounded = (1..=MAX_VALUE_LENGTH).contains(&value.len());
    if is_bounded && value.trim() == value && value.is_ascii() && HeaderValue::from_str(value).is_ok() {
        Ok(())
    } else {
        Err(InvalidHeader::Value { name: name.to_owned() })
    }
}

impl fmt::Debug for CustomHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<(), InvalidHeader> {
        CustomHeaders::new(vec![(name.to_owned(), value.to_owned())]).map(|_| ())
    }

    #[test]
    fn an_owner_may_add_what_is_not_the_requests_own() {
        for name in ["Authorization", "X-Team", "User-Agent", "x", "X-Signature-Of", "Our-Event", &"x".repeat(100)] {
            assert_eq!(check(name, "Bearer abc"), Ok(()), "{name}");
        }
        for name in [
            "Host",
            "content-type",
            "Content-Length",
            "Content-Encoding",
            "Transfer-Encoding",
            "Connection",
            "Keep-Alive",
            "TE",
            "Trailer",
            "Upgrade",
            "Expect",
            "Proxy-Authorization",
            "webhook-id",
            "Webhook-Timestamp",
            "WEBHOOK-SIGNATURE",
            "X-Clione-Signature",
            "x-clione-event",
            "X-Clione-Timestamp",
            "X-Acme-Signature",
            "Elements-Webhook-Id",
            "Elements-Webhook-Signature",
            "Content_Type",
            "Webhook_Signature",
            "X_Clione-Signature",
        ] {
            assert_eq!(check(name, "1"), Err(InvalidHeader::Reserved { name: name.to_owned() }));
        }
    }

    #[test]
    fn no_name_and_no_value_begins_another_header() {
        for name in ["", " ", "X Team", "X-Team:", "X-Team\r\nHost", "X-Téam", "X-Team\n", &"x".repeat(101)] {
            assert!(matches!(check(name, "1"), Err(InvalidHeader::Name { .. })), "{name:?}");
        }
        for value in ["", " ", "a ", "a\r\nHost: b", "a\nb", "a\rb", "a\0", "é", "\u{7f}", &"x".repeat(1001)] {
            assert_eq!(check("X-Team", value), Err(InvalidHeader::Value { name: "X-Team".to_owned() }), "{value:?}");
        }
        assert_eq!(check("X-Team", &"x".repeat(1000)), Ok(()));
    }

    #[test]
    fn headers_are_few_and_none_is_there_twice() {
        let headers = |count: usize| (0..count).map(|index| (format!("X-{index}"), "1".to_owned())).collect();
        assert!(CustomHeaders::new(headers(20)).is_ok());
        assert_eq!(CustomHeaders::new(headers(21)), Err(InvalidHeader::TooMany));
        for again in ["x-team", "X_Team"] {
            let twice = ["X-Team", again].map(|name| (name.to_owned(), "1".to_owned())).to_vec();
            assert_eq!(CustomHeaders::new(twice), Err(InvalidHeader::Repeated { name: again.to_owned() }));
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let headers = CustomHeaders::new(vec![("Authorization".to_owned(), "Bearer abc".to_owned())]).unwrap();
        assert_eq!(format!("{headers:?}"), r#"["Authorization"]"#);
    }
}
