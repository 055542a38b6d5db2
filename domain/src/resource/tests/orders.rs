//! What is published of orders.

use super::fixtures::*;
use crate::commerce::CommerceEventType as Type;
use crate::resource::{Content, Happened, NewReport, Order, OrderChange, OrderLine, Refunded, ReportOutcome};

#[test]
fn an_order_is_created_whichever_of_its_webhooks_comes_first_and_paid_once() {
    let paid = |seconds| report(Happened::Updated, seconds, order(|order| order.paid = true));
    let created = || report(Happened::Created, 0, order(|_| {}));
    assert_eq!(publishes(vec![created()]), [Type::OrderCreated]);
    assert_eq!(publishes(vec![created(), paid(1)]), [Type::OrderUpdated, Type::OrderPaid]);
    assert_eq!(publishes(vec![created(), paid(1), paid(2)]), [Type::OrderUpdated]);
    assert_eq!(publishes(vec![paid(1)]), [Type::OrderCreated, Type::OrderPaid]);
    // The creation comes late: it is older, and says nothing new.
    assert_eq!(last(vec![paid(1), created()]).outcome, ReportOutcome::Stale);
    assert_eq!(publishes(vec![paid(1), created()]), []);
}

#[test]
fn a_cancellation_and_each_further_refund_are_published() {
    let at = |seconds, change: fn(&mut Order)| report(Happened::Updated, seconds, order(change));
    let refunded = |seconds, amount: i64, refunded: Refunded| {
        let content = order(|order| (order.refunded, order.refunded_amount) = (refunded, Some(euros(amount))));
        report(Happened::Updated, seconds, content)
    };
    let created = || report(Happened::Created, 0, order(|_| {}));
    let cancelled = |seconds| at(seconds, |order| order.cancelled = true);
    assert_eq!(publishes(vec![created(), cancelled(1)]), [Type::OrderUpdated, Type::OrderCancelled]);
    assert_eq!(publishes(vec![created(), cancelled(1), cancelled(2)]), [Type::OrderUpdated]);
    assert_eq!(
        publishes(vec![created(), report(Happened::Deleted, 1, order(|_| {}))]),
        [Type::OrderUpdated, Type::OrderCancelled]
    );
    assert_eq!(publishes(vec![report(Happened::Deleted, 1, order(|_| {}))]), [Type::OrderCancelled]);
    let some = || refunded(1, 500, Refunded::Partial);
    assert_eq!(publishes(vec![created(), some()]), [Type::OrderUpdated, Type::OrderRefunded]);
    assert_eq!(publishes(vec![created(), some(), refunded(2, 500, Refunded::Partial)]), [Type::OrderUpdated]);
    let more = refunded(2, 900, Refunded::Partial);
    assert_eq!(publishes(vec![created(), some(), more]), [Type::OrderUpdated, Type::OrderRefunded]);
    let all = refunded(2, 1_999, Refunded::Full);
    assert_eq!(publishes(vec![created(), some(), all]), [Type::OrderUpdated, Type::OrderRefunded]);
}

#[test]
fn a_report_that_says_little_of_an_order_leaves_what_was_known() {
    let line = || OrderLine { sku: Some("STORM".to_owned()), quantity: 2, ..OrderLine::default() };
    let full = report(Happened::Created, 0, order(|order| (order.paid, order.lines) = (true, vec![line()])));
    let thin = |seconds, change: fn(&mut Order)| {
        let mut thin = Order { thin: true, ..Order::default() };
        change(&mut thin);
        report(Happened::Updated, seconds, Content::Order(thin))
    };
    let of = |reports| {
        let Content::Order(order) = last(reports).content else { panic!("it is an order") };
        order
    };
    let shipped = of(vec![full.clone(), thin(1, |order| order.status = Some("shipped".to_owned()))]);
    assert_eq!(
        (shipped.status.as_deref(), shipped.paid, shipped.lines, shipped.thin),
        (Some("shipped"), true, vec![line()], false)
    );
    let cancelled = thin(2, |order| order.cancelled = true);
    assert!(of(vec![full.clone(), cancelled.clone(), thin(3, |_| {})]).cancelled);
    let reopened = thin(3, |order| order.status = Some("shipped".to_owned()));
    assert!(!of(vec![full.clone(), cancelled, reopened]).cancelled);
    let deleted = NewReport { happened: Happened::Deleted, ..thin(4, |_| {}) };
    let deleted = of(vec![full, deleted]);
    assert_eq!((deleted.cancelled, deleted.paid), (true, true));
    let unknown = of(vec![thin(1, |_| {}), thin(2, |order| order.paid = true)]);
    assert_eq!((unknown.paid, unknown.thin), (true, true), "what was never said is not known");
}

