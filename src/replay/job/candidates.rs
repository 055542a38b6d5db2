//! Which deliveries a replay reads: those that are named, or those that the view of webhooks lists.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::bail;
use projections::webhook_receipts::{self, OrderReceipt};

use crate::app::log_and_views::LogAndViews;
use crate::replay::Choice;

/// Deliveries that one replay reads at most.
const MAX_READ: usize = 1_000_000;
const PAGE: i64 = 500;
/// How long a replay waits for the view to hold what is recorded.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The candidates, some at a time.
enum Source {
    Named(Option<Vec<String>>),
    /// By the webhooks that came, after this one.
    Received(Option<OrderReceipt>),
}

pub(super) struct Candidates {
    source: Source,
    seen: HashSet<String>,
    /// There were more than are read.
    pub(super) is_cut: bool,
}

impl Candidates {
    pub(super) async fn of(data: &LogAndViews, choice: &Choice) -> anyhow::Result<Self> {
        let source = if let Some(named) = choice.named() {
            Source::Named(Some(named))
        } else {
            // The view says what to look at, so it must hold everything that is there by now.
            let newest = data.log.newest().await?;
            if !data.projector.wait_for(&[webhook_receipts::VIEW], newest, TIMEOUT).await {
                bail!("the view of webhooks is too far behind");
            }
            Source::Received(None)
        };
        Ok(Self { source, seen: HashSet::new(), is_cut: false })
    }

    /// Deliveries that were not returned before; nothing at the end.
    pub(super) async fn next(&mut self, data: &LogAndViews, choice: &Choice) -> anyhow::Result<Option<Vec<String>>> {
        let after = match &mut self.source {
            Source::Named(named) => return Ok(named.take()),
            Source::Received(after) => after,
        };
        let integration_id = choice.integration_id.to_string();
        let (from, to) = choice.received;
        let times = (from.timestamp_micros(), to.timestamp_micros());
        let received =
            webhook_receipts::about_orders(&data.views, &integration_id, times, after.as_ref(), PAGE).await?;
        let Some(last) = received.last() else { return Ok(None) };
        if self.seen.len() >= MAX_READ {
            self.is_cut = true;
            return Ok(None);
        }
        *after = Some(last.clone());
        let ids = received.into_iter().map(|receipt| receipt.delivery_id);
        Ok(Some(ids.filter(|id| self.seen.insert(id.clone())).collect()))
    }
}
