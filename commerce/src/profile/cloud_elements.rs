//! Notifications as Cloud Elements sends them: its body, which names what changed and repeats the store's own, and its headers
//! (cloud-elements/devportal, `docs/guides/event-management/security.md`; docs.cloud-elements.com, "Events Overview").

use std::fmt;

use chrono::SecondsFormat;
use domain::commerce::CommerceEventType;
use serde::Serialize;
use signing::{Encoding, code};
use uuid::Uuid;

use super::{Message, Profile, Raw};
use crate::Event;

/// The element of what happened in no store.
const OWN_ELEMENT: &str = "cloudbridge";

const MAX_KEY_CHARS: usize = 500;

/// An endpoint's `event.notification.signature.key`: any text that its owner chose. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SignatureKey(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature key is a text of one to {MAX_KEY_CHARS} characters: leave it out to send without this signature")]
pub struct InvalidSignatureKey;

impl SignatureKey {
    /// An empty key is refused, since anyone can sign with it.
    pub fn parse(text: &str) -> Result<Self, InvalidSignatureKey> {
        let is_bounded = (1..=MAX_KEY_CHARS).contains(&text.chars().count());
        if is_bounded { Ok(Self(text.to_owned())) } else { Err(InvalidSignatureKey) }
    }
}

impl fmt::Debug for SignatureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ObjectEventType {
    Created,
    Updated,
    Deleted,
    /// What happened to no object in particular.
    Unknown,
}

#[derive(Serialize)]
struct Body<'a> {
    message: BodyMessage<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BodyMessage<'a> {
    element_key: &'a str,
    event_id: Uuid,
    /// One, where Cloud Elements sends up to 20: each event has its own place in the order, its own attempts and its own end.
    events: [ObjectEvent<'a>; 1],
    raw: &'a Raw,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ObjectEvent<'a> {
    date: String,
    element_key: &'a str,
    event_type: ObjectEventType,
    object_id: String,
    object_type: &'static str,
}

/// The kind of object that events of this type are about, and what happened to it.
pub fn object(of: CommerceEventType) -> (&'static str, ObjectEventType) {
    use ObjectEventType::{Created, Deleted, Unknown, Updated};
    match of {
        CommerceEventType::OrderCreated => ("orders", Created),
        CommerceEventType::OrderUpdated
        | CommerceEventType::OrderPaid
        | CommerceEventType::OrderCancelled
        | CommerceEventType::OrderRefunded => ("orders", Updated),
        CommerceEventType::ProductCreated => ("products", Created),
        CommerceEventType::ProductUpdated
        | CommerceEventType::ProductSynced
        | CommerceEventType::ProductEnriched
        | CommerceEventType::ProductManuallyEdited
        | CommerceEventType::ProductRolledBack => ("products", Updated),
        CommerceEventType::ProductDeleted => ("products", Deleted),
        CommerceEventType::CollectionUpdated => ("collections", Updated),
        CommerceEventType::CollectionDeleted => ("collections", Deleted),
        CommerceEventType::InventoryUpdated | CommerceEventType::InventoryOutOfStock => ("inventory", Updated),
        CommerceEventType::CustomerCreated => ("customers", Created),
        CommerceEventType::CustomerUpdated => ("customers", Updated),
        CommerceEventType::CheckoutCompleted => ("checkouts", Updated),
        CommerceEventType::DeliveryCompleted
        | CommerceEventType::DeliveryActionRequired
        | CommerceEventType::DeliveryFailed => ("deliveries", Updated),
        CommerceEventType::EndpointDegraded => ("endpoints", Updated),
        CommerceEventType::FaqSubmitted => ("faqs", Created),
        CommerceEventType::FaqApproved | CommerceEventType::FaqRejected => ("faqs", Updated),
        CommerceEventType::EnrichmentBulkCompleted => ("enrichments", Unknown),
    }
}

/// What happened in no store repeats its own standard body as the raw one, so that a receiver has all of it.
pub(super) fn body(message: &Message<'_>, id: Uuid) -> Vec<u8> {
    let own;
    let raw = if let Some(raw) = message.raw {
        raw
    } else {
        own = Raw::new(&message.event.body());
        &own
    };
    let element_key = element(message);
    let events = [ObjectEvent::of(message.event, element_key)];
    let message = BodyMessage { element_key, event_id: id, events, raw };
    serde_json::to_vec(&Body { message }).expect("a notification is texts and JSON")
}

/// The signature is there only where the endpoint has a key for it.
pub(super) fn headers(id: Uuid, body: &[u8], key: Option<&SignatureKey>) -> Vec<(String, String)> {
    let mut headers = vec![("Elements-Webhook-Id".to_owned(), id.to_string())];
    headers.extend(key.map(|key| {
        let signature = Encoding::Base64.encoded(&code(key.0.as_bytes(), &[body]));
        ("Elements-Webhook-Signature".to_owned(), format!("sha256={signature}"))
    }));
    headers
}

fn element<'m>(message: &Message<'m>) -> &'m str {
    match &message.endpoint.profile {
        Profile::CloudElements { element: Some(element), .. } => element,
        Profile::CloudElements { element: None, .. } | Profile::Standard | Profile::Clione { .. } => {
            message.event.provider.map_or(OWN_ELEMENT, |provider| provider.as_str())
        }
    }
}

impl<'a> ObjectEvent<'a> {
    /// What is about no object has the event's own id.
    fn of(event: &Event, element_key: &'a str) -> Self {
        let (object_type, event_type) = object(event.event_type());
        Self {
            date: event.time.to_rfc3339_opts(SecondsFormat::Secs, true),
            element_key,
            event_type,
            object_id: event.payload.object_id().unwrap_or_else(|| event.id.to_string()),
            object_type,
        }
    }
}
