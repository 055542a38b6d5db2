//! What was sent to subscriptions of instances, and what waits for them: to be pulled, or replayed.

use domain::dispatch::DispatchStatus;
use domain::endpoint::Activity;
use projections::commerce::dispatch_list::{DispatchEntry, Filter, Place};
use strum::{EnumString, IntoStaticStr};

use super::Instances;
use super::subscriptions::FoundSubscription;
use crate::app::dispatches::Redrive;
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;

/// Deliveries that a replay returns of one subscription.
const MAX_SHOWN: i64 = 100;

/// Where a delivery stands, in the words of Cloud Elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is about to be sent.
    Created,
    Delivered,
    /// It failed, and is sent again.
    Retry,
    /// It is not sent by itself: its subscription is not active, or its retries are used up.
    Queued,
}

impl DeliveryStatus {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A notification on its way to a subscription.
pub struct Delivery {
    pub subscription: FoundSubscription,
    pub entry: DispatchEntry,
    pub status: DeliveryStatus,
}

/// Which deliveries are wanted; what is None restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub status: Option<DeliveryStatus>,
    /// Of their subscription.
    pub url: Option<String>,
    /// Of the instance.
    pub instance: Option<u32>,
}

/// Where a list of deliveries goes on: with this subscription, before this place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Further {
    pub subscription: u32,
    pub before: Option<Place>,
}

impl Instances {
    /// Deliveries of the caller's account, those of each subscription together, the newest events of each first.
    pub async fn deliveries(
        &self,
        viewer: &Viewer,
        wanted: &Wanted,
        (from, limit): (Option<Further>, i64),
    ) -> Result<(Vec<Delivery>, Option<Further>), Error> {
        let subscriptions = self.wanted(viewer, wanted).await?;
        let mut found = vec![];
        let is_before =
            |one: &FoundSubscription| from.as_ref().is_some_and(|from| one.subscription.number != from.subscription);
        for subscription in subscriptions.into_iter().skip_while(is_before) {
            let before = from.as_ref().filter(|from| from.subscription == subscription.subscription.number);
            let before = before.and_then(|from| from.before.clone());
            let room = limit - i64::try_from(found.len()).unwrap_or(i64::MAX);
            let number = subscription.subscription.number;
            if room <= 0 {
                return Ok((found, Some(Further { subscription: number, before: None })));
            }
            let statuses = statuses(&subscription, wanted.status);
            if statuses.is_empty() {
                continue;
            }
            let filter = of_subscription(viewer, &subscription, statuses);
            let page = self.dispatches.page(viewer, filter, (before, room)).await?;
            let is_full = i64::try_from(page.len()).unwrap_or(i64::MAX) >= room;
            let last = page.last().map(DispatchEntry::place);
            found.extend(page.into_iter().filter_map(|entry| delivery(&subscription, entry)));
            if is_full {
                return Ok((found, Some(Further { subscription: number, before: last })));
            }
        }
        Ok((found, None))
    }

    /// Sends again what is queued, or what waits for its next attempt. A subscription that this service disabled is active again. Where
    /// an instance or its events are disabled nothing is sent. Returns what was replayed, or the newest of it.
    pub async fn replay(&self, viewer: &Viewer, wanted: &Wanted) -> Result<Vec<Delivery>, Error> {
        let status = wanted.status.unwrap_or(DeliveryStatus::Queued);
        if !matches!(status, DeliveryStatus::Queued | DeliveryStatus::Retry) {
            let message = "deliveries of the status queued or retry are replayed";
            return Err(Refused::new("INVALID_WHERE", message, Some("where")).into());
        }
        let mut replayed = vec![];
        for subscription in self.wanted(viewer, wanted).await?.into_iter().filter(|found| found.sends) {
            let statuses = statuses(&subscription, Some(status));
            // One that a person paused stays so.
            if statuses.is_empty() || subscription.endpoint.activity == Activity::Paused {
                continue;
            }
            let filter = of_subscription(viewer, &subscription, statuses);
            let shown = self.dispatches.page(viewer, filter.clone(), (None, MAX_SHOWN)).await?;
            replayed.extend(shown.into_iter().filter_map(|entry| delivery(&subscription, entry)));
            let id = subscription.subscription.endpoint_id.to_string();
            if matches!(subscription.endpoint.activity, Activity::Disabled(_)) {
                self.endpoints.resume(viewer, &id).await?;
            }
            // What was never attempted is sent by itself now.
            let attempted =
                filter.statuses.iter().copied().filter(|status| *status != DispatchStatus::Queued).collect();
            let filter = Filter { statuses: attempted, ..filter };
            let mut after = None;
            loop {
                let redrive = Redrive { filter: filter.clone(), latest_per_object: false, after, dry_run: false };
                let redriven = self.dispatches.redrive_all(viewer, redrive).await?;
                if !redriven.more {
                    break;
                }
                after = redriven.end;
            }
        }
        Ok(replayed)
    }

    async fn wanted(&self, viewer: &Viewer, wanted: &Wanted) -> Result<Vec<FoundSubscription>, Error> {
        let mut found = self.subscriptions(viewer, wanted.instance).await?;
        found.retain(|found| wanted.url.as_ref().is_none_or(|url| *url == found.endpoint.settings.url));
        Ok(found)
    }
}

fn of_subscription(viewer: &Viewer, found: &FoundSubscription, statuses: Vec<DispatchStatus>) -> Filter {
    Filter {
        account_id: Some(viewer.account_id.to_string()),
        endpoint_id: Some(found.subscription.endpoint_id.to_string()),
        statuses,
        ..Filter::default()
    }
}

/// Which dispatches of a subscription have a status.
fn statuses(found: &FoundSubscription, wanted: Option<DeliveryStatus>) -> Vec<DispatchStatus> {
    let all = [DispatchStatus::Queued, DispatchStatus::Retrying, DispatchStatus::DeadLetter, DispatchStatus::Delivered];
    let is_wanted = |status: &DispatchStatus| {
        let status = status_of(found, *status);
        status.is_some() && wanted.is_none_or(|wanted| status == Some(wanted))
    };
    all.into_iter().filter(is_wanted).collect()
}

fn delivery(found: &FoundSubscription, entry: DispatchEntry) -> Option<Delivery> {
    let status = status_of(found, entry.status())?;
    Some(Delivery { subscription: found.clone(), entry, status })
}

/// None of what is not sent, and never will be.
fn status_of(found: &FoundSubscription, status: DispatchStatus) -> Option<DeliveryStatus> {
    Some(match (status, found.is_active()) {
        (DispatchStatus::Delivered, _) => DeliveryStatus::Delivered,
        (DispatchStatus::DeadLetter, _) | (DispatchStatus::Queued | DispatchStatus::Retrying, false) => {
            DeliveryStatus::Queued
        }
        (DispatchStatus::Queued, true) => DeliveryStatus::Created,
        (DispatchStatus::Retrying, true) => DeliveryStatus::Retry,
        (DispatchStatus::Skipped, _) => return None,
    })
}
