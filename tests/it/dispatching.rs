//! Commerce events reach the endpoints that want them: signed, in order, at least once, whatever the receiver does.

mod command_line;
mod failing;
pub(crate) mod mails;
mod nodes;
mod receiver;
mod redriving;

use std::time::Duration;

use chrono::TimeDelta;
use domain::dispatch::{DispatchEvent, ResponseBody};
use domain::endpoint::{
    CreateEndpoint, Endpoint, EndpointChange, EndpointCommand, EndpointSettings, EndpointStatus, EventTypePattern,
    Profile,
};
use domain::integration::Provider;
use domain::{AccountId, DispatchId, EndpointId, Private};
use event_log::Actor;
use event_log::recorded::AnyEvent;
use serde_json::{Value, json};

use crate::app::{Merchant, Shop, TestApp};
use crate::engines::on_each_engine;
use crate::publishing::order;
pub(crate) use receiver::{Notification, Receiver};

const SECRET: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// An endpoint of an account at this receiver.
async fn endpoint(
    merchant: &Merchant<'_>,
    receiver: &Receiver,
    types: &[&str],
    set: impl FnOnce(&mut EndpointSettings),
) -> EndpointId {
    receiver.expects(SECRET);
    let types = types.iter().map(|of| EventTypePattern::parse(of).unwrap()).collect();
    let mut settings = EndpointSettings::new(receiver.url.clone(), types);
    set(&mut settings);
    let create = CreateEndpoint {
        account_id: AccountId(merchant.id.parse().unwrap()),
        settings,
        secret: Private::from(SECRET),
        paused: false,
    };
    let id = EndpointId(event_log::ids::fresh());
    command(merchant.app, id, EndpointCommand::Create(Box::new(create))).await;
    id
}

async fn command(app: &TestApp, id: EndpointId, command: EndpointCommand) {
    let done = app.service().data.log.execute::<Endpoint>(id, command, Actor::System).await.unwrap();
    app.service().data.wait_for_views(done.position).await;
}

async fn publisher<'a>(merchant: &Merchant<'a>) -> Shop<'a> {
    let shop = merchant.shop(Provider::Shopify).await;
    shop.update(json!({ "purpose": "PUBLISHES" })).await;
    shop
}

/// An order that is paid: `order.created` and `order.paid`.
async fn buy(shop: &Shop<'_>, id: u64) {
    let body = order(Provider::Shopify, id, true, "2026-03-10T09:00:00Z");
    let answer = shop.post_bytes(body.to_string().into_bytes(), &[("x-shopify-topic", "orders/create")]).await;
    assert_eq!(answer.body["status"], "commerce", "{answer:?}");
}

fn objects(notifications: &[Notification]) -> Vec<(String, String)> {
    let object =
        |of: &Notification| (of.event_type().to_owned(), of.body["data"]["orderId"].as_str().unwrap().to_owned());
    notifications.iter().map(object).collect()
}

/// In no order: events about different objects overtake each other.
fn sorted(notifications: &[Notification]) -> Vec<(String, String)> {
    let mut objects = objects(notifications);
    objects.sort_by_key(|(event_type, id)| (id.parse::<u64>().unwrap(), event_type.clone()));
    objects
}

fn created(id: u64) -> (String, String) {
    ("order.created".to_owned(), id.to_string())
}

#[derive(sqlx::FromRow)]
struct Text {
    text: String,
}

/// What the view of dispatches says of an account's, the oldest first.
async fn statuses(app: &TestApp, id: EndpointId) -> Vec<(String, i64)> {
    assert!(app.service().data.projector.run_to_head(crate::app::TIMEOUT).await, "the views follow");
    let sql = "SELECT status || ' ' || attempts AS text FROM dispatches WHERE endpoint_id = ";
    let sql = storage::Sql::new(sql).bind(id.to_string()).push(" ORDER BY position, ordinal");
    let rows: Vec<Text> = app.service().data.views.fetch_all(sql).await.unwrap();
    let read = |row: Text| {
        let (status, attempts) = row.text.split_once(' ').unwrap();
        (status.to_owned(), attempts.parse().unwrap())
    };
    rows.into_iter().map(read).collect()
}

