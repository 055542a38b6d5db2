//! Reading deliveries: one, a page of the log, and what belongs to one.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::Private;
use domain::account::Account;
use domain::delivery::{Delivery, DeliveryStatus as Status, Order};
use event_log::Sequence;
use event_log::rates::{self, Rate};
use event_log::recorded::AnyEvent;
use projections::delivery_log::{self, DeliveryRow, Filter, Page};
use projections::identifiers::Kind;

use super::Deliveries;
use crate::app::error::Error;
use crate::app::events::{self, DisclosedEvent};
use crate::app::viewer::Viewer;

/// Longest text that is searched.
const MAX_SEARCHED_CHARS: usize = 500;
/// Statuses, or resolution codes, that one filter names.
const MAX_NAMED: usize = 20;
/// Events of one delivery that are read for its customer's address.
const MAX_STORY: i64 = 1_000;

impl Deliveries {
    /// The delivery that an id or the beginning of one names, if the caller sees it. `read` reads a row by its id, so that
    /// who reads many at once reads them together.
    pub async fn find<F>(
        &self,
        viewer: &Viewer,
        id: String,
        read: impl FnOnce(String) -> F,
    ) -> Result<Option<Arc<DeliveryRow>>, Error>
    where
        F: Future<Output = Result<Option<Arc<DeliveryRow>>, Error>>,
    {
        let id = self.identifiers.resolve(viewer, Kind::Delivery, id, "id").await?;
        Ok(read(id).await?.filter(|row| viewer.sees(&row.account_id)))
    }

    /// A page of the deliveries of the account that is named, or of all that the caller sees; the newest first.
    pub async fn page(&self, viewer: &Viewer, filter: Filter, page: Page) -> Result<Vec<DeliveryRow>, Error> {
        let filter = visible(viewer, filter)?;
        let (account_id, integration_id) = (filter.account_id.as_deref(), filter.integration_id.as_deref());
        let integration_id = viewer.integration_within(&self.links, account_id, integration_id).await?;
        let filter = Filter { integration_id, ..filter };
        Ok(delivery_log::page(&self.data.views, &filter, page).await?)
    }

    /// Those of these deliveries that the caller sees, in this order.
    pub async fn listed(&self, viewer: &Viewer, ids: &[String]) -> Result<Vec<DeliveryRow>, Error> {
        let mut rows = delivery_log::find_many(&self.data.views, ids).await?;
        rows.retain(|row| viewer.sees(&row.account_id));
        rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
        Ok(rows)
    }

    /// The moment before which nothing happens to a delivery by itself: the next try, the end of the time for which a worker
    /// holds it, or when the account's pace allows the next attempt. None where it waits for no moment.
    pub async fn waits_until(&self, viewer: &Viewer, row: &DeliveryRow) -> Result<Option<DateTime<Utc>>, Error> {
        viewer.require_seeing(&row.account_id)?;
        if !matches!(row.status(), Status::Queued | Status::Running | Status::RetryScheduled) {
            return Ok(None);
        }
        let log = &self.data.log;
        let delivery = log.load::<Delivery>(&row.id).await?.aggregate;
        if let Some(until) = delivery.order().and_then(Order::waits_until) {
            return Ok(Some(until));
        }
        let account = log.current::<Account>(&row.account_id).await?;
        let (Some(merchant), Ok(account_id)) = (account.aggregate.merchant(), row.account_id.parse()) else {
            return Ok(None);
        };
        let (rate, now) = (Rate::Attempts(account_id), self.data.now());
        Ok(rates::next_at(log, rate, merchant.attempts_per_minute, now).await?)
    }

