//! Memories of one's own: shared, failing, slow, and wrong.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloud_bridge_webhook_handler::{BoxError, BoxFuture, Claim, InMemory, Memory};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;
use tower_service::Service as _;

use crate::server::{Fired, LONG, SHORT, Server, all, next, recording};
use crate::webhooks::*;

/// One memory of several processes, as a database would be.
#[derive(Clone, Default)]
struct Shared(Arc<InMemory>);

impl Memory for Shared {
    fn claim(&self, claims: Vec<Claim>) -> BoxFuture<'_, Result<Vec<bool>, BoxError>> {
        self.0.claim(claims)
    }
}

#[tokio::test]
async fn of_two_processes_with_one_memory_one_fires() {
    let memory = Shared::default();
    let (one, mut fired_in_one) = recording();
    let (other, mut fired_in_other) = recording();
    let one = Server::start(one.memory(memory.clone())).await;
    let other = Server::start(other.memory(memory)).await;
    let webhook = shopify_order(1, "paid");
    assert_eq!(one.post(&webhook).await.body["status"], "accepted");
    assert_eq!(other.post(&webhook).await.body["status"], "duplicate");
    assert_eq!(all(&one, &mut fired_in_one).await.len(), 1);
    assert!(all(&other, &mut fired_in_other).await.is_empty());
}

/// Decides as it is scripted to, and after that as the default does.
#[derive(Default)]
struct Scripted {
    script: Mutex<VecDeque<Result<Vec<bool>, BoxError>>>,
    memory: InMemory,
}

impl Memory for Scripted {
    fn claim(&self, claims: Vec<Claim>) -> BoxFuture<'_, Result<Vec<bool>, BoxError>> {
        let scripted = self.script.lock().pop_front();
        match scripted {
            Some(decided) => Box::pin(async { decided }),
            None => self.memory.claim(claims),
        }
    }
}

#[tokio::test]
async fn a_webhook_that_the_memory_does_not_decide_is_refused_and_new_when_it_is_sent_again() {
    let (builder, mut fired) = recording();
    let script = Mutex::new(VecDeque::from([Err("the database is away".into()), Ok(vec![]), Ok(vec![true; 3])]));
    let server = Server::start(builder.memory(Scripted { script, memory: InMemory::default() })).await;
    let webhook = shopify_order(1, "paid");
    for _ in 0..3 {
        let answer = server.post(&webhook).await;
        assert_eq!((answer.status, answer.body["code"].as_str()), (503, Some("memory_failed")));
    }
    assert_eq!(server.post(&webhook).await.body["status"], "accepted");
    assert_eq!(all(&server, &mut fired).await.len(), 1);
}

/// Says that it is asked, and decides when it may.
#[derive(Clone)]
struct Slow {
    asked: Arc<Notify>,
    asked_so_far: Arc<AtomicUsize>,
    may_decide: Arc<Semaphore>,
    memory: Arc<InMemory>,
}

impl Default for Slow {
    fn default() -> Self {
        Self {
            asked: Arc::default(),
            asked_so_far: Arc::default(),
            may_decide: Arc::new(Semaphore::new(0)),
            memory: Arc::default(),
        }
    }
}

impl Memory for Slow {
    fn claim(&self, claims: Vec<Claim>) -> BoxFuture<'_, Result<Vec<bool>, BoxError>> {
        Box::pin(async move {
            self.asked.notify_one();
            self.asked_so_far.fetch_add(1, Ordering::Relaxed);
            let _permit = self.may_decide.acquire().await?;
            self.memory.claim(claims).await
        })
    }
}

#[tokio::test]
async fn a_slow_memory_delays_no_response_and_what_it_grants_later_still_fires_once() {
    let (builder, mut fired) = recording();
    let memory = Slow::default();
    let builder = builder.memory(memory.clone()).response_timeout(SHORT);
    let server = Server::start(builder).await;
    let webhook = shopify_order(1, "paid");
    let answer = server.post(&webhook).await;
    assert_eq!((answer.status, answer.body["code"].as_str()), (503, Some("memory_timed_out")));
    memory.may_decide.add_permits(1);
    next(&mut fired).await;
    assert_eq!(server.post(&webhook).await.body["status"], "duplicate");
    assert!(all(&server, &mut fired).await.is_empty());
}

#[tokio::test]
async fn a_webhook_whose_client_hangs_up_while_it_is_remembered_still_fires() {
    let (builder, mut fired) = recording();
    let memory = Slow::default();
    let mut handler = builder.memory(memory.clone()).build().expect("it is a handler");
    let webhook = shopify_order(1, "paid");
    // As a server does: it drops the response that is not waited for.
    let response = handler.call(webhook.http());
    timeout(LONG, async {
        tokio::select! {
            response = response => panic!("it must not respond yet: {response:?}"),
            () = memory.asked.notified() => {}
        }
    })
    .await
    .expect("the memory is asked");
    memory.may_decide.add_permits(1);
    next(&mut fired).await;
}

#[tokio::test]
async fn a_webhook_that_is_being_remembered_when_the_handler_ends_still_fires() {
    let (builder, mut fired) = recording();
    let memory = Slow::default();
    let server = Server::start(builder.memory(memory.clone())).await;
    let webhook = shopify_order(1, "paid");
    let (answer, ()) = tokio::join!(server.post(&webhook), async {
        memory.asked.notified().await;
        let drain = server.handler.drain(LONG);
        let decide = async {
            // Once the drain has begun, since it is polled first.
            memory.may_decide.add_permits(1);
        };
        let (drained, ()) = tokio::join!(biased; drain, decide);
        drained.expect("the callback returns");
    });
    assert_eq!(answer.body["status"], "accepted");
    assert!(fired.try_recv().is_ok());
}

#[tokio::test]
async fn what_is_remembered_first_is_handled_first_also_where_it_takes_longer() {
    let (builder, mut fired) = recording();
    let memory = Slow::default();
    let builder = builder.memory(memory.clone()).response_timeout(SHORT);
    let server = Server::start(builder).await;
    // The first is in the memory, which takes its time; the second waits for its turn, and no response waits for either.
    for webhook in [shopify_stock(5, 10), shopify_stock(3, 11)] {
        assert_eq!(server.post(&webhook).await.body["code"], "memory_timed_out");
    }
    assert_eq!(memory.asked_so_far.load(Ordering::Relaxed), 1);
    memory.may_decide.add_permits(2);
    for available in [5, 3] {
        let Fired::Inventory(change) = next(&mut fired).await else { panic!("it is stock") };
        assert_eq!(change.stock.available, Some(available));
    }
}
