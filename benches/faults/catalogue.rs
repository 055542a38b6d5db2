//! A shop whose products change all the time: each change is posted until it is accepted, as a store does, and then the next.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use chrono::{DateTime, TimeDelta};
use parking_lot::Mutex;
use serde_json::json;
use tokio::task::JoinSet;

use crate::setting::request::Target;
use crate::setting::signing::sign;

/// Products that change at the same time.
const SENDERS: u64 = 8;
/// Products of each sender.
const PRODUCTS: u64 = 5;
/// Between two changes of one sender.
const PAUSE: Duration = Duration::from_millis(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// After this long without a 202, something is wrong with the service.
const ACCEPT_TIMEOUT: Duration = Duration::from_mins(1);

/// Where webhooks are posted: the nodes that run, of which one after the other is tried.
pub(crate) type Urls = Arc<Mutex<Vec<String>>>;

#[derive(Clone)]
pub(crate) struct Catalogue {
    urls: Urls,
    shop: Target,
    http: reqwest::Client,
    /// How many versions of each product were accepted.
    accepted: Arc<Mutex<HashMap<u64, u64>>>,
}

/// The changes of one round.
pub(crate) struct Changing {
    stop: Arc<AtomicBool>,
    senders: JoinSet<anyhow::Result<()>>,
}

impl Catalogue {
    pub(crate) fn new(urls: Urls, shop: Target) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_TIMEOUT).build()?;
        Ok(Self { urls, shop, http, accepted: Arc::default() })
    }

    pub(crate) fn accepted(&self) -> HashMap<u64, u64> {
        self.accepted.lock().clone()
    }

    pub(crate) fn starts_to_change(&self) -> Changing {
        let (stop, mut senders) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for sender in 0..SENDERS {
            let (catalogue, stop) = (self.clone(), stop.clone());
            senders.spawn(async move {
                for turn in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    catalogue.change(1 + sender * PRODUCTS + turn % PRODUCTS).await?;
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(())
            });
        }
        Changing { stop, senders }
    }

    /// Posts the next version of a product until it is accepted.
    async fn change(&self, product: u64) -> anyhow::Result<()> {
        let version = self.accepted.lock().get(&product).copied().unwrap_or(0) + 1;
        let body = body(product, version);
        let began = Instant::now();
        for turn in usize::try_from(product + version)?.. {
            if self.is_accepted(&body, turn).await {
                self.accepted.lock().insert(product, version);
                break;
            }
            ensure!(began.elapsed() < ACCEPT_TIMEOUT, "webhooks are not accepted any more");
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn is_accepted(&self, body: &[u8], turn: usize) -> bool {
        let url = {
            let urls = self.urls.lock();
            urls[turn % urls.len()].clone()
        };
        let (name, signature) = sign(self.shop.provider, &self.shop.secret, body).expect("shops of Shopify sign");
        let post = self.http.post(format!("{url}{}", self.shop.path)).header(name, signature);
        let post = post.header("x-shopify-topic", "products/update").body(body.to_vec());
        post.send().await.is_ok_and(|response| response.status().as_u16() == 202)
    }
}

impl Changing {
    /// Returns once every change that was begun is accepted.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.senders.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// A product whose title is its version, and which changed a second after the version before.
fn body(product: u64, version: u64) -> Vec<u8> {
    let changed = DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(version.cast_signed());
    let product = json!({
        "id": product, "title": version.to_string(), "vendor": "Storm Audio", "status": "active",
        "updated_at": changed.to_rfc3339(), "images": [],
        "variants": [{ "id": product, "title": "Default Title", "sku": "STORM", "price": "29.99",
            "inventory_item_id": product, "inventory_management": "shopify", "inventory_quantity": 7 }],
    });
    product.to_string().into_bytes()
}
