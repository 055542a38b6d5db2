//! Looking at what happened, from the command line: filters, exports, the live tail, stories, and any moment of the past.

use std::process::{Output, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use domain::integration::Provider;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::app::{Merchant, Shop, TestApp, text};
use crate::engines::on_each_engine;
use crate::orders;
use crate::process::{cloud_bridge, printed};

fn command(app: &TestApp, arguments: &[&str]) -> Command {
    let mut command = cloud_bridge(&app.databases.folder());
    command
        .args(arguments)
        .env("CLOUD_BRIDGE_SERVER", &app.node.url)
        .env("CLOUD_BRIDGE_API_KEY", &app.admin.api_key)
        .env("CLOUD_BRIDGE_LOG", &app.databases.log_url)
        .env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(crate::app::MASTER_KEY));
    command
}

pub(crate) async fn run(app: &TestApp, arguments: &[&str]) -> Output {
    command(app, arguments).output().await.expect("the binary starts")
}

/// What a command refused, in its own words.
async fn refused(app: &TestApp, arguments: &[&str]) -> String {
    let output = run(app, arguments).await;
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line} is JSON"))).collect()
}

/// The events that `events list` gives, the oldest first.
pub(crate) async fn listed(app: &TestApp, filter: &[&str]) -> Vec<Value> {
    let arguments = [&["--json", "events", "list", "--oldest-first", "--first", "10000"], filter].concat();
    objects(&printed(&run(app, &arguments).await))
}

pub(crate) fn types(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| text(&event["type"])).collect()
}

/// An order that waits for a mapping, gets one, and is delivered; its webhook comes twice.
async fn an_order_that_waited(merchant: &Merchant<'_>, shop: &Shop<'_>, order: &str) -> String {
    let webhook = orders::generic(order, "mutual_max", &["SUN"]);
    let delivery = shop.post(&webhook).await.accepted("queued");
    merchant.app.settle().await;
    shop.post(&webhook).await.accepted("duplicate");
    shop.map("SUN", "sun").await;
    assert_eq!(shop.settled(&delivery).await.0, "COMPLETED");
    delivery
}

