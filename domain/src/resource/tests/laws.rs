//! Laws that hold for every order of reports.

use cqrs_es::Aggregate as _;
use proptest::prelude::*;
use proptest::sample::select;
use strum::IntoEnumIterator as _;

use super::fixtures::*;
use crate::commerce::CommerceEventType as Type;
use crate::laws::repeating_adds_nothing;
use crate::resource::{
    Content, Happened, NewReport, Refunded, ReportOutcome, Resource, ResourceCommand, ResourceEvent,
};

fn any_report() -> impl Strategy<Value = ResourceCommand> {
    let happened = select(Happened::iter().collect::<Vec<_>>());
    let content = prop_oneof![
        (any::<bool>(), any::<bool>(), 0..3_i64).prop_map(|(paid, cancelled, amount)| order(|order| {
            (order.paid, order.cancelled, order.refunded_amount) = (paid, cancelled, Some(euros(amount)));
            order.refunded = if amount > 0 { Refunded::Partial } else { Refunded::None };
        })),
        Just(product()),
        (select(vec!["here", "there"]), prop::option::of(0..5_i64)).prop_map(|(at, available)| stock(at, available)),
    ];
    (happened, content, prop::option::of(0..20_i64), 0..30_u32, prop::option::of(0..5_i64)).prop_map(
        |(happened, content, seconds, identity, version)| {
            let new = NewReport {
                identity: identity.to_string(),
                changed_at: seconds.map(after),
                version,
                ..report(happened, 0, content)
            };
            ResourceCommand::Report(Box::new(new))
        },
    )
}

proptest! {
    #[test]
    fn repeating_a_report_adds_nothing(reports in prop::collection::vec(any_report(), 0..60)) {
        repeating_adds_nothing(reports, |resource: &Resource, command| resource.decide(command))?;
    }

    /// Whatever comes in whichever order.
    #[test]
    fn a_payment_is_published_once_and_a_cancellation_once_until_the_order_is_open_again(reports in prop::collection::vec(any_report(), 0..60)) {
        let (mut resource, mut published, mut is_cancelled) = (Resource::default(), vec![], false);
        for report in reports {
            let Ok(events) = resource.decide(report);
            for event in events {
                let ResourceEvent::ResourceReported(report) = &event else { panic!("a report, and not {event:?}") };
                published.extend(report.publishes.clone());
                if report.publishes.contains(&Type::OrderCancelled) {
                    prop_assert!(!is_cancelled);
                }
                if let (ReportOutcome::Current, Content::Order(order)) = (report.outcome, &report.content) {
                    is_cancelled = order.cancelled;
                }
                resource.apply(event);
            }
        }
        prop_assert!(published.iter().filter(|published| **published == Type::OrderPaid).count() <= 1);
    }
}
