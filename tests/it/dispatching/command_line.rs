//! Dispatches on the command line: found, understood, and sent again.

use chrono::TimeDelta;
use domain::endpoint::EndpointCommand;
use serde_json::json;

use super::redriving::dead_letters;
use super::{Receiver, attempts_are, buy, command, endpoint, publisher, until};
use crate::app::{TestApp, text};
use crate::engines::on_each_engine;
use crate::terminal::desk;

on_each_engine! {
    async fn a_dead_letter_is_found_explained_and_sent_again_on_the_command_line(app: &TestApp) {
        let merchant = app.merchant().await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = dead_letters(app, &merchant, &mut receiver, &[1]).await;
        until(app, id, &[("dead_letter", 10), ("queued", 0)]).await;
        let (desk, endpoint) = (desk(app, &merchant.key), id.to_string());

        let listed = desk.printed(&["dispatches", "list", "--status", "dead_letter"]).await;
        for part in ["order.created", "order 1", "dead_letter", "10", "answered 500"] {
            assert!(listed.contains(part), "{part} in {listed}");
        }
        assert!(!listed.contains("order.paid"), "{listed}");
        let found = desk.json(&["dispatches", "list", "--endpoint", &endpoint[..13], "--type", "order.*", "--object", "1"]).await;
        let nodes = found["nodes"].as_array().unwrap();
        let [waiting, dead] = &nodes[..] else { panic!("there are two: {found}") };
        let (waiting, dead, event) = (text(&waiting["id"]), text(&dead["id"]), text(&dead["commerceEvent"]["id"]));
        let of_event = desk.json(&["dispatches", "list", "--event", &event[..13]]).await;
        assert_eq!((&of_event["nodes"][0]["id"], of_event["nodes"].as_array().unwrap().len()), (&json!(dead), 1));
        let first = desk.printed(&["dispatches", "list", "--first", "1"]).await;
        let cursor = first.split('\'').nth(1).unwrap_or_else(|| panic!("a cursor: {first}"));
        assert!(first.contains("order.paid") && first.contains("There is more"), "{first}");
        assert!(desk.printed(&["dispatches", "list", "--first", "1", "--after", cursor]).await.contains("order.created"));
        assert!(desk.printed(&["dispatches", "list", "--object", "2"]).await.contains("No dispatch fits"));

        let shown = desk.printed(&["dispatches", "show", &dead[..13]]).await;
        for part in ["order.created about order 1: dead_letter", "Attempt 1 to 127.0.0.1:", "failed with 500", "The next one is due at",
            "Attempt 10", "It was the last", "| so it is", "dispatches redrive", &receiver.url] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        let shown = desk.printed(&["dispatches", "show", &waiting]).await;
        assert!(shown.contains("its endpoint is disabled") && shown.contains("endpoints resume"), "{shown}");
        let seen = crate::terminal::desk(app, &app.admin.api_key).printed(&["dispatches", "show", &dead]).await;
        assert!(seen.contains("It was the last") && !seen.contains("so it is"), "{seen}");
        assert!(desk.refused(&["dispatches", "show", "no-such-dispatch"]).await.contains("dispatches list"));

        let filter = ["dispatches", "redrive", "--endpoint", &endpoint[..13]];
        let unasked = desk.refused(&filter).await;
        assert!(unasked.contains("1 dispatch would be sent again:") && unasked.contains("--yes"), "{unasked}");
        let preview = desk.printed(&[&filter[..], &["--dry-run"]].concat()).await;
        assert!(preview.contains("1 dispatch would be sent again:") && preview.contains("order.created"), "{preview}");
        assert!(preview.contains("\nBut its endpoint is disabled") && preview.contains("endpoints resume"), "{preview}");
        let latest = desk.json(&[&filter[..], &["--dry-run", "--latest-per-object"]].concat()).await;
        assert_eq!((&latest["redriven"], &latest["skipped"]), (&json!(0), &json!(1)), "order.paid is to come");
        assert!(desk.refused(&[&filter[..], &["--type", "product.*", "--yes"]].concat()).await.contains("no dispatch fits"));
        until(app, id, &[("dead_letter", 10), ("queued", 0)]).await;

        let redriven = desk.printed(&["dispatches", "redrive", &dead[..13]]).await;
        assert!(redriven.contains("is retrying now") && redriven.contains("But its endpoint is disabled"), "{redriven}");
        until(app, id, &[("retrying", 10), ("queued", 0)]).await;
        let again = desk.printed(&[&filter[..], &["--status", "retrying", "--yes"]].concat()).await;
        assert!(again.contains("Nothing changed"), "{again}");
        receiver.is_mended();
        command(app, id, EndpointCommand::Resume).await;
        until(app, id, &[("delivered", 11), ("delivered", 1)]).await;
        assert!(desk.printed(&["dispatches", "show", &dead]).await.contains("was taken with 204"));
        assert!(desk.refused(&["dispatches", "redrive", &dead]).await.contains("ALREADY_DELIVERED"));
    }

    async fn only_the_latest_of_each_object_is_sent_again_on_the_command_line(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = publisher(&merchant).await;
        let mut receiver = Receiver::start(&app.clock).await;
        let id = endpoint(&merchant, &receiver, &["order.*"], |settings| {
            settings.ordered = false;
            settings.concurrency = 1;
        }).await;
        receiver.responds_always(500);
        buy(&shop, 1).await;
        for round in 1..=6 {
            receiver.take(2).await;
            attempts_are(app, id, round * 2).await;
            app.advance(TimeDelta::hours(7));
        }
        // The next failure degrades it: one is tried at a time.
        for attempts in 13..=16 {
            receiver.next().await;
            attempts_are(app, id, attempts).await;
            app.advance(TimeDelta::hours(7));
        }
        until(app, id, &[("dead_letter", 8), ("dead_letter", 8)]).await;
        receiver.is_mended();
        let filter = ["dispatches", "redrive", "--status", "dead_letter", "--latest-per-object", "--yes"];
        let done = desk(app, &merchant.key).printed(&filter).await;
        assert!(done.contains("1 dispatch is sent again; 1 not, since something later"), "{done}");
        until(app, id, &[("skipped", 8), ("delivered", 9)]).await;
        assert_eq!(receiver.next().await.event_type(), "order.paid");
        let listed = desk(app, &merchant.key).printed(&["dispatches", "list"]).await;
        assert!(listed.contains("a later event about the same object was sent instead"), "{listed}");
    }
}
