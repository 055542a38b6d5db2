//! The storage format.

use uuid::Uuid;

use super::fixtures::*;
use crate::ResolutionCode;
use crate::delivery::LatestFailure;
use crate::event::tests::stored;
use crate::resource::{
    Checkout, Collection, Content, Happened, NewReport, Order, OrderLine, Product, Refunded, ResourceEvent, Variant,
    WebhookSource,
};

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
        uncounted: false,
        inventory_item_id: Some("9".to_owned()),
    };
    let uncounted = Variant { variant_id: "9".to_owned(), uncounted: true, ..Variant::default() };
    let full_product = Content::Product(Product {
        title: Some("Storm Drive".to_owned()),
        vendor: Some("Storm Audio".to_owned()),
        url: Some("https://shop.example/storm".to_owned()),
        status: Some("active".to_owned()),
        images: vec!["https://shop.example/storm.png".to_owned()],
        collections: vec!["4".to_owned()],
        variants: vec![variant, uncounted],
        stock: Some(12),
        uncounted: false,
        left_out: vec!["8".to_owned()],
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
        report(Happened::Updated, 2, Content::Stock(crate::resource::Stock { uncounted: true, ..Default::default() })),
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
    let failure = LatestFailure { code: ResolutionCode::StoreUnavailable, call: Some(store_call(503)) };
    all.extend([
        ResourceEvent::OrderAnnounced(Box::new(announcement(0))),
        ResourceEvent::OrderRead { announcements: 1, call: store_call(200) },
        read_failed(&failure, Some(1)),
        read_failed(&LatestFailure { code: ResolutionCode::StoreAccessMissing, call: None }, None),
        ResourceEvent::OrderReadRequested { fixed: ResolutionCode::StoreAccessMissing },
        ResourceEvent::OrderReadMoved { until: after(60) },
        ResourceEvent::OrderReadGivenUp { code: ResolutionCode::StoreUnavailable, call: store_call(404) },
    ]);
    insta::assert_snapshot!(stored(&all));
}

/// Grows by a line whenever the stored form grows; no line is ever changed or removed.
#[test]
fn every_event_that_ever_was_still_loads() {
    for line in include_str!("../ever.jsonl").lines() {
        serde_json::from_str::<ResourceEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
