//! Reports that name what matters and hide the rest.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use crate::commerce::CommerceEventType as Type;
use crate::commerce::{Currency, Money};
use crate::integration::Provider;
use crate::resource::{
    Content, Happened, NewReport, Order, Product, Report, Resource, ResourceCommand, ResourceEvent, Stock,
    WebhookSource,
};
use crate::{AccountId, IntegrationId};

pub(super) fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

pub(super) fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

pub(super) fn euros(amount: i64) -> Money {
    Money { amount, currency: Currency::parse("EUR").unwrap() }
}

/// As the store changed it so many seconds after noon, by which it is known again.
pub(super) fn report(happened: Happened, seconds: i64, content: Content) -> NewReport {
    NewReport {
        account_id: AccountId(Uuid::from_u128(1)),
        integration_id: IntegrationId(Uuid::from_u128(2)),
        provider: Provider::Shopify,
        resource_id: "118".to_owned(),
        happened,
        identity: format!("{happened:?} {seconds}"),
        changed_at: Some(after(seconds)),
        received_at: after(seconds),
        version: None,
        source: WebhookSource::Notice { id: Uuid::from_u128(3), sequence: 1 },
        content,
    }
}

pub(super) fn order(change: impl FnOnce(&mut Order)) -> Content {
    let mut order = Order { total: Some(euros(1_999)), ..Order::default() };
    change(&mut order);
    Content::Order(order)
}

pub(super) fn product() -> Content {
    Content::Product(Product { title: Some("Storm Drive".to_owned()), ..Product::default() })
}

pub(super) fn stock(location: &str, available: Option<i64>) -> Content {
    let location_id = Some(location.to_owned());
    Content::Stock(Stock { inventory_item_id: Some("9".to_owned()), location_id, available, ..Stock::default() })
}

pub(super) fn change(by: i64, seconds: i64) -> NewReport {
    let stock = Stock { product_id: Some("9".to_owned()), adjusted_by: Some(by), ..Stock::default() };
    report(Happened::Updated, seconds, Content::Stock(stock))
}

pub(super) fn given(reports: Vec<NewReport>) -> AggregateTestExecutor<Resource> {
    TestFramework::with(()).given(events(reports))
}

pub(super) fn events(reports: Vec<NewReport>) -> Vec<ResourceEvent> {
    let (mut resource, mut all) = (Resource::default(), vec![]);
    for report in reports {
        let Ok(events) = resource.decide(ResourceCommand::Report(Box::new(report)));
        for event in events {
            resource.apply(event.clone());
            all.push(event);
        }
    }
    all
}

/// What the last of these reports did.
pub(super) fn last(reports: Vec<NewReport>) -> Report {
    let ResourceEvent::ResourceReported(report) = events(reports).pop().expect("it is recorded");
    *report
}

pub(super) fn publishes(reports: Vec<NewReport>) -> Vec<Type> {
    last(reports).publishes
}
