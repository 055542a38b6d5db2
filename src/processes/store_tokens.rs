//! Tokens of stores that end are renewed before they do: Square's after a month, Shopify's after an hour where the app wants it so.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::IntegrationId;
use domain::integration::IntegrationEvent;
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{Actor, Position};
use projections::integrations;

use super::Dependencies;
use super::failure::Failure;
use super::process_manager::{ProcessManager, handles};
use crate::app::log_and_views::{LogAndViews, VIEWS_TIMEOUT};
use crate::app::stores::{Renewal, Stores};

/// Tokens that are renewed one after the other before anything else is seen to.
const AT_ONCE: usize = 16;
const PAGE: i64 = 500;
/// A token is renewed when a quarter of its time is left, a week before its end at the earliest.
const EARLIEST: TimeDelta = TimeDelta::days(7);
const RETRY_AFTER: TimeDelta = TimeDelta::minutes(1);
const NEVER_SOONER_THAN: TimeDelta = TimeDelta::seconds(10);

/// Renews the tokens of connected stores.
pub(super) struct StoreTokens {
    data: LogAndViews,
    stores: Stores,
    due: BTreeMap<IntegrationId, (DateTime<Utc>, Option<Position>)>,
}

impl ProcessManager for StoreTokens {
    const NAME: &'static str = "store_tokens";

    handles! { |tokens, event| {
        ("integration", "store_access_saved") AnyEvent::Integration(IntegrationEvent::StoreAccessSaved { authorization, .. }) => {
            tokens.put(event, authorization.as_ref().and_then(|granted| granted.expires_at));
            Ok(())
        },
        ("integration", "store_access_renewed") AnyEvent::Integration(IntegrationEvent::StoreAccessRenewed { expires_at, .. }) => {
            tokens.put(event, *expires_at);
            Ok(())
        },
    } }

    fn new(needs: &Dependencies) -> Option<Self> {
        Some(Self { data: needs.data.clone(), stores: needs.stores.clone(), due: BTreeMap::new() })
    }

    async fn begin(&mut self, position: Position) -> Result<(), Failure> {
        self.due.clear();
        if !self.data.projector.wait_for(&[integrations::VIEW], position, VIEWS_TIMEOUT).await {
            return Err(Failure::ViewBehind);
        }
        let mut after = Position::START;
        loop {
            let page = integrations::page(&self.data.views, None, None, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.listed_at;
            for row in page {
                let connection = row.connection();
                let granted = connection.granted.filter(|_| connection.lost.is_none());
                let moment = DateTime::from_timestamp_micros;
                let ends = granted.and_then(|granted| Some((moment(granted.ends_at?)?, moment(granted.at)?)));
                if let (Some((ends_at, since)), Ok(id)) = (ends, row.id.parse()) {
                    self.due.insert(id, (renewed_at(since, ends_at), None));
                }
            }
        }
    }

    fn due_at(&self, _: Position) -> Option<DateTime<Utc>> {
        self.due.values().map(|(at, _)| *at).min()
    }

    async fn do_what_is_due(&mut self) -> Result<(), Failure> {
        let now = self.data.now();
        let due: Vec<_> =
            self.due.iter().filter(|(_, (at, _))| *at <= now).take(AT_ONCE).map(|(id, due)| (*id, *due)).collect();
        for (id, (_, caused_by)) in due {
            match self.stores.renew(id, Actor::System.because_of(caused_by)).await {
                // What follows comes by as an event.
                Ok(Renewal::Renewed | Renewal::NotNeeded) => {
                    self.due.remove(&id);
                }
                Ok(Renewal::Refused | Renewal::Failed) => {
                    self.due.insert(id, (now + RETRY_AFTER, caused_by));
                }
                Err(error) => {
                    tracing::warn!(integration = %id, ?error, "the token of a store could not be renewed");
                    self.due.insert(id, (now + RETRY_AFTER, caused_by));
                }
            }
        }
        Ok(())
    }
}

impl StoreTokens {
    fn put(&mut self, event: &Recorded, ends_at: Option<DateTime<Utc>>) {
        let Some(id) = event.integration_id else { return };
        match ends_at {
            Some(ends_at) => self.due.insert(id, (renewed_at(event.recorded_at, ends_at), Some(event.position))),
            None => self.due.remove(&id),
        };
    }
}

/// When a token that is good from `since` on is renewed.
fn renewed_at(since: DateTime<Utc>, ends_at: DateTime<Utc>) -> DateTime<Utc> {
    let left = ((ends_at - since) / 4).clamp(TimeDelta::zero(), EARLIEST);
    (ends_at - left).max(since + NEVER_SOONER_THAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_while_there_is_time() {
        let since = DateTime::from_timestamp(1_000_000, 0).unwrap();
        for (lasts, before) in [
            (TimeDelta::hours(1), TimeDelta::minutes(15)),
            (TimeDelta::days(30), TimeDelta::days(7)),
            (TimeDelta::days(12), TimeDelta::days(3)),
        ] {
            assert_eq!(renewed_at(since, since + lasts), since + lasts - before, "{lasts}");
        }
        // A clock that is wrong makes no storm of it.
        assert_eq!(renewed_at(since, since - TimeDelta::days(1)), since + NEVER_SOONER_THAN);
    }
}
