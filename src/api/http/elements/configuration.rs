//! The configuration of an instance, in the words of Cloud Elements: read, shown and changed.

use axum::http::Method;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::access::Known;
use super::instances::find;
use super::refused::Refused;
use super::request::Asked;
use super::route::Which;
use crate::app::App;
use crate::app::instances::{DEFAULT_SCOPE, FoundInstance, InstanceChanges, NewGrant, Regrant, Settings};

/// Shown in place of a secret; sent back, it means the one that there is.
pub(super) const MASK: &str = "********";
pub(super) const SIGNATURE_KEY: &str = "event.notification.signature.key";
const ENABLED: &str = "event.notification.enabled";
const CALLBACK_URL: &str = "event.notification.callback.url";
const TOPICS: &str = "shopify.webhook.topics";
const VENDOR_TYPE: &str = "event.vendor.type";
const REFRESH_INTERVAL: &str = "event.poller.refresh_interval";
const OAUTH_CALLBACK_URL: &str = "oauth.callback.url";
const API_KEY: &str = "oauth.api.key";
const API_SECRET: &str = "oauth.api.secret";
const SCOPE: &str = "oauth.scope";
const SITE_ADDRESS: &str = "shopify.site.address";
/// How often a store is asked that is asked in place of webhooks, where it is not said.
const USUAL_MINUTES: u32 = 15;

/// Every key, with what it is called and what it is.
const KEYS: [(&str, &str, &str); 15] = [
    (ENABLED, "Events Enabled", "Whether what happens in the store is sent"),
    (CALLBACK_URL, "Event Notification Callback URL", "Where what happens in the store is sent"),
    (SIGNATURE_KEY, "Callback Notification Signature Key", "What notifications are signed with"),
    (SUBSCRIPTION_ID, "Subscription Id", "Of the subscription to the callback URL"),
    (NOTIFICATION_TYPE, "Event Notification Type", "Notifications are webhooks"),
    (TOPICS, "Webhook Topics", "What Shopify is asked to report, with commas between"),
    (VENDOR_TYPE, "Vendor Event Type", "webhook, or polling where the store is asked in place of webhooks"),
    (REFRESH_INTERVAL, "Event poller refresh interval (mins)", "How often the store is asked, in minutes"),
    (FILTER_NULLS, "Filter null values from the response", "There is nothing to filter here"),
    (OAUTH_CALLBACK_URL, "Callback URL", "Where Shopify sends the shop's owner back to"),
    (API_KEY, "API Key", "The client id of the app at Shopify"),
    (API_SECRET, "API Secret", "The client secret of the app at Shopify"),
    (SCOPE, "Scope", "What the shop is asked to allow"),
    (SITE_ADDRESS, "Shopify Site Address", "The shop's name, as it is in the address of its admin"),
    (USER_TOKEN, "User Token", "By which the shop is called"),
];
const SUBSCRIPTION_ID: &str = "event.notification.subscription.id";
const NOTIFICATION_TYPE: &str = "event.notification.type";
const FILTER_NULLS: &str = "filter.response.nulls";
const USER_TOKEN: &str = "oauth.user.token";

/// Of the authorisation, and changed with one.
const OF_GRANT: [&str; 5] = [OAUTH_CALLBACK_URL, API_KEY, API_SECRET, SCOPE, SITE_ADDRESS];
/// Made here, and never taken.
const OF_US: [&str; 2] = [USER_TOKEN, SUBSCRIPTION_ID];

/// What was given, as texts. An empty one and null are none.
#[derive(Default)]
pub(super) struct Given(Map<String, Value>);

