//! What is sent to which endpoint: a row for each commerce event and each endpoint that wants it, in the order of the log. The
//! rows that have a `due_at` are the queue.

use std::collections::{BTreeMap, BTreeSet};

use domain::commerce::{CommerceEventType, Publisher};
use domain::dispatch::{AttemptOutcome, Attempted, DispatchEvent, DispatchStatus, SkipCause};
use domain::publication::PublicationEvent;
use domain::{DispatchId, EndpointId};
use sqlx::FromRow;
use strum::IntoEnumIterator as _;
use uuid::Uuid;

use super::events::{CommerceEventRow, id_of};
use super::rows::Rows;
use super::subscriptions::{Deleted, Subscriptions};
use crate::table::{Tables, table_row};
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{Position, Sequence};
use storage::Sql;

table_row!(DispatchRow, "dispatches", key id; once endpoint_id, account_id, position, ordinal;
    changing status, attempts, due_at, changed_by, attempted_at, response_status, reason, skip_cause);

/// One dispatch. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(super) struct DispatchRow {
    id: String,
    endpoint_id: String,
    account_id: String,
    /// Of the commerce event.
    position: Position,
    ordinal: i64,
    status: String,
    attempts: i64,
    /// From when on it may be sent, as far as the endpoint is sent anything. None where it is not sent any more.
    due_at: Option<i64>,
    /// The position of the latest event that made it what it is.
    changed_by: Position,
    /// Of the latest attempt.
    attempted_at: Option<i64>,
    response_status: Option<i64>,
    /// Why the latest attempt failed.
    reason: Option<String>,
    skip_cause: Option<String>,
}

impl DispatchRow {
    fn queued(endpoint_id: EndpointId, event: &CommerceEventRow) -> Option<Self> {
        let event_id: Uuid = event.id.parse().ok()?;
        Some(Self {
            id: DispatchId::of(endpoint_id, event_id).to_string(),
            endpoint_id: endpoint_id.to_string(),
            account_id: event.account_id.clone(),
            position: event.position,
            ordinal: event.ordinal,
            status: DispatchStatus::Queued.as_str().to_owned(),
            attempts: 0,
            due_at: Some(event.recorded_at),
            changed_by: event.position,
            attempted_at: None,
            response_status: None,
            reason: None,
            skip_cause: None,
        })
    }

    /// Of an event that was sent to an endpoint before this view knew that it is.
    fn of_attempt(recorded: &Recorded, attempted: &Attempted) -> Self {
        let message = &attempted.message;
        Self {
            id: recorded.aggregate_id.clone(),
            endpoint_id: message.endpoint_id.to_string(),
            account_id: message.account_id.to_string(),
            position: Position(message.event_position),
            ordinal: 0,
            status: DispatchStatus::Queued.as_str().to_owned(),
            attempts: 0,
            due_at: None,
            changed_by: recorded.position,
            attempted_at: None,
            response_status: None,
            reason: None,
            skip_cause: None,
        }
    }

    fn set(&mut self, status: DispatchStatus, due_at: Option<chrono::DateTime<chrono::Utc>>) {
        self.skip_cause = None;
        status.as_str().clone_into(&mut self.status);
        self.due_at = due_at.map(|at| at.timestamp_micros());
    }

    fn apply(&mut self, recorded: &Recorded, event: &DispatchEvent) {
        self.changed_by = recorded.position;
        match event {
            DispatchEvent::Attempted(attempted) => {
                match attempted.outcome {
                    AttemptOutcome::Delivered => self.set(DispatchStatus::Delivered, None),
                    AttemptOutcome::Failed { retry_at } => self.set(DispatchStatus::Retrying, Some(retry_at)),
                    AttemptOutcome::DeadLettered => self.set(DispatchStatus::DeadLetter, None),
                }
                self.attempts = i64::from(attempted.attempt);
                self.attempted_at = Some(attempted.attempted_at.timestamp_micros());
                self.response_status = attempted.status.map(i64::from);
                self.reason.clone_from(&attempted.reason);
            }
            DispatchEvent::Redriven { retry_at, .. } => self.set(DispatchStatus::Retrying, Some(*retry_at)),
            DispatchEvent::Skipped { cause } => {
                self.set(DispatchStatus::Skipped, None);
                self.skip_cause = Some(cause.as_str().to_owned());
            }
        }
    }
}

