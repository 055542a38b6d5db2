//! What happened to a dispatch. These names are the storage format: add, never rename.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};
use uuid::Uuid;

use super::ResponseBody;
use crate::commerce::CommerceEventType;
use crate::event::{LogEvent, domain_event};
use crate::{AccountId, EndpointId, IntegrationId, Private};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DispatchEvent {
    Attempted(Box<Attempted>),
    /// It is sent again at `retry_at`, with the whole schedule before it.
    Redriven {
        cause: RedriveCause,
        retry_at: DateTime<Utc>,
    },
    /// It is not sent any more.
    Skipped {
        cause: SkipCause,
    },
}

/// One attempt to send a message, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempted {
    pub message: Message,
    /// From 1 on, without a gap, also over redrives.
    pub attempt: u32,
    /// It was made before its time, to learn whether a degraded endpoint responds again, or because it does: where it failed, the
    /// schedule goes on as if it had not been made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    pub attempted_at: DateTime<Utc>,
    pub outcome: AttemptOutcome,
    /// Where it failed and the receiver asks for it: it is sent no sooner, unless a person wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// The HTTP status of the response. None where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    pub duration_ms: u32,
    /// What was connected to: the endpoint, or a proxy before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Why it failed. Quotes nothing of the URL and nothing of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The beginning of the response's body, where it has one. It may repeat what it was sent, so it is sealed with the data key
    /// of what the event is about, and erased with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Private<ResponseBody>>,
}

/// Which event is sent to which endpoint. The same at each attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    pub endpoint_id: EndpointId,
    pub account_id: AccountId,
    /// The store that the event happened in, where it did in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration_id: Option<IntegrationId>,
    pub event_id: Uuid,
    pub event_type: CommerceEventType,
    /// Where the log has the event.
    pub event_position: i64,
    /// What the event is about, where it is about one thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectKey>,
}

impl Message {
    /// What is sent one after the other to an endpoint that wants it so: ids are those of a store. None for what has no order.
    pub fn ordering_key(&self) -> Option<(Option<IntegrationId>, &ObjectKey)> {
        self.object.as_ref().map(|object| (self.integration_id, object))
    }

    /// Whatever else two nodes know of it.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.endpoint_id == other.endpoint_id && self.event_id == other.event_id
    }
}

/// Something that events are about: an order, a product, a customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ObjectKey {
    pub kind: String,
    pub id: String,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AttemptOutcome {
    Delivered,
    Failed {
        retry_at: DateTime<Utc>,
    },
    /// It failed, and is not tried again by itself.
    DeadLettered,
}

/// Why a message is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RedriveCause {
    /// A person wants it so.
    Operator,
    /// Its endpoint was resumed.
    Resumed,
    /// Its endpoint responds again: what waits is tried at once, and its schedule goes on where it was.
    Recovered,
}

/// Why a message is not sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SkipCause {
    /// A later one about the same object is sent in its place.
    Superseded,
    EndpointDeleted,
    /// What was to be sent was erased.
    Erased,
}

impl RedriveCause {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl SkipCause {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

domain_event!(DispatchEvent);

impl LogEvent for DispatchEvent {}
