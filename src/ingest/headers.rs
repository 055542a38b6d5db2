//! Which headers of a webhook are recorded beside its body.
//!
//! Few stores sign them: they are shown, and may only ever make less of a body, never more.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::HeaderMap;
use providers::header;

/// Of any sender, beside those that the platforms name. `x-session-id` names a shopping conversation.
const OF_ANY_SENDER: [&str; 3] = ["content-type", "user-agent", "x-session-id"];

/// The headers that are kept with a webhook: how it was sent, and as what. None that could let somebody in, such as
/// `authorization`, `cookie`, `x-api-key` or a signature, and none that a proxy adds about a person, such as an address.
static KEPT: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let of_platforms = providers::all().flat_map(providers::Platform::recorded_headers);
    OF_ANY_SENDER.iter().chain(of_platforms).copied().collect()
});

/// What is kept of the headers: the first value of each that is on the list, cut where it is too long.
pub(super) fn kept(headers: &HeaderMap) -> BTreeMap<String, String> {
    KEPT.iter().filter_map(|name| Some(((*name).to_owned(), header::value(headers, name)?))).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(headers: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn what_is_kept_is_on_the_list_and_bounded() {
        let long = "v".repeat(5_000);
        let kept = kept(&with(&[
            ("content-type", "application/json"),
            ("user-agent", &long),
            ("x-shopify-triggered-at", "2026-11-21T10:00:00.123Z"),
            ("x-shopify-topic", " orders/paid "),
            ("x-shopify-topic", "orders/create"),
            ("x-shopify-api-version", ""),
            ("authorization", "Bearer cb_live_secret"),
            ("cookie", "session=1"),
            ("x-api-key", "cb_live_secret"),
            ("x-shopify-hmac-sha256", "bm90IHRoZSByaWdodA=="),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-session-id", "sess_1"),
            ("x-made-up", "1"),
        ]));
        let names: Vec<&str> = kept.keys().map(String::as_str).collect();
        assert_eq!(names, ["content-type", "user-agent", "x-session-id", "x-shopify-topic", "x-shopify-triggered-at"]);
        assert_eq!((kept["user-agent"].len(), kept["x-shopify-topic"].as_str()), (200, "orders/paid"));
    }
}
