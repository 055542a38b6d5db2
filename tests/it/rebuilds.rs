//! Views that are rebuilt beside those that people read: without a gap, from any node, through restarts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::integration::Provider;
use event_log::Position;
use projections::View;
use projections::delivery_log::{self, Filter, Page};
use projections::delivery_stats;
use projections::registry::{Build, Live};
use projections::webhook_receipts;
use serde_json::{Value, json};
use storage::{Database, Sql};

use crate::app::{TestApp, text};
use crate::delivering::wait_until;
use crate::engines::{Engine, given_each_engine, on_each_engine};
use crate::orders;
use crate::views::{a_busy_day, everything};

const REBUILD: &str = r#"mutation ($input: RebuildProjectionInput!) {
    done: rebuildProjection(input: $input) { projection { generation rebuild { generation position head startedAt } } userErrors { code message } }
}"#;
const CANCEL: &str = r#"mutation ($input: CancelProjectionRebuildInput!) {
    done: cancelProjectionRebuild(input: $input) { projection { generation rebuild { generation } } userErrors { code } }
}"#;

async fn change(app: &TestApp, document: &str, view: View) -> Value {
    app.admin(document, json!({ "input": { "name": view.name } })).await["done"].clone()
}

async fn live(app: &TestApp, view: View) -> Live {
    view.live(&app.service().data.views).await.unwrap().expect("every view has a live generation")
}

/// Waits until a view is of this generation.
pub(crate) async fn rebuilt(app: &TestApp, view: View, generation: i64) {
    wait_until(app, async || (live(app, view).await.generation >= generation).then_some(())).await;
}

/// The tables of a view, of all generations.
async fn tables(app: &TestApp, view: View) -> Vec<String> {
    #[derive(sqlx::FromRow)]
    struct Table {
        name: String,
    }
    let views = &app.service().data.views;
    let sql = match views {
        Database::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE ",
        Database::Postgres(_) => {
            "SELECT CAST(tablename AS text) AS name FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE "
        }
    };
    let sql = Sql::new(sql).bind(format!("{}\\_g%", view.name)).push(" ESCAPE '\\' ORDER BY name");
    views.fetch_all::<Table>(sql).await.unwrap().into_iter().map(|table| table.name).collect()
}

/// Waits until a view has one table again, which is of this generation.
async fn only_generation(app: &TestApp, view: View, generation: i64) {
    let only = vec![format!("{}_g{generation}", view.name)];
    wait_until(app, async || (tables(app, view).await == only).then_some(())).await;
}

/// A build of which only the first events are in the new tables. No node goes on with it until the app is restarted.
async fn half_built(app: &TestApp, view: View) -> Build {
    let service = app.service();
    service.data.projector.stop().await;
    let build = service.data.projector.rebuild(view).await.unwrap().unwrap();
    let events = service.data.log.read_after(Position::START, 5).await.unwrap();
    view.advance_build(&service.data.views, &build, &events).await.unwrap().expect("no other node is at it")
}

async fn outdate(app: &TestApp, sql: &str) {
    assert!(app.service().data.views.execute(sql.into()).await.unwrap() > 0);
}

