//! What an erasure leaves behind in the files of the databases, and how it goes.

use std::time::Duration;

use event_log::Position;
use projections::View;
use projections::views::forget_erased;
use tokio::sync::watch;

use super::Erasure;

use crate::app::log_and_views::VIEWS_TIMEOUT;

/// A reader holds an older state for the length of a query; a backup or another tool, longer.
const TRIES: u32 = 20;
const REST: Duration = Duration::from_millis(150);

/// How long an erasure waits for the files; they are cleared in any case.
const FILES_TIMEOUT: Duration = Duration::from_secs(10);

/// Up to where in the log people were erased, and up to where the files are clear of them.
#[derive(Clone)]
pub(crate) struct Traces {
    left: watch::Sender<Position>,
    gone: watch::Sender<Position>,
}

impl Default for Traces {
    fn default() -> Self {
        Self { left: watch::Sender::new(Position::START), gone: watch::Sender::new(Position::START) }
    }
}

impl Traces {
    pub(super) fn left_by(&self, position: Position) {
        self.left.send_modify(|left| *left = position.max(*left));
    }

    /// Waits until the files are clear of everybody who was erased up to now.
    pub(crate) async fn wait_until_cleared(&self) {
        let left = *self.left.borrow();
        self.wait_until_gone(left).await;
    }

    pub(super) async fn wait_until_gone(&self, position: Position) {
        let mut gone = self.gone.subscribe();
        let reached = gone.wait_for(|gone| *gone >= position);
        if tokio::time::timeout(FILES_TIMEOUT, reached).await.is_err() {
            tracing::warn!("the files are still being cleared of an erased person");
        }
    }
}

/// Clears the files after erasures, those of one moment together, and once at the beginning: a node that was killed right
/// after an erasure may have left some. Runs until it is dropped.
pub(crate) async fn follow(erasure: &Erasure) {
    let mut left = erasure.traces.left.subscribe();
    remove(erasure, Position::START).await;
    while left.changed().await.is_ok() {
        let position = *left.borrow_and_update();
        remove(erasure, position).await;
        erasure.traces.gone.send_replace(position);
    }
}

/// Once the views show that a person is gone, removes what the files of log and views still say. Where a reader
/// prevents that, the log says so; the next erasure, or a restart, removes it.
async fn remove(erasure: &Erasure, position: Position) {
    if !erasure.data.projector.wait_for(&View::ALL, position, VIEWS_TIMEOUT).await {
        tracing::warn!(position = position.0, "the views are too far behind to clear their files of an erased person");
    }
    for attempt in 1..=TRIES {
        match cleared(erasure).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, attempt, "the files cannot be cleared of an erased person yet"),
        }
        tokio::time::sleep(REST).await;
    }
    tracing::warn!(
        "the databases are being read all the time: what was erased may still lie in their write-ahead logs"
    );
}

async fn cleared(erasure: &Erasure) -> sqlx::Result<bool> {
    let log_is_clear = erasure.data.log.forget_erased().await?;
    Ok(log_is_clear && forget_erased(&erasure.data.views).await?)
}
