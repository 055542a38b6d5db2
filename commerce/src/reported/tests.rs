//! What subscribers get of a report.

use chrono::DateTime;
use domain::commerce::{Currency, Money};
use domain::integration::Provider;
use domain::resource::{Happened, ReportOutcome, WebhookSource};
use domain::{AccountId, IntegrationId};
use uuid::Uuid;

use super::*;

fn euros(amount: i64) -> Money {
    Money { amount, currency: Currency::parse("EUR").unwrap() }
}

fn refund(refunded: resource::Refunded, refunded_amount: Option<Money>) -> serde_json::Value {
    let content = resource::Order { refunded, refunded_amount, ..resource::Order::default() };
    let report = Report {
        account_id: AccountId(Uuid::nil()),
        integration_id: IntegrationId(Uuid::nil()),
        provider: Provider::Shopify,
        resource_id: "118".to_owned(),
        happened: Happened::Updated,
        outcome: ReportOutcome::Current,
        publishes: vec![],
        changes: vec![],
        identity: String::new(),
        changed_at: Some(DateTime::UNIX_EPOCH),
        received_at: None,
        version: None,
        source: WebhookSource::Notice { id: Uuid::nil(), sequence: 1 },
        content: Content::Order(content),
    };
    let payload = payload(Type::OrderRefunded, OfProduct::default(), &report, Person::default());
    let Some(Payload::OrderRefunded(order)) = payload else { panic!("it is a refund") };
    serde_json::to_value(order).unwrap()
}

#[test]
fn a_refund_says_how_much_was_paid_back_in_all_where_the_store_does() {
    let partial = refund(resource::Refunded::Partial, Some(euros(500)));
    assert_eq!(partial["refunded"], "partial");
    assert_eq!(partial["refundedAmount"], serde_json::json!({ "amount": 500, "currency": "EUR" }));
    assert!(refund(resource::Refunded::Full, None).get("refundedAmount").is_none());
    assert!(refund(resource::Refunded::None, Some(euros(0))).get("refundedAmount").is_none());
}
