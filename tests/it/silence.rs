//! A Postgres whose connections go silent: nothing comes back on them any more, and nothing says that they are gone. What
//! waits for an answer gives up, takes another connection, and stores are answered in time meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::integration::Provider;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::{Node, Shop, TestApp, options, sign};
use crate::delivering::wait_until;
use crate::engines::{Engine, server_url};
use crate::orders;

/// Stands between the service and Postgres.
struct Proxy {
    address: SocketAddr,
    /// Connections of an earlier age get nothing through.
    age: watch::Sender<u64>,
    silent: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let age = watch::Sender::new(0);
        let silent = Arc::new(AtomicUsize::new(0));
        let (ages, counted) = (age.clone(), silent.clone());
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(forward(client, target.clone(), ages.subscribe(), counted.clone()));
            }
        });
        Self { address, age, silent, task }
    }

    /// From now on nothing passes over the connections that are there; those that come are as good as ever.
    fn fall_silent(&self) {
        self.age.send_modify(|age| *age += 1);
    }
}

async fn forward(mut client: TcpStream, target: String, mut age: watch::Receiver<u64>, silent: Arc<AtomicUsize>) {
    age.mark_unchanged();
    let mut server = TcpStream::connect(target).await.unwrap();
    tokio::select! {
        ended = tokio::io::copy_bidirectional(&mut client, &mut server) => drop(ended),
        _ = age.changed() => {
            silent.fetch_add(1, Ordering::SeqCst);
            // Both stay open, with nothing behind them.
            std::future::pending::<()>().await;
        }
    }
}

/// An address of a database, by way of the proxy.
fn through(proxy: &Proxy, url: &str) -> String {
    let (before, database) = url.rsplit_once('/').unwrap();
    let user = before.rsplit_once('@').map_or(before, |(user, _)| user);
    format!("{user}@{}/{database}", proxy.address)
}

fn target() -> String {
    let url = server_url();
    let (before, _) = url.rsplit_once('/').unwrap();
    before.rsplit_once('@').map_or(before, |(_, host)| host).to_owned()
}

async fn post(shop: &Shop<'_>, node: &Node, order: &str) -> (u16, Duration) {
    let body = orders::generic(order, "mutual_max", &["STORM"]).to_string().into_bytes();
    let (name, signature) = sign(Provider::Generic, &shop.secret, &body).unwrap();
    let began = Instant::now();
    let answer = shop.post_to(&node.url, body, &[(name, &signature)]).await;
    (answer.status.as_u16(), began.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_postgres_that_go_silent_are_replaced() {
    let app = TestApp::start(Engine::Postgres).await;
    let shop = app.merchant().await.shop(Provider::Generic).await;
    let proxy = Proxy::start(target()).await;
    let mut behind = options(&app.databases, &app.cortex, 4);
    behind.log_url = through(&proxy, &behind.log_url);
    behind.views_url = through(&proxy, &behind.views_url);
    let node = Node::start(behind, app.clock.clone()).await;
    assert_eq!(post(&shop, &node, "before").await.0, 202);

    proxy.fall_silent();
    let began = Instant::now();
    let mut tries = 0;
    loop {
        tries += 1;
        let (status, took) = post(&shop, &node, &format!("after-{tries}")).await;
        // Shopify waits five seconds, and what is not answered counts as lost there.
        assert!(took < Duration::from_secs(4), "{status} after {took:?}");
        if status == 202 {
            break;
        }
        assert_eq!(status, 503);
        assert!(began.elapsed() < Duration::from_secs(30), "nothing is stored any more");
    }
    assert!(proxy.silent.load(Ordering::SeqCst) >= 3, "writer, listener and followers were all cut off");
    // The node behind the proxy hears of what the other one records: its listener is a new one.
    let id = shop.post(&orders::generic("elsewhere", "mutual_max", &["STORM"])).await.accepted("queued");
    let head = app.service().data.log.newest().await.unwrap();
    let mut heads = node.service.data.log.head_changes();
    let caught_up = heads.wait_for(|known| known.position >= head);
    tokio::time::timeout(Duration::from_mins(1), caught_up).await.expect("it listens again").unwrap();
    assert!(node.service.data.projector.run_to_head(Duration::from_mins(1)).await, "its views get on");
    let followed = wait_until(&app, async || (node.service.processes.handled() >= head).then_some(()));
    tokio::time::timeout(Duration::from_mins(1), followed).await.expect("its process managers get on");
    assert_eq!(shop.settled(&id).await.0, "COMPLETED");
    // What still waited for a silent connection has given it up before long.
    let recovered = wait_until(&app, async || {
        let ready: Value = reqwest::get(format!("{}/ready", node.url)).await.unwrap().json().await.unwrap();
        (ready["ready"] == json!(true) && ready["standingStill"] == json!([])).then_some(())
    });
    tokio::time::timeout(Duration::from_mins(1), recovered).await.expect("it is ready again");
    node.stop().await;
    proxy.task.abort();
    app.finish().await;
}

/// Readiness is asked about every second or so, by who gives up soon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_it_is_ready_is_said_at_once_while_postgres_is_silent() {
    let app = TestApp::start(Engine::Postgres).await;
    let proxy = Proxy::start(target()).await;
    let mut behind = options(&app.databases, &app.cortex, 0);
    behind.log_url = through(&proxy, &behind.log_url);
    behind.views_url = through(&proxy, &behind.views_url);
    let node = Node::start(behind, app.clock.clone()).await;
    proxy.fall_silent();
    proxy.task.abort();
    for _ in 0..3 {
        let began = Instant::now();
        let ready = reqwest::get(format!("{}/ready", node.url)).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(ready.status().as_u16(), 503);
    }
    node.stop().await;
    app.finish().await;
}
