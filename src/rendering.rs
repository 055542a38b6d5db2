//! A commerce event as it reads, made of the log whenever somebody reads or gets it: nothing of it is stored elsewhere, so that
//! what was erased is in none.

mod delivery;
mod endpoint;
mod person;
mod publication;
mod resource;

use commerce::{CommerceEventType, Event, Payload};
use cqrs_es::Aggregate as _;
use domain::delivery::Delivery;
use domain::endpoint::Endpoint;
use domain::resource::ResourceEvent;
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{EventLog, LoadError, Sequence};
use projections::commerce::events::CommerceEventRow;

pub use person::Person;

/// A story longer than this is not read to its end.
const MAX_STORY: i64 = 20_000;

/// Whether what is known of a person is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persons {
    Shown,
    LeftOut,
}

/// The event of a row. None where the log holds no such event any more.
pub async fn event(log: &EventLog, row: &CommerceEventRow, persons: Persons) -> Result<Option<Event>, LoadError> {
    let found = log.read_at(&[row.position]).await?;
    let (Some(recorded), Some(event_type)) = (found.first(), CommerceEventType::parse(&row.event_type)) else {
        return Ok(None);
    };
    let payload = match &recorded.event {
        AnyEvent::Resource(ResourceEvent::ResourceReported(report)) => {
            let person = match persons {
                Persons::Shown => Person::of(log, report).await?,
                Persons::LeftOut => Person::default(),
            };
            resource::payload(event_type, row, report, person)
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
            endpoint::payload(&recorded.aggregate_id, story)
        }
        AnyEvent::Account(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Notice(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::Unknown => None,
    };
    Ok(payload.and_then(|payload| with_envelope(row, recorded, payload)))
}

fn with_envelope(row: &CommerceEventRow, recorded: &Recorded, payload: Payload) -> Option<Event> {
    let provider = match &recorded.event {
        AnyEvent::Resource(ResourceEvent::ResourceReported(report)) => Some(report.provider),
        AnyEvent::Delivery(_)
        | AnyEvent::Publication(_)
        | AnyEvent::Account(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Notice(_)
        | AnyEvent::Endpoint(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::Unknown => None,
    };
    Some(Event {
        id: row.id.parse().ok()?,
        time: recorded.recorded_at,
        account_id: recorded.account_id?,
        integration_id: recorded.integration_id,
        provider,
        payload,
    })
}
