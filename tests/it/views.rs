//! The views: rebuilt equals live, row for row, and one is rebuilt while the others go on.

use std::time::Duration;

use cloud_bridge::app::log_and_views::LogAndViews;
use cloud_bridge::service::{Service, ServiceOptions};
use domain::account::Account;
use domain::delivery::Delivery;
use domain::integration::{Integration, Provider};
use domain::ledger::Ledger;
use domain::store::Store;
use event_log::Position;
use event_log::vault::Vault;
use projections::View;
use projections::accounts;
use projections::delivery_log::{self, Filter, Page};
use projections::integrations;
use projections::stores;
use serde_json::json;
use storage::Sql;

use crate::app::{MASTER_KEY, TestApp, options, text};
use crate::catalogue::a_day_of_publishing;
use crate::connecting::a_day_of_connections;
use crate::dispatching::a_day_of_dispatches;
use crate::elements::{a_day_of_instances, instances_say_what_aggregates_say};
use crate::endpoints::{a_day_of_endpoints, endpoints_say_what_aggregates_say};
use crate::engines::{Engine, on_each_engine};
use crate::erasure::order_of_vera;
use crate::orders;
use crate::privacy_requests::question_about_vera;
use crate::published_thin_orders::publishing;
use crate::rebuilds::rebuilt;
use crate::thin_orders::ThinShop;

#[derive(sqlx::FromRow)]
struct Line {
    line: String,
}

/// Every row of every table of every view, as text.
pub(crate) async fn everything(app: &TestApp) -> Vec<String> {
    let views = &app.service().data.views;
    let mut lines = vec![];
    for table in View::ALL.into_iter().flat_map(View::tables) {
        let sql = match views {
            storage::Database::Postgres(_) => {
                format!("SELECT CAST(to_json(t) AS text) AS line FROM {table} t")
            }
            storage::Database::Sqlite(_) => {
                #[derive(sqlx::FromRow)]
                struct Column {
                    name: String,
                }
                let columns: Vec<Column> =
                    views.fetch_all(Sql::new(format!("SELECT name FROM pragma_table_info('{table}')"))).await.unwrap();
                let names: Vec<String> = columns.into_iter().map(|column| column.name).collect();
                format!("SELECT json_array({}) AS line FROM {table}", names.join(", "))
            }
        };
        let rows: Vec<Line> = views.fetch_all(Sql::new(sql)).await.unwrap();
        assert!(!rows.is_empty(), "the story fills {table}");
        lines.extend(rows.into_iter().map(|row| format!("{table} {}", row.line)));
    }
    lines.sort();
    lines
}

pub(crate) async fn a_busy_day(app: &TestApp) {
    let merchant = app.merchant().await;
    let shop = merchant.shop(Provider::Generic).await;
    let filtered = merchant.bare_shop(Provider::WooCommerce, &["completed"]).await;
    for (n, username) in ["mutual_max", "follows_at_once", "never_follows", "nobody_at_all"].iter().enumerate() {
        let order = orders::generic(&n.to_string(), username, &["STORM", "RAIN"]);
        shop.post(&order).await.accepted("queued");
        shop.post(&order).await.accepted("duplicate");
    }
    let id = shop.post(&orders::generic("unmapped", "mutual_max", &["SUN"])).await.accepted("queued");
    filtered.post(&orders::woocommerce(1, "pending", "max", &["STORM"])).await.accepted("failed_permanent");
    filtered.post(&json!({ "no": "order" })).await;
    app.settle().await;
    shop.map("SUN", "sun").await;
    shop.retry(&id, None).await;
    shop.update(json!({ "name": "Renamed", "orderStatuses": ["paid"] })).await;
    let shopify = merchant.shop(Provider::Shopify).await;
    for id in 1..=3 {
        shopify.post(&order_of_vera(id)).await.accepted("queued");
        shopify.post(&order_of_vera(id)).await.accepted("duplicate");
    }
    app.settle().await;
    shopify.ask_by_law("customers/data_request", &question_about_vera(), "customer_data_request").await;
    let one = shopify.post(&order_of_vera(4)).await.accepted("queued");
    app.settle().await;
    let erase = "mutation ($id: String!) { erasePersonalData(input: { orderId: $id }) { erased userErrors { code } } }";
    let erased = merchant.ask(erase, json!({ "id": one })).await;
    assert_eq!(erased["erasePersonalData"]["userErrors"], json!([]));
    shopify.post(&order_of_vera(4)).await.accepted("duplicate");
    // Nothing of it is published before access to its store is saved.
    publishing(&merchant, Provider::Square, false).await.place(ThinShop::new_order("mutual_max")).await;
    a_day_of_publishing(app).await;
    a_day_of_dispatches(app).await;
    a_day_of_endpoints(app).await;
    a_day_of_connections(app).await;
    a_day_of_instances(app).await;
    app.settle().await;
    // Days have passed, in which the session at Cortex Cloud expired: what failed by that is tried again.
    app.advance(chrono::TimeDelta::seconds(30));
    app.settle().await;
}

