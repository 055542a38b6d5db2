//! A subscriber who gets what shops say of their products, and watches over the order of what is said of each.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;
use parking_lot::Mutex;
use serde::Deserialize;

use crate::setting::receiver::{Notification, Receiver, Reply};

/// Every so many requests one is responded to with 503, so that retries and their order are part of every round.
const FAILS_EVERY: u64 = 50;

/// What is read of a notification. The title of a product is its version.
#[derive(Deserialize)]
struct Wire<'w> {
    #[serde(borrow)]
    data: WireProduct<'w>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProduct<'w> {
    product_id: &'w str,
    title: &'w str,
}

/// What was got of one product.
#[derive(Default)]
struct Product {
    /// The version of each event, by its `webhook-id`, and whether it was responded to with 2xx.
    events: HashMap<String, (u64, bool)>,
    /// The version that came last for the first time, and its event.
    latest: Option<(u64, String)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Versions that were responded to with 2xx.
    pub(crate) arrived: usize,
    /// Versions that came first when a later one had come, or before the one ahead of them was through.
    pub(crate) disordered: usize,
    /// Versions that came as two events.
    pub(crate) doubled: usize,
    /// Events that came once more after a 2xx.
    pub(crate) repeats: usize,
    requests: u64,
}

#[derive(Default)]
struct Got {
    products: HashMap<u64, Product>,
    counts: Counts,
    /// The first request from this moment on.
    first_since: Option<(Instant, Option<Instant>)>,
    unreadable: u64,
}

pub(crate) struct Subscriber {
    receiver: Receiver,
    got: Arc<Mutex<Got>>,
}

impl Subscriber {
    pub(crate) async fn listen() -> anyhow::Result<Self> {
        let got = Arc::new(Mutex::new(Got::default()));
        let noting = got.clone();
        let receiver =
            Receiver::start(move |notification: &Notification<'_>| Reply::Status(noting.lock().note(notification)));
        Ok(Self { receiver: receiver.await?, got })
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/products", self.receiver.url)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.got.lock().counts
    }

    /// From now on, the first request after this moment is noted.
    pub(crate) fn awaits_request_after(&self, moment: Instant) {
        self.got.lock().first_since = Some((moment, None));
    }

    pub(crate) fn first_request(&self) -> Option<Instant> {
        self.got.lock().first_since.and_then(|(_, first)| first)
    }

    /// Requests that were no notification, or not signed with the endpoint's secret.
    pub(crate) fn refused(&self) -> u64 {
        self.receiver.refused() + self.got.lock().unreadable
    }

    /// Of what was accepted, how many versions have not arrived: products with the number of their versions, from 1 on.
    pub(crate) fn missing(&self, accepted: &HashMap<u64, u64>) -> usize {
        let got = self.got.lock();
        let of = |(product, versions): (&u64, &u64)| {
            let events = got.products.get(product).map(|product| product.events.values());
            let arrived: HashSet<u64> = events
                .into_iter()
                .flatten()
                .filter(|(_, is_through)| *is_through)
                .map(|(version, _)| *version)
                .collect();
            (1..=*versions).filter(|version| !arrived.contains(version)).count()
        };
        accepted.iter().map(of).sum()
    }
}

impl Got {
    fn note(&mut self, notification: &Notification<'_>) -> StatusCode {
        let wire = serde_json::from_slice::<Wire<'_>>(notification.body).ok();
        let read = wire.and_then(|wire| Some((wire.data.product_id.parse().ok()?, wire.data.title.parse().ok()?)));
        let Some((product, version)): Option<(u64, u64)> = read else {
            self.unreadable += 1;
            return StatusCode::BAD_REQUEST;
        };
        let now = Instant::now();
        if let Some((since, first @ None)) = &mut self.first_since
            && now > *since
        {
            *first = Some(now);
        }
        self.counts.requests += 1;
        let succeeds = !self.counts.requests.is_multiple_of(FAILS_EVERY);
        let product = self.products.entry(product).or_default();
        if let Some((_, is_through)) = product.events.get_mut(notification.id) {
            if *is_through {
                self.counts.repeats += 1;
            } else if succeeds {
                *is_through = true;
                self.counts.arrived += 1;
            }
            return if *is_through { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE };
        }
        if product.events.values().any(|(other, _)| *other == version) {
            self.counts.doubled += 1;
        } else if let Some((latest, id)) = &product.latest {
            let is_through = product.events.get(id).is_some_and(|(_, is_through)| *is_through);
            if version < *latest || !is_through {
                self.counts.disordered += 1;
            }
        }
        product.events.insert(notification.id.to_owned(), (version, succeeds));
        product.latest = Some((version, notification.id.to_owned()));
        self.counts.arrived += usize::from(succeeds);
        if succeeds { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
    }
}
