//! The rules of a resource, as given, when, then.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate as _;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use proptest::sample::select;
use strum::IntoEnumIterator as _;
use uuid::Uuid;

use super::{
    Checkout, Collection, Content, Happened, NewReport, Order, OrderChange, OrderLine, Product, Refunded, Report,
    ReportOutcome, Resource, ResourceCommand, ResourceEvent, Stock, Variant, WebhookSource,
};
use crate::commerce::CommerceEventType as Type;
use crate::commerce::{Currency, Money};
use crate::event::tests::stored;
use crate::integration::Provider;
use crate::laws::repeating_adds_nothing;
use crate::{AccountId, IntegrationId};

fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

fn euros(amount: i64) -> Money {
    Money { amount, currency: Currency::parse("EUR").unwrap() }
}

/// As the store changed it so many seconds after noon, by which it is known again.
fn report(happened: Happened, seconds: i64, content: Content) -> NewReport {
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

fn order(change: impl FnOnce(&mut Order)) -> Content {
    let mut order = Order { total: Some(euros(1_999)), ..Order::default() };
    change(&mut order);
    Content::Order(order)
}

fn product() -> Content {
    Content::Product(Product { title: Some("Storm Drive".to_owned()), ..Product::default() })
}

fn stock(location: &str, available: Option<i64>) -> Content {
    let location_id = Some(location.to_owned());
    Content::Stock(Stock { inventory_item_id: Some("9".to_owned()), location_id, available, ..Stock::default() })
}

fn change(by: i64, seconds: i64) -> NewReport {
    let stock = Stock { product_id: Some("9".to_owned()), adjusted_by: Some(by), ..Stock::default() };
    report(Happened::Updated, seconds, Content::Stock(stock))
}

fn given(reports: Vec<NewReport>) -> AggregateTestExecutor<Resource> {
    TestFramework::with(()).given(events(reports))
}

fn events(reports: Vec<NewReport>) -> Vec<ResourceEvent> {
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
fn last(reports: Vec<NewReport>) -> Report {
    let ResourceEvent::ResourceReported(report) = events(reports).pop().expect("it is recorded");
    *report
}

fn publishes(reports: Vec<NewReport>) -> Vec<Type> {
    last(reports).publishes
}

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
fn the_same_webhook_again_is_not_recorded_and_a_changed_one_is() {
    let first = report(Happened::Updated, 0, product());
    given(vec![first.clone()]).when(ResourceCommand::Report(Box::new(first.clone()))).then_expect_events(vec![]);
    let same_moment = NewReport { identity: "another".to_owned(), ..first.clone() };
    assert_eq!(publishes(vec![first, same_moment]), [Type::ProductUpdated]);
}

#[test]
fn what_is_older_by_the_stores_clock_or_count_overwrites_nothing() {
    let newer = report(Happened::Updated, 5, product());
    let older = report(Happened::Updated, 4, product());
    let stale = last(vec![newer.clone(), older.clone()]);
    assert_eq!((stale.outcome, stale.publishes), (ReportOutcome::Stale, vec![]));
    // The count decides where there is one: two changes may have the same time, or a clock that was set.
    let counted = |version, of: &NewReport| NewReport { version: Some(version), ..of.clone() };
    assert_eq!(last(vec![counted(1, &newer), counted(2, &older)]).outcome, ReportOutcome::Current);
    assert_eq!(last(vec![counted(2, &older), counted(1, &newer)]).outcome, ReportOutcome::Stale);
    // What says neither counts as it arrives.
    let undated = NewReport { changed_at: None, identity: "undated".to_owned(), ..older };
    assert_eq!(last(vec![newer, undated]).outcome, ReportOutcome::Current);
}

#[test]
fn a_deletion_is_final_unless_the_store_restores_what_it_deleted() {
    let created = || report(Happened::Created, 0, product());
    let deleted = || report(Happened::Deleted, 1, product());
    assert_eq!(publishes(vec![created()]), [Type::ProductCreated]);
    assert_eq!(publishes(vec![created(), deleted()]), [Type::ProductDeleted]);
    let late = last(vec![created(), deleted(), report(Happened::Updated, 2, product())]);
    assert_eq!((late.outcome, late.publishes), (ReportOutcome::AfterDeletion, vec![]));
    for again in [Happened::Restored, Happened::Created] {
        assert_eq!(publishes(vec![created(), deleted(), report(again, 2, product())]), [Type::ProductCreated]);
    }
    // What was created before it was deleted, and arrives after that.
    assert_eq!(publishes(vec![deleted(), created()]), []);
}

#[test]
fn changes_of_stock_by_a_number_count_in_any_order_since_it_was_counted() {
    let counted = |seconds| report(Happened::Updated, seconds, stock("here", Some(10)));
    let counts = |reports: Vec<NewReport>| {
        let last = last(reports);
        (last.outcome, last.publishes)
    };
    let (does, does_not) =
        ((ReportOutcome::Current, vec![Type::InventoryUpdated]), (ReportOutcome::Stale, Vec::<Type>::new()));
    assert_eq!(counts(vec![counted(1), change(-9, 3), change(-1, 2)]), does);
    assert_eq!(counts(vec![change(-9, 3), change(-1, 2)]), does, "it was never counted");
    assert_eq!(counts(vec![counted(1), change(-9, 4), change(-1, 3), change(-1, 2)]), does);
    assert_eq!(counts(vec![counted(2), change(-9, 3), change(-1, 1)]), does_not);
    assert_eq!(counts(vec![change(-9, 1), counted(3), change(-1, 2)]), does_not);
    // Of a count, and of what was gone in between, an older one says nothing.
    assert_eq!(counts(vec![counted(1), change(-9, 3), counted(2)]), does_not);
    assert_eq!(counts(vec![report(Happened::Deleted, 3, stock("here", None)), change(-1, 2)]), does_not);
    assert_eq!(events(vec![counted(1), change(-9, 3), change(-1, 2), change(-1, 2)]).len(), 3, "a repetition");
}

#[test]
fn a_late_change_of_stock_that_may_be_a_forgotten_one_does_not_count_twice() {
    let all = |count: i64| (0..count).map(|seconds| change(-1, seconds)).collect::<Vec<_>>();
    let again = |count, seconds| [all(count), vec![change(-1, seconds)]].concat();
    assert_eq!(events(again(50, 0)).len(), 50, "it is remembered");
    assert_eq!(last(again(51, 0)).outcome, ReportOutcome::Stale);
    let other = NewReport { identity: "another".to_owned(), ..change(-1, 1) };
    assert_eq!(last([all(51), vec![other]].concat()).outcome, ReportOutcome::Current);
}

#[test]
fn a_creation_from_before_a_deletion_without_a_time_brings_nothing_back() {
    let received_at = after(5) + TimeDelta::milliseconds(700);
    for content in [product(), Content::Collection(Collection::default()), Content::Customer {}] {
        let deleted = || NewReport { changed_at: None, received_at, ..report(Happened::Deleted, 5, content.clone()) };
        let created = |seconds| report(Happened::Created, seconds, content.clone());
        for before in [vec![deleted()], vec![report(Happened::Updated, 1, content.clone()), deleted()]] {
            let late = last([before.clone(), vec![created(4)]].concat());
            assert_eq!((late.outcome, late.publishes), (ReportOutcome::Stale, vec![]));
            // A store whose clock has whole seconds may have created it in the rest of that one.
            let again = last([before.clone(), vec![created(5)]].concat());
            assert_eq!((again.outcome, again.publishes.len()), (ReportOutcome::Current, 1));
            let restored = last([before, vec![report(Happened::Restored, 4, content.clone())]].concat());
            assert_eq!(restored.outcome, ReportOutcome::Current, "the store says so");
        }
        let restored = vec![deleted(), created(6), NewReport { identity: "late".to_owned(), ..created(7) }];
        assert_eq!(last(restored).outcome, ReportOutcome::Current);
    }
}

#[test]
fn the_same_bytes_delete_and_restore_again_what_was_restored_and_deleted_since() {
    let bare = |happened, content: Content| NewReport {
        changed_at: None,
        identity: "the same bytes".to_owned(),
        ..report(happened, 0, content)
    };
    let deleted = || bare(Happened::Deleted, product());
    let restored = || NewReport { identity: "others".to_owned(), ..report(Happened::Restored, 1, product()) };
    assert_eq!(publishes(vec![deleted(), restored(), deleted()]), [Type::ProductDeleted]);
    given(vec![deleted(), restored(), deleted()])
        .when(ResourceCommand::Report(Box::new(deleted())))
        .then_expect_events(vec![]);
    assert_eq!(publishes(vec![deleted(), restored(), deleted(), restored()]), [Type::ProductCreated]);
    // An order that is brought back from the trash may be put there again.
    let thin = || bare(Happened::Deleted, order(|order| order.thin = true));
    let back = || NewReport { identity: "back".to_owned(), ..report(Happened::Restored, 2, order(|_| {})) };
    let created = || report(Happened::Created, 0, order(|_| {}));
    let twice = vec![created(), thin(), back(), thin()];
    assert_eq!(publishes(twice), [Type::OrderUpdated, Type::OrderCancelled]);
}

#[test]
fn a_creation_that_arrives_after_a_change_is_published_and_overwrites_nothing() {
    for (content, created) in [(product(), Type::ProductCreated), (Content::Customer {}, Type::CustomerCreated)] {
        let late = || report(Happened::Created, 1, content.clone());
        let reports = vec![report(Happened::Updated, 5, content.clone()), late()];
        assert_eq!((last(reports.clone()).outcome, publishes(reports.clone())), (ReportOutcome::Stale, vec![created]));
        let again = NewReport { identity: "again".to_owned(), ..late() };
        assert_eq!(publishes([reports, vec![again]].concat()), []);
    }
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

#[test]
fn a_product_that_is_first_known_by_an_update_was_there_before() {
    assert_eq!(publishes(vec![report(Happened::Updated, 0, product())]), [Type::ProductUpdated]);
    // The store sent both in the same second, in any order.
    let both = vec![report(Happened::Updated, 0, product()), report(Happened::Created, 0, product())];
    assert_eq!(publishes(both), [Type::ProductCreated]);
}

#[test]
fn collections_customers_and_checkouts_publish_what_there_is_a_word_for() {
    let collection = || Content::Collection(Collection::default());
    let customer = || Content::Customer {};
    let checkout = |completed| Content::Checkout(Checkout { completed, ..Checkout::default() });
    for (happened, content, types) in [
        (Happened::Created, collection(), vec![Type::CollectionUpdated]),
        (Happened::Deleted, collection(), vec![Type::CollectionDeleted]),
        (Happened::Created, customer(), vec![Type::CustomerCreated]),
        (Happened::Updated, customer(), vec![Type::CustomerUpdated]),
        (Happened::Deleted, customer(), vec![]),
        (Happened::Updated, checkout(false), vec![]),
        (Happened::Updated, checkout(true), vec![Type::CheckoutCompleted]),
        (Happened::Updated, stock("here", Some(3)), vec![Type::InventoryUpdated]),
    ] {
        assert_eq!(publishes(vec![report(happened, 0, content)]), types);
    }
    let twice = vec![report(Happened::Updated, 0, checkout(true)), report(Happened::Updated, 1, checkout(true))];
    assert_eq!(publishes(twice), []);
}

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
                let ResourceEvent::ResourceReported(report) = &event;
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

#[test]
fn the_stored_form_of_every_event_is_pinned() {
    let line =
        OrderLine { sku: Some("STORM".to_owned()), quantity: 1, price: Some(euros(1_999)), ..OrderLine::default() };
    let full_order = order(|order| {
        order.number = Some("#1042".to_owned());
        order.status = Some("paid".to_owned());
        order.session_id = Some("sess_1".to_owned());
        order.checkout_id = Some("c1".to_owned());
        order.paid = true;
        (order.refunded, order.refunded_amount) = (Refunded::Partial, Some(euros(500)));
        order.lines = vec![line];
    });
    let variant = Variant {
        variant_id: "7".to_owned(),
        sku: Some("STORM".to_owned()),
        title: Some("Mono".to_owned()),
        price: Some(euros(1_999)),
        compare_at_price: Some(euros(2_999)),
        stock: Some(3),
        inventory_item_id: Some("9".to_owned()),
    };
    let full_product = Content::Product(Product {
        title: Some("Storm Drive".to_owned()),
        vendor: Some("Storm Audio".to_owned()),
        url: Some("https://shop.example/storm".to_owned()),
        status: Some("active".to_owned()),
        images: vec!["https://shop.example/storm.png".to_owned()],
        collections: vec!["4".to_owned()],
        variants: vec![variant],
        thin: false,
    });
    let checkout = Checkout {
        completed: true,
        session_id: Some("sess_1".to_owned()),
        order_id: Some("118".to_owned()),
        total: Some(euros(1_999)),
    };
    let collection = Collection { title: Some("Leads".to_owned()) };
    let of_delivery = WebhookSource::Delivery { id: Uuid::from_u128(4), sequence: 2 };
    let one = |report: NewReport| events(vec![report]);
    let mut all = one(NewReport { source: of_delivery, ..report(Happened::Created, 0, full_order) });
    all.extend(events(vec![report(Happened::Created, 1, full_product), report(Happened::Updated, 0, product())]));
    all.extend(events(vec![report(Happened::Deleted, 0, product()), report(Happened::Updated, 1, product())]).pop());
    all.extend(one(report(Happened::Updated, 0, Content::Collection(collection))));
    all.extend(events(vec![
        report(Happened::Updated, 0, stock("here", Some(3))),
        report(Happened::Updated, 1, stock("here", Some(0))),
    ]));
    all.extend(one(report(Happened::Created, 0, Content::Customer {})));
    all.extend(one(NewReport { version: Some(3), ..report(Happened::Updated, 0, Content::Checkout(checkout)) }));
    all.extend(one(report(Happened::Restored, 0, product())));
    let changed = order(|order| {
        (order.status, order.paid, order.cancelled) = (Some("closed".to_owned()), true, true);
        (order.total, order.refunded, order.refunded_amount) = (Some(euros(2_999)), Refunded::Full, Some(euros(2_999)));
        order.lines = vec![OrderLine { title: Some("Storm".to_owned()), quantity: 2, ..OrderLine::default() }];
    });
    let first = report(Happened::Created, 0, order(|_| {}));
    let back = report(Happened::Restored, 2, order(|order| order.total = Some(euros(2_999))));
    all.extend(events(vec![first, report(Happened::Updated, 1, changed), back]).split_off(1));
    all.extend(one(NewReport { changed_at: None, ..report(Happened::Deleted, 0, product()) }));
    let thin = |seconds, cancelled| {
        let order = Order { thin: true, status: Some(format!("status {seconds}")), cancelled, ..Order::default() };
        report(Happened::Updated, seconds, Content::Order(order))
    };
    all.extend(events(vec![thin(0, false), thin(3, true), thin(4, false)]).split_off(1));
    insta::assert_snapshot!(stored(&all));
}

/// Grows by a line whenever the stored form grows; no line is ever changed or removed.
#[test]
fn every_event_that_ever_was_still_loads() {
    for line in include_str!("ever.jsonl").lines() {
        serde_json::from_str::<ResourceEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
