//! What each endpoint wants, as far as it decides which commerce events it gets.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use commerce::Filter;
use domain::EndpointId;
use domain::commerce::CommerceEventType;
use domain::endpoint::{EndpointEvent, EventTypePattern, Interest};
use serde_json::Value;
use sqlx::FromRow;

use super::events::CommerceEventRow;
use super::seen;
use crate::table::{self, Existing, TableRow as _, Tables, table_row};
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};
use storage::Sql;

table_row!(SubscriptionRow, "subscriptions", key endpoint_id, pattern; once account_id, wanted; changing interest);

/// What an endpoint that was not deleted wants, for one of the patterns of types that it names.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
struct SubscriptionRow {
    endpoint_id: String,
    pattern: String,
    account_id: String,
    /// [`wanted`] of the account and the pattern.
    wanted: String,
    /// JSON.
    interest: String,
}

/// Of the endpoints that may want what follows from a batch of events, and of those that the batch changes.
#[derive(Default)]
pub(super) struct Subscriptions {
    /// By account, and there by endpoint.
    now: HashMap<String, BTreeMap<EndpointId, Interest>>,
    /// Filters that were used, so that each is parsed once for a batch. None of one that this version cannot read.
    filters: HashMap<String, Option<Filter>>,
    changed: BTreeSet<(String, EndpointId)>,
    deleted: BTreeMap<EndpointId, Deleted>,
}

/// An endpoint that was deleted.
pub(super) struct Deleted {
    pub(super) account_id: String,
    /// Of that.
    pub(super) position: Position,
}

impl Subscriptions {
    /// `follows` are the commerce events that follow from the events of the log.
    pub(super) async fn read(
        tables: &mut Tables<'_>,
        events: &[Recorded],
        follows: impl Iterator<Item = &CommerceEventRow>,
    ) -> sqlx::Result<Self> {
        let types: BTreeSet<(&str, &str)> =
            follows.map(|event| (event.account_id.as_str(), event.event_type.as_str())).collect();
        let patterns = types.into_iter().filter_map(|(account, of)| Some((account, CommerceEventType::parse(of)?)));
        let wanted: BTreeSet<String> = patterns
            .flat_map(|(account, of)| EventTypePattern::matching(of).map(|pattern| wanted(account, &pattern)))
            .collect();
        let changed = events.iter().filter(|event| matches!(event.event, AnyEvent::Endpoint(_)));
        let changed: BTreeSet<&str> = changed.map(|event| event.aggregate_id.as_str()).collect();
        let select = |tables: &Tables<'_>, column: &str| {
            let columns = SubscriptionRow::COLUMNS.join(", ");
            format!("SELECT {columns} FROM {} WHERE {column}", tables.name("subscriptions"))
        };
        let (by_wanted, by_endpoint) = (select(tables, "wanted"), select(tables, "endpoint_id"));
        let mut rows: Vec<SubscriptionRow> =
            tables.fetch_among(&by_wanted, &wanted.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        rows.extend(tables.fetch_among::<SubscriptionRow>(&by_endpoint, &Vec::from_iter(changed)).await?);
        let mut subscriptions = Self::default();
        for row in rows {
            if let (Ok(id), Ok(interest)) = (row.endpoint_id.parse(), serde_json::from_str(&row.interest)) {
                subscriptions.now.entry(row.account_id).or_default().insert(id, interest);
            }
        }
        Ok(subscriptions)
    }

    pub(super) fn apply(&mut self, recorded: &Recorded) {
        let AnyEvent::Endpoint(event) = &recorded.event else { return };
        let (Some(account_id), Ok(id)) = (account_of(recorded), recorded.aggregate_id.parse::<EndpointId>()) else {
            return;
        };
        let of_account = self.now.entry(account_id.clone()).or_default();
        match event {
            EndpointEvent::EndpointCreated(created) => {
                of_account.insert(id, created.settings.interest());
            }
            EndpointEvent::EndpointDeleted {} => {
                of_account.remove(&id);
                let account_id = account_id.clone();
                self.deleted.insert(id, Deleted { account_id, position: recorded.position });
            }
            EndpointEvent::EventTypesChanged { event_types } => {
                change(of_account, id, |interest| interest.event_types.clone_from(event_types));
            }
            EndpointEvent::IntegrationsChanged { integrations } => {
                change(of_account, id, |interest| interest.integrations.clone_from(integrations));
            }
            EndpointEvent::FilterChanged { filter } => {
                change(of_account, id, |interest| interest.filter.clone_from(filter));
            }
            EndpointEvent::UrlChanged { .. }
            | EndpointEvent::DescriptionChanged { .. }
            | EndpointEvent::HeadersChanged { .. }
            | EndpointEvent::ProfileChanged { .. }
            | EndpointEvent::ScheduleChanged { .. }
            | EndpointEvent::OrderingChanged { .. }
            | EndpointEvent::RateLimitChanged { .. }
            | EndpointEvent::ConcurrencyChanged { .. }
            | EndpointEvent::SigningSecretSet { .. }
            | EndpointEvent::SigningSecretRotated { .. }
            | EndpointEvent::EndpointPaused {}
            | EndpointEvent::EndpointResumed {}
            | EndpointEvent::EndpointDisabled { .. }
            | EndpointEvent::EndpointFailing { .. }
            | EndpointEvent::EndpointDegraded { .. }
            | EndpointEvent::EndpointRecovered {} => return,
        }
        self.changed.insert((account_id, id));
    }

