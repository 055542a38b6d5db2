//! Orders that webhooks only name, and that are read and published without a delivery.

use chrono::TimeDelta;
use cqrs_es::Aggregate as _;

use super::fixtures::*;
use crate::ResolutionCode::{StoreAccessMissing, StoreUnavailable};
use crate::commerce::CommerceEventType as Type;
use crate::delivery::schedule::Jitter;
use crate::delivery::{FetchFailure, LatestFailure};
use crate::resource::{Happened, NewReport, Resource, ResourceCommand, ResourceEvent};

fn done(resource: &mut Resource, command: ResourceCommand) -> Vec<ResourceEvent> {
    let Ok(events) = resource.decide(command);
    for event in events.clone() {
        resource.apply(event);
    }
    events
}

fn announced() -> Resource {
    let mut resource = Resource::default();
    done(&mut resource, announce(0));
    resource
}

fn announce(seconds: i64) -> ResourceCommand {
    ResourceCommand::Announce(Box::new(announcement(seconds)))
}

/// The order was read, when so many webhooks had announced it.
fn record(report: NewReport, announcements: u32) -> ResourceCommand {
    ResourceCommand::RecordRead { report: Some(Box::new(report)), announcements, call: store_call(200) }
}

fn read(announcements: u32) -> ResourceEvent {
    ResourceEvent::OrderRead { announcements, call: store_call(200) }
}

fn paid(seconds: i64) -> NewReport {
    report(Happened::Updated, seconds, order(|order| order.paid = true))
}

fn published(events: &[ResourceEvent]) -> Vec<Type> {
    let reports = events.iter().filter_map(|event| match event {
        ResourceEvent::ResourceReported(report) => Some(report.publishes.clone()),
        ResourceEvent::OrderAnnounced(_)
        | ResourceEvent::OrderRead { .. }
        | ResourceEvent::OrderReadFailed(_)
        | ResourceEvent::OrderReadRequested { .. }
        | ResourceEvent::OrderReadMoved { .. }
        | ResourceEvent::OrderReadGivenUp { .. } => None,
    });
    reports.flatten().collect()
}

fn fail(failure: FetchFailure, seconds: i64) -> ResourceCommand {
    let integration_sequence = INTEGRATION_SEQUENCE;
    ResourceCommand::FailRead { failure, now: after(seconds), jitter: Jitter::NONE, integration_sequence }
}

fn down(status: u16) -> FetchFailure {
    FetchFailure::Unavailable { call: store_call(status), retry_after: None }
}

#[test]
fn an_order_that_is_only_announced_publishes_nothing_until_it_is_read_and_is_created_then() {
    let mut resource = announced();
    assert!(resource.reading().unwrap().is_due(noon()));
    let events = done(&mut resource, record(paid(0), 1));
    assert_eq!(published(&events), [Type::OrderCreated, Type::OrderPaid]);
    assert_eq!(events.last(), Some(&read(1)));
    assert!(!resource.reading().unwrap().is_unread());
}

#[test]
fn what_is_announced_while_an_order_is_read_is_read_once_more_and_what_is_not_new_publishes_nothing() {
    let mut resource = announced();
    done(&mut resource, announce(5));
    done(&mut resource, record(paid(0), 1));
    assert!(resource.reading().unwrap().is_due(after(5)));
    assert_eq!(done(&mut resource, record(paid(0), 2)), [read(2)], "the same again");
    assert_eq!(done(&mut resource, record(paid(9), 2)), [], "another node was first");
    done(&mut resource, announce(6));
    let stale = NewReport { identity: "another".to_owned(), ..report(Happened::Updated, -5, order(|_| {})) };
    assert_eq!(published(&done(&mut resource, record(stale, 3))), [], "what is older never comes over what is newer");
}

#[test]
fn a_store_that_is_down_is_read_again_as_it_asks_and_given_up_after_seven_days_and_a_missing_order_sooner() {
    for (status, tries, days) in [(503, 36, 7), (404, 8, 0)] {
        let mut resource = announced();
        let (mut last, mut failures, mut now) = (vec![], 0, noon());
        while let Some(due_at) = resource.reading().unwrap().due_at {
            now = due_at;
            last = done(&mut resource, fail(down(status), (due_at - noon()).num_seconds()));
            failures += 1;
        }
        let given_up = ResourceEvent::OrderReadGivenUp { code: StoreUnavailable, call: store_call(status) };
        assert_eq!(last.last(), Some(&given_up));
        assert_eq!((failures, (now - noon()).num_days()), (tries, days));
        assert!(resource.reading().unwrap().is_given_up());
        // The next webhook has it read again.
        done(&mut resource, announce(10_000_000));
        assert!(resource.reading().unwrap().is_due(after(10_000_000)));
    }
    let asked = FetchFailure::Unavailable { call: store_call(429), retry_after: Some(TimeDelta::seconds(90)) };
    let failure = LatestFailure { code: StoreUnavailable, call: Some(store_call(429)) };
    assert_eq!(done(&mut announced(), fail(asked, 0)), [read_failed(&failure, Some(90))]);
}

#[test]
fn without_access_an_order_waits_until_one_is_saved() {
    let mut resource = announced();
    let failure = LatestFailure { code: StoreAccessMissing, call: None };
    assert_eq!(done(&mut resource, fail(FetchFailure::AccessMissing { call: None }, 0)), [read_failed(&failure, None)]);
    let reading = resource.reading().unwrap();
    assert!(reading.is_unread() && !reading.is_due(after(10_000_000)) && !reading.is_given_up());
    let request = || ResourceCommand::RequestRead { fixed: StoreAccessMissing };
    let requested = ResourceEvent::OrderReadRequested { fixed: StoreAccessMissing };
    assert_eq!(done(&mut resource, request()), [requested]);
    assert!(resource.reading().unwrap().is_due(noon()));
    assert_eq!(done(&mut resource, request()), []);
    // One that waits for its store to be up again waits for that.
    let mut elsewhere = announced();
    done(&mut elsewhere, fail(down(503), 0));
    assert_eq!(done(&mut elsewhere, request()), []);
}

#[test]
fn a_read_further_off_than_its_own_delay_comes_after_that_delay() {
    let mut resource = Resource::default();
    done(&mut resource, announce(24 * 60 * 60));
    let pull_back = || ResourceCommand::PullBackRead { now: noon() };
    let moved = ResourceEvent::OrderReadMoved { until: noon() + TimeDelta::milliseconds(1_100) };
    assert_eq!(done(&mut resource, pull_back()), [moved]);
    assert_eq!(done(&mut resource, pull_back()), []);
}
