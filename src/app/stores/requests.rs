//! What a person wants done at a store at once: it is requested, a worker does it, and what came of it is waited for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::IntegrationId;
use domain::store::{CheckCause, Step, Store};
use event_log::Origin;

use super::{Stores, Visit};
use crate::app::error::Error;
use crate::app::links::CurrentLink;

/// How long a person waits for it at most: less than clients wait for a response.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How often the store's stream is looked at meanwhile, at most.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What came of a request.
pub(super) enum Outcome {
    /// The store cannot be called, or there is nothing to do.
    Nothing,
    Done(Box<Store>),
    /// It is done later.
    StillDue,
}

impl Stores {
    /// Has the webhooks of a store checked.
    pub(super) async fn check_now(
        &self,
        id: IntegrationId,
        link: &CurrentLink,
        origin: Origin,
    ) -> Result<Outcome, Error> {
        let visit = Visit { id, link, worker: None, origin };
        if visit.target().is_none() || !link.active {
            return Ok(Outcome::Nothing);
        }
        let now = self.integrations.now();
        // Of a store that was connected before anything was recorded of it, that it is connected.
        let known = self.integrations.data.log.load::<Store>(id).await?.aggregate.is_watched();
        let cause = if known { CheckCause::Requested } else { CheckCause::Connected };
        self.record(&visit, Step::RequestCheck { cause, now, integration_sequence: None }).await?;
        self.wait_while(id, now, Store::is_being_checked).await
    }

    /// Has the webhooks of a store checked, as far as that is waited for.
    pub(in crate::app) async fn check_requested(&self, id: IntegrationId, origin: Origin) -> Result<(), Error> {
        let link = self.integrations.link(id).await?;
        self.check_now(id, &link, origin).await.map(drop)
    }

    /// Has the orders of a store compared with what came.
    pub(super) async fn compare_now(
        &self,
        id: IntegrationId,
        link: &CurrentLink,
        origin: Origin,
    ) -> Result<Outcome, Error> {
        let visit = Visit { id, link, worker: None, origin };
        let compares = self.integrations.data.log.load::<Store>(id).await?.aggregate.comparing().is_some();
        if visit.target().is_none() || !link.active || !compares {
            return Ok(Outcome::Nothing);
        }
        let now = self.integrations.now();
        self.record(&visit, Step::RequestComparison { now }).await?;
        self.wait_while(id, now, Store::is_being_compared).await
    }

    async fn wait_while(
        &self,
        id: IntegrationId,
        requested_at: DateTime<Utc>,
        goes_on: fn(&Store, DateTime<Utc>) -> bool,
    ) -> Result<Outcome, Error> {
        let log = &self.integrations.data.log;
        let mut heads = log.head_changes();
        let done = async {
            loop {
                heads.mark_unchanged();
                let store = log.load::<Store>(id).await?.aggregate;
                // What cannot be called any more was not done.
                if store.due_at().is_none() {
                    return Ok(Outcome::Nothing);
                }
                if !goes_on(&store, requested_at) {
                    return Ok(Outcome::Done(Box::new(store)));
                }
                heads.changed().await.map_err(|_| Error::Unavailable)?;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(TIMEOUT, done).await.unwrap_or(Ok(Outcome::StillDue))
    }
}
