//! Recorded webhooks done again for real: what was shared stays shared once, and everything about it is known.

use std::process::{Output, Stdio};
use std::time::Duration;

use cloud_bridge::app::operator_actions;
use domain::integration::Provider;
use domain::operator_action::OperatorActionEvent;
use event_log::Actor;
use futures_util::stream::{StreamExt as _, iter};
use serde_json::{Value, json};
use storage::Database;
use tokio::process::Command;

use crate::app::{MASTER_KEY, Merchant, Shop, TestApp, text};
use crate::delivering::preset;
use crate::engines::on_each_engine;
use crate::operators::{ACTIONS, because, support_key};
use crate::orders;
use crate::process::{cloud_bridge, printed};

const FIELDS: &str = "id state dryRun filter checked chosen more done replayed refused deliveries { id orderId }
    leftAlone { filtered cancelled blocked unreadable erased underWay done }";

fn replay_document() -> String {
    format!(
        "mutation ($input: ReplayWebhooksInput!) {{ replayWebhooks(input: $input) {{
            replay {{ {FIELDS} }} userErrors {{ code message field }} }} }}"
    )
}

fn order(id: &str, status: &str, sku: &str) -> Value {
    let mut order = orders::generic(id, "mutual_max", &[sku]);
    order["orderStatus"] = json!(status);
    order
}

async fn asked(merchant: &Merchant<'_>, input: Value) -> Value {
    merchant.ask(&replay_document(), json!({ "input": input })).await["replayWebhooks"].clone()
}

async fn seen(app: &TestApp, key: &str, id: &Value) -> Value {
    let document = format!("query ($id: ID!) {{ replay(id: $id) {{ {FIELDS} }} }}");
    app.ask(key, &document, json!({ "id": id })).await["replay"].clone()
}

/// The replay once it has ended.
async fn ended(app: &TestApp, key: &str, begun: &Value) -> Value {
    assert_eq!(begun["userErrors"], json!([]), "{begun:#}");
    let mut head = app.service().data.log.head_changes();
    loop {
        head.mark_unchanged();
        let replay = seen(app, key, &begun["replay"]["id"]).await;
        if replay["state"] != "DECIDING" && replay["state"] != "RUNNING" {
            return replay;
        }
        // Woken by the next event; now and then in any case, for a look at what is chosen is no event. A key has so many requests.
        tokio::time::timeout(Duration::from_millis(20), head.changed()).await.ok();
    }
}

/// A store that delivers paid orders: one delivered, and one that is pending.
async fn a_delivered_and_a_filtered_order(shop: &Shop<'_>) -> (String, String) {
    shop.update(json!({ "orderStatuses": ["paid"] })).await;
    let delivered = shop.post(&order("1", "paid", "STORM")).await.accepted("queued");
    let filtered = shop.post(&order("2", "pending", "RAIN")).await.accepted("failed_permanent");
    assert_eq!(shop.settled(&delivered).await.0, "COMPLETED");
    (delivered, filtered)
}

fn command(app: &TestApp, key: &str, arguments: &[&str]) -> Command {
    let mut command = cloud_bridge(&app.databases.folder());
    command.args(arguments).env("CLOUD_BRIDGE_SERVER", &app.node.url).env("CLOUD_BRIDGE_API_KEY", key);
    command.env("CLOUD_BRIDGE_LOG", &app.databases.log_url).env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(MASTER_KEY));
    command.stdin(Stdio::null());
    command
}

async fn run(app: &TestApp, key: &str, arguments: &[&str]) -> Output {
    command(app, key, arguments).output().await.expect("the binary starts")
}

