//! What happened in the stores of instances, how much of it, and what could not be sent.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use commerce::{Attempt, Raw};
use domain::dispatch::DispatchStatus;
use projections::commerce::counts::{self, CountRow, Counted};
use projections::commerce::dispatch_list::{self, DispatchEntry, Place};
use projections::commerce::events::{self, CommerceEventRow, Filter, ListPosition, OfStore};
use projections::integrations;
use strum::IntoStaticStr;

use super::{Instances, topics};
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;
use crate::rendering::{self, Persons, Rendered};

/// Points of a curve at most.
const MAX_POINTS: i64 = 1_500;
/// Pages of dispatches that are looked through for those of instances.
const MAX_PAGES: usize = 20;

/// How far an event has come, in the words of Cloud Elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE")]
pub enum EventStatus {
    /// It is recorded, and not sent anywhere yet.
    Received,
    /// Sending it was tried.
    Dispatched,
    /// Its notification was taken.
    Notified,
}

impl EventStatus {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An event in the store of an instance.
pub struct InstanceEvent {
    pub row: CommerceEventRow,
    /// The number of its instance.
    pub instance: u32,
    pub status: EventStatus,
    /// What the store sent, for those who may read it.
    pub provider_data: Option<String>,
    pub notified: Vec<Notified>,
}

/// An event on its way to one subscription.
pub struct Notified {
    pub entry: DispatchEntry,
    /// What is, or was, sent, for those who may read it.
    pub body: Option<String>,
}

/// A page of events, the newest first.
pub struct EventPage {
    pub events: Vec<InstanceEvent>,
    pub next: Option<ListPosition>,
}

/// A stretch of time that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: DateTime<Utc>,
    /// Inclusive.
    pub to: DateTime<Utc>,
}

/// How much happened, stretch by stretch.
pub struct Counts {
    /// When each stretch begins.
    pub moments: Vec<DateTime<Utc>>,
    pub rows: Vec<CountRow>,
    /// The number of the instance of each integration.
    pub instances: HashMap<String, i64>,
}

/// By the integration: the number of its instance, and what is an event of it.
struct Stores(HashMap<String, (i64, OfStore)>);

impl Stores {
    fn stores(&self) -> Vec<OfStore> {
        self.0.values().map(|(_, store)| store.clone()).collect()
    }

    /// The instance that an event is of.
    fn number_of(&self, row: &CommerceEventRow) -> Option<i64> {
        self.0.get(row.integration_id.as_ref()?).map(|(number, _)| *number)
    }

    fn numbers(&self) -> HashMap<String, i64> {
        self.0.iter().map(|(integration_id, (number, _))| (integration_id.clone(), *number)).collect()
    }
}

impl Instances {
    /// Events of the caller's account, or of one of its instances.
    pub async fn events(
        &self,
        viewer: &Viewer,
        of: Option<u32>,
        (before, limit): (Option<ListPosition>, i64),
    ) -> Result<EventPage, Error> {
        let instances = self.stores_of(viewer, of).await?;
        let filter = Filter {
            account_id: Some(viewer.account_id.to_string()),
            stores: Some(instances.stores()),
            ..Filter::default()
        };
        let rows = events::page(&self.data.views, &filter, before, limit).await?;
        let is_full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= limit;
        let next = rows.last().map(CommerceEventRow::list_position).filter(|_| is_full);
        Ok(EventPage { events: self.shown(viewer, rows, &instances).await?, next })
    }

    /// One of them.
    pub async fn event(&self, viewer: &Viewer, of: Option<u32>, id: &str) -> Result<Option<InstanceEvent>, Error> {
        let instances = self.stores_of(viewer, of).await?;
        let found = events::find(&self.data.views, &id.to_lowercase().replace('\0', "")).await?;
        let is_theirs = |row: &CommerceEventRow| instances.number_of(row).is_some() && viewer.owns(&row.account_id);
        let Some(row) = found.filter(is_theirs) else { return Ok(None) };
        Ok(self.shown(viewer, vec![row], &instances).await?.pop())
    }

    /// How many events there were, in stretches of `interval` from the beginning of the period to its end.
    pub async fn counts(
        &self,
        viewer: &Viewer,
        of: Option<u32>,
        (period, interval): (Period, TimeDelta),
    ) -> Result<Counts, Error> {
        let refused = |message: String| Error::from(Refused::new("INVALID_PERIOD", message, Some("from")));
        if period.to < period.from {
            return Err(refused("to is before from".to_owned()));
        }
        let stretches = (period.to - period.from).num_microseconds().zip(interval.num_microseconds());
        let points = stretches.map_or(i64::MAX, |(length, each)| length / each.max(1) + 1);
        if points > MAX_POINTS {
            return Err(refused(format!(
                "there are more than {MAX_POINTS} intervals between from and to: choose a longer interval, or a shorter time"
            )));
        }
        let (from, account_id) = (period.from.timestamp_micros(), viewer.account_id.to_string());
        if counts::is_too_long_ago(&self.data.views, &account_id, from).await? {
            return Err(refused(format!(
                "there were more than {} events since: choose a later from",
                counts::MAX_COUNTED
            )));
        }
        let instances = self.stores_of(viewer, of).await?;
        let counted = Counted {
            account_id,
            stores: instances.stores(),
            from,
            to: period.to.timestamp_micros(),
            interval: interval.num_microseconds().unwrap_or(i64::MAX),
        };
        let rows = counts::count(&self.data.views, &counted).await?;
        let moments = (0..points).filter_map(|point| {
            let after = counted.interval.checked_mul(point)?;
            DateTime::from_timestamp_micros(from.checked_add(after)?)
        });
        Ok(Counts { moments: moments.collect(), rows, instances: instances.numbers() })
    }

