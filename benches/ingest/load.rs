//! Sends orders over many connections, each with one request at a time, and takes the time of every answer.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use tokio::task::{LocalSet, spawn_blocking};
use tokio::time::{sleep_until, timeout};

use super::options::Options;
use crate::setting::connection::Connection;
use crate::setting::request::Request;

const ACCEPTED: u16 = 202;
/// How long answers may still be awaited after the last request.
const TIMEOUT: Duration = Duration::from_mins(1);
/// More broken connections than this are no accident.
const MAX_BROKEN: u64 = 1_000;

/// What came back, together with how long it took.
pub(crate) struct Tally {
    /// Of the answers that were measured, whatever they said.
    pub(crate) latencies_us: Histogram<u64>,
    /// The numbers of all orders that were accepted, those before measuring included.
    pub(crate) accepted: Vec<u64>,
    /// How many measured answers were not 202, by their status.
    pub(crate) others: BTreeMap<u16, u64>,
    /// How many requests got no answer.
    pub(crate) unanswered: u64,
    last_answer: Instant,
}

impl Tally {
    fn new(start: Instant) -> Self {
        Self {
            latencies_us: Histogram::new_with_max(120_000_000, 3).expect("these bounds make a histogram"),
            accepted: Vec::new(),
            others: BTreeMap::new(),
            unanswered: 0,
            last_answer: start,
        }
    }

    fn add(&mut self, other: Self) {
        self.latencies_us += other.latencies_us;
        self.accepted.extend(other.accepted);
        for (status, answers) in other.others {
            *self.others.entry(status).or_default() += answers;
        }
        self.unanswered += other.unanswered;
        self.last_answer = self.last_answer.max(other.last_answer);
    }
}

pub(crate) struct Load {
    address: SocketAddr,
    request: Request,
    connections: u16,
    threads: u16,
    measured_from: Instant,
    until: Instant,
    /// How many measured requests may still be sent.
    remaining: AtomicU64,
    next_order: AtomicU64,
    began: Instant,
    /// Requests a second that are due at fixed times.
    rate: Option<u32>,
}

impl Load {
    /// A load that begins now with its warm-up.
    pub(crate) fn starting_now(options: &Options, address: SocketAddr, request: Request) -> Arc<Self> {
        let began = Instant::now();
        let measured_from = began + options.warmup();
        Arc::new(Self {
            address,
            request,
            connections: options.connections,
            threads: options.threads.min(options.connections),
            measured_from,
            until: measured_from + options.measured(),
            remaining: AtomicU64::new(options.requests.unwrap_or(u64::MAX)),
            next_order: AtomicU64::new(0),
            began,
            rate: options.rate,
        })
    }

    pub(crate) fn measured_from(&self) -> Instant {
        self.measured_from
    }

    /// How long was measured.
    pub(crate) fn measured(&self, tally: &Tally) -> Duration {
        tally.last_answer.saturating_duration_since(self.measured_from)
    }

    /// Sends until the time is over or everything is sent.
    pub(crate) async fn run(self: Arc<Self>) -> anyhow::Result<Tally> {
        // Each thread has its share of the connections to itself: nothing is handed from one core to another.
        let threads = (0..self.threads).map(|thread| {
            let load = self.clone();
            let share = self.connections / self.threads + u16::from(thread < self.connections % self.threads);
            spawn_blocking(move || load.run_thread(share))
        });
        let mut all = Tally::new(self.measured_from);
        for tally in try_join_all(threads).await.context("a thread of the load failed")? {
            all.add(tally?);
        }
        Ok(all)
    }

    fn run_thread(self: Arc<Self>, connections: u16) -> anyhow::Result<Tally> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tally = Rc::new(RefCell::new(Tally::new(self.measured_from)));
        let local = LocalSet::new();
        let sending: Vec<_> =
            (0..connections).map(|_| local.spawn_local(self.clone().keep_sending(tally.clone()))).collect();
        let limit = self.until.saturating_duration_since(Instant::now()) + TIMEOUT;
        let sent = runtime.block_on(local.run_until(timeout(limit, try_join_all(sending))));
        for connection in sent.context("the server stopped answering")?? {
            connection?;
        }
        drop(local);
        let tally = Rc::into_inner(tally).context("a connection is still sending")?;
        Ok(tally.into_inner())
    }

    async fn keep_sending(self: Arc<Self>, tally: Rc<RefCell<Tally>>) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.address).await.context("the server takes no connection")?;
        let mut request = self.request.clone();
        loop {
            let order = self.next_order.fetch_add(1, Ordering::Relaxed);
            let due = self.due(order);
            if due >= self.until {
                return Ok(());
            }
            if self.rate.is_some() {
                sleep_until(due.into()).await;
            }
            let is_measured = due >= self.measured_from;
            if is_measured && !self.may_send_another() {
                return Ok(());
            }
            let bytes = request.about(order);
            let sent = if self.rate.is_some() { due } else { Instant::now() };
            let answer = connection.exchange(bytes).await;
            let answered = Instant::now();
            let mut tally = tally.borrow_mut();
            match answer {
                Ok(ACCEPTED) => tally.accepted.push(order),
                Ok(status) if is_measured => *tally.others.entry(status).or_default() += 1,
                Ok(_) => {}
                Err(error) => {
                    tally.unanswered += 1;
                    if tally.unanswered > MAX_BROKEN {
                        bail!("{} requests got no answer, the last one because: {error}", tally.unanswered);
                    }
                    continue;
                }
            }
            if is_measured {
                let took = u64::try_from((answered - sent).as_micros()).unwrap_or(u64::MAX);
                tally.latencies_us.saturating_record(took);
                tally.last_answer = tally.last_answer.max(answered);
            }
        }
    }

    /// When a request is due: at its own time where there is a rate, otherwise now.
    fn due(&self, order: u64) -> Instant {
        match self.rate {
            Some(rate) => self.began + Duration::from_nanos(order.saturating_mul(1_000_000_000) / u64::from(rate)),
            None => Instant::now(),
        }
    }

    fn may_send_another(&self) -> bool {
        let sent = self.remaining.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        sent.is_ok()
    }
}
