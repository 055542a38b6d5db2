//! Whom a report is about: read from the webhook that brought it, while that holds it.

use commerce::reported::Person;
use cqrs_es::Aggregate as _;
use domain::Private;
use domain::delivery::{Delivery, Webhook};
use domain::notice::{Notice, NoticeEvent};
use domain::resource::{Report, WebhookSource};
use event_log::recorded::AnyEvent;
use event_log::{EventLog, LoadError, Sequence};

pub(super) async fn of(log: &EventLog, report: &Report) -> Result<Person, LoadError> {
    match report.source {
        WebhookSource::Delivery { id, sequence } => of_delivery(log, &id.to_string(), sequence).await,
        WebhookSource::Notice { id, sequence } => {
            let (id, sequence) = (id.to_string(), Sequence(sequence));
            let Some((recorded, Some(body))) = log.with_body(Notice::TYPE, &id, sequence).await? else {
                return Ok(Person::default());
            };
            let AnyEvent::Notice(NoticeEvent::WebhookReceived(received)) = recorded.event else {
                return Ok(Person::default());
            };
            let found = providers::of(report.provider).customer_in(received.topic.as_deref(), &body);
            Ok(found.map(of_notice).unwrap_or_default())
        }
    }
}

async fn of_delivery(log: &EventLog, id: &str, sequence: i64) -> Result<Person, LoadError> {
    let opened = log.opened_stream(Delivery::TYPE, id, Sequence(sequence).previous(), 1).await?;
    let Some(AnyEvent::Delivery(event)) = opened.first().map(|opened| &opened.recorded.event) else {
        return Ok(Person::default());
    };
    Ok(event.report().map(|report| of_order(report.order)).unwrap_or_default())
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

fn of_notice(customer: providers::StoreCustomer) -> Person {
    let providers::StoreCustomer { id, email, name, username } = customer;
    Person { id, email, name, username }
}
