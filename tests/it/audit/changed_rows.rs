//! Every way to change rows of a log is found where it was done. No service runs meanwhile: one would follow a row
//! to where it was moved.

use cloud_bridge::audit::bundle::{Problem, Request, export};
use cloud_bridge::audit::verify::verify;
use event_log::{EventLog, Position};
use storage::{Database, Sql};

use super::{broken, checked, run, signed_log, verified, victim};
use crate::app::TestApp;
use crate::engines::{Engine, given_each_engine};
use crate::event_log::dependencies;

/// Changes the log, returns what `verify` and a bundle say of it, and puts the rows back as they were. Meanwhile
/// the rows are in the table `kept` as they should be.
async fn tampered(log: &EventLog, statements: &[String]) -> (Position, String, Option<Problem>) {
    log.raw_database().execute("CREATE TABLE kept AS SELECT * FROM events".into()).await.unwrap();
    for sql in statements {
        assert!(log.raw_database().execute(Sql::new(sql)).await.unwrap() > 0, "{sql}");
    }
    let (position, reason) = broken(log).await;
    let mut bundle = vec![];
    let written = export(log, &Request::default(), &mut bundle, |_, _| {}).await;
    let problem = written.ok().map(|_| checked(&bundle).expect_err(&format!("found by the bundle: {reason}")));
    log.raw_database().execute("DELETE FROM events".into()).await.unwrap();
    log.raw_database().execute("INSERT INTO events SELECT * FROM kept".into()).await.unwrap();
    log.raw_database().execute("DROP TABLE kept".into()).await.unwrap();
    assert_eq!(verified(log).await.broken, None, "it is as it was");
    (position, reason, problem)
}

async fn change_rows(log: &EventLog) {
    let at = victim(log).await;
    let postgres = matches!(log.raw_database(), Database::Postgres(_));
    let json = if postgres { "::json" } else { "" };
    let other = format!("(SELECT body FROM events WHERE body IS NOT NULL AND position <> {at} LIMIT 1)");
    for change in [
        format!("payload = replace(CAST(payload AS text), 'a', 'b'){json}"),
        format!("metadata = '{{\"actor\":\"another\"}}'{json}"),
        "recorded_at = recorded_at + 1".to_owned(),
        "event_type = 'completed'".to_owned(),
        format!("body = {other}"),
        "hash = (SELECT hash FROM events WHERE position = 1)".to_owned(),
    ] {
        let (position, reason, problem) =
            tampered(log, &[format!("UPDATE events SET {change} WHERE position = {at}")]).await;
        assert_eq!(position, at, "{change}: {reason}");
        assert!(matches!(problem, Some(Problem::Broken(found)) if found.position == at), "{change}");
    }

    let (position, reason, problem) = tampered(log, &[format!("DELETE FROM events WHERE position = {at}")]).await;
    assert_eq!(position, at.next(), "{reason}");
    assert!(problem.is_some());

    let swap = |a: Position, b: Position| {
        [
            format!("UPDATE events SET position = 1000000 WHERE position = {a}"),
            format!("UPDATE events SET position = {a} WHERE position = {b}"),
            format!("UPDATE events SET position = {b} WHERE position = 1000000"),
        ]
    };
    // Two events of different streams: their chains know nothing of it, the checkpoint does.
    let neighbours = "SELECT min(a.position) AS position FROM events a JOIN events b ON b.position = a.position + 1 \
         AND b.aggregate_id <> a.aggregate_id";
    let (one,): (Position,) = log.raw_database().fetch_one(neighbours.into()).await.unwrap();
    let signed_over = "not those that it was signed over";
    let (_, reason, problem) = tampered(log, &swap(one, one.next())).await;
    assert!(problem.is_some() && reason.contains(signed_over), "{reason}");
    let firsts =
        "SELECT position FROM events WHERE sequence = 1 AND aggregate_type = 'delivery' ORDER BY position LIMIT 2";
    let firsts: Vec<(Position,)> = log.raw_database().fetch_all(firsts.into()).await.unwrap();
    let (_, reason, problem) = tampered(log, &swap(firsts[0].0, firsts[1].0)).await;
    assert!(problem.is_some() && reason.contains(signed_over), "{reason}");

    let shift = |from: Position, by: i64| {
        [
            format!("UPDATE events SET position = -position WHERE position >= {from}"),
            format!("UPDATE events SET position = {by} - position WHERE position < 0"),
        ]
    };
    let [away, back] = shift(at, 1);
    let insert = format!(
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, \
         correlation_id, recorded_at, hash) SELECT {at}, 'notice', aggregate_id, 1, event_type, event_version, payload, \
         metadata, correlation_id, recorded_at, hash FROM events WHERE position = 1"
    );
    let (position, reason, problem) = tampered(log, &[away, back, insert]).await;
    assert_eq!(position, at, "{reason}");
    assert!(problem.is_some());

    // The only event of a stream, and everything after it moved up: no chain misses it.
    let alone = "SELECT min(position) AS position FROM events WHERE aggregate_type = 'integration'";
    let (alone,): (i64,) = log.raw_database().fetch_one(alone.into()).await.unwrap();
    let id = format!("(SELECT k.aggregate_id FROM kept k WHERE k.position = {alone})");
    let gone = |table: &str| format!("{table}.aggregate_type = 'integration' AND {table}.aggregate_id = {id}");
    let statements = [
        format!("DELETE FROM events WHERE {}", gone("events")),
        "UPDATE events SET position = -position".to_owned(),
        format!(
            "UPDATE events SET position = \
             (SELECT count(*) FROM kept WHERE kept.position <= -events.position AND NOT ({}))",
            gone("kept")
        ),
    ];
    let (_, reason, problem) = tampered(log, &statements).await;
    assert!(reason.contains("checkpoint") && problem.is_some(), "{reason}");

    // Everything from a position on, the checkpoint included: the data keys show that there was more.
    log.raw_database().execute("CREATE TABLE kept AS SELECT * FROM events".into()).await.unwrap();
    log.raw_database().execute("DELETE FROM events WHERE position > 5".into()).await.unwrap();
    let (position, reason) = broken(log).await;
    assert!(position == Position(5) && reason.contains("cut off"), "{reason}");
    log.raw_database().execute("INSERT INTO events SELECT * FROM kept WHERE position > 5".into()).await.unwrap();

    if !postgres {
        // SQLite takes bytes for a text that are none.
        run(log, format!("UPDATE events SET payload = CAST(x'7bff7d' AS text) WHERE position = {at}")).await;
        let unreadable = format!("{:#}", verify(log, None, |_, _| {}).await.unwrap_err());
        assert!(unreadable.contains(&format!("(position {at}) holds a value")), "{unreadable}");
        let kept = format!("(SELECT k.payload FROM kept k WHERE k.position = {at})");
        run(log, format!("UPDATE events SET payload = {kept} WHERE position = {at}")).await;
    }
    log.raw_database().execute("DROP TABLE kept".into()).await.unwrap();
}

async fn every_way_to_change_rows_is_found_where_it_was_done(engine: Engine) {
    let app = TestApp::start(engine).await;
    signed_log(&app).await;
    let log_url = app.databases.log_url.clone();
    let stopped = app.stop_node().await;
    let log = EventLog::open(&log_url, dependencies()).await.expect("the log opens");
    change_rows(&log).await;
    log.close().await;
    stopped.start().await.finish().await;
}

given_each_engine! { every_way_to_change_rows_is_found_where_it_was_done }
