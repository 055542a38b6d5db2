//! Who asks: `Authorization: User KEY, Organization KEY`, or `User KEY, Element TOKEN` for one instance.
//!
//! Both secrets of Cloud Elements are API keys of the account here; it may be the same key twice.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use super::refused::Refused;
use super::route::Which;
use crate::api::http::ApiEndpoint;
use crate::app::App;
use crate::app::instances::FoundInstance;
use crate::app::viewer::{Unauthorized, Viewer};

const SAY_WHO: &str = "say who you are: Authorization: User API_KEY, Organization API_KEY, or for one instance User API_KEY, Element TOKEN";
const BAD_KEY: &str = "the keys are not active API keys of one account";
const BAD_TOKEN: &str = "there is no instance of this account with this token: it was deleted, or never was";
const DISABLED: &str = "the instance is disabled: PUT /instances/{id}/enabled enables it";
const OTHER: &str = "the token is of another instance than the address";

/// Who asks, with the token that was sent.
pub(super) struct Caller {
    viewer: Viewer,
    token: Option<String>,
}

/// Who asks, known whole.
pub(super) struct Known {
    pub(super) viewer: Viewer,
    /// The number of the instance whose token was sent.
    pub(super) instance: Option<u32>,
}

/// What the header says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Secrets<'h> {
    user: Option<&'h str>,
    organization: Option<&'h str>,
    element: Option<&'h str>,
}

fn secrets(header: &str) -> Option<Secrets<'_>> {
    let mut secrets = Secrets::default();
    for part in header.split(',') {
        let (name, secret) = part.trim().split_once(' ')?;
        let place = match name.to_ascii_lowercase().as_str() {
            "user" => &mut secrets.user,
            "organization" => &mut secrets.organization,
            "element" => &mut secrets.element,
            _ => return None,
        };
        // Twice the same name says nothing.
        if place.replace(secret.trim()).is_some() {
            return None;
        }
    }
    Some(secrets)
}

pub(super) async fn caller(
    endpoint: &ApiEndpoint,
    headers: &HeaderMap,
    client: Option<IpAddr>,
) -> Result<Caller, Refused> {
    let refused = |error: Unauthorized, message| match endpoint.admit_stranger(&error, client) {
        Err(retry_after) => Refused::TooMany(retry_after),
        Ok(()) => match error {
            Unauthorized::LimitReached { retry_after } => Refused::TooMany(retry_after),
            Unauthorized::Unavailable => Refused::Unavailable,
            Unauthorized::NoKey | Unauthorized::BadKey => Refused::Unauthorized(message),
        },
    };
    // Of two such headers another reader may take the other.
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let header = sent.next().filter(|_| sent.next().is_none());
    let header = header.and_then(|value| value.to_str().ok()).and_then(secrets);
    let Some(Secrets { user: Some(user), organization, element }) = header else {
        return Err(refused(Unauthorized::NoKey, SAY_WHO));
    };
    let keys = endpoint.api.keys();
    let viewer = keys.viewer(user, None).await.map_err(|error| refused(error, BAD_KEY))?;
    match (organization, element) {
        (Some(organization), None) => {
            let found = keys.find(organization).await.map_err(|_| Refused::Unavailable)?;
            if found.is_none_or(|key| key.active != 1 || !viewer.owns(&key.account_id)) {
                return Err(refused(Unauthorized::BadKey, BAD_KEY));
            }
            Ok(Caller { viewer, token: None })
        }
        (_, Some(token)) => Ok(Caller { viewer, token: Some(token.to_owned()) }),
        (None, None) => Err(refused(Unauthorized::NoKey, SAY_WHO)),
    }
}

impl Caller {
    /// A token opens one instance, as long as that is enabled.
    pub(super) async fn found(self, app: &App) -> Result<Known, Refused> {
        let Self { viewer, token } = self;
        let Some(token) = token else { return Ok(Known { viewer, instance: None }) };
        let found = app.instances.of_token(&viewer, &token).await?;
        let FoundInstance { details, .. } = found.ok_or(Refused::Unauthorized(BAD_TOKEN))?;
        if !details.enabled {
            return Err(Refused::Forbidden(DISABLED));
        }
        Ok(Known { viewer, instance: Some(details.number) })
    }
}

impl Known {
    /// The number of the instance that an address means.
    pub(super) fn instance_of(&self, which: &Which) -> Result<u32, Refused> {
        match (which, self.instance) {
            (Which::OfToken, Some(instance)) => Ok(instance),
            (Which::OfToken, None) => Err(Refused::Invalid(
                "which instance? Name its id in the address, or send its token: Authorization: User API_KEY, Element TOKEN"
                    .to_owned(),
            )),
            (Which::Named { element, id }, of_token) => {
                if let Some(element) = element {
                    super::oauth::require_element(element)?;
                }
                let named = id.parse().ok().filter(|number: &u32| number.to_string() == *id).ok_or_else(|| no_such(id))?;
                match of_token {
                    Some(instance) if instance != named => Err(Refused::Forbidden(OTHER)),
                    Some(_) | None => Ok(named),
                }
            }
        }
    }
}

impl Known {
    /// Refuses a token where more than its instance is meant.
    pub(super) fn require_account(&self) -> Result<(), Refused> {
        let message = "the token of an instance opens that instance alone: send Organization API_KEY in its place";
        if self.instance.is_none() { Ok(()) } else { Err(Refused::Forbidden(message)) }
    }
}

pub(super) fn no_such(id: &str) -> Refused {
    Refused::NotFound(format!("there is no instance {id:.20} of this account"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_each_secret_once() {
        let read = secrets("User abc, Organization def").unwrap();
        assert_eq!(read, Secrets { user: Some("abc"), organization: Some("def"), element: None });
        let read = secrets("user abc,element 5MOr3Sl/E4kww6mTjmjBYV/hAUAzz1g=").unwrap();
        assert_eq!((read.user, read.element), (Some("abc"), Some("5MOr3Sl/E4kww6mTjmjBYV/hAUAzz1g=")));
        for wrong in ["", "User", "Bearer abc", "User a, User b", "User a; Organization b, x"] {
            assert_eq!(
                secrets(wrong).and_then(|read| read.organization.or(read.element).map(str::to_owned)),
                None,
                "{wrong}"
            );
        }
    }
}
