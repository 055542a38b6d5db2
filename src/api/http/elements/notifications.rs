//! `/notifications/subscriptions`: where notifications are sent, and those that wait.

use axum::http::Method;
use serde_json::{Value, json};

use super::Reply;
use super::access::Known;
use super::events::{date, place, written};
use super::oauth::ELEMENT_KEY;
use super::refused::Refused;
use super::request::Asked;
use crate::app::App;
use crate::app::instances::{Delivery, FoundSubscription, Further, Wanted};

pub(super) async fn subscriptions(app: &App, caller: &Known, asked: &Asked) -> Result<Value, Refused> {
    if asked.method == Method::GET {
        let found = app.instances.subscriptions(&caller.viewer, caller.instance).await?;
        return Ok(found.iter().map(shown).collect());
    }
    let channel = asked.body["channel"].as_str().unwrap_or("webhook");
    if channel != "webhook" {
        return Err(Refused::Invalid(format!("channel is webhook, not {channel:.50}")));
    }
    let url = asked.body["config"]["url"].as_str().filter(|url| !url.trim().is_empty());
    let url = url.ok_or_else(|| Refused::Invalid("config.url is missing: where notifications are sent".to_owned()))?;
    let topics = asked.body["topics"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [topic] = topics else {
        return Err(Refused::Invalid(format!("topics names one topic, such as {}", topic_of(12))));
    };
    let topic = topic.as_str().unwrap_or_default();
    let instance = instance_of(topic).filter(|number| caller.instance.is_none_or(|own| own == *number));
    let instance = instance.ok_or_else(|| {
        Refused::Invalid(format!(
            "topics names {topic:.100}: it is that of one of your instances, such as {}",
            topic_of(12)
        ))
    })?;
    super::instances::find(app, caller, instance).await?;
    Ok(shown(&app.instances.add_subscription(&caller.viewer, instance, url).await?))
}

pub(super) async fn subscription(app: &App, caller: &Known, id: &str, asked: &Asked) -> Result<Value, Refused> {
    let no_such = || Refused::NotFound(format!("there is no subscription {id:.20} of this account"));
    let number = id.parse().map_err(|_| no_such())?;
    let found = app.instances.subscription(&caller.viewer, number).await?.ok_or_else(no_such)?;
    if caller.instance.is_some_and(|own| own != found.instance) {
        return Err(no_such());
    }
    if asked.method == Method::DELETE {
        app.instances.remove_subscription(&caller.viewer, number).await?;
        return Ok(json!({}));
    }
    Ok(shown(&found))
}

/// `GET` lists, and `PUT` sends again.
pub(super) async fn deliveries(app: &App, caller: &Known, asked: &Asked) -> Result<Reply, Refused> {
    let condition = condition(asked.query("where").unwrap_or_default()).map_err(Refused::Invalid)?;
    let wanted = Wanted { instance: caller.instance, ..condition };
    let hydrates = asked.query("hydrate") == Some("true");
    if asked.method == Method::PUT {
        let replayed = app.instances.replay(&caller.viewer, &wanted).await?;
        let body: Value = replayed.iter().map(|delivery| delivered(delivery, false)).collect();
        return Ok(body.into());
    }
    let from = asked.next_page(further)?;
    let (found, next) = app.instances.deliveries(&caller.viewer, &wanted, (from, asked.page_size()?)).await?;
    let mut body = vec![];
    for delivery in &found {
        let mut shown = delivered(delivery, hydrates);
        if hydrates {
            let event = app.instances.event(&caller.viewer, caller.instance, &delivery.entry.event.id).await?;
            let of_this = event.and_then(|event| {
                event.notified.into_iter().find(|notified| notified.entry.dispatch_id == delivery.entry.dispatch_id)
            });
            shown["notification"] = notification(delivery, of_this.and_then(|notified| notified.body));
        }
        body.push(shown);
    }
    let next_page = next.map(|Further { subscription, before }| match before {
        Some(before) => format!("{subscription}.{}", written(&before)),
        None => subscription.to_string(),
    });
    Ok(Reply { body: Value::Array(body), next_page })
}

fn further(token: &str) -> Option<Further> {
    let (subscription, before) = match token.split_once('.') {
        Some((subscription, before)) => (subscription, Some(place(before)?)),
        None => (token, None),
    };
    Some(Further { subscription: subscription.parse().ok()?, before })
}

/// `channel='webhook' and status='queued' and config.url='https://…'`, each at most once.
fn condition(text: &str) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    let wrong = |what: &str| {
        format!(
            "where says {what:.100}: it is made of channel='webhook', status='queued' and config.url='…', with and between"
        )
    };
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=').ok_or_else(|| wrong(rest))?;
        let quoted = behind.trim_start().strip_prefix('\'').and_then(|quoted| quoted.split_once('\''));
        let (value, behind) = quoted.ok_or_else(|| wrong(rest))?;
        match name.trim() {
            "channel" if value == "webhook" => {}
            "status" if wanted.status.is_none() => wanted.status = Some(value.parse().map_err(|_| wrong(rest))?),
            "config.url" if wanted.url.is_none() => wanted.url = Some(value.to_owned()),
            _ => return Err(wrong(rest)),
        }
        let behind = behind.trim_start();
        rest = match behind.get(..4) {
            Some(and) if and.eq_ignore_ascii_case("and ") => behind[4..].trim_start(),
            _ if behind.is_empty() => behind,
            _ => return Err(wrong(behind)),
        };
        if rest.is_empty() && !behind.is_empty() {
            return Err(wrong(behind));
        }
    }
    Ok(wanted)
}