on_each_engine! {
    async fn every_filter_finds_what_fits_and_nothing_else(app: &TestApp) {
        let (owner, other) = (app.merchant().await, app.merchant().await);
        let (shop, others) = (owner.shop(Provider::Generic).await, other.shop(Provider::Generic).await);
        let delivery = an_order_that_waited(&owner, &shop, "1042").await;
        let foreign = others.post(&orders::generic("1042", "mutual_max", &["STORM"])).await.accepted("queued");
        app.settle().await;

        let all = listed(app, &[]).await;
        let positions: Vec<String> = all.iter().map(|event| text(&event["position"])).collect();
        let counted: Vec<String> = (1..=all.len()).map(|position| position.to_string()).collect();
        assert_eq!(positions, counted, "everything, once, in order");
        assert!(!format!("{all:?}").contains("mutual_max"), "nothing private");
        let mut newest = objects(&printed(&run(app, &["--json", "events", "list", "--first", "10000"]).await));
        newest.reverse();
        assert_eq!(newest, all);

        let of_delivery: Vec<Value> = all.iter().filter(|event| event["aggregateId"] == delivery).cloned().collect();
        let stream = format!("delivery/{delivery}");
        assert_eq!(listed(app, &["--aggregate", &stream]).await, of_delivery);
        assert_eq!(listed(app, &["--order", "1042", "--account", &owner.id]).await, of_delivery);
        assert_eq!(listed(app, &["--order", "1042", "--integration", &shop.id]).await, of_delivery);
        let both = listed(app, &["--order", "1042"]).await;
        assert!(both.len() > of_delivery.len() && both.iter().any(|event| event["aggregateId"] == foreign));

        let owned = listed(app, &["--account", &other.id]).await;
        let kinds = |kind: &str| owned.iter().filter(|event| event["aggregateType"] == kind).count();
        assert!(kinds("account") > 0 && kinds("integration") > 0 && kinds("delivery") > 0);
        assert!(owned.iter().all(|event| event["aggregateId"] != delivery && event["aggregateId"] != owner.id));
        let of_shop = listed(app, &["--integration", &shop.id]).await;
        assert!(of_shop.iter().any(|event| event["type"] == "item_mapping_added"));
        assert!(of_shop.iter().any(|event| event["type"] == "completed"));
        assert!(of_shop.iter().all(|event| event["aggregateType"] != "account" && event["aggregateId"] != foreign));

        let some = listed(app, &["--type", "asset_shared", "--type", "completed"]).await;
        assert_eq!(types(&some), ["asset_shared", "completed", "asset_shared", "completed"]);
        assert!(listed(app, &["--type", "checkpoint_signed"]).await.is_empty());
        assert!(listed(app, &["--aggregate", "notice"]).await.is_empty());
        let by_store = listed(app, &["--actor", "store"]).await;
        assert_eq!(by_store.len(), 3);
        assert!(types(&by_store).iter().all(|event| event.starts_with("webhook_re")));
        assert!(listed(app, &["--actor", "worker"]).await.len() > 3);
        assert!(!listed(app, &["--actor", "key", "--type", "integration_created"]).await.is_empty());
        let key = text(&listed(app, &["--type", "integration_created"]).await[0]["keyId"]);
        assert!(!listed(app, &["--actor", &key]).await.is_empty());
        let first_key = "First key of the administrator";
        assert!(!listed(app, &["--actor", first_key]).await.is_empty());
        assert!(!listed(app, &["--actor", &format!("key {first_key}")]).await.is_empty());
        for no_one in ["no one", "First", "key First", "First key of", "admin", "work", "w%", "%", "_", "'", "\"", "\\", "stor", ""] {
            assert!(listed(app, &["--actor", no_one]).await.is_empty(), "{no_one}");
        }

        assert_eq!(listed(app, &["--from", "3", "--to", "5"]).await, all[2..5]);
        let at = |event: &Value| text(&event["recordedAt"]).parse::<DateTime<Utc>>().unwrap();
        let (begin, end) = (at(&of_delivery[0]), at(&of_delivery[1]));
        let between = listed(app, &["--since", &begin.to_rfc3339(), "--until", &end.to_rfc3339()]).await;
        let expected: Vec<Value> = all.iter().filter(|event| (begin..=end).contains(&at(event))).cloned().collect();
        assert_eq!(between, expected);
        assert_eq!(listed(app, &["--since", "1h"]).await, all);
        assert!(listed(app, &["--until", "1h"]).await.is_empty());

        let shown = printed(&run(app, &["events", "list", "--first", "2"]).await);
        assert!(shown.contains("WHAT HAPPENED") && shown.contains("There are more"), "{shown}");
        assert!(printed(&run(app, &["events", "list", "--until", "1h"]).await).contains("No event fits"));
    }

    async fn times_are_found_where_the_log_is_long_in_time(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let mut marks = vec![];
        for order in ["a", "b", "c"] {
            app.advance(TimeDelta::days(2));
            marks.push(app.clock.now());
            shop.post(&orders::generic(order, "mutual_max", &["STORM"])).await.accepted("queued");
            app.settle().await;
        }
        let since = marks[1].to_rfc3339();
        let until = (marks[1] + TimeDelta::days(1)).to_rfc3339();
        let found = listed(app, &["--since", &since, "--until", &until, "--type", "webhook_received"]).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["data"]["webhook"]["order_id"], "b");
    }

    async fn an_export_is_what_the_list_shows(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        an_order_that_waited(&merchant, &shop, "1042").await;
        let file = app.databases.folder().join("events.jsonl");
        let path = file.to_str().unwrap();
        for filter in [&[][..], &["--aggregate", "delivery"], &["--actor", "store", "--order", "1042"]] {
            let all = listed(app, filter).await;
            let exported = printed(&run(app, &[&["events", "export"], filter].concat()).await);
            assert_eq!(objects(&exported), all);
            let written = printed(&run(app, &[&["events", "export", "--output", path], filter].concat()).await);
            assert!(written.contains(&format!("{} events", all.len())), "{written}");
            assert_eq!(objects(&std::fs::read_to_string(&file).unwrap()), all);
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            }
            assert!(refused(app, &["events", "export", "--output", path]).await.contains("there already"));
            std::fs::remove_file(&file).unwrap();
        }
        refused(app, &["events", "export", "--output", path, "--from", "1000000"]).await;
        assert!(!file.exists(), "nothing is left of what was refused");
    }

    async fn the_tail_shows_what_is_appended_meanwhile(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let before = shop.post(&orders::generic("before", "mutual_max", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let arguments = ["--json", "events", "tail", "--follow", "--type", "webhook_received", "--account", &merchant.id];
        let mut tail = command(app, &arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
        let first = objects(&lines.next_line().await.unwrap().unwrap()).remove(0);
        assert_eq!(first["aggregateId"], before);
        for order in ["meanwhile", "later"] {
            let after = shop.post(&orders::generic(order, "mutual_max", &["STORM"])).await.accepted("queued");
            let next = objects(&lines.next_line().await.unwrap().unwrap()).remove(0);
            assert_eq!(next["aggregateId"], after);
        }
        tail.kill().await.unwrap();
        app.settle().await;
    }

    async fn a_delivery_is_shown_as_it_was_at_any_moment(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let delivery = an_order_that_waited(&merchant, &shop, "1042").await;
        let story = listed(app, &["--aggregate", &format!("delivery/{delivery}")]).await;
        let at = |event_type: &str| {
            let event = story.iter().find(|event| event["type"] == event_type).unwrap();
            text(&event["recordedAt"])
        };
        for (event_type, status) in
            [("webhook_received", "QUEUED"), ("action_required", "ACTION_REQUIRED"), ("completed", "COMPLETED")]
        {
            let as_of = at(event_type);
            let shown = printed(&run(app, &["--json", "deliveries", "show", &delivery, "--as-of", &as_of]).await);
            let shown: Value = serde_json::from_str(&shown).unwrap();
            assert_eq!(shown["status"], status);
            let last = shown["timeline"]["nodes"].as_array().unwrap().last().unwrap();
            assert_eq!(last["type"], event_type);
            let shown = printed(&run(app, &["deliveries", "show", &delivery, "--as-of", &as_of]).await);
            assert!(shown.contains("As of") && shown.contains(&status.to_lowercase()), "{shown}");
        }
        let early = printed(&run(app, &["deliveries", "show", &delivery, "--as-of", "1h"]).await);
        assert!(early.contains("Nothing was known"), "{early}");
        assert_eq!(printed(&run(app, &["--json", "deliveries", "show", &delivery, "--as-of", "1h"]).await).trim(), "null");
        assert!(refused(app, &["deliveries", "show", "none", "--as-of", "1h"]).await.contains("no delivery"));
    }

    async fn an_order_is_explained_in_sentences(app: &TestApp) {
        let (owner, other) = (app.merchant().await, app.merchant().await);
        let (shop, others) = (owner.shop(Provider::Generic).await, other.shop(Provider::Generic).await);
        let delivery = an_order_that_waited(&owner, &shop, "1042").await;
        let waiting = shop.post(&orders::generic("77", "mutual_max", &["MOON"])).await.accepted("queued");
        app.settle().await;
        let reason = ["--reason", "the customer called"];
        printed(&run(app, &[&["deliveries", "retry", &waiting][..], &reason].concat()).await);
        app.settle().await;

        for name in [delivery.as_str(), "1042", "#1042"] {
            let shown = printed(&run(app, &["deliveries", "explain", name]).await);
            for part in ["accepted", "had said it", "no_item_mapping", "Attempt 1", "preset sun", "at once", "complete"] {
                assert!(shown.contains(part), "{part} in {shown}");
            }
            assert!(!shown.contains("mutual_max"), "{shown}");
        }
        let shown = printed(&run(app, &["deliveries", "explain", "77"]).await);
        assert!(shown.contains("because: the customer called") && shown.contains("Add a mapping"), "{shown}");
        let shown = printed(&run(app, &["--json", "deliveries", "explain", "1042"]).await);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((&shown["delivery"]["status"], &shown["story"][0]["later"]), (&"COMPLETED".into(), &Value::Null));

        others.post(&orders::generic("1042", "mutual_max", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let several = refused(app, &["deliveries", "explain", "1042"]).await;
        assert!(several.contains(&delivery) && several.contains("say which"), "{several}");
        assert!(refused(app, &["deliveries", "explain", "999"]).await.contains("no delivery"));
    }

    async fn what_there_is_not_is_said_clearly(app: &TestApp) {
        let head = app.service().data.log.head();
        for command in ["list", "tail", "export"] {
            for (filter, said) in [
                (["--from", "1000000"], format!("newest event is at position {head}")),
                (["--to", "1000000"], "past the end".to_owned()),
                (["--aggregate", "delivery/none"], "no stream delivery none".to_owned()),
                (["--aggregate", "order"], "checkpoint".to_owned()),
                (["--type", "shared"], "asset_shared".to_owned()),
                (["--account", "none"], "no account none".to_owned()),
                (["--integration", "none"], "no integration none".to_owned()),
                (["--order", "none"], "no webhook".to_owned()),
                (["--since", "yesterday"], "2h".to_owned()),
            ] {
                let refused = refused(app, &[&["events", command], &filter[..]].concat()).await;
                assert!(refused.contains(&said), "{command} {filter:?}: {refused}");
            }
        }
        assert!(refused(app, &["events", "show", "delivery", "none"]).await.contains("no stream"));
        assert_eq!(app.service().data.log.newest().await.unwrap(), head, "nothing changed");
    }
}