/// The dispatches that a batch of events makes or changes.
pub(super) struct Dispatches {
    rows: Rows<DispatchRow>,
    /// Publications whose text was erased, each with the position of that.
    erased: BTreeMap<Uuid, Position>,
}

impl Dispatches {
    pub(super) async fn read(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<Self> {
        let of_dispatch = events.iter().filter(|recorded| matches!(recorded.event, AnyEvent::Dispatch(_)));
        let ids: BTreeSet<String> = of_dispatch.map(|recorded| recorded.aggregate_id.clone()).collect();
        Ok(Self { rows: Rows::<DispatchRow>::read(tables, &ids, |row| &row.id).await?, erased: BTreeMap::new() })
    }

    /// `follows` are the commerce events that follow from the event of the log.
    pub(super) fn apply(
        &mut self,
        recorded: &Recorded,
        follows: &[CommerceEventRow],
        subscriptions: &mut Subscriptions,
    ) {
        for event in follows {
            let wanting = subscriptions.wanting(event, recorded).into_iter();
            for row in wanting.filter_map(|endpoint| DispatchRow::queued(endpoint, event)) {
                // An attempt may be known already, where an earlier version sent what this one would not.
                self.rows.now.entry(row.id.clone()).or_insert(row);
            }
        }
        match &recorded.event {
            AnyEvent::Dispatch(event) => {
                if let DispatchEvent::Attempted(attempted) = event {
                    let row = || DispatchRow::of_attempt(recorded, attempted);
                    self.rows.now.entry(recorded.aggregate_id.clone()).or_insert_with(row);
                }
                if let Some(row) = self.rows.now.get_mut(&recorded.aggregate_id) {
                    row.apply(recorded, event);
                }
            }
            AnyEvent::Publication(PublicationEvent::PersonalDataErased {}) => {
                if let Ok(stream) = recorded.aggregate_id.parse() {
                    self.erased.insert(stream, recorded.position);
                }
            }
            AnyEvent::Publication(PublicationEvent::EventPublished(_))
            | AnyEvent::Account(_)
            | AnyEvent::Integration(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Delivery(_)
            | AnyEvent::Notice(_)
            | AnyEvent::Resource(_)
            | AnyEvent::Endpoint(_)
            | AnyEvent::OperatorAction(_)
            | AnyEvent::Checkpoint(_)
            | AnyEvent::Store(_)
            | AnyEvent::Instance(_)
            | AnyEvent::Unknown => {}
        }
    }

    pub(super) async fn write(self, tables: &mut Tables<'_>, subscriptions: &Subscriptions) -> sqlx::Result<()> {
        self.rows.write(tables, |row| &row.id).await?;
        for (endpoint, Deleted { account_id, position }) in subscriptions.deleted() {
            let skip = |which| skip(tables, SkipCause::EndpointDeleted, *position, which);
            let waiting = skip(WAITING).push("endpoint_id = ").bind(endpoint.to_string());
            // No person sends these again either. By the account: there is an index of an account's dead letters.
            let dead = skip("status = 'dead_letter'").push("account_id = ").bind(account_id.as_str());
            let dead = dead.push(" AND endpoint_id = ").bind(endpoint.to_string());
            for sql in [waiting, dead] {
                tables.execute(sql).await?;
            }
        }
        for (stream, position) in self.erased {
            // A publication is one event of one of these types.
            let types = CommerceEventType::iter().filter(|of| of.publisher() == Publisher::Account);
            let ids = types.map(|of| id_of(stream, Sequence::START.next(), of));
            let published = format!("SELECT position FROM {} WHERE id IN (", tables.name("commerce_events"));
            let open = skip(tables, SkipCause::Erased, position, WAITING)
                .push("position IN (")
                .push(&published)
                .bind_list(ids);
            tables.execute(open.push("))")).await?;
        }
        Ok(())
    }
}

/// What is yet to be sent.
const WAITING: &str = "due_at IS NOT NULL";

/// Takes out of the queue, or of the dead letters, what is meant and meets the condition that follows.
fn skip(tables: &Tables<'_>, cause: SkipCause, changed_by: Position, which: &str) -> Sql {
    Sql::new(format!("UPDATE {} SET due_at = NULL, status = ", tables.name("dispatches")))
        .bind(DispatchStatus::Skipped.as_str())
        .push(", skip_cause = ")
        .bind(cause.as_str())
        .push(", changed_by = ")
        .bind(changed_by)
        .push(&format!(" WHERE {which} AND "))
}