fn topic_of(instance: u32) -> String {
    format!("instance-{instance}-{ELEMENT_KEY}-events")
}

fn instance_of(topic: &str) -> Option<u32> {
    topic.strip_prefix("instance-")?.strip_suffix("-events")?.strip_suffix(ELEMENT_KEY)?.strip_suffix('-')?.parse().ok()
}

fn shown(found: &FoundSubscription) -> Value {
    json!({
        "id": found.subscription.number,
        "channel": "webhook",
        "topics": [topic_of(found.instance)],
        "config": { "url": found.endpoint.settings.url },
        "active": found.is_active(),
    })
}

fn delivered(delivery: &Delivery, hydrates: bool) -> Value {
    let entry = &delivery.entry;
    let mut shown = json!({
        "notificationId": entry.event.id,
        "subscriptionId": delivery.subscription.subscription.number,
        "status": delivery.status.as_str(),
        "createdDate": date(entry.event.recorded_at),
        "updatedDate": date(entry.attempted_at.unwrap_or(entry.event.recorded_at)),
    });
    if hydrates {
        shown["subscription"] = self::shown(&delivery.subscription);
    }
    shown
}

/// With the body that is sent as its message, for those who may read it.
fn notification(delivery: &Delivery, body: Option<String>) -> Value {
    let entry = &delivery.entry;
    json!({
        "id": entry.event.id,
        "from": "cloud-bridge",
        "topic": topic_of(delivery.subscription.instance),
        "severity": "low",
        "message": body,
        "createdDate": date(entry.event.recorded_at),
        "active": true,
        "acknowledged": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::instances::DeliveryStatus;

    #[test]
    fn a_condition_is_made_of_three_parts_in_any_order() {
        let queued = Wanted { status: Some(DeliveryStatus::Queued), ..Wanted::default() };
        assert_eq!(condition("channel='webhook' and status='queued'"), Ok(queued.clone()));
        let url = Some("https://a.example/x?y='".replace('\'', ""));
        assert_eq!(
            condition("status = 'queued' AND config.url='https://a.example/x?y='"),
            Ok(Wanted { url, ..queued })
        );
        assert_eq!(condition(""), Ok(Wanted::default()));
        for wrong in [
            "status",
            "status=queued",
            "status='lost'",
            "channel='email'",
            "status='queued' or status='retry'",
            "status='queued' and",
            "status='queued' and status='retry'",
            "id='1'",
            "status='queued'status='retry'",
        ] {
            assert!(condition(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_topic_names_its_instance() {
        assert_eq!(instance_of(&topic_of(523_232)), Some(523_232));
        for wrong in [
            "",
            "instance-1-sfdc-events",
            "instance--shopify-events",
            "instance-1-shopify",
            "instance-x-shopify-events",
        ] {
            assert_eq!(instance_of(wrong), None, "{wrong}");
        }
    }
}