impl Given {
    /// Refuses what has no meaning here: a typing error would be taken for a setting otherwise.
    pub(super) fn read(configuration: Option<&Value>) -> Result<Self, Refused> {
        let given = match configuration {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(given)) => given,
            Some(_) => return Err(Refused::Invalid("configuration is an object".to_owned())),
        };
        for (key, value) in given {
            if !KEYS.iter().any(|(known, ..)| known == key) {
                let known = KEYS.map(|(known, ..)| known).join(", ");
                return Err(Refused::Invalid(format!("there is no configuration {key:.100}: there are {known}")));
            }
            if value.is_object() || value.is_array() {
                return Err(Refused::Invalid(format!("{key} is a text")));
            }
        }
        let read = Self(given.clone());
        if read.text(NOTIFICATION_TYPE).is_some_and(|of| of != "webhook") {
            return Err(Refused::Invalid(format!("{NOTIFICATION_TYPE} is webhook")));
        }
        Ok(read)
    }

    /// None where it was not given, or is what a secret is shown as.
    fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key)? {
            Value::String(text) if text == MASK => None,
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Null => Some(String::new()),
            Value::Bool(on) => Some(on.to_string()),
            Value::Number(number) => Some(number.to_string()),
            // Refused when it was read.
            Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn needed(&self, key: &str, what: &str) -> Result<String, Refused> {
        let text = self.text(key).filter(|text| !text.is_empty());
        text.ok_or_else(|| Refused::Invalid(format!("configuration.{key} is missing: {what}")))
    }

    fn named(&self, key: &str) -> Option<String> {
        self.text(key).filter(|text| !text.is_empty())
    }

    pub(super) fn grant(&self, code: &str) -> Result<NewGrant, Refused> {
        if code.is_empty() {
            let message = "providerData.code is missing: the code with which Shopify sent the shop's owner back";
            return Err(Refused::Invalid(message.to_owned()));
        }
        Ok(NewGrant {
            code: code.to_owned(),
            client_id: self.needed(API_KEY, "the client id of your app at Shopify")?,
            client_secret: self.needed(API_SECRET, "the client secret of your app at Shopify")?.into(),
            store: self.needed(
                SITE_ADDRESS,
                "the shop's name, as it is in the address of its admin: the code alone does not say which shop gave it",
            )?,
            callback_url: self.needed(OAUTH_CALLBACK_URL, "where Shopify sent the shop's owner back to")?,
            scope: self.named(SCOPE).unwrap_or_else(|| DEFAULT_SCOPE.to_owned()),
        })
    }

    pub(super) fn regrant(&self, code: String) -> Regrant {
        Regrant {
            code,
            client_id: self.named(API_KEY),
            client_secret: self.named(API_SECRET).map(Into::into),
            store: self.named(SITE_ADDRESS),
            callback_url: self.named(OAUTH_CALLBACK_URL),
            scope: self.named(SCOPE),
        }
    }

    /// What belongs to an authorisation changes with one. What is said as it is changes nothing: a whole instance may be sent back.
    pub(super) fn refuse_ignored(&self, present: &FoundInstance, with_grant: bool) -> Result<(), Refused> {
        let shown = shown(present);
        let app = present.link.as_ref().and_then(|link| link.app.as_ref()).map(|app| app.client_id.as_str());
        let ignored = OF_GRANT.into_iter().filter(|_| !with_grant).chain(OF_US);
        for key in ignored {
            let known = if key == API_KEY { app } else { shown[key].as_str() };
            if self.named(key).is_some_and(|given| known != Some(given.as_str())) {
                return Err(changes_otherwise(key));
            }
        }
        Ok(())
    }

    /// Of an instance that there is, which may be polled already.
    pub(super) fn settings_beside(&self, present: &FoundInstance) -> Result<Settings, Refused> {
        let polls = present.link.as_ref().is_some_and(|link| link.poll_every_minutes.is_some());
        let mut given = self.0.clone();
        if self.named(REFRESH_INTERVAL).is_some() && self.named(VENDOR_TYPE).is_none() {
            if !polls {
                let message = format!("{REFRESH_INTERVAL} goes with {VENDOR_TYPE} polling");
                return Err(Refused::Invalid(message));
            }
            given.insert(VENDOR_TYPE.to_owned(), json!("polling"));
        }
        Self(given).settings()
    }

    pub(super) fn settings(&self) -> Result<Settings, Refused> {
        let enabled = self.named(ENABLED).map(|text| boolean(ENABLED, &text)).transpose()?;
        Ok(Settings {
            events_enabled: enabled,
            notification_url: self.text(CALLBACK_URL),
            signature_key: self.text(SIGNATURE_KEY).map(SecretString::from),
            topics: self.text(TOPICS),
            poll_every: self.poll_every()?,
        })
    }

    fn poll_every(&self) -> Result<Option<u32>, Refused> {
        let minutes = self.named(REFRESH_INTERVAL).map(|text| {
            text.parse().map_err(|_| Refused::Invalid(format!("{REFRESH_INTERVAL} is a number of minutes")))
        });
        let minutes: Option<u32> = minutes.transpose()?;
        match self.named(VENDOR_TYPE).as_deref() {
            None => Ok(None),
            Some("webhook" | "webhooks") => Ok(Some(0)),
            Some("polling") => Ok(Some(minutes.unwrap_or(USUAL_MINUTES).max(1))),
            Some(other) => Err(Refused::Invalid(format!("{VENDOR_TYPE} is webhook or polling, not {other:.50}"))),
        }
    }
}

