//! Whom reports are about: read from the webhooks that brought them, while those hold it.

use std::collections::{HashMap, HashSet};

use commerce::reported::Person;
use cqrs_es::Aggregate as _;
use domain::Private;
use domain::delivery::{Delivery, Webhook};
use domain::notice::{Notice, NoticeEvent, OrderCustomer};
use domain::resource::{Report, WebhookSource};
use event_log::recorded::AnyEvent;
use event_log::{Bodies, EventLog, LoadError, Sequence, WithBody};
use uuid::Uuid;

/// Webhooks that are read at a time, with their bodies.
const READ_AT_ONCE: usize = 50;

/// The persons of some reports, by their webhooks.
pub(super) struct WebhookPersons(HashMap<(&'static str, String, Sequence), Person>);

impl WebhookPersons {
    pub(super) async fn read(log: &EventLog, reports: &[&Report]) -> Result<Self, LoadError> {
        let (mut deliveries, mut notices) = (HashSet::new(), HashSet::new());
        for report in reports {
            match report.source {
                WebhookSource::Delivery { id, sequence } => deliveries.insert((id, Sequence(sequence))),
                WebhookSource::Notice { id, sequence } => notices.insert((id, Sequence(sequence))),
            };
        }
        let mut persons = HashMap::new();
        for (aggregate_type, of_kind, bodies) in
            [(Delivery::TYPE, deliveries, Bodies::LeftOut), (Notice::TYPE, notices, Bodies::Read)]
        {
            let of_kind: Vec<(Uuid, Sequence)> = of_kind.into_iter().collect();
            for some in of_kind.chunks(READ_AT_ONCE) {
                for webhook in log.find(aggregate_type, some, bodies).await? {
                    let key = (aggregate_type, webhook.0.aggregate_id.clone(), webhook.0.sequence);
                    persons.insert(key, of_webhook(webhook));
                }
            }
        }
        Ok(Self(persons))
    }

    /// Whom a report is about, as far as it is known still.
    pub(super) fn of(&self, report: &Report) -> Person {
        let key = match report.source {
            WebhookSource::Delivery { id, sequence } => (Delivery::TYPE, id.to_string(), Sequence(sequence)),
            WebhookSource::Notice { id, sequence } => (Notice::TYPE, id.to_string(), Sequence(sequence)),
        };
        self.0.get(&key).cloned().unwrap_or_default()
    }
}

fn of_webhook((recorded, body): WithBody) -> Person {
    let found = if let AnyEvent::Delivery(event) = &recorded.event {
        event.report().map(|report| of_order(report.order))
    } else if let AnyEvent::Notice(NoticeEvent::OrderRead(read)) = &recorded.event {
        read.customer.as_ref().and_then(Private::known).cloned().map(of_order_customer)
    } else if let AnyEvent::Notice(NoticeEvent::WebhookReceived(received)) = &recorded.event {
        let customer = |body: Vec<u8>| providers::of(received.provider).customer_in(received.topic.as_deref(), &body);
        body.and_then(customer).map(of_customer)
    } else {
        None
    };
    found.unwrap_or_default()
}

fn of_order(order: &Webhook) -> Person {
    let known = |field: &Option<Private<String>>| field.as_ref().and_then(Private::known).cloned();
    Person {
        id: known(&order.customer_id),
        email: known(&order.email),
        name: known(&order.customer_name),
        username: known(&order.username),
    }
}

fn of_order_customer(customer: OrderCustomer) -> Person {
    let OrderCustomer { id, email, name, username } = customer;
    Person { id, email, name, username }
}

fn of_customer(customer: providers::StoreCustomer) -> Person {
    let providers::StoreCustomer { id, email, name, username } = customer;
    Person { id, email, name, username }
}
