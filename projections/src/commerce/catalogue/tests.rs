//! What runs out, as the reports of a store say it one after the other.

use chrono::{DateTime, TimeDelta};
use domain::commerce::CommerceEventType;
use domain::integration::Provider;
use domain::resource::{ReportOutcome, ResourceEvent, Variant, WebhookSource};
use domain::{AccountId, IntegrationId};
use event_log::{Position, Sequence};
use uuid::Uuid;

use super::*;
use crate::commerce::events::{self, CommerceEventRow};
use crate::commerce::sessions::Sessions;

const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));
const STORE: IntegrationId = IntegrationId(Uuid::from_u128(2));

/// A catalogue of an account that wants to know of the last that is sold.
fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    let account_id = ACCOUNT.to_string();
    catalogue.alerts.now.insert(account_id.clone(), StockAlert { account_id, threshold: Some(0) });
    catalogue
}

fn recorded(position: i64, resource_id: &str, content: Content) -> Recorded {
    let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(position);
    let report = Report {
        account_id: ACCOUNT,
        integration_id: STORE,
        provider: Provider::Shopify,
        resource_id: resource_id.to_owned(),
        happened: Happened::Updated,
        outcome: ReportOutcome::Current,
        publishes: vec![],
        changes: vec![],
        identity: position.to_string(),
        changed_at: Some(at),
        received_at: None,
        version: None,
        source: WebhookSource::Notice { id: Uuid::nil(), sequence: 1 },
        content,
    };
    Recorded {
        position: Position(position),
        hash: vec![],
        aggregate_id: Uuid::from_u128(3).to_string(),
        sequence: Sequence(position),
        account_id: Some(ACCOUNT),
        integration_id: Some(STORE),
        caused_by: None,
        correlation_id: Uuid::nil(),
        recorded_at: at,
        actor: "store".to_owned(),
        operator: None,
        customer_tokens: vec![],
        event: AnyEvent::Resource(ResourceEvent::ResourceReported(Box::new(report))),
    }
}

fn level(position: i64, stock: Stock) -> Recorded {
    recorded(position, "70000@1", Content::Stock(stock))
}

fn item(available: i64) -> Stock {
    Stock { inventory_item_id: Some("70000".to_owned()), available: Some(available), ..Stock::default() }
}

fn product(position: i64, stock: Option<i64>) -> Recorded {
    let inventory_item_id = Some("70000".to_owned());
    let variant = Variant { variant_id: "7000".to_owned(), inventory_item_id, stock, ..Variant::default() };
    recorded(position, "700", Content::Product(Product { variants: vec![variant], ..Product::default() }))
}

/// What is published to have run out by each of these.
fn ran_out(events: Vec<Recorded>) -> Vec<Vec<CommerceEventRow>> {
    let (mut catalogue, sessions) = (catalogue(), Sessions::default());
    let rows = events.iter().map(|recorded| events::follow_from(recorded, &catalogue.apply(recorded), &sessions));
    rows.collect()
}

#[test]
fn an_item_that_runs_out_before_its_product_is_known_is_named_and_published_once_more_with_it() {
    for stock in [Some(0), None] {
        let all = ran_out(vec![level(1, item(4)), level(2, item(0)), product(3, stock), product(4, stock)]);
        assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 1, 0]);
        let (unnamed, named) = (&all[1][0], &all[2][0]);
        assert_eq!((unnamed.object_kind.as_str(), unnamed.object_id.as_str()), ("stock", "70000"));
        assert_eq!(unnamed.of_product().inventory_item_id.as_deref(), Some("70000"));
        assert_eq!((named.object_kind.as_str(), named.object_id.as_str()), ("product", "700"));
        let of_product = named.of_product();
        assert_eq!(
            (of_product.variant_id.as_deref(), of_product.inventory_item_id.as_deref(), of_product.available),
            (Some("7000"), Some("70000"), Some(0))
        );
        assert!(all.iter().flatten().all(|row| row.event_type == CommerceEventType::InventoryOutOfStock.as_str()));
    }
}

#[test]
fn a_level_that_names_the_product_for_the_first_time_makes_it_known_too() {
    let of_product = || Stock { product_id: Some("700".to_owned()), ..item(0) };
    let all = ran_out(vec![level(1, item(4)), level(2, item(0)), level(3, of_product()), level(4, of_product())]);
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 1, 0]);
    assert_eq!(all[2][0].object_id, "700");
}

#[test]
fn a_variant_without_a_known_product_is_named_by_its_own_id() {
    let variant =
        |available| Stock { variant_id: Some("V1".to_owned()), available: Some(available), ..Stock::default() };
    let all = ran_out(vec![level(1, variant(4)), level(2, variant(0))]);
    assert_eq!(all[1][0].object_id, "V1");
}

#[test]
fn what_was_first_reported_without_any_stock_is_not_published_when_its_product_is_known() {
    let all = ran_out(vec![level(1, item(0)), product(2, Some(0))]);
    assert_eq!(all.concat(), []);
}
