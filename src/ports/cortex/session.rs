//! What a login is worth: a token that is sent but never shown, and when it ends.

use chrono::{DateTime, Utc};
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;

use super::CortexError;

#[derive(Clone, Debug)]
pub struct Session {
    /// Marked as sensitive, which keeps it out of `Debug` here and inside the HTTP client.
    authorization: HeaderValue,
    pub expires_at: DateTime<Utc>,
}

/// The answer to a login.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Issued {
    token: String,
    expires_at: DateTime<Utc>,
}

impl Session {
    pub(super) fn issued(issued: Issued) -> Result<Self, CortexError> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", issued.token))
            .map_err(|_| CortexError::Unexpected("issued a token that no header can carry".into()))?;
        authorization.set_sensitive(true);
        Ok(Self { authorization, expires_at: issued.expires_at })
    }

    pub(super) fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(AUTHORIZATION, self.authorization.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(token: &str) -> Result<Session, CortexError> {
        Session::issued(Issued { token: token.into(), expires_at: DateTime::UNIX_EPOCH })
    }

    #[test]
    fn a_session_does_not_show_its_token() {
        let shown = format!("{:?}", issued("s3cr3t").unwrap());
        assert!(shown.contains("expires_at") && !shown.contains("s3cr3t"), "{shown}");
    }

    #[test]
    fn a_token_with_a_line_break_is_refused() {
        let refused = issued("s3cr3t\r\nX-Admin: 1").unwrap_err();
        assert_eq!(refused, CortexError::Unexpected("issued a token that no header can carry".into()));
    }
}
