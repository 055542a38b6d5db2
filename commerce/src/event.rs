//! An event as a subscriber gets it.

use chrono::{DateTime, Utc};
use domain::commerce::{CommerceEventType, Publisher};
use domain::integration::Provider;
use domain::{AccountId, IntegrationId};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::Payload;
use crate::payload::example;

/// Something that happened, as every subscriber gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: Uuid,
    /// When it was recorded here.
    pub time: DateTime<Utc>,
    pub account_id: AccountId,
    /// The store that it happened in. None for what happened at the service, or in the account's own programs.
    pub integration_id: Option<IntegrationId>,
    pub provider: Option<Provider>,
    pub payload: Payload,
}

/// The JSON form of an event. The schema of each type is made of it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope<T> {
    /// The event's id: the same in every notification of it, so that a repeated one is known.
    id: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    event_type: CommerceEventType,
    /// When it was recorded here.
    time: DateTime<Utc>,
    /// The store that it happened in, by its integration. Absent for what happened in no store.
    #[serde(skip_serializing_if = "Option::is_none")]
    integration_id: Option<IntegrationId>,
    /// The platform of that store.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<Provider>,
    /// The account that it happened in.
    account_id: AccountId,
    /// What there is to know of it.
    data: T,
}

impl Event {
    pub fn event_type(&self) -> CommerceEventType {
        self.payload.event_type()
    }

    /// The body of a notification of it: JSON as the schema of its type says.
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(&self.envelope()).expect("an event is texts, numbers and times")
    }

    /// An event of this type, for example.
    pub fn sample(of: CommerceEventType) -> Self {
        let is_in_store = of.publisher() != Publisher::Account && of != CommerceEventType::EndpointDegraded;
        Self {
            id: Uuid::from_u128(0x0195_9494_2c00_7d33_a1f0_5b6c_7d8e_9f01),
            time: example::TIME,
            account_id: AccountId(Uuid::from_u128(0x0195_0a11_5c00_7e10_8c4d_1a2b_3c4d_5e6f)),
            integration_id: is_in_store
                .then(|| IntegrationId(Uuid::from_u128(0x0195_0a2f_9a00_7f42_b0d1_6e5f_4d3c_2b1a))),
            provider: is_in_store.then_some(Provider::Shopify),
            payload: Payload::sample(of),
        }
    }

    pub(crate) fn envelope(&self) -> Envelope<&Payload> {
        Envelope {
            id: self.id,
            event_type: self.event_type(),
            time: self.time,
            integration_id: self.integration_id,
            provider: self.provider,
            account_id: self.account_id,
            data: &self.payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn a_subscriber_gets_the_envelope_with_the_data_in_it() {
        let event = Event {
            payload: Payload::parse(CommerceEventType::ProductSynced, r#"{"productId":"1"}"#).unwrap(),
            ..Event::sample(CommerceEventType::ProductSynced)
        };
        assert_eq!(
            String::from_utf8(event.body()).unwrap(),
            concat!(
                r#"{"id":"01959494-2c00-7d33-a1f0-5b6c7d8e9f01","type":"product.synced","time":"2026-03-14T12:00:00Z","#,
                r#""integrationId":"01950a2f-9a00-7f42-b0d1-6e5f4d3c2b1a","provider":"shopify","#,
                r#""accountId":"01950a11-5c00-7e10-8c4d-1a2b3c4d5e6f","data":{"productId":"1"}}"#
            )
        );
        let of_no_store = String::from_utf8(Event::sample(CommerceEventType::FaqApproved).body()).unwrap();
        assert!(!of_no_store.contains("integrationId") && !of_no_store.contains("provider"), "{of_no_store}");
    }

    #[test]
    fn a_payload_that_was_written_is_read_as_the_same() {
        for of in CommerceEventType::iter() {
            let payload = Payload::sample(of);
            assert_eq!(payload.event_type(), of);
            let json = serde_json::to_string(&payload).unwrap();
            assert_eq!(Payload::parse(of, &json), Ok(payload), "{json}");
        }
    }

    #[test]
    fn stock_that_is_not_counted_is_null_and_what_is_not_known_is_left_out() {
        let data = r#"{"productId":"1","available":null}"#;
        let payload = Payload::parse(CommerceEventType::InventoryUpdated, data).unwrap();
        assert_eq!(serde_json::to_string(&payload).unwrap(), data);
    }
}
