//! Where browsers go to connect a store: a page that says what is asked for, the way to the store, and the way back.
//!
//! `GET /connect/{integrationId}/{secret}` shows who asks for what. `POST` there gives the browser a session, and sends it to the
//! store. The store sends it back to `GET /oauth/{provider}/callback`.

mod page;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::integration::Provider;
use page::Page;

use crate::app::keys;
use crate::app::stores::{CallbackError, MAX_ATTEMPT, PageError, SentOn, Stores};

/// What the browser keeps until it comes back.
const COOKIE: &str = "cloud_bridge_connect";
/// Between the session and the state in it.
const BETWEEN: char = '~';

/// Nothing but the style that is served beside it, no frame around it, and its form sent to this service alone. A browser follows
/// the redirect to the store only where that may be the target of the form.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action *; frame-ancestors 'none'";

pub(crate) fn routes(stores: Stores) -> Router {
    Router::new()
        .route("/connect/page.css", get(async || style()))
        .route("/connect/{integration_id}/{secret}", get(show).post(go))
        .route("/oauth/{provider}/callback", get(come_back))
        .with_state(stores)
}

async fn show(State(stores): State<Stores>, Path((integration_id, secret)): Path<(String, String)>) -> Response {
    match stores.opened(&integration_id, &secret).await {
        Ok(opened) => shown(StatusCode::OK, &Page::question(&opened)),
        Err(error) => refused(&error),
    }
}

/// The form was sent. Only from this page: another site could have sent a browser through it without a word.
async fn go(
    State(stores): State<Stores>,
    Path((integration_id, secret)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if !is_same_origin(&headers) {
        return shown(StatusCode::FORBIDDEN, &Page::other_site());
    }
    let session = keys::new_browser_session();
    match stores.authorize(&integration_id, &secret, &session).await {
        Ok(SentOn { url, state, in_frame }) => {
            let mut response = StatusCode::SEE_OTHER.into_response();
            let headers = response.headers_mut();
            let Ok(location) = HeaderValue::from_str(&url) else {
                return shown(StatusCode::INTERNAL_SERVER_ERROR, &Page::unavailable());
            };
            headers.insert(header::LOCATION, location);
            let kept = format!("{session}{BETWEEN}{state}");
            headers.insert(header::SET_COOKIE, cookie(&kept, MAX_ATTEMPT.num_seconds(), stores.is_secure(), in_frame));
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
            response
        }
        Err(error) => refused(&error),
    }
}

async fn come_back(
    State(stores): State<Stores>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(provider) = Provider::parse(&provider) else {
        return shown(StatusCode::NOT_FOUND, &Page::over());
    };
    // Goes on when the browser does not wait: the code counts once, and would be lost.
    let came = tokio::spawn({
        let (stores, kept) = (stores.clone(), kept(&headers));
        async move {
            let kept = kept.as_deref().and_then(|kept| kept.split_once(BETWEEN));
            stores.callback(provider, query.as_deref().unwrap_or_default(), kept).await
        }
    });
    let mut response = match came.await.unwrap_or(Err(CallbackError::Unavailable)) {
        Ok(connected) => shown(StatusCode::OK, &Page::connected(&connected)),
        Err(error) => {
            tracing::warn!(provider = provider.as_str(), %error, "a store was not connected");
            let status = match &error {
                CallbackError::NotBegun | CallbackError::Callback(_) => StatusCode::FORBIDDEN,
                CallbackError::Refused(_) | CallbackError::NoApp => StatusCode::CONFLICT,
                CallbackError::Store(_) => StatusCode::BAD_GATEWAY,
                CallbackError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            };
            // What was forged ends nothing: the browser may still come back with what is not.
            return shown(status, &Page::not_connected(&error));
        }
    };
    response.headers_mut().insert(header::SET_COOKIE, cookie("", 0, stores.is_secure(), false));
    response
}

fn refused(error: &PageError) -> Response {
    match error {
        PageError::Over => shown(StatusCode::NOT_FOUND, &Page::over()),
        PageError::NoApp => shown(StatusCode::CONFLICT, &Page::no_app()),
        PageError::Failed(_) => shown(StatusCode::SERVICE_UNAVAILABLE, &Page::unavailable()),
    }
}

/// Whether a form was sent by a page of this service: by what the browser says of itself, which no page can change.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else { return false };
    origin.split_once("://").is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host))
}

/// Sent back only to the callback, and by a browser that follows a link from the store.
fn cookie(value: &str, seconds: i64, is_secure: bool, in_frame: bool) -> HeaderValue {
    let secure = if is_secure { "; Secure" } else { "" };
    // Where a platform shows the way back inside a page of its own, a browser sends no other. It takes it over TLS alone.
    let same_site = if in_frame && is_secure { "None" } else { "Lax" };
    let text = format!("{COOKIE}={value}; Path=/oauth; Max-Age={seconds}; HttpOnly{secure}; SameSite={same_site}");
    HeaderValue::from_str(&text).expect("it is made of letters, digits and marks")
}

fn kept(headers: &HeaderMap) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = all.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find_map(|(name, value)| (name == COOKIE).then(|| value.to_owned()))
}

fn shown(status: StatusCode, page: &Page) -> Response {
    let headers: [(HeaderName, HeaderValue); 6] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, page.html()).into_response()
}

fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, super::page::STYLE).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_form_counts_only_from_this_service() {
        for (pairs, is_same) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://a.example"), ("host", "a.example")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://A.example"), ("host", "a.example")], true),
            (&[("origin", "https://evil.example"), ("host", "a.example")], false),
            (&[("origin", "null"), ("host", "a.example")], false),
            (&[("host", "a.example")], false),
        ] {
            assert_eq!(is_same_origin(&headers(pairs)), is_same, "{pairs:?}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let sent = headers(&[("cookie", "a=1; cloud_bridge_connect=s~x.y.z; b=2")]);
        assert_eq!(kept(&sent).as_deref(), Some("s~x.y.z"));
        assert_eq!(kept(&headers(&[("cookie", "a=1")])), None);
    }
}
