//! Who asks: the API key that a request carries.

use std::sync::Arc;

use async_graphql::Context;
use axum::http::HeaderMap;
use domain::invisible::is_blank;

use super::ApiError;
use crate::app::App;
use crate::app::api_keys::ApiKeys;
use crate::app::viewer::{Unauthorized, Viewer};

const MAX_REASON_CHARS: usize = 500;

/// The caller that the headers name: none where they carry no key.
pub async fn viewer_of(keys: &ApiKeys, headers: &HeaderMap) -> Result<Option<Viewer>, Unauthorized> {
    let bearer = headers.get("authorization").map(|value| value.to_str().unwrap_or_default());
    let key = match bearer {
        Some(value) => {
            let (scheme, key) = value.split_once(' ').unwrap_or_default();
            if scheme.eq_ignore_ascii_case("bearer") {
                Some(key)
            } else {
                return Err(Unauthorized::BadKey);
            }
        }
        None => headers.get("x-api-key").map(|value| value.to_str().unwrap_or_default()),
    };
    match key {
        Some(key) => keys.viewer(key, reason_in(headers)).await.map(Some),
        None => Ok(None),
    }
}

/// A reason for whatever is done, for the record. Text of people, so it may be of any alphabet.
fn reason_in(headers: &HeaderMap) -> Option<String> {
    let said = String::from_utf8_lossy(headers.get("x-reason")?.as_bytes()).into_owned();
    let said: String = said.chars().filter(|character| !character.is_control()).take(MAX_REASON_CHARS).collect();
    let said = said.trim();
    // An invisible reason is none.
    (!is_blank(said)).then(|| said.to_owned())
}

/// The caller of the request that is being answered.
pub(super) fn viewer_in<'c>(context: &'c Context<'_>) -> Result<&'c Viewer, ApiError> {
    context.data_opt::<Viewer>().ok_or(ApiError::Unauthenticated)
}

/// What can be done, and who asks.
pub(super) fn app_and_viewer<'c>(context: &'c Context<'_>) -> Result<(&'c Arc<App>, &'c Viewer), ApiError> {
    Ok((context.data_unchecked::<Arc<App>>(), viewer_in(context)?))
}
