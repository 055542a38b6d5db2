//! An endpoint as notifications are written for it.

use chrono::{DateTime, Utc};
use commerce::profile::{HeaderWord, SignatureKey};
use commerce::{CustomHeaders, Endpoint, Profile, Secret, Secrets};
use domain::endpoint::{self, Subscription};

/// As it is at `now`: with the secrets that are valid then. None where it holds what cannot be sent with, which was refused when
/// it was set.
pub fn endpoint(subscription: &Subscription, now: DateTime<Utc>) -> Option<Endpoint> {
    let mut secrets = subscription.signing_secrets(now).filter_map(|secret| Secret::parse(secret).ok());
    let secrets = Secrets { current: secrets.next()?, previous: secrets.collect() };
    let headers = CustomHeaders::new(subscription.settings.headers.known().cloned().unwrap_or_default()).ok()?;
    Some(Endpoint { profile: profile(&subscription.settings.profile)?, secrets, headers })
}

fn profile(profile: &endpoint::Profile) -> Option<Profile> {
    Some(match profile {
        endpoint::Profile::Standard => Profile::Standard,
        endpoint::Profile::Clione { header_word } => Profile::Clione { word: HeaderWord::parse(header_word).ok()? },
        endpoint::Profile::CloudElements { element_key, signature_key } => {
            let key = match signature_key {
                Some(key) => Some(SignatureKey::parse(key.known()?).ok()?),
                None => None,
            };
            Profile::CloudElements { element: element_key.clone(), key }
        }
    })
}
