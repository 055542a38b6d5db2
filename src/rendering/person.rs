//! Whom a report is about: read from the webhook that brought it, while that holds it.

use cqrs_es::Aggregate as _;
use domain::Private;
use domain::delivery::{Delivery, Webhook};
use domain::notice::Notice;
use domain::resource::{Report, WebhookSource};
use event_log::recorded::AnyEvent;
use event_log::{EventLog, LoadError, Sequence};

/// What a store said of a customer.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The store's own id.
    pub id: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub username: Option<String>,
}

impl Person {
    pub(super) async fn of(log: &EventLog, report: &Report) -> Result<Self, LoadError> {
        match report.source {
            WebhookSource::Delivery { id, sequence } => Self::of_delivery(log, &id.to_string(), sequence).await,
            WebhookSource::Notice { id, sequence } => {
                let (id, sequence) = (id.to_string(), Sequence(sequence));
                let Notice::Received(received, _) = log.load::<Notice>(&id).await?.aggregate else {
                    return Ok(Self::default());
                };
                let Some(body) = log.body(Notice::TYPE, &id, sequence).await? else { return Ok(Self::default()) };
                let found = providers::of(report.provider).customer_in(received.topic.as_deref(), &body);
                Ok(found.map(Self::from).unwrap_or_default())
            }
        }
    }

    async fn of_delivery(log: &EventLog, id: &str, sequence: i64) -> Result<Self, LoadError> {
        let opened = log.opened_stream(Delivery::TYPE, id, Sequence(sequence).previous(), 1).await?;
        let Some(AnyEvent::Delivery(event)) = opened.first().map(|opened| &opened.recorded.event) else {
            return Ok(Self::default());
        };
        Ok(event.report().map(|report| Self::from(report.order)).unwrap_or_default())
    }
}

impl From<&Webhook> for Person {
    fn from(order: &Webhook) -> Self {
        let known = |field: &Option<Private<String>>| field.as_ref().and_then(Private::known).cloned();
        Self {
            id: known(&order.customer_id),
            email: known(&order.email),
            name: known(&order.customer_name),
            username: known(&order.username),
        }
    }
}

impl From<providers::StoreCustomer> for Person {
    fn from(customer: providers::StoreCustomer) -> Self {
        let providers::StoreCustomer { id, email, name, username } = customer;
        Self { id, email, name, username }
    }
}