    /// What could not be sent yet, or not at all, of events of a period, the newest first.
    pub async fn dispositions(
        &self,
        viewer: &Viewer,
        of: Option<u32>,
        period: Period,
        (mut before, limit): (Option<Place>, usize),
    ) -> Result<(Vec<(i64, DispatchEntry)>, Option<Place>), Error> {
        let instances = self.stores_of(viewer, of).await?;
        let (from, to) = (period.from.timestamp_micros(), period.to.timestamp_micros());
        let mut found = vec![];
        for _ in 0..MAX_PAGES {
            let filter = dispatch_list::Filter {
                account_id: Some(viewer.account_id.to_string()),
                statuses: vec![DispatchStatus::Retrying, DispatchStatus::DeadLetter],
                ..dispatch_list::Filter::default()
            };
            let limit_rows = i64::try_from(limit).unwrap_or(i64::MAX);
            let page = dispatch_list::page(&self.data.views, &filter, before.as_ref(), limit_rows).await?;
            for entry in &page {
                before = Some(entry.place());
                let of = instances.number_of(&entry.event);
                if let Some(instance) = of.filter(|_| (from..=to).contains(&entry.event.recorded_at)) {
                    found.push((instance, entry.clone()));
                }
                if found.len() == limit {
                    return Ok((found, before));
                }
            }
            let is_over = page.last().is_none_or(|last| last.event.recorded_at < from);
            if is_over || page.len() < limit {
                return Ok((found, None));
            }
        }
        Ok((found, before))
    }

    /// The stores of the caller's instances, or of one of them.
    async fn stores_of(&self, viewer: &Viewer, of: Option<u32>) -> Result<Stores, Error> {
        let mut rows = self.of_account(viewer).await?;
        rows.retain(|row| of.is_none_or(|number| row.number == i64::from(number)));
        let ids: Vec<String> = rows.iter().map(|row| row.integration_id.clone()).collect();
        let links = integrations::find_many(&self.data.views, &ids).await?;
        let mut stores = HashMap::new();
        for link in links {
            let Some(row) = rows.iter().find(|row| row.integration_id == link.id) else { continue };
            let connection = link.connection();
            let endpoints = row.details().map(|details| details.subscriptions).unwrap_or_default();
            let store = OfStore {
                integration_id: link.id,
                types: topics::types(connection.topics.as_deref().unwrap_or_default()),
                since: connection.topics_since,
                endpoints: endpoints.iter().map(|subscription| subscription.endpoint_id.to_string()).collect(),
            };
            stores.insert(store.integration_id.clone(), (row.number, store));
        }
        Ok(Stores(stores))
    }

    async fn shown(
        &self,
        viewer: &Viewer,
        rows: Vec<CommerceEventRow>,
        instances: &Stores,
    ) -> Result<Vec<InstanceEvent>, Error> {
        let borrowed: Vec<&CommerceEventRow> = rows.iter().collect();
        let dispatches = dispatch_list::of_events(&self.data.views, &borrowed).await?;
        let rendered = rendering::events(&self.data.log, &borrowed, Persons::Shown).await?;
        let mut shown = Vec::with_capacity(rows.len());
        for (row, rendered) in rows.iter().cloned().zip(rendered) {
            let rendered = rendered.filter(|_| viewer.reads_personal_data(&row.account_id));
            let raw = match &rendered {
                Some(Rendered { source, .. }) => {
                    self.data.log.body(source.aggregate_type, &source.id, source.sequence).await?
                }
                None => None,
            };
            let mut notified = vec![];
            for entry in dispatches.iter().filter(|entry| entry.event.id == row.id) {
                let body = self.notification(entry, rendered.as_ref(), raw.as_deref()).await?;
                notified.push(Notified { entry: entry.clone(), body });
            }
            let instance = instances.number_of(&row).and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
            let provider_data = raw.map(|body| String::from_utf8_lossy(&body).into_owned());
            shown.push(InstanceEvent { status: status(&notified), row, instance, provider_data, notified });
        }
        Ok(shown)
    }

    async fn notification(
        &self,
        entry: &DispatchEntry,
        rendered: Option<&Rendered>,
        raw: Option<&[u8]>,
    ) -> Result<Option<String>, Error> {
        let (Some(Rendered { event, .. }), Ok(endpoint_id)) = (rendered, entry.endpoint_id.parse()) else {
            return Ok(None);
        };
        let now = self.data.now();
        let Some(endpoint) = self.endpoint(endpoint_id).await? else { return Ok(None) };
        let Some(endpoint) = rendering::endpoint(&endpoint, now) else { return Ok(None) };
        let raw = raw.map(Raw::new);
        let request = endpoint.message(event, raw.as_ref()).request(Attempt { id: event.id, at: now });
        Ok(String::from_utf8(request.body).ok())
    }
}

fn status(notified: &[Notified]) -> EventStatus {
    let has = |is: fn(&DispatchEntry) -> bool| notified.iter().any(|notified| is(&notified.entry));
    if has(|entry| entry.status() == DispatchStatus::Delivered) {
        EventStatus::Notified
    } else if has(|entry| entry.attempts > 0) {
        EventStatus::Dispatched
    } else {
        EventStatus::Received
    }
}
