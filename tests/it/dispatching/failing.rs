//! What fails again and again: its endpoint is degraded, probed and recovers, or the event becomes a dead letter.

use chrono::TimeDelta;
use domain::endpoint::{EndpointCommand, EndpointStatus, PROBE_INTERVAL};
use domain::schedule::FAILURE_DELAYS;

use super::{Receiver, Text, buy, command, created, endpoint, fails, objects, publisher, sorted, status, until};
use crate::app::TestApp;
use crate::engines::on_each_engine;

on_each_engine! {
    async fn what_fails_seven_times_degrades_its_endpoint_until_a_probe_succeeds(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let (mut receiver, mut watcher) = (Receiver::start(&app.clock).await, Receiver::start(&app.clock).await);
        let id = endpoint(&merchant, &receiver, &["order.created"], |settings| settings.url.push_str("?token=s3cret")).await;
        endpoint(&merchant, &watcher, &["endpoint.degraded"], |_| ()).await;
        receiver.responds_always(503);
        buy(&shop, 1).await;
        for (attempts, delay) in (1..).zip(FAILURE_DELAYS) {
            receiver.next().await;
            until(app, id, &[("retrying", attempts)]).await;
            let expected = if attempts < 7 { EndpointStatus::Enabled } else { EndpointStatus::Degraded };
            assert_eq!(status(app, id).await, expected, "after {attempts}");
            if attempts < 7 {
                app.advance(delay + delay / 10);
            }
        }
        let degraded = watcher.next().await;
        assert_eq!(degraded.body["data"]["endpointId"], id.to_string());
        assert_eq!(degraded.body["data"]["url"], receiver.url.as_str());
        // What comes meanwhile waits for a probe.
        buy(&shop, 2).await;
        buy(&shop, 3).await;
        until(app, id, &[("retrying", 7), ("queued", 0), ("queued", 0)]).await;
        assert!(receiver.more().is_empty());
        receiver.is_mended();
        app.advance(PROBE_INTERVAL);
        // What failed does not wait for its own moment, hours later.
        assert_eq!(sorted(&receiver.take(3).await), [created(1), created(2), created(3)]);
        until(app, id, &[("delivered", 8), ("delivered", 1), ("delivered", 1)]).await;
        assert_eq!(status(app, id).await, EndpointStatus::Enabled);
    }

    async fn what_waits_probes_a_degraded_endpoint_every_five_minutes_and_keeps_its_schedule(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
        receiver.responds([500; 14]);
        buy(&shop, 1).await;
        fails(app, id, &mut receiver, 7, &[]).await;
        let due_at = async || {
            let sql = storage::Sql::new("SELECT CAST(due_at AS text) AS text FROM dispatches WHERE endpoint_id = ").bind(id.to_string());
            app.service().data.views.fetch_one::<Text>(sql).await.unwrap().text
        };
        let due = due_at().await;
        for attempts in 8..=14 {
            app.advance(PROBE_INTERVAL);
            receiver.next().await;
            until(app, id, &[("retrying", attempts)]).await;
            assert_eq!(due_at().await, due);
        }
        app.advance(PROBE_INTERVAL);
        assert_eq!(objects(&[receiver.next().await]), [created(1)]);
        until(app, id, &[("delivered", 15)]).await;
        assert_eq!(status(app, id).await, EndpointStatus::Enabled);
    }

    async fn what_its_receiver_put_off_is_no_probe_and_waits_when_the_endpoint_responds_again(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
        receiver.responds([429; 7]);
        receiver.asks_for(Some(86_400));
        buy(&shop, 1).await;
        for attempts in 1..=7 {
            receiver.next().await;
            until(app, id, &[("retrying", attempts)]).await;
            if attempts < 7 {
                app.advance(TimeDelta::hours(25));
            }
        }
        assert_eq!(status(app, id).await, EndpointStatus::Degraded);
        app.advance(PROBE_INTERVAL);
        buy(&shop, 2).await;
        until(app, id, &[("retrying", 7), ("queued", 0)]).await;
        app.advance(PROBE_INTERVAL);
        assert_eq!(objects(&[receiver.next().await]), [created(2)]);
        until(app, id, &[("retrying", 7), ("delivered", 1)]).await;
        assert_eq!(status(app, id).await, EndpointStatus::Enabled);
        buy(&shop, 3).await;
        assert_eq!(objects(&[receiver.next().await]), [created(3)]);
        until(app, id, &[("retrying", 7), ("delivered", 1), ("delivered", 1)]).await;
        app.advance(TimeDelta::hours(25));
        assert_eq!(objects(&[receiver.next().await]), [created(1)]);
        until(app, id, &[("delivered", 8), ("delivered", 1), ("delivered", 1)]).await;
    }

    async fn what_fails_while_others_get_through_is_given_up_in_the_end(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
        receiver.responds([500; 7]);
        buy(&shop, 1).await;
        fails(app, id, &mut receiver, 7, &[]).await;
        buy(&shop, 2).await;
        until(app, id, &[("retrying", 7), ("queued", 0)]).await;
        app.advance(PROBE_INTERVAL);
        assert_eq!(objects(&[receiver.next().await]), [created(2)], "the probe");
        receiver.responds([500]);
        assert_eq!(objects(&[receiver.next().await]), [created(1)], "at once, and before its time: that does not count");
        until(app, id, &[("retrying", 8), ("delivered", 1)]).await;
        assert_eq!(status(app, id).await, EndpointStatus::Enabled, "it says nothing of the endpoint");
        receiver.responds([500]);
        app.advance(TimeDelta::hours(7));
        assert_eq!(objects(&[receiver.next().await]), [created(1)], "at its own time");
        until(app, id, &[("dead_letter", 9), ("delivered", 1)]).await;
    }

    async fn the_eighth_failure_makes_a_dead_letter_and_a_410_disables_at_once(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.created"], |_| ()).await;
        receiver.responds([500; 8]);
        buy(&shop, 1).await;
        for attempts in 1..=8 {
            receiver.next().await;
            if attempts < 8 {
                until(app, id, &[("retrying", attempts)]).await;
                app.advance(TimeDelta::hours(7));
            }
        }
        until(app, id, &[("dead_letter", 8)]).await;
        receiver.responds([410]);
        app.advance(PROBE_INTERVAL);
        buy(&shop, 2).await;
        receiver.next().await;
        until(app, id, &[("dead_letter", 8), ("retrying", 1)]).await;
        assert_eq!(status(app, id).await, EndpointStatus::Disabled);
        buy(&shop, 3).await;
        until(app, id, &[("dead_letter", 8), ("retrying", 1), ("queued", 0)]).await;
        app.advance(TimeDelta::days(1));
        command(app, id, EndpointCommand::Resume).await;
        assert_eq!(receiver.take(2).await.len(), 2);
        until(app, id, &[("dead_letter", 8), ("delivered", 2), ("delivered", 1)]).await;
    }
}
