//! An event as a subscriber gets it.

use chrono::{DateTime, Utc};
use domain::commerce::{CommerceEventType, Publisher};
use domain::integration::Provider;
use domain::{AccountId, IntegrationId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::check;
use crate::payload::example;
use crate::{Invalid, Payload};

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

/// The JSON form of an event of any type, as it is read. What a later version adds is left aside.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadEnvelope<'a> {
    id: Uuid,
    #[serde(rename = "type")]
    event_type: String,
    time: DateTime<Utc>,
    #[serde(default)]
    integration_id: Option<IntegrationId>,
    #[serde(default)]
    provider: Option<String>,
    account_id: AccountId,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Event {
    /// Reads the body of a notification whose signature was verified. None for a type that this version does not know, and
    /// [`provider`](Self::provider) is none for a platform that it does not know.
    ///
    /// # Errors
    /// Where the body is not as the schema of its type says. The field of a payload is named without the `data` that it is in.
    pub fn read(body: &[u8]) -> Result<Option<Self>, Invalid> {
        let body = std::str::from_utf8(body).map_err(|_| Invalid::new("body", "is not UTF-8"))?;
        let envelope: ReadEnvelope<'_> = check::read("body", body)?;
        let Some(event_type) = CommerceEventType::parse(&envelope.event_type) else { return Ok(None) };
        let ReadEnvelope { id, event_type: _, time, integration_id, provider, account_id, data } = envelope;
        let provider = provider.as_deref().and_then(Provider::parse);
        let payload = Payload::read(event_type, data.get())?;
        Ok(Some(Self { id, time, account_id, integration_id, provider, payload }))
    }

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
    fn a_notification_that_was_written_is_read_as_the_same() {
        for of in CommerceEventType::iter() {
            let event = Event::sample(of);
            assert_eq!(Event::read(&event.body()), Ok(Some(event)), "{of:?}");
        }
    }

    #[test]
    fn a_notification_of_a_later_version_is_read_as_far_as_it_is_known() {
        let event = Event::sample(CommerceEventType::OrderPaid);
        let body = String::from_utf8(event.body()).unwrap();
        let read = |from: &str, to: &str| Event::read(body.replace(from, to).as_bytes());
        assert_eq!(read(r#""order.paid""#, r#""order.shipped""#), Ok(None));
        assert_eq!(read(r#"{"id""#, r#"{"shade":1,"id""#), Ok(Some(event.clone())));
        assert_eq!(read(r#""orderId""#, r#""shade":1,"orderId""#), Ok(Some(event.clone())));
        assert_eq!(read(r#""shopify""#, r#""etsy""#), Ok(Some(Event { provider: None, ..event })));
    }

    #[test]
    fn what_is_not_as_its_schema_says_is_refused_by_its_field() {
        let body = String::from_utf8(Event::sample(CommerceEventType::OrderPaid).body()).unwrap();
        for (from, to, field) in [
            (r#""orderId""#, r#""id""#, "orderId"),
            (r#""quantity":2"#, r#""quantity":"2""#, "items[0].quantity"),
            (r#""time":"2"#, r#""time":"x"#, "time"),
            (r#""accountId""#, r#""account""#, "accountId"),
            (r#"{"id""#, r#"[{"id""#, "body"),
            (r#""data":{"#, r#""data":null,"x":{"#, "data"),
        ] {
            assert!(body.contains(from), "{from}");
            assert_eq!(Event::read(body.replacen(from, to, 1).as_bytes()).unwrap_err().field, field, "{to}");
        }
        assert_eq!(Event::read(b"\xff").unwrap_err().field, "body");
    }

    #[test]
    fn a_notification_is_as_long_as_what_the_store_reported() {
        let mut event = Event::sample(CommerceEventType::ProductUpdated);
        let Payload::ProductUpdated(product) = &mut event.payload else { panic!("it is of another type") };
        product.variants = vec![product.variants[0].clone(); 2_048];
        let body = event.body();
        assert!(body.len() > crate::MAX_DATA_BYTES);
        assert_eq!(Event::read(&body), Ok(Some(event)));
    }

    #[test]
    fn stock_that_is_not_counted_is_null_and_what_is_not_known_is_left_out() {
        let data = r#"{"productId":"1","available":null}"#;
        let payload = Payload::parse(CommerceEventType::InventoryUpdated, data).unwrap();
        assert_eq!(serde_json::to_string(&payload).unwrap(), data);
    }
}
