//! Deliveries: reading them, and putting them right: retry, one or many, move and cancel.

mod bulk_retry;
mod items;
mod past;
mod reading;
mod resolution;
mod stats;
mod watching;

use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};
use domain::delivery::{Delivery, DeliveryCommand};
use projections::delivery_log::{self, DeliveryRow};
use providers::username::normalised;

use tokio::sync::Semaphore;

use super::api_keys::ApiKeys;
use super::changes::Changes;
use super::error::{Error, Refused};
use super::identifiers::Identifiers;
use super::links::Links;
use super::log_and_views::{LogAndViews, VIEWS_TIMEOUT};
use super::viewer::Viewer;

pub use bulk_retry::{BulkRetry, Retried};
pub use items::{Item, ItemAsset, ItemState, items};
pub use resolution::{UnreadChange, resolution, unread_change};
pub use stats::StatsRequest;

/// What can be done with deliveries.
pub struct Deliveries {
    data: LogAndViews,
    api_keys: Arc<ApiKeys>,
    changes: Changes,
    identifiers: Identifiers,
    links: Links,
    /// Places for reading what was, of all callers together.
    past_reads: Semaphore,
}

impl Deliveries {
    pub fn new(
        data: LogAndViews,
        api_keys: Arc<ApiKeys>,
        changes: Changes,
        identifiers: Identifiers,
        links: Links,
    ) -> Self {
        Self { data, api_keys, changes, identifiers, links, past_reads: Semaphore::new(past::PAST_AT_A_TIME) }
    }

    /// Tries again, optionally with the right username. With another, what was bought goes to another customer: the caller
    /// says why, unless the orders are their own.
    pub async fn retry(&self, viewer: &Viewer, id: &str, username: Option<&str>) -> Result<Option<DeliveryRow>, Error> {
        // Read as in an order. An empty one is for the delivery to refuse.
        let username = username.map(|name| normalised(name).unwrap_or_default());
        if username.is_some() {
            viewer.require_reason()?;
        }
        self.execute(viewer, id, DeliveryCommand::Retry { username }).await
    }

    /// Moves the next try of a delivery that waits for one to another moment.
    pub async fn move_to(&self, viewer: &Viewer, id: &str, at: DateTime<Utc>) -> Result<Option<DeliveryRow>, Error> {
        let command = DeliveryCommand::MoveWait { until: at.trunc_subsecs(6), now: self.data.now() };
        self.execute(viewer, id, command).await
    }

    pub async fn cancel(&self, viewer: &Viewer, id: &str) -> Result<Option<DeliveryRow>, Error> {
        self.execute(viewer, id, DeliveryCommand::Cancel).await
    }

    async fn execute(&self, viewer: &Viewer, id: &str, command: DeliveryCommand) -> Result<Option<DeliveryRow>, Error> {
        let LogAndViews { log, views, projector } = &self.data;
        let mut row = delivery_log::find(views, id).await?;
        if row.is_none() {
            // It was recorded a moment ago, perhaps: its store has this id already.
            projector.wait_for(&[delivery_log::VIEW], log.head(), VIEWS_TIMEOUT).await;
            row = delivery_log::find(views, id).await?;
        }
        let row = row.filter(|row| viewer.sees(&row.account_id)).ok_or_else(|| Refused::not_found("deliveryId"))?;
        // A duplicate is done to the delivery that it duplicates.
        let stream = reading::stream_of(&row);
        let committed = log.execute::<Delivery>(stream, command, &viewer.actor(Some(&row.account_id))).await?;
        self.data.wait_for_views(committed.position).await;
        Ok(delivery_log::find(views, stream).await?)
    }
}
