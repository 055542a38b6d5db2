//! What may be said of an endpoint: each refusal names the part of the input that it is for.

use commerce::profile::{CustomHeaders, HeaderWord, SignatureKey};
use commerce::{Filter, InvalidFilter, Secret};
use domain::Private;
use domain::endpoint::{EndpointRefusal, EventTypePattern, MAX_EVENT_TYPES, Profile};
use secrecy::{ExposeSecret as _, SecretString};

use super::{NewProfile, ProfileKind};
use crate::app::error::Refused;
use crate::ports::outbound::{OutboundClient, UrlRefusal};

/// The URL as it is called, where it may be at this moment. That is what is kept, so that people see which it is. Each attempt
/// judges it again.
pub(super) async fn url(outbound: &OutboundClient, url: &str) -> Result<String, Refused> {
    let refusal = match outbound.check(url.trim()).await {
        Ok(checked) => return Ok(checked.as_str().to_owned()),
        Err(refusal) => refusal,
    };
    let code = match refusal {
        UrlRefusal::TooLong
        | UrlRefusal::NotAUrl
        | UrlRefusal::Backslash
        | UrlRefusal::Invisible
        | UrlRefusal::Credentials
        | UrlRefusal::Fragment
        | UrlRefusal::PortZero => "INVALID_URL",
        UrlRefusal::NotHttps | UrlRefusal::LocalName | UrlRefusal::NotPublic(_) => "URL_NOT_ALLOWED",
        UrlRefusal::NotResolved | UrlRefusal::ResolutionTimeout => "URL_NOT_RESOLVED",
    };
    Err(Refused::new(code, refusal.to_string(), Some("url")))
}

pub(super) fn event_types(names: &[String]) -> Result<Vec<EventTypePattern>, Refused> {
    if names.len() > MAX_EVENT_TYPES {
        return Err(EndpointRefusal::InvalidEventTypes.into());
    }
    let patterns = names.iter().map(|name| EventTypePattern::parse(name)).collect::<Result<_, _>>();
    patterns.map_err(Refused::from)
}

/// None for one that is empty: every event passes.
pub(super) fn filter(text: Option<String>) -> Result<Option<String>, Refused> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    Ok(Some(parsed_filter(&text)?.as_str().to_owned()))
}

pub(super) fn parsed_filter(text: &str) -> Result<Filter, Refused> {
    Filter::new(text).map_err(invalid_filter)
}

/// One that was set before, perhaps by a version that refused less.
pub(super) fn stored_filter(text: &str) -> Result<Filter, Refused> {
    Filter::parse(text).map_err(invalid_filter)
}

fn invalid_filter(invalid: InvalidFilter) -> Refused {
    Refused::new("INVALID_FILTER", invalid.to_string(), Some("filter"))
}

pub(super) fn headers(given: Vec<(String, SecretString)>) -> Result<Private<Vec<(String, String)>>, Refused> {
    let headers = given.into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect();
    let checked = CustomHeaders::new(headers)
        .map_err(|invalid| Refused::new("INVALID_HEADERS", invalid.to_string(), Some("headers")))?;
    Ok(Private::Known(checked.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
}

pub(super) fn profile(given: NewProfile) -> Result<Profile, Refused> {
    let NewProfile { kind, header_word, element_key, signature_key } = given;
    if kind != ProfileKind::Clione && header_word.is_some() {
        return Err(not_of_profile("headerWord is of the profile CLIONE", "profile.headerWord"));
    }
    if kind != ProfileKind::CloudElements && element_key.is_some() {
        return Err(not_of_profile("elementKey is of the profile CLOUD_ELEMENTS", "profile.elementKey"));
    }
    if kind != ProfileKind::CloudElements && signature_key.is_some() {
        return Err(not_of_profile("signatureKey is of the profile CLOUD_ELEMENTS", "profile.signatureKey"));
    }
    Ok(match kind {
        ProfileKind::Standard => Profile::Standard,
        ProfileKind::Clione => {
            let word = header_word.as_deref().map(HeaderWord::parse).transpose().map_err(|invalid| {
                Refused::new("INVALID_HEADER_WORD", invalid.to_string(), Some("profile.headerWord"))
            })?;
            Profile::Clione { header_word: word.unwrap_or_default().as_str().to_owned() }
        }
        ProfileKind::CloudElements => {
            if let Some(key) = &signature_key {
                SignatureKey::parse(key.expose_secret()).map_err(|invalid| {
                    Refused::new("INVALID_SIGNATURE_KEY", invalid.to_string(), Some("profile.signatureKey"))
                })?;
            }
            let element_key = element_key.map(|key| key.trim().to_owned());
            let signature_key = signature_key.map(|key| Private::from(key.expose_secret()));
            Profile::CloudElements { element_key, signature_key }
        }
    })
}

fn not_of_profile(what: &str, field: &'static str) -> Refused {
    Refused::new("NOT_OF_PROFILE", format!("{what} alone: leave it out, or name that profile"), Some(field))
}

pub(super) fn secret(given: &SecretString) -> Result<Secret, Refused> {
    Secret::parse(given.expose_secret())
        .map_err(|invalid| Refused::new("INVALID_SECRET", invalid.to_string(), Some("signingSecret")))
}

pub(super) fn overlap(hours: i32) -> Result<u32, Refused> {
    let negative = |_| Refused::new("OVERLAP_TOO_SHORT", "an overlap cannot be negative", Some("overlapHours"));
    u32::try_from(hours).map_err(negative)
}

/// Below zero is no number that is allowed, nor is zero.
pub(super) fn number(given: i32) -> u32 {
    u32::try_from(given).unwrap_or(0)
}