/// Waits until what is recorded of the endpoint's dispatches is so.
pub(crate) async fn until(app: &TestApp, id: EndpointId, expected: &[(&str, i64)]) {
    let expected: Vec<_> = expected.iter().map(|(status, attempts)| ((*status).to_owned(), *attempts)).collect();
    reached(app, id, &format!("{expected:?}"), |statuses| statuses == expected).await;
}

/// Waits until so many attempts were recorded of all of the endpoint's dispatches.
async fn attempts_are(app: &TestApp, id: EndpointId, expected: i64) {
    let attempts = |statuses: &[(String, i64)]| statuses.iter().map(|(_, attempts)| attempts).sum::<i64>();
    reached(app, id, &expected.to_string(), |statuses| attempts(statuses) == expected).await;
}

async fn reached(app: &TestApp, id: EndpointId, expected: &str, is_reached: impl Fn(&[(String, i64)]) -> bool) {
    let mut head = app.service().data.log.head_changes();
    let reached = async {
        loop {
            head.mark_unchanged();
            if is_reached(&statuses(app, id).await) {
                return;
            }
            head.changed().await.expect("the log is open");
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), reached).await.is_ok();
    assert!(in_time, "{:?} and not {expected}", statuses(app, id).await);
}

/// The endpoint's first dispatch is tried so often, each time hours later; `behind` is what comes after it.
async fn fails(app: &TestApp, id: EndpointId, receiver: &mut Receiver, times: i64, behind: &[(&str, i64)]) {
    for attempts in 1..=times {
        receiver.next().await;
        until(app, id, &[&[("retrying", attempts)], behind].concat()).await;
        if attempts < times {
            app.advance(TimeDelta::hours(7));
        }
    }
}

async fn status(app: &TestApp, id: EndpointId) -> EndpointStatus {
    app.service().data.log.load::<Endpoint>(id).await.unwrap().aggregate.status().expect("it exists")
}

