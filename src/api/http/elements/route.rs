//! The addresses of the instances API.

use axum::http::Method;
use percent_encoding::percent_decode_str;

/// Longest part of an address, in bytes.
const MAX_PART_BYTES: usize = 200;

/// Which instance an address is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The one whose token is sent.
    OfToken,
    /// By its id. Where the address names an element, it is one of that.
    Named { element: Option<String>, id: String },
}

/// What an analysis counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Analytics {
    All,
    Accounts,
    Instances,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    OauthUrl {
        element: String,
    },
    /// All of them, or the one whose token is sent.
    Instances {
        element: Option<String>,
    },
    Instance(Which),
    Enabled(Which),
    Configuration(Which),
    ConfigurationValue(Which, String),
    /// Of all instances, or of one.
    Events(Option<Which>),
    Event(Option<Which>, String),
    Analytics(Analytics),
    Dispositions,
    Subscriptions,
    Subscription(String),
    Deliveries,
    /// Of the account that is named, or of the caller's own.
    Settings(Option<String>),
}

impl Route {
    pub(super) fn read(path: &str) -> Option<Self> {
        let parts: Vec<String> = path.split('/').skip(1).map(decoded).collect::<Option<_>>()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let owned = |text: &str| text.to_owned();
        Some(match parts.as_slice() {
            ["elements", element, "oauth", "url"] => Self::OauthUrl { element: owned(element) },
            ["elements", element, "instances"] => Self::Instances { element: Some(owned(element)) },
            ["elements", element, "instances", id, rest @ ..] => Self::of_instance(Some(element), id, rest)?,
            ["instances"] => Self::Instances { element: None },
            ["instances", "enabled"] => Self::Enabled(Which::OfToken),
            ["instances", "configuration"] => Self::Configuration(Which::OfToken),
            ["instances", "configuration", key] => Self::ConfigurationValue(Which::OfToken, owned(key)),
            ["instances", "events"] => Self::Events(None),
            ["instances", "events", "analytics"] => Self::Analytics(Analytics::All),
            ["instances", "events", "analytics", "accounts"] => Self::Analytics(Analytics::Accounts),
            ["instances", "events", "analytics", "instances"] => Self::Analytics(Analytics::Instances),
            ["instances", "events", "dispositions"] => Self::Dispositions,
            ["instances", "events", id] => Self::Event(None, owned(id)),
            ["instances", id, rest @ ..] => Self::of_instance(None, id, rest)?,
            ["notifications", "subscriptions"] => Self::Subscriptions,
            ["notifications", "subscriptions", "deliveries"] => Self::Deliveries,
            ["notifications", "subscriptions", id] => Self::Subscription(owned(id)),
            ["accounts", "settings"] => Self::Settings(None),
            ["accounts", id, "settings"] => Self::Settings(Some(owned(id))),
            _ => return None,
        })
    }

    fn of_instance(element: Option<&str>, id: &str, rest: &[&str]) -> Option<Self> {
        let which = Which::Named { element: element.map(str::to_owned), id: id.to_owned() };
        Some(match rest {
            [] => Self::Instance(which),
            ["enabled"] => Self::Enabled(which),
            ["configuration"] => Self::Configuration(which),
            ["configuration", key] => Self::ConfigurationValue(which, (*key).to_owned()),
            ["events"] => Self::Events(Some(which)),
            ["events", id] => Self::Event(Some(which), (*id).to_owned()),
            _ => return None,
        })
    }

    pub(super) fn takes(&self, method: &Method) -> bool {
        let taken: &[Method] = match self {
            Self::OauthUrl { .. } | Self::Subscriptions => &[Method::GET, Method::POST],
            Self::Instances { .. } => &[Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE],
            Self::Instance(_) => &[Method::GET, Method::PUT, Method::PATCH, Method::DELETE],
            Self::Enabled(_) => &[Method::PUT, Method::DELETE],
            Self::ConfigurationValue(..) => &[Method::GET, Method::PATCH],
            Self::Configuration(_) | Self::Events(_) | Self::Event(..) | Self::Analytics(_) | Self::Dispositions => {
                &[Method::GET]
            }
            Self::Subscription(_) => &[Method::GET, Method::DELETE],
            Self::Deliveries => &[Method::GET, Method::PUT],
            Self::Settings(_) => &[Method::GET, Method::POST, Method::PATCH],
        };
        taken.contains(method)
    }
}

fn decoded(part: &str) -> Option<String> {
    let text = percent_decode_str(part).decode_utf8().ok()?;
    (text.len() <= MAX_PART_BYTES).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(element: Option<&str>) -> Which {
        Which::Named { element: element.map(str::to_owned), id: "12".to_owned() }
    }

    #[test]
    fn an_address_is_of_one_thing() {
        let read = |path: &str| Route::read(path).unwrap();
        assert_eq!(read("/instances/12"), Route::Instance(named(None)));
        assert_eq!(read("/elements/48/instances/12/enabled"), Route::Enabled(named(Some("48"))));
        assert_eq!(read("/instances/12/events/x"), Route::Event(Some(named(None)), "x".to_owned()));
        assert_eq!(read("/instances/events/x"), Route::Event(None, "x".to_owned()));
        assert_eq!(read("/instances/events/analytics/accounts"), Route::Analytics(Analytics::Accounts));
        assert_eq!(
            read("/instances/12/configuration/oauth%2Escope"),
            Route::ConfigurationValue(named(None), "oauth.scope".to_owned())
        );
        assert_eq!(read("/accounts/a/settings"), Route::Settings(Some("a".to_owned())));
        for nothing in [
            "",
            "/",
            "/instances/",
            "/hubs",
            "/instances/12/x",
            "/instances/%ff",
            &format!("/instances/{}", "1".repeat(201)),
        ] {
            let found = Route::read(nothing);
            assert!(
                found.is_none() || found == Some(Route::Instance(Which::Named { element: None, id: String::new() }))
            );
        }
    }

    #[test]
    fn each_takes_the_methods_that_mean_something() {
        assert!(Route::Deliveries.takes(&Method::PUT) && !Route::Deliveries.takes(&Method::POST));
        assert!(!Route::Instance(Which::OfToken).takes(&Method::POST));
        assert!(!Route::Dispositions.takes(&Method::HEAD));
    }
}
