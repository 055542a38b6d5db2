//! What is kept of an endpoint's response.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much is kept of a response's body.
pub const MAX_RESPONSE_BYTES: usize = 1_024;

/// The beginning of a response's body. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseBody {
    Text(String),
    /// What is no text in UTF-8.
    Base64(String),
}

impl ResponseBody {
    /// At most [`MAX_RESPONSE_BYTES`] of it. None where it is empty.
    pub fn of(body: &[u8]) -> Option<Self> {
        let kept = body.get(..MAX_RESPONSE_BYTES).unwrap_or(body);
        // A character may be cut in two where the body is.
        let text = match str::from_utf8(kept) {
            Ok(text) => Some(text),
            Err(error) if error.error_len().is_none() && kept.len() == MAX_RESPONSE_BYTES => {
                str::from_utf8(&kept[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        // No database takes the null character in a text.
        match text.filter(|text| !text.contains('\0')) {
            Some("") => None,
            Some(text) => Some(Self::Text(text.to_owned())),
            None => Some(Self::Base64(BASE64_STANDARD.encode(kept))),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[response]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_kept_as_text_where_it_is_text() {
        let text = |text: &str| Some(ResponseBody::Text(text.to_owned()));
        assert_eq!(ResponseBody::of(b""), None);
        assert_eq!(ResponseBody::of("Grüße\n".as_bytes()), text("Grüße\n"));
        assert_eq!(ResponseBody::of(&[0xff, 0xfe]), Some(ResponseBody::Base64("//4=".to_owned())));
        assert_eq!(ResponseBody::of(b"a\0b"), Some(ResponseBody::Base64("YQBi".to_owned())));
        assert_eq!(
            ResponseBody::of(&"ü".as_bytes()[..1]),
            Some(ResponseBody::Base64("ww==".to_owned())),
            "not cut by us"
        );
    }

    #[test]
    fn a_kilobyte_is_kept_and_no_character_is_cut_in_two() {
        let kept = |body: String| match ResponseBody::of(body.as_bytes()) {
            Some(ResponseBody::Text(text)) => text.len(),
            other => panic!("it is text: {other:?}"),
        };
        assert_eq!(kept("x".repeat(5_000)), 1_024);
        assert_eq!(kept(format!("x{}", "ü".repeat(5_000))), 1_023);
        let Some(ResponseBody::Base64(base64)) = ResponseBody::of(&[0xff; 5_000]) else { panic!("it is no text") };
        assert_eq!(base64.len(), 1_368);
    }

    #[test]
    fn debug_shows_nothing_of_a_body() {
        assert_eq!(format!("{:?}", ResponseBody::of(b"max@music.com")), "Some([response])");
    }
}
