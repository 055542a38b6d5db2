//! `/instances` and `/elements/{keyOrId}/instances`.

use axum::http::Method;
use domain::instance::Details;
use event_log::Position;
use projections::instances::InstanceRow;
use serde_json::{Value, json};

use super::Reply;
use super::access::{Known, no_such};
use super::configuration::{self, Given};
use super::oauth::{ELEMENT_ID, ELEMENT_KEY, require_element};
use super::refused::Refused;
use super::request::Asked;
use super::route::Which;
use crate::app::App;
use crate::app::instances::{FoundInstance, InstanceChanges, NewInstance};

/// Rows that are looked through for a page where tags or a text are wanted.
const MAX_LOOKED_AT: usize = 1_000;

/// Without an id: all, a new one, or the one whose token is sent.
pub(super) async fn all(app: &App, caller: &Known, element: Option<&str>, asked: &Asked) -> Result<Reply, Refused> {
    if let Some(element) = element {
        require_element(element)?;
    }
    match asked.method {
        Method::POST => {
            caller.require_account()?;
            let new = new_instance(element, &asked.body)?;
            let created = app.instances.create(&caller.viewer, new).await?;
            Ok(shown(app, caller, &created).await?.into())
        }
        Method::GET if caller.instance.is_none() => list(app, caller, asked).await,
        _ => one(app, caller, &Which::OfToken, asked).await,
    }
}

pub(super) async fn one(app: &App, caller: &Known, which: &Which, asked: &Asked) -> Result<Reply, Refused> {
    let number = caller.instance_of(which)?;
    let instances = &app.instances;
    let body = match asked.method {
        Method::PUT => {
            let changes = replacement(&find(app, caller, number).await?, &asked.body)?;
            shown(app, caller, &instances.update(&caller.viewer, number, changes).await?).await?
        }
        Method::PATCH => {
            let changes = changes(&find(app, caller, number).await?, &asked.body)?;
            shown(app, caller, &instances.update(&caller.viewer, number, changes).await?).await?
        }
        Method::DELETE => {
            Box::pin(instances.delete(&caller.viewer, number)).await?;
            json!({})
        }
        _ => shown(app, caller, &find(app, caller, number).await?).await?,
    };
    Ok(body.into())
}

/// `PUT` enables, and `DELETE` disables.
pub(super) async fn enabled(app: &App, caller: &Known, which: &Which, asked: &Asked) -> Result<Reply, Refused> {
    let number = caller.instance_of(which)?;
    let changed = match asked.method {
        Method::PUT => app.instances.enable(&caller.viewer, number).await?,
        _ => app.instances.disable(&caller.viewer, number).await?,
    };
    Ok(shown(app, caller, &changed).await?.into())
}

pub(super) async fn find(app: &App, caller: &Known, number: u32) -> Result<FoundInstance, Refused> {
    // Of the caller's own account alone: who sees others sees them in the API of this service.
    let found = app.instances.find(&caller.viewer, number).await?;
    let own = found.filter(|found| caller.viewer.owns(&found.details.account_id.to_string()));
    own.ok_or_else(|| no_such(&number.to_string()))
}

async fn list(app: &App, caller: &Known, asked: &Asked) -> Result<Reply, Refused> {
    let (limit, tags) = (asked.page_size()?, asked.query_all("tags").collect::<Vec<_>>());
    let text = asked.query("searchText").map(str::to_lowercase);
    let mut after = asked.next_page(|token| token.parse().ok())?.unwrap_or(Position::START);
    let is_wanted = |details: &Details| {
        let has_tags = tags.iter().all(|tag| details.tags.iter().any(|known| known == tag));
        has_tags && text.as_ref().is_none_or(|text| details.name.to_lowercase().contains(text))
    };
    let own = Some(caller.viewer.account_id.to_string());
    let (mut found, mut looked_at) = (vec![], 0);
    while found.len() < usize::try_from(limit).unwrap_or(usize::MAX) && looked_at < MAX_LOOKED_AT {
        let rows = app.instances.page(&caller.viewer, own.clone(), (after, limit)).await?;
        let Some(last) = rows.last() else {
            return Ok(Value::Array(found).into());
        };
        (after, looked_at) = (last.listed_at, looked_at + rows.len());
        for details in rows.iter().filter_map(InstanceRow::details).filter(&is_wanted) {
            // Deleted since, it is in no list.
            let Some(instance) = app.instances.find(&caller.viewer, details.number).await? else { continue };
            found.push(shown(app, caller, &instance).await?);
        }
    }
    Ok(Reply { body: Value::Array(found), next_page: Some(after.to_string()) })
}

fn new_instance(element: Option<&str>, body: &Value) -> Result<NewInstance, Refused> {
    let Some(fields) = body.as_object() else {
        return Err(Refused::Invalid("the body is an instance: docs/elements-api.md shows one".to_owned()));
    };
    if !names_element(body)? && element.is_none() {
        let message = "element.key is empty: write \"shopify\", or post to /elements/shopify/instances";
        return Err(Refused::Invalid(message.to_owned()));
    }
    let given = Given::read(fields.get("configuration"))?;
    Ok(NewInstance {
        account_id: None,
        name: name(body)?.ok_or_else(|| Refused::Invalid("name is missing".to_owned()))?,
        tags: tags(&body["tags"])?.unwrap_or_default(),
        grant: given.grant(&code(body)?.unwrap_or_default())?,
        settings: given.settings()?,
    })
}