pub(super) fn is_masked(value: &Value) -> bool {
    value == MASK
}

fn boolean(key: &str, text: &str) -> Result<bool, Refused> {
    text.parse().map_err(|_| Refused::Invalid(format!("{key} is true or false")))
}

/// Booleans are texts.
pub(super) fn shown(found: &FoundInstance) -> Value {
    let (details, link) = (&found.details, found.link.as_ref());
    let masked = |is_there: bool| is_there.then_some(MASK);
    let store = link.and_then(|link| link.known_store.as_deref());
    let polls = link.and_then(|link| link.poll_every_minutes);
    let subscription = details.configured().filter(|_| found.endpoint.is_some());
    json!({
        ENABLED: details.events_enabled.to_string(),
        CALLBACK_URL: found.endpoint.as_ref().map(|endpoint| &endpoint.settings.url),
        SIGNATURE_KEY: masked(found.has_signature_key()),
        SUBSCRIPTION_ID: subscription.map(|subscription| subscription.number.to_string()),
        NOTIFICATION_TYPE: "webhook",
        TOPICS: found.topics().join(", "),
        VENDOR_TYPE: if polls.is_some() { "polling" } else { "webhook" },
        REFRESH_INTERVAL: polls.map(|minutes| minutes.to_string()),
        FILTER_NULLS: "true",
        OAUTH_CALLBACK_URL: details.callback_url,
        API_KEY: masked(link.is_some_and(|link| link.app.is_some())),
        API_SECRET: masked(link.is_some_and(|link| link.app.is_some())),
        SCOPE: details.scope,
        SITE_ADDRESS: store.map(|store| store.strip_suffix(".myshopify.com").unwrap_or(store)),
        USER_TOKEN: masked(found.is_valid()),
    })
}

pub(super) async fn list(app: &App, caller: &Known, which: &Which) -> Result<Value, Refused> {
    let found = find(app, caller, caller.instance_of(which)?).await?;
    let configuration = shown(&found);
    Ok((0..KEYS.len()).map(|index| item(index, &configuration)).collect())
}

