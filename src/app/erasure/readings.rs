//! Reading who ordered what, which is recorded before anything is shown.

use cqrs_es::Aggregate as _;
use domain::account::Role;
use domain::delivery::{Delivery, DeliveryEvent, Report};
use domain::operator_action::OperatorActionEvent;
use domain::{AccountId, Private};
use event_log::recorded::AnyEvent;
use event_log::{Position, Sequence};
use futures_util::stream::{StreamExt as _, iter};
use projections::delivery_log::{self, DeliveryRow, personal};

use super::{Erasure, Named, extent};
use crate::app::error::{Error, Refused};
use crate::app::log_and_views::LogAndViews;
use crate::app::operator_actions;
use crate::app::viewer::Viewer;

/// Records that are written at a time: the log commits together what waits.
const CONCURRENCY: usize = 16;
/// A story longer than this is not read.
const MAX_STORY: i64 = 10_000;
const MAX_REASON_CHARS: usize = 500;

/// A part of a customer's deliveries, the oldest first.
pub struct OfCustomer {
    /// In all parts together.
    pub matched: i64,
    pub rows: Vec<DeliveryRow>,
    /// Where the next part begins, if there is one.
    pub end: Option<Position>,
}

/// Who ordered, as far as it is known and not erased.
#[derive(Debug, Default)]
pub struct PersonalData {
    pub username: Option<String>,
    pub email: Option<String>,
    pub customer_name: Option<String>,
    /// The store's own id of the customer.
    pub customer_id: Option<String>,
}

impl Erasure {
    /// The deliveries of a customer after a place, `first` at most. Of other accounts than the caller's own, that they were
    /// read is recorded.
    pub async fn find_customer(
        &self,
        viewer: &Viewer,
        customer: String,
        account_id: Option<String>,
        (first, after): (usize, Position),
    ) -> Result<OfCustomer, Error> {
        viewer.require_reason()?;
        let named = Named::either(Some(customer), None)?;
        let subject = named.subject(self, viewer.scope_within(account_id)?).await?;
        let extent = extent(self, &subject).await?;
        let limit = i64::try_from(first + 1).unwrap_or(i64::MAX);
        let mut rows = personal::deliveries(&self.data.views, &subject, after, limit).await?;
        let more = rows.len() > first;
        rows.truncate(first);
        // Before anything is shown: what cannot be recorded is not shown.
        record(&self.data, viewer, &rows).await?;
        let end = rows.last().filter(|_| more).map(|row| row.listed_at);
        Ok(OfCustomer { matched: extent.deliveries, rows, end })
    }

    /// Who ordered. That it was read, by whom and why, is recorded before it is returned.
    pub async fn reveal(&self, viewer: &Viewer, delivery_id: &str, reason: &str) -> Result<PersonalData, Error> {
        viewer.require(Role::Support)?;
        let reason: String = reason.chars().filter(|character| !character.is_control()).collect();
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
            return Err(Refused::new("INVALID_REASON", "say why, in 1 to 500 characters", Some("reason")).into());
        }
        let found = delivery_log::find(&self.data.views, &delivery_id.replace('\0', "")).await?;
        let row = found.ok_or_else(|| Refused::not_found("deliveryId"))?;
        let stream = row.duplicate_of.as_ref().unwrap_or(&row.id);
        let (Ok(account_id), Ok(delivery_id)) = (row.account_id.parse::<AccountId>(), stream.parse()) else {
            return Err(Error::Internal);
        };
        let with_reason = Viewer { reason: Some(reason.to_owned()), ..viewer.clone() };
        let actor = with_reason.actor(Some(&row.account_id));
        let read = OperatorActionEvent::PersonalDataRead { account_id, delivery_id };
        operator_actions::begin(&self.data.log, read, &actor).await?;
        let mut data = PersonalData::default();
        for event in self.data.log.opened_stream(Delivery::TYPE, stream, Sequence::START, MAX_STORY).await? {
            if let AnyEvent::Delivery(event) = &event.recorded.event {
                data.learn(event);
            }
        }
        Ok(data)
    }
}

/// Records for each delivery of another account that its customer is known to a person now.
pub(super) async fn record(data: &LogAndViews, viewer: &Viewer, rows: &[DeliveryRow]) -> Result<(), Error> {
    let others = rows.iter().filter(|row| !viewer.owns(&row.account_id));
    let records: Vec<_> = others.map(|row| record_one(data, viewer, row)).collect();
    let mut recorded = iter(records).buffer_unordered(CONCURRENCY);
    let mut last = None;
    while let Some(position) = recorded.next().await {
        last = position?.max(last);
    }
    data.wait_for_views(last).await;
    Ok(())
}

async fn record_one(data: &LogAndViews, viewer: &Viewer, row: &DeliveryRow) -> Result<Option<Position>, Error> {
    let (Ok(account_id), Ok(delivery_id)) = (row.account_id.parse(), row.id.parse()) else {
        return Err(Error::Internal);
    };
    let read = OperatorActionEvent::PersonalDataRead { account_id, delivery_id };
    let (_, position) = operator_actions::begin(&data.log, read, &viewer.actor(Some(&row.account_id))).await?;
    Ok(position)
}

impl PersonalData {
    fn learn(&mut self, event: &DeliveryEvent) {
        let update = |field: &mut Option<String>, value: &Option<Private<String>>| {
            if let Some(value) = value.as_ref().and_then(Private::known) {
                *field = Some(value.clone());
            }
        };
        if let Some(Report { order, .. }) = event.report() {
            update(&mut self.username, &order.username);
            update(&mut self.email, &order.email);
            update(&mut self.customer_name, &order.customer_name);
            update(&mut self.customer_id, &order.customer_id);
        } else if let DeliveryEvent::UsernameCorrected { username } = event {
            update(&mut self.username, &Some(username.clone()));
        }
    }
}
