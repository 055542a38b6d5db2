//! The integrations that webhooks come in for, kept in memory: read from the log, never from a view that can lag.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use cqrs_es::Aggregate as _;
use domain::IntegrationId;
use domain::integration::{Integration, IntegrationCommand, IntegrationRefusal, Link};

use crate::event_log::{Actor, CommandError, Committed, EventLog, LoadError};
use crate::recurring::Recurring;

/// Integrations held at most. Beyond it, some are forgotten and read again when they are needed.
const MAX_HELD: usize = 20_000;
const BATCH: i64 = 500;

/// Never behind this node's own writes, and behind another node's only as long as a notification takes.
#[derive(Clone)]
pub struct Integrations {
    log: EventLog,
    held: Arc<RwLock<HashMap<IntegrationId, Held>>>,
    /// Counts the changes that were heard of, so that a load which a change overtook is not kept.
    changes: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Held {
    link: Arc<Link>,
    sequence: i64,
}

impl Integrations {
    pub fn new(log: &EventLog) -> Self {
        Self { log: log.clone(), held: Arc::default(), changes: Arc::default() }
    }

    /// The integration, if there is one.
    pub async fn find(&self, id: IntegrationId) -> Result<Option<Arc<Link>>, LoadError> {
        if let Some(held) = self.held.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Some(held.link.clone()));
        }
        let changes = self.changes.load(Ordering::SeqCst);
        let loaded = self.log.load::<Integration>(&id.to_string()).await?;
        let Integration::Created(link) = loaded.aggregate else {
            return Ok(None);
        };
        let link = Arc::new(*link);
        let held = Held { link: link.clone(), sequence: loaded.sequence };
        let mut all = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if changes == self.changes.load(Ordering::SeqCst) {
            keep(&mut all, id, held);
        }
        Ok(Some(link))
    }

    /// Executes a command and knows its outcome before anybody is told.
    pub async fn execute(
        &self,
        id: IntegrationId,
        command: IntegrationCommand,
        actor: &Actor,
    ) -> Result<Committed<Integration>, CommandError<IntegrationRefusal>> {
        let committed = self.log.execute::<Integration>(&id.to_string(), command, actor).await?;
        if let Integration::Created(link) = &committed.aggregate {
            let held = Held { link: Arc::new(link.as_ref().clone()), sequence: committed.sequence };
            let mut all = self.held.write().unwrap_or_else(PoisonError::into_inner);
            self.changes.fetch_add(1, Ordering::SeqCst);
            if all.get(&id).is_none_or(|known| known.sequence < held.sequence) {
                keep(&mut all, id, held);
            }
        }
        Ok(committed)
    }

    /// Forgets what other nodes changed, as the feed tells it. Runs until it is dropped.
    pub async fn follow(&self) {
        if self.log.has_one_writer() {
            return;
        }
        let failures = Recurring::new("changes of integrations cannot be followed");
        let mut head = self.log.head_changes();
        let mut cursor = head.borrow().clone();
        // What was appended between opening the log and now is not in memory yet, so nothing is missed.
        loop {
            head.mark_unchanged();
            let seen_head = head.borrow().clone();
            match self.log.changed_after(Integration::TYPE, &cursor, BATCH).await {
                Ok(changed) if changed.is_empty() => {
                    failures.worked();
                    cursor = seen_head;
                    if head.changed().await.is_err() {
                        return;
                    }
                }
                Ok(changed) => {
                    failures.worked();
                    for changed in changed {
                        cursor = changed.cursor;
                        if let Ok(id) = changed.aggregate_id.parse() {
                            self.apply_changed(id, changed.sequence);
                        }
                    }
                }
                Err(error) => {
                    if matches!(error, LoadError::OtherLog { .. }) {
                        cursor = seen_head;
                    }
                    failures.failed(error);
                    self.forget_everything();
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    fn apply_changed(&self, id: IntegrationId, sequence: i64) {
        let mut all = self.held.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::SeqCst);
        if all.get(&id).is_some_and(|held| held.sequence < sequence) {
            all.remove(&id);
        }
    }

    fn forget_everything(&self) {
        let mut all = self.held.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::SeqCst);
        all.clear();
    }
}

fn keep(all: &mut HashMap<IntegrationId, Held>, id: IntegrationId, held: Held) {
    if all.len() >= MAX_HELD
        && !all.contains_key(&id)
        && let Some(some) = all.keys().next().copied()
    {
        all.remove(&some);
    }
    all.insert(id, held);
}