/// What people see of each delivery is what its aggregate says of itself.
async fn views_say_what_aggregates_say(app: &TestApp) {
    let service = app.service();
    let all = Page { limit: 1_000, ..Page::default() };
    let rows = delivery_log::page(&service.data.views, &Filter::default(), all).await.unwrap();
    assert!(rows.len() > 10);
    for row in rows.iter().filter(|row| !row.is_duplicate()) {
        let delivery = service.data.log.load::<Delivery>(&row.id).await.unwrap().aggregate;
        assert_eq!(row.summary(), &delivery.order().unwrap().summary);
        assert_eq!(row.kept_since.is_some(), row.summary().is_over() && !row.summary().erased);
    }
    accounts_say_what_aggregates_say(&service.data).await;
    integrations_say_what_aggregates_say(&service.data).await;
    stores_say_what_aggregates_say(&service.data).await;
    instances_say_what_aggregates_say(app).await;
}

async fn accounts_say_what_aggregates_say(LogAndViews { log, views, .. }: &LogAndViews) {
    let rows = accounts::page(views, Position::START, 100).await.unwrap();
    assert!(rows.len() > 1);
    for row in rows {
        let account = log.load::<Account>(&row.id).await.unwrap().aggregate;
        let merchant = account.merchant().unwrap();
        assert_eq!((&row.name, row.attempts_per_minute), (&merchant.name, merchant.attempts_per_minute.into()));
        assert_eq!(row.retention_days, merchant.retention_days.map(i64::from));
        let email = merchant.credentials.as_ref().and_then(|saved| saved.email.known());
        assert_eq!(row.cortex_email.as_ref(), email);
        let ledger = log.load::<Ledger>(&row.id).await.unwrap().aggregate;
        let credits = (row.credits_granted.unsigned_abs(), row.credits_available().unsigned_abs());
        assert_eq!(credits, (ledger.granted().0, ledger.available().0));
        for key in accounts::keys(views, &row.id).await.unwrap() {
            let known = merchant.keys.active(key.id.parse().unwrap());
            assert_eq!(key.active == 1, known.is_some(), "{}", key.name);
            if let Some(known) = known {
                assert_eq!(key.role, known.role.as_str());
                assert_eq!(key.requests_per_minute, i64::from(known.requests_per_minute));
            }
        }
    }
}

async fn integrations_say_what_aggregates_say(LogAndViews { log, views, .. }: &LogAndViews) {
    let rows = integrations::page(views, None, None, Position::START, 100).await.unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let integration = log.load::<Integration>(&row.id).await.unwrap().aggregate;
        let link = integration.link().unwrap();
        assert_eq!((&row.name, &*row.provider), (&link.name, link.provider.as_str()));
        assert_eq!((row.active == 1, &row.account_id), (link.active, &link.account_id.to_string()));
        assert_eq!((row.order_statuses(), row.mappings()), (link.order_statuses.clone(), link.mappings.clone()));
        let (connection, access) = (row.connection(), link.store_access.as_ref());
        assert_eq!(row.store, access.and_then(|access| access.store.clone()));
        assert_eq!(connection.known_store, link.known_store);
        assert_eq!(connection.lost.map(|lost| lost.reason), access.and_then(|access| access.lost));
        assert_eq!(connection.attempt.map(|attempt| attempt.id), link.connecting.as_ref().map(|attempt| attempt.id));
    }
}

async fn stores_say_what_aggregates_say(LogAndViews { log, views, .. }: &LogAndViews) {
    let integrations = integrations::page(views, None, None, Position::START, 100).await.unwrap();
    let ids: Vec<String> = integrations.into_iter().map(|row| row.id).collect();
    let rows = stores::find_many(views, &ids).await.unwrap();
    assert!(rows.len() > 1);
    for row in rows {
        let store = log.load::<Store>(&row.id).await.unwrap().aggregate;
        assert_eq!(row.due_at, store.due_at().map(|at| at.timestamp_micros()));
        assert_eq!(row.store(), store);
    }
}

