//! An event as a program of the account published it, until it was erased.

use commerce::Payload;
use cqrs_es::Aggregate as _;
use domain::publication::{Publication, PublicationEvent};
use event_log::recorded::AnyEvent;
use event_log::{EventLog, LoadError, Sequence};

pub(super) async fn payload(log: &EventLog, id: &str) -> Result<Option<Payload>, LoadError> {
    let opened = log.opened_stream(Publication::TYPE, id, Sequence::START, 1).await?;
    let Some(AnyEvent::Publication(PublicationEvent::EventPublished(published))) =
        opened.first().map(|opened| &opened.recorded.event)
    else {
        return Ok(None);
    };
    let Some(data) = published.data.known() else { return Ok(None) };
    // As it was checked when it was published. What an earlier version took and this one does not is shown as nothing.
    Ok(Payload::parse(published.event_type, data).ok())
}