#[test]
fn an_order_of_which_little_is_said_is_cancelled_again_after_it_was_reopened() {
    let thin = |seconds, status: Option<&str>, cancelled| {
        let order = Order { thin: true, status: status.map(str::to_owned), cancelled, ..Order::default() };
        report(Happened::Updated, seconds, Content::Order(order))
    };
    let mut reports = vec![thin(0, Some("awaiting_fulfillment"), false)];
    let mut then = |next| {
        reports.push(next);
        publishes(reports.clone())
    };
    assert_eq!(then(thin(1, Some("cancelled"), true)), [Type::OrderUpdated, Type::OrderCancelled]);
    // What says no status did not open it again.
    assert_eq!(then(thin(2, None, false)), [Type::OrderUpdated]);
    assert_eq!(then(thin(3, Some("cancelled"), true)), [Type::OrderUpdated]);
    assert_eq!(then(thin(4, Some("awaiting_fulfillment"), false)), [Type::OrderUpdated]);
    assert_eq!(then(thin(5, Some("cancelled"), true)), [Type::OrderUpdated, Type::OrderCancelled]);
}

#[test]
fn what_a_report_changed_of_an_order_is_kept_with_it() {
    let line = |title: &str, quantity| OrderLine { title: Some(title.to_owned()), quantity, ..OrderLine::default() };
    let first = report(Happened::Created, 0, order(|order| order.lines = vec![line("Storm", 1), line("Rain", 1)]));
    let second = order(|order| {
        (order.paid, order.status, order.total) = (true, Some("shipped".to_owned()), Some(euros(2_999)));
        order.lines = vec![line("Storm", 1), line("Storm", 1), line("Hail", 3)];
    });
    let quantity = |item: &str, from, to| OrderChange::Quantity { item: item.to_owned(), from, to };
    let expected = vec![
        OrderChange::Status { from: None, to: "shipped".to_owned() },
        OrderChange::Paid {},
        OrderChange::Total { from: euros(1_999), to: euros(2_999) },
        quantity("Storm", 1, 2),
        quantity("Rain", 1, 0),
        quantity("Hail", 0, 3),
    ];
    let second = report(Happened::Updated, 1, second);
    assert_eq!(last(vec![first.clone(), second.clone()]).changes, expected);
    let same = NewReport { identity: "spaces".to_owned(), changed_at: Some(after(2)), ..second.clone() };
    assert_eq!(last(vec![first.clone(), second, same]).changes, []);
    let refunded = order(|order| {
        order.lines = vec![line("Storm", 1), line("Rain", 1)];
        (order.cancelled, order.refunded, order.refunded_amount) = (true, Refunded::Partial, Some(euros(500)));
    });
    let refund = OrderChange::Refunded { to: Refunded::Partial, amount: Some(euros(500)) };
    let refunded = report(Happened::Updated, 1, refunded);
    assert_eq!(last(vec![first.clone(), refunded.clone()]).changes, [OrderChange::Cancelled {}, refund]);
    assert_eq!(last(vec![first.clone()]).changes, []);
    // Of an order that was only named, nothing else was known that could change.
    let named = report(Happened::Created, 0, Content::Order(Order { thin: true, ..Order::default() }));
    let read =
        NewReport { happened: Happened::Updated, identity: "read".to_owned(), changed_at: Some(after(1)), ..first };
    assert_eq!(last(vec![named, read]).changes, []);
}