fn changes(present: &FoundInstance, body: &Value) -> Result<InstanceChanges, Refused> {
    if !body.is_object() {
        return Err(Refused::Invalid("the body is what is to be changed, such as {\"tags\":[\"live\"]}".to_owned()));
    }
    if body.get("id").is_some_and(|id| *id != json!(present.details.number)) {
        return Err(Refused::Invalid("id is not that of the address".to_owned()));
    }
    names_element(body)?;
    let given = Given::read(body.get("configuration"))?;
    let code = code(body)?;
    given.refuse_ignored(present, code.is_some())?;
    Ok(InstanceChanges {
        name: name(body)?,
        tags: tags(&body["tags"])?,
        grant: code.map(|code| given.regrant(code)),
        settings: given.settings_beside(present)?,
    })
}

/// What is not named is as it is at first.
fn replacement(present: &FoundInstance, body: &Value) -> Result<InstanceChanges, Refused> {
    let mut changes = changes(present, body)?;
    if changes.name.is_none() {
        return Err(Refused::Invalid("name is missing: PATCH changes only what is named".to_owned()));
    }
    changes.tags = Some(changes.tags.unwrap_or_default());
    let settings = &mut changes.settings;
    settings.events_enabled = Some(settings.events_enabled.unwrap_or_default());
    settings.notification_url = Some(settings.notification_url.take().unwrap_or_default());
    settings.topics = Some(settings.topics.take().unwrap_or_default());
    settings.poll_every = Some(settings.poll_every.unwrap_or_default());
    let keeps_key = configuration::is_masked(&body["configuration"][configuration::SIGNATURE_KEY]);
    if settings.signature_key.is_none() && !keeps_key && present.has_signature_key() {
        settings.signature_key = Some(String::new().into());
    }
    Ok(changes)
}

/// Whether a body says which element it is about.
fn names_element(body: &Value) -> Result<bool, Refused> {
    let named = text(&body["element"]["key"], "element.key")?.unwrap_or_default();
    let named = named.trim();
    if !named.is_empty() && require_element(named).is_err() {
        let message = format!("element.key is {named:.50}, and there is no such element: there is {ELEMENT_KEY}");
        return Err(Refused::Invalid(message));
    }
    Ok(!named.is_empty())
}

fn name(body: &Value) -> Result<Option<String>, Refused> {
    text(&body["name"], "name")
}

fn code(body: &Value) -> Result<Option<String>, Refused> {
    text(&body["providerData"]["code"], "providerData.code")
}

fn text(value: &Value, called: &str) -> Result<Option<String>, Refused> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Refused::Invalid(format!("{called} is a text")))
        }
    }
}

/// Texts, or objects that have a name, as older documents show them.
fn tags(value: &Value) -> Result<Option<Vec<String>>, Refused> {
    if value.is_null() {
        return Ok(None);
    }
    let tag = |tag: &Value| tag.as_str().or_else(|| tag["name"].as_str()).map(str::to_owned);
    let tags = value.as_array().and_then(|tags| tags.iter().map(tag).collect());
    tags.map(Some).ok_or_else(|| Refused::Invalid("tags is a list of texts".to_owned()))
}

pub(super) async fn shown(app: &App, caller: &Known, found: &FoundInstance) -> Result<Value, Refused> {
    let details = &found.details;
    let account = app.accounts.find(&caller.viewer, Some(&details.account_id.to_string())).await?;
    let token = found.token(&caller.viewer).unwrap_or(configuration::MASK);
    Ok(json!({
        "id": details.number,
        "name": details.name,
        "token": token,
        "element": {
            "id": ELEMENT_ID,
            "name": "Shopify",
            "key": ELEMENT_KEY,
            "active": true,
            "deleted": false,
            "typeOauth": true,
            "trialAccount": false,
            "transformationsEnabled": false,
            "authentication": { "type": "oauth2" },
            "hub": "ecommerce",
            "parameters": [],
        },
        "provisionInteractions": [],
        "valid": found.is_valid(),
        "disabled": !details.enabled,
        "maxCacheSize": 0,
        "cacheTimeToLive": 0,
        "configuration": configuration::shown(found),
        "eventsEnabled": details.events_enabled,
        "cachingEnabled": false,
        "traceLoggingEnabled": false,
        "tags": details.tags,
        "user": { "id": user_id(details), "emailAddress": "", "firstName": account.name, "lastName": "" },
    }))
}

/// Programs expect a number: it follows from the account's id.
fn user_id(details: &Details) -> u32 {
    let [.., a, b, c, d] = details.account_id.0.into_bytes();
    u32::from_be_bytes([a, b, c, d]) >> 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_texts_or_have_a_name() {
        assert_eq!(tags(&json!(["x", { "id": 1, "name": "y" }])).ok().flatten().unwrap(), ["x", "y"]);
        assert!(tags(&json!("x")).is_err() && tags(&json!([1])).is_err());
    }

    #[test]
    fn an_element_is_named_by_the_body_or_by_the_address() {
        let body = |key: &str| {
            json!({ "element": { "key": key }, "name": "n", "configuration": {
                "oauth.callback.url": "https://a.example", "oauth.api.key": "k", "oauth.api.secret": "s",
                "shopify.site.address": "storm-audio" }, "providerData": { "code": "c" } })
        };
        assert!(new_instance(Some("shopify"), &body("")).is_ok());
        assert!(new_instance(None, &body("shopify")).is_ok());
        for (path, key) in [(None, ""), (None, "sfdc"), (Some("shopify"), "sfdc")] {
            assert!(matches!(new_instance(path, &body(key)), Err(Refused::Invalid(_))), "{key}");
        }
    }
}
