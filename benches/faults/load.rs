//! Stores that post orders without end, each order for a customer of its own, and remember what was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cloud_bridge::sandbox::{FollowsBack, Sandbox};
use domain::integration::Provider;
use parking_lot::Mutex;
use serde_json::json;
use tokio::task::JoinSet;

use crate::setting::signing::sign;

/// Orders that are sent at the same time.
const SENDERS: usize = 4;
/// Between two of one sender: more than a worker delivers would only make the end longer.
const PAUSE: Duration = Duration::from_millis(60);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Where orders are posted, and what with.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) url: Arc<Mutex<String>>,
    pub(crate) path: String,
    pub(crate) secret: String,
    pub(crate) cortex: Sandbox,
    http: reqwest::Client,
    sent: Arc<AtomicUsize>,
}

impl Shop {
    pub(crate) fn new(url: &str, path: String, secret: String, cortex: Sandbox) -> Self {
        let http = reqwest::Client::builder().timeout(ANSWER_TIMEOUT).pool_max_idle_per_host(0).build();
        Self {
            url: Arc::new(Mutex::new(url.to_owned())),
            path,
            secret,
            cortex,
            http: http.expect("the settings are constants"),
            sent: Arc::default(),
        }
    }

    pub(crate) fn url(&self) -> String {
        self.url.lock().clone()
    }

    pub(crate) fn moves_to(&self, url: &str) {
        url.clone_into(&mut self.url.lock());
    }

    /// An order that was not sent yet, with its customer; its id is both.
    pub(crate) fn order(&self) -> (String, Vec<u8>) {
        let id = format!("fan_{}", self.sent.fetch_add(1, Ordering::SeqCst));
        self.cortex.add_user(&id, FollowsBack::Already).expect("the sandbox has room");
        let order = json!({ "orderId": id, "targetUsername": id, "items": [{ "sku": "STORM", "quantity": 1 }] });
        (id, order.to_string().into_bytes())
    }

    pub(crate) fn signed(&self, body: &[u8]) -> (&'static str, String) {
        sign(Provider::Generic, &self.secret, body).expect("a generic store signs")
    }

    /// The id, where the order was acknowledged.
    pub(crate) async fn post(&self) -> Option<String> {
        let (id, body) = self.order();
        let (name, signature) = self.signed(&body);
        let request = self.http.post(format!("{}{}", self.url(), self.path)).header(name, signature).body(body);
        let answer = request.send().await.ok()?;
        (answer.status().as_u16() == 202).then_some(id)
    }

    /// How long it takes until an order is acknowledged, and its id.
    pub(crate) async fn until_taken(&self, at_most: Duration) -> Option<(Duration, String)> {
        let began = Instant::now();
        while began.elapsed() < at_most {
            if let Some(id) = self.post().await {
                return Some((began.elapsed(), id));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }
}

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    senders: JoinSet<Vec<String>>,
}

impl Load {
    pub(crate) fn start(shop: &Shop) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            let (stop, shop) = (stop.clone(), shop.clone());
            senders.spawn(async move {
                let mut acknowledged = vec![];
                while !stop.load(Ordering::SeqCst) {
                    acknowledged.extend(shop.post().await);
                    tokio::time::sleep(PAUSE).await;
                }
                acknowledged
            });
        }
        Self { stop, senders }
    }

    /// What was acknowledged.
    pub(crate) async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.senders.join_all().await.concat()
    }
}
