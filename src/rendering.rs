//! A commerce event as it reads, made of the log whenever somebody reads or gets it: nothing of it is stored elsewhere, so that
//! what was erased is in none.

mod degraded_endpoint;
mod delivery;
mod endpoint;
mod person;
mod publication;

use std::collections::{BTreeSet, HashMap};

use commerce::reported;
use commerce::{CommerceEventType, Event};
use cqrs_es::Aggregate as _;
use domain::delivery::Delivery;
use domain::endpoint::Endpoint;
use domain::notice::Notice;
use domain::resource::{Content, Report, ResourceEvent, WebhookSource};
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{EventLog, LoadError, Position, Sequence};
use projections::commerce::events::CommerceEventRow;
use projections::commerce::seen::{self, enveloped};
use serde_json::Value;

pub use endpoint::endpoint;
use person::WebhookPersons;

/// A story longer than this is not read to its end.
const MAX_STORY: i64 = 20_000;

/// Whether what is known of a person is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persons {
    Shown,
    LeftOut,
}

/// An event as it reads now.
pub struct Rendered {
    pub event: Event,
    pub source: Source,
}

/// The event of the log that holds what a commerce event is about: for one of a store, that of its webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub aggregate_type: &'static str,
    pub id: String,
    pub sequence: Sequence,
}

/// The event of a row. None where the log holds no such event any more.
pub async fn event(log: &EventLog, row: &CommerceEventRow, persons: Persons) -> Result<Option<Rendered>, LoadError> {
    Ok(events(log, &[row], persons).await?.pop().flatten())
}

/// The event of each row, read together. None where the log holds no such event any more.
pub async fn events(
    log: &EventLog,
    rows: &[&CommerceEventRow],
    persons: Persons,
) -> Result<Vec<Option<Rendered>>, LoadError> {
    let found = recorded_of(log, rows).await?;
    let named = match persons {
        Persons::Shown => found.values().filter_map(report_that_names_a_person).collect(),
        Persons::LeftOut => vec![],
    };
    let named = WebhookPersons::read(log, &named).await?;
    let mut rendered = Vec::with_capacity(rows.len());
    for row in rows {
        rendered.push(match found.get(&row.position) {
            Some(recorded) => of_recorded(log, row, recorded, (persons, &named)).await?,
            None => None,
        });
    }
    Ok(rendered)
}

async fn recorded_of(log: &EventLog, rows: &[&CommerceEventRow]) -> Result<HashMap<Position, Recorded>, LoadError> {
    let positions: BTreeSet<Position> = rows.iter().map(|row| row.position).collect();
    let found = log.read_at(&Vec::from_iter(positions)).await?;
    Ok(found.into_iter().map(|recorded| (recorded.position, recorded)).collect())
}

fn report_that_names_a_person(recorded: &Recorded) -> Option<&Report> {
    let AnyEvent::Resource(ResourceEvent::ResourceReported(report)) = &recorded.event else { return None };
    match report.content {
        Content::Order(_) | Content::Checkout(_) | Content::Customer {} => Some(report),
        Content::Product(_) | Content::Collection(_) | Content::Stock(_) => None,
    }
}

async fn of_recorded(
    log: &EventLog,
    row: &CommerceEventRow,
    recorded: &Recorded,
    (persons, named): (Persons, &WebhookPersons),
) -> Result<Option<Rendered>, LoadError> {
    let Some(event_type) = CommerceEventType::parse(&row.event_type) else { return Ok(None) };
    let payload = match &recorded.event {
        AnyEvent::Resource(ResourceEvent::ResourceReported(report)) => {
            reported::payload(event_type, row.of_product(), report, named.of(report))
        }
        // It may name a person anywhere in its text.
        AnyEvent::Publication(_) => match persons {
            Persons::Shown => publication::payload(log, &recorded.aggregate_id).await?,
            Persons::LeftOut => None,
        },
        AnyEvent::Delivery(_) => {
            let until = recorded.sequence.0.min(MAX_STORY);
            let story = log.recorded_of(Delivery::TYPE, &recorded.aggregate_id, Sequence::START, until).await?;
            delivery::payload(event_type, row.session_id.as_deref(), &recorded.aggregate_id, &story)
        }
        AnyEvent::Endpoint(_) => {
            let until = recorded.sequence.0.min(MAX_STORY);
            let story = log.recorded_of(Endpoint::TYPE, &recorded.aggregate_id, Sequence::START, until).await?;
            degraded_endpoint::payload(&recorded.aggregate_id, story)
        }
        AnyEvent::Account(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Notice(_)
        | AnyEvent::Resource(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::Store(_)
        | AnyEvent::Instance(_)
        | AnyEvent::Unknown => None,
    };
    let event = payload.and_then(|payload| enveloped(row, recorded, payload));
    Ok(event.zip(source_of(recorded)).map(|(event, source)| Rendered { event, source }))
}

/// What a filter sees of the event of each row. None where the log holds no such event any more.
pub async fn seen_by_filters(log: &EventLog, rows: &[&CommerceEventRow]) -> Result<Vec<Option<Value>>, LoadError> {
    let found = recorded_of(log, rows).await?;
    Ok(rows.iter().map(|row| seen::by_filters(row, found.get(&row.position)?)).collect())
}

fn source_of(recorded: &Recorded) -> Option<Source> {
    let aggregate_type = recorded.event.aggregate_type()?;
    let AnyEvent::Resource(ResourceEvent::ResourceReported(report)) = &recorded.event else {
        return Some(Source { aggregate_type, id: recorded.aggregate_id.clone(), sequence: recorded.sequence });
    };
    let (aggregate_type, id, sequence) = match report.source {
        WebhookSource::Delivery { id, sequence } => (Delivery::TYPE, id, sequence),
        WebhookSource::Notice { id, sequence } => (Notice::TYPE, id, sequence),
    };
    Some(Source { aggregate_type, id: id.to_string(), sequence: Sequence(sequence) })
}
