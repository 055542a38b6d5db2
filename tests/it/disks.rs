//! A disk that fills up: webhooks are answered 503, and are taken again as soon as there is room.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cloud_bridge::sandbox::{self, SandboxOptions};
use domain::integration::Provider;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::app::{sign, text};
use crate::orders;

/// Mounts a disk of 48 megabytes in a world of its own, so that nothing outside is touched, and serves from it.
const SERVE_FROM_A_SMALL_DISK: &str = "mount -t tmpfs -o size=48m none \"$1\" && exec \"$2\" --json serve --listen 127.0.0.1:0 \
                                       --cortex-url \"$3\" --data-dir \"$1/data\" --log \"sqlite:$4\"";

struct Server {
    process: Child,
    url: String,
    admin: String,
    disk: PathBuf,
    http: reqwest::Client,
}

impl Server {
    /// The views are on the small disk, and the log, where it is not said to be elsewhere.
    async fn start(folder: &Path, cortex_url: &str, log: &Path) -> Self {
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "sh", "-c", SERVE_FROM_A_SMALL_DISK, "sh"]);
        command.arg(folder).arg(env!("CARGO_BIN_EXE_cloud-bridge")).arg(cortex_url).arg(log);
        let log_file = folder.with_extension("log");
        let errors = std::fs::File::create(&log_file).unwrap();
        let mut process = command.stdout(Stdio::piped()).stderr(errors).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let said = lines.next_line().await.unwrap().unwrap_or_default();
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| {
            panic!("it does not start: {said}{}", std::fs::read_to_string(&log_file).unwrap_or_default())
        });
        // The disk as the server sees it: no other process has it mounted.
        let disk =
            PathBuf::from(format!("/proc/{}/root", process.id().unwrap())).join(folder.strip_prefix("/").unwrap());
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { process, url: text(&said["listening"]), admin: text(&said["adminKey"]), disk, http }
    }

    async fn ask(&self, document: &str, variables: Value) -> Value {
        let request = self.http.post(format!("{}/graphql", self.url)).bearer_auth(&self.admin);
        let body = json!({ "query": document, "variables": variables });
        request.json(&body).send().await.unwrap().json::<Value>().await.unwrap()
    }

    async fn ready(&self) -> (u16, Value) {
        let answer = self.http.get(format!("{}/ready", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn queue_depth(&self) -> String {
        let metrics = self.http.get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap();
        let depth = metrics.lines().find_map(|line| line.strip_prefix("cloud_bridge_queue_depth "));
        depth.expect("the metric is there").to_owned()
    }

    fn filler(&self) -> PathBuf {
        self.disk.join("filler")
    }

    /// Until not one byte more has room.
    fn fill_disk(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.filler()).unwrap();
        let mut piece = vec![0; 256 * 1_024];
        while !piece.is_empty() {
            if file.write_all(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_webhooks_no_longer_than_it_is_full() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("disk");
    std::fs::create_dir(&folder).unwrap();
    let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), SandboxOptions::default()).unwrap();
    let mut server = Server::start(&folder, cortex.base_url(), &folder.join("data/log.db")).await;
    let create =
        "mutation { createIntegration(input: { provider: GENERIC, name: \"shop\" }) { webhookUrl signingSecret } }";
    let made = server.ask(create, json!({})).await["data"]["createIntegration"].clone();
    let (url, secret) = (text(&made["webhookUrl"]), text(&made["signingSecret"]));
    let post = async |order: usize| {
        let mut order = orders::generic(&order.to_string(), "never_follows", &["STORM"]);
        order["customerName"] = json!("x".repeat(8_000));
        let body = order.to_string();
        let (header, signature) = sign(Provider::Generic, &secret, body.as_bytes()).unwrap();
        let answer = server.http.post(&url).header(header, signature).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    };
    let mut taken = 0;
    for order in 0..10 {
        assert_eq!(post(order).await.0, 202);
        taken += 1;
    }
    assert_eq!(server.ready().await.0, 200);

    // Three times over: an error must leave nothing behind that adds up.
    for round in 1..=3 {
        server.fill_disk();
        // What SQLite had reserved before may still take a few.
        let mut refused = None;
        for order in 0..500 {
            match post(round * 1_000 + order).await {
                (202, _) => taken += 1,
                answer => {
                    refused = Some(answer);
                    break;
                }
            }
        }
        assert_eq!(refused, Some((503, true)), "come again");
        for order in 500..520 {
            assert_eq!(post(round * 1_000 + order).await, (503, true));
        }
        let full = std::time::Instant::now();
        let said = loop {
            let (status, said) = server.ready().await;
            if said["log"] == json!("not writable") {
                assert_eq!(status, 503);
                break said;
            }
            assert!(full.elapsed() < Duration::from_secs(5), "it says that it is not ready: {said}");
        };
        assert_eq!(said["disks"]["log"]["nearlyFull"], json!(true), "{said}");

        std::fs::remove_file(server.filler()).unwrap();
        let freed = std::time::Instant::now();
        while post(round * 1_000 + 600).await.0 != 202 {
            assert!(freed.elapsed() < Duration::from_secs(2), "it takes webhooks again within two seconds");
        }
        taken += 1;
        while server.ready().await.0 != 200 {
            assert!(freed.elapsed() < Duration::from_secs(5), "it is ready again");
        }
    }
    // Nothing that was taken is lost, and the views go on.
    let mut listed = 0;
    let mut after = Value::Null;
    loop {
        let page = server.ask("query ($after: String) { deliveries(first: 100, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }", json!({ "after": after })).await;
        let page = page["data"]["deliveries"].clone();
        listed += page["nodes"].as_array().unwrap().len();
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] != json!(true) {
            if listed >= taken {
                break;
            }
            (listed, after) = (0, Value::Null);
        }
    }
    assert_eq!(listed, taken);
    server.process.kill().await.unwrap();
    let log = std::fs::read_to_string(folder.with_extension("log")).unwrap();
    let errors = log.lines().filter(|line| line.contains("\"ERROR\"")).count();
    assert!(errors < 60, "{errors} errors are said for three full disks");
    assert!(log.contains("it works again"), "{log}");
    cortex.stop().await;
}

/// With the disk of the views full, orders are still taken; that nothing is delivered meanwhile shows in readiness.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_views_shows_and_loses_nothing() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("disk");
    std::fs::create_dir(&folder).unwrap();
    let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), SandboxOptions::default()).unwrap();
    let mut server = Server::start(&folder, cortex.base_url(), &outside.path().join("log/log.db")).await;
    let create =
        "mutation { createIntegration(input: { provider: GENERIC, name: \"shop\" }) { webhookUrl signingSecret } }";
    let made = server.ask(create, json!({})).await["data"]["createIntegration"].clone();
    let (url, secret) = (text(&made["webhookUrl"]), text(&made["signingSecret"]));
    let post = async |order: usize| {
        let body = orders::generic(&order.to_string(), "mutual_max", &["STORM"]).to_string();
        let (header, signature) = sign(Provider::Generic, &secret, body.as_bytes()).unwrap();
        server.http.post(&url).header(header, signature).body(body).send().await.unwrap().status().as_u16()
    };
    server.fill_disk();
    for order in 0..200 {
        assert_eq!(post(order).await, 202, "the log has room");
    }
    let began = std::time::Instant::now();
    let said = loop {
        let (status, said) = server.ready().await;
        if status == 503 {
            break said;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "it says that it is not ready: {said}");
    };
    assert!(said["views"] == json!("not writable") || said["standingStill"] != json!([]), "{said}");
    std::fs::remove_file(server.filler()).unwrap();
    let freed = std::time::Instant::now();
    loop {
        let (status, ready) = server.ready().await;
        if status == 200 && ready["projectorLag"] == json!(0) && server.queue_depth().await == "0" {
            break;
        }
        assert!(freed.elapsed() < Duration::from_mins(1), "not everything is taken up: {ready}");
    }
    // No credentials were saved: there is nothing more to deliver.
    let document = "{ deliveries(first: 1, filter: { order: \"199\" }) { nodes { status } } }";
    let last = server.ask(document, json!({})).await["data"]["deliveries"]["nodes"][0]["status"].clone();
    assert_eq!(last, json!("ACTION_REQUIRED"));
    server.process.kill().await.unwrap();
    cortex.stop().await;
}