on_each_engine! {
    async fn readers_find_everything_all_the_time(app: &TestApp) {
        a_busy_day(app).await;
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Generic).await;
        let ended = Arc::new(AtomicBool::new(false));
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let (views, ended) = (app.service().data.views.clone(), ended.clone());
            readers.spawn(async move {
                let (mut seen, mut looks) = ([0; 3], 0);
                while !ended.load(Ordering::SeqCst) {
                    let mut counted = [0; 3];
                    for (count, table) in counted.iter_mut().zip(["delivery_log", "accounts", "webhook_receipts"]) {
                        #[derive(sqlx::FromRow)]
                        struct Number {
                            number: i64,
                        }
                        let sql = Sql::new(format!("SELECT count(*) AS number FROM {table}"));
                        *count = views.fetch_one::<Number>(sql).await.expect("a reader never meets an error").number;
                    }
                    assert!(counted.iter().zip(&seen).all(|(now, before)| now >= before), "{counted:?} after {seen:?}");
                    seen = counted;
                    let filter = Filter { search: Some("0".to_owned()), ..Filter::default() };
                    let page = Page { limit: 5, ..Page::default() };
                    assert!(!delivery_log::page(&views, &filter, page).await.unwrap().is_empty());
                    looks += 1;
                }
                looks
            });
        }
        for generation in 2..5 {
            for view in View::ALL {
                assert_eq!(change(app, REBUILD, view).await["userErrors"], json!([]));
            }
            let id = format!("during-{generation}");
            shop.post(&orders::generic(&id, "mutual_max", &["STORM"])).await.accepted("queued");
            for view in View::ALL {
                rebuilt(app, view, generation).await;
            }
        }
        ended.store(true, Ordering::SeqCst);
        while let Some(looks) = readers.join_next().await {
            assert!(looks.unwrap() > 0);
        }
        app.settle().await;
        for view in View::ALL {
            assert_eq!(live(app, view).await.cursor.position, app.service().data.log.head());
        }
        only_generation(app, delivery_log::VIEW, 4).await;
    }

    async fn a_cancelled_rebuild_leaves_the_old_view_and_nothing_else(app: &TestApp) {
        a_busy_day(app).await;
        let before = (live(app, delivery_log::VIEW).await, everything(app).await);
        let build = half_built(app, delivery_log::VIEW).await;
        assert_eq!(tables(app, delivery_log::VIEW).await, ["delivery_log_g1", "delivery_log_g2"]);
        let shown = app.admin("{ projections { name position rebuild { generation position } } }", json!({})).await;
        let shown = shown["projections"].as_array().unwrap().iter().find(|view| view["name"] == "delivery_log").unwrap();
        assert_eq!(shown["rebuild"], json!({ "generation": build.generation, "position": "5" }));
        assert_eq!(shown["position"], json!(before.0.cursor.position.to_string()), "the view itself is where it was");
        let joined = change(app, REBUILD, delivery_log::VIEW).await;
        assert_eq!(joined["projection"]["rebuild"]["position"], json!("5"), "asking again joins in");

        let cancelled = change(app, CANCEL, delivery_log::VIEW).await;
        assert_eq!(cancelled["projection"], json!({ "generation": 1, "rebuild": null }));
        assert_eq!(tables(app, delivery_log::VIEW).await, ["delivery_log_g1"]);
        assert_eq!((live(app, delivery_log::VIEW).await, everything(app).await), before);
        let again = change(app, CANCEL, delivery_log::VIEW).await;
        assert_eq!(text(&again["userErrors"][0]["code"]), "NOT_REBUILDING");
        let events = app.service().data.log.read_after(Position(5), 5).await.unwrap();
        let late = delivery_log::VIEW.advance_build(&app.service().data.views, &build, &events).await.unwrap();
        assert_eq!(late, None, "the node that was at it learns that it is over");
    }

    async fn a_view_of_a_newer_version_is_left_alone(app: &TestApp) {
        outdate(app, "UPDATE live_views SET schema_version = 99 WHERE view = 'delivery_stats'").await;
        let before = live(app, delivery_stats::VIEW).await;
        let shop = app.merchant().await.shop(Provider::Generic).await;
        shop.post(&orders::generic("1", "mutual_max", &["STORM"])).await.accepted("queued");
        let head = app.service().data.log.head();
        wait_until(app, async || (live(app, delivery_log::VIEW).await.cursor.position >= head).then_some(())).await;
        assert_eq!(live(app, delivery_stats::VIEW).await, before);
        let refused = change(app, REBUILD, delivery_stats::VIEW).await;
        assert_eq!(text(&refused["userErrors"][0]["code"]), "NEWER_VERSION");
    }
}

given_each_engine! {
    an_interrupted_rebuild_is_gone_on_with
    an_interrupted_rebuild_of_an_earlier_version_is_dropped
    a_view_of_an_earlier_version_answers_until_it_is_rebuilt
}

