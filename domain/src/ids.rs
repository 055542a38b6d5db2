//! Identities: one newtype for each aggregate, so that one can never be passed for another.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::resource::ResourceKind;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }

        /// As rows of views hold it.
        impl TryFrom<String> for $name {
            type Error = uuid::Error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}

id!(
    /// A merchant.
    AccountId
);
id!(
    /// An API key of an account. Not the key itself, which is not kept.
    ApiKeyId
);
id!(
    /// A link to one store.
    IntegrationId
);
id!(
    /// One rule that says which asset is delivered for which product.
    MappingId
);
id!(
    /// The fulfilment of one order.
    DeliveryId
);
id!(
    /// Something that a person or the service did.
    OperatorActionId
);
id!(
    /// A signed webhook that is not about an order.
    NoticeId
);
id!(
    /// An address of an account's own, to which commerce events are sent.
    EndpointId
);
id!(
    /// What is done to send one event to one endpoint.
    DispatchId
);

id!(
    /// Something of a store that its webhooks report about.
    ResourceId
);

id!(
    /// An event that a program of an account published.
    PublicationId
);

id!(
    /// A connected store as programs of Cloud Elements know it.
    InstanceId
);

/// The namespace of instances: a random id of our own.
const INSTANCES: Uuid = Uuid::from_u128(0x0c51_7cf2_6f0c_4e9a_9c6e_52b7_5d1f_8b3d);

impl InstanceId {
    /// The instance with this number, by which programs know it: it is found without a view.
    pub fn of(number: u32) -> Self {
        Self(Uuid::new_v5(&INSTANCES, number.to_string().as_bytes()))
    }
}

impl PublicationId {
    /// The event that an account publishes under an idempotency key: the same key again meets the same stream.
    pub fn of(account: AccountId, idempotency_key: &str) -> Self {
        Self(Uuid::new_v5(&account.0, format!("publication {idempotency_key}").as_bytes()))
    }
}

impl ResourceId {
    /// The resource of this kind with this id in the store: every webhook about it meets on one stream.
    pub fn of(integration: IntegrationId, kind: ResourceKind, id: &str) -> Self {
        Self(Uuid::new_v5(&integration.0, format!("{} {id}", kind.as_str()).as_bytes()))
    }
}

impl DispatchId {
    /// The dispatch of this event to this endpoint. It follows from the two, so two nodes that send the same meet on one stream.
    pub fn of(endpoint: EndpointId, event_id: Uuid) -> Self {
        Self(Uuid::new_v5(&endpoint.0, event_id.as_bytes()))
    }
}

impl DeliveryId {
    /// The delivery of a store's order.
    ///
    /// It follows from what identifies the order and nothing else, so every webhook about that order meets on one
    /// stream and a duplicate is found by construction, never by a look-up that can race.
    pub fn of(integration: IntegrationId, order_id: &str) -> Self {
        Self(Uuid::new_v5(&integration.0, order_id.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_known_by_its_integration_and_order() {
        let shop = IntegrationId(Uuid::from_u128(1));
        let other_shop = IntegrationId(Uuid::from_u128(2));

        assert_eq!(DeliveryId::of(shop, "1042"), DeliveryId::of(shop, "1042"));
        assert_ne!(DeliveryId::of(shop, "1042"), DeliveryId::of(shop, "1043"));
        assert_ne!(DeliveryId::of(shop, "1042"), DeliveryId::of(other_shop, "1042"));
    }
    #[test]
    fn a_dispatch_is_known_by_its_endpoint_and_event() {
        let (endpoint, event) = (EndpointId(Uuid::from_u128(1)), Uuid::from_u128(2));

        assert_eq!(DispatchId::of(endpoint, event), DispatchId::of(endpoint, event));
        assert_ne!(DispatchId::of(endpoint, event), DispatchId::of(endpoint, Uuid::from_u128(3)));
        assert_ne!(DispatchId::of(endpoint, event), DispatchId::of(EndpointId(Uuid::from_u128(3)), event));
    }
}
