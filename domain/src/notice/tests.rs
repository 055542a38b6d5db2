//! The rules of a notice, and its stored form.

use chrono::TimeDelta;
use cqrs_es::Aggregate as _;
use uuid::Uuid;

use super::*;
use crate::event::tests::stored;
use crate::repeats::RECORDED_AN_HOUR;

fn received(kind: NoticeKind) -> NoticeReceived {
    NoticeReceived {
        account_id: AccountId(Uuid::from_u128(1)),
        integration_id: IntegrationId(Uuid::from_u128(2)),
        provider: Provider::Shopify,
        kind,
        received_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        topic: Some("products/update".to_owned()),
        webhook_id: None,
        headers: (kind == NoticeKind::Unusable)
            .then(|| Private::Known(BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]))),
        body_bytes: 2,
        unsigned: false,
        source: ReportSource::Webhook,
        reason: (kind == NoticeKind::Unusable).then(|| "`id` must be a text or a whole number".to_owned()),
        order_id: (kind == NoticeKind::Unusable).then(|| "5678901231075".to_owned()),
        order_number: (kind == NoticeKind::Unusable).then(|| "#1075".to_owned()),
        customers: (kind == NoticeKind::CustomerRedact).then(|| {
            Private::Known(NamedCustomers {
                emails: vec!["max@music.com".to_owned()],
                ids: vec!["207119551".to_owned()],
                usernames: vec!["max".to_owned()],
                phones: vec!["+15556251199".to_owned()],
                orders: vec!["5678901231075".to_owned()],
            })
        }),
    }
}

fn all_done(notice: &mut Notice, command: NoticeCommand) -> Vec<NoticeEvent> {
    let events = notice.decide(command).unwrap();
    for event in events.clone() {
        notice.apply(event);
    }
    events
}

#[test]
fn the_same_body_again_is_noted_a_few_times_an_hour_and_kept_once() {
    let received_at = |at| Box::new(NoticeReceived { received_at: at, ..received(NoticeKind::NotAnOrder) });
    let at = received(NoticeKind::NotAnOrder).received_at;
    let record = |at| NoticeCommand::Record(received_at(at));
    let repeated = |at| NoticeEvent::WebhookRepeated(Box::new(received_at(at).repeat()));
    let mut notice = Notice::default();
    assert_eq!(notice.decide(NoticeCommand::ErasePersonalData), Err(NoticeRefusal::NotReceived));
    assert_eq!(all_done(&mut notice, record(at)), [NoticeEvent::WebhookReceived(received_at(at))]);
    for _ in 0..RECORDED_AN_HOUR {
        assert_eq!(all_done(&mut notice, record(at)), [repeated(at)]);
    }
    assert_eq!(all_done(&mut notice, record(at)), []);
    let later = at + TimeDelta::hours(1);
    assert_eq!(all_done(&mut notice, record(later)), [repeated(later)]);
    for erased in [vec![NoticeEvent::PersonalDataErased {}], vec![]] {
        assert_eq!(all_done(&mut notice, NoticeCommand::ErasePersonalData), erased);
    }
    assert_eq!(all_done(&mut notice, record(later)), [repeated(later)], "what was erased stays so");
}

fn order_read(announcements: u32) -> Box<NoticeOrderRead> {
    let customer = OrderCustomer {
        id: Some("7".to_owned()),
        email: Some("max@music.com".to_owned()),
        name: Some("Max".to_owned()),
        username: Some("max".to_owned()),
    };
    let named = NamedCustomers { orders: vec!["118".to_owned()], ..NamedCustomers::default() };
    Box::new(NoticeOrderRead {
        provider: Provider::BigCommerce,
        order_id: "118".to_owned(),
        order_number: Some("1118".to_owned()),
        announcements,
        call: StoreCall { status: Some(200), duration_ms: 12, reason: None },
        body_bytes: 2_000,
        customer: Some(Private::Known(customer)),
        customers: Some(Private::Known(named)),
    })
}

#[test]
fn the_order_that_a_webhook_names_is_kept_as_it_was_read_once_and_without_persons_after_an_erasure() {
    let mut notice = Notice::default();
    let record = |announcements| NoticeCommand::RecordOrderRead(order_read(announcements));
    assert_eq!(notice.decide(record(1)), Err(NoticeRefusal::NotReceived));
    all_done(&mut notice, NoticeCommand::Record(Box::new(received(NoticeKind::Commerce))));
    let read = all_done(&mut notice, record(1));
    assert_eq!(read, [NoticeEvent::OrderRead(order_read(1))]);
    assert!(read[0].keeps_body());
    assert_eq!(all_done(&mut notice, record(1)), [], "another node was first");
    all_done(&mut notice, NoticeCommand::ErasePersonalData);
    let forgotten = all_done(&mut notice, record(2));
    let [NoticeEvent::OrderRead(read)] = &forgotten[..] else { panic!("{forgotten:?}") };
    assert_eq!((&read.customer, &read.customers), (&Some(Private::Erased), &Some(Private::Erased)));
    assert!(!forgotten[0].keeps_body());
}

/// Lines are added, never changed or removed.
#[test]
fn the_stored_form_of_every_event_is_pinned() {
    let kinds = [
        NoticeKind::NotAnOrder,
        NoticeKind::StoreError,
        NoticeKind::CustomerDataRequest,
        NoticeKind::CustomerRedact,
        NoticeKind::ShopRedact,
        NoticeKind::Unusable,
    ];
    let received_ones = kinds.into_iter().map(|kind| NoticeEvent::WebhookReceived(Box::new(received(kind))));
    let repeated = received(NoticeKind::NotAnOrder).repeat();
    let of_order = received(NoticeKind::Unusable).repeat();
    let unsigned = NoticeReceived { unsigned: true, ..received(NoticeKind::NotAnOrder) }.repeat();
    let fetched = NoticeReceived { source: ReportSource::Reconciliation, ..received(NoticeKind::Commerce) };
    let others = [
        NoticeEvent::PersonalDataErased {},
        NoticeEvent::WebhookRepeated(Box::new(repeated)),
        NoticeEvent::WebhookRepeated(Box::new(of_order)),
        NoticeEvent::WebhookRepeated(Box::new(unsigned)),
        NoticeEvent::WebhookReceived(Box::new(fetched)),
        NoticeEvent::OrderRead(order_read(1)),
    ];
    let events: Vec<_> = received_ones.chain(others).collect();
    insta::assert_snapshot!(stored(&events));
    for line in include_str!("ever.jsonl").lines() {
        serde_json::from_str::<NoticeEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
