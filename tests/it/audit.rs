//! Proof: whatever is done to the rows of a log or to a bundle is found, and what was not touched is found whole.

use std::time::Duration;

use chrono::TimeDelta;
use cloud_bridge::audit::bundle::{Bundle, Problem, Request, export, verify_bundle};
use cloud_bridge::audit::checkpoint::{key_id, statement};
use cloud_bridge::audit::verify::{Verified, verify};
use cloud_bridge::audit::{key, signer};
use cloud_bridge::service::ServiceOptions;
use cqrs_es::Aggregate as _;
use domain::checkpoint::{CheckpointEvent, Checkpoints, STREAM_ID};
use domain::integration::Provider;
use ed25519_dalek::{Signer as _, SigningKey};
use event_log::row::chain;
use event_log::{Actor, EventLog, Position, Sequence};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use storage::{Database, Sql};

use crate::app::TestApp;
use crate::engines::{Engine, given_each_engine, on_each_engine};
use crate::orders;

mod changed_rows;

/// A log with streams of several lengths, two checkpoints, and events after them.
async fn signed_log(app: &TestApp) {
    let shop = app.merchant().await.shop(Provider::Generic).await;
    let log = &app.service().data.log;
    for order in ["1", "2"] {
        shop.post(&orders::generic(order, "mutual_max", &["STORM"])).await.accepted("queued");
    }
    app.settle().await;
    signed(log).await;
    shop.post(&orders::generic("3", "mutual_max", &["RAIN"])).await.accepted("queued");
    app.settle().await;
    signed(log).await;
    shop.post(&orders::generic("4", "mutual_max", &["RAIN"])).await.accepted("queued");
    app.settle().await;
}

async fn signed(log: &EventLog) -> Position {
    signer::sign(log, &Actor::System).await.unwrap().position.expect("there is something new")
}

async fn verified(log: &EventLog) -> Verified {
    verify(log, None, |_, _| {}).await.unwrap()
}

/// Where the first broken row is, and why.
async fn broken(log: &EventLog) -> (Position, String) {
    let broken = verified(log).await.broken.expect("it is found");
    (broken.position, broken.to_string())
}

async fn exported(log: &EventLog, request: &Request) -> Vec<u8> {
    let mut bundle = vec![];
    export(log, request, &mut bundle, |_, _| {}).await.unwrap();
    bundle
}

fn checked(bundle: &[u8]) -> Result<Bundle, Problem> {
    verify_bundle(bundle, None, |_| {})
}

async fn run(log: &EventLog, sql: String) {
    assert_eq!(log.raw_database().execute(Sql::new(&sql)).await.unwrap(), 1, "{sql}");
}

/// The position of an event in the middle of a stream and of the first checkpoint's range.
async fn victim(log: &EventLog) -> Position {
    let sql =
        "SELECT position FROM events WHERE sequence = 2 AND aggregate_type = 'delivery' ORDER BY position LIMIT 1";
    log.raw_database().fetch_one::<(Position,)>(sql.into()).await.unwrap().0
}

/// Rewrites an event of a stream and chains everything after it in its stream to it, as a patient forger does.
async fn rechained(log: &EventLog, position: Position) {
    let forged = log.rows_at(&[position]).await.unwrap().remove(0).event;
    let json = if matches!(log.raw_database(), Database::Postgres(_)) { "CAST('{}' AS json)" } else { "'{}'" };
    run(log, format!("UPDATE events SET metadata = {json} WHERE position = {position}")).await;
    let (kind, id) = (&forged.aggregate_type, &forged.aggregate_id);
    let mut previous = [0; 32];
    for whole in log.whole_stream(kind, id, 1_000).await.unwrap() {
        previous = chain(&previous, &whole.event, whole.body.as_deref());
        let sql = Sql::new("UPDATE events SET hash = ")
            .bind(previous.to_vec())
            .push(" WHERE position = ")
            .bind(whole.event.position);
        log.raw_database().execute(sql).await.unwrap();
    }
}