    /// The address that the latest webhook of a delivery names, opened under the delivery's data key. None where no webhook
    /// names one, where it was erased, and for callers of other accounts: they read it with a reason, on the record.
    pub async fn customer_email(&self, viewer: &Viewer, row: &DeliveryRow) -> Result<Option<String>, Error> {
        if !viewer.reads_personal_data(&row.account_id) {
            return Ok(None);
        }
        let story = self.data.log.opened_stream("delivery", stream_of(row), Sequence::START, MAX_STORY).await?;
        let named = story.iter().rev().find_map(|event| match &event.recorded.event {
            AnyEvent::Delivery(event) => event.report()?.order.email.as_ref().and_then(Private::known).cloned(),
            AnyEvent::Account(_)
            | AnyEvent::Integration(_)
            | AnyEvent::Notice(_)
            | AnyEvent::OperatorAction(_)
            | AnyEvent::Resource(_)
            | AnyEvent::Publication(_)
            | AnyEvent::Endpoint(_)
            | AnyEvent::Dispatch(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Checkpoint(_)
            | AnyEvent::Store(_)
            | AnyEvent::Instance(_)
            | AnyEvent::Unknown => None,
        });
        Ok(named)
    }

    /// The story of a delivery after a place, oldest first; until a moment, where one is given. With who ordered, for the
    /// account's own keys.
    pub async fn timeline(
        &self,
        viewer: &Viewer,
        row: &DeliveryRow,
        as_of: Option<DateTime<Utc>>,
        (after, limit): (Sequence, i64),
    ) -> Result<Vec<DisclosedEvent>, Error> {
        viewer.require_seeing(&row.account_id)?;
        let reveals = viewer.reads_personal_data(&row.account_id);
        events::read(&self.data, ("delivery", stream_of(row)), as_of, (after, limit), reveals).await
    }
}

/// What is wanted, of the account that is named, or of all that the caller sees.
pub(super) fn visible(viewer: &Viewer, filter: Filter) -> Result<Filter, Error> {
    for (argument, text) in [("search", &filter.search), ("order", &filter.order)] {
        if text.as_ref().is_some_and(|text| text.chars().count() > MAX_SEARCHED_CHARS) {
            return Err(Error::InvalidArgument { argument, reason: "is longer than 500 characters" });
        }
    }
    let Filter { mut statuses, mut resolution_codes, .. } = filter;
    statuses.truncate(MAX_NAMED);
    resolution_codes.truncate(MAX_NAMED);
    let account_id = viewer.scope_within(filter.account_id)?.map(|id| id.replace('\0', ""));
    Ok(Filter {
        // Support sees the orders of all accounts, and reads usernames with a reason only.
        search_names: account_id.as_deref().is_some_and(|id| viewer.reads_personal_data(id)),
        account_id,
        statuses,
        resolution_codes,
        order: filter.order.map(|order| order.trim().replace('\0', "")),
        search: filter.search.map(|search| search.replace('\0', "")),
        ..filter
    })
}

/// The stream of a delivery, or of the one that it repeats.
pub(super) fn stream_of(row: &DeliveryRow) -> &str {
    row.duplicate_of.as_ref().unwrap_or(&row.id)
}

#[cfg(test)]
mod tests {
    use domain::AccountId;
    use domain::account::Role;
    use event_log::ids;

    use super::*;

    #[test]
    fn usernames_are_searched_among_the_callers_own_customers_only() {
        let account_id = AccountId(ids::fresh());
        let viewer = |role| Viewer {
            account_id,
            role,
            key_id: domain::ApiKeyId(ids::fresh()),
            key_name: String::new(),
            reason: None,
        };
        let (own, other) = (account_id.to_string(), ids::fresh().to_string());
        let of = |role, account_id: Option<&str>| {
            let filter = Filter { account_id: account_id.map(str::to_owned), ..Filter::default() };
            visible(&viewer(role), filter).map(|filter| (filter.account_id, filter.search_names))
        };
        assert!(matches!(of(Role::Merchant, None), Ok((Some(id), true)) if id == own));
        assert!(matches!(of(Role::Merchant, Some(&other)), Err(Error::Forbidden)));
        assert!(matches!(of(Role::Support, None), Ok((None, false))));
        assert!(matches!(of(Role::Support, Some(&other)), Ok((Some(id), false)) if id == other));
        assert!(matches!(of(Role::Support, Some(&own)), Ok((Some(id), true)) if id == own));
    }
}