/// One of them: by its place in the list, or by its name.
pub(super) async fn value(
    app: &App,
    caller: &Known,
    (which, named): (&Which, &str),
    asked: &Asked,
) -> Result<Value, Refused> {
    let number = caller.instance_of(which)?;
    let place = |number: usize| number.checked_sub(1).filter(|index| *index < KEYS.len());
    let index = named.parse().ok().and_then(place).or_else(|| KEYS.iter().position(|(key, ..)| *key == named));
    let index = index.ok_or_else(|| Refused::NotFound(format!("there is no configuration {named:.100}")))?;
    let found = if asked.method == Method::PATCH {
        let key = KEYS[index].0;
        let Some(value) = asked.body.get("propertyValue") else {
            return Err(Refused::Invalid(r#"propertyValue is missing, such as {"propertyValue":"true"}"#.to_owned()));
        };
        if OF_GRANT.contains(&key) || OF_US.contains(&key) {
            return Err(changes_otherwise(key));
        }
        let given = Map::from_iter([(key.to_owned(), value.clone())]);
        let present = find(app, caller, number).await?;
        let settings = Given::read(Some(&Value::Object(given)))?.settings_beside(&present)?;
        let changes = InstanceChanges { settings, ..InstanceChanges::default() };
        Box::pin(app.instances.update(&caller.viewer, number, changes)).await?
    } else {
        find(app, caller, number).await?
    };
    Ok(item(index, &shown(&found)))
}

fn changes_otherwise(key: &str) -> Refused {
    Refused::Invalid(if key == SUBSCRIPTION_ID {
        format!("{key} changes with {CALLBACK_URL}")
    } else {
        format!("{key} changes with an authorisation: PATCH /instances/{{id}} with providerData.code, too")
    })
}

fn item(index: usize, configuration: &Value) -> Value {
    let (key, name, description) = KEYS[index];
    let kind = match key {
        ENABLED | FILTER_NULLS => "BOOLEAN",
        API_SECRET | SIGNATURE_KEY | USER_TOKEN => "PASSWORD",
        TOPICS => "TEXTAREA",
        _ => "TEXTFIELD_128",
    };
    let is_required = [OAUTH_CALLBACK_URL, API_KEY, API_SECRET, SITE_ADDRESS].contains(&key);
    json!({
        "id": index + 1,
        "key": key,
        "name": name,
        "description": description,
        "propertyValue": configuration[key],
        "type": kind,
        "required": is_required,
        "active": true,
        "hideFromConsole": key == USER_TOKEN || key == SUBSCRIPTION_ID,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(configuration: Value) -> Result<Settings, String> {
        let read = Given::read(Some(&configuration)).and_then(|given| given.settings());
        read.map_err(|refused| {
            let Refused::Invalid(message) = refused else { panic!("it is what was given") };
            message
        })
    }

    #[test]
    fn booleans_and_numbers_come_as_texts_or_as_themselves() {
        for on in [json!(true), json!("true")] {
            assert_eq!(settings(json!({ ENABLED: on })).unwrap().events_enabled, Some(true));
        }
        assert!(settings(json!({ ENABLED: "yes" })).is_err());
        let polling = |minutes: Value| settings(json!({ VENDOR_TYPE: "polling", REFRESH_INTERVAL: minutes }));
        assert_eq!(polling(json!(5)).unwrap().poll_every, Some(5));
        assert_eq!(polling(json!("30")).unwrap().poll_every, Some(30));
        assert_eq!(polling(Value::Null).unwrap().poll_every, Some(USUAL_MINUTES));
        assert_eq!(settings(json!({ VENDOR_TYPE: "webhooks" })).unwrap().poll_every, Some(0));
        assert!(polling(json!("soon")).is_err() && settings(json!({ VENDOR_TYPE: "fax" })).is_err());
    }

    #[test]
    fn what_has_no_meaning_is_refused_and_a_masked_secret_is_the_one_that_there_is() {
        assert!(settings(json!({ "event.notification.callbackurl": "https://a.example" })).is_err());
        assert!(settings(json!({ TOPICS: ["orders/create"] })).is_err());
        assert!(settings(json!({ NOTIFICATION_TYPE: "email" })).is_err());
        assert!(settings(json!({ SIGNATURE_KEY: MASK })).unwrap().signature_key.is_none());
        assert!(settings(json!({ SIGNATURE_KEY: null })).unwrap().signature_key.is_some(), "none from now on");
    }

    #[test]
    fn what_is_missing_of_a_grant_is_named() {
        let whole = json!({ API_KEY: "k", API_SECRET: "s", SITE_ADDRESS: "storm-audio", OAUTH_CALLBACK_URL: "https://a.example" });
        assert!(Given::read(Some(&whole)).ok().unwrap().grant("code").is_ok());
        for key in [API_KEY, API_SECRET, SITE_ADDRESS, OAUTH_CALLBACK_URL] {
            let mut without = whole.clone();
            without[key] = json!("");
            let Err(Refused::Invalid(message)) = Given::read(Some(&without)).ok().unwrap().grant("code") else {
                panic!("{key} is missing");
            };
            assert!(message.contains(key), "{message}");
        }
    }
}