on_each_engine! {
    async fn an_untouched_log_and_its_bundles_are_found_whole(app: &TestApp) {
        signed_log(app).await;
        let log = &app.service().data.log;
        let found = verified(log).await;
        assert_eq!((found.broken, found.checkpoints, found.keys.len()), (None, 2, 1));
        assert_eq!(i64::try_from(found.events).unwrap(), log.head().0);
        let latest = found.latest.unwrap();

        let whole = checked(&exported(log, &Request::default()).await).unwrap();
        assert_eq!((whole.events, whole.proven, whole.cut_streams), (found.events, latest.last.0.unsigned_abs(), 0));
        let public = key::all(log).await.unwrap()[0].public();
        let bundle = exported(log, &Request { from: Some(Position(5)), to: Some(latest.last), streams: vec![] }).await;
        let part = verify_bundle(&bundle[..], Some(public), |_| {}).unwrap();
        assert!(part.cut_streams > 0 && part.proven > 0 && part.proven < part.events, "{part:?}");
        let other = SigningKey::from_bytes(&[1; 32]).verifying_key();
        assert!(matches!(verify_bundle(&bundle[..], Some(other), |_| {}), Err(Problem::Broken(_))));
        assert!(verify(log, Some(other), |_, _| {}).await.unwrap().broken.is_some());

        for order in ["1", "4"] {
            let sql = Sql::new("SELECT DISTINCT aggregate_id FROM events WHERE aggregate_type = 'delivery'");
            let streams: Vec<(String,)> = log.raw_database().fetch_all(sql).await.unwrap();
            let streams = streams.iter().map(|(id,)| format!("delivery/{id}").parse().unwrap()).collect();
            let request = Request { from: (order == "4").then_some(Position(5)), to: None, streams };
            let some = checked(&exported(log, &request).await).unwrap();
            assert_eq!(some.stream_count, 4);
            assert!(some.proven > 0 && some.proven < some.events, "{some:?}");
        }
    }

    async fn a_chain_that_was_rewritten_is_found_by_the_root(app: &TestApp) {
        signed_log(app).await;
        let log = &app.service().data.log;
        let before = exported(log, &Request::default()).await;
        rechained(log, victim(log).await).await;
        let (position, reason) = broken(log).await;
        assert!(reason.contains("not those that it was signed over"), "{reason}");
        assert_eq!(log.rows_at(&[position]).await.unwrap()[0].event.aggregate_type, Checkpoints::TYPE);
        let problem = checked(&exported(log, &Request::default()).await).unwrap_err();
        assert!(problem.to_string().contains("not those that it was signed over"), "{problem}");
        assert!(checked(&before).is_ok(), "the bundle that was exported before shows what was there");
    }

    async fn a_forged_checkpoint_is_found(app: &TestApp) {
        signed_log(app).await;
        let log = &app.service().data.log;
        let row = log.stream_after(Checkpoints::TYPE, STREAM_ID, Sequence(1), 1).await.unwrap().remove(0);
        let CheckpointEvent::CheckpointSigned(genuine) = row.read().unwrap();
        let stranger = SigningKey::from_bytes(&[3; 32]);
        let mut foreign = genuine.clone();
        foreign.public_key = hex::encode(stranger.verifying_key().as_bytes());
        foreign.key_id = key_id(stranger.verifying_key().as_bytes());
        foreign.signature = hex::encode(stranger.sign(statement(&foreign).as_bytes()).to_bytes());
        let mut shorter = genuine.clone();
        shorter.last_position -= 1;
        for (forged, why) in [(foreign.clone(), "another key"), (shorter, "signature")] {
            let mut changed = row.clone();
            changed.payload = serde_json::to_value(&forged).unwrap().to_string();
            let first = log.stream_after(Checkpoints::TYPE, STREAM_ID, Sequence::START, 1).await.unwrap().remove(0);
            let hash = chain(first.hash.as_slice().try_into().unwrap(), &changed, None);
            let cast = if matches!(log.raw_database(), Database::Postgres(_)) { "json" } else { "text" };
            let sql = Sql::new("UPDATE events SET hash = ").bind(hash.to_vec()).push(", payload = CAST(").bind(changed.payload)
                .push(&format!(" AS {cast}) WHERE position = ")).bind(row.position);
            log.raw_database().execute(sql).await.unwrap();
            let (position, reason) = broken(log).await;
            assert!(position == row.position && reason.contains(why), "{reason}");
            let problem = checked(&exported(log, &Request::default()).await).unwrap_err();
            assert!(problem.to_string().contains(why), "{problem}");
        }
        // Without the master key, no other key can be put beside the log either.
        let sql = Sql::new("UPDATE signing_keys SET public_key = ")
            .bind(stranger.verifying_key().as_bytes().to_vec())
            .push(", key_id = ")
            .bind(foreign.key_id);
        log.raw_database().execute(sql).await.unwrap();
        let refused = verify(log, None, |_, _| {}).await.unwrap_err().to_string();
        assert!(refused.contains("signing_keys"), "{refused}");
    }

    async fn a_snapshot_that_does_not_fit_is_found(app: &TestApp) {
        signed_log(app).await;
        let log = &app.service().data.log;
        let insert = "INSERT INTO snapshots (aggregate_type, aggregate_id, sequence, hash, schema_version, state) \
             SELECT aggregate_type, aggregate_id, sequence, hash, 99, '{}' FROM events WHERE position = 1";
        log.raw_database().execute(insert.into()).await.unwrap();
        assert_eq!(verified(log).await.snapshots, 1);
        log.raw_database().execute("UPDATE snapshots SET sequence = 2".into()).await.unwrap();
        let (_, reason) = broken(log).await;
        assert!(reason.contains("snapshot"), "{reason}");
    }

    async fn two_who_sign_at_once_make_one_chain(app: &TestApp) {
        signed_log(app).await;
        let log = &app.service().data.log;
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let log = log.clone();
            all.spawn(async move { signer::sign(&log, &Actor::System).await.map(|signed| signed.position.is_some()) });
        }
        let signed = all.join_all().await.into_iter().filter(|signed| *signed.as_ref().unwrap()).count();
        assert_eq!(signed, 1, "the others find nothing new");
        let found = verified(log).await;
        assert_eq!((found.broken, found.checkpoints), (None, 3));
        let again = signer::sign(log, &Actor::System).await.unwrap();
        assert_eq!((again.position, again.number), (None, Sequence(3)), "checkpoints alone are nothing new");
    }

    async fn a_bundle_that_was_touched_or_is_another_proves_nothing(app: &TestApp) {
        signed_log(app).await;
        let log = &app.service().data.log;
        let stream = log.rows_at(&[victim(log).await]).await.unwrap().remove(0).event;
        let stream = format!("{}/{}", stream.aggregate_type, stream.aggregate_id).parse().unwrap();
        for request in [Request::default(), Request { streams: vec![stream], ..Request::default() }] {
            let bundle = exported(log, &request).await;
            let whole = checked(&bundle).unwrap();
            let lines: Vec<&[u8]> = bundle.split_inclusive(|byte| *byte == b'\n').collect();
            for kept in 0..lines.len() {
                let cut = checked(&lines[..kept].concat()).unwrap_err();
                assert!(matches!(cut, Problem::CutOff { .. } | Problem::NotABundle), "{kept} lines: {cut}");
            }
            for length in (0..bundle.len() - 1).step_by(97) {
                assert!(checked(&bundle[..length]).is_err(), "{length} bytes");
            }
            for at in (0..bundle.len()).step_by(61) {
                let mut altered = bundle.clone();
                altered[at] ^= 1;
                assert!(checked(&altered).is_err(), "byte {at}");
            }
            let more = [&bundle[..], b"{}\n"].concat();
            assert!(checked(&more).is_err(), "something comes after its end");
            for changed in 1..lines.len() - 1 {
                let without = sealed_again(lines.iter().enumerate().filter(|(at, _)| *at != changed).map(|(_, line)| line.to_vec()));
                match checked(&without) {
                    Err(_) => {}
                    // What is left is a bundle that proves less, and says so.
                    Ok(less) => assert!(
                        less.proven < whole.proven || less.events < whole.events || less.checkpoints < whole.checkpoints,
                        "line {changed}"
                    ),
                }
            }
            let mut header: Value = serde_json::from_slice(lines[0]).unwrap();
            header["bundle"]["version"] = json!(2);
            let newer = sealed_again(std::iter::once(format!("{header}\n").into_bytes()).chain(lines[1..].iter().map(|line| line.to_vec())));
            assert_eq!(checked(&newer), Err(Problem::OtherVersion("2".to_owned())));
        }
        for nonsense in [&b""[..], b"\n", b"{}\n", b"PK\x03\x04", &[0xff; 4_096], &b"[".repeat(100_000)] {
            assert_eq!(checked(nonsense), Err(Problem::NotABundle));
        }
        let endless = std::io::Read::take(std::io::repeat(b'x'), 1 << 30);
        assert!(verify_bundle(std::io::BufReader::new(endless), None, |_| {}).is_err());
    }

    async fn what_cannot_be_exported_is_an_error(app: &TestApp) {
        signed_log(app).await;
        let log = &app.service().data.log;
        let head = log.head();
        let unknown = vec!["delivery/none".parse().unwrap()];
        for (request, why) in [
            (Request { to: Some(head.next()), ..Request::default() }, "ends at position"),
            (Request { from: Some(head.next()), ..Request::default() }, "positions go from"),
            (Request { from: Some(Position(3)), to: Some(Position(2)), streams: vec![] }, "positions go from"),
            (Request { streams: unknown, ..Request::default() }, "no stream delivery/none"),
        ] {
            let refused = export(log, &request, vec![], |_, _| {}).await.unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
        assert_eq!(log.head(), head, "nothing was changed");
    }

    async fn only_support_and_administrators_sign(app: &TestApp) {
        let merchant = app.merchant().await;
        let document = "mutation { signCheckpoint { checkpoint { number root } isNew userErrors { code } } }";
        let refused = app.try_ask(&merchant.key, document, json!({})).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
        let signed = app.admin(document, json!({})).await;
        assert_eq!((&signed["signCheckpoint"]["checkpoint"]["number"], &signed["signCheckpoint"]["isNew"]), (&json!(1), &json!(true)));
        let again = app.admin(document, json!({})).await;
        assert_eq!(again["signCheckpoint"]["isNew"], json!(false));
    }
}