on_each_engine! {
    async fn an_event_reaches_an_endpoint_as_it_reads(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.*"], |_| ()).await;
        buy(&shop, 5).await;
        let got = receiver.take(2).await;
        assert_eq!(objects(&got), [created(5), ("order.paid".to_owned(), "5".to_owned())]);
        let document = "query ($id: ID!) { commerceEvent(id: $id) { id type data } }";
        let read = app.ask(&merchant.key, document, json!({ "id": got[0].id() })).await;
        assert_eq!(read["commerceEvent"]["data"], got[0].body["data"]);
        assert_eq!(got[0].body["data"]["customer"]["email"], "vera.violet@example.org");
        until(app, id, &[("delivered", 1), ("delivered", 1)]).await;
        // The same webhook again is sent to none.
        buy(&shop, 5).await;
        buy(&shop, 6).await;
        assert_eq!(objects(&receiver.take(2).await)[0], created(6));
    }

    async fn each_endpoint_gets_what_it_wanted_when_the_event_was_recorded(app: &TestApp) {
        let (merchant, other) = (app.merchant().await, app.merchant().await);
        let (shop, second) = (publisher(&merchant).await, publisher(&merchant).await);
        let [mut paid, mut of_second, mut dear, mut late] =
            [Receiver::start(&app.clock).await, Receiver::start(&app.clock).await,
             Receiver::start(&app.clock).await, Receiver::start(&app.clock).await];
        let mut others = Receiver::start(&app.clock).await;
        endpoint(&merchant, &paid, &["order.paid"], |_| ()).await;
        let integration = domain::IntegrationId(second.id.parse().unwrap());
        endpoint(&merchant, &of_second, &["order.created"], |settings| settings.integrations = vec![integration]).await;
        let filter = "@.data.total.amount > 9000 || @.data.orderId == \"2\"";
        endpoint(&merchant, &dear, &["order.created"], |settings| settings.filter = Some(filter.to_owned())).await;
        endpoint(&other, &others, &["*"], |_| ()).await;
        buy(&shop, 1).await;
        let late_id = endpoint(&merchant, &late, &["order.created"], |_| ()).await;
        buy(&second, 2).await;
        buy(&publisher(&other).await, 9).await;
        let paid_for = |id: u64| ("order.paid".to_owned(), id.to_string());
        assert_eq!(sorted(&paid.take(2).await), [paid_for(1), paid_for(2)]);
        assert_eq!(objects(&of_second.take(1).await), [created(2)]);
        assert_eq!(objects(&dear.take(1).await), [created(2)]);
        assert_eq!(objects(&late.take(1).await), [created(2)]);
        assert_eq!(objects(&others.take(2).await), [created(9), paid_for(9)]);
        let changes = vec![EndpointChange::EventTypes(vec![EventTypePattern::parse("order.paid").unwrap()])];
        command(app, late_id, EndpointCommand::Update { changes }).await;
        command(app, late_id, EndpointCommand::Pause).await;
        buy(&shop, 3).await;
        command(app, late_id, EndpointCommand::Delete).await;
        buy(&shop, 4).await;
        assert_eq!(sorted(&paid.take(2).await), [paid_for(3), paid_for(4)]);
        until(app, late_id, &[("delivered", 1), ("skipped", 0)]).await;
        for receiver in [&mut paid, &mut of_second, &mut dear, &mut late, &mut others] {
            assert!(receiver.more().is_empty());
        }
    }

    async fn a_failing_event_holds_back_its_own_object_and_no_other(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.*"], |_| ()).await;
        receiver.responds([500]);
        buy(&shop, 1).await;
        assert_eq!(objects(&receiver.take(1).await), [created(1)]);
        until(app, id, &[("retrying", 1), ("queued", 0)]).await;
        buy(&shop, 2).await;
        let paid_for = |id: u64| ("order.paid".to_owned(), id.to_string());
        assert_eq!(objects(&receiver.take(2).await), [created(2), paid_for(2)]);
        app.advance(TimeDelta::seconds(2));
        assert_eq!(objects(&receiver.take(2).await), [created(1), paid_for(1)]);
        until(app, id, &[("delivered", 2), ("delivered", 1), ("delivered", 1), ("delivered", 1)]).await;
    }

    async fn without_an_order_nothing_waits_for_another(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.*"], |settings| settings.ordered = false).await;
        receiver.hangs();
        buy(&shop, 1).await;
        receiver.take(2).await;
        receiver.goes_on();
        until(app, id, &[("delivered", 1), ("delivered", 1)]).await;
    }

    async fn what_one_endpoint_leaves_of_its_accounts_room_goes_to_those_that_wait_for_it(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let (mut receivers, mut ids) = (vec![], vec![]);
        for _ in 0..3 {
            let receiver = Receiver::start(&app.clock).await;
            ids.push(endpoint(&merchant, &receiver, &["order.created"], |settings| settings.concurrency = 100).await);
            receivers.push(receiver);
        }
        let mut quick = Receiver::start(&app.clock).await;
        endpoint(&merchant, &quick, &["order.paid"], |_| ()).await;
        // One that responded while something was to be sent to it is sent all at once that it takes.
        let each = |receivers: &[Receiver], does: fn(&Receiver)| receivers.iter().for_each(does);
        each(&receivers, Receiver::hangs);
        for (order, expected) in [(1, &[("queued", 0)][..]), (2, &[("queued", 0), ("delivered", 1)])] {
            buy(&shop, order).await;
            for (receiver, id) in receivers.iter_mut().zip(&ids) {
                receiver.take(1).await;
                until(app, *id, expected).await;
            }
            each(&receivers, Receiver::hangs_no_more);
        }
        each(&receivers, Receiver::hangs);
        for order in 3..=101 {
            buy(&shop, order).await;
        }
        // An account has 256 under way, with the three that still hang: they share it evenly.
        for receiver in &mut receivers {
            receiver.take(80).await;
        }
        // And what responds at once waits for none of them.
        quick.take(101).await;
        receivers[0].goes_on();
        for receiver in &mut receivers {
            receiver.take(19).await;
        }
        each(&receivers, Receiver::goes_on);
    }

    async fn switching_the_order_off_frees_what_waits_for_another(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.*"], |_| ()).await;
        receiver.responds([500; 3]);
        buy(&shop, 1).await;
        for attempts in 1..=3 {
            receiver.next().await;
            until(app, id, &[("retrying", attempts), ("queued", 0)]).await;
            if attempts < 3 {
                app.advance(TimeDelta::seconds(6));
            }
        }
        command(app, id, EndpointCommand::Update { changes: vec![EndpointChange::Ordered(false)] }).await;
        app.advance(TimeDelta::seconds(6));
        assert_eq!(objects(&[receiver.next().await]), [("order.paid".to_owned(), "1".to_owned())]);
        until(app, id, &[("retrying", 3), ("delivered", 1)]).await;
    }

    async fn an_answer_is_kept_with_its_attempt_and_erased_with_whom_it_is_about(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
        receiver.responds([200, 500]);
        buy(&shop, 1).await;
        let first = receiver.next().await;
        buy(&shop, 2).await;
        receiver.next().await;
        until(app, id, &[("delivered", 1), ("retrying", 1)]).await;
        let dispatch = DispatchId::of(id, first.id().parse().unwrap());
        assert_eq!(response(app, dispatch).await, Some(Private::Known(ResponseBody::Text("so it is".to_owned()))));
        let customer = "vera.violet@example.org";
        app.admin(crate::erasure::ERASE, json!({ "input": { "accountId": merchant.id, "customer": customer } })).await;
        app.settle().await;
        assert_eq!(response(app, dispatch).await, Some(Private::Erased));
        // What was not sent yet says nothing of them any more.
        app.advance(TimeDelta::seconds(2));
        let second = receiver.next().await;
        assert_eq!((&second.body["data"]["orderId"], &second.body["data"]["customer"]), (&json!("2"), &Value::Null));
    }

    async fn a_pause_keeps_what_comes(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
        command(app, id, EndpointCommand::Pause).await;
        for order in 1..=30 {
            buy(&shop, order).await;
        }
        until(app, id, &[("queued", 0); 30]).await;
        command(app, id, EndpointCommand::Resume).await;
        assert_eq!(sorted(&receiver.take(30).await), (1..=30).map(created).collect::<Vec<_>>());
        until(app, id, &[("delivered", 1); 30]).await;
    }
}