on_each_engine! {
    async fn rebuilt_equals_live(app: &TestApp) {
        a_busy_day(app).await;
        let live = everything(app).await;
        views_say_what_aggregates_say(app).await;
        endpoints_say_what_aggregates_say(app).await;
        for view in View::ALL {
            app.service().data.projector.rebuild(view).await.unwrap().unwrap();
        }
        for view in View::ALL {
            rebuilt(app, view, 2).await;
        }
        app.settle().await;
        let rebuilt = everything(app).await;
        assert_eq!(live.len(), rebuilt.len());
        for (live, rebuilt) in live.iter().zip(&rebuilt) {
            assert_eq!(live, rebuilt);
        }
    }

    async fn one_view_is_rebuilt_while_the_others_go_on(app: &TestApp) {
        a_busy_day(app).await;
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let rebuild = r#"mutation ($input: RebuildProjectionInput!) {
            rebuildProjection(input: $input) { projection { name } userErrors { code message } }
        }"#;
        app.admin(rebuild, json!({ "input": { "name": "delivery_stats" } })).await;
        let id = shop.post(&orders::generic("meanwhile", "mutual_max", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await.0, "COMPLETED");
        let refused = app.admin(rebuild, json!({ "input": { "name": "no_such_view" } })).await;
        let error = &refused["rebuildProjection"]["userErrors"][0];
        assert!(text(&error["message"]).contains("delivery_log"), "it says which there are: {error}");
    }

    async fn the_lag_of_each_view_is_measured(app: &TestApp) {
        a_busy_day(app).await;
        let metrics = app.get("/metrics").await.text().await.unwrap();
        for view in View::ALL {
            let gauge = format!("cloud_bridge_projector_lag_events{{view=\"{}\"}} 0", view.name);
            assert!(metrics.contains(&gauge), "{metrics}");
        }
        for name in [
            "webhooks_accepted_total{provider=\"generic\",outcome=\"accepted\"} 5",
            "webhooks_accepted_total{provider=\"generic\",outcome=\"duplicate\"} 4",
            "append_batch_size_count",
            "append_seconds_bucket",
            "attempts_total{outcome=\"completed\"}",
            "queue_depth 0",
        ] {
            assert!(metrics.contains(&format!("cloud_bridge_{name}")), "{name} in {metrics}");
        }
    }

    async fn statistics_count_what_is_filtered_apart_from_what_failed(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::WooCommerce, &["completed"]).await;
        shop.map("STORM", "storm").await;
        shop.post(&orders::woocommerce(1, "pending", "mutual_max", &["STORM"])).await;
        shop.post(&orders::woocommerce(2, "completed", "mutual_max", &["STORM"])).await;
        shop.post(&orders::woocommerce(2, "completed", "mutual_max", &["STORM"])).await;
        app.settle().await;
        let document = r#"query ($from: DateTime!, $to: DateTime!, $bucket: Bucket!) {
            deliveryStats(from: $from, to: $to, bucket: $bucket) {
                received duplicates filtered completed failed itemsShared creditsCharged
            }
        }"#;
        let now = app.clock.now();
        let (from, to) = (now - chrono::TimeDelta::days(1), now + chrono::TimeDelta::hours(1));
        let range = |bucket| json!({ "from": from.to_rfc3339(), "to": to.to_rfc3339(), "bucket": bucket });
        let counted = merchant.ask(document, range("HOUR")).await;
        let buckets = counted["deliveryStats"].as_array().unwrap();
        assert!((25..=26).contains(&buckets.len()), "quiet hours are there too");
        let sum = |field: &str| buckets.iter().map(|bucket| bucket[field].as_i64().unwrap()).sum::<i64>();
        let counts = ["received", "duplicates", "filtered", "completed", "failed", "itemsShared", "creditsCharged"].map(sum);
        assert_eq!(counts, [1, 1, 1, 1, 0, 1, 10]);
        for (from, to) in [("-262143-01-01T00:00:00Z", "+262142-01-01T00:00:00Z"), ("-200000-01-01T00:00:00Z", "+200000-01-01T00:00:00Z")] {
            let for_ever = json!({ "from": from, "to": to, "bucket": "DAY" });
            assert!(!app.try_ask(&merchant.key, document, for_ever).await["errors"].is_null(), "{from}");
        }
        let refused = app.try_ask(&merchant.key, document, range("MINUTE")).await;
        assert!(text(&refused["errors"][0]["message"]).contains("more than 400 buckets"), "{refused}");
    }

    async fn a_view_that_falls_behind_is_waited_for_only_so_long(app: &TestApp) {
        let projector = &app.service().data.projector;
        assert!(!projector.wait_for(&[accounts::VIEW], Position::MAX, Duration::from_millis(5)).await);
        assert!(projector.wait_for(&[accounts::VIEW], app.service().data.log.head(), Duration::from_secs(10)).await);
    }
}

/// Of SQLite the second to open a file is refused anyway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_and_the_views_need_a_database_each() {
    let app = TestApp::start(Engine::Postgres).await;
    let views_url = app.databases.log_url.clone();
    let options = ServiceOptions { views_url, ..options(&app.databases, &app.cortex, 0) };
    let started = Service::start(options, Vault::new(&MASTER_KEY), app.clock.clone()).await;
    let refused = started.err().expect("it is refused").to_string();
    assert!(refused.contains("the log and the views need a database each"), "{refused}");
    app.finish().await;
}
