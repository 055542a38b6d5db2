//! What arrived at which endpoint, and when.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use axum::http::StatusCode;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::watch;

use crate::setting::order;
use crate::setting::receiver::{Notification, Receiver, Reply};

/// Without any arrival for so long, a run has failed.
const TIMEOUT: Duration = Duration::from_mins(2);
/// The path of an endpoint that hangs.
const HANGING: &str = "/hang/";
/// The path of an endpoint that responds, and is not measured.
const OTHER: &str = "/other/";

/// The part of a notification that says what it is about.
#[derive(Deserialize)]
struct Wire<'w> {
    #[serde(borrow)]
    data: WireOrder<'w>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOrder<'w> {
    order_id: &'w str,
}

#[derive(Default)]
struct Noted {
    /// The first arrival at an endpoint, of the order with this number.
    first: HashMap<(u32, u64), Instant>,
    repeats: u64,
    /// Requests to endpoints that hang.
    hung: u64,
    unreadable: u64,
}

/// A receiver that is any number of endpoints.
pub(crate) struct Arrivals {
    receiver: Receiver,
    noted: Arc<Mutex<Noted>>,
    count: watch::Receiver<usize>,
}

impl Arrivals {
    pub(crate) async fn listen() -> anyhow::Result<Self> {
        let noted = Arc::new(Mutex::new(Noted::default()));
        let (counted, count) = watch::channel(0);
        let notes = noted.clone();
        let receiver = Receiver::start(move |notification: &Notification<'_>| {
            let (reply, arrived) = note(&mut notes.lock(), notification);
            // Of two that arrive together, the later count may come first.
            counted.send_if_modified(|before| {
                let is_more = arrived > *before;
                *before = arrived.max(*before);
                is_more
            });
            reply
        });
        Ok(Self { receiver: receiver.await?, noted, count })
    }

    pub(crate) fn url(&self, endpoint: u32) -> String {
        format!("{}/{endpoint}", self.receiver.url)
    }

    pub(crate) fn hanging_url(&self, endpoint: u32) -> String {
        format!("{}{HANGING}{endpoint}", self.receiver.url)
    }

    pub(crate) fn other_url(&self, endpoint: u32) -> String {
        format!("{}{OTHER}{endpoint}", self.receiver.url)
    }

    /// Waits until so many notifications arrived, each event counted once at each endpoint.
    pub(crate) async fn until(&self, expected: usize) -> anyhow::Result<()> {
        let mut count = self.count.clone();
        while *count.borrow_and_update() < expected {
            let arrived = *count.borrow();
            let changed = tokio::time::timeout(TIMEOUT, count.changed()).await;
            ensure!(changed.is_ok(), "nothing arrived for two minutes, after {arrived} of {expected}");
        }
        Ok(())
    }

    /// How many arrived.
    pub(crate) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// When the order with this number arrived first at an endpoint.
    pub(crate) fn at(&self, endpoint: u32, number: u64) -> Option<Instant> {
        self.noted.lock().first.get(&(endpoint, number)).copied()
    }

    /// When the last arrived, of these orders.
    pub(crate) fn last_of(&self, numbers: std::ops::Range<u64>) -> Option<Instant> {
        let noted = self.noted.lock();
        let of = noted.first.iter().filter(|((_, number), _)| numbers.contains(number));
        of.map(|(_, at)| *at).max()
    }

    /// How many of these orders arrived up to a moment.
    pub(crate) fn count_until(&self, numbers: std::ops::Range<u64>, moment: Instant) -> usize {
        let noted = self.noted.lock();
        noted.first.iter().filter(|((_, number), at)| numbers.contains(number) && **at <= moment).count()
    }

    pub(crate) fn repeats(&self) -> u64 {
        self.noted.lock().repeats
    }

    pub(crate) fn hung(&self) -> u64 {
        self.noted.lock().hung
    }

    /// Requests that were no notification, or not signed by the endpoint's secret.
    pub(crate) fn refused(&self) -> u64 {
        self.receiver.refused() + self.noted.lock().unreadable
    }
}

/// The response, and how many have arrived.
fn note(noted: &mut Noted, notification: &Notification<'_>) -> (Reply, usize) {
    if notification.path.starts_with(HANGING) {
        noted.hung += 1;
        return (Reply::Hang, noted.first.len());
    }
    if notification.path.starts_with(OTHER) {
        return (Reply::Status(StatusCode::NO_CONTENT), noted.first.len());
    }
    let endpoint = notification.path.strip_prefix('/').and_then(|number| number.parse().ok());
    let wire = serde_json::from_slice::<Wire<'_>>(notification.body).ok();
    let number = wire.and_then(|wire| number_of(wire.data.order_id));
    let (Some(endpoint), Some(number)) = (endpoint, number) else {
        noted.unreadable += 1;
        return (Reply::Status(StatusCode::BAD_REQUEST), noted.first.len());
    };
    let now = Instant::now();
    if *noted.first.entry((endpoint, number)).or_insert(now) != now {
        noted.repeats += 1;
    }
    (Reply::Status(StatusCode::NO_CONTENT), noted.first.len())
}

/// The number of an order, of the id that its store gave it.
fn number_of(id: &str) -> Option<u64> {
    let first: u64 = order::DIGITS.parse().ok()?;
    id.parse::<u64>().ok()?.checked_sub(first)
}
