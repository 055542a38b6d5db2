//! Stores that post orders, each order once, and remember when each was accepted.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::setting::connection::Connection;
use crate::setting::request::{Request, Target};

const ACCEPTED: u16 = 202;
/// The service takes no more at the moment: a store posts the same webhook again.
const BUSY: u16 = 503;
const AGAIN_AFTER: Duration = Duration::from_millis(20);
const ACCEPT_TIMEOUT: Duration = Duration::from_mins(1);
const BODY_BYTES: usize = 4_500;

/// A webhook that was accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posted {
    pub(crate) number: u64,
    /// Which shop posted it.
    pub(crate) shop: usize,
    pub(crate) sent: Instant,
    pub(crate) accepted: Instant,
}

/// What is posted: orders of these numbers, by these shops in turn.
pub(crate) struct Load<'l> {
    pub(crate) address: SocketAddr,
    pub(crate) shops: &'l [Target],
    pub(crate) numbers: Range<u64>,
    pub(crate) connections: u16,
    /// Webhooks a second, at fixed times; as fast as they are accepted, where there is none.
    pub(crate) rate: Option<u64>,
}

impl Load<'_> {
    /// Posts everything. Each must be accepted.
    pub(crate) async fn run(&self) -> anyhow::Result<Vec<Posted>> {
        let next = Arc::new(AtomicU64::new(self.numbers.start));
        let began = Instant::now();
        let mut connections = JoinSet::new();
        let count = usize::from(self.connections);
        for connection in 0..count {
            // With fewer shops than connections, several post for one; with more, each connection has its own.
            let own =
                (0..self.shops.len().max(count)).skip(connection).step_by(count).map(|shop| shop % self.shops.len());
            let mut requests = vec![];
            for shop in own {
                requests.push((shop, Request::new(self.shops[shop].clone(), BODY_BYTES)?));
            }
            let opened = Connection::open(self.address).await?;
            let due = self.rate.map(|rate| (began, rate, self.numbers.start));
            connections.spawn(post(opened, requests, next.clone(), self.numbers.end, due));
        }
        let mut all = vec![];
        while let Some(posted) = connections.join_next().await {
            all.extend(posted??);
        }
        all.sort_unstable_by_key(|posted: &Posted| posted.number);
        Ok(all)
    }
}

async fn post(
    mut connection: Connection,
    mut requests: Vec<(usize, Request)>,
    next: Arc<AtomicU64>,
    end: u64,
    due: Option<(Instant, u64, u64)>,
) -> anyhow::Result<Vec<Posted>> {
    let mut posted = vec![];
    for turn in 0.. {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            break;
        }
        if let Some((began, rate, first)) = due {
            let after = Duration::from_micros((number - first) * 1_000_000 / rate);
            sleep_until((began + after).into()).await;
        }
        let turns = requests.len();
        let (shop, request) = &mut requests[turn % turns];
        let bytes = request.about(number);
        let sent = Instant::now();
        let mut status = connection.exchange(bytes).await?;
        while status == BUSY && sent.elapsed() < ACCEPT_TIMEOUT {
            sleep(AGAIN_AFTER).await;
            status = connection.exchange(bytes).await?;
        }
        let accepted = Instant::now();
        ensure!(status == ACCEPTED, "a webhook was not accepted: {status}");
        posted.push(Posted { number, shop: *shop, sent, accepted });
    }
    Ok(posted)
}
