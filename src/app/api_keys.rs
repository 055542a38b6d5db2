//! API keys: whose a key is, whether it is active, and how much it may do in a minute.

use std::sync::Arc;

use anyhow::bail;
use domain::account::{Account, ApiKey, Role};
use event_log::recurring::Recurring;
use futures_util::{Stream, StreamExt as _};
use projections::accounts::{self, ApiKeyRow};

use super::keys;
use super::log_and_views::{LogAndViews, VIEWS_TIMEOUT};
use super::viewer::{Unauthorized, Viewer};
use event_log::rates::{NotAdmitted, Rate, Rates};

/// Looks up keys, and counts what they do.
pub struct ApiKeys {
    data: LogAndViews,
    rates: Arc<Rates>,
    /// Of requests that come while the databases are away: all of them.
    failures: Recurring,
}

impl ApiKeys {
    pub fn new(data: LogAndViews, rates: Arc<Rates>) -> Self {
        Self { data, rates, failures: Recurring::new("API keys cannot be looked up") }
    }

    /// The key as it is recorded, active or not. One that is not found is looked for again once the view has caught up:
    /// a view that is folded for the first time must not lock anybody out.
    pub async fn find(&self, key: &str) -> anyhow::Result<Option<ApiKeyRow>> {
        let LogAndViews { log, views, projector } = &self.data;
        if projector.of_other_log().contains(&accounts::VIEW) {
            bail!("the accounts are of another event log, and are being rebuilt");
        }
        let hash = keys::hash(key);
        if let Some(row) = accounts::key_by_hash(views, &hash).await? {
            return Ok(Some(row));
        }
        if !projector.wait_for(&[accounts::VIEW], log.head(), VIEWS_TIMEOUT).await {
            bail!("the accounts are too far behind");
        }
        Ok(accounts::key_by_hash(views, &hash).await?)
    }

    /// Who sends a request with this key, which counts as one of its requests.
    pub async fn viewer(&self, key: &str, reason: Option<String>) -> Result<Viewer, Unauthorized> {
        let found = self.find(key).await.map_err(|error| {
            self.failures.failed(error);
            Unauthorized::Unavailable
        })?;
        let row = found.ok_or(Unauthorized::BadKey)?;
        let (Ok(account_id), Ok(key_id), Ok(role)) = (row.account_id.parse(), row.id.parse(), row.role.parse::<Role>())
        else {
            return Err(Unauthorized::BadKey);
        };
        let viewer = Viewer { account_id, role, key_id, key_name: row.name, reason };
        self.admit(&viewer, 1).await?;
        self.failures.worked();
        Ok(viewer)
    }

    /// Whether the key is active, by the account itself: the view that found it may lag.
    pub async fn is_active(&self, viewer: &Viewer) -> Result<bool, Unauthorized> {
        Ok(self.active(viewer).await?.is_some())
    }

    /// What a key that watches gets, until it is deactivated.
    pub(crate) fn while_active<T: Send, S: Stream<Item = T> + Send>(
        self: &Arc<Self>,
        viewer: &Viewer,
        changes: S,
    ) -> impl Stream<Item = T> + Send + use<T, S> {
        let (api_keys, viewer) = (self.clone(), viewer.clone());
        let allowed = changes.then(move |change| {
            let (api_keys, viewer) = (api_keys.clone(), viewer.clone());
            async move { matches!(api_keys.is_active(&viewer).await, Ok(true)).then_some(change) }
        });
        allowed.take_while(|change| std::future::ready(change.is_some())).filter_map(std::future::ready)
    }

    /// Counts what the key does as so many requests. It must be active, and within its limit.
    pub async fn admit(&self, viewer: &Viewer, cost: u32) -> Result<(), Unauthorized> {
        let key = self.active(viewer).await?.ok_or(Unauthorized::BadKey)?;
        // The costliest request is within every limit.
        let cost = cost.min((key.requests_per_minute / 2).max(1));
        let now = self.data.now();
        let of_key = Rate::Requests(viewer.key_id);
        let admitted = self.rates.admit(&self.data.log, of_key, (key.requests_per_minute, cost), now).await;
        admitted.map_err(|refused| match refused {
            NotAdmitted::Exceeded { next_at } => {
                Unauthorized::LimitReached { retry_after: (next_at - now).to_std().unwrap_or_default() }
            }
            NotAdmitted::Unavailable(error) => {
                self.failures.failed(error);
                Unauthorized::Unavailable
            }
        })
    }

    async fn active(&self, viewer: &Viewer) -> Result<Option<ApiKey>, Unauthorized> {
        let account = self.data.log.current::<Account>(viewer.account_id).await.map_err(|error| {
            self.failures.failed(error);
            Unauthorized::Unavailable
        })?;
        Ok(account.aggregate.merchant().and_then(|merchant| merchant.keys.active(viewer.key_id)).cloned())
    }
}