    /// The endpoints that a commerce event is sent to. `recorded` is the event of the log that it follows from.
    pub(super) fn wanting(&mut self, event: &CommerceEventRow, recorded: &Recorded) -> Vec<EndpointId> {
        let Some(event_type) = CommerceEventType::parse(&event.event_type) else { return vec![] };
        let integration = event.integration_id.as_deref().and_then(|id| id.parse().ok());
        let mut seen = None;
        let mut wanting = vec![];
        for (id, interest) in self.now.get(&event.account_id).into_iter().flatten() {
            if !interest.includes(event_type, integration) {
                continue;
            }
            let passes = interest.filter.as_ref().is_none_or(|text| {
                let seen = seen.get_or_insert_with(|| seen::by_filters(event, recorded)).as_ref();
                passes(filter_of(&mut self.filters, text), seen)
            });
            if passes {
                wanting.push(*id);
            }
        }
        wanting
    }

    /// Endpoints that were deleted with this batch.
    pub(super) fn deleted(&self) -> &BTreeMap<EndpointId, Deleted> {
        &self.deleted
    }

    pub(super) async fn write(self, tables: &mut Tables<'_>) -> sqlx::Result<()> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let sql = Sql::new(format!("DELETE FROM {} WHERE endpoint_id IN (", tables.name("subscriptions")))
            .bind_list(self.changed.iter().map(|(_, id)| id.to_string()))
            .push(")");
        tables.execute(sql).await?;
        let rows: Vec<SubscriptionRow> =
            self.changed.iter().flat_map(|(account, id)| self.rows(account, *id)).collect();
        table::write(tables, &rows, Existing::Replace).await
    }

    fn rows(&self, account_id: &str, id: EndpointId) -> Vec<SubscriptionRow> {
        let Some(interest) = self.now.get(account_id).and_then(|of_account| of_account.get(&id)) else { return vec![] };
        let json = serde_json::to_string(interest).expect("names and ids are JSON");
        let patterns: BTreeSet<&EventTypePattern> = interest.event_types.iter().collect();
        let row = |pattern: &EventTypePattern| SubscriptionRow {
            endpoint_id: id.to_string(),
            pattern: pattern.as_str().to_owned(),
            account_id: account_id.to_owned(),
            wanted: wanted(account_id, pattern),
            interest: json.clone(),
        };
        patterns.into_iter().map(row).collect()
    }
}

/// A filter that this version cannot read, or an event that is none, keeps nothing back.
fn passes(filter: Option<&Filter>, event: Option<&Value>) -> bool {
    filter.zip(event).is_none_or(|(filter, event)| filter.matches(event))
}

fn filter_of<'f>(filters: &'f mut HashMap<String, Option<Filter>>, text: &str) -> Option<&'f Filter> {
    if !filters.contains_key(text) {
        filters.insert(text.to_owned(), Filter::parse(text).ok());
    }
    filters.get(text).and_then(Option::as_ref)
}

fn change(of_account: &mut BTreeMap<EndpointId, Interest>, id: EndpointId, change: impl FnOnce(&mut Interest)) {
    if let Some(interest) = of_account.get_mut(&id) {
        change(interest);
    }
}

fn account_of(recorded: &Recorded) -> Option<String> {
    recorded.account_id.map(|id| id.to_string())
}

/// By what an event of an account looks for who wants it.
fn wanted(account_id: &str, pattern: &EventTypePattern) -> String {
    format!("{account_id} {pattern}")
}
