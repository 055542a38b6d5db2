//! What happened to an instance. These names are the storage format: add, never rename.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::event::{LogEvent, domain_event};
use crate::{AccountId, EndpointId, IntegrationId, Private};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum InstanceEvent {
    InstanceCreated(Box<InstanceCreated>),
    InstanceRenamed {
        name: String,
    },
    TagsChanged {
        tags: Vec<String>,
    },
    /// Its store was authorised again, or with another address to come back to.
    AuthorizationChanged {
        callback_url: String,
        scope: String,
    },
    InstanceEnabled {},
    /// Its token opens nothing, and nothing is sent, until it is enabled.
    InstanceDisabled {},
    /// What happens is sent.
    EventsEnabled {},
    EventsDisabled {},
    /// What happens is sent to this endpoint, too.
    SubscriptionAdded(Subscription),
    SubscriptionRemoved {
        number: u32,
    },
    /// Its token is erased with its data key.
    InstanceDeleted {},
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceCreated {
    pub account_id: AccountId,
    /// Its id, as programs see it.
    pub number: u32,
    pub integration_id: IntegrationId,
    pub name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// By it a program speaks for this instance alone.
    pub token: Private<String>,
    /// Where browsers came back to who authorised it.
    pub callback_url: String,
    /// What was asked of the store, in the words of its platform.
    pub scope: String,
    /// Whether what happens is sent from the beginning.
    pub events_enabled: bool,
}

/// An endpoint to which what happens in the store of an instance is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subscription {
    /// Its id, as programs see it.
    pub number: u32,
    pub endpoint_id: EndpointId,
    /// Whether the configuration of the instance names its address: of these there is one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub configured: bool,
}

domain_event!(InstanceEvent);

impl LogEvent for InstanceEvent {
    fn erases_data_key(&self) -> bool {
        matches!(self, Self::InstanceDeleted {})
    }
}
