//! Stores keep posting their webhooks to us: what is needed is compared with what there is once a store is connected, whenever that
//! changes, every day, and when a store says that the app is gone.
//!
//! What is due is kept in memory, and made again from the view of stores after a start. A check that was broken off is done again:
//! the store itself says what is still to be done.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::IntegrationId;
use domain::integration::IntegrationEvent;
use domain::notice::NoticeEvent;
use domain::store::{CHECK_EVERY, CheckCause, StoreEvent};
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{Actor, Position};
use futures_util::future::join_all;
use projections::stores;

use super::Dependencies;
use super::failure::Failure;
use super::process_manager::{ProcessManager, handles};
use crate::app::log_and_views::{LogAndViews, VIEWS_TIMEOUT};
use crate::app::stores::{CheckOutcome, Stores};

/// Stores that are checked at the same time.
const AT_ONCE: usize = 16;
/// Rows of the view that are read at a time.
const PAGE: i64 = 500;
/// How often a store that says of itself that the app is gone is checked at most: anyone who captured such a webhook can send it
/// again.
const REVOCATIONS_EVERY: TimeDelta = TimeDelta::minutes(1);
/// A store of which nothing could be recorded.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(30);

/// A check that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    at: DateTime<Utc>,
    cause: CheckCause,
    /// The position of the event that it follows from.
    caused_by: Option<Position>,
    /// The sequence of that event, where it is one of the integration: a check that did not know it does not count for it.
    changed_at: u64,
}

/// Checks the webhooks of connected stores, and mends them.
pub(super) struct StoreSubscriptions {
    data: LogAndViews,
    stores: Stores,
    due: BTreeMap<IntegrationId, Due>,
    /// When one was last checked because it said that the app is gone.
    revocations: BTreeMap<IntegrationId, DateTime<Utc>>,
}

impl ProcessManager for StoreSubscriptions {
    const NAME: &'static str = "store_subscriptions";

    handles! { |subscriptions, event| {
        ("integration", "store_access_saved") AnyEvent::Integration(IntegrationEvent::StoreAccessSaved { .. }) => {
            subscriptions.check_now(event, CheckCause::Connected);
            Ok(())
        },
        ("integration", "purpose_changed") AnyEvent::Integration(IntegrationEvent::PurposeChanged { .. }) => {
            subscriptions.check_now(event, CheckCause::Changed);
            Ok(())
        },
        ("integration", "notification_url_changed") AnyEvent::Integration(IntegrationEvent::NotificationUrlChanged { .. }) => {
            subscriptions.check_now(event, CheckCause::Changed);
            Ok(())
        },
        ("integration", "integration_activated") AnyEvent::Integration(IntegrationEvent::IntegrationActivated {}) => {
            subscriptions.check_now(event, CheckCause::Changed);
            Ok(())
        },
        ("store", "subscriptions_checked") AnyEvent::Store(StoreEvent::SubscriptionsChecked(checked)) => {
            let known = (checked.cause, checked.integration_sequence);
            subscriptions.put_off(event, known, checked.at.checked_add_signed(CHECK_EVERY));
            Ok(())
        },
        ("store", "subscriptions_not_checked") AnyEvent::Store(StoreEvent::SubscriptionsNotChecked { cause, retry_at, integration_sequence, .. }) => {
            subscriptions.put_off(event, (*cause, *integration_sequence), Some(*retry_at));
            Ok(())
        },
        ("notice", "webhook_received") AnyEvent::Notice(NoticeEvent::WebhookReceived(received)) => {
            subscriptions.check_if_gone(event, received.topic.as_deref());
            Ok(())
        },
        // The same bytes as before: the app was installed again since, and removed again.
        ("notice", "webhook_repeated") AnyEvent::Notice(NoticeEvent::WebhookRepeated(repeated)) => {
            subscriptions.check_if_gone(event, repeated.topic.as_deref());
            Ok(())
        },
    } }

    fn new(needs: &Dependencies) -> Option<Self> {
        let (data, stores) = (needs.data.clone(), needs.stores.clone());
        Some(Self { data, stores, due: BTreeMap::new(), revocations: BTreeMap::new() })
    }

