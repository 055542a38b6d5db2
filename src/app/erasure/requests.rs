//! Erasing a customer or an order because a person requested it.

use std::collections::BTreeSet;

use domain::delivery::ErasureCause;
use event_log::Position;
use projections::delivery_log::{self, DeliveryRow, personal};

use super::notices::{self, NoticeCounts};
use super::{Erasure, MAX_AT_ONCE, Named, erase, extent, readings, record};
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;

/// Deliveries that are shown of those that match.
const MAX_SHOWN: usize = 100;

/// Whose data is to be erased.
pub struct ErasureRequest {
    /// An e-mail address, the store's id of the customer, or a username. This or `order`.
    pub customer: Option<String>,
    /// The store's id of the order, its number, or the id of its delivery.
    pub order: Option<String>,
    /// None for the caller's own account, or for all where the caller sees all.
    pub account_id: Option<String>,
    /// Touches nothing.
    pub dry_run: bool,
}

/// What an erasure did, or would do.
pub struct Erased {
    /// Deliveries that match; [`MAX_AT_ONCE`] at most are touched at once.
    pub matched: i64,
    /// How many accounts they and the webhooks about no order belong to.
    pub accounts: i64,
    /// How many of those that were touched held anything personal.
    pub erased: usize,
    pub data_requests: usize,
    pub other_webhooks: usize,
    /// Events that programs of the account published.
    pub published_events: usize,
    /// Whether some were left for the next call.
    pub more: bool,
    /// Some of the deliveries, the oldest first.
    pub shown: Vec<DeliveryRow>,
}

impl Erasure {
    /// Erases what is known of a customer, or of one order, for good.
    pub async fn erase_personal_data(&self, viewer: &Viewer, request: ErasureRequest) -> Result<Erased, Error> {
        let ErasureRequest { customer, order, account_id, dry_run } = request;
        // Of a customer also for a preview: it shows which deliveries an address has.
        if !dry_run || customer.is_some() {
            viewer.require_reason()?;
        }
        let named = Named::either(customer, order)?;
        let subject = named.subject(self, viewer.scope_within(account_id)?).await?;
        let extent = extent(self, &subject).await?;
        let rows = personal::deliveries(&self.data.views, &subject, Position::START, MAX_AT_ONCE).await?;
        let others = notices::naming(self, &named, &subject, &rows, MAX_AT_ONCE).await?;
        if extent.deliveries == 0 && others.is_empty() {
            return Err(unknown(&named).into());
        }
        let ids: Vec<String> = rows.iter().take(MAX_SHOWN).map(|row| row.id.clone()).collect();
        if dry_run && matches!(named, Named::Customer(_)) {
            // What cannot be recorded is not shown.
            readings::record(&self.data, viewer, &rows[..ids.len()]).await?;
        }
        let mut erased = 0;
        if !dry_run {
            let actor = |account_id: &str| viewer.actor(Some(account_id));
            let requested = record(self, &rows, &others, actor).await?;
            let origin = |account_id: &str| actor(account_id).because_of(requested.get(account_id).copied());
            // Whose they are may be known from the deliveries alone, so these come first.
            let has_erased_others = notices::erase(self, &others, origin).await? > 0;
            erased = erase(self, &rows, ErasureCause::Operator, origin).await?;
            if has_erased_others {
                self.traces.wait_until_cleared().await;
            }
        }
        let owners: BTreeSet<&str> = rows.iter().map(|row| row.account_id.as_str()).collect();
        let counts = NoticeCounts::of(&others);
        let more = extent.deliveries > MAX_AT_ONCE || i64::try_from(others.len()).is_ok_and(|many| many >= MAX_AT_ONCE);
        let of_others: BTreeSet<&str> = others.iter().map(|row| row.account_id.as_str()).collect();
        let only_others = i64::try_from(of_others.difference(&owners).count()).unwrap_or(i64::MAX);
        let mut shown = delivery_log::find_many(&self.data.views, &ids).await?;
        shown.sort_by_key(|row| row.listed_at);
        Ok(Erased {
            matched: extent.deliveries,
            accounts: extent.accounts.saturating_add(only_others),
            erased,
            data_requests: counts.data_requests,
            other_webhooks: counts.others,
            published_events: counts.published_events,
            more,
            shown,
        })
    }
}

fn unknown(named: &Named) -> Refused {
    let (message, field) = match named {
        Named::Customer(_) => ("nothing is known of this customer", "customer"),
        Named::Order(_) => ("there is no such order", "orderId"),
    };
    Refused::new("NOT_FOUND", message, Some(field))
}
