//! Passing to another master key while the service goes on, and letting the old one go.

use cloud_bridge::api::http::Bounds;
use cloud_bridge::service::Service;
use domain::integration::Provider;
use event_log::vault::Vault;
use event_log::{Dependencies, EventLog, Position};
use serde_json::{Value, json};

use crate::app::{MASTER_KEY, TestApp, options};
use crate::engines::Engine;
use crate::orders;

const NEW_KEY: [u8; 32] = [8; 32];
const ROTATE: &str = "mutation { rotateMasterKey { rotation { running } userErrors { code } } }";
const STATE: &str = "{ masterKeyRotation { running rewrapped masterKeyId stillNeeded } }";

async fn asked(url: &str, key: &str, document: &str) -> Value {
    let request = reqwest::Client::new().post(format!("{url}/graphql")).bearer_auth(key);
    request.json(&json!({ "query": document })).send().await.unwrap().json().await.unwrap()
}

async fn the_log_passes_to_another_master_key(app: &TestApp) {
    let shop = app.merchant().await.shop(Provider::Generic).await;
    for n in 0..20 {
        shop.post(&orders::generic(&n.to_string(), "mutual_max", &["STORM"])).await.accepted("queued");
    }
    app.settle().await;
    let open = async |vault: Vault| {
        let dependencies = Dependencies::new(vault, app.clock.clone());
        let opened = EventLog::open_read_only(&app.databases.log_url, dependencies).await;
        opened.map_err(|error| error.to_string())
    };
    assert!(open(Vault::new(&NEW_KEY)).await.is_err_and(|error| error.contains("master key")));
    let both = Vault::from_text(&format!("{} {}", hex::encode(NEW_KEY), hex::encode(MASTER_KEY))).unwrap();

    // The next node has both keys.
    app.node.service.stop().await;
    let service = Service::start(options(&app.databases, &app.cortex, 0), both, app.clock.clone()).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(cloud_bridge::api::http::serve(service.endpoints(), listener, Bounds::default()));
    let before = asked(&url, &app.admin.api_key, STATE).await;
    assert_eq!(before["data"]["masterKeyRotation"]["stillNeeded"].as_array().unwrap().len(), 1, "{before}");
    let begun = asked(&url, &app.admin.api_key, ROTATE).await;
    assert_eq!(begun["data"]["rotateMasterKey"]["userErrors"], json!([]), "{begun}");
    let after = loop {
        let state = asked(&url, &app.admin.api_key, STATE).await["data"]["masterKeyRotation"].clone();
        if state["running"] == false {
            break state;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(after["stillNeeded"], json!([]), "{after}");
    assert!(after["rewrapped"].as_u64().unwrap() > 20, "{after}");
    // Once more finds nothing to do.
    asked(&url, &app.admin.api_key, ROTATE).await;
    service.begin_stopping();
    serving.await.unwrap().unwrap();
    service.stop().await;

    // The old key may go, and everything still opens; the old key alone opens nothing.
    assert!(open(Vault::new(&MASTER_KEY)).await.is_err_and(|error| error.contains("master key")));
    let log = open(Vault::new(&NEW_KEY)).await.unwrap();
    let events = log.read_after(Position::START, 1_000).await.unwrap();
    assert!(events.iter().any(|event| !event.customer_tokens.is_empty()), "customers are still found");
    log.close().await;
}

// Not run through `on_each_engine`: the service that it starts with is over before the story is.
async fn run_on(engine: Engine) {
    let app = TestApp::start(engine).await;
    the_log_passes_to_another_master_key(&app).await;
    app.abandon().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_passes_to_another_master_key_on_sqlite() {
    run_on(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_passes_to_another_master_key_on_postgres() {
    run_on(Engine::Postgres).await;
}
