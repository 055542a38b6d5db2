//! Sends changed deliveries, dispatches and stores to who watches them, once the views show it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use event_log::recorded::{AnyEvent, Cursor};
use futures_util::Stream;
use projections::commerce;
use projections::commerce::dispatch_list::{self, DispatchEntry};
use projections::delivery_log::{self, DeliveryRow};
use projections::stores::{self, StoreRow};
use tokio::sync::broadcast;

use super::log_and_views::LogAndViews;
use event_log::LoadError;

/// Changes that a slow watcher may be behind; it misses the older ones then.
const KEPT: usize = 1_024;
const BATCH: i64 = 200;
/// How long the views may take to show a change.
const SHOWN_WITHIN: Duration = Duration::from_secs(30);
const RETRY_AFTER: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Log(#[from] LoadError),
    #[error(transparent)]
    Views(#[from] sqlx::Error),
}

/// One follower of the feed for all watchers of this node.
#[derive(Clone)]
pub struct Changes {
    deliveries: broadcast::Sender<Arc<DeliveryRow>>,
    dispatches: broadcast::Sender<Arc<DispatchEntry>>,
    stores: broadcast::Sender<Arc<StoreRow>>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            deliveries: broadcast::Sender::new(KEPT),
            dispatches: broadcast::Sender::new(KEPT),
            stores: broadcast::Sender::new(KEPT),
        }
    }
}

/// Every change from now on. Ends when the service does.
fn received<T: Clone + Send + 'static>(sender: &broadcast::Sender<T>) -> impl Stream<Item = T> + use<T> {
    futures_util::stream::unfold(sender.subscribe(), |mut receiver| async move {
        loop {
            match receiver.recv().await {
                Ok(row) => return Some((row, receiver)),
                // What was missed is in the log, and the next change shows where things stand.
                Err(broadcast::error::RecvError::Lagged(missed)) => tracing::debug!(missed, "a watcher is slow"),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    })
}

impl Changes {
    pub fn of_deliveries(&self) -> impl Stream<Item = Arc<DeliveryRow>> + use<> {
        received(&self.deliveries)
    }

    pub fn of_dispatches(&self) -> impl Stream<Item = Arc<DispatchEntry>> + use<> {
        received(&self.dispatches)
    }

    pub fn of_stores(&self) -> impl Stream<Item = Arc<StoreRow>> + use<> {
        received(&self.stores)
    }

    /// Runs until it is dropped.
    pub async fn follow(&self, data: &LogAndViews) {
        let mut head = data.log.head_changes();
        let mut cursor = head.borrow().clone();
        loop {
            head.mark_unchanged();
            let watchers =
                [self.deliveries.receiver_count(), self.dispatches.receiver_count(), self.stores.receiver_count()];
            if watchers == [0, 0, 0] {
                // No subscriber: a new one gets what happens from then on.
                cursor = head.borrow().clone();
            } else {
                match self.step(data, &cursor).await {
                    Ok(Some(reached)) => {
                        cursor = reached;
                        continue;
                    }
                    Ok(None) => {}
                    Err(FollowError::Log(LoadError::OtherLog { .. })) => {
                        cursor = head.borrow().clone();
                        tokio::time::sleep(RETRY_AFTER).await;
                        continue;
                    }
                    Err(error) => {
                        tracing::error!(%error, "changes cannot be sent to subscribers");
                        tokio::time::sleep(RETRY_AFTER).await;
                        continue;
                    }
                }
            }
            if head.changed().await.is_err() {
                return;
            }
        }
    }

    async fn step(&self, data: &LogAndViews, cursor: &Cursor) -> Result<Option<Cursor>, FollowError> {
        let LogAndViews { log, views, projector } = data;
        let events = log.follow(cursor, BATCH).await?;
        let Some(last) = events.last() else { return Ok(None) };
        let changed = |is_wanted: fn(&AnyEvent) -> bool| -> Vec<String> {
            let changed: BTreeSet<&String> =
                events.iter().filter(|event| is_wanted(&event.event)).map(|event| &event.aggregate_id).collect();
            changed.into_iter().cloned().collect()
        };
        let deliveries = changed(|event| matches!(event, AnyEvent::Delivery(_)));
        if !deliveries.is_empty() && projector.wait_for(&[delivery_log::VIEW], last.position, SHOWN_WITHIN).await {
            for row in delivery_log::find_many(views, &deliveries).await? {
                // That no subscriber is left is no failure.
                self.deliveries.send(Arc::new(row)).ok();
            }
        }
        let dispatches = changed(|event| matches!(event, AnyEvent::Dispatch(_)));
        if !dispatches.is_empty() && projector.wait_for(&[commerce::VIEW], last.position, SHOWN_WITHIN).await {
            for entry in dispatch_list::find_many(views, &dispatches).await? {
                self.dispatches.send(Arc::new(entry)).ok();
            }
        }
        let stores = changed(|event| matches!(event, AnyEvent::Store(_)));
        if !stores.is_empty() && projector.wait_for(&[stores::VIEW], last.position, SHOWN_WITHIN).await {
            for row in stores::find_many(views, &stores).await? {
                self.stores.send(Arc::new(row)).ok();
            }
        }
        Ok(Some(last.cursor()))
    }
}