/// Events that were delivered, gave up, wait, and were skipped with their endpoint.
pub(crate) async fn a_day_of_dispatches(app: &TestApp) {
    let merchant = app.merchant().await;
    let shop = publisher(&merchant).await;
    let [well, dead, paused, deleted] = [
        Receiver::start(&app.clock).await,
        Receiver::start(&app.clock).await,
        Receiver::start(&app.clock).await,
        Receiver::start(&app.clock).await,
    ];
    dead.responds_always(500);
    let filter = Some("@.data.total.amount > 1".to_owned());
    let well = endpoint(&merchant, &well, &["order.*"], |settings| settings.filter = filter).await;
    let cloud_elements = Profile::CloudElements { element_key: None, signature_key: None };
    let dead = endpoint(&merchant, &dead, &["order.paid"], |settings| settings.profile = cloud_elements).await;
    let paused = endpoint(&merchant, &paused, &["order.created"], |_| ()).await;
    let deleted = endpoint(&merchant, &deleted, &["order.created"], |_| ()).await;
    for id in [paused, deleted] {
        command(app, id, EndpointCommand::Pause).await;
    }
    buy(&shop, 1).await;
    until(app, well, &[("delivered", 1), ("delivered", 1)]).await;
    for attempts in 1..=10 {
        until(app, dead, &[(if attempts < 10 { "retrying" } else { "dead_letter" }, attempts)]).await;
        if attempts < 10 {
            app.advance(TimeDelta::days(4));
        }
    }
    command(app, deleted, EndpointCommand::Delete).await;
    until(app, paused, &[("queued", 0)]).await;
    until(app, deleted, &[("skipped", 0)]).await;
}

async fn response(app: &TestApp, id: DispatchId) -> Option<Private<ResponseBody>> {
    let opened = app.service().data.log.opened_stream("dispatch", &id.to_string(), event_log::Sequence::START, 1).await;
    let event = &opened.unwrap()[0].recorded.event;
    let AnyEvent::Dispatch(DispatchEvent::Attempted(attempted)) = event else { panic!("{event:?}") };
    attempted.response.clone()
}
