//! What each endpoint wants, as far as it decides which commerce events it gets.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use commerce::Filter;
use domain::EndpointId;
use domain::commerce::CommerceEventType;
use domain::endpoint::{EndpointEvent, Interest};
use serde_json::Value;
use sqlx::FromRow;

use super::events::{self, CommerceEventRow};
use super::seen;
use crate::table::{self, Existing, Tables, table_row};
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};
use storage::Sql;

table_row!(SubscriptionRow, "subscriptions", key endpoint_id; once account_id; changing interest);

/// An endpoint that was not deleted.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
struct SubscriptionRow {
    endpoint_id: String,
    account_id: String,
    /// JSON.
    interest: String,
}

/// Of the accounts that a batch of events is about.
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
    pub(super) async fn read(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<Self> {
        let accounts: BTreeSet<String> = events.iter().filter(|event| matters(event)).filter_map(account_of).collect();
        let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
        let select =
            format!("SELECT endpoint_id, account_id, interest FROM {} WHERE account_id", tables.name("subscriptions"));
        let mut subscriptions = Self::default();
        for row in tables.fetch_among::<SubscriptionRow>(&select, &accounts).await? {
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
        let rows: Vec<SubscriptionRow> =
            self.changed.iter().filter_map(|(account, id)| self.row(account, *id)).collect();
        table::write(tables, &rows, Existing::Replace).await?;
        if self.deleted.is_empty() {
            return Ok(());
        }
        let sql = Sql::new(format!("DELETE FROM {} WHERE endpoint_id IN (", tables.name("subscriptions")))
            .bind_list(self.deleted.keys().map(ToString::to_string))
            .push(")");
        tables.execute(sql).await.map(drop)
    }

    fn row(&self, account_id: &str, id: EndpointId) -> Option<SubscriptionRow> {
        let interest = self.now.get(account_id)?.get(&id)?;
        let interest = serde_json::to_string(interest).expect("names and ids are JSON");
        Some(SubscriptionRow { endpoint_id: id.to_string(), account_id: account_id.to_owned(), interest })
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

/// Whether commerce events may follow from an event of the log, or it changes who gets them.
fn matters(recorded: &Recorded) -> bool {
    match &recorded.event {
        AnyEvent::Resource(_) | AnyEvent::Publication(_) | AnyEvent::Endpoint(_) => true,
        AnyEvent::Delivery(event) => events::type_of(event).is_some(),
        AnyEvent::Account(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Notice(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::Unknown => false,
    }
}
