//! What an endpoint would have been sent: of the latest events of its account, which it wants, and why not the others.

use commerce::{CommerceEventType, Filter};
use domain::endpoint::{Endpoint, Subscription};
use projections::commerce::events::{self, CommerceEventRow};
use projections::endpoints::EndpointRow;

use super::{Endpoints, checks};
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;
use crate::rendering;

/// Events that are examined at once.
pub const MAX_MATCHED: i32 = 1_000;
/// Rows that are read at a time.
const BATCH: i64 = 200;
/// So many events that are read from the log count as one request of the key.
const EVENTS_PER_REQUEST: usize = 20;

/// Why an event is not for an endpoint. The first of these that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is of a type that the endpoint does not get.
    Type,
    /// It happened in another store than those of the endpoint, or in none.
    Integration,
    /// It does not meet the filter.
    Filter,
}

/// An event, and why it is not for the endpoint where it is not.
pub struct Match {
    pub event: CommerceEventRow,
    pub mismatch: Option<Mismatch>,
}

/// The latest events, the newest first.
pub struct Matches {
    pub events: Vec<Match>,
}

impl Matches {
    /// How many are for the endpoint.
    pub fn matched(&self) -> usize {
        self.events.iter().filter(|event| event.mismatch.is_none()).count()
    }
}

impl Endpoints {
    /// Which of the last events of its account an endpoint would have been sent; with `filter`, if that were its filter.
    pub async fn matches(
        &self,
        viewer: &Viewer,
        row: &EndpointRow,
        (last, filter): (i32, Option<&str>),
    ) -> Result<Matches, Error> {
        viewer.require_seeing(&row.account_id)?;
        if !(1..=MAX_MATCHED).contains(&last) {
            return Err(Error::InvalidArgument { argument: "last", reason: "must be between 1 and 1000" });
        }
        let Endpoint::Created(subscription) = self.data.log.load::<Endpoint>(&row.id).await?.aggregate else {
            return Err(Refused::new("DELETED", "the endpoint is deleted: it gets nothing", Some("endpointId")).into());
        };
        let filter = match filter {
            Some(text) if text.trim().is_empty() => None,
            Some(text) => Some(checks::parsed_filter(text)?),
            None => subscription.settings.filter.as_deref().map(checks::stored_filter).transpose()?,
        };
        let mut matches = Matches { events: vec![] };
        let (mut before, wanted) = (None, usize::try_from(last).unwrap_or(0));
        while matches.events.len() < wanted {
            let rows = self.batch(row, before, wanted - matches.events.len()).await?;
            let Some(oldest) = rows.last() else { break };
            before = Some(oldest.list_position());
            let mut mismatches: Vec<_> = rows.iter().map(|event| mismatch(&subscription, event)).collect();
            if let Some(filter) = &filter {
                self.apply_filter(viewer, filter, &rows, &mut mismatches).await?;
            }
            let events = rows.into_iter().zip(mismatches).map(|(event, mismatch)| Match { event, mismatch });
            matches.events.extend(events);
        }
        Ok(matches)
    }

    async fn batch(
        &self,
        row: &EndpointRow,
        before: Option<events::ListPosition>,
        missing: usize,
    ) -> Result<Vec<CommerceEventRow>, Error> {
        let of_account = events::Filter { account_id: Some(row.account_id.clone()), ..events::Filter::default() };
        let limit = i64::try_from(missing).unwrap_or(BATCH).min(BATCH);
        Ok(events::page(&self.data.views, &of_account, before, limit).await?)
    }

    /// Reads what has no mismatch yet, and counts that as requests of the key.
    async fn apply_filter(
        &self,
        viewer: &Viewer,
        filter: &Filter,
        rows: &[CommerceEventRow],
        mismatches: &mut [Option<Mismatch>],
    ) -> Result<(), Error> {
        let wanted = || rows.iter().zip(&*mismatches).filter(|(_, mismatch)| mismatch.is_none());
        let events: Vec<&CommerceEventRow> = wanted().map(|(event, _)| event).collect();
        let requests = u32::try_from(events.len() / EVENTS_PER_REQUEST).unwrap_or(u32::MAX);
        self.api_keys.admit(viewer, requests).await?;
        let seen = rendering::seen_by_filters(&self.data.log, &events).await?;
        let open = mismatches.iter_mut().filter(|mismatch| mismatch.is_none());
        for (mismatch, seen) in open.zip(seen) {
            let passes = seen.is_some_and(|seen| filter.matches(&seen));
            *mismatch = (!passes).then_some(Mismatch::Filter);
        }
        Ok(())
    }
}

/// By type and integration alone.
fn mismatch(subscription: &Subscription, event: &CommerceEventRow) -> Option<Mismatch> {
    let Some(event_type) = CommerceEventType::parse(&event.event_type) else { return Some(Mismatch::Type) };
    let patterns = &subscription.settings.event_types;
    if !patterns.iter().any(|pattern| pattern.matches(event_type)) {
        return Some(Mismatch::Type);
    }
    let integration = event.integration_id.as_deref().and_then(|id| id.parse().ok());
    (!subscription.settings.interest().includes(event_type, integration)).then_some(Mismatch::Integration)
}