    async fn begin(&mut self, position: Position) -> Result<(), Failure> {
        self.due.clear();
        if !self.data.projector.wait_for(&[stores::VIEW], position, VIEWS_TIMEOUT).await {
            return Err(Failure::ViewBehind);
        }
        let mut after = Position::START;
        loop {
            let page = stores::page(&self.data.views, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.listed_at;
            for row in page {
                let at = row.check_at.and_then(DateTime::from_timestamp_micros);
                if let (Some(at), Ok(id)) = (at, row.id.parse()) {
                    let is_first = row.store().checked().is_none();
                    let cause = if is_first { CheckCause::Connected } else { CheckCause::Daily };
                    let changed_at = row.changed_at.unsigned_abs();
                    self.due.insert(id, Due { at, cause, caused_by: None, changed_at });
                }
            }
        }
    }

    fn due_at(&self, _: Position) -> Option<DateTime<Utc>> {
        self.due.values().map(|due| due.at).min()
    }

    async fn do_what_is_due(&mut self) -> Result<(), Failure> {
        let now = self.data.now();
        let is_due = |(_, due): &(&IntegrationId, &Due)| due.at <= now;
        let due: Vec<(IntegrationId, Due)> =
            self.due.iter().filter(is_due).take(AT_ONCE).map(|(id, due)| (*id, *due)).collect();
        let checks =
            due.iter().map(|(id, due)| self.stores.check(*id, due.cause, Actor::System.because_of(due.caused_by)));
        for ((id, due), outcome) in due.iter().zip(join_all(checks).await) {
            // Something may have happened meanwhile, after which it is to be checked again.
            if self.due.get(id) != Some(due) {
                continue;
            }
            match outcome {
                Ok(CheckOutcome::Checked | CheckOutcome::NotChecked { .. }) => {
                    // Until the event that says so comes by, which sets it.
                    self.due
                        .insert(*id, Due { at: now + CHECK_EVERY, cause: CheckCause::Daily, caused_by: None, ..*due });
                }
                Ok(CheckOutcome::NothingToCheck | CheckOutcome::AccessLost) => {
                    self.due.remove(id);
                }
                Err(error) => {
                    tracing::warn!(integration = %id, ?error, "the webhooks of a store could not be checked");
                    self.due.insert(*id, Due { at: now + RETRY_AFTER, ..*due });
                }
            }
        }
        Ok(())
    }
}

/// By which a store says that the app was removed, or the authorisation taken back. The topic of Shopify is not signed: whether it is
/// so, the store itself is asked.
const GONE: [&str; 2] = ["app/uninstalled", "oauth.authorization.revoked"];

impl StoreSubscriptions {
    fn check_if_gone(&mut self, event: &Recorded, topic: Option<&str>) {
        if topic.is_some_and(|topic| GONE.contains(&topic)) {
            self.check_now(event, CheckCause::Revoked);
        }
    }

    fn check_now(&mut self, event: &Recorded, cause: CheckCause) {
        let Some(id) = event.integration_id else { return };
        let now = self.data.now();
        let mut at = now;
        if cause == CheckCause::Revoked {
            let last = self.revocations.insert(id, now);
            at = last.map_or(now, |last| now.max(last + REVOCATIONS_EVERY));
        }
        let is_of_integration = matches!(event.event, AnyEvent::Integration(_));
        let changed_at = match self.due.get(&id) {
            _ if is_of_integration => event.sequence.0.unsigned_abs(),
            Some(due) => due.changed_at,
            None => 0,
        };
        self.due.insert(id, Due { at, cause, caused_by: Some(event.position), changed_at });
    }

    /// Unless something has happened that the check did not know.
    fn put_off(&mut self, event: &Recorded, (cause, known): (CheckCause, u64), at: Option<DateTime<Utc>>) {
        let (Some(id), Some(at)) = (event.integration_id, at) else { return };
        let is_news = |due: &Due| {
            let is_said_to_be_gone = due.cause == CheckCause::Revoked && cause != CheckCause::Revoked;
            due.changed_at > known || is_said_to_be_gone
        };
        if !self.due.get(&id).is_some_and(is_news) {
            self.due.insert(id, Due { at, cause: CheckCause::Daily, caused_by: None, changed_at: known });
        }
    }
}
