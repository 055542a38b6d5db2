//! What a store changed, what of it came by its webhooks, and what was fetched because it never came.

use chrono::{DateTime, TimeDelta, Utc};
use domain::IntegrationId;
use domain::store::Step;
use event_log::Origin;
use projections::stores::days::{self, DayRow};
use projections::webhook_receipts::{self, Delay};

use super::requests::Outcome;
use super::{Stores, Visit};
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;
use crate::ports::stores::api_of;

/// Days that a report is about at most.
pub const MAX_DAYS: i64 = 90;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A report on the gaps in what a store sends.
#[derive(Clone, Debug)]
pub struct GapReport {
    pub since: DateTime<Utc>,
    /// In UTC, the earliest first; those on which nothing was compared are left out.
    pub days: Vec<DayRow>,
    /// How long orders took from their change to here, of those that came by webhook and say when they were changed.
    pub delay: Delay,
}

/// Whether a comparison that a person wanted has been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    pub id: IntegrationId,
    /// False where it is still to be done.
    pub is_done: bool,
}

impl Stores {
    /// Compares the orders of a store with what it sent, at once.
    pub async fn sync(&self, viewer: &Viewer, id: &str) -> Result<Compared, Error> {
        let (id, owner) = self.integrations.managed(viewer, id).await?;
        let link = self.integrations.link(id).await?;
        let origin = Origin::from(viewer.actor(Some(&owner.to_string())));
        if api_of(link.provider).is_none_or(|api| api.order_lists().is_none()) {
            let message = format!("the orders of a store of {} cannot be listed", link.provider.name());
            return Err(Refused::new("CANNOT_SYNC", message, Some("integrationId")).into());
        }
        let outcome = self.compare_now(id, &link, origin).await?;
        let data = &self.integrations.data;
        data.wait_for_views(Some(data.log.head())).await;
        match outcome {
            Outcome::Done(_) => Ok(Compared { id, is_done: true }),
            Outcome::StillDue => Ok(Compared { id, is_done: false }),
            Outcome::Nothing => {
                let message = "the store cannot be called: `cloud-bridge stores status` says why";
                Err(Refused::new("NOT_CONNECTED", message, Some("integrationId")).into())
            }
        }
    }

    /// Has what a store sells read, which takes a while: `Store::filling` says how far it is.
    pub async fn read_catalogue(&self, viewer: &Viewer, id: &str) -> Result<IntegrationId, Error> {
        let (id, owner) = self.integrations.managed(viewer, id).await?;
        let link = self.integrations.link(id).await?;
        if api_of(link.provider).is_none_or(|api| api.catalogue().is_none()) {
            let message = format!("what a store of {} sells cannot be read", link.provider.name());
            return Err(Refused::new("CANNOT_SYNC", message, Some("integrationId")).into());
        }
        let visit = Visit { id, link: &link, worker: None, origin: viewer.actor(Some(&owner.to_string())).into() };
        if visit.target().is_none() || !link.active {
            let message = "the store cannot be called: `cloud-bridge stores status` says why";
            return Err(Refused::new("NOT_CONNECTED", message, Some("integrationId")).into());
        }
        self.record(&visit, Step::RequestFilling { now: self.integrations.now() }).await?;
        let data = &self.integrations.data;
        data.wait_for_views(Some(data.log.head())).await;
        Ok(id)
    }

    /// Of the days until now, today among them. The caller was shown the integration.
    pub async fn gap_report(&self, integration_id: &str, days: i64) -> Result<GapReport, Error> {
        let now = self.integrations.now();
        let today = now.timestamp().div_euclid(DAY_SECONDS);
        let days = days.clamp(1, MAX_DAYS);
        let views = &self.integrations.data.views;
        let since = DateTime::UNIX_EPOCH + TimeDelta::days(today - days + 1);
        Ok(GapReport {
            since,
            days: days::since(views, integration_id, today - days + 1, days).await?,
            delay: webhook_receipts::delay(views, integration_id, since.timestamp_micros()).await?,
        })
    }
}
