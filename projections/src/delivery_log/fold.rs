//! The fold of the delivery log: what a delivery is, its aggregate says; here is added when, and what is found by what.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::delivery::{DeliveryEvent, DeliveryStatus, Summary, Webhook, WebhookOutcome};
use uuid::Uuid;

use super::row::{COLUMNS, CustomerRow, DeliveryRow, Json, ListedRow, StateRow, TermRow};
use crate::feed::delivery_events;
use crate::table::{self, Existing, Tables};
use event_log::recorded::Recorded;
use event_log::{Position, Sequence};
use storage::{Sql, storable};

#[cfg(test)]
mod tests;

/// The id of the log entry of a duplicate: it follows from the event, so a rebuild gives the same.
pub fn duplicate_id(delivery_id: &str, sequence: Sequence) -> String {
    let delivery = Uuid::parse_str(delivery_id).unwrap_or_default();
    Uuid::new_v5(&delivery, format!("duplicate {sequence}").as_bytes()).to_string()
}

pub(super) async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let events = delivery_events(events);
    let mut entries = Entries::default();
    // A delivery whose first event is in this batch has no row yet.
    let fresh: HashSet<&str> =
        events.iter().filter(|(recorded, _)| recorded.sequence == Sequence::FIRST).map(of_stream).collect();
    let known: BTreeSet<&str> = events.iter().map(of_stream).filter(|id| !fresh.contains(id)).collect();
    entries.add_known(read(tables, "d.id", known).await?);
    let erases = |event: &DeliveryEvent| matches!(event, DeliveryEvent::PersonalDataErased { .. });
    // The entries of duplicates name the person too.
    let erased: BTreeSet<&str> = events.iter().filter(|(_, event)| erases(event)).map(of_stream).collect();
    entries.add_known(read(tables, "d.duplicate_of", erased).await?);
    for (recorded, event) in events {
        entries.apply(recorded, event);
    }
    entries.write(tables).await
}

fn of_stream<'e>((recorded, _): &(&'e Recorded, &DeliveryEvent)) -> &'e str {
    recorded.aggregate_id.as_str()
}

async fn read(tables: &mut Tables<'_>, column: &str, values: BTreeSet<&str>) -> sqlx::Result<Vec<DeliveryRow>> {
    let (listed, states) = (tables.name("delivery_log"), tables.name("delivery_states"));
    let from = format!("SELECT {COLUMNS} FROM {listed} d JOIN {states} s ON s.listed_at = d.listed_at WHERE {column}");
    tables.fetch_among(&from, &values.into_iter().collect::<Vec<_>>()).await
}

/// An entry as these events of one stream, and nothing else, make it.
pub fn folded(events: &[Recorded], id: &str) -> Option<DeliveryRow> {
    let mut entries = Entries::default();
    for (recorded, event) in delivery_events(events) {
        entries.apply(recorded, event);
    }
    entries.into_rows().find(|row| row.id == id)
}

/// Entries that events change, and those that they add.
#[derive(Default)]
struct Entries {
    /// By the delivery's id.
    deliveries: HashMap<String, Entry>,
    duplicates: Vec<Entry>,
    customers: BTreeSet<CustomerRow>,
    /// Deliveries whose customers in the tables are forgotten, by their place in the list.
    forgotten: BTreeSet<Position>,
}

/// One of them.
struct Entry {
    row: DeliveryRow,
    stored: Stored,
    is_changed: bool,
    /// The store named the order's number after the entry had begun.
    is_numbered: bool,
}

/// Whether the rows of an entry are in the tables already, and by which username it is found there.
enum Stored {
    NotYet,
    FoundBy(Option<String>),
}

impl Entries {
    fn add_known(&mut self, rows: Vec<DeliveryRow>) {
        for row in rows {
            let stored = Stored::FoundBy(row.username_term());
            self.insert(Entry { row, stored, is_changed: false, is_numbered: false });
        }
    }

    fn add(&mut self, row: DeliveryRow) {
        self.insert(Entry { row, stored: Stored::NotYet, is_changed: true, is_numbered: false });
    }

    fn insert(&mut self, entry: Entry) {
        if entry.row.is_duplicate() {
            self.duplicates.push(entry);
        } else {
            self.deliveries.insert(entry.row.id.clone(), entry);
        }
    }

