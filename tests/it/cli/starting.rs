//! The first commands on a machine: `migrate`, `serve` and `demo`.

use std::process::Stdio;

use crate::engines::{Databases, Engine};
use crate::process::{cloud_bridge, printed};

async fn a_migrated_log_can_be_read(engine: Engine) {
    let databases = Databases::create(engine).await;
    let run = async |arguments: &[&str]| {
        let mut command = cloud_bridge(&databases.folder());
        if engine == Engine::Postgres {
            command.env("CLOUD_BRIDGE_LOG", &databases.log_url).env("CLOUD_BRIDGE_VIEWS", &databases.views_url);
            command.env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(crate::app::MASTER_KEY));
        }
        command.args(arguments).output().await.unwrap()
    };
    printed(&run(&["migrate"]).await);
    printed(&run(&["migrate"]).await);
    assert!(printed(&run(&["projections", "status"]).await).contains("delivery_log"));
    assert_eq!(printed(&run(&["events", "tail"]).await), "");
    databases.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_migrated_and_never_served_can_be_read_on_sqlite() {
    a_migrated_log_can_be_read(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_migrated_and_never_served_can_be_read_on_postgres() {
    a_migrated_log_can_be_read(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_reaches_every_status_it_promises() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        cloud_bridge(folder.path()).args(["demo", "--exit", "--listen", "127.0.0.1:0"]).output().await.unwrap();
    let shown = printed(&output);
    for status in
        ["queued", "retry_scheduled", "action_required", "completed", "failed_permanent", "cancelled", "duplicate"]
    {
        assert!(shown.contains(status), "{status} in {shown}");
    }
    for part in [
        "bigcommerce",
        "square",
        "each with a good signature",
        "failed 2 times at first, was sent again what it missed",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(!folder.path().join("cloud-bridge-demo.json").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_start_keeps_the_administrators_key_for_the_command_line_alone() {
    use tokio::io::{AsyncBufReadExt as _, BufReader};

    let folder = tempfile::tempdir().unwrap();
    let mut serve = cloud_bridge(folder.path());
    serve.args(["serve", "--listen", "127.0.0.1:0"]).env("CLOUD_BRIDGE_DATA_DIR", folder.path().join("data"));
    let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    let key = first.rsplit(' ').next().unwrap().to_owned();
    let url = loop {
        let line = lines.next_line().await.unwrap().expect("it says where it listens");
        if let Some(said) = line.strip_prefix("Listening on ") {
            break said.split(' ').next().unwrap().to_owned();
        }
    };
    for file in ["admin.key", "master.key", "log.db", "views.db"] {
        let path = folder.path().join("data").join(file);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
        }
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("data/admin.key")).unwrap().trim(), key);
    let mut list = cloud_bridge(folder.path());
    list.args(["accounts", "list", "--server", &url]).env("CLOUD_BRIDGE_DATA_DIR", folder.path().join("data"));
    assert!(printed(&list.output().await.unwrap()).contains("Administrator"));

    let mut second = cloud_bridge(folder.path());
    second.args(["serve", "--listen", "127.0.0.1:0"]).env("CLOUD_BRIDGE_DATA_DIR", folder.path().join("data"));
    let refused = second.output().await.unwrap();
    assert!(!refused.status.success(), "a second server on the same files is refused");
    child.kill().await.unwrap();
    std::fs::remove_file(folder.path().join("data/master.key")).unwrap();
    let mut without = cloud_bridge(folder.path());
    without.args(["serve", "--listen", "127.0.0.1:0"]).env("CLOUD_BRIDGE_DATA_DIR", folder.path().join("data"));
    let refused = without.output().await.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("master"), "{said}");
}