async fn an_interrupted_rebuild_is_gone_on_with(engine: Engine) {
    let app = TestApp::start(engine).await;
    a_busy_day(&app).await;
    let before = everything(&app).await;
    half_built(&app, delivery_log::VIEW).await;
    let app = app.restart().await;
    rebuilt(&app, delivery_log::VIEW, 2).await;
    only_generation(&app, delivery_log::VIEW, 2).await;
    assert_eq!(everything(&app).await, before);
    app.finish().await;
}

async fn an_interrupted_rebuild_of_an_earlier_version_is_dropped(engine: Engine) {
    let app = TestApp::start(engine).await;
    a_busy_day(&app).await;
    let before = everything(&app).await;
    half_built(&app, delivery_log::VIEW).await;
    outdate(&app, "UPDATE view_builds SET schema_version = 0").await;
    let app = app.restart().await;
    only_generation(&app, delivery_log::VIEW, 1).await;
    assert_eq!(delivery_log::VIEW.build(&app.service().data.views).await.unwrap(), None);
    assert_eq!(everything(&app).await, before);
    app.finish().await;
}

async fn a_view_of_an_earlier_version_answers_until_it_is_rebuilt(engine: Engine) {
    let app = TestApp::start(engine).await;
    a_busy_day(&app).await;
    let before = everything(&app).await;
    outdate(&app, "UPDATE live_views SET schema_version = 0").await;
    let app = app.restart().await;
    assert_eq!(everything(&app).await, before, "it is there from the first moment on");
    for view in View::ALL {
        rebuilt(&app, view, 2).await;
        assert_eq!(live(&app, view).await.schema_version, view.schema_version());
    }
    assert_eq!(everything(&app).await, before);
    let shop = app.merchant().await.shop(Provider::Generic).await;
    let id = shop.post(&orders::generic("after", "mutual_max", &["STORM"])).await.accepted("queued");
    assert_eq!(shop.settled(&id).await.0, "COMPLETED");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_build_one_generation_together() {
    crate::app::run(Engine::Postgres, async |app| {
        let second = app.second_node(4).await;
        a_busy_day(app).await;
        let (here, there) = (&app.service().data.projector, &second.service.data.projector);
        let (one, other) = tokio::join!(here.rebuild(delivery_log::VIEW), there.rebuild(delivery_log::VIEW));
        let (one, other) = (one.unwrap().unwrap(), other.unwrap().unwrap());
        // Asked for at once it is one build, unless the first was done before the second was asked for.
        let last = one.generation.max(other.generation);
        rebuilt(app, delivery_log::VIEW, last).await;
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let id = shop.post(&orders::generic("after", "mutual_max", &["STORM"])).await.accepted("queued");
        assert_eq!(shop.settled(&id).await.0, "COMPLETED");
        let head = app.service().data.log.head();
        assert!(there.wait_for(&[delivery_log::VIEW], head, std::time::Duration::from_secs(30)).await);
        assert!(delivery_log::find(&second.service.data.views, &id).await.unwrap().is_some());
        only_generation(app, delivery_log::VIEW, last).await;
        second.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_waits_for_a_reader_who_takes_long() {
    crate::app::run(Engine::Postgres, async |app| {
        a_busy_day(app).await;
        let mut reader = app.service().data.views.begin().await.unwrap();
        reader.execute("SELECT id FROM webhook_receipts".into()).await.unwrap();
        change(app, REBUILD, webhook_receipts::VIEW).await;
        let head = app.service().data.log.head();
        wait_until(app, async || {
            let build = webhook_receipts::VIEW.build(&app.service().data.views).await.unwrap();
            (build.expect("it is not done").cursor.position >= head).then_some(())
        })
        .await;
        assert_eq!(live(app, webhook_receipts::VIEW).await.generation, 1);
        assert!(app.count("SELECT count(*) AS number FROM webhook_receipts").await > 0, "others go on reading");
        reader.commit().await.unwrap();
        rebuilt(app, webhook_receipts::VIEW, 2).await;
    })
    .await;
}
