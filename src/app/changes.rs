//! Sends changed deliveries to subscribers, once the delivery log shows it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use event_log::recorded::{AnyEvent, Cursor};
use futures_util::Stream;
use projections::delivery_log::{self, DeliveryRow};
use tokio::sync::broadcast;

use super::log_and_views::LogAndViews;
use event_log::LoadError;

/// Changes that a slow watcher may be behind; it misses the older ones then.
const KEPT: usize = 1_024;
const BATCH: i64 = 200;
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
    sender: broadcast::Sender<Arc<DeliveryRow>>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(KEPT) }
    }
}

impl Changes {
    /// Every change from now on. Ends when the service does.
    pub fn subscribe(&self) -> impl Stream<Item = Arc<DeliveryRow>> + use<> {
        futures_util::stream::unfold(self.sender.subscribe(), |mut receiver| async move {
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

    /// Runs until it is dropped.
    pub async fn follow(&self, data: &LogAndViews) {
        let mut head = data.log.head_changes();
        let mut cursor = head.borrow().clone();
        loop {
            head.mark_unchanged();
            if self.sender.receiver_count() == 0 {
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
        let changed: BTreeSet<String> = events
            .iter()
            .filter(|event| matches!(event.event, AnyEvent::Delivery(_)))
            .map(|event| event.aggregate_id.clone())
            .collect();
        if !changed.is_empty()
            && projector.wait_for(&[delivery_log::VIEW], last.position, Duration::from_secs(30)).await
        {
            let ids: Vec<String> = changed.into_iter().collect();
            for row in delivery_log::find_many(views, &ids).await? {
                // That no subscriber is left is no failure.
                self.sender.send(Arc::new(row)).ok();
            }
        }
        Ok(Some(last.cursor()))
    }
}