async fn refused(app: &TestApp, key: &str, arguments: &[&str]) -> String {
    let output = run(app, key, arguments).await;
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

on_each_engine! {
    async fn what_todays_filter_delivers_is_delivered_and_nothing_twice(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let (_, filtered) = a_delivered_and_a_filtered_order(&shop).await;
        let unmapped = shop.post(&order("3", "paid", "SUN")).await.accepted("queued");
        let cancelled = shop.post(&order("4", "pending", "STORM")).await.accepted("failed_permanent");
        app.settle().await;
        let cancel = "mutation ($id: ID!) { cancelDelivery(input: { deliveryId: $id }) { userErrors { code } } }";
        merchant.ask(cancel, json!({ "id": cancelled })).await;
        app.settle().await;
        let unchanged = ended(app, &merchant.key, &asked(&merchant, json!({ "integrationId": shop.id })).await).await;
        assert_eq!((&unchanged["state"], &unchanged["chosen"]), (&json!("DONE"), &json!(0)), "{unchanged}");

        shop.update(json!({ "orderStatuses": [] })).await;
        app.settle().await;
        let head = app.service().data.log.head();
        let preview = asked(&merchant, json!({ "integrationId": shop.id, "dryRun": true })).await;
        let preview = ended(app, &merchant.key, &preview).await;
        assert_eq!((&preview["state"], &preview["chosen"], &preview["replayed"]), (&json!("DONE"), &json!(1), &json!(0)), "{preview}");
        assert_eq!(preview["deliveries"], json!([{ "id": filtered, "orderId": "2" }]));
        let left = json!({ "filtered": 0, "cancelled": 1, "blocked": 1, "unreadable": 0, "erased": 0, "underWay": 0, "done": 1 });
        assert_eq!((&preview["checked"], &preview["leftAlone"]), (&json!(4), &left));
        assert_eq!(app.service().data.log.head(), head, "a preview records nothing");

        let desk = support_key(app).await;
        let input = json!({ "input": { "integrationId": shop.id } });
        let begun = because(app, &desk, "Filter war falsch", &replay_document(), input.clone()).await;
        let done = ended(app, &desk, &begun["data"]["replayWebhooks"]).await;
        assert_eq!((&done["state"], &done["replayed"], &done["done"]), (&json!("DONE"), &json!(1), &json!(1)), "{done}");
        assert_eq!(shop.settled(&filtered).await.0, "COMPLETED");
        assert_eq!(shop.seen(&unmapped).await.1.as_deref(), Some("NO_ITEM_MAPPING"));
        assert_eq!(shop.seen(&cancelled).await.0, "CANCELLED");
        for item in ["storm", "rain"] {
            assert_eq!(app.cortex.share_count(preset(item), "mutual_max").calls, 1, "{item}");
        }

        app.settle().await;
        let actions = merchant.ask(ACTIONS, json!({ "filter": { "aggregateId": done["id"] } })).await;
        let actions = actions["operatorActions"]["nodes"].as_array().unwrap().clone();
        let recorded: Vec<_> = actions.iter().map(|action| (text(&action["type"]), text(&action["reason"]))).collect();
        let because = |what: &str| (what.to_owned(), "Filter war falsch".to_owned());
        assert_eq!(recorded, [because("replay_ended"), because("replay_started")]);
        assert!(text(&actions[1]["summary"]).contains(&shop.id), "{actions:?}");
        let retried = merchant.ask(ACTIONS, json!({ "filter": { "aggregateId": filtered } })).await;
        assert_eq!(retried["operatorActions"]["nodes"][0]["reason"], "Filter war falsch");

        let head = app.service().data.log.newest().await.unwrap();
        let again = ended(app, &merchant.key, &asked(&merchant, json!({ "integrationId": shop.id })).await).await;
        assert_eq!((&again["state"], &again["chosen"], &again["replayed"]), (&json!("DONE"), &json!(0), &json!(0)), "{again}");
        app.settle().await;
        assert_eq!(app.service().data.log.newest().await.unwrap(), head, "the same again adds nothing");
    }

    async fn a_replay_is_narrowed_by_everything_that_is_given(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        shop.update(json!({ "orderStatuses": ["paid"] })).await;
        let early = shop.post(&order("1", "pending", "STORM")).await.accepted("failed_permanent");
        app.advance(chrono::TimeDelta::hours(2));
        let late = shop.post(&order("2", "pending", "STORM")).await.accepted("failed_permanent");
        shop.update(json!({ "orderStatuses": [] })).await;
        app.settle().await;
        let between = (app.clock.now() - chrono::TimeDelta::hours(1)).to_rfc3339();
        let both = [early.as_str(), late.as_str()];
        for (narrowed, chosen) in [
            (json!({}), &both[..]),
            (json!({ "from": between }), &both[1..]),
            (json!({ "to": between }), &both[..1]),
            (json!({ "orderId": "2" }), &both[1..]),
            (json!({ "orderId": "2", "to": between }), &[]),
            (json!({ "deliveryIds": [early, early] }), &both[..1]),
            (json!({ "deliveryIds": [early], "orderId": "2" }), &[]),
            (json!({ "statuses": ["FAILED_PERMANENT"] }), &both[..]),
            (json!({ "statuses": ["COMPLETED", "QUEUED"] }), &[]),
        ] {
            let mut input = narrowed.clone();
            (input["integrationId"], input["dryRun"]) = (json!(shop.id), json!(true));
            let preview = ended(app, &merchant.key, &asked(&merchant, input).await).await;
            let found: Vec<String> = preview["deliveries"].as_array().unwrap().iter().map(|one| text(&one["id"])).collect();
            assert_eq!(found, chosen, "{narrowed}");
        }
    }

    async fn only_own_orders_are_replayed_and_bad_input_changes_nothing(app: &TestApp) {
        let (merchant, stranger) = (app.merchant().await, app.merchant().await);
        let shop = merchant.shop(Provider::Generic).await;
        let (_, filtered) = a_delivered_and_a_filtered_order(&shop).await;
        shop.update(json!({ "orderStatuses": [] })).await;
        app.settle().await;
        let head = app.service().data.log.head();
        let foreign = asked(&stranger, json!({ "integrationId": shop.id })).await;
        assert_eq!((&foreign["replay"], &foreign["userErrors"][0]["code"]), (&Value::Null, &json!("NOT_FOUND")));
        for (input, code, field) in [
            (json!({ "integrationId": "none" }), "NOT_FOUND", "integrationId"),
            (json!({ "integrationId": "7f2c9a30-1111-4222-8333-444455556666" }), "NOT_FOUND", "integrationId"),
            (json!({ "integrationId": shop.id, "from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z" }), "INVALID_INPUT", "to"),
            (json!({ "integrationId": shop.id, "orderId": " " }), "INVALID_INPUT", "orderId"),
            (json!({ "integrationId": shop.id, "orderId": "9" }), "NOT_FOUND", "orderId"),
            (json!({ "integrationId": shop.id, "deliveryIds": ["none"] }), "NOT_FOUND", "deliveryIds"),
            (json!({ "integrationId": shop.id, "deliveryIds": vec![&filtered; 1_001] }), "INVALID_INPUT", "deliveryIds"),
        ] {
            let recorded = asked(&merchant, input).await;
            let error = &recorded["userErrors"][0];
            assert_eq!((&error["code"], &error["field"]), (&json!(code), &json!(["input", field])), "{recorded}");
        }
        let preview = asked(&merchant, json!({ "integrationId": shop.id, "dryRun": true })).await;
        let id = &preview["replay"]["id"];
        assert_eq!(seen(app, &stranger.key, id).await, Value::Null);
        let cancel = "mutation ($id: ID!) { cancelReplay(input: { replayId: $id }) { userErrors { code } } }";
        let foreign = stranger.ask(cancel, json!({ "id": id })).await;
        assert_eq!(foreign["cancelReplay"]["userErrors"][0]["code"], "NOT_FOUND");
        ended(app, &merchant.key, &preview).await;
        let over = merchant.ask(cancel, json!({ "id": id })).await;
        assert_eq!(over["cancelReplay"]["userErrors"][0]["code"], "NOT_RUNNING");
        assert_eq!(app.service().data.log.head(), head);
    }

    async fn a_replay_can_be_cancelled(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let (_, filtered) = a_delivered_and_a_filtered_order(&shop).await;
        shop.update(json!({ "orderStatuses": [] })).await;
        app.settle().await;
        let desk = support_key(app).await;
        // Nothing can be recorded as long as another writer holds the log, so the replay waits at its very beginning.
        let mut held = app.service().data.log.raw_database().begin().await.unwrap();
        if matches!(app.service().data.log.raw_database(), Database::Postgres(_)) {
            held.execute("LOCK TABLE events IN EXCLUSIVE MODE".into()).await.unwrap();
        }
        let begun = asked(&merchant, json!({ "integrationId": shop.id })).await;
        assert_eq!(begun["replay"]["state"], "DECIDING", "{begun}");
        let cancel = "mutation ($id: ID!) { cancelReplay(input: { replayId: $id }) { userErrors { code } } }";
        let asked_off = because(app, &desk, "Irrtum", cancel, json!({ "id": begun["replay"]["id"] })).await;
        assert_eq!(asked_off["data"]["cancelReplay"]["userErrors"], json!([]), "{asked_off}");
        held.commit().await.unwrap();
        let cancelled = ended(app, &merchant.key, &begun).await;
        assert_eq!((&cancelled["state"], &cancelled["chosen"], &cancelled["replayed"]), (&json!("CANCELLED"), &json!(1), &json!(0)));
        assert_eq!(shop.settled(&filtered).await.1.as_deref(), Some("ORDER_STATUS_FILTERED"));
        app.settle().await;
        let actions = merchant.ask(ACTIONS, json!({ "filter": { "type": "replay_ended" } })).await;
        let action = &actions["operatorActions"]["nodes"][0];
        assert_eq!(action["reason"], "Irrtum", "{actions}");
        assert!(text(&action["summary"]).contains("cancelled"));
        // Begun again, it does what is left.
        let again = ended(app, &merchant.key, &asked(&merchant, json!({ "integrationId": shop.id })).await).await;
        assert_eq!((&again["state"], &again["replayed"]), (&json!("DONE"), &json!(1)));
        assert_eq!(shop.settled(&filtered).await.0, "COMPLETED");
    }

    async fn what_another_node_began_is_read_from_the_log(app: &TestApp) {
        let merchant = app.merchant().await;
        let account_id = merchant.id.parse().unwrap();
        let integration_id = domain::IntegrationId(uuid::Uuid::nil());
        let started = OperatorActionEvent::ReplayStarted { account_id, integration_id, chosen: 7, filter: Box::default() };
        let (id, _) = operator_actions::begin(&app.service().data.log, started, &Actor::System).await.unwrap();
        let open = seen(app, &merchant.key, &json!(id.to_string())).await;
        assert_eq!((&open["state"], &open["chosen"]), (&json!("INTERRUPTED"), &json!(7)), "{open}");
        let ended = OperatorActionEvent::ReplayEnded { replayed: 5, cancelled: false };
        operator_actions::record(&app.service().data.log, id, ended, &Actor::System).await.unwrap();
        let over = seen(app, &merchant.key, &json!(id.to_string())).await;
        assert_eq!((&over["state"], &over["replayed"], &over["refused"]), (&json!("DONE"), &json!(5), &json!(2)));
        let stranger = app.merchant().await;
        assert_eq!(seen(app, &stranger.key, &json!(id.to_string())).await, Value::Null);
        assert_eq!(seen(app, &merchant.key, &json!("none")).await, Value::Null);
    }

    async fn the_command_asks_first_and_refuses_without_a_terminal(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let (_, filtered) = a_delivered_and_a_filtered_order(&shop).await;
        shop.update(json!({ "orderStatuses": [] })).await;
        app.settle().await;
        let head = app.service().data.log.newest().await.unwrap();
        let replay = ["replay", "--integration", shop.id.as_str()];
        let said = refused(app, &merchant.key, &replay).await;
        for part in ["1 delivery", "--yes", "nothing was done again", &filtered, "1 done"] {
            assert!(said.contains(part), "{part} in {said}");
        }
        let said = refused(app, &merchant.key, &[&["--json"], &replay[..]].concat()).await;
        assert!(said.contains("--yes"), "{said}");
        let unknown = "7f2c9a30-1111-4222-8333-444455556666";
        let said = refused(app, &merchant.key, &["replay", "--yes", "--integration", unknown]).await;
        assert!(said.contains("NOT_FOUND"), "{said}");
        let said = refused(app, &merchant.key, &[&replay[..], &["--from", "1h", "--to", "2h", "--yes"]].concat()).await;
        assert!(said.contains("--to must come after --from"), "{said}");
        let bulk = ["deliveries", "retry", "--integration", shop.id.as_str(), "--code", "order_status_filtered"];
        let said = refused(app, &merchant.key, &bulk).await;
        assert!(said.contains("--yes") && said.contains("nothing was retried"), "{said}");
        assert_eq!(app.service().data.log.newest().await.unwrap(), head, "nothing changed");

        let because = ["--yes", "--reason", "the filter was wrong"];
        let done = printed(&run(app, &merchant.key, &[&replay[..], &because].concat()).await);
        assert!(done.contains("1 delivery went back to the queue"), "{done}");
        assert_eq!(shop.settled(&filtered).await.0, "COMPLETED");
        app.settle().await;
        let actions = merchant.ask(ACTIONS, json!({ "filter": { "type": "replay_started" } })).await;
        assert_eq!(actions["operatorActions"]["nodes"][0]["reason"], "the filter was wrong");
        let again = printed(&run(app, &merchant.key, &[&["--json"], &replay[..], &because].concat()).await);
        let again: Value = serde_json::from_str(&again).unwrap();
        assert_eq!((&again["chosen"], &again["leftAlone"]["done"]), (&json!(0), &json!(2)), "{again}");
        let again = printed(&run(app, &merchant.key, &replay).await);
        assert!(again.contains("Nothing is to be done again"), "{again}");
    }

    async fn a_bulk_retry_goes_through_all_and_leaves_alone_what_was_not_named(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        shop.update(json!({ "orderStatuses": ["paid"] })).await;
        let pending = (0..1_001).map(|n| order(&n.to_string(), "pending", "STORM"));
        let posts: Vec<_> = pending.map(|order| {
            let shop = shop.clone();
            async move { shop.post(&order).await.accepted("failed_permanent") }
        }).collect();
        let filtered: Vec<String> = iter(posts).buffer_unordered(16).collect().await;
        let waiting = shop.post(&order("waiting", "paid", "SUN")).await.accepted("queued");
        let cancelled = shop.post(&order("cancelled", "paid", "SUN")).await.accepted("queued");
        app.settle().await;
        let cancel = "mutation ($id: ID!) { cancelDelivery(input: { deliveryId: $id }) { userErrors { code } } }";
        merchant.ask(cancel, json!({ "id": cancelled })).await;
        let retry = r#"mutation ($input: RetryDeliveriesInput!) {
            retryDeliveries(input: $input) { matched retried more endCursor deliveries { id } }
        }"#;
        let preview = async |input: Value| merchant.ask(retry, json!({ "input": input })).await["retryDeliveries"].clone();
        let by_itself = async |filter: Value| {
            let (mut ids, mut after) = (vec![], Value::Null);
            loop {
                let step = preview(json!({ "filter": filter, "dryRun": true, "after": after })).await;
                ids.extend(step["deliveries"].as_array().unwrap().iter().map(|one| text(&one["id"])));
                if step["more"] == false {
                    return ids;
                }
                after = step["endCursor"].clone();
            }
        };
        assert_eq!(by_itself(json!({})).await, std::slice::from_ref(&waiting));
        assert_eq!(by_itself(json!({ "status": ["CANCELLED"] })).await, std::slice::from_ref(&cancelled));
        let all = json!({ "resolutionCode": ["ORDER_STATUS_FILTERED"] });
        let first = preview(json!({ "filter": all, "dryRun": true })).await;
        assert_eq!((&first["matched"], &first["more"]), (&json!(1_000), &json!(true)));
        let rest = preview(json!({ "filter": all, "dryRun": true, "after": first["endCursor"] })).await;
        assert_eq!((&rest["matched"], &rest["more"]), (&json!(1), &json!(false)));
        assert_eq!(rest["deliveries"][0]["id"].as_str().map(|id| filtered.iter().any(|one| one == id)), Some(true));

        let done = run(app, &merchant.key, &["--json", "deliveries", "retry", "--integration", &shop.id, "--yes"]).await;
        let done: Value = serde_json::from_str(&printed(&done)).unwrap();
        assert_eq!((&done["matched"], &done["retried"]), (&json!(1), &json!(1)), "{done}");
        assert_eq!(shop.settled(&cancelled).await.0, "CANCELLED");
        let none = run(app, &merchant.key, &["deliveries", "retry", "--status", "completed"]).await;
        assert!(!none.status.success() && String::from_utf8_lossy(&none.stderr).contains("no delivery fits"));
    }
}
