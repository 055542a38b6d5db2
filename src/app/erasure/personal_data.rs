//! Everything that is known of a person, as that person is owed it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use cqrs_es::Aggregate as _;
use domain::Private;
use domain::delivery::{Delivery, DeliveryEvent, FetchedOrder, Webhook};
use domain::notice::{Notice, NoticeEvent};
use domain::publication::Publication;
use event_log::recorded::AnyEvent;
use projections::delivery_log::DeliveryRow;
use projections::notices::{KeptNotice, PUBLICATION};
use serde_json::{Value, json};

use event_log::{EventLog, LoadError, Sequence};

/// Events of one delivery that are read.
const MAX_STORY: i64 = 1_000;
/// Raw bodies of one delivery that are written out, in bytes; what comes beyond is named without its body.
const MAX_BODIES_BYTES: usize = 4 * 1_024 * 1_024;

/// A delivery with each webhook's private fields and raw body, and each correction of the username; and how many bytes the
/// bodies have.
pub async fn of_delivery(log: &EventLog, row: &DeliveryRow) -> Result<(Value, usize), LoadError> {
    let story = log.opened_stream(Delivery::TYPE, &row.id, Sequence::START, MAX_STORY).await?;
    let (mut webhooks, mut readings, mut corrections, mut bytes) = (vec![], vec![], vec![], 0);
    for event in story {
        match &event.recorded.event {
            AnyEvent::Delivery(
                said @ (DeliveryEvent::WebhookReceived { webhook, .. }
                | DeliveryEvent::OrderFetched(FetchedOrder { order: webhook, .. })),
            ) => {
                let is_webhook = matches!(said, DeliveryEvent::WebhookReceived { .. });
                let body = if bytes < MAX_BODIES_BYTES {
                    log.body(Delivery::TYPE, &row.id, event.stored.sequence).await?
                } else {
                    None
                };
                bytes += body.as_ref().map_or(0, Vec::len);
                let known = of_webhook(webhook, body.as_deref(), &json!(event.recorded.recorded_at));
                if is_webhook { webhooks.push(known) } else { readings.push(known) }
            }
            AnyEvent::Delivery(DeliveryEvent::WebhookRepeated(repeated)) => {
                webhooks.push(json!({
                    "receivedAt": event.recorded.recorded_at,
                    "headers": repeated.headers.as_ref().and_then(Private::known),
                    "sameBodyAsWebhook": repeated.first_webhook_number,
                }));
            }
            AnyEvent::Delivery(DeliveryEvent::UsernameCorrected { username }) => {
                corrections.push(json!({ "username": username.known(), "at": event.recorded.recorded_at }));
            }
            AnyEvent::Delivery(_)
            | AnyEvent::Account(_)
            | AnyEvent::Integration(_)
            | AnyEvent::Notice(_)
            | AnyEvent::OperatorAction(_)
            | AnyEvent::Resource(_)
            | AnyEvent::Publication(_)
            | AnyEvent::Endpoint(_)
            | AnyEvent::Dispatch(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Checkpoint(_)
            | AnyEvent::Store(_)
            | AnyEvent::Instance(_)
            | AnyEvent::Unknown => {}
        }
    }
    let value = json!({
        "deliveryId": row.id,
        "accountId": row.account_id,
        "integrationId": row.integration_id,
        "orderId": row.order_id,
        "orderNumber": row.order_number,
        "status": row.status().as_str(),
        "items": row.summary().lines.current.iter().map(|line| &line.item).collect::<Vec<_>>(),
        "webhooks": webhooks,
        "readAtStore": readings,
        "usernameCorrections": corrections,
    });
    Ok((value, bytes))
}

/// A webhook about no order, with its raw body, and how many bytes that has. None where it was erased meanwhile.
pub async fn of_notice(log: &EventLog, row: &KeptNotice) -> Result<Option<(Value, usize)>, LoadError> {
    if row.kind == PUBLICATION {
        return of_publication(log, row).await;
    }
    let Notice::Received(received, _) = log.load::<Notice>(&row.id).await?.aggregate else { return Ok(None) };
    let Some(body) = log.body(Notice::TYPE, &row.id, Sequence::FIRST).await? else { return Ok(None) };
    let (readings, bytes) = readings_of(log, row).await?;
    let value = json!({
        "webhookId": row.id,
        "accountId": row.account_id,
        "integrationId": row.integration_id,
        "kind": row.kind,
        "topic": received.topic,
        "receivedAt": DateTime::from_timestamp_micros(row.received_at),
        "headers": received.headers.as_ref().and_then(Private::known),
        "body": readable(&body),
        "readAtStore": readings,
    });
    Ok(Some((value, body.len() + bytes)))
}

/// The order that a webhook only named, each time that it was read.
async fn readings_of(log: &EventLog, row: &KeptNotice) -> Result<(Vec<Value>, usize), LoadError> {
    let (mut readings, mut bytes) = (vec![], 0);
    for event in log.opened_stream(Notice::TYPE, &row.id, Sequence::FIRST, MAX_STORY).await? {
        let AnyEvent::Notice(NoticeEvent::OrderRead(read)) = &event.recorded.event else { continue };
        let body =
            if bytes < MAX_BODIES_BYTES { log.body(Notice::TYPE, &row.id, event.stored.sequence).await? } else { None };
        bytes += body.as_ref().map_or(0, Vec::len);
        readings.push(json!({
            "readAt": event.recorded.recorded_at,
            "orderId": read.order_id,
            "customer": read.customer.as_ref().and_then(Private::known),
            "body": body.as_deref().map(readable),
        }));
    }
    Ok((readings, bytes))
}

/// An event that a program of the account published.
async fn of_publication(log: &EventLog, row: &KeptNotice) -> Result<Option<(Value, usize)>, LoadError> {
    let Publication::Published(published) = log.load::<Publication>(&row.id).await?.aggregate else { return Ok(None) };
    let Some(data) = published.data.known() else { return Ok(None) };
    let value = json!({
        "publicationId": row.id,
        "accountId": row.account_id,
        "integrationId": row.integration_id,
        "kind": row.kind,
        "type": published.event_type.as_str(),
        "receivedAt": DateTime::from_timestamp_micros(row.received_at),
        "data": readable(data.as_bytes()),
    });
    Ok(Some((value, data.len())))
}

/// As the store sent it: JSON as such, anything else in base64.
fn readable(body: &[u8]) -> Value {
    serde_json::from_slice::<Value>(body).unwrap_or_else(|_| Value::String(STANDARD.encode(body)))
}

fn of_webhook(webhook: &Webhook, body: Option<&[u8]>, received_at: &Value) -> Value {
    let known = |field: &Option<Private<String>>| field.as_ref().and_then(Private::known).cloned();
    json!({
        "receivedAt": received_at,
        "email": known(&webhook.email),
        "customerName": known(&webhook.customer_name),
        "customerId": known(&webhook.customer_id),
        "username": known(&webhook.username),
        "headers": webhook.headers.as_ref().and_then(Private::known),
        "body": body.map(readable),
    })
}
