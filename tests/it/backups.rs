//! Copies of the embedded log, made while it is written and put back elsewhere. Postgres has tools of its own.

use std::path::Path;
use std::process::Output;

use domain::integration::Provider;
use event_log::sqlite_url;
use serde_json::Value;
use tempfile::TempDir;

use crate::app::{MASTER_KEY, TestApp, run};
use crate::engines::Engine;
use crate::orders;
use crate::process::{cloud_bridge, printed};

async fn backup(app: &TestApp, to: &Path) -> Output {
    let mut command = cloud_bridge(&app.databases.folder());
    command.args(["backup", "--json", "--to"]).arg(to).env("CLOUD_BRIDGE_LOG", &app.databases.log_url);
    command.env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(MASTER_KEY)).output().await.expect("the binary starts")
}

async fn restore(from: &Path, data_dir: &Path, master_key: [u8; 32]) -> Output {
    let mut command = cloud_bridge(data_dir);
    command.args(["restore", "--from"]).arg(from).arg("--data-dir").arg(data_dir);
    command.env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(master_key)).output().await.expect("the binary starts")
}

#[track_caller]
fn refused(output: &Output, because: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(because), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_load_is_put_back_whole_and_readable() {
    run(Engine::Sqlite, async |app| {
        let shop = app.merchant().await.shop(Provider::Generic).await;
        let folder = TempDir::new().unwrap();
        let (copy, data) = (folder.path().join("copy"), folder.path().join("data"));
        std::fs::create_dir(&data).unwrap();
        let posting = async {
            for n in 0..60 {
                let order = orders::generic(&n.to_string(), "mutual_max", &["STORM"]);
                shop.post(&order).await.accepted("queued");
            }
        };
        let (made, ()) = tokio::join!(backup(app, &copy), posting);
        let note: Value = serde_json::from_str(&printed(&made)).unwrap();
        assert!(note["position"].as_i64().unwrap() > 0, "{note}");
        refused(&backup(app, &copy).await, "is not empty");

        refused(&restore(&copy, &data, [9; 32]).await, "master key is not the backup's");
        refused(&restore(folder.path(), &data, MASTER_KEY).await, "is not a backup");
        printed(&restore(&copy, &data, MASTER_KEY).await);
        refused(&restore(&copy, &data, MASTER_KEY).await, "is there already");

        // Every stream of it is whole, and what is private in it opens.
        let mut events = cloud_bridge(&data);
        events.args(["events", "tail", "--json", "--from", "1"]);
        events.env("CLOUD_BRIDGE_LOG", sqlite_url(&data.join("log.db")).unwrap());
        let events_read =
            printed(&events.env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(MASTER_KEY)).output().await.unwrap());
        let events_read: Vec<Value> = events_read.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events_read.last().unwrap()["position"], note["position"].to_string());
        assert!(events_read.iter().any(|event| event["data"].to_string().contains("[private]")), "it was opened");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_copy_is_not_put_back() {
    run(Engine::Sqlite, async |app| {
        let folder = TempDir::new().unwrap();
        let (copy, data) = (folder.path().join("copy"), folder.path().join("data"));
        std::fs::create_dir(&data).unwrap();
        printed(&backup(app, &copy).await);
        let log = copy.join("log.db");
        let mut bytes = std::fs::read(&log).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&log, bytes).unwrap();
        refused(&restore(&copy, &data, MASTER_KEY).await, "damaged or changed");
        assert!(std::fs::read_dir(&data).unwrap().next().is_none(), "nothing was put there");
        let note = std::fs::read_to_string(copy.join("backup.json")).unwrap();
        std::fs::write(copy.join("backup.json"), note.replace("\"version\": 1", "\"version\": 2")).unwrap();
        refused(&restore(&copy, &data, MASTER_KEY).await, "format version 2");
    })
    .await;
}
