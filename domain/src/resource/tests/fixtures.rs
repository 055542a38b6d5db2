//! Reports that name what matters and hide the rest.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use crate::commerce::CommerceEventType as Type;
use crate::commerce::{Currency, Money};
use crate::delivery::{LatestFailure, StoreCall};
use crate::integration::Provider;
use crate::resource::{
    Announcement, Content, Happened, NewReport, Order, Product, Publishing, ReadFailed, Report, Resource,
    ResourceCommand, ResourceEvent, Stock, WebhookSource,
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
        publishing: Publishing::Usual,
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
    let last = events(reports).pop();
    let Some(ResourceEvent::ResourceReported(report)) = last else { panic!("a report, and not {last:?}") };
    *report
}

pub(super) fn publishes(reports: Vec<NewReport>) -> Vec<Type> {
    last(reports).publishes
}

/// A webhook that names the order and says nothing of it, received so many seconds after noon.
pub(super) fn announcement(seconds: i64) -> Announcement {
    let NewReport { account_id, integration_id, provider, resource_id, source, .. } =
        report(Happened::Updated, seconds, order(|_| {}));
    let received_at = after(seconds);
    Announcement { account_id, integration_id, provider, order_id: resource_id, number: 1, received_at, source }
}

/// How a store responded.
pub(super) fn store_call(status: u16) -> StoreCall {
    StoreCall { status: Some(status), duration_ms: 12, reason: None }
}

pub(super) const INTEGRATION_SEQUENCE: i64 = 7;

pub(super) fn read_failed(failure: &LatestFailure, retry_at: Option<i64>) -> ResourceEvent {
    ResourceEvent::OrderReadFailed(Box::new(ReadFailed {
        code: failure.code,
        call: failure.call.clone(),
        retry_at: retry_at.map(after),
        integration_sequence: INTEGRATION_SEQUENCE,
    }))
}
