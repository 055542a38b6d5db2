//! A test event: a sample that is sent to an endpoint at once, so that its owner sees whether it arrives and is verified.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use commerce::{Attempt, CommerceEventType, Event};
use domain::endpoint::{Endpoint, Subscription};
use event_log::ids;
use strum::IntoEnumIterator as _;

use super::Endpoints;
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;
use crate::ports::outbound;
use crate::rendering;

/// A test event calls somebody else's server: it counts as so many requests of the key.
const COST: u32 = 10;
/// Marks a test event. Only this service sets headers that begin so.
const TEST_HEADER: HeaderName = HeaderName::from_static("webhook-test");

/// What became of a test event.
pub struct Trial {
    pub event_type: CommerceEventType,
    /// The id that was sent in `webhook-id`.
    pub message_id: uuid::Uuid,
    pub sent_at: DateTime<Utc>,
    pub status: Option<u16>,
    pub duration: Duration,
    /// What was connected to, where something was.
    pub address: Option<SocketAddr>,
    /// None where the endpoint took it.
    pub failure: Option<String>,
    /// The first kilobyte of the answer.
    pub answer: String,
}

impl Endpoints {
    /// Sends a sample of this type, or of the first type that the endpoint gets, signed as every notification is. It changes
    /// nothing of the endpoint, paused or not, and is not tried again.
    pub async fn test(&self, viewer: &Viewer, id: &str, event_type: Option<&str>) -> Result<Trial, Error> {
        let (id, _) = self.managed(viewer, id).await?;
        let Endpoint::Created(subscription) = self.data.log.load::<Endpoint>(id).await?.aggregate else {
            return Err(Refused::from(domain::endpoint::EndpointRefusal::Deleted).into());
        };
        let event_type = match event_type {
            Some(name) => CommerceEventType::parse(name).ok_or_else(|| Refused::unknown_event_type(name))?,
            None => first_wanted(&subscription)?,
        };
        self.api_keys.admit(viewer, COST).await?;
        let attempt = Attempt { id: ids::fresh(), at: self.data.now() };
        let sample = sample(event_type, &subscription, attempt);
        let endpoint = rendering::endpoint(&subscription, attempt.at).ok_or(Error::Internal)?;
        let request = endpoint.message(&sample, None).request(attempt);
        let mut headers = header_map(&request.headers)?;
        headers.insert(TEST_HEADER, HeaderValue::from_static("true"));
        let url = &subscription.settings.url;
        let sent = self.outbound.send(outbound::Request { url, headers, body: request.body.into() }).await;
        Ok(Trial {
            event_type,
            message_id: attempt.id,
            sent_at: attempt.at,
            status: sent.status,
            duration: sent.duration,
            address: sent.address,
            failure: sent.failure,
            answer: String::from_utf8_lossy(&sent.answer).into_owned(),
        })
    }
}

/// A pattern may be of types that came and went with another version.
fn first_wanted(subscription: &Subscription) -> Result<CommerceEventType, Refused> {
    let is_wanted =
        |of: &CommerceEventType| subscription.settings.event_types.iter().any(|pattern| pattern.matches(*of));
    CommerceEventType::iter().find(is_wanted).ok_or_else(|| {
        let message = "the endpoint gets no type that there is: name the type to send";
        Refused::new("UNKNOWN_EVENT_TYPE", message, Some("type"))
    })
}

/// Of now and of this account, and of a store of the endpoint where it names some.
fn sample(event_type: CommerceEventType, subscription: &Subscription, attempt: Attempt) -> Event {
    let sample = Event::sample(event_type);
    let integration_id =
        sample.integration_id.map(|id| subscription.settings.integrations.first().copied().unwrap_or(id));
    Event { id: attempt.id, time: attempt.at, account_id: subscription.account_id, integration_id, ..sample }
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, Error> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        // They were checked when the endpoint was made; what a later version of this service would refuse is a bug.
        let header = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let (name, value) = header.ok_or(Error::Internal)?;
        map.insert(name, value);
    }
    Ok(map)
}