async fn the_server_signs_when_the_interval_has_passed_and_something_is_new(engine: Engine) {
    let every = Some(Duration::from_hours(1));
    let stopped = TestApp::start(engine).await.stop_node().await;
    let app = stopped.start_with(|options| ServiceOptions { checkpoint_every: every, ..options }).await;
    checkpoints_follow(&app, &app.service().data.log).await;
    app.finish().await;
}

given_each_engine! { the_server_signs_when_the_interval_has_passed_and_something_is_new }

async fn checkpoints_follow(app: &TestApp, log: &EventLog) {
    let number = async || log.load::<Checkpoints>(STREAM_ID).await.unwrap().sequence;
    let mut heads = log.head_changes();
    assert_eq!(number().await, Sequence::START);
    app.clock.advance(TimeDelta::minutes(61));
    while number().await < Sequence(1) {
        tokio::time::timeout(Duration::from_millis(20), heads.changed()).await.ok();
    }
    app.clock.advance(TimeDelta::minutes(61));
    app.merchant().await;
    while number().await < Sequence(2) {
        tokio::time::timeout(Duration::from_millis(20), heads.changed()).await.ok();
        app.clock.advance(TimeDelta::minutes(1));
    }
    assert_eq!(verified(log).await.broken, None);
}

/// The lines with a last line that fits them, as an attacker makes it who knows the format.
fn sealed_again(lines: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = lines.collect();
    lines.pop();
    let (count, bytes) = (lines.len(), lines.concat());
    let end = json!({ "end": { "lines": count, "sha256": hex::encode(Sha256::digest(&bytes)) } });
    [bytes, format!("{end}\n").into_bytes()].concat()
}