    fn apply(&mut self, recorded: &Recorded, event: &DeliveryEvent) {
        let id = recorded.aggregate_id.as_str();
        let is_first = !self.deliveries.contains_key(id);
        if let DeliveryEvent::WebhookReceived { webhook, outcome, .. } = event {
            if is_first {
                self.add(first(recorded, webhook, *outcome));
            }
            if *outcome == WebhookOutcome::Duplicate {
                self.add(duplicate(recorded, webhook));
            }
        }
        let Some(entry) = self.deliveries.get_mut(id) else { return };
        if !is_first {
            entry.row.summary.0.apply(event);
        }
        entry.row.note(recorded, event);
        entry.is_changed = true;
        if let (None, Some(number)) =
            (&entry.row.order_number, event.report().and_then(|report| report.order.order_number.as_deref()))
        {
            entry.row.order_number = Some(storable(number));
            entry.is_numbered = true;
        }
        let listed_at = entry.row.listed_at;
        if let DeliveryEvent::WebhookRepeated(repeated) = event
            && repeated.outcome == WebhookOutcome::Duplicate
        {
            let row = repetition(recorded, &entry.row);
            self.add(row);
        }
        if let DeliveryEvent::PersonalDataErased { .. } = event {
            self.forget(id, listed_at);
        }
        let named = recorded.customer_tokens.iter();
        self.customers.extend(named.map(|token| CustomerRow { token: token.clone(), listed_at }));
    }

    fn forget(&mut self, id: &str, listed_at: Position) {
        for duplicate in self.duplicates.iter_mut().filter(|of| of.row.duplicate_of.as_deref() == Some(id)) {
            duplicate.row.summary.0.apply_erased();
            duplicate.is_changed = true;
        }
        self.customers.retain(|customer| customer.listed_at != listed_at);
        self.forgotten.insert(listed_at);
    }

    fn into_rows(self) -> impl Iterator<Item = DeliveryRow> {
        self.deliveries.into_values().chain(self.duplicates).map(|entry| entry.row)
    }

    async fn write(self, tables: &mut Tables<'_>) -> sqlx::Result<()> {
        let all = self.deliveries.values().chain(&self.duplicates);
        let mut entries: Vec<&Entry> = all.filter(|entry| entry.is_changed).collect();
        entries.sort_by_key(|entry| entry.row.listed_at);
        let is_fresh = |entry: &&&Entry| matches!(entry.stored, Stored::NotYet);
        let listed: Vec<ListedRow<'_>> = entries.iter().filter(is_fresh).map(|entry| ListedRow(&entry.row)).collect();
        table::write(tables, &listed, Existing::Keep).await?;
        let is_numbered = |entry: &&&Entry| entry.is_numbered && !is_fresh(entry);
        let numbered: Vec<_> = entries.iter().filter(is_numbered).map(|entry| ListedRow(&entry.row)).collect();
        table::write(tables, &numbered, Existing::Replace).await?;
        let states: Vec<StateRow> = entries.iter().map(|entry| StateRow::from(&entry.row)).collect();
        table::write(tables, &states, Existing::Replace).await?;
        let mut terms = BTreeSet::new();
        for entry in &entries {
            let found_by = match &entry.stored {
                Stored::NotYet => entry.row.terms(),
                Stored::FoundBy(known) if *known == entry.row.username_term() && entry.is_numbered => entry.row.terms(),
                Stored::FoundBy(known) if *known == entry.row.username_term() => continue,
                Stored::FoundBy(known) => {
                    if let Some(known) = known {
                        no_longer_found_by(tables, &entry.row, known).await?;
                    }
                    entry.row.terms()
                }
            };
            let of_entry =
                |term| TermRow { account_id: entry.row.account_id.clone(), term, listed_at: entry.row.listed_at };
            terms.extend(found_by.into_iter().map(of_entry));
        }
        table::write(tables, &terms.into_iter().collect::<Vec<_>>(), Existing::Keep).await?;
        if !self.forgotten.is_empty() {
            let forget = Sql::new(format!("DELETE FROM {} WHERE listed_at IN (", tables.name("delivery_customers")));
            tables.execute(forget.bind_list(self.forgotten).push(")")).await?;
        }
        table::write(tables, &self.customers.into_iter().collect::<Vec<_>>(), Existing::Keep).await
    }
}

async fn no_longer_found_by(tables: &mut Tables<'_>, row: &DeliveryRow, term: &str) -> sqlx::Result<()> {
    let delete = Sql::new(format!("DELETE FROM {} WHERE account_id = ", tables.name("delivery_terms")));
    let delete = delete.bind(row.account_id.as_str()).push(" AND term = ").bind(term);
    tables.execute(delete.push(" AND listed_at = ").bind(row.listed_at)).await.map(drop)
}

fn first(recorded: &Recorded, webhook: &Webhook, outcome: WebhookOutcome) -> DeliveryRow {
    DeliveryRow {
        account_id: webhook.account_id.to_string(),
        integration_id: webhook.integration_id.to_string(),
        order_id: storable(&webhook.order_id),
        order_number: webhook.order_number.as_deref().map(storable),
        ..begun(recorded, Summary::first(webhook, outcome))
    }
}

fn duplicate(recorded: &Recorded, webhook: &Webhook) -> DeliveryRow {
    let row = first(recorded, webhook, WebhookOutcome::Duplicate);
    DeliveryRow {
        id: duplicate_id(&recorded.aggregate_id, recorded.sequence),
        duplicate_of: Some(recorded.aggregate_id.clone()),
        ..row
    }
}

