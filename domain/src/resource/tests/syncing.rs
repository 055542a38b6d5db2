//! Products that were read at their store: webhooks and reading end alike, whichever comes first.

use super::fixtures::*;
use crate::commerce::CommerceEventType as Type;
use crate::resource::{Content, Happened, NewReport, Product, Publishing, ReportOutcome, Resource, ResourceEvent};

fn titled(title: &str) -> Content {
    Content::Product(Product { title: Some(title.to_owned()), ..Product::default() })
}

fn synced(seconds: i64, title: &str) -> NewReport {
    let read = report(Happened::Updated, seconds, titled(title));
    NewReport { publishing: Publishing::Synced, identity: format!("read {title}"), ..read }
}

fn said(seconds: i64, title: &str) -> NewReport {
    report(Happened::Updated, seconds, titled(title))
}

/// What is published of these, one after the other, and what is known in the end.
fn published(reports: Vec<NewReport>) -> (Vec<Vec<Type>>, Resource) {
    let mut resource = Resource::default();
    let mut published = vec![];
    for report in reports {
        match resource.report(report) {
            Some(ResourceEvent::ResourceReported(report)) => {
                published.push(report.publishes.clone());
                resource.fold(ResourceEvent::ResourceReported(report));
            }
            other => panic!("{other:?}"),
        }
    }
    (published, resource)
}

#[test]
fn a_product_that_is_read_is_synced_and_neither_created_nor_updated() {
    let (events, resource) = published(vec![synced(0, "Storm"), said(10, "Storm 2")]);
    assert_eq!(events, [vec![Type::ProductSynced], vec![Type::ProductUpdated]]);
    assert!(resource.has_come(after(10)) && !resource.has_come(after(11)));
}

#[test]
fn what_is_read_later_than_it_was_sent_changes_nothing() {
    let (events, resource) = published(vec![said(10, "Storm 2"), synced(0, "Storm")]);
    assert_eq!(events, [vec![Type::ProductUpdated], vec![]]);
    let Some(ResourceEvent::ResourceReported(late)) = resource.report(synced(5, "Storm 1")) else { panic!() };
    assert_eq!(late.outcome, ReportOutcome::Stale);
}

#[test]
fn an_integration_that_publishes_nothing_knows_its_products_all_the_same() {
    let quiet =
        |seconds, happened| NewReport { publishing: Publishing::Nothing, ..report(happened, seconds, titled("Storm")) };
    let (events, resource) = published(vec![quiet(0, Happened::Created), quiet(10, Happened::Updated)]);
    assert_eq!(events, [vec![], vec![]]);
    // Once it does, what happens from then on is published.
    let Some(ResourceEvent::ResourceReported(next)) = resource.report(said(20, "Storm 2")) else { panic!() };
    assert_eq!(next.publishes, [Type::ProductUpdated]);
}

#[test]
fn what_a_product_is_that_was_only_named_is_taken_over_whenever_the_store_changed_it() {
    let named = report(Happened::Updated, 10, Content::Product(Product { thin: true, ..Product::default() }));
    let (events, resource) = published(vec![named, synced(5, "Storm")]);
    assert_eq!(events, [vec![Type::ProductUpdated], vec![Type::ProductSynced]]);
    assert!(resource.has_come(after(10)));
}

#[test]
fn what_was_deleted_is_not_looked_for_again() {
    let deleted = report(Happened::Deleted, 10, titled("Storm"));
    let (_, resource) = published(vec![synced(0, "Storm"), deleted]);
    assert!(resource.has_come(after(20)));
}