/// The entry of a webhook that repeated an earlier one to the byte: what that said is what is known.
fn repetition(recorded: &Recorded, original: &DeliveryRow) -> DeliveryRow {
    DeliveryRow {
        id: duplicate_id(&recorded.aggregate_id, recorded.sequence),
        duplicate_of: Some(recorded.aggregate_id.clone()),
        account_id: original.account_id.clone(),
        integration_id: original.integration_id.clone(),
        order_id: original.order_id.clone(),
        order_number: original.order_number.clone(),
        ..begun(recorded, original.summary().repeated())
    }
}

/// What every entry begins with, whatever order it is of.
fn begun(recorded: &Recorded, summary: Summary) -> DeliveryRow {
    let at = recorded.recorded_at_us();
    DeliveryRow {
        listed_at: recorded.position,
        id: recorded.aggregate_id.clone(),
        duplicate_of: None,
        account_id: String::new(),
        integration_id: String::new(),
        order_id: String::new(),
        order_number: None,
        received_at: at,
        due_at: None,
        set_at: None,
        caused_by: recorded.position,
        kept_since: None,
        completed_at: None,
        updated_at: at,
        position: recorded.position,
        shared_at: Json(vec![]),
        summary: Json(summary),
    }
}

impl DeliveryRow {
    /// Notes when what its summary says came to be so.
    fn note(&mut self, recorded: &Recorded, event: &DeliveryEvent) {
        let at = recorded.recorded_at_us();
        self.updated_at = at;
        self.position = recorded.position;
        if let DeliveryEvent::AssetShared { .. } = event {
            self.shared_at.0.push(at);
        }
        let is_completed = self.status() == DeliveryStatus::Completed;
        self.completed_at = is_completed.then(|| self.completed_at.unwrap_or(at));
        self.kept_since = (self.summary().is_over() && !self.summary().erased).then_some(at);
        self.wait(at);
        if changes_what_is_to_be_done(event) {
            self.caused_by = recorded.position;
        }
    }

    /// What waits in the queue keeps its place in it.
    fn wait(&mut self, now: i64) {
        let before = self.due_at;
        self.due_at = match self.status() {
            DeliveryStatus::Queued => before.filter(|due_at| *due_at <= now).or(Some(now)),
            // Taken: due again when the lease runs out, should its holder not live to say how it went.
            DeliveryStatus::Running => self.summary().phase.until().map(|until| until.timestamp_micros()),
            DeliveryStatus::RetryScheduled
            | DeliveryStatus::ActionRequired
            | DeliveryStatus::Completed
            | DeliveryStatus::FailedPermanent
            | DeliveryStatus::Cancelled
            | DeliveryStatus::Duplicate => {
                // What was announced is fetched whatever the delivery waits for, if for anything.
                let moments = [self.summary().phase.until(), self.summary().fetch_due_at()];
                moments.into_iter().flatten().min().map(|until| until.timestamp_micros())
            }
        };
        if self.due_at != before {
            self.set_at = self.due_at.map(|_| now);
        }
    }
}

/// Whether an attempt that comes next follows from this event. A webhook that says nothing new, and what does not end a
/// wait, are passed by.
fn changes_what_is_to_be_done(event: &DeliveryEvent) -> bool {
    match event {
        DeliveryEvent::WebhookReceived { outcome, .. } => {
            matches!(outcome, WebhookOutcome::Accepted | WebhookOutcome::Revised | WebhookOutcome::Announced)
        }
        DeliveryEvent::WebhookRepeated(repeated) => repeated.outcome == WebhookOutcome::Announced,
        DeliveryEvent::OrderFetched(fetched) => {
            matches!(fetched.outcome, WebhookOutcome::Accepted | WebhookOutcome::Revised)
        }
        DeliveryEvent::OrderFetchRequested { .. }
        | DeliveryEvent::Started(_)
        | DeliveryEvent::RetryScheduled { .. }
        | DeliveryEvent::HandedBack {}
        | DeliveryEvent::RetryRequested { .. }
        | DeliveryEvent::UsernameCorrected { .. }
        | DeliveryEvent::Requeued { .. } => true,
        DeliveryEvent::OrderFetchFailed { .. }
        | DeliveryEvent::OrderFetchGivenUp { .. }
        | DeliveryEvent::LeaseRenewed { .. }
        | DeliveryEvent::WaitMoved { .. }
        | DeliveryEvent::StepStarted { .. }
        | DeliveryEvent::Followed { .. }
        | DeliveryEvent::AssetShared { .. }
        | DeliveryEvent::ActionRequired { .. }
        | DeliveryEvent::Completed {}
        | DeliveryEvent::FailedPermanently { .. }
        | DeliveryEvent::CancellationRequested {}
        | DeliveryEvent::Cancelled {}
        | DeliveryEvent::StatusFiltered {}
        | DeliveryEvent::PersonalDataErased { .. } => false,
    }
}
